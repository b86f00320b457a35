//! Expressions: constant expressions and operands are one grammar, with Rust's precedence.
//!
//! In: a cursor. Out: an [`Expr`]; what it means is found out by expansion.
//! Invariants: trees are at most a few hundred levels deep, whatever the input, so that later
//! stages may recurse over them. Fails: with a syntax error at the first token that does not fit.

use super::ast::{BinaryOp, Call, Expr, ExprKind, UnaryOp};
use super::cursor::{Cursor, Parsed, error};
use super::{literals, operands};
use proc_macro2::{Delimiter, Span};

/// How many operators may follow one another in one expression.
const CHAIN_MAX: usize = 400;

/// Whether `{` after an operand belongs to it. The head of an `if`, `for` or `while` leaves it for
/// the block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Braces {
    /// `{k1}` decorates.
    Decorate,
    /// `{` starts the block.
    Block,
}

/// An expression or operand.
pub(super) fn expression(c: &mut Cursor<'_>) -> Parsed<Expr> {
    ranged(c, Braces::Decorate)
}

/// An expression before a block.
pub(super) fn head(c: &mut Cursor<'_>) -> Parsed<Expr> {
    ranged(c, Braces::Block)
}

/// An operand without binary operators: what a size or `short` applies to.
pub(super) fn operand(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    unary(c, braces)
}

/// Expressions separated by commas, up to the end of the group; one more comma may end them.
pub(super) fn list(mut c: Cursor<'_>, close: &str) -> Parsed<Vec<Expr>> {
    let mut exprs = Vec::new();
    while !c.is_end() {
        exprs.push(expression(&mut c)?);
        if !c.is_end() && !c.eat_punct(',') {
            return Err(c.expected(&format!("`,` or `{close}`")));
        }
    }
    Ok(exprs)
}

/// Ranges bind weakest: `a..b`, `..b`, `a..`, `..`.
fn ranged(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    c.descend()?;
    let first = c.span();
    let start = if c.is_op("..") { None } else { Some(Box::new(binary(c, 0, braces)?)) };
    let range = if c.is_op("..=") {
        c.eat_op("..=");
        let end = Box::new(binary(c, 0, braces)?);
        ExprKind::Range { start, end: Some(end), inclusive: true }
    } else if c.eat_op("..") {
        let end = match starts_expression(c, braces) {
            true => Some(Box::new(binary(c, 0, braces)?)),
            false => None,
        };
        ExprKind::Range { start, end, inclusive: false }
    } else {
        c.ascend();
        return match start {
            Some(expr) => Ok(*expr),
            None => Err(c.expected("an expression")),
        };
    };
    c.ascend();
    Ok(Expr { kind: range, span: (first, c.last_span()) })
}

fn starts_expression(c: &Cursor<'_>, braces: Braces) -> bool {
    match c.punct() {
        Some((ch, _)) => matches!(ch, '-' | '!' | '\''),
        None if c.is_group(Delimiter::Brace) => braces == Braces::Decorate,
        None => !c.is_end(),
    }
}

/// Binary operators that bind at least as strongly as `min`.
fn binary(c: &mut Cursor<'_>, min: u8, braces: Braces) -> Parsed<Expr> {
    let mut left = unary(c, braces)?;
    let mut compared = false;
    for _ in 0..CHAIN_MAX {
        let Some((op, text, strength)) = operator(c) else {
            return Ok(left);
        };
        if strength < min {
            return Ok(left);
        }
        if strength == COMPARISON {
            if compared {
                return Err(Box::new(
                    c.error("comparisons cannot be chained").help("write `a < b && b < c`"),
                ));
            }
            compared = true;
        }
        c.eat_op(text);
        c.descend()?;
        let right = binary(c, strength + 1, braces)?;
        c.ascend();
        let span = (left.span.0, right.span.1);
        left = Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span };
    }
    Err(c.error(format!("the expression has more than {CHAIN_MAX} operators")))
}

/// The strength of `==` and its like, which do not associate.
const COMPARISON: u8 = 3;

