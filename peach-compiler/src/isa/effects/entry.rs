//! The terms in which the table of instructions speaks: what one entry can say.
//!
//! iced's own table says which operands a row has, how each is accessed, and which registers and
//! flags go with it. An entry holds for a whole mnemonic and says what iced does not: which bytes
//! count, what is known when two sources are the same register, what is safe, what is touched
//! beyond operands. Nothing here is tied to iced, so that instructions of our own can use it as
//! well.

use crate::isa::effects::choice::{ByImmediate, Half};
use crate::isa::{Control, Hazard, PhysReg, Reach, X87Effect};

/// What is known of every row of a mnemonic.
#[derive(Clone, Copy, Debug)]
pub(in crate::isa) struct Entry {
    /// Why no kernel can have it.
    pub absence: Option<Absence>,
    /// What becomes of the destination.
    pub output: Output,
    /// What it reads of its operands, where that is less than what their kinds suggest.
    pub reads: &'static [(Source, Part)],
    /// The bytes of an element that one bit of a mask stands for; of the longer one, where elements
    /// change their size; 0 where the operands' kinds tell.
    pub element: u32,
    /// How the value of its immediate decides which bytes are read.
    pub choice: ByImmediate,
    /// What is known of operands with certain values.
    pub same: Same,
    /// Registers that no operand names.
    pub implicit: Implicit,
    /// What it touches of memory, where that is not what its operands' sizes suggest.
    pub memory: Memory,
    /// The alignment that it requires of memory.
    pub alignment: Alignment,
    /// Where control goes, if not where iced has it.
    pub control: Option<Control>,
    /// It moves the stack pointer by a fixed amount.
    pub moves_stack: bool,
    /// It shifts by a count, and a count of 0 leaves the flags alone.
    pub is_shift: bool,
    /// With memory it is locked without a prefix.
    pub locks_memory: bool,
    /// Why a plain `fn` may not contain it.
    pub hazard: Option<Hazard>,
    /// What it touches beyond operands.
    pub reach: Reach,
    /// What it does to the state that x87 and MMX share, next to what MMX operands do.
    pub x87: X87Effect,
    /// It may set exception flags in MXCSR.
    pub sets_float_flags: bool,
}

/// Why a mnemonic of iced is not an instruction of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Absence {
    /// A directive, or iced's mark of what cannot be decoded.
    NoInstruction,
    /// A name that only a disassembler needs: reserved opcodes and undocumented duplicates.
    ForDecoders,
    /// Not valid in 64-bit mode.
    Not64Bit,
    /// Only the first Xeon Phi had it.
    KnightsCorner,
    /// Withdrawn: MPX, PCOMMIT, and what no processor on sale has had.
    Withdrawn,
}

/// What becomes of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Output {
    /// What iced says of the operand: general-purpose registers, memory, tiles, x87.
    AsEncoded,
    /// It keeps its value if the source is 0, which counts as written (AMD documents it for `bsf`,
    /// Intel does it).
    UnlessZero,
    /// It keeps its value where what is asked for does not exist: no shadow stack, no VMCS.
    UnlessAbsent,
    /// It is written if it was equal.
    IfEqual,
    /// It is written under a condition; of 64 bits the upper half is cleared even if not.
    IfCondition,
    /// Above the source's bytes it is zero.
    ZeroExtended,
    /// A number that fits in a byte.
    Count,
    /// Every byte of a vector that the operand's kind has, from whole sources, for a reason.
    Everything(Everything),
    /// Every byte of a vector that the operand's kind has; `reads` or `choice` tell of the sources.
    Whole,
    /// The lowest bytes; the others become zero or are kept, as the encoding has it.
    Low(u32),
    /// A field of bits in the lowest 8 bytes, whose other bits count; the next 8 become undefined,
    /// which is as good as computed (AMD APM volume 4, EXTRQ).
    Field,
    /// Half of 16 bytes is moved in; the other half is kept or copied.
    Half(Half),
    /// As many low bytes as the memory operand has: `movd`.
    Element,
    /// This many times less than the source has.
    Narrowed(u32),
    /// One float of this many bytes; the other bytes of the lowest 16 are kept or copied.
    Scalar(u32, Scalar),
    /// Signs choose between keeping and replacing each element.
    Replaced,
    /// A mask chooses between two sources, element by element.
    Blended,
    /// Elements of this many bytes that vector addresses name, one by one.
    Indexed(u32),
    /// The same, only to have them in a cache.
    Prefetched,
    /// A vector made of so many bytes of a mask.
    FromMask(u32),
    /// A mask of so many bytes, from sources of so many; above it is zero.
    Mask {
        /// Bytes of each source.
        reads: u32,
        /// Bytes of the result.
        writes: u32,
    },
    /// A mask, from one of so many bytes; nothing is promised of what is above.
    ShiftedMask(u32),
}

