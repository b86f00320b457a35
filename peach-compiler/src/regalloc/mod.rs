//! Register allocation: decides where every virtual register lives.
//!
//! Input: a [`Function`] and its [`Facts`]; neither is changed.
//! Output: an [`Allocation`]: one physical register per virtual register, for its whole life.
//! Invariants: registers alive at the same point differ; fixed operands get exactly their register.
//! Untrusted: [`check`](crate::check) replays the result.
//! Fails: E0401 where no assignment exists, E0402 where two values need one fixed register.

use crate::analysis::Facts;
use crate::diagnostics::Diagnostic;
use crate::ir::{Function, VReg};
use crate::isa::PhysReg;

/// Where every virtual register lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// By virtual register; `None` for one that nothing reads or writes.
    pub regs: Vec<Option<PhysReg>>,
}

/// Why there is no allocation.
#[derive(Debug)]
pub struct Failure {
    /// What the author is told.
    pub diagnostic: Diagnostic,
    /// What to spill, cheapest first, where that would help.
    pub spill: Vec<VReg>,
}

/// Allocates the registers of `function`.
pub fn allocate(_function: &Function, _facts: &Facts) -> Result<Allocation, Box<Failure>> {
    todo!()
}