/// The binary operator that comes next, its text, and how strongly it binds (Rust reference,
/// "Expression precedence").
fn operator(c: &Cursor<'_>) -> Option<(BinaryOp, &'static str, u8)> {
    let (ch, joint) = c.punct()?;
    let next = if joint { c.ahead().punct().map(|(ch, _)| ch) } else { None };
    // `a += b` is an assignment, for whoever parses statements to see.
    let assigns = next == Some('=');
    Some(match (ch, next) {
        ('|', Some('|')) => (BinaryOp::OrOr, "||", 1),
        ('&', Some('&')) => (BinaryOp::AndAnd, "&&", 2),
        ('=', Some('=')) => (BinaryOp::Eq, "==", COMPARISON),
        ('!', Some('=')) => (BinaryOp::Ne, "!=", COMPARISON),
        ('<', Some('=')) => (BinaryOp::Le, "<=", COMPARISON),
        ('>', Some('=')) => (BinaryOp::Ge, ">=", COMPARISON),
        ('<', Some('<')) => (BinaryOp::Shl, "<<", 7),
        ('>', Some('>')) => (BinaryOp::Shr, ">>", 7),
        ('<', _) => (BinaryOp::Lt, "<", COMPARISON),
        ('>', _) => (BinaryOp::Gt, ">", COMPARISON),
        ('|', _) if !assigns => (BinaryOp::Or, "|", 4),
        ('^', _) if !assigns => (BinaryOp::Xor, "^", 5),
        ('&', _) if !assigns => (BinaryOp::And, "&", 6),
        ('+', _) if !assigns => (BinaryOp::Add, "+", 8),
        ('-', _) if !assigns => (BinaryOp::Sub, "-", 8),
        ('*', _) if !assigns => (BinaryOp::Mul, "*", 9),
        ('/', _) if !assigns => (BinaryOp::Div, "/", 9),
        ('%', _) if !assigns => (BinaryOp::Rem, "%", 9),
        _ => return None,
    })
}

fn unary(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    let mut ops: Vec<(UnaryOp, Span)> = Vec::new();
    while let Some((ch @ ('-' | '!'), _)) = c.punct() {
        let op = if ch == '-' { UnaryOp::Neg } else { UnaryOp::Not };
        ops.push((op, c.span()));
        c.bump();
        if ops.len() > CHAIN_MAX {
            return Err(c.error(format!("the expression has more than {CHAIN_MAX} operators")));
        }
    }
    let mut expr = postfix(c, braces)?;
    for (op, span) in ops.into_iter().rev() {
        let last = expr.span.1;
        expr = Expr { kind: ExprKind::Unary(op, Box::new(expr)), span: (span, last) };
    }
    Ok(expr)
}

/// An atom and what follows it without an operator: fields, indices, calls, decorations.
fn postfix(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    let mut expr = atom(c, braces)?;
    for _ in 0..CHAIN_MAX {
        let first = expr.span.0;
        let kind = if c.is_punct('.') && !c.is_op("..") {
            c.bump();
            expr = field(c, expr)?;
            continue;
        } else if c.is_group(Delimiter::Bracket) && is_indexable(&expr) {
            let (mut inside, _) = c.expect_group(Delimiter::Bracket)?;
            let index = expression(&mut inside)?;
            inside.expect_end("`]`")?;
            ExprKind::Index(Box::new(expr), Box::new(index))
        } else if braces == Braces::Decorate && operands::is_decoration(c) && is_decorable(&expr) {
            let decorations = operands::decorations(c)?;
            ExprKind::Decorated(Box::new(expr), decorations)
        } else {
            if c.is_word("as") {
                return Err(Box::new(
                    c.error("there is no `as`")
                        .note("constant integers have 128 bits and need no conversion"),
                ));
            }
            return Ok(expr);
        };
        expr = Expr { kind, span: (first, c.last_span()) };
    }
    Err(c.error(format!("the expression has more than {CHAIN_MAX} fields and indices")))
}

