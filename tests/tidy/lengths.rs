//! How long a source may be.
//!
//! A file has one idea, and 400 lines are room for one. Input: the sources of all crates, without
//! their folders of tests. Fails: with each file that is longer and has no row in [`LONGER`], or is
//! longer than its row says, and with each row that a file no longer needs.

use std::fs;
use std::path::{Path, PathBuf};

const LINES: usize = 400;

/// Longer files, how long they may be (their length, rounded up to a multiple of [`STEP`]), and why
/// they are. Rows only go, and their numbers only fall.
const LONGER: &[(&str, usize, &str)] = &[
    ("fuzz/src/generator.rs", 660, "one method for each kind of statement that is generated"),
    ("peach-build/src/build.rs", 420, "a builder: one documented method for each setting"),
    (
        "peach-build/src/source/find.rs",
        440,
        "one walk over tokens, with what each level of it keeps",
    ),
    (
        "peach-build/src/source/macros.rs",
        460,
        "a matcher and a transcriber that share the shape of rules",
    ),
    ("peach-cli/src/options/flags.rs", 420, "a table: every flag, once"),
    (
        "peach-compiler/src/analysis/verify/safety/memory.rs",
        460,
        "one proof: its cases, in the order they are tried",
    ),
    (
        "peach-compiler/src/emit/listings/gas.rs",
        460,
        "one assembler: how it spells all that a listing has",
    ),
    (
        "peach-compiler/src/emit/listings/nasm.rs",
        560,
        "a table: what NASM encodes otherwise, with reasons",
    ),
    (
        "peach-compiler/src/emit/listings/outline.rs",
        420,
        "one walk over a module, which names all that a listing names",
    ),
    (
        "peach-compiler/src/emit/listings/spell.rs",
        480,
        "what every assembler answers, and the spelling made of it",
    ),
    (
        "peach-compiler/src/emit/module.rs",
        480,
        "what every output reads of a module, and the checks that all of them share",
    ),
    (
        "peach-compiler/src/emit/objects/image.rs",
        440,
        "sections, symbols and relocations number each other",
    ),
    (
        "peach-compiler/src/emit/reports/c/detection.rs",
        420,
        "a table: every extension and where CPUID reports it",
    ),
    (
        "peach-compiler/src/emit/reports/c/types.rs",
        440,
        "a small grammar of types, and the table of their names",
    ),
    (
        "peach-compiler/src/encode/verify/mod.rs",
        420,
        "judges alone: one comparison for each part of an instruction",
    ),
    (
        "peach-compiler/src/expand/address.rs",
        540,
        "one normal form of sums, and every operand that leads to it",
    ),
    ("peach-compiler/src/expand/assign.rs", 440, "one method for each kind of what is assigned to"),
    (
        "peach-compiler/src/expand/compute/run.rs",
        440,
        "one evaluator: an arm and a method for each kind of code",
    ),
    ("peach-compiler/src/expand/helpers.rs", 460, "one method for each function of the language"),
    ("peach-compiler/src/expand/instruction.rs", 420, "one method for each kind of operand"),
    (
        "peach-compiler/src/expand/labels.rs",
        600,
        "one table of labels, whose scopes all its methods keep",
    ),
    ("peach-compiler/src/expand/program.rs", 480, "the order of expansion, from files to versions"),
    ("peach-compiler/src/expand/signature.rs", 440, "one method for each kind of type"),
    ("peach-compiler/src/expand/statements.rs", 500, "one method for each statement"),
    (
        "peach-compiler/src/frame/entry.rs",
        440,
        "a prologue and the epilogue that undoes it, step by step",
    ),
    (
        "peach-compiler/src/isa/effects/entry.rs",
        440,
        "a vocabulary: the terms of one table, documented one by one",
    ),
    ("peach-compiler/src/isa/effects/instruction.rs", 460, "one builder, and tests beside it"),
    (
        "peach-compiler/src/isa/encode/assemble.rs",
        500,
        "every correction of iced's encoder, in the order of the bytes",
    ),
    (
        "peach-compiler/src/isa/forms/arrangements.rs",
        440,
        "every exception between rows and forms, with its source",
    ),
    (
        "peach-compiler/src/isa/registers.rs",
        460,
        "a vocabulary: banks, classes and lanes, and tests beside it",
    ),
    (
        "peach-compiler/src/regalloc/failure.rs",
        420,
        "one message, found by narrowing down the conflict",
    ),
    (
        "peach-compiler/src/regalloc/propagation.rs",
        460,
        "one search state, whose invariants all its methods keep",
    ),
    (
        "peach-compiler/src/regalloc/spill.rs",
        460,
        "one rewriter: a method for each kind of instruction",
    ),
    (
        "peach-compiler/src/sandbox/validate.rs",
        520,
        "judges alone: it may share nothing with what it judges",
    ),
    ("peach-compiler/src/syntax/expressions.rs", 440, "a grammar: one function for each rule"),
    ("peach-compiler/src/syntax/statements.rs", 440, "a grammar: one function for each rule"),
    ("peach-compiler/src/syntax/types.rs", 440, "a grammar: one function for each rule"),
    ("peach-kernels/src/bp128.rs", 500, "kernels for every width, made by macros"),
    (
        "peach-kernels/src/stadtx.rs",
        420,
        "the kernel and the plain version that it is compared with",
    ),
    ("peach-kernels/src/versions.rs", 440, "a list: every kernel, with its plain version"),
    (
        "peach-runtime/src/cpu.rs",
        460,
        "a table: every extension and where the processor reports it",
    ),
    (
        "peach-runtime/src/kernel.rs",
        520,
        "the records that macros write, and every access to them, unsafe",
    ),
];

