//! The intermediate representation: a flat list of instructions with resolved operands.
//!
//! [`Function`] holds virtual registers; allocation does not change it. [`Lowered`] is the same
//! program with physical registers, frame, moves and returns, ready to be encoded. Both are built
//! of the same [`Instruction`], over [`Reg`] and over [`PhysReg`](crate::isa::PhysReg).

mod allocation;
#[cfg(feature = "decoder")]
mod dump;
mod function;
mod ghost;
mod inst;
mod lowered;
mod signature;
mod tables;
mod visit;

pub use crate::ids::*;
pub use crate::isa::{
    Base, Branch, BranchSize, DispSize, ForcedEncoding, Instruction, LANES_OPEN, Mem, Operand,
    Prefixes, Reg, Register, Rounding, View,
};
pub use allocation::*;
pub use function::*;
pub use ghost::*;
pub use inst::*;
pub use lowered::*;
pub use signature::*;
pub use tables::*;
