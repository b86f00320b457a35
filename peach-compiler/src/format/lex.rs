//! Text into tokens that remember the white space before them.
//!
//! Rust's own rules for words, literals, labels and comments. Operators are taken as long as they
//! can be. Comments are tokens too.

use super::Unreadable;
use std::ops::Range;

/// Tabs reach to the next multiple of this.
pub(super) const TAB: usize = 4;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword, also `r#name` and `$name`.
    Word,
    /// A number, with its suffix. `1to16` is one.
    Number,
    /// A string or a character.
    Text,
    /// `'name`.
    Label,
    /// An operator or other sign.
    Sign,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `// …`, documentation included.
    LineComment,
    /// `/* … */`.
    BlockComment,
}

/// A token or comment.
#[derive(Clone, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    /// Its first byte in the source.
    pub(super) at: usize,
    /// How many line breaks are before it.
    pub(super) newlines: usize,
    /// How wide the white space before it is, back to the line's start or the token before.
    pub(super) gap: usize,
    /// Where it starts in its line, in characters.
    pub(super) column: usize,
    /// Of a bracket, the other one.
    pub(super) partner: usize,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.at..self.end()
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text && !self.is_comment()
    }

    pub(super) fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }

    /// Whether it touches the token before it.
    pub(super) fn is_tight(&self) -> bool {
        self.newlines == 0 && self.gap == 0
    }

    /// Whether it lies on several lines.
    pub(super) fn is_tall(&self) -> bool {
        self.text.contains('\n')
    }

    /// Whether it is the same token as one of the formatted text. Comments may move.
    pub(super) fn is_same(&self, other: &Token<'_>) -> bool {
        let words = |text: &str| -> String { text.split_whitespace().collect() };
        match self.kind == other.kind {
            false => false,
            true if self.is_comment() => words(self.text) == words(other.text),
            true => self.text == other.text || self.text.lines().eq(other.text.lines()),
        }
    }
}

/// Longest first.
const SIGNS: [&str; 24] = [
    "<<=", ">>=", "...", "..=", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=",
    "*=", "/=", "%=", "^=", "&=", "|=", "<<", ">>", "..",
];

/// All tokens and comments of a text that starts at a column of its line.
pub(super) fn tokens(source: &str, mut column: usize) -> Result<Vec<Token<'_>>, Unreadable> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    loop {
        let blank = source[at..].len() - source[at..].trim_start().len();
        let white = &source[at..at + blank];
        let before = column;
        column = column_after(white, column);
        let newlines = white.matches('\n').count();
        at += blank;
        if at == source.len() {
            break;
        }
        let (kind, len) = token(source, at)?;
        let text = &source[at..at + len];
        let text = if kind == Kind::LineComment { text.trim_end() } else { text };
        let gap = if newlines == 0 { column - before } else { column };
        let index = tokens.len();
        let mut partner = index;
        match kind {
            Kind::Open => open.push(index),
            Kind::Close => {
                let opener = open.pop().filter(|&o| matches_bracket(tokens[o].text, text));
                let Some(opener) = opener else {
                    let message = format!("nothing opens this `{text}`");
                    return Err(Unreadable { at: at..at + len, message });
                };
                tokens[opener].partner = index;
                partner = opener;
            }
            _ => {}
        }
        tokens.push(Token { kind, text, at, newlines, gap, column, partner });
        column = column_after(text, column);
        at += text.len();
    }
    match open.last() {
        None => Ok(tokens),
        Some(&open) => {
            let message = format!("nothing closes this `{}`", tokens[open].text);
            Err(Unreadable { at: tokens[open].range(), message })
        }
    }
}

fn matches_bracket(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{", "}"))
}

/// The column after some text that starts at `column`.
pub(super) fn column_after(text: &str, column: usize) -> usize {
    text.chars().fold(column, |column, ch| match ch {
        '\n' => 0,
        '\r' => column,
        '\t' => (column / TAB + 1) * TAB,
        _ => column + 1,
    })
}