/// Why an entry says that its sources are read whole, and its result is computed whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::isa) enum Everything {
    /// Each element of the result is computed from those in its place.
    Elementwise,
    /// Every byte is moved.
    Moved,
    /// Elements change their size: as many are read as the operand's kind has.
    Converted,
    /// Elements of different places meet: sums of neighbors, dot products, rounds of ciphers,
    /// tests.
    Mixed,
    /// Data in another operand chooses, so that any byte may count.
    ChosenByData,
    /// Some bytes never count, and the entry does not say which, for this reason.
    NotTracked(&'static str),
}

/// How an operation on one float uses its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Scalar {
    /// A move: with memory, the rest becomes zero.
    Move,
    /// One source; what is replaced does not count.
    Unary,
    /// Two sources.
    Binary,
    /// The destination is a source, and keeps its other bytes: FMA3.
    Accumulate,
    /// The destination is a source, and gets its other bytes from the second operand.
    FixUp,
    /// The other bytes become zero: FMA4 and XOP.
    Alone,
}

/// Which operands an entry speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Source {
    /// The one of this number.
    Nth(usize),
    /// The last that is a register or memory.
    Last,
    /// The last two that are.
    LastTwo,
    /// The count of a shift, if it is not an immediate.
    Count,
    /// The number of a bit in a register; in memory it reaches further.
    BitNumber,
    /// Registers that no operand names.
    Implicit,
}

/// Which bytes of a register count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Part {
    /// The lowest ones.
    Low(u32),
    /// So many, from a byte on.
    Bytes(u32, u32),
    /// Of every so many: those from a byte on, so many.
    Each(u32, u32, u32),
    /// The lower half of each 16 bytes (8 of MMX).
    LowHalves,
    /// The upper half of each 16 bytes (8 of MMX).
    HighHalves,
    /// As many low bytes as the memory operand has.
    AsMemory,
    /// What INSERTQ inserts, and its place if no immediate says it.
    FieldAndPlace,
}

/// What is known of a result that does not depend on a register that the instruction names. Only
/// what the operation's definition guarantees for every input is here, not what a processor
/// recognizes to save time: `vsubps v, v, v` is not zero (infinity minus infinity), and neither is
/// `phsubd v, v` (it subtracts neighbors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Same {
    /// It depends.
    Depends,
    /// Zero, if both sources are the same register.
    Zero,
    /// Independent of the register, if both sources are the same: equality, and `sbb`, where the
    /// carry flag decides.
    Independent,
    /// Independent of both sources with a predicate that is always false or always true.
    ByPredicate,
    /// The immediate is a table of truth.
    ByTruthTable,
    /// The immediate itself.
    Immediate,
    /// Zero, if the immediate is.
    ZeroByZero,
    /// Independent of the destination, if every bit of the immediate is set.
    OnesByOnes,
}

/// Registers that no operand names.
#[derive(Clone, Copy, Debug)]
pub(in crate::isa) enum Implicit {
    /// What iced says of them.
    AsEncoded,
    /// Their results have 32 bits, so that the upper halves become zero.
    ThirtyTwoBits,
    /// Their results have 32 bits if the operands have.
    OperandSize,
    /// They are stored as they are, which is not a use of their values.
    Stored,
    /// Vectors keep their low 16 bytes, and the rest becomes zero.
    UpperHalvesZeroed,
    /// Vectors become zero.
    VectorsZeroed,
    /// MMX registers are loaded.
    MmxLoaded,
    /// XMM and MMX registers are loaded.
    FxLoaded,
    /// Any register of the extended state may be loaded: edx:eax and the system decide.
    XsaveLoaded,
    /// What a leaf of another authority takes and gives.
    Leaf(&'static Leaf),
}

/// Registers by which a leaf is asked and answers.
#[derive(Debug)]
pub(in crate::isa) struct Leaf {
    /// What it takes, and how many low bytes of it, next to what iced says.
    pub reads: Option<(PhysReg, u32)>,
    /// What may have changed after it.
    pub changes: &'static [PhysReg],
}

/// What is touched of memory, where operands' sizes do not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Memory {
    /// They do.
    AsEncoded,
    /// A cache line, or only its permissions.
    Line,
    /// The cache line that rax points into becomes zero.
    LineZeroed,
    /// 64 bytes, aligned, at the address in a register.
    Block,
    /// At an address in a register, only the bytes whose mask bit is set.
    HiddenBytes,
    /// A string of bits, from the operand on.
    BitString,
    /// A store that may leave bytes alone.
    Partly,
}

