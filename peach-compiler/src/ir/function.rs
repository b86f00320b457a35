//! A function over virtual registers: what expansion makes and every analysis reads.

use super::Ghost;
use crate::abi::{ArgPlace, Convention, Placement};
use crate::diagnostics::Place;
use crate::ids::{
    ArgId, DataId, InlinedId, InstId, LabelId, LocalFnId, LocalId, RustConstId, RustSymId, VReg,
};
use crate::isa::{Class, FeatureSet, PhysReg, Selection};
use crate::isa::{Instruction, Operand, Reg, View};
use proc_macro2::{Span, TokenStream};

/// One version of one kernel for one convention, before allocation.
#[derive(Clone, Debug)]
pub struct Function {
    /// The kernel's name.
    pub name: String,
    /// The `name` token of the source.
    pub span: Span,
    /// The calling convention.
    pub convention: &'static Convention,
    /// Where arguments arrive and results leave.
    pub placement: Placement,
    /// The instruction-set extensions it may use, implied ones included.
    pub features: FeatureSet,
    /// What the attributes ask for.
    pub options: Options,
    /// Argument registers, in order; a slice or an `i128` has two.
    pub args: Vec<Arg>,
    /// The address of a result in memory ([`Placement::hidden_result`]): written at entry and read
    /// by every [`Op::Return`]. Made by [`bind_arguments`](crate::passes::bind_arguments); `None`
    /// before.
    pub hidden_result: Option<VReg>,
    /// What the result type requires of `return`.
    pub result: ResultKind,
    /// The virtual registers.
    pub vregs: Vec<VRegInfo>,
    /// The labels.
    pub labels: Vec<LabelInfo>,
    /// Literals, tables and jump tables, in the order of their first use.
    pub data: Vec<Data>,
    /// Stack variables.
    pub locals: Vec<Local>,
    /// The local functions that it calls, each after those that it calls itself.
    pub local_fns: Vec<LocalFn>,
    /// The uses of helpers that were expanded, for debuggers; each after the one around it.
    pub inlined: Vec<Inlined>,
    /// `const { … }` expressions.
    pub rust_consts: Vec<RustConst>,
    /// `sym …` paths.
    pub rust_syms: Vec<RustSym>,
    /// The instructions, in order. Control flow is by labels. The bodies of the local functions, in
    /// their order, are last; each begins with [`LocalOp::Entry`].
    pub insts: Vec<Inst>,
}

impl Function {
    /// The instruction at `id`.
    pub fn inst(&self, id: InstId) -> &Inst {
        &self.insts[id.index()]
    }

    /// Where an argument arrives.
    pub fn arg_place(&self, arg: ArgId) -> ArgPlace {
        let arg = &self[arg];
        self.placement.args[arg.param][arg.part]
    }

    /// Whether `reg` holds the address of an argument that is passed by reference. No name of the
    /// user's is for it.
    pub fn is_passed_address(&self, reg: Reg) -> bool {
        let Reg::Virtual(vreg) = reg else { return false };
        self[vreg].temporary && self.args.iter().any(|arg| arg.pointer == Some(vreg))
    }

    /// What is in registers at entry: arguments, addresses of arguments passed by reference, and
    /// the address of the result. They are all written at once, before the first instruction.
    pub fn arriving(&self) -> Vec<(VReg, PhysReg)> {
        let mut list = Vec::new();
        for (index, arg) in self.args.iter().enumerate() {
            match (self.arg_place(ArgId(index as u32)), arg.pointer) {
                (ArgPlace::Reg(reg), _) => list.push((arg.vreg, reg)),
                (ArgPlace::Indirect { pointer, .. }, Some(vreg))
                    if !list.contains(&(vreg, pointer)) =>
                {
                    list.push((vreg, pointer));
                }
                _ => {}
            }
        }
        if let (Some(vreg), Some(reg)) = (self.hidden_result, self.placement.hidden_result) {
            list.push((vreg, reg));
        }
        list
    }
}

/// What a kernel's attributes ask of the stages after expansion.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `#[spill]`.
    pub spill: bool,
    /// `#[vzeroupper = false]`.
    pub no_vzeroupper: bool,
    /// `#[endbr64]`: the code starts with that instruction.
    pub endbr64: bool,
    /// The kernel is an `unsafe fn`: everything in it counts as inside `unsafe`.
    pub unsafe_fn: bool,
    /// The code may hold no absolute address: `#[embed = "text"]`, and object files.
    pub in_text: bool,
    /// It is the copy of an inlined kernel that can be called: mapped, or in text where it
    /// addresses Rust items.
    pub is_copy: bool,
    /// The caller reserves no shadow space for the kernel.
    pub without_shadow: bool,
    /// The code stands in its caller: control goes on behind it instead of returning.
    pub inlined: bool,
}

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

