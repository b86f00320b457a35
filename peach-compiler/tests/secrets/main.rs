//! `#[secret]` and `declassify`: leaks that are refused at their tokens, each beside a twin a token
//! or two away that is accepted; and what the attribute and the statement themselves refuse.

mod pairs;
mod random;
mod syntax;

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use peach_compiler::pipeline;
use proc_macro2::{LineColumn, TokenStream};
use std::str::FromStr;

/// What the compiler says of the kernels in `source`.
fn diagnose(source: &str, native: &'static Convention) -> Diagnostics {
    let tokens = TokenStream::from_str(source).expect("the test's own tokens");
    pipeline::compile(tokens, native).diagnostics
}

fn errors(diagnostics: &Diagnostics) -> Vec<&Diagnostic> {
    diagnostics.iter().filter(|d| d.severity() == Severity::Error).collect()
}

fn list(errors: &[&Diagnostic]) -> String {
    let line = |d: &&Diagnostic| {
        let (start, end) = (d.place.first.start(), d.place.last.end());
        format!("    {} at {start:?} to {end:?}: {}\n", d.code.id(), d.message)
    };
    errors.iter().map(line).collect()
}

/// A source without its marks `«…»`, and where they were.
fn unmarked(source: &str) -> (String, Vec<(LineColumn, LineColumn)>) {
    let (mut text, mut marks, mut start) = (String::new(), Vec::new(), None);
    let mut at = LineColumn { line: 1, column: 0 };
    for sign in source.chars() {
        match sign {
            '«' => start = Some(at),
            '»' => marks.push((start.take().expect("marks come in pairs"), at)),
            '\n' => {
                text.push(sign);
                at = LineColumn { line: at.line + 1, column: 0 };
            }
            sign => {
                text.push(sign);
                at.column += 1;
            }
        }
    }
    (text, marks)
}

/// Why a program is not refused with one error of `code` for each mark; empty if it is.
fn refusal(code: Code, source: &str) -> String {
    let (text, marks) = unmarked(source);
    let mut failures = String::new();
    for native in [&SYSV64, &WIN64] {
        let diagnostics = diagnose(&text, native);
        let errors = errors(&diagnostics);
        let is_as_marked = errors.len() == marks.len()
            && errors.iter().zip(&marks).all(|(d, (start, end))| {
                d.code == code && d.place.first.start() == *start && d.place.last.end() == *end
            });
        let teaches = errors.iter().all(|d| d.help.is_some());
        if !is_as_marked || !teaches || marks.is_empty() {
            failures += &format!(
                "expected {} ({}) of\n  {source}\nbut got\n{}",
                code.id(),
                native.name,
                list(&errors)
            );
        }
    }
    failures
}

/// What is said of a program that should be accepted.
fn acceptance(source: &str) -> String {
    let mut failures = String::new();
    for native in [&SYSV64, &WIN64] {
        let diagnostics = diagnose(source, native);
        let errors = errors(&diagnostics);
        if !errors.is_empty() {
            failures += &format!("{} of\n  {source}\n{}", native.name, list(&errors));
        }
    }
    failures
}
