//! What a form is: one way to encode an instruction, with the operands as a user writes them.
//!
//! Operands in source are not always iced's. String instructions are written without operands,
//! `blendvps a, b, xmm0` has one that iced leaves out, `vcmpltps` implies an immediate, `imul r, 5`
//! stands for `imul r, r, 5`. A [`Form`] therefore is a row *and* an arrangement: [`Form::slots`]
//! says where each of iced's operands comes from. One row may make several forms.

use crate::isa::own::OwnRow;
use crate::isa::{Class, FeatureSet, RegSet};
use iced_x86::Code;

/// One way to encode an instruction: a row of a table and an arrangement of operands.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    pub(in crate::isa) opcode: Opcode,
    /// As in the source.
    pub(in crate::isa) operands: Vec<OperandForm>,
    /// One per operand of the row.
    pub(in crate::isa) slots: Vec<Slot>,
    /// What every operand accepts, as bits: compared with those of an instruction to leave out
    /// most forms at once.
    pub(in crate::isa) shape: Vec<u32>,
    /// The extensions that it needs.
    pub(in crate::isa) features: FeatureSet,
    /// Which prefix family it is.
    pub family: Family,
    /// Bytes of its memory operand; 0 where any size will do.
    pub memory_size: u32,
    /// Bytes of one element where memory can be broadcast.
    pub broadcast_size: Option<u32>,
    /// Whether it reaches the place the user means by an operand fixed in the row
    /// (accumulator forms): tried after the general ones.
    pub(in crate::isa) has_fixed: bool,
    /// `Mov_AL_moffs8` and its like: only for addresses that nothing shorter reaches.
    pub(in crate::isa) is_offset: bool,
}

/// What a form is encoded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// A row of iced's table.
    Iced(Code),
    /// A row of the compiler's own table, of instructions that iced lacks.
    Own(OwnRow),
}

impl Opcode {
    /// The row of iced's table, if it is one.
    pub fn iced(self) -> Option<Code> {
        match self {
            Opcode::Iced(code) => Some(code),
            Opcode::Own(_) => None,
        }
    }
}

/// Where an operand of a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The source operand of this number, counted from 0.
    Operand(u8),
    /// The row itself: the memory of `movsb`, the `dx` of `insb`, the `st0` of `fxch st1`.
    Fixed,
    /// The mnemonic: the predicate of `vcmpltps`, the 1 of `shl r`.
    Imm(u8),
}

/// The prefix families, in the order in which they are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// No vector prefix; 3DNow! too.
    Legacy,
    /// VEX.
    Vex,
    /// XOP.
    Xop,
    /// EVEX.
    Evex,
}

/// What may be as one operand of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperandForm {
    /// The class of register it takes, if it takes one.
    pub class: Option<Class>,
    /// Which registers of the class.
    pub registers: RegSet,
    /// The memory it takes, if it takes any.
    pub memory: Option<MemForm>,
    /// The number it takes, if it takes one.
    pub imm: Option<ImmForm>,
    /// The branch displacement it takes, in bytes.
    pub branch: Option<u8>,
    /// Whether the row names this very register (`cl`, `eax`, `dx`).
    pub is_fixed: bool,
    /// Whether the register is an address, and so as wide as the other one (`movdir64b`).
    pub is_address: bool,
}

impl OperandForm {
    /// Bit of a shape: plain memory.
    pub(in crate::isa) const MEMORY: u32 = 1 << 20;
    /// Bit of a shape: memory with a vector index; shifted by the class among xmm, ymm, zmm.
    pub(in crate::isa) const VECTOR_MEMORY: u32 = 1 << 21;
    /// Bit of a shape: a number.
    pub(in crate::isa) const NUMBER: u32 = 1 << 24;
    /// Bit of a shape: a branch target.
    pub(in crate::isa) const TARGET: u32 = 1 << 25;

    /// Bit of a shape: a register of this class.
    pub(in crate::isa) const fn class_bit(class: Class) -> u32 {
        1 << class as u32
    }

    /// Bit of a shape: memory whose index is a vector register of this class.
    pub(in crate::isa) const fn vector_bit(class: Class) -> u32 {
        Self::VECTOR_MEMORY << (class as u32 - Class::Xmm as u32)
    }

    pub(in crate::isa) fn shape(&self) -> u32 {
        let class = match self.class {
            Some(Class::Gp8) if !self.is_fixed => {
                Self::class_bit(Class::Gp8) | Self::class_bit(Class::Gp8h)
            }
            Some(class) => Self::class_bit(class),
            None => 0,
        };
        let memory = match self.memory {
            Some(MemForm::Vector(class)) => Self::vector_bit(class),
            Some(_) => Self::MEMORY,
            None => 0,
        };
        let number = if self.imm.is_some() { Self::NUMBER } else { 0 };
        let target = if self.branch.is_some() { Self::TARGET } else { 0 };
        class | memory | number | target
    }
}

/// Kinds of memory operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemForm {
    /// Any address.
    Any,
    /// An address whose index is a vector register of this class.
    Vector(Class),
    /// An address that is encoded with a SIB byte whatever it is (AMX tile loads).
    Sib,
    /// A 64-bit absolute address in the immediate's place.
    Offset,
}

/// Kinds of immediates: width in the encoding and what it is extended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImmForm {
    /// This very number, which the opcode implies.
    Exactly(u8),
    /// Four bits.
    Bits4,
    /// One byte.
    Byte,
    /// One byte, sign-extended to this many bytes.
    ByteTo(u8),
    /// Two bytes.
    Word,
    /// Four bytes.
    Dword,
    /// Four bytes, sign-extended to eight.
    DwordTo8,
    /// Eight bytes.
    Qword,
}

impl Form {
    /// The row that it is a form of.
    pub fn opcode(&self) -> Opcode {
        self.opcode
    }

    /// What the source operands may be, in order.
    pub fn operands(&self) -> &[OperandForm] {
        &self.operands
    }

    /// Where each of the row's operands comes from, in the row's order.
    ///
    /// Not every operand in the source has a slot: iced's rows leave out the `xmm0` of
    /// `blendvps a, b, xmm0` and report it as an implicit register instead. One may have two:
    /// `imul r, 5`.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Which prefix family it is.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Whether it sets a 64-bit register by writing the lower half, which clears the upper one
    /// (Intel SDM volume 1, 3.4.1.1).
    pub(in crate::isa) fn is_zero_extended(&self) -> bool {
        matches!(self.opcode, Opcode::Iced(Code::Mov_r32_imm32 | Code::Mov_rm32_imm32))
            && self.operands[0].class == Some(Class::Gp64)
    }

    /// The extensions that it needs.
    pub fn features(&self) -> FeatureSet {
        self.features
    }

    /// The bytes of its memory operand; 0 where any size will do.
    pub fn memory_size(&self) -> u32 {
        self.memory_size
    }

    /// The bytes of one element where its memory operand can be broadcast.
    pub fn broadcast_size(&self) -> Option<u32> {
        self.broadcast_size
    }

    /// Whether the immediate that a mnemonic implies is part of the form, and its value.
    pub fn implied_imm(&self) -> Option<u8> {
        self.slots.iter().find_map(|slot| match slot {
            Slot::Imm(value) => Some(*value),
            _ => None,
        })
    }
}