/// One register that an argument arrives in.
#[derive(Clone, Debug)]
pub struct Arg {
    /// Its virtual register; set on entry (or, from the stack, by a load before its first use).
    pub vreg: VReg,
    /// The parameter it belongs to, as an index into [`Placement::args`].
    pub param: usize,
    /// Which part of the parameter: 0, or 1 for `len` and `hi`.
    pub part: usize,
    /// Holds the address of an argument that is passed by reference. [`Op::LoadArg`], or the
    /// instruction that has the argument as an operand in memory, reads it where the address
    /// arrives in a register ([`ArgPlace::Indirect`]); [`Op::LoadArg`] writes it, as a scratch,
    /// where the address arrives on the stack. Made by
    /// [`bind_arguments`](crate::passes::bind_arguments); `None` before, and where it has no use.
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
    /// The helper's name.
    pub name: String,
    /// Its name where it is defined.
    pub defined: Span,
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

/// One step of the program, with its source.
#[derive(Clone, Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// The tokens that stand for it: where errors point and listings link to.
    pub span: Span,
    /// The spans of its operands, as far as the user wrote them; may be shorter than the operands.
    pub operand_spans: Vec<Place>,
    /// Whether it is in `unsafe`.
    pub in_unsafe: bool,
    /// The innermost use of a helper that it comes from.
    pub inlined: Option<InlinedId>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Op {
    /// A place that branches go to.
    Label(LabelId),
    /// An instruction, emitted as written.
    Machine(Machine),
    /// `a = b`: equal class; costs nothing where both get one register.
    Copy {
        /// Written.
        dst: View<Reg>,
        /// Read, lane by lane: an unwritten lane stays unwritten.
        src: View<Reg>,
    },
    /// `a = 7`: a general-purpose register gets a number, by the shortest instruction allowed here.
    SetImm {
        /// Written, in full.
        dst: View<Reg>,
        /// Fits the class, signed or unsigned.
        value: i128,
    },
    /// `a = undefined`: from here on the register has some value, which is the same at every read.
    /// No code: it is what happens to be there.
    Undefined {
        /// Written; in all lanes, if it is seen through its own class.
        dst: View<Reg>,
    },
    /// Loads one part of a parameter that did not arrive in a register (made by
    /// `passes::bind_arguments`). Writes the whole register [`Arg::vreg`] (all lanes of a vector
    /// register) and uses [`Arg::pointer`], if there is one.
    LoadArg {
        /// Which.
        arg: ArgId,
    },
    /// A local function is called, or its body begins or ends.
    Local(LocalOp, LocalFnId),
    /// Leaves the kernel with these values, one per component of the result.
    Return(Vec<ReturnValue>),
    /// Aligns what follows with multi-byte nops.
    Align(u32),
    /// For the proof of memory safety alone: no code, and no use of a register. Gone before
    /// registers are allocated ([`drop_ghosts`](crate::passes::drop_ghosts)).
    Ghost(Ghost),
    /// `db`: raw bytes.
    Bytes(Vec<u8>),
}

impl Op {
    /// The instruction, if it is one that is emitted as written.
    pub fn machine(&self) -> Option<&Machine> {
        if let Op::Machine(machine) = self { Some(machine) } else { None }
    }

    /// Whether it leaves the kernel for another function: `jmp sym path`.
    pub fn is_tail_call(&self) -> bool {
        self.machine().is_some_and(|machine| machine.inst.is_tail_call())
    }

    /// Destination and source, if it is a copy.
    pub fn copy(&self) -> Option<(View<Reg>, View<Reg>)> {
        if let Op::Copy { dst, src } = *self { Some((dst, src)) } else { None }
    }

    /// The local function that it calls, if it calls one.
    pub fn called(&self) -> Option<LocalFnId> {
        if let Op::Local(LocalOp::Call, id) = *self { Some(id) } else { None }
    }

    /// The local function whose body begins with it, if one does.
    pub fn entered(&self) -> Option<LocalFnId> {
        if let Op::Local(LocalOp::Entry, id) = *self { Some(id) } else { None }
    }

    /// The values that it returns, if it leaves the kernel.
    pub fn returned(&self) -> Option<&[ReturnValue]> {
        if let Op::Return(values) = self { Some(values) } else { None }
    }
}

/// What happens to a local function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalOp {
    /// It is called: nothing but the return address is pushed. Reads its parameters, writes its
    /// results; the physical registers that it changes have no value afterwards, nor have flags.
    Call,
    /// Its body begins, and what is before ends.
    Entry,
    /// Its body ends, and it returns.
    Return,
    /// A use of it begins or ends, where its body stands in the place of each use
    /// ([`Uses`](crate::analysis::Uses)). What it changes of physical registers has no value, nor
    /// have flags.
    Boundary,
}

/// A machine instruction, and where the source says that it may go.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The instruction.
    pub inst: Instruction<Reg>,
    /// `jmp r, CASES`: the jump table that lists the targets.
    pub targets: Option<DataId>,
    /// The forms that fit.
    pub selection: Selection,
}

/// A value as an operand of `return`.
#[derive(Clone, Debug, PartialEq)]
pub enum ReturnValue {
    /// A register.
    Reg(View<Reg>),
    /// An integer.
    Imm(i128),
    /// A float or vector constant in memory (`return 1.5;`).
    Data(DataId),
    /// A Rust constant.
    RustConst(RustConstId),
}

/// An operand over virtual registers; a shorthand for the many functions that take one.
pub type VirtualOperand = Operand<Reg>;

/// Looks up the tables of a function by typed index.
macro_rules! index_by {
    ($($id:ident $field:ident $item:ident)*) => {
        $(impl std::ops::Index<$id> for Function {
            type Output = $item;
            fn index(&self, id: $id) -> &$item {
                &self.$field[id.index()]
            }
        })*
    };
}

index_by! {
    VReg vregs VRegInfo
    LabelId labels LabelInfo
    DataId data Data
    LocalId locals Local
    LocalFnId local_fns LocalFn
    InlinedId inlined Inlined
    ArgId args Arg
    RustConstId rust_consts RustConst
    RustSymId rust_syms RustSym
    InstId insts Inst
}
