//! What introduces names: `let`, `const`, tables, patterns.
//!
//! In: a cursor at the keyword. Out: the statement, without its semicolon.
//! Fails: with a syntax error at the first token that does not fit; keywords of Rust are not names.

use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
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

/// A table after the `[T; N]` of its type, whose inside is `ty`.
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
