//! The documents of the repository: their blocks of code, and the commands that they show.

use crate::sources;
use std::path::{Path, PathBuf};

/// A block of code between fences.
#[derive(Debug)]
pub struct Block {
    /// What follows the opening fence: `sh`, `rust,ignore`, nothing.
    pub language: String,
    /// The line that the content starts at, counted from 1.
    pub line: usize,
    /// The lines between the fences.
    pub text: String,
}

/// Every Markdown file, in order.
pub fn documents() -> Vec<PathBuf> {
    sources::files(sources::root(), "md")
}

/// The name of a file in the repository.
pub fn name(path: &Path) -> String {
    path.strip_prefix(sources::root()).unwrap_or(path).display().to_string()
}

/// The blocks of a document, or of the comments of a source. What precedes the opening fence (white
/// space, signs of a comment) is cut off the lines of the block.
///
/// # Panics
/// If a block has no end.
pub fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut open): (Vec<Block>, Option<(Block, &str)>) = (Vec::new(), None);
    for (index, line) in text.lines().enumerate() {
        let fence =
            line.split_once("```").filter(|(signs, _)| !signs.contains(char::is_alphabetic));
        match (&mut open, fence) {
            (None, Some((signs, language))) => {
                let language = language.trim().to_string();
                open = Some((Block { language, line: index + 2, text: String::new() }, signs));
            }
            (None, None) => {}
            (Some((block, signs)), None) => {
                block.text.extend([line.strip_prefix(*signs).unwrap_or(line), "\n"]);
            }
            (Some(_), Some(_)) => found.extend(open.take().map(|(block, _)| block)),
        }
    }
    assert!(open.is_none(), "a block of code has no end: {open:?}");
    found
}

/// The lines of a block of `sh`, without comments; lines that end in `\` are one with the next.
pub fn commands(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default());
    lines.map(one_line).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What is between backticks in a document's text, in one line each: `` `cargo test` ``.
pub fn spans(document: &str) -> Vec<String> {
    let (mut text, mut is_code) = (String::new(), false);
    for line in document.lines() {
        match line.trim_start().starts_with("```") {
            true => is_code = !is_code,
            false if is_code => {}
            false => text.extend([line, "\n"]),
        }
    }
    // A span ends in its paragraph: one backtick too many does not turn text and code around.
    text.split("\n\n").flat_map(quoted).map(one_line).collect()
}

fn quoted(paragraph: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<&str> = paragraph.split('`').collect();
    let closed = parts.len().saturating_sub(1);
    parts.into_iter().take(closed).skip(1).step_by(2)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_in_documents_and_in_comments() {
        let found = blocks("a\n  ```sh\n  x # y\n    z\n  ```\n/// ```ignore\n/// f();\n/// ```\n");
        let told: Vec<_> =
            found.iter().map(|b| (b.language.as_str(), b.line, b.text.as_str())).collect();
        assert_eq!(told, [("sh", 3, "x # y\n  z\n"), ("ignore", 7, "f();\n")]);
    }

    #[test]
    fn commands_are_lines_without_comments() {
        let found = commands("# all\ncargo test     # every one\n\ncc -O2 \\\n  a.c\n");
        assert_eq!(found, ["cargo test", "cc -O2 a.c"]);
    }

    #[test]
    fn spans_are_not_in_blocks() {
        let found = spans("a `b\nc` d\n\n```sh\n`e`\n```\n| `f` | g |\n\none ` alone\n\n`h`\n");
        assert_eq!(found, ["b c", "f", "h"]);
    }
}
