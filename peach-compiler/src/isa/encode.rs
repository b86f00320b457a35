//! From one instruction over physical registers to bytes.

use super::{FeatureSet, PhysReg, SelectError};
use crate::ir::{BranchSize, Instruction};

/// The bytes of one instruction, and where its variable fields are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The bytes. Fields that are not known yet (labels, data, Rust constants) are zero.
    pub bytes: Vec<u8>,
    /// The displacement of a memory operand whose base is data or `rip`, or that has a Rust constant.
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

/// The shortest encoding of `inst` (VEX before EVEX) that `features` allow.
///
/// `branch` is the length to give a branch to a label that has both.
///
/// # Errors
/// As [`select`](super::select): registers may make a form impossible that fitted before.
pub fn encode(
    _inst: &Instruction<PhysReg>,
    _features: &FeatureSet,
    _branch: BranchSize,
) -> Result<Encoding, SelectError> {
    todo!()
}

/// The recommended multi-byte nop of `len` bytes, 1 to 15 (Intel SDM volume 2, NOP).
pub fn nop(_len: usize) -> &'static [u8] {
    todo!()
}
