//! `const fn`, and the blocks of statements that are evaluated at compile time.
//!
//! In: a cursor at `const fn`, at `if`, or at a brace. Out: a [`ConstFn`], or an expression.
//! Fails: with a syntax error at the first token that does not fit; each statement of a function
//! that is in error is reported.

use super::assignments::{compound_operator, sets_place};
use super::ast::*;
use super::cursor::{Cursor, Parsed, error};
use super::patterns::{const_pattern, new_name};
use super::{expressions, literals};
use crate::diagnostics::{Diagnostics, Reported};
use proc_macro2::Delimiter;

/// Whether an `if` has to have an `else`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Else {
    /// It is a value.
    Needed,
    /// It is a statement.
    Optional,
}

/// `const fn name(params) -> type { … }`, at `const`.
pub(super) fn const_fn(c: &mut Cursor<'_>, diagnostics: &mut Diagnostics) -> Parsed<ConstFn> {
    c.expect_word("const")?;
    c.expect_word("fn")?;
    let name = new_name(c)?;
    if c.is_punct('<') {
        return Err(Box::new(
            c.error("a `const fn` cannot have generic parameters")
                .help("constants of the kernels can be used in it by their names"),
        ));
    }
    let (inside, _) = c.expect_group(Delimiter::Parenthesis)?;
    let params = parameters(inside)?;
    let result = match c.eat_op("->") {
        true => const_type(c)?,
        false => ConstType::Tuple(Vec::new()),
    };
    let (inside, group) = c.expect_group(Delimiter::Brace)?;
    let mut body = ConstBlock {
        statements: Vec::new(),
        value: None,
        span: (group.span_open(), group.span_close()),
    };
    let reported = body_statements(inside, &mut body, diagnostics);
    Ok(ConstFn { name, params, result, body, reported })
}

fn parameters(mut c: Cursor<'_>) -> Parsed<Vec<ConstParam>> {
    let mut params = Vec::new();
    while !c.is_end() {
        let pattern = const_pattern(&mut c)?;
        if !c.eat_punct(':') {
            return Err(c.expected("`:` and the type of the parameter"));
        }
        params.push(ConstParam { pattern, ty: const_type(&mut c)? });
        if !c.is_end() && !c.eat_punct(',') {
            return Err(c.expected("`,` or `)`"));
        }
    }
    Ok(params)
}

/// The statements of a function. Those in error are reported, and left out.
fn body_statements(
    mut c: Cursor<'_>,
    body: &mut ConstBlock,
    diagnostics: &mut Diagnostics,
) -> Option<Reported> {
    let mut reported = None;
    while !c.is_end() {
        if let Err(problem) = statement(&mut c, body) {
            reported = Some(diagnostics.report(*problem));
            skip_statement(&mut c);
        }
    }
    reported
}

fn skip_statement(c: &mut Cursor<'_>) {
    while !c.is_end() {
        let ends = c.is_punct(';') || c.is_group(Delimiter::Brace);
        c.bump();
        if ends {
            return;
        }
    }
}

/// `{ … }` as an expression: what is in it, where it has no statements.
pub(super) fn block_value(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let block = block(c)?;
    match block {
        ConstBlock { value: Some(value), statements, .. } if statements.is_empty() => Ok(*value),
        block => Ok(Expr { span: block.span, kind: ExprKind::Block(Box::new(block)) }),
    }
}

fn block(c: &mut Cursor<'_>) -> Parsed<ConstBlock> {
    let (mut inside, group) = c.expect_group(Delimiter::Brace)?;
    inside.descend()?;
    let span = (group.span_open(), group.span_close());
    let mut block = ConstBlock { statements: Vec::new(), value: None, span };
    while !inside.is_end() {
        statement(&mut inside, &mut block)?;
    }
    Ok(block)
}

