//! Patterns: what names are given to.
//!
//! In: a cursor at the pattern. Out: its names. Fails: keywords of Rust are not names.

use super::ast::{ConstPattern, Name, Pattern};
use super::cursor::{Cursor, Parsed};
use proc_macro2::Delimiter;

/// `x`, `mut x`, `(a, b)`.
pub(super) fn pattern(c: &mut Cursor<'_>) -> Parsed<Pattern> {
    if let Some((mut inside, _)) = c.eat_group(Delimiter::Parenthesis) {
        let mut parts = Vec::new();
        while !inside.is_end() {
            parts.push(pattern(&mut inside)?);
            if !inside.is_end() && !inside.eat_punct(',') {
                return Err(inside.expected("`,` or `)`"));
            }
        }
        return Ok(Pattern::Tuple(parts));
    }
    c.eat_word("mut");
    Ok(Pattern::Name(new_name(c)?))
}

/// A name that a statement or item introduces: keywords of Rust are none.
pub(super) fn new_name(c: &mut Cursor<'_>) -> Parsed<Name> {
    const KEYWORDS: [&str; 18] = [
        "let", "const", "for", "in", "while", "if", "else", "unsafe", "return", "fn", "mut",
        "true", "false", "break", "continue", "static", "crate", "pub",
    ];
    if let Some(word) = c.word()
        && KEYWORDS.contains(&word)
    {
        return Err(Box::new(
            c.expected("a name").help(format!("write `r#{word}` to use the keyword as a name")),
        ));
    }
    c.expect_ident("a name")
}

/// `x`, `mut x`, `(a, b)`, `[a, b]`.
pub(super) fn const_pattern(c: &mut Cursor<'_>) -> Parsed<ConstPattern> {
    let first = c.span();
    for delimiter in [Delimiter::Parenthesis, Delimiter::Bracket] {
        let Some((mut inside, _)) = c.eat_group(delimiter) else { continue };
        inside.descend()?;
        let mut parts = Vec::new();
        while !inside.is_end() {
            parts.push(const_pattern(&mut inside)?);
            if !inside.is_end() && !inside.eat_punct(',') {
                return Err(inside.expected("`,` and another name"));
            }
        }
        return Ok(ConstPattern::Parts(parts, (first, c.last_span())));
    }
    let mutable = c.eat_word("mut");
    Ok(ConstPattern::Name { name: new_name(c)?, mutable })
}
