//! Where the upper halves of ymm0–15 and zmm0–15 may have been written, for `vzeroupper`.

use crate::analysis::Facts;
use crate::ir::Allocation;
use crate::ir::{Function, Op, Operand, Reg};
use crate::isa::{Bank, Class, PhysReg};

/// For each block, whether the upper halves may be dirty at its start.
pub(super) struct UpperState {
    at_start: Vec<bool>,
}

/// What an instruction does to the upper halves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Dirty,
    Clean,
}

impl UpperState {
    pub fn of(function: &Function, facts: &Facts, allocation: &Allocation) -> UpperState {
        let blocks = &facts.cfg.blocks;
        let change_of_block: Vec<Change> = blocks
            .iter()
            .map(|block| {
                let changes = block.insts().rev().map(|i| change(function, facts, allocation, i));
                changes.into_iter().find(|c| *c != Change::None).unwrap_or(Change::None)
            })
            .collect();
        let mut at_start = vec![false; blocks.len()];
        let mut work: Vec<usize> =
            (0..blocks.len()).filter(|&b| change_of_block[b] == Change::Dirty).collect();
        while let Some(block) = work.pop() {
            for &succ in &blocks[block].succs {
                let succ = succ as usize;
                if !std::mem::replace(&mut at_start[succ], true)
                    && change_of_block[succ] == Change::None
                {
                    work.push(succ);
                }
            }
        }
        UpperState { at_start }
    }

    /// Whether they may be dirty before instruction `index`.
    pub fn before(
        &self,
        function: &Function,
        facts: &Facts,
        allocation: &Allocation,
        index: usize,
    ) -> bool {
        let block = facts.cfg.block_of[index] as usize;
        let start = facts.cfg.blocks[block].start as usize;
        let last = (start..index)
            .rev()
            .map(|i| change(function, facts, allocation, i))
            .find(|c| *c != Change::None);
        match last {
            Some(change) => change == Change::Dirty,
            None => self.at_start[block],
        }
    }
}

fn change(function: &Function, facts: &Facts, allocation: &Allocation, index: usize) -> Change {
    let place = |reg: Reg| match reg {
        Reg::Physical(reg) => Some(reg),
        Reg::Virtual(vreg) => allocation.regs[vreg.index()],
    };
    let low = |reg: Reg| matches!(place(reg), Some(PhysReg { bank: Bank::Vector, num: 0..16 }));
    let wide = |class: Class| matches!(class, Class::Ymm | Class::Zmm);
    match &function.insts[index].op {
        Op::Machine(machine) => {
            if matches!(machine.inst.mnemonic.name(), "vzeroupper" | "vzeroall") {
                return Change::Clean;
            }
            let written = |reg: Reg| {
                let mut accesses = facts.effects[index].regs.iter().filter(|a| a.reg == reg);
                accesses.any(|a| !(a.write | a.may_write).is_empty())
            };
            let dirties = |operand: &Operand<Reg>| match operand {
                Operand::Reg(view) => wide(view.class) && low(view.reg) && written(view.reg),
                Operand::Mem(_)
                | Operand::Imm(_)
                | Operand::RustConst(_)
                | Operand::RustSym(_)
                | Operand::Label(_)
                | Operand::Relative(_) => false,
            };
            match machine.inst.operands.iter().any(dirties) {
                true => Change::Dirty,
                false => Change::None,
            }
        }
        Op::Copy { dst, src } => {
            let moves = place(dst.reg) != place(src.reg);
            if wide(dst.class) && low(dst.reg) && moves { Change::Dirty } else { Change::None }
        }
        Op::LoadArg { arg } => {
            let arg = &function[*arg];
            let dirty = arg.value.bytes() > 16 && low(Reg::Virtual(arg.vreg));
            if dirty { Change::Dirty } else { Change::None }
        }
        Op::Label(_)
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::Return(_)
        | Op::Align(_)
        | Op::Ghost(_)
        | Op::Bytes(_) => Change::None,
    }
}
