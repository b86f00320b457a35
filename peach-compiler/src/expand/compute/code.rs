//! A `const fn` as it is evaluated: every name is the number of a slot, or a value.

use crate::diagnostics::Place;
use crate::expand::names::Symbol;
use crate::expand::value::Value;
use crate::syntax::ast::{self, BinaryOp, Call, Element, Expr, UnaryOp};
use std::rc::Rc;

/// A function.
#[derive(Debug)]
pub(in crate::expand) struct Function<'a> {
    pub(super) decl: &'a ast::ConstFn,
    pub(super) params: Vec<(Target, Type)>,
    pub(super) result: Type,
    pub(super) body: Block<'a>,
    /// How many slots it needs.
    pub(super) slots: usize,
    /// How deep its expressions are nested.
    pub(super) depth: u32,
}

/// A closure: its slots are in the frame of what is around it.
#[derive(Debug)]
pub(in crate::expand) struct Closure<'a> {
    pub(super) target: Target,
    pub(super) body: Code<'a>,
}

/// An expression.
#[derive(Debug)]
pub(in crate::expand) struct Code<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) expr: &'a Expr,
}

/// What an expression is.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    Value(Value),
    Slot(usize),
    Unary(UnaryOp, Box<Code<'a>>),
    Binary(BinaryOp, Box<[Code<'a>; 2]>),
    /// `as`; whether it is of a literal.
    Cast(Element, bool, Box<Code<'a>>),
    Range(Box<[Code<'a>; 2]>, bool),
    Index(Box<[Code<'a>; 2]>),
    Part(Box<Part<'a>>),
    /// `x.name(…)`; the type that `x` lends it.
    Method(&'a Call, Option<Element>, Box<Code<'a>>, Vec<Code<'a>>),
    /// Of a `const fn`.
    Call(Symbol, &'a Call, Vec<Argument<'a>>),
    Len(Box<Code<'a>>),
    Zip(Vec<Code<'a>>),
    Bits(Box<Code<'a>>),
    List(Vec<Code<'a>>),
    Tuple(Vec<Code<'a>>),
    Repeat(Box<[Code<'a>; 2]>),
    FromFn(Box<Closure<'a>>, usize),
    If(Box<[Code<'a>; 3]>),
    Block(Box<Block<'a>>),
}

/// An argument, and whether it is known to fit its parameter.
#[derive(Debug)]
pub(super) struct Argument<'a> {
    pub(super) code: Code<'a>,
    pub(super) fits: bool,
}

/// `x[a..b]`.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) list: Code<'a>,
    pub(super) start: Option<Code<'a>>,
    pub(super) end: Option<Code<'a>>,
    pub(super) inclusive: bool,
}

/// `{ … }`.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) statements: Vec<Statement<'a>>,
    pub(super) value: Option<Box<Code<'a>>>,
}

/// A statement.
#[derive(Debug)]
pub(super) enum Statement<'a> {
    /// `let`; without a value, the slot is unset.
    Let(Target, Option<Type>, Option<Code<'a>>),
    /// `(a, b) = e`, `_ = e`.
    AssignParts(Vec<Option<Variable<'a>>>, Code<'a>),
    Assign(Variable<'a>, Code<'a>),
    AssignOp(Variable<'a>, BinaryOp, Code<'a>),
    Expr(Code<'a>),
    While(Code<'a>, Block<'a>),
    Loop(Block<'a>, Place),
    For(Target, Code<'a>, Block<'a>),
    /// How many loops are within the one that it ends.
    Break(usize),
    Continue(usize),
    Return(Option<Code<'a>>, Type),
    Assert(Code<'a>, &'a Option<String>),
}

/// A variable, or an element of one.
#[derive(Debug)]
pub(super) struct Variable<'a> {
    pub(super) slot: usize,
    pub(super) indices: Vec<Code<'a>>,
    pub(super) ty: Option<Type>,
    pub(super) expr: &'a Expr,
}

/// What values are given to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Slot(usize),
    /// `_`.
    Nothing,
    Parts(Vec<Target>, Place),
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::expand) enum Type {
    /// Whatever the place takes that it is for.
    Unknown,
    Bool,
    Number(Element),
    Array(Rc<Type>, usize),
    Tuple(Rc<[Type]>),
}

impl Type {
    /// The type of the elements that `indices` indices lead to.
    pub(super) fn element(&self, indices: usize) -> Option<&Type> {
        match (self, indices) {
            (ty, 0) => Some(ty),
            (Type::Array(element, _), _) => element.element(indices - 1),
            _ => None,
        }
    }

    /// The number type that it is.
    pub(super) fn number(&self) -> Option<Element> {
        match self {
            Type::Number(element) => Some(*element),
            Type::Unknown | Type::Bool | Type::Array(..) | Type::Tuple(_) => None,
        }
    }

    /// The lengths of the arrays that it is, outermost first.
    pub(super) fn lengths(&self) -> Vec<usize> {
        let mut lengths = Vec::new();
        let mut ty = self;
        while let Type::Array(element, length) = ty {
            lengths.push(*length);
            ty = element;
        }
        lengths
    }
}
