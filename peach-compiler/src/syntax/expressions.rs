//! Expressions: constant expressions and operands are one grammar, with Rust's precedence.
//!
//! In: a cursor. Out: an [`Expr`]; what it means is found out by expansion.
//! Invariants: trees are at most a few hundred levels deep, whatever the input, so that later
//! stages may recurse over them. Fails: with a syntax error at the first token that does not fit.

use super::ast::{BinaryOp, Call, Element, Expr, ExprKind, Label, UnaryOp};
use super::buffer::Token;
use super::cursor::{Cursor, Parsed, error};
use super::{habits, literals, operands};
use crate::diagnostics::Diagnostic;
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
            return Err(after_item(&c, exprs.last(), close));
        }
    }
    Ok(exprs)
}

/// What follows an item of a list is not a comma: `[fs:0]` has its segment inside.
fn after_item(c: &Cursor<'_>, item: Option<&Expr>, close: &str) -> Box<Diagnostic> {
    if let Some(problem) = habits::behind_operand(c) {
        return problem;
    }
    let error = c.expected(&format!("`,` or `{close}`"));
    match item.map(|item| &item.kind) {
        Some(ExprKind::Name(name)) if close == "]" && c.is_punct(':') => {
            Box::new(error.help(format!("a segment is written before the brackets: `{name}:[…]`")))
        }
        _ => error,
    }
}

/// Ranges bind weakest: `a..b`, `..b`, `a..`, `..`.
fn ranged(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    c.descend()?;
    let first = c.span();
    let starts_open = is_dots(c) && !c.is_fragment();
    let start = if starts_open { None } else { Some(binary(c, 0, braces)?) };
    if !is_dots(c) {
        c.ascend();
        return start.ok_or_else(|| c.expected("an expression"));
    }
    let inclusive = c.eat_op("..=");
    let has_end = inclusive || {
        c.eat_op("..");
        starts_expression(c, braces)
    };
    let end = if has_end { Some(Box::new(binary(c, 0, braces)?)) } else { None };
    c.ascend();
    let kind = ExprKind::Range { start: start.map(Box::new), end, inclusive };
    Ok(Expr { kind, span: (first, c.last_span()) })
}

