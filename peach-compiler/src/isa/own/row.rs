//! The terms of a row: what the manual's table of an instruction says.

use crate::isa::{Class, Feature};

/// One line of the manual's table for an instruction, for all of its vector lengths.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    /// What the instruction is called.
    pub name: &'static str,
    /// The kind of prefix that the opcode has.
    pub prefix: Prefix,
    /// The opcode map: 1 is 0F, 2 is 0F38, 3 is 0F3A, others are called by their number.
    pub map: u8,
    /// The mandatory prefix: 0 is none, 1 is 66, 2 is F3, 3 is F2.
    pub pp: u8,
    /// The W bit, of VEX, EVEX or REX.
    pub w: bool,
    /// The opcode.
    pub opcode: u8,
    /// What stands in ModRM.reg where no operand does.
    pub digit: Option<u8>,
    /// The vector lengths.
    pub lengths: &'static [Length],
    /// In Intel order.
    pub operands: &'static [Operand],
    /// Bytes of an element: of scalars, of what is broadcast, of what a mask bit governs unless
    /// `masked` says otherwise.
    pub element: u32,
    /// Whether memory can be broadcast.
    pub broadcasts: bool,
    /// What masks are accepted.
    pub masking: Masking,
    /// How many bytes of the vector length a mask bit stands for.
    pub masked: u32,
    /// Which rounding decorations are accepted, for registers of 512 bits and scalars.
    pub rounds: Rounds,
    /// What it needs, all of them.
    pub features: &'static [Feature],
    /// What it does.
    pub effect: Effect,
}

/// A row in one of its lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnRow {
    /// The line of the table.
    pub(crate) row: &'static Row,
    /// The vector length.
    pub(crate) length: Length,
}

/// What comes before an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Prefix {
    /// Legacy prefixes and REX.
    Legacy,
    /// Three-byte VEX.
    Vex,
    /// EVEX.
    Evex,
}

/// A vector length, as it stands in VEX.L and EVEX.L'L. Scalars, tiles and general-purpose
/// instructions have the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Length {
    /// 128 bits.
    L128,
    /// 256 bits.
    L256,
    /// 512 bits.
    L512,
}

impl Length {
    /// In bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Length::L128 => 16,
            Length::L256 => 32,
            Length::L512 => 64,
        }
    }

    /// The class of vectors that are so long.
    pub const fn class(self) -> Class {
        match self {
            Length::L128 => Class::Xmm,
            Length::L256 => Class::Ymm,
            Length::L512 => Class::Zmm,
        }
    }

    /// The class of vectors that are half as long, or the shortest that there is.
    const fn half(self) -> Class {
        match self {
            Length::L128 | Length::L256 => Class::Xmm,
            Length::L512 => Class::Ymm,
        }
    }
}

/// An operand of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operand {
    /// Where it is encoded.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Whether it may be memory.
    pub memory: Memory,
}

/// Where an operand is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// ModRM.reg.
    Reg,
    /// ModRM.rm.
    Rm,
    /// VEX.vvvv.
    Vvvv,
    /// Behind everything else.
    Imm,
}

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A vector of the row's length.
    Vector,
    /// A vector of half the length; of 64 bits in an xmm register for the shortest.
    Half,
    /// One element in an xmm register.
    Scalar,
    /// A register of this class, whatever the length.
    Register(Class),
    /// A number of one byte.
    Imm8,
    /// A number of four bytes.
    Imm32,
}

/// Whether an operand may be memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Memory {
    /// Only a register.
    Never,
    /// Either.
    Too,
    /// Only memory.
    Only,
    /// Only memory, with a SIB byte whatever the address.
    Sib,
}

/// What masks an instruction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Masking {
    /// None.
    None,
    /// `{k1}`.
    Merging,
    /// `{k1}` and `{k1}{z}`.
    Zeroing,
}

/// What rounding decorations an instruction takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounds {
    /// None.
    Never,
    /// None, although others of its kind do: the conversion is exact.
    Exact,
    /// `{sae}`.
    Sae,
    /// `{rn-sae}` and the other three.
    Control,
}

/// What a row does with its operands. Whatever it writes, it writes the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    /// The first becomes something of the others.
    Compute,
    /// The first becomes something of itself and the others.
    Accumulate,
    /// The lowest element of the first is computed, the others are copied from the second.
    ComputeLowest,
    /// Status flags are set by the first two.
    CompareFlags,
    /// The first is an address to be brought nearer.
    Prefetch,
    /// A model-specific register is read.
    ReadSystem,
    /// A model-specific register is written.
    WriteSystem,
}

impl OwnRow {
    /// The class of register that an operand takes, if it takes one.
    pub(crate) fn class(self, operand: &Operand) -> Option<Class> {
        match operand.kind {
            Kind::Vector => Some(self.length.class()),
            Kind::Half => Some(self.length.half()),
            Kind::Scalar => Some(Class::Xmm),
            Kind::Register(class) => Some(class),
            Kind::Imm8 | Kind::Imm32 => None,
        }
    }

    /// How many bytes of a register or of memory an operand is; 0 for tiles in memory and numbers.
    pub(crate) fn bytes(self, operand: &Operand) -> u32 {
        match operand.kind {
            Kind::Vector => self.length.bytes(),
            Kind::Half => self.length.bytes() / 2,
            Kind::Scalar => self.row.element,
            Kind::Register(_) if operand.memory == Memory::Sib => 0,
            Kind::Register(class) => class.bytes(),
            Kind::Imm8 | Kind::Imm32 => 0,
        }
    }

    /// The bytes of the memory operand; 0 where there is none or any size will do.
    pub(crate) fn memory_bytes(self) -> u32 {
        let memory = self.row.operands.iter().find(|operand| operand.memory != Memory::Never);
        memory.map_or(0, |operand| self.bytes(operand))
    }

    /// Whether rounding decorations exist at this length.
    pub(crate) fn rounds(self) -> Rounds {
        let has_vector = self.row.operands.iter().any(|operand| operand.kind == Kind::Vector);
        match self.length {
            Length::L128 | Length::L256 if has_vector => Rounds::Never,
            _ => self.row.rounds,
        }
    }
}