/// Adds what comes next to a block.
fn statement(c: &mut Cursor<'_>, block: &mut ConstBlock) -> Parsed<()> {
    let label = label(c)?;
    let first = c.span();
    let statement = match c.word() {
        Some("while") => {
            c.bump();
            let condition = expressions::head(c)?;
            ConstStatement::While(label, condition, self::block(c)?)
        }
        Some("loop") => {
            c.bump();
            let body = self::block(c)?;
            ConstStatement::Loop(label, body, (first, c.last_span()))
        }
        Some("for") => {
            c.bump();
            let pattern = const_pattern(c)?;
            c.expect_word("in")?;
            let list = expressions::head(c)?;
            ConstStatement::For(label, pattern, list, self::block(c)?)
        }
        _ if label.is_some() => return Err(c.expected("`loop`, `while` or `for`")),
        Some("if") => return conditional_statement(c, block),
        _ if c.is_group(Delimiter::Brace) => {
            let start = *c;
            let inner = self::block(c)?;
            let expr = Expr { span: inner.span, kind: ExprKind::Block(Box::new(inner)) };
            return block_like(c, start, expr, block);
        }
        Some("let") => binding(c)?,
        Some("const") if c.ahead().ident().is_some() => binding(c)?,
        Some("break") => {
            c.bump();
            let label = label_use(c)?;
            end(c, ConstStatement::Break(label, first))?
        }
        Some("continue") => {
            c.bump();
            let label = label_use(c)?;
            end(c, ConstStatement::Continue(label, first))?
        }
        Some("return") => {
            c.bump();
            let is_alone = c.is_punct(';') || c.is_end();
            let value = if is_alone { None } else { Some(expressions::expression(c)?) };
            end(c, ConstStatement::Return(value, first))?
        }
        Some("assert") if c.ahead().is_punct('!') => {
            let (condition, message) = assertion_parts(c)?;
            end(c, ConstStatement::Assert(condition, message))?
        }
        Some(word @ ("match" | "unsafe" | "fn" | "use" | "static")) => {
            return Err(Box::new(
                c.error(format!("a `const fn` cannot have `{word}`"))
                    .note("it has `let`, assignments, `if`, `while`, `loop`, `for` and `return`"),
            ));
        }
        _ => return simple(c, block),
    };
    block.statements.push(statement);
    Ok(())
}

/// `'name:` before a loop.
fn label(c: &mut Cursor<'_>) -> Parsed<Option<Name>> {
    let label = label_use(c)?;
    if label.is_some() {
        c.expect_punct(':')?;
    }
    Ok(label)
}

/// `'name` after `break` or `continue`.
fn label_use(c: &mut Cursor<'_>) -> Parsed<Option<Name>> {
    match c.eat_punct('\'') {
        true => c.expect_ident("the name of a loop").map(Some),
        false => Ok(None),
    }
}

/// The end of a statement that never goes on: its semicolon may be missing before a brace.
fn end(c: &mut Cursor<'_>, statement: ConstStatement) -> Parsed<ConstStatement> {
    if !c.is_end() {
        semicolon(c)?;
    }
    Ok(statement)
}

fn semicolon(c: &mut Cursor<'_>) -> Parsed<()> {
    match c.eat_punct(';') {
        true => Ok(()),
        false => {
            let message =
                format!("expected `;` after {}, found {}", c.describe_last(), c.describe());
            Err(error(c.last_span(), message))
        }
    }
}

/// `let x: u32 = e;`, `const X: u32 = e;`
fn binding(c: &mut Cursor<'_>) -> Parsed<ConstStatement> {
    c.bump();
    let pattern = const_pattern(c)?;
    let ty = match c.eat_punct(':') {
        true => Some(const_type(c)?),
        false => None,
    };
    let value = match c.is_assignment() {
        true => {
            c.bump();
            Some(expressions::expression(c)?)
        }
        false => None,
    };
    semicolon(c)?;
    Ok(ConstStatement::Let { pattern, ty, value })
}

/// An `if` that starts a statement: the value of the block, if it is the last one.
fn conditional_statement(c: &mut Cursor<'_>, block: &mut ConstBlock) -> Parsed<()> {
    let start = *c;
    let kind = conditional(c, Else::Optional)?;
    let expr = Expr { kind, span: (start.span(), c.last_span()) };
    block_like(c, start, expr, block)
}

/// What ends with a brace and needs no semicolon, from `start` on. It may be the first operand of a
/// fragment: that is an expression, and not a statement.
fn block_like<'a>(
    c: &mut Cursor<'a>,
    start: Cursor<'a>,
    expr: Expr,
    block: &mut ConstBlock,
) -> Parsed<()> {
    if c.is_within_fragment(&start) {
        *c = start;
        return simple(c, block);
    }
    if c.is_end() {
        block.value = Some(Box::new(expr));
    } else {
        c.eat_punct(';');
        block.statements.push(ConstStatement::Expr(expr));
    }
    Ok(())
}