/// The alignment that memory must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Alignment {
    /// 16 bytes for an operand of 16 bytes of legacy SSE, none elsewhere (Intel SDM volume 1,
    /// 4.6.1.1).
    ByEncoding,
    /// The operand's size.
    Operand,
    /// So many bytes.
    Bytes(u32),
    /// None.
    Any,
}

/// An instruction that does what iced says of it, and is harmless.
pub(in crate::isa) const fn general() -> Entry {
    Entry {
        absence: None,
        output: Output::AsEncoded,
        reads: &[],
        element: 0,
        choice: ByImmediate::Nothing,
        same: Same::Depends,
        implicit: Implicit::AsEncoded,
        memory: Memory::AsEncoded,
        alignment: Alignment::ByEncoding,
        control: None,
        moves_stack: false,
        is_shift: false,
        locks_memory: false,
        hazard: None,
        reach: Reach::Operands,
        x87: X87Effect::None,
        sets_float_flags: false,
    }
}

/// One that kernels cannot have.
pub(in crate::isa) const fn absent(absence: Absence) -> Entry {
    Entry { absence: Some(absence), ..general() }
}

/// One on vectors with elements of so many bytes.
pub(in crate::isa) const fn vector(element: u32, output: Output) -> Entry {
    Entry { element, output, ..general() }
}

/// One on vectors that reads and computes everything, with the reason.
pub(in crate::isa) const fn whole(element: u32, why: Everything) -> Entry {
    vector(element, Output::Everything(why))
}

/// One on vectors that computes everything; `reads` or `choice` say what it reads.
pub(in crate::isa) const fn part(element: u32) -> Entry {
    vector(element, Output::Whole)
}

/// One on a float of so many bytes.
pub(in crate::isa) const fn scalar(bytes: u32, scalar: Scalar) -> Entry {
    vector(bytes, Output::Scalar(bytes, scalar))
}

/// One on masks.
pub(in crate::isa) const fn mask(reads: u32, writes: u32) -> Entry {
    Entry { output: Output::Mask { reads, writes }, ..general() }
}

impl Entry {
    /// What becomes of the destination.
    pub const fn output(self, output: Output) -> Entry {
        Entry { output, ..self }
    }

    /// Which bytes are read.
    pub const fn reads(self, reads: &'static [(Source, Part)]) -> Entry {
        Entry { reads, ..self }
    }

    /// How the immediate chooses.
    pub const fn choice(self, choice: ByImmediate) -> Entry {
        Entry { choice, ..self }
    }

    /// What is known of certain operands.
    pub const fn same(self, same: Same) -> Entry {
        Entry { same, ..self }
    }

    /// Registers that no operand names.
    pub const fn implicit(self, implicit: Implicit) -> Entry {
        Entry { implicit, ..self }
    }

    /// What is touched of memory.
    pub const fn memory(self, memory: Memory) -> Entry {
        Entry { memory, ..self }
    }

    /// The alignment that memory must have.
    pub const fn aligned(self, alignment: Alignment) -> Entry {
        Entry { alignment, ..self }
    }

    /// Where control goes.
    pub const fn control(self, control: Control) -> Entry {
        Entry { control: Some(control), ..self }
    }

    /// It moves the stack pointer by a fixed amount.
    pub const fn moves_stack(self) -> Entry {
        Entry { moves_stack: true, ..self }
    }

    /// It shifts by a count.
    pub const fn shift(self) -> Entry {
        Entry { is_shift: true, ..self }
    }

    /// With memory it is locked.
    pub const fn locks_memory(self) -> Entry {
        Entry { locks_memory: true, ..self }
    }

    /// Why it is not harmless.
    pub const fn hazard(self, hazard: Hazard) -> Entry {
        Entry { hazard: Some(hazard), ..self }
    }

    /// What it touches beyond operands.
    pub const fn reach(self, reach: Reach) -> Entry {
        Entry { reach, ..self }
    }

    /// It is privileged, or asks the system, and memory is ordered by it.
    pub const fn system(self) -> Entry {
        self.hazard(Hazard::System).reach(Reach::Memory)
    }

    /// Others run meanwhile.
    pub const fn machine(self) -> Entry {
        self.hazard(Hazard::System).reach(Reach::Machine)
    }

    /// It uses the x87 registers.
    pub const fn x87(self) -> Entry {
        Entry { x87: X87Effect::X87, ..self }.hazard(Hazard::PreservedState)
    }

    /// It empties the x87 registers.
    pub const fn empties_x87(self) -> Entry {
        Entry { x87: X87Effect::Empty, ..self }
    }

    /// It may set exception flags in MXCSR.
    pub const fn floats(self) -> Entry {
        Entry { sets_float_flags: true, ..self }
    }
}
