//! The values of literal tokens: numbers, strings, byte strings.
//!
//! In: a literal token. Out: its value as [`ExprKind`], or the bytes of a string.
//! Fails: numbers that do not fit, suffixes that Rust does not have, kinds of literal that mean
//! nothing here.

use super::ast::{Element, ExprKind, FloatLiteral};
use super::cursor::{Parsed, error};
use super::habits;
use crate::diagnostics::{Code, Diagnostic};
use proc_macro2::Literal;
use syn::{Lit, LitFloat, LitInt};

/// The value of a literal in an expression.
pub(super) fn value(literal: &Literal) -> Parsed<ExprKind> {
    // Most numbers are short and decimal, and there are very many of them.
    if let Ok(number) = literal.to_string().parse::<u64>() {
        return Ok(ExprKind::Int(number.into()));
    }
    match Lit::new(literal.clone()) {
        Lit::Int(number) => integer(&number, literal),
        Lit::Float(number) => float(&number, literal),
        Lit::Byte(byte) if byte.suffix().is_empty() => Ok(ExprKind::Int(byte.value().into())),
        Lit::Str(text) if text.suffix().is_empty() => Ok(ExprKind::Str(text.value())),
        Lit::Char(_) => Err(Box::new(
            error(
                literal.span(),
                format!("the language has no `char` constants such as {literal}"),
            )
            .help(format!("write the byte: `b{literal}`")),
        )),
        _ => Err(error(literal.span(), format!("`{literal}` is not a constant of the language"))),
    }
}

/// The text of a string literal.
pub(super) fn string(literal: &Literal) -> Option<String> {
    match Lit::new(literal.clone()) {
        Lit::Str(text) if text.suffix().is_empty() => Some(text.value()),
        _ => None,
    }
}

/// The bytes of a byte-string literal.
pub(super) fn byte_string(literal: &Literal) -> Option<Vec<u8>> {
    match Lit::new(literal.clone()) {
        Lit::ByteStr(bytes) if bytes.suffix().is_empty() => Some(bytes.value()),
        _ => None,
    }
}

/// `16` of `1to16`.
pub(super) fn broadcast(literal: &Literal) -> Option<u8> {
    literal.to_string().strip_prefix("1to")?.parse().ok()
}

fn float(number: &LitFloat, literal: &Literal) -> Parsed<ExprKind> {
    let suffix = match number.suffix() {
        "" => None,
        "f32" => Some(4),
        "f64" => Some(8),
        other => return Err(bad_suffix(other, literal)),
    };
    let text = number.base10_digits().to_string();
    Ok(ExprKind::Float(FloatLiteral { text, suffix }))
}

fn integer(number: &LitInt, literal: &Literal) -> Parsed<ExprKind> {
    let (digits, suffix) = (number.base10_digits(), number.suffix());
    let (bytes, signed) = match Element::from_name(suffix) {
        None if suffix.is_empty() => (16, true),
        Some(Element::Int { bytes, signed }) => (bytes, signed),
        Some(Element::Float { bytes }) if !has_radix(literal) => {
            let text = digits.to_string();
            return Ok(ExprKind::Float(FloatLiteral { text, suffix: Some(bytes) }));
        }
        Some(Element::Float { .. }) | None => return Err(bad_suffix(suffix, literal)),
    };
    let Ok(value) = digits.parse::<i128>() else {
        return Err(Box::new(
            Diagnostic::new(
                Code::ConstantOverflow,
                literal.span(),
                format!("`{literal}` does not fit in a constant"),
            )
            .note("constant integers have 128 bits and a sign"),
        ));
    };
    let max = match (bytes, signed) {
        (16, _) => u128::MAX,
        // `-128i8` is a negation of 128 here: the bound itself is let through.
        (_, true) => 1 << (8 * bytes - 1),
        (_, false) => (1 << (8 * bytes)) - 1,
    };
    if value.unsigned_abs() > max {
        return Err(Box::new(Diagnostic::new(
            Code::OutOfRange,
            literal.span(),
            format!("`{literal}` does not fit in `{suffix}`"),
        )));
    }
    Ok(match Element::from_name(suffix) {
        Some(ty) => ExprKind::TypedInt(value, ty),
        None => ExprKind::Int(value),
    })
}

/// `0b1`, `0o7`, `0xf`.
fn has_radix(literal: &Literal) -> bool {
    matches!(literal.to_string().get(..2), Some("0b" | "0o" | "0x"))
}

fn bad_suffix(suffix: &str, literal: &Literal) -> Box<Diagnostic> {
    let problem = error(literal.span(), format!("`{suffix}` is not a suffix of numbers"));
    match habits::in_number(&literal.to_string()) {
        Some(help) => Box::new(problem.help(help)),
        None => problem,
    }
}