/// `if c { a } else if d { b } else { e }`, at `if`.
pub(super) fn conditional(c: &mut Cursor<'_>, needs: Else) -> Parsed<ExprKind> {
    c.descend()?;
    c.expect_word("if")?;
    let condition = expressions::head(c)?;
    let then = block_value(c)?;
    let otherwise = if c.eat_word("else") {
        match c.is_word("if") {
            true => {
                let first = c.span();
                let kind = conditional(c, needs)?;
                Expr { kind, span: (first, c.last_span()) }
            }
            false => block_value(c)?,
        }
    } else if needs == Else::Needed {
        return Err(Box::new(
            c.expected("`else`").note("an `if` that is used as a value needs both branches"),
        ));
    } else {
        let span = (c.last_span(), c.last_span());
        let nothing = ConstBlock { statements: Vec::new(), value: None, span };
        Expr { kind: ExprKind::Block(Box::new(nothing)), span }
    };
    c.ascend();
    Ok(ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise)))
}

/// An assignment, or an expression: the value of the block, if it is the last one.
fn simple(c: &mut Cursor<'_>, block: &mut ConstBlock) -> Parsed<()> {
    if sets_place(*c) {
        let place = expressions::operand(c, expressions::Braces::Decorate)?;
        let statement = if c.is_assignment() {
            c.bump();
            ConstStatement::Assign(place, expressions::expression(c)?)
        } else {
            let op = compound_operator(c).ok_or_else(|| c.expected("`=`"))?;
            ConstStatement::AssignOp(place, op, expressions::expression(c)?)
        };
        block.statements.push(end(c, statement)?);
        return Ok(());
    }
    let expr = expressions::expression(c)?;
    if c.is_end() {
        block.value = Some(Box::new(expr));
        return Ok(());
    }
    semicolon(c)?;
    block.statements.push(ConstStatement::Expr(expr));
    Ok(())
}

/// The condition and the message of `assert!`, at its name.
pub(super) fn assertion_parts(c: &mut Cursor<'_>) -> Parsed<(Expr, Option<String>)> {
    c.bump();
    c.bump();
    let (mut inside, _) = c.expect_group(Delimiter::Parenthesis)?;
    let condition = expressions::expression(&mut inside)?;
    let mut message = None;
    if inside.eat_punct(',') && !inside.is_end() {
        let text = inside.literal().and_then(literals::string);
        message = Some(text.ok_or_else(|| inside.expected("the message, a string"))?);
        inside.bump();
        inside.eat_punct(',');
    }
    if !inside.is_end() {
        return Err(Box::new(
            inside.expected("`)`").note("messages of `assert!` cannot have arguments"),
        ));
    }
    Ok((condition, message))
}

/// The type of a name in a `const fn`, or of its result.
pub(super) fn const_type(c: &mut Cursor<'_>) -> Parsed<ConstType> {
    if let Some((mut inside, _)) = c.eat_group(Delimiter::Bracket) {
        c.descend()?;
        let element = const_type(&mut inside)?;
        c.ascend();
        if !inside.eat_punct(';') {
            return Err(inside.expected("`;` and the length of the array"));
        }
        let length = expressions::expression(&mut inside)?;
        inside.expect_end("`]`")?;
        return Ok(ConstType::Array(Box::new(element), Box::new(length)));
    }
    if let Some((mut inside, _)) = c.eat_group(Delimiter::Parenthesis) {
        c.descend()?;
        let mut parts = Vec::new();
        while !inside.is_end() {
            parts.push(const_type(&mut inside)?);
            if !inside.is_end() && !inside.eat_punct(',') {
                return Err(inside.expected("`,` or `)`"));
            }
        }
        c.ascend();
        return Ok(ConstType::Tuple(parts));
    }
    let element = c.word().and_then(Element::from_name);
    let ty = match (c.is_word("bool"), element) {
        (true, _) => ConstType::Bool,
        (false, Some(element)) => ConstType::Number(element),
        (false, None) => {
            return Err(Box::new(c.expected("a type").note(
                "a `const fn` computes with numbers, `bool`, and arrays and tuples of them",
            )));
        }
    };
    c.bump();
    Ok(ty)
}
