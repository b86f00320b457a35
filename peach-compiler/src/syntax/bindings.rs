//! What introduces names: `let`, `const`, tables, patterns.
//!
//! In: a cursor at the keyword. Out: the statement, without its semicolon.
//! Fails: with a syntax error at the first token that does not fit; keywords of Rust are no names.

use super::ast::*;
use super::cursor::{Cursor, Parsed};
use super::{expressions, literals, types};
use proc_macro2::Delimiter;

/// `let`, up to its semicolon.
pub(super) fn binding(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.expect_word("let")?;
    let is_mutable = c.is_word("mut");
    let pattern = pattern(c)?;
    let mut ty = None;
    let mut align = None;
    if c.eat_punct(':') {
        if c.is_word("const") {
            return constant_binding(c, pattern, is_mutable);
        }
        ty = Some(types::let_type(c)?);
        align = alignment(c)?;
    }
    let value = if c.is_assignment() {
        c.bump();
        Some(expressions::expression(c)?)
    } else {
        None
    };
    if ty.is_none() && value.is_none() {
        return Err(Box::new(
            c.expected("`: class` or `= operand`")
                .help("declare a register: `let x: gp64;`, or name an operand: `let x = …;`"),
        ));
    }
    Ok(StatementKind::Let(Let { pattern, ty, align, value }))
}

/// `let mut n: const = 0;`; without `mut` it is a constant. At `const`.
fn constant_binding(
    c: &mut Cursor<'_>,
    pattern: Pattern,
    is_mutable: bool,
) -> Parsed<StatementKind> {
    let Pattern::Name(name) = pattern else {
        return Err(c.error("a tuple cannot be `const`"));
    };
    c.expect_word("const")?;
    if !c.is_assignment() {
        return Err(c.expected("`=` and the value of the compile-time variable"));
    }
    c.bump();
    let value = expressions::expression(c)?;
    Ok(match is_mutable {
        true => StatementKind::LetConst(name, value),
        false => StatementKind::Const(Const { name, ty: None, value }),
    })
}

/// `align N` after a type.
fn alignment(c: &mut Cursor<'_>) -> Parsed<Option<Expr>> {
    match c.eat_word("align") {
        true => Ok(Some(expressions::expression(c)?)),
        false => Ok(None),
    }
}

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

/// `const NAME[: type] = value`, or a table; at `const`.
pub(super) fn constant_or_table(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.expect_word("const")?;
    let name = new_name(c)?;
    let mut ty = None;
    if c.eat_punct(':') {
        if let Some((inside, _)) = c.eat_group(Delimiter::Bracket) {
            return Ok(StatementKind::Table(table(c, name, inside)?));
        }
        ty = Some(types::constant_type(c)?);
    }
    if !c.is_assignment() {
        return Err(c.expected("`=` and the value of the constant"));
    }
    c.bump();
    if c.is_group(Delimiter::Bracket) && ty.is_none() {
        return Err(Box::new(
            c.error("a table needs a type").help(format!("write `const {name}: [u32; N] = […]`")),
        ));
    }
    let value = expressions::expression(c)?;
    Ok(StatementKind::Const(Const { name, ty, value }))
}

/// A table behind the `[T; N]` of its type, whose inside is `ty`.
fn table(c: &mut Cursor<'_>, name: Name, mut ty: Cursor<'_>) -> Parsed<Table> {
    let element = types::table_element(&mut ty)?;
    ty.expect_punct(';')?;
    let length = expressions::expression(&mut ty)?;
    ty.expect_end("`]`")?;
    let align = alignment(c)?;
    if !c.is_assignment() {
        return Err(c.expected("`=` and the values of the table"));
    }
    c.bump();
    let values = table_values(c)?;
    Ok(Table { name, element, length, align, values })
}

/// `[a, b]`, `[e; N]`, `*b"…"`.
fn table_values(c: &mut Cursor<'_>) -> Parsed<TableValues> {
    if c.is_punct('*') || c.literal().is_some() {
        let first = c.span();
        let is_dereferenced = c.eat_punct('*');
        let literal = c.literal().ok_or_else(|| c.expected("a byte string"))?;
        let bytes = literals::byte_string(literal)
            .ok_or_else(|| c.expected("`[a, b, …]`, `[value; N]` or `*b\"…\"`"))?;
        if !is_dereferenced {
            return Err(Box::new(
                c.error("a byte string is a reference in Rust").help(format!("write `*{literal}`")),
            ));
        }
        c.bump();
        return Ok(TableValues::Bytes(bytes, first));
    }
    let Some((mut inside, _)) = c.eat_group(Delimiter::Bracket) else {
        return Err(c.expected("`[a, b, …]`, `[value; N]` or `*b\"…\"`"));
    };
    let mut values = Vec::new();
    while !inside.is_end() {
        values.push(expressions::expression(&mut inside)?);
        if values.len() == 1 && inside.eat_punct(';') {
            let count = expressions::expression(&mut inside)?;
            inside.expect_end("`]`")?;
            let value = values.remove(0);
            return Ok(TableValues::Repeat(Box::new(value), Box::new(count)));
        }
        if !inside.is_end() && !inside.eat_punct(',') {
            return Err(inside.expected("`,` or `]`"));
        }
    }
    Ok(TableValues::List(values))
}
