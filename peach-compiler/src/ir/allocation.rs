//! What the allocator decides.

use crate::isa::PhysReg;

/// Where every virtual register lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// By virtual register; `None` for one that nothing reads or writes.
    pub regs: Vec<Option<PhysReg>>,
}
