//! The values that the replay follows.

use crate::ir::{ArgId, LocalFnId, Reg};
use crate::isa::PhysReg;

/// A value of the program as written, as of its last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sym {
    /// A register of the program.
    Reg(Reg),
    /// What a preserved register held on entry.
    Saved(PhysReg),
    /// The address that a by-reference parameter arrived as.
    Pointer(usize),
    /// The address for a result in memory.
    ResultPointer,
    /// Where the caller continues.
    ReturnAddress,
    /// Where a caller of a local function continues.
    Resume(LocalFnId),
    /// The value of an argument that arrived in memory.
    Arg(ArgId),
    /// Zero.
    Zero,
    /// Copies of the sign bit of the place's own byte before this one.
    SignFrom(u8),
}