const STEP: usize = 20;

#[test]
fn files_are_short() {
    let lengths = lengths();
    assert!(lengths.len() > 300, "the sources were not found");
    let complaints: Vec<String> =
        lengths.iter().filter_map(|(path, lines)| complaint(path, *lines)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn each_longer_file_exists() {
    for (path, _, _) in LONGER {
        assert!(root().join(path).exists(), "{path} is gone: remove its row");
    }
}

/// What is wrong with a file of so many lines.
fn complaint(path: &str, lines: usize) -> Option<String> {
    match LONGER.iter().find(|(longer, _, _)| *longer == path) {
        None => (lines > LINES).then(|| format!("{path}: {lines} lines, split it by its ideas")),
        Some(_) if lines <= LINES => Some(format!("{path}: {lines} lines, remove its row")),
        Some((_, most, _)) if lines > *most => {
            Some(format!("{path}: {lines} lines, {most} allowed: split it by its ideas"))
        }
        Some((_, most, _)) if lines + STEP <= *most => {
            Some(format!("{path}: {lines} lines, lower its number from {most}"))
        }
        Some(_) => None,
    }
}

/// The sources, relative to the repository, with their numbers of lines.
fn lengths() -> Vec<(String, usize)> {
    let is_source = |path: &PathBuf| path.iter().any(|part| part == "src");
    let in_tests = |path: &PathBuf| path.iter().any(|part| part == "tests");
    let found = peach_testing::sources::files(root(), "rs").into_iter();
    let relative =
        found.map(|path| path.strip_prefix(root()).expect("below the root").to_path_buf());
    let length = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("the file can be read");
        (path.to_string_lossy().into_owned(), text.lines().count())
    };
    relative.filter(|path| is_source(path) && !in_tests(path)).map(length).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rule finds what it looks for.
#[test]
fn what_is_too_long_is_found() {
    let (longer, most, _) = LONGER[0];
    assert_eq!(complaint("a.rs", LINES), None);
    assert!(complaint("a.rs", LINES + 1).is_some_and(|text| text.contains("split it")));
    assert_eq!(complaint(longer, most), None);
    assert!(complaint(longer, most + 1).is_some_and(|text| text.contains("allowed")));
    assert!(complaint(longer, most - STEP).is_some_and(|text| text.contains("lower")));
    assert!(complaint(longer, LINES).is_some_and(|text| text.contains("remove")));
}
