//! Types: those of a kernel's signature, elements of arrays and tables, classes of registers.

use super::{Element, Expr, Name};
use proc_macro2::{Span, TokenStream};

/// A type of a signature.
#[derive(Clone, Debug)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// As written.
    pub tokens: TokenStream,
    /// First and last token.
    pub span: (Span, Span),
}

/// The types that a kernel's signature may have.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `()`.
    Unit,
    /// `i8` … `u64`, `isize`, `usize`.
    Int {
        /// 1, 2, 4 or 8.
        bytes: u32,
        /// `i…`.
        signed: bool,
        /// `isize`, `usize`: in memory as wide as a pointer, which some conventions have in 4
        /// bytes.
        is_size: bool,
    },
    /// `i128`, `u128`.
    Wide {
        /// `i128`.
        signed: bool,
    },
    /// `bool`.
    Bool,
    /// `char`.
    Char,
    /// `f32`, `f64`.
    Float {
        /// 4 or 8.
        bytes: u32,
    },
    /// `__m128`, `__m256i`, …, with or without a path.
    Vector {
        /// 16, 32 or 64.
        bytes: u32,
    },
    /// `*const T`, `*mut T`.
    RawPointer,
    /// `NonNull<T>`, with or without a path.
    NonNull,
    /// `&T`, `&mut T`, `&[T; N]`; not slices.
    Reference {
        /// `&mut`.
        mutable: bool,
        /// What it points to.
        pointee: Pointee,
    },
    /// `&[T]`, `&mut [T]`.
    Slice {
        /// `&mut`.
        mutable: bool,
        /// `T`, as written.
        element: TokenStream,
        /// What an element is.
        pointee: Pointee,
    },
    /// `&str`.
    Str,
    /// `fn(…)`, `extern "C" fn(…)`, `unsafe …`.
    FnPointer,
    /// `Option<T>` of a reference, `NonNull` or function pointer.
    Option(Box<Type>),
    /// A pair as a result.
    Pair(Box<Type>, Box<Type>),
    /// A type that kernels cannot have, which has been reported.
    Invalid,
}

impl TypeKind {
    /// Whether it is a type by its tokens alone: no name in it can be another's.
    pub fn is_builtin(&self) -> bool {
        match self {
            TypeKind::Unit
            | TypeKind::Int { .. }
            | TypeKind::Wide { .. }
            | TypeKind::Bool
            | TypeKind::Char
            | TypeKind::Float { .. }
            | TypeKind::Slice { .. }
            | TypeKind::Str
            | TypeKind::FnPointer
            | TypeKind::Invalid => true,
            TypeKind::Vector { .. }
            | TypeKind::RawPointer
            | TypeKind::NonNull
            | TypeKind::Reference { .. }
            | TypeKind::Option(_)
            | TypeKind::Pair(..) => false,
        }
    }
}

/// What a reference or a slice points to, as far as its size can be known here.
#[derive(Clone, Debug)]
pub enum Pointee {
    /// Numbers.
    Numbers(Numbers),
    /// Anything else.
    Other,
}

/// A number, or arrays of numbers: `f32`, `[f32; N]`, `[[f32; 8]; N]`.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// The number type as written: `usize` and `u64` are two types.
    pub name: Name,
    /// What it is.
    pub element: Element,
    /// Array lengths, outermost first. They may be kernel constants.
    pub lengths: Vec<Expr>,
}

/// A class, or an array of a class: `ymm`, `[ymm; 8]`, `[[zmm; 2]; 6]`, `V` (bound by a version).
#[derive(Clone, Debug)]
pub struct ClassExpr {
    /// The class's name.
    pub class: Name,
    /// Array lengths, outermost first.
    pub lengths: Vec<Expr>,
}

/// What a table holds.
#[derive(Clone, Debug)]
pub enum TableElement {
    /// Numbers of the type that is called so.
    Number(Element, Name),
    /// `label`: a jump table.
    Label,
}
