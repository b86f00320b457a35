//! Dense numbers for the registers of a function, in the order of [`Reg`]: virtual registers first.

use crate::ir::{Function, Reg, VReg};
use crate::isa::{PhysReg, gp};

/// Numbers the registers of one function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    vregs: usize,
}

impl Slots {
    /// For the registers of `function`.
    pub(super) fn of(function: &Function) -> Slots {
        Slots { vregs: function.vregs.len() }
    }

    /// How many there are.
    pub(super) fn len(self) -> usize {
        self.vregs + PhysReg::TRACKED
    }

    /// The number of `reg`; `None` for the stack pointer and for what is not tracked.
    pub(super) fn slot(self, reg: Reg) -> Option<usize> {
        match reg {
            Reg::Virtual(vreg) => Some(vreg.index()),
            Reg::Physical(gp::RSP) => None,
            Reg::Physical(reg) => Some(self.vregs + reg.index()?),
        }
    }

    /// The register with number `slot`.
    pub(super) fn reg(self, slot: usize) -> Reg {
        if slot < self.vregs {
            return Reg::Virtual(VReg(slot as u32));
        }
        let physical = PhysReg::tracked().nth(slot - self.vregs);
        Reg::Physical(physical.expect("a slot is the number of a register"))
    }
}
