//! Dense numbers for the registers of a function, in the order of [`Reg`]: virtual registers first.

use crate::ir::{Function, Reg, VReg};
use crate::isa::{Bank, PhysReg, gp};

/// The banks whose contents are tracked, with their sizes. Segment, control and debug registers
/// belong to the system, the x87 stack is not addressed by number.
const BANKS: [(Bank, u8); 5] =
    [(Bank::Gp, 16), (Bank::Vector, 32), (Bank::Mask, 8), (Bank::Mmx, 8), (Bank::Tile, 8)];

/// How many physical registers are tracked.
const PHYSICAL: usize = 72;

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
        self.vregs + PHYSICAL
    }

    /// The number of `reg`; `None` for the stack pointer and for what is not tracked.
    pub(super) fn slot(self, reg: Reg) -> Option<usize> {
        match reg {
            Reg::Virtual(vreg) => Some(vreg.index()),
            Reg::Physical(gp::RSP) => None,
            Reg::Physical(reg) => {
                let first = match reg.bank {
                    Bank::Gp => 0,
                    Bank::Vector => 16,
                    Bank::Mask => 48,
                    Bank::Mmx => 56,
                    Bank::Tile => 64,
                    Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => {
                        return None;
                    }
                };
                Some(self.vregs + first + reg.num as usize)
            }
        }
    }

    /// The register with number `slot`.
    pub(super) fn reg(self, slot: usize) -> Reg {
        if slot < self.vregs {
            return Reg::Virtual(VReg(slot as u32));
        }
        let mut rest = (slot - self.vregs) as u8;
        for (bank, count) in BANKS {
            if rest < count {
                return Reg::Physical(PhysReg::new(bank, rest));
            }
            rest -= count;
        }
        unreachable!("slot {slot} is beyond the last register")
    }
}
