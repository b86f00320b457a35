//! Each `unsafe` of a kernel has a comment that says why the proof cannot be had.
//!
//! In: the kernels of the repository, but for programs that are there to be refused and those inside
//! of strings. A comment counts that ends the line or stands on the lines above, attributes and
//! documentation left out: those tell callers what they owe, not why nobody can prove it. A file that
//! gives clippy a reason for having none (`undocumented_unsafe_blocks`) gives it here, too.

use peach_testing::sources;
use proc_macro2::{TokenStream, TokenTree};
use std::path::PathBuf;

#[test]
fn what_is_unsafe_says_why() {
    let (mut silent, mut count) = (Vec::new(), 0);
    for path in files() {
        for text in sources::texts(&path) {
            if text.contains("#![expect(clippy::undocumented_unsafe_blocks, reason =") {
                continue;
            }
            let lines: Vec<&str> = text.lines().collect();
            for line in sources::written(&path, &text).into_iter().flat_map(unsafe_lines) {
                count += 1;
                if !is_commented(&lines, line) {
                    silent.push(format!("{}: {}", path.display(), lines[line - 1].trim()));
                }
            }
        }
    }
    assert!(count > 30, "only {count} were found");
    assert!(silent.is_empty(), "why is it not proven?\n{}", silent.join("\n"));
}

fn files() -> Vec<PathBuf> {
    let mut files = sources::files(sources::root(), "rs");
    files.extend(sources::files(&sources::root().join("docs"), "md"));
    files.push(sources::root().join("README.md"));
    for folder in ["examples", "tests/accepted", "tests/files"] {
        files.extend(sources::files(&sources::root().join(folder), "peach"));
    }
    files
}

/// The lines, from 1, of `unsafe` before a block, a function or its convention.
fn unsafe_lines(tokens: TokenStream) -> Vec<usize> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            found.extend(unsafe_lines(group.stream()));
        }
        found.extend(sources::is_unsafe(&tokens, at).then(|| token.span().start().line));
    }
    found
}

/// Whether a comment ends line `number`, or is above it.
fn is_commented(lines: &[&str], number: usize) -> bool {
    let is_comment = |text: &str| text.starts_with("//") && !text.starts_with("///");
    let ends = lines[number - 1].find("//").is_some_and(|at| is_comment(&lines[number - 1][at..]));
    let above = lines[..number - 1].iter().rev().map(|line| line.trim_start());
    let mut above = above.skip_while(|line| line.starts_with("///") || line.starts_with("#["));
    ends || above.next().is_some_and(is_comment)
}

#[test]
fn silence_is_found() {
    let source = "fn f() {\n// because\nunsafe { nop; }\nunsafe { nop; }\nunsafe { nop; } // so\n}\n\
                  // why\n/// What.\n#[a]\npub unsafe fn g() {}\n/// What.\nunsafe extern \"C\" fn h() {}";
    let lines: Vec<&str> = source.lines().collect();
    let found = unsafe_lines(source.parse().expect("tokens"));
    assert_eq!(found, [3, 4, 5, 10, 12]);
    let silent: Vec<usize> =
        found.into_iter().filter(|line| !is_commented(&lines, *line)).collect();
    assert_eq!(silent, [4, 12]);
}
