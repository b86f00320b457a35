//! Assignments: whether a statement is one, before it is read, and the operators of `+=` and its
//! like.

use super::ast::BinaryOp;
use super::cursor::Cursor;
use proc_macro2::Delimiter;

/// Whether a name with fields and indices, or a tuple, is followed by an assignment.
pub(super) fn sets_place(mut c: Cursor<'_>) -> bool {
    c.bump();
    loop {
        if c.is_group(Delimiter::Bracket) {
            c.bump();
        } else if c.is_punct('.') && !c.is_op("..") {
            c.bump();
            c.bump();
        } else {
            return c.is_assignment() || compound_operator(&mut c).is_some();
        }
    }
}

/// `+=` and its like.
pub(super) fn compound_operator(c: &mut Cursor<'_>) -> Option<BinaryOp> {
    const OPERATORS: [(&str, BinaryOp); 10] = [
        ("+=", BinaryOp::Add),
        ("-=", BinaryOp::Sub),
        ("*=", BinaryOp::Mul),
        ("/=", BinaryOp::Div),
        ("%=", BinaryOp::Rem),
        ("&=", BinaryOp::And),
        ("|=", BinaryOp::Or),
        ("^=", BinaryOp::Xor),
        ("<<=", BinaryOp::Shl),
        (">>=", BinaryOp::Shr),
    ];
    c.punct()?;
    OPERATORS.iter().find(|(text, _)| c.eat_op(text)).map(|(_, op)| *op)
}
