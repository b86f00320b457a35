//! What each register costs each virtual register, in bytes of encoding, weighed by how often they
//! are fetched.
//!
//! Low registers save a REX prefix or the third byte of a VEX prefix, but only where the
//! instruction has none for another reason; `r12` and `r13` need a SIB byte or a displacement as a
//! base; the accumulator has short forms; vector registers from 16 on need EVEX. Intel SDM volume
//! 2, section 2.1 to 2.7.

use super::problem::Prices;
use crate::analysis::Facts;
use crate::ir::{Base, Function, Machine, Mem, Op, Operand, Reg, VReg, View};
use crate::isa::{Class, Prefix, Shape};

/// The price of one byte outside of loops. Smaller amounts break ties.
pub(super) const BYTE: i64 = 4;

/// How much a byte costs where: ten times as much per loop around.
#[derive(Debug)]
pub(super) struct Frequency {
    by_block: Vec<i64>,
}

impl Frequency {
    /// Beyond this depth, loops do not count.
    const DEPTH: u32 = 6;

    /// Of the blocks of `facts`.
    pub fn of_blocks(facts: &Facts) -> Frequency {
        let times = |depth: u32| BYTE * 10_i64.pow(depth.min(Frequency::DEPTH));
        Frequency { by_block: facts.cfg.blocks.iter().map(|b| times(b.loop_depth)).collect() }
    }

    /// The price of a byte of the instruction with this index.
    pub fn of(&self, facts: &Facts, index: usize) -> i64 {
        self.by_block[facts.cfg.block_of[index] as usize]
    }
}

/// The prices of all virtual registers, by how the instructions encode them.
pub(super) fn encoding(function: &Function, facts: &Facts, frequency: &Frequency) -> Vec<Prices> {
    let mut costs = Costs { prices: vec![[0; 32]; function.vregs.len()] };
    for (index, inst) in function.insts.iter().enumerate() {
        let times = frequency.of(facts, index);
        match &inst.op {
            Op::Machine(machine) => costs.machine(machine, times),
            // `xor r32, r32` and `mov r32, imm32` go without REX for the low registers.
            Op::SetImm { dst, value } => {
                if u32::try_from(*value).is_ok() || dst.class != Class::Gp64 {
                    costs.raise(dst.reg, 8..16, times);
                }
            }
            Op::LoadArg { arg } => {
                let vreg = function[*arg].vreg;
                if function[vreg].class != Class::Gp64 {
                    costs.raise(Reg::Virtual(vreg), 8..16, times);
                }
            }
            Op::Label(_)
            | Op::Copy { .. }
            | Op::Undefined { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => {}
        }
    }
    costs.prices
}

struct Costs {
    prices: Vec<Prices>,
}

impl Costs {
    fn machine(&mut self, machine: &Machine, times: i64) {
        let shape = machine.selection.shape();
        for (index, operand) in machine.inst.operands.iter().enumerate() {
            match operand {
                Operand::Reg(view) => self.register(*view, index, &shape, times),
                Operand::Mem(mem) => self.memory(mem, &shape, times),
                _ => {}
            }
        }
    }

    fn register(&mut self, view: View<Reg>, index: usize, shape: &Shape, times: i64) {
        let is_rm = shape.rm == Some(index);
        match shape.prefix {
            Prefix::None => {
                self.raise(view.reg, 8..32, times);
                if view.class == Class::Gp8 {
                    // `spl`, `bpl`, `sil` and `dil` are `ah` to `bh` without a REX prefix.
                    self.raise(view.reg, 4..8, times);
                }
            }
            Prefix::Vex2 if is_rm => self.raise(view.reg, 8..16, times),
            Prefix::Vex2 | Prefix::Present => {}
        }
        if let Some(longer) = shape.evex {
            self.raise(view.reg, 16..32, longer * times);
        }
        if shape.accumulator >> index & 1 == 1 {
            self.raise(view.reg, 0..1, -times);
        }
    }

    fn memory(&mut self, mem: &Mem<Reg>, shape: &Shape, times: i64) {
        let high_costs = shape.prefix != Prefix::Present;
        if let Base::Reg(base) = mem.base {
            if high_costs {
                self.raise(base.reg, 8..16, times);
            }
            if mem.index.is_none() {
                self.raise(base.reg, 12..13, times);
            }
            if mem.disp == 0 && mem.disp_const.is_none() {
                self.raise(base.reg, 5..6, times);
                self.raise(base.reg, 13..14, times);
            }
        }
        if let Some((index, _)) = mem.index {
            if high_costs {
                self.raise(index.reg, 8..16, times);
            }
            if let Some(longer) = shape.evex {
                self.raise(index.reg, 16..32, longer * times);
            }
        }
    }

    fn raise(&mut self, reg: Reg, numbers: std::ops::Range<usize>, price: i64) {
        if let Reg::Virtual(VReg(vreg)) = reg {
            for slot in &mut self.prices[vreg as usize][numbers] {
                *slot += price;
            }
        }
    }
}
