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

/// The value of a literal in an expression.
pub(super) fn value(literal: &Literal) -> Parsed<ExprKind> {
    let text = literal.to_string();
    match text.as_bytes().first() {
        Some(b'0'..=b'9') => number(&text, literal),
        Some(b'-') => Ok(match number(&text[1..], literal)? {
            ExprKind::Float(FloatLiteral { text, suffix }) => {
                ExprKind::Float(FloatLiteral { text: format!("-{text}"), suffix })
            }
            ExprKind::Int(value) => ExprKind::Int(-value),
            ExprKind::TypedInt(value, ty) => ExprKind::TypedInt(-value, ty),
            other => other,
        }),
        Some(b'b') if text.starts_with("b'") => {
            let inside = text[2..].strip_suffix('\'').unwrap_or("");
            match unescape(inside).as_deref() {
                Some([byte]) => Ok(ExprKind::Int(i128::from(*byte))),
                _ => Err(error(literal.span(), format!("`{text}` is not a single byte"))),
            }
        }
        Some(b'"' | b'r') => match string_bytes(&text).and_then(|b| String::from_utf8(b).ok()) {
            Some(string) => Ok(ExprKind::Str(string)),
            None => Err(error(literal.span(), format!("`{text}` is not a string"))),
        },
        Some(b'\'') => Err(Box::new(
            error(literal.span(), format!("the language has no `char` constants such as {text}"))
                .help(format!("write the byte: `b{text}`")),
        )),
        _ => Err(error(literal.span(), format!("`{text}` is not a constant of the language"))),
    }
}

/// The text of a string literal.
pub(super) fn string(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    match text.as_bytes().first() {
        Some(b'"' | b'r') => string_bytes(&text).and_then(|bytes| String::from_utf8(bytes).ok()),
        _ => None,
    }
}

/// The bytes of a byte-string literal.
pub(super) fn byte_string(literal: &Literal) -> Option<Vec<u8>> {
    let text = literal.to_string();
    if text.starts_with("b\"") || text.starts_with("br") { string_bytes(&text[1..]) } else { None }
}

/// `16` of `1to16`.
pub(super) fn broadcast(literal: &Literal) -> Option<u8> {
    literal.to_string().strip_prefix("1to")?.parse().ok()
}

fn number(text: &str, literal: &Literal) -> Parsed<ExprKind> {
    let (radix, digits) = match text.get(..2) {
        Some("0x") => (16, &text[2..]),
        Some("0o") => (8, &text[2..]),
        Some("0b") => (2, &text[2..]),
        _ => return decimal(text, literal),
    };
    let is_digit = |ch: char| {
        ch == '_' || if radix == 16 { ch.is_ascii_hexdigit() } else { ch.is_ascii_digit() }
    };
    let end = digits.find(|ch| !is_digit(ch)).unwrap_or(digits.len());
    integer(&digits[..end], radix, &digits[end..], literal)
}

fn decimal(text: &str, literal: &Literal) -> Parsed<ExprKind> {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
            at += 1;
        }
        at
    };
    let mut end = digits(0);
    let mut is_float = false;
    if bytes.get(end) == Some(&b'.') {
        is_float = true;
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
            is_float = true;
            end = digits(end + 1 + sign);
        }
    }
    let (value, suffix) = text.split_at(end);
    match suffix {
        "f32" | "f64" => Ok(ExprKind::Float(FloatLiteral {
            text: value.replace('_', ""),
            suffix: Some(if suffix == "f32" { 4 } else { 8 }),
        })),
        "" if is_float => {
            Ok(ExprKind::Float(FloatLiteral { text: value.replace('_', ""), suffix: None }))
        }
        _ if is_float => Err(bad_suffix(suffix, literal)),
        _ => integer(value, 10, suffix, literal),
    }
}

fn integer(digits: &str, radix: u32, suffix: &str, literal: &Literal) -> Parsed<ExprKind> {
    let bits: u32 = match suffix.get(..1) {
        None => 127,
        Some("u" | "i") => match &suffix[1..] {
            "8" => 8,
            "16" => 16,
            "32" => 32,
            "64" | "size" => 64,
            "128" => 128,
            _ => return Err(bad_suffix(suffix, literal)),
        },
        Some(_) => return Err(bad_suffix(suffix, literal)),
    };
    let bits = if suffix.starts_with('i') { bits - 1 } else { bits };
    let value = digits_value(digits, radix);
    let kind = |value| match Element::from_name(suffix) {
        Some(ty) => ExprKind::TypedInt(value, ty),
        None => ExprKind::Int(value),
    };
    match value.and_then(|value| i128::try_from(value).ok()) {
        // `-128i8` is a negation of 128 here, so a signed type's bound itself is let through.
        Some(value) if bits >= 127 || value < 1 << bits => Ok(kind(value)),
        Some(value) if suffix.starts_with('i') && value == 1 << bits => Ok(kind(value)),
        Some(_) => Err(Box::new(Diagnostic::new(
            Code::OutOfRange,
            literal.span(),
            format!("`{literal}` does not fit in `{suffix}`"),
        ))),
        None => Err(Box::new(
            Diagnostic::new(
                Code::ConstantOverflow,
                literal.span(),
                format!("`{literal}` does not fit in a constant"),
            )
            .note("constant integers have 128 bits and a sign"),
        )),
    }
}

fn digits_value(digits: &str, radix: u32) -> Option<u128> {
    let mut value: u64 = 0;
    for ch in digits.bytes() {
        let Some(digit) = char::from(ch).to_digit(radix) else {
            continue;
        };
        let next =
            value.checked_mul(u64::from(radix)).and_then(|v| v.checked_add(u64::from(digit)));
        match next {
            Some(next) => value = next,
            // Rare, and slower.
            None => return u128::from_str_radix(&digits.replace('_', ""), radix).ok(),
        }
    }
    Some(u128::from(value))
}

fn bad_suffix(suffix: &str, literal: &Literal) -> Box<Diagnostic> {
    let problem = error(literal.span(), format!("`{suffix}` is not a suffix of numbers"));
    match habits::in_number(&literal.to_string()) {
        Some(help) => Box::new(problem.help(help)),
        None => problem,
    }
}

/// The bytes of a string literal: `"…"`, `r"…"`, `r#"…"#`.
fn string_bytes(text: &str) -> Option<Vec<u8>> {
    if let Some(raw) = text.strip_prefix('r') {
        let inside = raw.trim_matches('#').strip_prefix('"')?.strip_suffix('"')?;
        return Some(inside.as_bytes().to_vec());
    }
    unescape(text.strip_prefix('"')?.strip_suffix('"')?)
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        if ch != '\\' {
            bytes.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next()? {
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            '0' => bytes.push(0),
            ch @ ('\\' | '\'' | '"') => bytes.push(ch as u8),
            'x' => {
                let (high, low) = (chars.next()?.to_digit(16)?, chars.next()?.to_digit(16)?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            'u' => {
                let rest = chars.as_str().strip_prefix('{')?;
                let (digits, after) = rest.split_once('}')?;
                let ch = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                bytes.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes());
                chars = after.chars();
            }
            // A line that continues: the break and the blanks after it are not part of the string.
            '\n' | '\r' => chars = chars.as_str().trim_start().chars(),
            _ => return None,
        }
    }
    Some(bytes)
}
