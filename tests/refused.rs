//! Programs that must be rejected, and the messages for them.
//!
//! Each file in `tests/refused/*/` is a bare kernel file, in a directory of a convention's name for
//! it, or in `inlined` for code that stands in Rust callers. A comment whose first sign is `^` marks the tokens above it that are offending; what follows
//! is the text of the message, and the lines of comment right below are its further lines:
//!
//! ```text
//!     movz eax, 1;
//! //  ^^^^ no instruction is called `movz` [E0201]
//! //    = help: did you mean `movzx`?
//! ```
//!
//! Tokens in the first two columns, which the comment's own signs hide, are marked `//<^`.
//!
//! The messages for a file must be exactly its marks. `PEACH_BLESS=1 cargo test --test refused`
//! writes the marks anew; read the difference before it is committed.

use peach_compiler::abi::{self, Convention};
use peach_compiler::diagnostics::frame::Palette;
use peach_compiler::diagnostics::{Code, Diagnostic, Severity, frame, render};
use peach_compiler::pipeline::{self, Compilation, Target};
use peach_testing::Random;
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};

/// Codes that no source text can bring about, each with the reason.
const NOT_OF_SOURCE: &[(Code, &str)] = &[
    (Code::Internal, "it is a bug in the compiler"),
    (Code::TooLarge, "it takes a very large program: tests/growth.rs shows it"),
    (Code::UnsupportedTarget, "it depends on the target, and is raised by the generated items"),
    (Code::WrongProcessor, "it depends on the processor that the command is told"),
    (Code::DuplicateSymbol, "symbols are those of object files and listings"),
    (Code::MissingFile, "files are included by the command alone"),
    (Code::NeedsStd, "it depends on the runtime's features; tests/no_std.rs shows it"),
    (Code::ForeignConvention, "it depends on the convention that the command is told"),
    (Code::NotOutsideRust, "inside Rust it is accepted; tests/jit.rs shows it"),
];

#[test]
fn refused_programs_say_why() {
    let mut failures = Vec::new();
    for path in programs() {
        let source = std::fs::read_to_string(&path).expect("the program can be read");
        let found = marked(&path, &source);
        if found == source {
            continue;
        }
        if std::env::var_os("PEACH_BLESS").is_some() {
            // Lines that messages name move with the marks, so it is done until nothing changes.
            let settled = (0..4).fold(found, |text, _| marked(&path, &text));
            std::fs::write(&path, settled).expect("the program can be written");
        } else {
            failures.push(format!("{}\n{}", path.display(), difference(&source, &found)));
        }
    }
    assert!(
        failures.is_empty(),
        "{}\n\nIf the new messages are right: PEACH_BLESS=1 cargo test --test refused",
        failures.join("\n")
    );
}

/// Programs close to the rejected ones, which are correct and get no message.
#[test]
fn accepted_programs_are_told_nothing() {
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accepted")) {
        let source = std::fs::read_to_string(&path).expect("the program can be read");
        let compilation = compile(&source, &abi::SYSV64);
        let told: Vec<String> = compilation
            .diagnostics
            .iter()
            .map(|d| frame::frame(d, &path.display().to_string(), &source, Palette::Plain))
            .collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
        assert!(compilation.kernels.iter().all(|kernel| !kernel.versions.is_empty()));
    }
}

#[test]
fn every_code_has_a_program() {
    let all: String = programs()
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("the program can be read"))
        .collect();
    for code in Code::ALL {
        let is_excused = NOT_OF_SOURCE.iter().any(|(excused, _)| excused == code);
        let has_program = all.contains(&format!(" [{}]", code.id()));
        assert!(has_program != is_excused, "{}: {}", code.id(), code.title());
    }
}

/// `docs/errors.md` is made of the table of codes and of the programs here.
#[test]
fn the_index_of_errors_agrees() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let page = errors_page();
    if std::env::var_os("PEACH_BLESS").is_some() {
        std::fs::write(&path, page).expect("the page can be written");
    } else {
        let written = std::fs::read_to_string(&path).expect("the page can be read");
        assert!(written == page, "PEACH_BLESS=1 cargo test --test refused writes it anew");
    }
}

fn errors_page() -> String {
    let sources: Vec<String> = programs()
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("the program can be read"))
        .collect();
    let mut page = String::from(
        "# Index of errors and warnings\n\n\
         Every message ends with its code. Each is listed here with its meaning and an example that\n\
         triggers it, with the offending tokens marked. (Generated from the compiler's table of codes and from\n\
         its tests.)\n",
    );
    for &code in Code::ALL {
        page += &format!("\n## {}: {}\n\n{}\n", code.id(), code.title(), code.explanation());
        let examples: Vec<String> =
            sources.iter().flat_map(|source| examples(source, code)).collect();
        // A line with a single message is the clearest.
        let is_single =
            |text: &&String| text.matches(" [E").count() + text.matches(" [W").count() == 1;
        let example = examples.iter().find(is_single).or(examples.first());
        match NOT_OF_SOURCE.iter().find(|(excused, _)| *excused == code) {
            Some((_, why)) => page += &format!("\nNo program shows it: {why}.\n"),
            None => page += &format!("\n```text\n{}```\n", example.expect("every code has one")),
        }
    }
    page
}

/// The lines of `source` with a message of `code`, each with all its messages.
fn examples(source: &str, code: Code) -> Vec<String> {
    let lines: Vec<&str> = source.lines().collect();
    let id = format!(" [{}]", code.id());
    let block = |mark: usize| -> Option<String> {
        let first = lines[..=mark].iter().rposition(|line| starts_mark(line))?;
        let above = lines[..first].iter().rposition(|line| !line.starts_with("//"))?;
        let told = lines[above + 1..].iter().take_while(|line| line.starts_with("//"));
        let all = std::iter::once(&lines[above]).chain(told);
        Some(all.map(|line| format!("{}\n", line.trim_end())).collect())
    };
    let marks =
        (0..lines.len()).filter(|&at| lines[at].starts_with("//") && lines[at].contains(&id));
    marks.filter_map(block).collect()
}

