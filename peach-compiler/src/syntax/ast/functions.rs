//! Functions that are evaluated at compile time: the statements of a `const fn`.

use super::{BinaryOp, Element, Expr, Name};
use crate::diagnostics::Reported;
use proc_macro2::Span;

/// `const fn name(a: u32) -> u32 { … }`.
#[derive(Clone, Debug)]
pub struct ConstFn {
    /// Its name.
    pub name: Name,
    /// Its parameters.
    pub params: Vec<ConstParam>,
    /// Its result; `()` if there is none.
    pub result: ConstType,
    /// The statements.
    pub body: ConstBlock,
    /// A statement was in error and left out.
    pub reported: Option<Reported>,
}

/// A parameter of a `const fn`.
#[derive(Clone, Debug)]
pub struct ConstParam {
    /// What it names.
    pub pattern: ConstPattern,
    /// Its type.
    pub ty: ConstType,
}

/// What a `let`, a parameter or a `for` names.
#[derive(Clone, Debug)]
pub enum ConstPattern {
    /// `x`, `mut x`; `_`.
    Name {
        /// The name.
        name: Name,
        /// `mut`.
        mutable: bool,
    },
    /// `(a, b)`, `[a, b]`.
    Parts(Vec<ConstPattern>, (Span, Span)),
}

/// Statements, and the value of the block they are in.
#[derive(Clone, Debug)]
pub struct ConstBlock {
    /// In order.
    pub statements: Vec<ConstStatement>,
    /// The last expression, without a semicolon.
    pub value: Option<Box<Expr>>,
    /// The opening and the closing brace.
    pub span: (Span, Span),
}

/// A statement.
#[derive(Clone, Debug)]
pub enum ConstStatement {
    /// `let x: u32 = e;`, `let x;`, `const X: u32 = e;`
    Let {
        /// What it names.
        pattern: ConstPattern,
        /// After the colon.
        ty: Option<ConstType>,
        /// After `=`.
        value: Option<Expr>,
    },
    /// `x = e;`, `x[i] = e;`, `(a, b) = (b, a);`
    Assign(Expr, Expr),
    /// `x += e;`
    AssignOp(Expr, BinaryOp, Expr),
    /// An expression whose value is not used; `if`.
    Expr(Expr),
    /// `while c { … }`.
    While(Option<Name>, Expr, ConstBlock),
    /// `loop { … }`.
    Loop(Option<Name>, ConstBlock, (Span, Span)),
    /// `for x in e { … }`.
    For(Option<Name>, ConstPattern, Expr, ConstBlock),
    /// `break;`, `break 'outer;`
    Break(Option<Name>, Span),
    /// `continue;`, `continue 'outer;`
    Continue(Option<Name>, Span),
    /// `return e;`
    Return(Option<Expr>, Span),
    /// `assert!(c, "message");`
    Assert(Expr, Option<String>),
}

/// The type of a value in a `const fn`.
#[derive(Clone, Debug)]
pub enum ConstType {
    /// `bool`.
    Bool,
    /// A number.
    Number(Element),
    /// `[T; N]`.
    Array(Box<ConstType>, Box<Expr>),
    /// `(T, U)`; `()`.
    Tuple(Vec<ConstType>),
}
