//! What a function's signature says: of each register that an argument arrives in, and of the
//! result.

use crate::ids::VReg;
use crate::isa::Class;

/// One register that an argument arrives in.
#[derive(Clone, Debug)]
pub struct Arg {
    /// Its virtual register; set on entry (or, from the stack, by a load before its first use).
    pub vreg: VReg,
    /// The parameter it belongs to, as an index into
    /// [`Placement::args`](crate::abi::Placement::args).
    pub param: usize,
    /// Which part of the parameter: 0, or 1 for `len` and `hi`.
    pub part: usize,
    /// Holds the address of an argument that is passed by reference.
    /// [`Op::LoadArg`](super::Op::LoadArg), or the instruction that has the argument as an operand
    /// in memory, reads it where the address arrives in a register
    /// ([`ArgPlace::Indirect`](crate::abi::ArgPlace::Indirect));
    /// [`Op::LoadArg`](super::Op::LoadArg) writes it, as a scratch, where the address arrives on
    /// the stack. Made by [`bind_arguments`](crate::passes::bind_arguments); `None` before, and
    /// where it has no use.
    pub pointer: Option<VReg>,
    /// What is known of the value, for the safety proof.
    pub value: ArgValue,
    /// Of a pointer to arrays of numbers: their lengths, outermost first, where they are known.
    pub lengths: Vec<Option<u64>>,
    /// How many bytes of it arrive: 4 of pointers and sizes where the convention's have 32 bits.
    pub bytes: u32,
    /// What the bytes of the register beyond these become.
    pub extension: Extension,
    /// `#[secret]`: a number is, or what a pointer points to.
    pub secret: bool,
}

/// How a value that is narrower where it arrives than in its register fills the register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extension {
    /// Not at all: the other bytes are unspecified.
    #[default]
    None,
    /// By zeros. Pointers in registers arrive with them (System V AMD64 psABI 1.0, section 10.1).
    Zero,
    /// By copies of the sign.
    Sign,
}

/// What the signature says of an argument's register.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgValue {
    /// A number of `bytes` bytes; the other bytes of the register are unspecified.
    Number {
        /// The width of the type.
        bytes: u32,
    },
    /// `bool`: 0 or 1 in the low byte.
    Bool,
    /// `char`: a scalar value in the low four bytes.
    Char,
    /// A float or a vector. Lanes beyond `bytes` count as written, with any value.
    Vector {
        /// The width of the type.
        bytes: u32,
    },
    /// `&T`, `&mut T`, `&[T; N]` of number types: valid for `bytes` bytes while unmodified.
    Reference {
        /// How many bytes it may be read (and written) for; `None` where that is not known.
        bytes: Option<u64>,
        /// `&mut`.
        mutable: bool,
        /// The alignment of what it points to, in bytes.
        align: u64,
        /// The type's tokens, as text: equal texts are interchangeable as results.
        type_text: String,
    },
    /// The address of a slice of number types, whose length is the argument's next part.
    Slice {
        /// The size of an element in bytes; 0 where nothing is known of the elements.
        element: u64,
        /// `&mut`.
        mutable: bool,
        /// The alignment of an element, in bytes.
        align: u64,
        /// The type's tokens, as text: equal texts are interchangeable as results.
        type_text: String,
    },
    /// Any other pointer, or a function pointer: nothing may be assumed, but it is a valid value of
    /// its own type. Two arguments of one `type_text` are interchangeable as results.
    Pointer {
        /// The type's tokens, as text.
        type_text: String,
        /// It refers to its memory exclusively: `Option<&mut T>`.
        exclusive: bool,
    },
}

impl ArgValue {
    /// The width of the type in bytes, in a register.
    pub fn bytes(&self) -> u32 {
        match self {
            ArgValue::Number { bytes } | ArgValue::Vector { bytes } => *bytes,
            ArgValue::Bool => 1,
            ArgValue::Char => 4,
            ArgValue::Reference { .. } | ArgValue::Slice { .. } | ArgValue::Pointer { .. } => 8,
        }
    }
}

/// What `return` has to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultKind {
    /// `()`.
    Unit,
    /// One value or a pair, in order.
    Values(Vec<ResultValue>),
}

/// One component of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultValue {
    /// How many bytes of it leave: its width, and 4 for pointers and sizes where the convention's
    /// have 32 bits.
    pub bytes: u32,
    /// The class of the registers that it is returned from.
    pub class: Class,
    /// How many bytes of a general-purpose register callers may rely on, where it is the whole
    /// result: 8 for pointers of 32 bits, with zeros above them. Of narrow integers callers rely on
    /// no more than their own bytes.
    pub extended: u32,
    /// Whether it is a float or vector (else an integer or pointer).
    pub vector: bool,
    /// Which bit patterns are valid.
    pub validity: Validity,
}

/// The valid bit patterns of a result type.
#[derive(Clone, Debug, PartialEq)]
pub enum Validity {
    /// All.
    Any,
    /// 0 and 1.
    Bool,
    /// Unicode scalar values.
    Char,
    /// An unmodified argument of the same type (`type_text`), or what is known to be as good.
    Reference {
        /// The type's tokens, as text.
        type_text: String,
        /// What it refers to, where that is known.
        referent: Option<Referent>,
        /// 0 is valid too.
        is_optional: bool,
    },
}

/// What a reference refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Referent {
    /// How many bytes.
    pub bytes: u64,
    /// What its address is a multiple of.
    pub align: u64,
    /// `&mut`.
    pub mutable: bool,
    /// For how long, where that has a name.
    pub lifetime: Option<String>,
}

/// The lifetime of a reference, by its type's tokens, where it has a name.
pub fn lifetime_of(type_text: &str) -> Option<String> {
    let (_, rest) = type_text.split_once('&')?;
    let name = rest.trim_start().strip_prefix('\'')?;
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let name: String = name.chars().take_while(|c| is_part(*c)).collect();
    (name != "_").then(|| format!("'{name}"))
}
