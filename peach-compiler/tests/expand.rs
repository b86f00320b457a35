//! Expansion: constructs of the language against the instructions that they stand for, and refused
//! programs against the code and the place of their errors.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Diagnostic, Diagnostics};
use peach_compiler::expand::{Program, expand};
use peach_compiler::syntax;
use proc_macro2::TokenStream;

/// The expansion of a program.
fn program(source: &str) -> (Program, Diagnostics) {
    let tokens: TokenStream = source.parse().expect("tokens");
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    let program = expand(&file, &SYSV64, &mut diagnostics);
    (program, diagnostics)
}

/// A message as `CODE line:column-line:column message`.
fn render(diagnostic: &Diagnostic) -> String {
    let (start, end) = (diagnostic.place.first.start(), diagnostic.place.last.end());
    let mut text = format!(
        "{} {}:{}-{}:{} {}",
        diagnostic.code.id(),
        start.line,
        start.column,
        end.line,
        end.column,
        diagnostic.message
    );
    for note in &diagnostic.notes {
        text += &format!(" | {note}");
    }
    if let Some(help) = &diagnostic.help {
        text += &format!(" | help: {help}");
    }
    text
}

/// The instructions of the only kernel of `source`, one a line, without the lines before them.
fn instructions(source: &str) -> String {
    let (program, diagnostics) = program(source);
    let messages: Vec<String> = diagnostics.iter().map(render).collect();
    assert!(!diagnostics.has_errors(), "{source}\n{}", messages.join("\n"));
    let versions: Vec<String> = program
        .kernels
        .iter()
        .flat_map(|group| &group.versions)
        .map(|version| version.function.to_string())
        .collect();
    versions.concat()
}

/// Asserts that a body of a `pub unsafe fn f(p: *mut u8, n: u64)` expands to these lines.
#[track_caller]
fn check(body: &str, expected: &str) {
    check_program(&format!("pub fn f(p: *mut u8, n: u64) {{ {body} }}"), expected);
}

/// Asserts that the dump of a program's functions holds these lines, in order, as its last ones.
#[track_caller]
fn check_program(source: &str, expected: &str) {
    let dump = instructions(source);
    let clean = |text: &str| -> Vec<String> {
        text.lines().map(|l| l.trim().to_string()).filter(|l| !l.is_empty()).collect()
    };
    let (found, wanted) = (clean(&dump), clean(expected));
    assert!(found.ends_with(&wanted), "{source}\n--- found\n{dump}--- expected\n{expected}");
}

#[test]
fn smoke() {
    check(
        "let v: xmm; movups v, [p]; addps v, xmm3; movups [p + 16], v;",
        "movups v%2, [p%0]
         addps v%2, xmm3
         movups [p%0 + 16], v%2
         return",
    );
}
