//! What a frame has to hold, and where the body addresses it: what its layout is decided by.

use crate::abi::Convention;
use crate::ir::Local;
use crate::isa::{PhysReg, RegSet};

/// What a frame has to hold.
pub(super) struct Needs<'a> {
    pub convention: &'static Convention,
    /// General-purpose registers to save.
    pub saved_gp: RegSet,
    /// Vector registers whose low 16 bytes to save.
    pub saved_xmm: RegSet,
    /// The stack variables; `None` for one that nothing uses.
    pub locals: Vec<Option<&'a Local>>,
    /// Bytes that the user's pushes take at most.
    pub depth: u32,
    /// Bytes above the return address that the caller reserves.
    pub shadow: u32,
    /// Whether the user calls functions.
    pub calls: bool,
    /// Whether memory below the stack pointer may be used.
    pub red_zone: bool,
    /// Whether saved vector registers have to be a multiple of 16 bytes above the stack pointer or
    /// the base: assemblers have no words for Windows' unwinder where they are not.
    pub saves_in_step: bool,
    /// A register that the epilogue may change.
    pub spare: Option<PhysReg>,
    /// A register for the base of the frame, or, in one of Go's, for the address of stack
    /// variables.
    pub base: PhysReg,
    /// Where the body addresses the frame.
    pub uses: Vec<Use>,
    /// How many returns the body has.
    pub returns: i64,
}

/// A place where the body addresses the frame.
pub(super) struct Use {
    /// The index of the stack variable; `None` for arguments on the stack.
    pub local: Option<usize>,
    /// What is added to its address, from the CFA on for arguments; what is pushed there is
    /// included.
    pub disp: i64,
    /// What a displacement of one byte counts in: 1, or the size of the operand (EVEX).
    pub unit: i64,
}