/// The kind and the length of the token that starts at a byte.
fn token(source: &str, at: usize) -> Result<(Kind, usize), Unreadable> {
    let rest = &source[at..];
    let first = rest.chars().next().unwrap_or(' ');
    if rest.starts_with("//") || (at == 0 && rest.starts_with("#!") && !is_inner_attribute(rest)) {
        return Ok((Kind::LineComment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return block_comment(rest)
            .map(|len| (Kind::BlockComment, len))
            .ok_or_else(|| unterminated(at, "comment"));
    }
    if let Some(string) = string(rest) {
        return string
            .map(|len| (Kind::Text, with_suffix(rest, len)))
            .ok_or_else(|| unterminated(at, "string"));
    }
    if let Some(byte) = rest.strip_prefix('b').filter(|byte| byte.starts_with('\'')) {
        return quote(byte)
            .map(|(_, len)| (Kind::Text, with_suffix(rest, len + 1)))
            .ok_or_else(|| unterminated(at, "character"));
    }
    if first == '\'' {
        return quote(rest).ok_or_else(|| unterminated(at, "character"));
    }
    if first.is_ascii_digit() {
        return Ok((Kind::Number, number(rest)));
    }
    let word = rest.strip_prefix("r#").or(rest.strip_prefix('$')).unwrap_or(rest);
    if let len @ 1.. = word_len(word) {
        return Ok((Kind::Word, rest.len() - word.len() + len));
    }
    let kind = match first {
        '(' | '[' | '{' => Kind::Open,
        ')' | ']' | '}' => Kind::Close,
        _ => Kind::Sign,
    };
    let len = SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(1, |sign| sign.len());
    match first.is_ascii_punctuation() {
        true => Ok((kind, len)),
        false => {
            let message = format!("`{}` cannot stand here", first.escape_debug());
            Err(Unreadable { at: at..at + first.len_utf8(), message })
        }
    }
}

fn unterminated(at: usize, what: &str) -> Unreadable {
    Unreadable { at: at..at + 1, message: format!("this {what} does not end") }
}

fn is_inner_attribute(rest: &str) -> bool {
    rest[2..].trim_start().starts_with('[')
}

/// Block comments nest.
fn block_comment(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    loop {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += here.chars().next()?.len_utf8();
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// If this is a string of any kind: its length, or nothing where it does not end.
fn string(rest: &str) -> Option<Option<usize>> {
    let prefix = ["", "b", "c", "r", "br", "cr"].into_iter().rev().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|rest| {
            let hashes = if prefix.ends_with('r') { rest.trim_start_matches('#') } else { rest };
            hashes.starts_with('"')
        })
    })?;
    let body = &rest[prefix.len()..];
    if !prefix.ends_with('r') {
        return Some(escaped(&body[1..], '"').map(|len| prefix.len() + 1 + len));
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let inner = &body[hashes + 1..];
    Some(inner.find(&end).map(|at| prefix.len() + hashes + 1 + at + end.len()))
}

/// The length up to and including `quote`, which `\` escapes.
fn escaped(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((at, ch)) = chars.next() {
        match ch {
            '\\' => {
                chars.next();
            }
            _ if ch == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A word that touches a literal is part of it.
fn with_suffix(rest: &str, len: usize) -> usize {
    let suffix = &rest[len..];
    len + if suffix.starts_with(char::is_numeric) { 0 } else { word_len(suffix) }
}

/// A character or a label.
fn quote(rest: &str) -> Option<(Kind, usize)> {
    let inner = &rest[1..];
    let first = inner.chars().next()?;
    if first == '\\' || inner[first.len_utf8()..].starts_with('\'') {
        return escaped(inner, '\'').map(|len| (Kind::Text, with_suffix(rest, 1 + len)));
    }
    let word = inner.strip_prefix("r#").unwrap_or(inner);
    match word_len(word) {
        0 => None,
        len => Some((Kind::Label, 1 + inner.len() - word.len() + len)),
    }
}

/// Digits, point, exponent, suffix.
fn number(rest: &str) -> usize {
    let is_decimal = !matches!(rest.as_bytes().get(1), Some(b'x' | b'X' | b'o' | b'b'));
    let mut at = 0;
    let mut has_point = false;
    for (index, ch) in rest.char_indices() {
        let next = rest[index + ch.len_utf8()..].chars().next();
        let is_exponent = |before: char| is_decimal && matches!(before, 'e' | 'E');
        let continues = match ch {
            '.' => {
                let is_point = is_decimal
                    && !has_point
                    && next
                        .is_none_or(|next| next != '.' && !is_word(next) || next.is_ascii_digit());
                has_point |= is_point;
                is_point
            }
            '+' | '-' => {
                rest[..index].ends_with(is_exponent) && next.is_some_and(|n| n.is_ascii_digit())
            }
            ch => is_word(ch),
        };
        if !continues {
            break;
        }
        at = index + ch.len_utf8();
    }
    at
}

fn is_word(ch: char) -> bool {
    ch == '_' || ch.is_alphanumeric()
}

fn word_len(text: &str) -> usize {
    text.find(|ch| !is_word(ch)).unwrap_or(text.len())
}
