//! Expressions and operands.
//!
//! They are one type, [`Expr`]: a helper's `m: operand` and `let slot = [p + 8];` let whatever
//! is as an operand have a name, so expansion distinguishes them by what they evaluate to, not
//! the grammar.

use super::{ConstBlock, Element, Name, Pattern, Rounding};
use proc_macro2::{Span, TokenStream};

/// An expression or operand.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its first and its last token.
    pub span: (Span, Span),
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `7`, `0xF1`, `b'a'`.
    Int(i128),
    /// `7u8`: it lends its type to a method that is called on it.
    TypedInt(i128, Element),
    /// `1.5`, `1.5f32`. The literal's text is kept: it is rounded once, to the type it gets.
    Float(FloatLiteral),
    /// `true`, `false`.
    Bool(bool),
    /// `"avx2"`, as an argument of `isa`.
    Str(String),
    /// Any name: register, constant, class, list, mnemonic.
    Name(Name),
    /// `'name`, `'case[i]`.
    Label(Label),
    /// `continue 'name`: the start of the labeled block.
    Continue(Label),
    /// `break 'name`: the end of the labeled block.
    Break(Label),
    /// `-x`, `!x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a..b`, `a..=b`, `a..`, `..b`, `..`.
    Range {
        /// Inclusive lower end.
        start: Option<Box<Expr>>,
        /// Upper end.
        end: Option<Box<Expr>>,
        /// `..=`.
        inclusive: bool,
    },
    /// `x[i]`, `x[a..b]`, and `t.0`, which is `t[0]`.
    Index(Box<Expr>, Box<Expr>),
    /// `x.ptr`, `n.gp32`.
    Field(Box<Expr>, Name),
    /// `f(x)`.
    Call(Call),
    /// `(0..8).rev()`, `.step_by(2)`.
    MethodCall(Box<Expr>, Call),
    /// `(a, b)`, `()`. `(a)` is `a`.
    Tuple(Vec<Expr>),
    /// `[a + 8]` or `[4, 2, 1]`: memory as an operand, a list where a list is wanted.
    Bracket(Vec<Expr>),
    /// `byte x`, `dword ptr x`: the size in bytes.
    Sized(u32, Box<Expr>),
    /// `fs:[…]`.
    Segment(Name, Box<Expr>),
    /// `x{k1}{z}`, `[p]{1to16}`.
    Decorated(Box<Expr>, Vec<Decoration>),
    /// `{rn-sae}`, `{sae}` as an operand.
    Rounding(Rounding),
    /// `short 'l`.
    Short(Box<Expr>),
    /// `near 'l`.
    Near(Box<Expr>),
    /// `disp8 [..]`.
    Disp8(Box<Expr>),
    /// `disp32 [..]`.
    Disp32(Box<Expr>),
    /// `const { … }`: what is between the braces.
    RustConst(TokenStream),
    /// `sym path`.
    RustSym(TokenStream),
    /// `if c { a } else { b }` as a constant. In a `const fn`, `else` may be missing.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `x as u32`.
    Cast(Box<Expr>, Element),
    /// `[e; N]`.
    Repeat(Box<Expr>, Box<Expr>),
    /// `*b"…"`.
    Bytes(Vec<u8>),
    /// `from_fn(|i| e)`.
    FromFn(Box<Closure>),
    /// `{ let x = …; e }`, of which all is evaluated at compile time.
    Block(Box<ConstBlock>),
}

/// `|i| e`.
#[derive(Clone, Debug)]
pub struct Closure {
    /// What the index is called.
    pub param: Pattern,
    /// The element.
    pub body: Expr,
}

/// A float literal.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatLiteral {
    /// Without underscores and suffix.
    pub text: String,
    /// `f32` or `f64`, where written.
    pub suffix: Option<u32>,
}

/// `name(args)`.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called: a helper, `isa`, `bits`, `len`, `zip`, or a data element (`f32x8`).
    pub name: Name,
    /// The arguments.
    pub args: Vec<Expr>,
}

/// `'name` or `'name[index]`.
#[derive(Clone, Debug)]
pub struct Label {
    /// Without the quote.
    pub name: Name,
    /// The index.
    pub index: Option<Box<Expr>>,
    /// The quote.
    pub span: Span,
}

/// What may follow an operand in braces.
#[derive(Clone, Debug)]
pub struct Decoration {
    /// What it is.
    pub kind: DecorationKind,
    /// The braces.
    pub span: (Span, Span),
}

/// See [`Decoration`].
#[derive(Clone, Debug)]
pub enum DecorationKind {
    /// `{k1}`, `{m}`, `{masks[i]}`.
    Mask(Expr),
    /// `{z}`.
    Zeroing,
    /// `{1to16}`; [`LANES_OPEN`](crate::ir::LANES_OPEN) of `dword bcst [p]`.
    Broadcast(u8),
    /// `{rn-sae}`, `{sae}`.
    Rounding(Rounding),
}

/// `-`, `!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
}

/// Rust's binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `&&`
    AndAnd,
    /// `||`
    OrOr,
}
