//! What instructions name by number: the rows of a function's tables.

use crate::ids::{ArgId, InlinedId, LabelId};
use crate::isa::{Class, Reg, View};
use proc_macro2::{Ident, Span, TokenStream};

/// A virtual register.
#[derive(Clone, Debug)]
pub struct VRegInfo {
    /// Its name in the source: `acc[3]`, `x.ptr`, or what a compiler temporary is for.
    pub name: String,
    /// The class it was declared with. Views may be narrower or wider.
    pub class: Class,
    /// Where it was declared.
    pub span: Span,
    /// The argument whose register it is.
    pub arg: Option<ArgId>,
    /// Made by the compiler: never warned about.
    pub temporary: bool,
}

/// A label.
#[derive(Clone, Debug)]
pub struct LabelInfo {
    /// As written, with the quote: `'next`, `'case[3]`.
    pub name: String,
    /// Where it is defined.
    pub span: Span,
}

/// A use of a helper, which its instructions stand for.
#[derive(Clone, Debug)]
pub struct Inlined {
    /// The helper's name, where it is defined.
    pub helper: Ident,
    /// Its name where it is used.
    pub called: Span,
    /// The use around this one.
    pub parent: Option<InlinedId>,
}

/// Read-only data.
#[derive(Clone, Debug)]
pub struct Data {
    /// A table's name; `None` for a literal.
    pub name: Option<String>,
    /// What it holds.
    pub content: DataContent,
    /// In bytes; a power of two, at most 64.
    pub align: u32,
}

/// What read-only data holds.
#[derive(Clone, Debug, PartialEq)]
pub enum DataContent {
    /// Bytes.
    Bytes(Vec<u8>),
    /// 32-bit offsets of labels from the table's own start.
    Jumps(Vec<LabelId>),
    /// What rustc evaluates.
    Rust(RustTable),
}

impl DataContent {
    /// Its size in bytes.
    pub fn len(&self) -> usize {
        match self {
            DataContent::Bytes(bytes) => bytes.len(),
            DataContent::Jumps(labels) => 4 * labels.len(),
            DataContent::Rust(table) => table.count() * table.width as usize,
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A constant array of the Rust program around.
#[derive(Clone, Debug)]
pub struct RustTable {
    /// The expression between the braces.
    pub tokens: TokenStream,
    /// Its place.
    pub span: Span,
    /// The type of its elements, as it is written.
    pub element: String,
    /// The size of an element, in bytes.
    pub width: u32,
    /// The lengths of the arrays, outermost first.
    pub lengths: Vec<usize>,
}

impl RustTable {
    /// How many elements it has, those of all arrays together.
    pub fn count(&self) -> usize {
        self.lengths.iter().product()
    }
}

/// Tables are equal where their expressions are written alike.
impl PartialEq for RustTable {
    fn eq(&self, other: &RustTable) -> bool {
        self.tokens.to_string() == other.tokens.to_string()
            && self.element == other.element
            && self.lengths == other.lengths
    }
}

/// A stack variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name in the source, or what a spill slot holds.
    pub name: String,
    /// Where it was declared.
    pub span: Span,
    /// In bytes.
    pub size: u32,
    /// In bytes; a power of two, at most 4096.
    pub align: u32,
}

/// What the stack variables of a function may take ([`Local::stack_bytes`]).
pub const STACK_BYTES_MAX: u64 = 1 << 26;

impl Local {
    /// Bytes that it takes at most, with what aligns it.
    pub fn stack_bytes(&self) -> u64 {
        u64::from(self.size) + u64::from(self.align) - 1
    }
}

/// A local function: code that stands once in the kernel, and is called.
///
/// Its registers are the function's own, and the same at every use: callers copy arguments into its
/// parameters and results out of it.
#[derive(Clone, Debug)]
pub struct LocalFn {
    /// Its name.
    pub name: String,
    /// The `name` token of the source.
    pub span: Span,
    /// Where its code begins.
    pub entry: LabelId,
    /// Written before every call of it.
    pub params: Vec<View<Reg>>,
    /// Written when it returns.
    pub results: Vec<View<Reg>>,
}

/// A constant expression of the Rust program around.
#[derive(Clone, Debug)]
pub struct RustConst {
    /// The expression between the braces.
    pub tokens: TokenStream,
    /// Its place.
    pub span: Span,
}

/// A path of the Rust program around.
#[derive(Clone, Debug)]
pub struct RustSym {
    /// The path.
    pub tokens: TokenStream,
    /// Its place.
    pub span: Span,
}
