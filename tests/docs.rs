//! Examples in the documentation: all are compiled, and of those that must not compile, what is said of
//! them.
//!
//! A block that is marked `compile_fail` names its errors in comments, `// E0201: …`, each in the
//! line that causes it. rustdoc only asks whether something is wrong; here every error must be the
//! one that the line names, and each that is named must be reported, all in one build.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Severity;
use peach_compiler::pipeline;
use peach_testing::documents::{self, Block, blocks};
use peach_testing::sources;
use proc_macro2::{TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// Pages whose Rust rustdoc tests, and the crate that has them tested.
const TESTED: [(&str, &str); 8] = [
    ("docs/coming-from.md", "peach-runtime"),
    ("docs/guide.md", "peach-runtime"),
    ("docs/reference.md", "peach-runtime"),
    ("docs/testing.md", "peach-test"),
    ("peach-build/README.md", "peach-build"),
    ("peach-kernels/README.md", "peach-kernels"),
    ("peach-runtime/README.md", "peach-runtime"),
    ("peach-test/README.md", "peach-test"),
];

/// Blocks of Rust that rustdoc does not compile: the file, how many, who does or why nobody can.
const OTHERS: [(&str, usize, &str); 6] = [
    ("ARCHITECTURE.md", 1, "rows of a table in the compiler"),
    ("README.md", 1, "tests/packages/users.rs"),
    ("docs/coming-from.md", 1, "dynasm-rs's language, next to peach's"),
    ("docs/command.md", 2, "tests/packages/users.rs"),
    ("docs/tour.md", 1, "tests/filetests/tour.rs"),
    ("peach-build/src/build.rs", 1, "docs/command.md has the same"),
];

#[test]
fn every_example_is_compiled() {
    let root = sources::root();
    for (page, tester) in TESTED {
        let library = std::fs::read_to_string(root.join(tester).join("src/lib.rs")).unwrap();
        let own = page.strip_prefix(&format!("{tester}/")).unwrap_or(page);
        assert!(library.contains(&format!("include_str!(\"../{own}\")")), "{tester}: {page}");
    }
    let mut found = Vec::new();
    for path in documents::documents().into_iter().chain(sources::files(root, "rs")) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let name = documents::name(&path);
        let is_tested = name.ends_with(".rs") || TESTED.iter().any(|(page, _)| *page == name);
        let is_left = |block: &&Block| match is_tested {
            true => block.language.contains("ignore"),
            false => block.language.starts_with("rust"),
        };
        let text = if name.ends_with(".rs") { comments(&text) } else { text };
        let count = blocks(&text).iter().filter(is_left).count();
        found.extend((count > 0).then_some((name, count)));
    }
    found.sort();
    let others = OTHERS.map(|(name, count, _)| (name.to_string(), count));
    assert_eq!(found, others, "found are the first, in the list are the second");
}

/// The comments of a source that are documentation.
fn comments(source: &str) -> String {
    let is_comment =
        |line: &&str| ["///", "//!"].iter().any(|it| line.trim_start().starts_with(it));
    source.lines().filter(is_comment).flat_map(|line| [line, "\n"]).collect()
}

/// A line of a block, counted from 1, and the code of an error.
type Told = (usize, String);

#[test]
fn examples_of_errors_say_what_is_reported() {
    let mut blocks = 0;
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("readable");
        for block in refused_blocks(&text) {
            let place = format!("{}:{}", path.display(), block.line);
            let named = named(&block.text);
            assert!(!named.is_empty(), "{place}: no line names its error, as in `// E0201: …`");
            assert_eq!(
                named,
                reported(&block.text),
                "{place}: named are the first, reported the second"
            );
            blocks += 1;
        }
    }
    assert!(blocks >= 3, "only {blocks} blocks are marked `compile_fail`");
}

/// The Markdown files, and the sources whose comments are documentation.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    let folders = ["docs", "peach-runtime/src", "peach-macros/src", "peach-build/src"];
    for folder in folders.map(|folder| root.join(folder)) {
        let files = std::fs::read_dir(folder).expect("a folder");
        let paths = files.map(|file| file.expect("a file").path());
        let is_text = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "md" || extension == "rs")
        };
        found.extend(paths.filter(|path| path.is_file() && is_text(path)));
    }
    found.sort();
    found
}

/// The blocks of code that must not compile.
fn refused_blocks(text: &str) -> Vec<Block> {
    let is_refused = |block: &Block| block.language.contains("compile_fail");
    blocks(text).into_iter().filter(is_refused).collect()
}

/// The errors that comments name.
fn named(block: &str) -> Vec<Told> {
    let codes = block.lines().enumerate().flat_map(|(index, line)| {
        let comment = line.split_once("//").map_or("", |(_, comment)| comment);
        let words = comment.split(|sign: char| !sign.is_alphanumeric());
        words.filter(|word| is_code(word)).map(move |word| (index + 1, word.to_string()))
    });
    codes.collect()
}

fn is_code(word: &str) -> bool {
    let digits = word.strip_prefix('E').unwrap_or_default();
    digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// The errors that the compiler reports of the kernels in a block.
fn reported(block: &str) -> Vec<Told> {
    let mut kernels = Vec::new();
    invocations(block.parse().expect("tokens"), &mut kernels);
    let mut told: Vec<Told> = kernels
        .into_iter()
        .flat_map(|kernels| {
            let compilation = pipeline::compile(kernels, &SYSV64);
            let errors = compilation.diagnostics.iter();
            errors
                .filter(|error| error.severity() == Severity::Error)
                .map(|error| (error.place.first.start().line, error.code.id().to_string()))
                .collect::<Vec<_>>()
        })
        .collect();
    told.sort();
    told
}

/// The content of each `peach_fn!`.
fn invocations(tokens: TokenStream, found: &mut Vec<TokenStream>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is_kernels = index >= 2 && tokens[index - 2].to_string() == "peach_fn";
        if is_kernels {
            found.push(group.stream());
        } else {
            invocations(group.stream(), found);
        }
    }
}
