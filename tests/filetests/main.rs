//! Accepted programs with what a step of the compiler makes of them, and the tour through all
//! steps.
//!
//! Each file in `tests/files/STEP/` is a bare kernel file. The comment lines at its end that begin
//! with `//|` hold what `--print-after=STEP` prints; a first line `// abi: win64` chooses another
//! convention than System V's. `docs/tour.md` holds the same dumps of one kernel, each in the block
//! of text after a comment `<!-- after STEP -->`.
//!
//! `PEACH_BLESS=1 cargo test --test filetests` writes what was printed; read the difference before
//! it is committed.

mod tour;

use peach_compiler::abi::{self, Convention};
use peach_compiler::emit::dump::Dump;
use peach_compiler::pipeline::{Step, compile_observed};
use std::path::{Path, PathBuf};

/// What begins a line of the expected dump.
const MARK: &str = "//|";

#[test]
fn steps_make_what_the_files_say() {
    let mut failures = Vec::new();
    for step in Step::ALL {
        for path in programs(step.name()) {
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let source = source_of(&text);
            let found = format!("{source}{}", marked(&dump(&source, &[*step])));
            if found == text {
                continue;
            }
            match std::env::var_os("PEACH_BLESS") {
                Some(_) => std::fs::write(&path, found).expect("the file can be written"),
                None => failures.push(format!("{}:\n{found}", path.display())),
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{}\n\nIf the new dumps are right: PEACH_BLESS=1 cargo test --test filetests",
        failures.join("\n")
    );
}

/// A folder that is not named after a step would never be read.
#[test]
fn folders_are_called_after_steps() {
    let entries = std::fs::read_dir(folder()).expect("the folder is there");
    for entry in entries {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a name in UTF-8");
        assert!(Step::parse(name).is_some(), "tests/files/{name}: there is no such step");
        assert!(!programs(name).is_empty(), "tests/files/{name} is empty");
    }
}

/// What the compiler prints after `steps`; the programs here are accepted.
fn dump(source: &str, steps: &[Step]) -> String {
    let mut dump = Dump::after(steps);
    let tokens = source.parse().expect("the program's tokens are Rust's");
    let compilation = compile_observed(tokens, convention(source), &mut dump);
    let told: Vec<_> = compilation.diagnostics.iter().collect();
    assert!(told.is_empty(), "{source}\n{told:#?}");
    dump.text().to_string()
}

fn convention(source: &str) -> &'static Convention {
    let named = source.lines().next().and_then(|line| line.strip_prefix("// abi: "));
    named.map_or(&abi::SYSV64, |name| Convention::parse(name).expect("there is such a convention"))
}

/// The file without what it expects.
fn source_of(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with(MARK));
    lines.map(|line| format!("{line}\n")).collect()
}

fn marked(dump: &str) -> String {
    let line = |line: &str| format!("{MARK} {line}").trim_end().to_string() + "\n";
    dump.trim_end().lines().map(line).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

/// The programs of a step, by name.
fn programs(step: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder().join(step)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
