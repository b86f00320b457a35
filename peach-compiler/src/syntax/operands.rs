//! The operand forms that Rust does not have: sizes, segments, labels, decorations, `sym`, `const`.
//!
//! In: a cursor at a name, a quote or a brace. Out: an [`Expr`], a [`Label`] or [`Decoration`]s.
//! Words such as `byte`, `short` and `sym` are operands' keywords only where an operand follows
//! them; elsewhere they are names like any other.

use super::ast::{Call, Closure, Decoration, DecorationKind, Expr, ExprKind, Label, Rounding};
use super::buffer::Token;
use super::cursor::{Cursor, Parsed, error};
use super::expressions::{self, Braces};
use super::rust::Piece;
use super::{functions, literals, patterns};
use crate::isa::{LANES_OPEN, size_of_name};
use proc_macro2::Delimiter;

/// An atom that starts with a name or keyword.
pub(super) fn named(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    let first = c.span();
    let next = c.ahead();
    // Most names are followed by an operator or the end, where they are not a keyword.
    let is_plain = match next.peek() {
        // A condition may start with any operator: `if !x { … }`.
        _ if c.is_word("if") => false,
        None => true,
        Some(Token::Punct { ch, .. }) => !matches!(ch, '\'' | ':' | '<' | '-'),
        Some(_) => false,
    };
    if is_plain && let Some(Token::Ident { ident, text, raw }) = c.bump() {
        let kind = match text.as_str() {
            "true" if !raw => ExprKind::Bool(true),
            "false" if !raw => ExprKind::Bool(false),
            _ => ExprKind::Name(ident.clone()),
        };
        return Ok(Expr { kind, span: (first, first) });
    }
    let kind = match c.word() {
        Some("true") => constant(c, ExprKind::Bool(true)),
        Some("false") => constant(c, ExprKind::Bool(false)),
        Some("continue") if next.is_punct('\'') => {
            c.bump();
            ExprKind::Continue(label(c)?)
        }
        Some("break") if next.is_punct('\'') => {
            c.bump();
            ExprKind::Break(label(c)?)
        }
        Some("if") => functions::conditional(c, functions::Else::Needed)?,
        Some("const") if next.is_group(Delimiter::Brace) => {
            c.bump();
            let (_, group) = c.expect_group(Delimiter::Brace)?;
            ExprKind::RustConst(group.stream())
        }
        Some("sym") if next.ident().is_some() || next.is_op("::") || next.is_punct('<') => {
            c.bump();
            symbol(c)?
        }
        Some(word @ ("short" | "near")) if starts_target(&next) => {
            let wrap = if word == "short" { ExprKind::Short } else { ExprKind::Near };
            prefixed(c, braces, wrap)?
        }
        Some(word @ ("disp8" | "disp32")) if starts_place(&next) => {
            let wrap = if word == "disp8" { ExprKind::Disp8 } else { ExprKind::Disp32 };
            prefixed(c, braces, wrap)?
        }
        Some(word) => match size_of_name(word) {
            Some(bytes) if starts_place(&next) => sized(c, braces, bytes, next)?,
            _ => plain(c)?,
        },
        None => plain(c)?,
    };
    Ok(Expr { kind, span: (first, c.last_span()) })
}

/// `dword [p]`, `dword ptr [p]`, `dword bcst [p]`, at the size. `next` is after it.
fn sized(c: &mut Cursor<'_>, braces: Braces, bytes: u32, next: Cursor<'_>) -> Parsed<ExprKind> {
    let is_before_place = |word: &str| next.is_word(word) && starts_place(&next.ahead());
    if is_before_place("bcst") || is_before_place("BCST") {
        c.bump();
        return prefixed(c, braces, |expr| ExprKind::Sized(bytes, in_every_lane(expr)));
    }
    if is_before_place("ptr") || is_before_place("PTR") {
        c.bump();
    }
    prefixed(c, braces, |expr| ExprKind::Sized(bytes, expr))
}

