//! Formats kernels: the tokens stay, the white space between them becomes regular.
//!
//! In: the text of a file of kernels, or of a Rust file, in which only the inside of each
//! `peach_fn!` changes. Out: text made of the same tokens and comments in the same order; a last
//! look at both makes sure of that, so no kernel can change its bytes.
//!
//! 1. [`lex`] makes tokens, comments among them, with the white space before each.
//! 2. [`structure`] finds out what brackets are for, where statements start, which operators have
//!    one operand.
//! 3. [`spacing`] says which neighbors have a space between them.
//! 4. [`lines`] decides where lines end, and indents them by nesting.
//! 5. [`columns`] keeps what the author aligned.
//! 6. [`write`] makes text of that.
//!
//! The author decides where lines break, as far as braces allow; nothing is parsed, so a kernel
//! that is being written, or a `macro_rules!` fragment, is formatted like any other.

mod columns;
mod lex;
mod lines;
mod page;
mod rust;
mod spacing;
mod structure;
mod write;

use lex::Token;
use page::{Origin, Page};
use std::ops::Range;

/// A text that has no tokens: nothing of it is formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which bytes of the text are in error.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub message: String,
}

/// Formats a file of kernel items.
///
/// # Errors
/// Where the text cannot be split into tokens: an unbalanced bracket, an unterminated string.
pub fn kernels(text: &str) -> Result<String, Unreadable> {
    let (mark, body) = split_mark(text);
    let tokens = lex::tokens(body, 0).map_err(|problem| problem.behind(mark.len()))?;
    let out = settled(&tokens, Origin::FILE)?;
    let end = if out.is_empty() { "" } else { "\n" };
    let out = with_line_ends_of(body, out + end);
    Ok(format!("{mark}{out}"))
}

/// Formats what is inside each `peach_fn!` of a Rust file, and nothing else.
///
/// # Errors
/// Where the text cannot be split into tokens.
pub fn rust(text: &str) -> Result<String, Unreadable> {
    let (mark, body) = split_mark(text);
    let tokens = lex::tokens(body, 0).map_err(|problem| problem.behind(mark.len()))?;
    let mut out = String::from(mark);
    let mut done = 0;
    for range in rust::invocations(&tokens) {
        let region = rust::region(&tokens, range);
        let (start, end) = (region[0].at, region[region.len() - 1].end());
        let formatted = settled(&region, rust::origin(body, start))?;
        out.push_str(&body[done..start]);
        out.push_str(&with_line_ends_of(body, formatted));
        done = end;
    }
    out.push_str(&body[done..]);
    Ok(out)
}

/// How often a text is laid out at most.
const ROUNDS: usize = 8;

/// Lays tokens out until that changes nothing: where lines were joined or broken, words may be in
/// columns that were in none.
fn settled(tokens: &[Token<'_>], origin: Origin) -> Result<String, Unreadable> {
    let mut out = layout(tokens, origin);
    for _ in 1..ROUNDS {
        let again = lex::tokens(&out, origin.column).map_err(|_| bug(&tokens[0]))?;
        require_same(tokens, &again)?;
        let next = layout(&again, origin);
        if next == out {
            break;
        }
        out = next;
    }
    Ok(out)
}

/// The text that the tokens make, without a line break at its end.
fn layout(tokens: &[Token<'_>], origin: Origin) -> String {
    let facts = structure::facts(tokens);
    let mut page = Page::new(tokens, &facts, origin);
    loop {
        page.fill();
        columns::align(&mut page);
        if !page.break_long_lines() {
            return write::text(&page);
        }
    }
}

impl Unreadable {
    fn behind(mut self, bytes: usize) -> Unreadable {
        self.at = self.at.start + bytes..self.at.end + bytes;
        self
    }
}

/// A byte order mark, and what is after it.
fn split_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// Lines end as the first one of the source does. Those inside of tokens are as they were.
fn with_line_ends_of(source: &str, text: String) -> String {
    match source.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => {
            text.replace("\r\n", "\n").replace('\n', "\r\n")
        }
        _ => text,
    }
}

/// Makes sure that the formatted text has the tokens that it was made of.
fn require_same(old: &[Token<'_>], new: &[Token<'_>]) -> Result<(), Unreadable> {
    match old.iter().zip(new).find(|(old, new)| !old.is_same(new)) {
        Some((old, _)) => Err(bug(old)),
        None if old.len() == new.len() => Ok(()),
        None => Err(bug(&old[old.len() - 1])),
    }
}

fn bug(at: &Token<'_>) -> Unreadable {
    let message = "formatting would change the tokens here: this is a bug in peach".to_string();
    Unreadable { at: at.range(), message }
}
