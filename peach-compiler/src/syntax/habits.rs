//! What users write out of habit, from Rust or for other assemblers: tokens that can have no
//! meaning here, and how it is said instead.
//!
//! In: a cursor at the tokens. Out: a syntax error with the right spelling, if they are such a
//! habit.

use super::buffer::Token;
use super::cursor::{Cursor, error};
use crate::diagnostics::Diagnostic;
use proc_macro2::Delimiter;

/// At the start of a statement.
pub(super) fn in_statement(c: &Cursor<'_>) -> Option<Box<Diagnostic>> {
    let next = c.ahead();
    // `.top:`
    let (name, colon) = match c.is_punct('.') && next.ident().is_some() {
        true => (next, next.ahead()),
        false => (*c, next),
    };
    if let Some(ident) = name.ident()
        && colon.is_punct(':')
        && !colon.is_op("::")
    {
        let place = (c.span(), ident.span());
        return Some(Box::new(
            error(place, "a label starts with a quote").help(format!("write `'{ident}:`")),
        ));
    }
    if let Some(literal) = c.literal()
        && next.is_punct(':')
    {
        return Some(Box::new(
            error(literal.span(), "labels have names, not numbers").help("write `'again:`"),
        ));
    }
    None
}

/// What is wrong with a statement: after the semicolon of another one, on its line, it may be a
/// comment.
pub(super) fn after_statement(
    problem: Diagnostic,
    start: &Cursor<'_>,
    opening: &Cursor<'_>,
) -> Diagnostic {
    let is_second = start.is_past(opening)
        && start.describe_last() == "`;`"
        && start.last_span().end().line == start.span().start().line;
    match is_second && problem.help.is_none() {
        true => problem.help("if this is a comment, start it with `//`"),
        false => problem,
    }
}

/// Where an operand is expected.
pub(super) fn in_operand(c: &Cursor<'_>) -> Option<Box<Diagnostic>> {
    let next = c.ahead();
    let name = next.ident().map(ToString::to_string);
    let problem = match (c.punct()?.0, name) {
        ('*', Some(name)) => c
            .error("a pointer is not dereferenced with `*`")
            .help(format!("memory is written in brackets: `[{name}]`")),
        ('%', Some(name)) => c
            .error("registers have no `%` before them")
            .note("operands are in Intel order: the destination comes first")
            .help(format!("write `{name}`")),
        ('$', _) => c.error("immediates have no `$` before them").help("write the number alone"),
        ('&', Some(name)) => c
            .error("an address is not taken with `&`")
            .help(format!("write `lea r, [{name}]`, or `sym {name}` for an item of Rust")),
        ('.', Some(name)) => {
            c.error("a label starts with a quote").help(format!("write `'{name}`"))
        }
        _ => return None,
    };
    Some(Box::new(problem))
}

/// After an operand, where a comma or the end of the statement is expected.
pub(super) fn behind_operand(c: &Cursor<'_>) -> Option<Box<Diagnostic>> {
    if c.is_op("::") {
        let rest = c.ahead().ahead();
        let field = rest.ident().map_or("field".to_string(), ToString::to_string);
        let ty = c.describe_last();
        let ty = ty.trim_matches('`');
        return Some(Box::new(
            error(c.last_span(), "a path of Rust is not an operand by itself").help(format!(
                "write `const {{ offset_of!({ty}, {field}) }}` for a field, `const {{ \
                 {ty}::{field} }}` for a constant, `sym {ty}::{field}` for an address"
            )),
        ));
    }
    // `4(rcx)`
    let (inside, _) = c.group(Delimiter::Parenthesis)?;
    let register = match inside.peek() {
        Some(Token::Ident { text, .. }) => text.clone(),
        Some(Token::Punct { ch: '%', .. }) => inside.ahead().ident()?.to_string(),
        _ => return None,
    };
    let displacement = c.describe_last();
    let displacement = displacement.trim_matches('`');
    Some(Box::new(
        c.error("memory is not written with parentheses")
            .help(format!("write `[{register} + {displacement}]`")),
    ))
}

/// A number with what is not a suffix of Rust after it: `0FFh`, `101b`, `2f`.
pub(super) fn in_number(text: &str) -> Option<String> {
    let (digits, last) = text.split_at(text.len().checked_sub(1)?);
    let is_all = |radix| !digits.is_empty() && digits.chars().all(|ch| ch.is_digit(radix));
    match last {
        "h" | "H" if is_all(16) => Some(format!("write `0x{}`", digits.trim_start_matches('0'))),
        "b" | "f" if is_all(10) && digits.len() == 1 => {
            Some("labels have names: `'again:` and `jnz 'again;`".into())
        }
        "b" | "B" | "y" if is_all(2) => Some(format!("write `0b{digits}`")),
        "o" | "q" if is_all(8) => Some(format!("write `0o{digits}`")),
        _ => None,
    }
}
