//! Examples in the documentation that must not compile: what is said of them.
//!
//! A block that is marked `compile_fail` names its errors in comments, `// E0201: …`, each in the
//! line that causes it. rustdoc only asks whether something is wrong; here every error must be the
//! one that the line names, and each that is named must be reported, all in one build.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Severity;
use peach_compiler::pipeline;
use proc_macro2::{TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// A line of a block, counted from 1, and the code of an error.
type Told = (usize, String);

#[test]
fn examples_of_errors_say_what_is_reported() {
    let mut blocks = 0;
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("readable");
        for (line, block) in refused_blocks(&text) {
            let place = format!("{}:{line}", path.display());
            let named = named(&block);
            assert!(!named.is_empty(), "{place}: no line names its error, as in `// E0201: …`");
            assert_eq!(
                named,
                reported(&block),
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

/// The blocks of code that must not compile, with the lines that they start at.
fn refused_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if !(line.contains("```") && line.contains("compile_fail")) {
            continue;
        }
        // In comments of a source, each line starts with the comment's signs.
        let signs = line.split("```").next().unwrap_or_default();
        let block = lines
            .by_ref()
            .map(|(_, line)| line.strip_prefix(signs).unwrap_or(line))
            .take_while(|line| !line.starts_with("```"))
            .fold(String::new(), |block, line| block + line + "\n");
        blocks.push((number + 1, block));
    }
    blocks
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
