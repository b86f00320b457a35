//! What an encoding is, and what can be asked of one.

use crate::isa::{Bank, Base, DispSize, PhysReg, SelectError};

/// The bytes of one instruction, and where its variable fields are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The bytes. Fields that are not known yet (labels, data, Rust constants) are zero.
    pub bytes: Vec<u8>,
    /// The displacement of a memory operand whose base is data or `rip`, or that has a Rust
    /// constant.
    pub disp: Option<Field>,
    /// The immediate, where it is a Rust constant or symbol.
    pub imm: Option<Field>,
    /// The displacement of a branch to a label.
    pub branch: Option<Field>,
}

/// A field of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its first byte, counted from the start of the instruction.
    pub offset: u8,
    /// Its width in bytes.
    pub size: u8,
}

/// What an encoding should have that the shortest lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::isa) struct Tweaks {
    /// The displacement's size, where it can be chosen.
    pub(in crate::isa) disp: Option<DispSize>,
    /// A SIB byte although the address needs none.
    pub(in crate::isa) sib: bool,
    /// Three-byte VEX.
    pub(in crate::isa) vex3: bool,
    /// The W bit set where it means nothing.
    pub(in crate::isa) w: bool,
    /// The L bits set where they mean nothing.
    pub(in crate::isa) l: u8,
}

/// The bytes of a form, before what depends on labels, data and Rust constants is noted.
#[derive(Default)]
pub(super) struct Raw {
    pub bytes: Vec<u8>,
    /// The displacement of the memory operand.
    pub disp: Option<Field>,
    /// The immediate, or a branch's displacement of one byte.
    pub imm: Option<Field>,
}

/// Whether the displacement of a memory operand is filled in later or is relative to `rip`.
pub(in crate::isa) fn is_variable(base: Base<PhysReg>) -> bool {
    match base {
        Base::Rip | Base::Data(_) => true,
        Base::Reg(view) => view.reg.bank == Bank::Ip,
        _ => false,
    }
}

pub(super) fn refused(message: &str) -> SelectError {
    SelectError::Refused { message: message.to_string() }
}