#[test]
fn a_kernel_in_error_keeps_its_item() {
    let source = "fn good() -> u32 { return 1; }
        pub fn bad(x: u64) -> u64 { mov @; return x; }
        pub fn worse(x: Vec<u8>) -> u64 { return x; }
        fn worst<T>(x: T) { nop; }";
    let compilation = compile(source, &abi::SYSV64);
    let items = peach_compiler::emit::rust::items(&compilation, Default::default()).to_string();
    for head in [
        "fn good () ->",
        "pub fn bad (x :",
        "pub fn worse (x : Vec < u8 >) ->",
        "fn worst < T > (x : T)",
    ] {
        // Primitive types are written so that the module around cannot redirect them.
        let items = squeeze(&items).replace("::peach_runtime::__private::core::primitive::", "");
        assert!(items.contains(&squeeze(head)), "{head} is not in {items}");
    }
    assert_eq!(compilation.diagnostics.error_count(), 3, "one each: {items}");
}

/// Programs with tokens removed, doubled or swapped: whatever the messages, the compiler does not
/// panic.
#[test]
fn damaged_programs_do_not_make_the_compiler_panic() {
    let accepted = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accepted"));
    let mut random = Random::new(0);
    for path in programs().iter().chain(&accepted) {
        let source = std::fs::read_to_string(path).expect("the program can be read");
        // Expansion without end takes its time, and one test of it is enough.
        if source.contains("while i < 1") {
            continue;
        }
        let kernels: Vec<&str> = source.split("\n\n").collect();
        for kernel in kernels {
            let words: Vec<&str> = kernel
                .lines()
                .filter(|line| !line.starts_with("//"))
                .flat_map(|line| line.split_inclusive([' ', ',', ';', '[', ']', '{', '}', '.']))
                .collect();
            if words.is_empty() {
                continue;
            }
            for _ in 0..4 {
                let mut damaged = words.clone();
                let (at, from) = (random.below(words.len()), random.below(words.len()));
                match random.below(3) {
                    0 => drop(damaged.remove(at)),
                    1 => damaged.insert(at, words[from]),
                    _ => damaged[at] = words[from],
                }
                let text = damaged.concat();
                let Ok(tokens) = text.parse::<TokenStream>() else { continue };
                let outcome = std::panic::catch_unwind(|| pipeline::compile(tokens, &abi::SYSV64));
                let compilation = outcome.unwrap_or_else(|_| panic!("{text}"));
                let bug = compilation.diagnostics.iter().find(|d| d.code == Code::Internal);
                assert!(bug.is_none(), "{text}\n{bug:?}");
            }
        }
    }
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|ch| !ch.is_whitespace()).collect()
}

fn programs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    files(&root).iter().flat_map(|stage| files(stage)).collect()
}

/// What is in a directory, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn compile(source: &str, target: impl Into<Target>) -> Compilation {
    let tokens: TokenStream = source.parse().expect("the program's tokens are Rust's");
    pipeline::compile(tokens, target)
}

/// The convention that a program's directory is called after; System V's otherwise. Callers that
/// code can stand in are Rust's.
fn target(path: &Path) -> Target {
    let directory = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match directory {
        Some("inlined") => Target::in_rust(&abi::SYSV64),
        name => Target::from(name.and_then(Convention::parse).unwrap_or(&abi::SYSV64)),
    }
}

/// The source with the marks that belong in it.
fn marked(path: &Path, source: &str) -> String {
    let compilation = std::panic::catch_unwind(|| compile(source, target(path)))
        .unwrap_or_else(|_| panic!("{}: the compiler panics", path.display()));
    let mut told: Vec<&Diagnostic> = compilation.diagnostics.iter().collect();
    told.sort_by_key(|d| (d.place.first.start().line, d.place.first.start().column));
    let mut out = String::new();
    let mut is_mark = false;
    for (index, line) in source.lines().enumerate() {
        is_mark = starts_mark(line) || is_mark && line.starts_with("//   ");
        if !is_mark {
            out.push_str(line);
            out.push('\n');
        }
        for diagnostic in told.iter().filter(|d| d.place.first.start().line == index + 1) {
            out.push_str(&mark(diagnostic, line));
        }
    }
    out
}

fn starts_mark(line: &str) -> bool {
    line.strip_prefix("//").is_some_and(|rest| rest.trim_start().starts_with(['^', '<']))
}

fn mark(diagnostic: &Diagnostic, line: &str) -> String {
    let (start, end) = (diagnostic.place.first.start(), diagnostic.place.last.end());
    let end = if end.line == start.line { end.column } else { line.trim_end().chars().count() };
    let carets = "^".repeat(end.saturating_sub(start.column).max(1));
    let kind = match diagnostic.severity() {
        Severity::Error => "",
        Severity::Warning => "warning: ",
    };
    let text = render::text(diagnostic).replace('\n', "\n//  ");
    match start.column.checked_sub(2) {
        Some(blanks) => format!("//{}{carets} {kind}{text}\n", " ".repeat(blanks)),
        None => format!("//<{carets} {kind}{text}\n"),
    }
}

/// The lines of two texts that differ, those before and after them left out.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let show = |lines: &[&str], sign: &str| -> String {
        lines[same..lines.len() - tail].iter().map(|line| format!("{sign} {line}\n")).collect()
    };
    format!("line {}:\n{}{}", same + 1, show(&old, "-"), show(&new, "+"))
}
