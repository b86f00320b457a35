//! The intermediate representation: a flat list of instructions with resolved operands.
//!
//! [`Function`] holds virtual registers; allocation does not change it. [`Lowered`] is the same
//! program with physical registers, frame, moves and returns, ready to be encoded. Both are built
//! of the same [`Instruction`], over [`Reg`] and over [`PhysReg`](crate::isa::PhysReg).

mod dump;
mod function;
mod ids;
mod instruction;
mod lowered;

pub use function::*;
pub use ids::*;
pub use instruction::*;
pub use lowered::*;