/// Memory of which one element goes into every lane, however many lanes there are.
fn in_every_lane(memory: Box<Expr>) -> Box<Expr> {
    let span = memory.span;
    let broadcast = Decoration { kind: DecorationKind::Broadcast(LANES_OPEN), span };
    Box::new(Expr { kind: ExprKind::Decorated(memory, vec![broadcast]), span })
}

fn constant(c: &mut Cursor<'_>, kind: ExprKind) -> ExprKind {
    c.bump();
    kind
}

/// Whether memory, or a name for it, comes next.
fn starts_place(c: &Cursor<'_>) -> bool {
    c.ident().is_some() || c.is_group(Delimiter::Bracket) || c.literal().is_some()
}

/// Whether a branch target comes next: a label, a name for one, or a displacement.
fn starts_target(c: &Cursor<'_>) -> bool {
    c.ident().is_some() || c.is_punct('\'') || c.is_punct('-') || c.literal().is_some()
}

/// A word and the operand that it says something about.
fn prefixed(
    c: &mut Cursor<'_>,
    braces: Braces,
    wrap: impl FnOnce(Box<Expr>) -> ExprKind,
) -> Parsed<ExprKind> {
    c.bump();
    c.descend()?;
    let operand = expressions::operand(c, braces)?;
    c.ascend();
    Ok(wrap(Box::new(operand)))
}

/// A name, a call, or a segment override.
fn plain(c: &mut Cursor<'_>) -> Parsed<ExprKind> {
    if let Some(keyword @ ("let" | "for" | "while" | "return" | "unsafe" | "fn" | "else")) =
        c.word()
    {
        let problem = c.error(format!("expected an operand, found the keyword `{keyword}`"));
        return Err(Box::new(match keyword {
            "return" => problem.help(
                "a branch goes to a label: `je 'out;` and `'out: return;`, or end the previous \
                 statement with `;`",
            ),
            _ => problem.help("end the previous statement with `;`"),
        }));
    }
    let name = c.expect_ident("a name")?;
    if let Some((inside, _)) = c.eat_group(Delimiter::Parenthesis) {
        if name == "from_fn" {
            return Ok(ExprKind::FromFn(Box::new(closure(inside)?)));
        }
        let args = expressions::list(inside, ")")?;
        return Ok(ExprKind::Call(Call { name, args }));
    }
    if c.is_punct(':') && c.ahead().is_group(Delimiter::Bracket) {
        c.bump();
        let span = c.span();
        let (inside, group) = c.expect_group(Delimiter::Bracket)?;
        let parts = expressions::list(inside, "]")?;
        let memory = Expr { kind: ExprKind::Bracket(parts), span: (span, group.span_close()) };
        return Ok(ExprKind::Segment(name, Box::new(memory)));
    }
    Ok(ExprKind::Name(name))
}

/// `|i| e` between the parentheses of `from_fn`.
fn closure(mut c: Cursor<'_>) -> Parsed<Closure> {
    if !c.is_punct('|') {
        let function = c.ident().map_or("f".to_string(), ToString::to_string);
        return Err(Box::new(
            c.expected("`|i|` and an expression")
                .help(format!("write `from_fn(|i| {function}(i))`")),
        ));
    }
    c.bump();
    let param = patterns::pattern(&mut c)?;
    if c.eat_punct(':') {
        functions::const_type(&mut c)?;
    }
    c.expect_punct('|')?;
    c.descend()?;
    let body = match c.is_group(Delimiter::Brace) {
        true => functions::block_value(&mut c)?,
        false => expressions::expression(&mut c)?,
    };
    c.eat_punct(',');
    c.expect_end("`)`")?;
    Ok(Closure { param, body })
}