/// `.name`, `.name(args)`, `.0`; the point has been read.
fn field(c: &mut Cursor<'_>, base: Expr) -> Parsed<Expr> {
    let first = base.span.0;
    if let Some(literal) = c.literal() {
        // `t.0.1` reaches us as one float literal.
        let text = literal.to_string();
        let mut expr = base;
        for index in text.split('.') {
            if index.is_empty() || !index.bytes().all(|b| b.is_ascii_digit()) {
                return Err(c.expected("the name of a field"));
            }
            let value = Expr {
                kind: ExprKind::Int(index.parse().map_err(|_| c.expected("a field"))?),
                span: (literal.span(), literal.span()),
            };
            let kind = ExprKind::Index(Box::new(expr), Box::new(value));
            expr = Expr { kind, span: (first, literal.span()) };
        }
        c.bump();
        return Ok(expr);
    }
    let name = c.expect_ident("the name of a field")?;
    let kind = match c.eat_group(Delimiter::Parenthesis) {
        Some((inside, _)) => {
            let args = list(inside, ")")?;
            ExprKind::MethodCall(Box::new(base), Call { name, args })
        }
        None => ExprKind::Field(Box::new(base), name),
    };
    Ok(Expr { kind, span: (first, c.last_span()) })
}

fn is_indexable(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Name(_)
            | ExprKind::Index(..)
            | ExprKind::Field(..)
            | ExprKind::Call(_)
            | ExprKind::MethodCall(..)
            | ExprKind::Bracket(_)
            | ExprKind::Tuple(_)
    )
}

fn is_decorable(expr: &Expr) -> bool {
    !matches!(
        expr.kind,
        ExprKind::Label(_) | ExprKind::Continue(_) | ExprKind::Break(_) | ExprKind::Rounding(_)
    )
}

fn atom(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    let mut inside_first = *c;
    if let Some(mut inside) = inside_first.invisible_group() {
        // A fragment that `macro_rules!` substituted counts as if in parentheses, if it is an
        // expression of its own; otherwise its edges do not matter.
        if let Ok(expr) = ranged(&mut inside, Braces::Decorate)
            && inside.is_end()
        {
            *c = inside_first;
            return Ok(expr);
        }
    }
    let first = c.span();
    let kind = if let Some(literal) = c.literal() {
        let kind = literals::value(literal)?;
        c.bump();
        kind
    } else if c.ident().is_some() {
        return operands::named(c, braces);
    } else if c.is_punct('\'') {
        ExprKind::Label(operands::label(c)?)
    } else if c.is_group(Delimiter::Bracket) {
        let (inside, _) = c.expect_group(Delimiter::Bracket)?;
        ExprKind::Bracket(list(inside, "]")?)
    } else if c.is_group(Delimiter::Parenthesis) {
        return parenthesised(c);
    } else if braces == Braces::Decorate && c.is_group(Delimiter::Brace) {
        let (inside, _) = c.expect_group(Delimiter::Brace)?;
        match operands::rounding(inside) {
            Some(rounding) => ExprKind::Rounding(rounding),
            None => {
                return Err(Box::new(
                    error((first, c.last_span()), "braces stand where an operand is expected")
                        .note("`{rn-sae}`, `{rd-sae}`, `{ru-sae}`, `{rz-sae}` and `{sae}` are operands; masks follow a register or memory without a comma: `zmm1{k1}{z}`"),
                ));
            }
        }
    } else {
        return Err(c.expected("an operand"));
    };
    Ok(Expr { kind, span: (first, c.last_span()) })
}

/// `(a)` is `a`; `(a, b)` and `()` are tuples.
fn parenthesised(c: &mut Cursor<'_>) -> Parsed<Expr> {
    let first = c.span();
    let (mut inside, _) = c.expect_group(Delimiter::Parenthesis)?;
    let mut parts = Vec::new();
    let mut is_tuple = inside.is_end();
    while !inside.is_end() {
        parts.push(expression(&mut inside)?);
        if inside.eat_punct(',') {
            is_tuple = true;
        } else if !inside.is_end() {
            return Err(inside.expected("`,` or `)`"));
        }
    }
    let span = (first, c.last_span());
    match parts.pop() {
        Some(only) if !is_tuple => Ok(Expr { kind: only.kind, span }),
        last => {
            parts.extend(last);
            Ok(Expr { kind: ExprKind::Tuple(parts), span })
        }
    }
}
