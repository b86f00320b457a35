//! The words, the width and the layers of the sources.
//!
//! Input: the files of the repository. Fails: with every line that breaks a rule of CONTRIBUTING.md
//! or of ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

/// British spellings, and words that translate another language; CONTRIBUTING.md has the others.
const WORDS: &[&str] = &[
    "analyse ",
    "analysed",
    "behaviour",
    "catalogue",
    "colour",
    "favourite",
    "initialis",
    "labelled",
    "misspelt",
    "neighbour",
    "normalis",
    "optimise",
    "optimisation",
    "organis",
    "parenthesise",
    "recognis",
    "serialis",
    "guilty token",
];

/// Lines that may have one of [`WORDS`]: a misspelled flag in a test, and what Valgrind says.
const QUOTED: &[&str] = &["--colour=never", "uninitialised value"];

/// Where iced-x86 may be named outside of `isa`: both are there to be independent of it.
const DECODERS: &[&str] =
    &["peach-compiler/src/encode/verify/mod.rs", "peach-compiler/src/sandbox/validate.rs"];

const COLUMNS: usize = 100;

#[test]
fn lines_fit_the_page() {
    check(&sources(), |_, line| {
        let is_table = ["//! |", "/// |"].iter().any(|start| line.trim_start().starts_with(start));
        (line.chars().count() > COLUMNS && !is_table).then_some("more than 100 columns")
    });
}

#[test]
fn messages_are_idiomatic() {
    check(&sources(), |_, line| {
        let code = line.split("//").next().unwrap_or_default();
        let is_translated = ["is no ", "are no "].iter().any(|words| {
            code.match_indices(words).any(|(at, _)| !code[..at].to_lowercase().ends_with("there "))
        });
        (is_translated && code.contains('"')).then_some("\"is no\": write \"is not a\"")
    });
}

#[test]
fn spelling_is_american() {
    let mut files = rust_files("");
    files.extend(files_in("docs", "md"));
    files.extend(["README.md", "ARCHITECTURE.md"].map(PathBuf::from));
    files.retain(|file| file != Path::new("tests/tidy/words.rs"));
    check(&files, |_, line| {
        let line = line.to_lowercase();
        let is_quoted = QUOTED.iter().any(|quoted| line.contains(&quoted.to_lowercase()));
        WORDS.iter().find(|word| line.contains(**word)).filter(|_| !is_quoted).copied()
    });
}

#[test]
fn layers_stay_apart() {
    check(&sources(), |file, line| {
        let name = file.to_string_lossy();
        let may_decode = name.contains("peach-compiler/src/isa/") || DECODERS.contains(&&*name);
        if line.contains("iced_x86") && !may_decode {
            return Some("iced-x86 outside of `isa`");
        }
        line.contains("super::super::super::")
            .then_some("a path up three modules: start at `crate`")
    });
}

/// Paths in backticks, and the targets of links.
#[test]
fn documents_name_what_exists() {
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "tests/README.md"] {
        let text = fs::read_to_string(root().join(document)).expect("the document can be read");
        let quoted = text.split('`').skip(1).step_by(2).filter(|words| is_path(words));
        let linked = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|x| x.0);
        for path in quoted.chain(linked.filter(|target| !target.contains("://"))) {
            missing.extend(alternatives(path).into_iter().filter(|path| !exists(path)));
        }
    }
    assert!(missing.is_empty(), "no such files: {missing:#?}");
}

/// `regalloc/{costs,clean}`: two paths; of `tests/refused/*/*.peach`, what is before the first `*`; a
/// link without its anchor.
fn alternatives(path: &str) -> Vec<String> {
    let path = path.split(['*', '#']).next().unwrap_or_default().trim_end_matches('/');
    let path = path.split("/STEP").next().unwrap_or_default();
    match path.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?))) {
        Some((start, (names, end))) => {
            names.split(',').map(|name| format!("{start}{name}{end}")).collect()
        }
        None => vec![path.to_string()],
    }
}

fn is_path(words: &str) -> bool {
    let is_file = words.ends_with(".rs") || words.ends_with(".md");
    (words.contains('/') || is_file) && !words.contains(' ') && !words.contains("::")
}

/// A file, folder or module of the repository, or of a crate that the document speaks of.
fn exists(path: &str) -> bool {
    let places = ["", "peach-compiler/src", "peach-runtime/src"].map(|place| root().join(place));
    places.iter().any(|place| {
        let plain = place.join(path);
        plain.exists() || plain.with_extension("rs").exists()
    })
}

/// Applies `rule` to every line, and lists those that break it.
fn check<'r>(files: &[PathBuf], rule: impl Fn(&Path, &str) -> Option<&'r str>) {
    assert!(files.len() > 100, "the sources were not found");
    let mut broken = Vec::new();
    for file in files {
        let text = fs::read_to_string(root().join(file)).expect("the file can be read");
        for (number, line) in text.lines().enumerate() {
            if let Some(why) = rule(file, line) {
                broken.push(format!("{}:{}: {why}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{} lines:\n{}", broken.len(), broken.join("\n"));
}

/// The sources of the crates, without tests.
fn sources() -> Vec<PathBuf> {
    let mut files = rust_files("");
    files.retain(|file| file.iter().nth(1).is_some_and(|folder| folder == "src"));
    files
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    files_in(folder, "rs")
}

/// The files below `folder` whose names end in `extension`, relative to the repository.
fn files_in(folder: &str, extension: &str) -> Vec<PathBuf> {
    let found = peach_testing::sources::files(&root().join(folder), extension);
    let relative = |path: PathBuf| path.strip_prefix(root()).expect("below the root").to_path_buf();
    found.into_iter().map(relative).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