/// The path after `sym`, generic arguments included.
fn symbol(c: &mut Cursor<'_>) -> Parsed<ExprKind> {
    const ENDS: [char; 4] = [',', ';', '+', '-'];
    let start = *c;
    let _: syn::ExprPath = Piece::until(c, &ENDS).parse(c, "a path")?;
    match c.is_end() || ENDS.iter().any(|end| c.is_punct(*end)) {
        true => Ok(ExprKind::RustSym(c.tokens_since(&start))),
        false => Err(c.expected("`,` or `;` after the path")),
    }
}

/// `'name` or `'name[index]`, at the quote.
pub(super) fn label(c: &mut Cursor<'_>) -> Parsed<Label> {
    let span = c.span();
    c.expect_punct('\'')?;
    let name = c.expect_ident("the name of a label")?;
    let index = index(c)?;
    Ok(Label { name, index, span })
}

/// `[index]` after the name of a label, or nothing.
pub(super) fn index(c: &mut Cursor<'_>) -> Parsed<Option<Box<Expr>>> {
    let Some((mut inside, _)) = c.eat_group(Delimiter::Bracket) else { return Ok(None) };
    let index = expressions::expression(&mut inside)?;
    inside.expect_end("`]`")?;
    Ok(Some(Box::new(index)))
}

/// Whether the braces that come next belong to the operand before them: a block, which has
/// statements in it, means that a semicolon is missing.
pub(super) fn is_decoration(c: &Cursor<'_>) -> bool {
    match c.group(Delimiter::Brace) {
        Some((inside, _)) => !inside.is_end() && !has_statements(inside),
        None => false,
    }
}

fn has_statements(mut c: Cursor<'_>) -> bool {
    while !c.is_end() {
        if c.is_punct(';') {
            return true;
        }
        c.bump();
    }
    false
}

/// `{k1}{z}`, `{1to16}`, `{rn-sae}`: one or more.
pub(super) fn decorations(c: &mut Cursor<'_>) -> Parsed<Vec<Decoration>> {
    let mut decorations = Vec::new();
    while is_decoration(c) {
        let (inside, group) = c.expect_group(Delimiter::Brace)?;
        let span = (group.span_open(), group.span_close());
        decorations.push(Decoration { kind: decoration(inside, span)?, span });
    }
    Ok(decorations)
}

fn decoration(
    mut c: Cursor<'_>,
    span: (proc_macro2::Span, proc_macro2::Span),
) -> Parsed<DecorationKind> {
    if let Some(rounding) = rounding(c) {
        return Ok(DecorationKind::Rounding(rounding));
    }
    if c.is_word("z") && c.ahead().is_end() {
        return Ok(DecorationKind::Zeroing);
    }
    if let Some(literal) = c.literal() {
        return match literals::broadcast(literal) {
            Some(count @ (2 | 4 | 8 | 16 | 32)) if c.ahead().is_end() => {
                Ok(DecorationKind::Broadcast(count))
            }
            _ => Err(Box::new(error(span, "this is not a mask, rounding mode or broadcast").note(
                "broadcasts are written `{1to2}`, `{1to4}`, `{1to8}`, `{1to16}` or `{1to32}`",
            ))),
        };
    }
    let mask = expressions::expression(&mut c)?;
    c.expect_end("`}`")?;
    Ok(DecorationKind::Mask(mask))
}

/// `rn-sae`, `rd-sae`, `ru-sae`, `rz-sae`, `sae`: all that is between the braces.
pub(super) fn rounding(mut c: Cursor<'_>) -> Option<Rounding> {
    let rounding = match c.word()? {
        "sae" => {
            c.bump();
            return c.is_end().then_some(Rounding::Sae);
        }
        "rn" => Rounding::Nearest,
        "rd" => Rounding::Down,
        "ru" => Rounding::Up,
        "rz" => Rounding::Zero,
        _ => return None,
    };
    c.bump();
    (c.eat_punct('-') && c.eat_word("sae") && c.is_end()).then_some(rounding)
}