fn is_dots(c: &Cursor<'_>) -> bool {
    c.is_punct('.') && c.is_op("..")
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
    let mut left = converted(c, braces)?;
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
    // `a += b` is an assignment, for the parser of statements to see.
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

/// `x as u32`, which binds more strongly than the binary operators, and less than `-` and `!`.
fn converted(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    let mut expr = unary(c, braces)?;
    for _ in 0..CHAIN_MAX {
        if !c.eat_word("as") {
            return Ok(expr);
        }
        let ty = cast_type(c)?;
        let span = (expr.span.0, c.last_span());
        expr = Expr { kind: ExprKind::Cast(Box::new(expr), ty), span };
    }
    Err(c.error(format!("the expression has more than {CHAIN_MAX} conversions")))
}

/// What is after `as`.
fn cast_type(c: &mut Cursor<'_>) -> Parsed<Element> {
    match c.word().and_then(Element::from_name) {
        Some(element) => {
            c.bump();
            Ok(element)
        }
        None => Err(Box::new(c.expected("a number type after `as`").note(
            "`as` converts to `i8` … `i128`, `u8` … `u128`, `isize`, `usize`, `f32`, `f64`",
        ))),
    }
}

fn unary(c: &mut Cursor<'_>, braces: Braces) -> Parsed<Expr> {
    let mut ops: Vec<(UnaryOp, Span)> = Vec::new();
    // The operators of a fragment are its own: `2 * $e` is `2 * (-1 + 2)`.
    while !c.is_fragment()
        && let Some((ch @ ('-' | '!'), _)) = c.punct()
    {
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
        let kind = match c.peek() {
            None => return Ok(expr),
            Some(Token::Punct { ch: '.', .. }) if !is_dots(c) => {
                c.bump();
                expr = field(c, expr)?;
                continue;
            }
            Some(Token::Punct { .. }) => return Ok(expr),
            Some(_) => match suffix(c, expr, braces)? {
                Suffix::None(expr) => return Ok(expr),
                Suffix::Found(kind) => kind,
            },
        };
        expr = Expr { kind, span: (first, c.last_span()) };
    }
    Err(c.error(format!("the expression has more than {CHAIN_MAX} fields and indices")))
}

/// What [`suffix`] finds.
enum Suffix {
    /// Nothing: the expression as it was.
    None(Expr),
    /// The expression with something after it.
    Found(ExprKind),
}

/// An index or decorations after `expr`.
fn suffix(c: &mut Cursor<'_>, expr: Expr, braces: Braces) -> Parsed<Suffix> {
    if let (true, ExprKind::Label(label @ Label { index: None, .. })) =
        (c.is_group(Delimiter::Bracket), &expr.kind)
    {
        // The name is a fragment of a macro, and its index is after it.
        let index = operands::index(c)?;
        return Ok(Suffix::Found(ExprKind::Label(Label { index, ..label.clone() })));
    }
    if c.is_group(Delimiter::Bracket) && is_indexable(&expr) {
        let (mut inside, _) = c.expect_group(Delimiter::Bracket)?;
        let index = expression(&mut inside)?;
        inside.expect_end("`]`")?;
        return Ok(Suffix::Found(ExprKind::Index(Box::new(expr), Box::new(index))));
    }
    if braces == Braces::Decorate && operands::is_decoration(c) && is_decorable(&expr) {
        let decorations = operands::decorations(c)?;
        return Ok(Suffix::Found(ExprKind::Decorated(Box::new(expr), decorations)));
    }
    Ok(Suffix::None(expr))
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
            | ExprKind::Repeat(..)
            | ExprKind::Bytes(_)
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
    if let Some(expr) = fragment(c) {
        return Ok(expr);
    }
    if c.is_punct('*')
        && let Some(bytes) = byte_string(&c.ahead())
    {
        let first = c.span();
        c.bump();
        c.bump();
        return Ok(Expr { kind: ExprKind::Bytes(bytes), span: (first, c.last_span()) });
    }
    match c.peek() {
        Some(Token::Ident { .. }) => operands::named(c, braces),
        Some(Token::Literal(literal)) => {
            let kind = literals::value(literal)?;
            c.bump();
            Ok(Expr { kind, span: (literal.span(), literal.span()) })
        }
        Some(Token::Open { group, delimiter, .. }) => {
            let span = (group.span_open(), group.span_close());
            match delimiter {
                Delimiter::Bracket => {
                    let (inside, _) = c.expect_group(Delimiter::Bracket)?;
                    Ok(Expr { kind: bracketed(inside)?, span })
                }
                Delimiter::Brace if braces == Braces::Decorate => rounding(c, span),
                Delimiter::Parenthesis => parenthesized(c),
                _ => Err(c.expected("an operand")),
            }
        }
        Some(Token::Punct { ch: '\'', span, .. }) => {
            let kind = ExprKind::Label(operands::label(c)?);
            Ok(Expr { kind, span: (*span, c.last_span()) })
        }
        _ => Err(habits::in_operand(c).unwrap_or_else(|| c.expected("an operand"))),
    }
}

fn byte_string(c: &Cursor<'_>) -> Option<Vec<u8>> {
    literals::byte_string(c.literal()?)
}

/// `[a, b]`, `[e; N]`.
fn bracketed(mut c: Cursor<'_>) -> Parsed<ExprKind> {
    let start = c;
    if !c.is_end() {
        let element = expression(&mut c)?;
        if c.eat_punct(';') {
            let count = expression(&mut c)?;
            c.expect_end("`]`")?;
            return Ok(ExprKind::Repeat(Box::new(element), Box::new(count)));
        }
        if c.is_end() {
            return Ok(ExprKind::Bracket(vec![element]));
        }
    }
    Ok(ExprKind::Bracket(list(start, "]")?))
}

/// A fragment that `macro_rules!` substituted counts as if in parentheses, if it is an expression
/// of its own; otherwise its edges do not matter.
fn fragment(c: &mut Cursor<'_>) -> Option<Expr> {
    loop {
        let mut behind = *c;
        let mut inside = behind.invisible_group()?;
        if let Ok(expr) = ranged(&mut inside, Braces::Decorate)
            && inside.is_end()
        {
            *c = behind;
            return Some(expr);
        }
        // Fragments within fragments would be tried twice at each level.
        c.note_no_expression();
    }
}

/// `{rn-sae}` as an operand of its own.
fn rounding(c: &mut Cursor<'_>, span: (Span, Span)) -> Parsed<Expr> {
    let (inside, _) = c.expect_group(Delimiter::Brace)?;
    match operands::rounding(inside) {
        Some(rounding) => Ok(Expr { kind: ExprKind::Rounding(rounding), span }),
        None => Err(Box::new(error(span, "expected an operand, found braces").note(
            "`{rn-sae}`, `{rd-sae}`, `{ru-sae}`, `{rz-sae}` and `{sae}` are operands; masks follow \
             a register or memory without a comma: `zmm1{k1}{z}`",
        ))),
    }
}

/// `(a)` is `a`; `(a, b)` and `()` are tuples.
fn parenthesized(c: &mut Cursor<'_>) -> Parsed<Expr> {
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
