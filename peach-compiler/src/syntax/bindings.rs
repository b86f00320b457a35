//! What introduces names: `let`, `const`, tables, patterns.
//!
//! In: a cursor at the keyword. Out: the statement, without its semicolon.
//! Fails: with a syntax error at the first token that does not fit; keywords of Rust are not names.

use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
use super::patterns::{new_name, pattern};
use super::{expressions, literals, types};
use proc_macro2::Delimiter;

/// `let`, up to its semicolon.
pub(super) fn binding(c: &mut Cursor<'_>) -> Parsed<StatementKind> {
    c.expect_word("let")?;
    let start = *c;
    let mut patterns = vec![pattern(c)?];
    while c.eat_punct(',') {
        patterns.push(pattern(c)?);
    }
    if !c.eat_punct(':') {
        return alias(c, &start, patterns);
    }
    let names = declared_names(c, &start, patterns)?;
    if c.is_word("const") {
        return constant_binding(c, &start, names);
    }
    let ty = types::let_type(c)?;
    let align = alignment(c)?;
    let value = match c.is_assignment() {
        true => {
            c.bump();
            Some(expressions::expression(c)?)
        }
        false => None,
    };
    Ok(StatementKind::Let(Let { names, ty, align, value }))
}

/// `let x = operand`, `let (a, b) = (b, a)`: names without a class.
fn alias(
    c: &mut Cursor<'_>,
    start: &Cursor<'_>,
    mut patterns: Vec<Pattern>,
) -> Parsed<StatementKind> {
    if !c.is_assignment() {
        return Err(Box::new(
            c.expected("`: class` or `= operand`")
                .help("declare a register: `let x: gp64;`, or name an operand: `let x = …;`"),
        ));
    }
    let (Some(pattern), true) = (patterns.pop(), patterns.is_empty()) else {
        let place = (start.span(), c.last_span());
        return Err(Box::new(error(place, "several names need a class").help(
            "write `let a, b: gp64 = …;` to set each, or `let (a, b) = (x, y);` to name operands",
        )));
    };
    c.bump();
    Ok(StatementKind::Alias(pattern, expressions::expression(c)?))
}

/// The names before `: class`. A tuple is a pattern for operands, and has no class.
fn declared_names(c: &Cursor<'_>, start: &Cursor<'_>, patterns: Vec<Pattern>) -> Parsed<Vec<Name>> {
    let mut names = Vec::with_capacity(patterns.len());
    let mut is_tuple = false;
    for pattern in patterns {
        is_tuple |= matches!(pattern, Pattern::Tuple(_));
        pattern.names(&mut names);
    }
    if !is_tuple {
        return Ok(names);
    }
    let list: Vec<String> = names.iter().map(name_text).collect();
    // The last token read is the colon.
    let class = c.word().unwrap_or("gp64");
    Err(Box::new(
        error((start.span(), c.last_span()), "a tuple of names cannot have a class")
            .note("`let (a, b) = …;` gives names to operands and does not declare registers")
            .help(format!(
                "declare them with `let {}: {class};`, and set them one by one",
                list.join(", ")
            )),
    ))
}

/// `let mut n: const = 0;`; without `mut` it is a constant. At `const`.
fn constant_binding(
    c: &mut Cursor<'_>,
    start: &Cursor<'_>,
    mut names: Vec<Name>,
) -> Parsed<StatementKind> {
    let (Some(name), true) = (names.pop(), names.is_empty()) else {
        let place = (start.span(), c.last_span());
        return Err(Box::new(
            error(place, "each compile-time variable needs its own `let`")
                .help("write `let mut n: const = 0;` for each"),
        ));
    };
    c.expect_word("const")?;
    if !c.is_assignment() {
        return Err(c.expected("`=` and the value of the compile-time variable"));
    }
    c.bump();
    let value = expressions::expression(c)?;
    Ok(match start.is_word("mut") {
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
    let value = expressions::expression(c)?;
    Ok(StatementKind::Const(Const { name, ty, value }))
}

/// A table after the `[T; N]` of its type, whose inside is `ty`.
fn table(c: &mut Cursor<'_>, name: Name, mut ty: Cursor<'_>) -> Parsed<Table> {
    let (element, lengths) = types::table_type(&mut ty)?;
    let align = alignment(c)?;
    if !c.is_assignment() {
        return Err(c.expected("`=` and the values of the table"));
    }
    c.bump();
    if let Some(literal) = c.literal()
        && literals::byte_string(literal).is_some()
    {
        return Err(Box::new(
            c.error("a byte string is a reference in Rust").help(format!("write `*{literal}`")),
        ));
    }
    let value = expressions::expression(c)?;
    Ok(Table { name, element, lengths, align, value })
}
