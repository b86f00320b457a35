//! Where the upper halves of ymm0–15 and zmm0–15 may have been written, for `vzeroupper`.

use crate::analysis::Facts;
use crate::ir::Allocation;
use crate::ir::{Function, LocalFnId, LocalOp, Op, Operand, Reg};
use crate::isa::{Bank, Class, PhysReg};

/// For each block, whether the upper halves may be dirty at its start.
pub(super) struct UpperState {
    at_start: Vec<bool>,
    /// What calls of each local function do.
    calls: Vec<Change>,
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
        let count = facts.cfg.blocks.len();
        let mut state = UpperState { at_start: vec![false; count], calls: Vec::new() };
        // A local function is after those that it calls.
        for number in 0..function.local_fns.len() {
            let id = LocalFnId(number as u32);
            let change = state.change_of_body(function, facts, allocation, id);
            state.calls.push(change);
        }
        let first = facts.cfg.entries.get(1).map_or(count, |&block| block as usize);
        state.spread(function, facts, allocation, 0..first);
        state
    }

    /// What the body of a local function does: it is followed from a clean start, and if that ends
    /// clean, from a dirty one.
    fn change_of_body(
        &mut self,
        function: &Function,
        facts: &Facts,
        allocation: &Allocation,
        id: LocalFnId,
    ) -> Change {
        let body = facts.local_fns.body(id);
        let blocks =
            facts.cfg.block_of[body.start] as usize..facts.cfg.block_of[body.end - 1] as usize + 1;
        self.spread(function, facts, allocation, blocks.clone());
        if self.before(function, facts, allocation, body.end - 1) {
            return Change::Dirty;
        }
        self.at_start[blocks.start] = true;
        self.spread(function, facts, allocation, blocks);
        match self.before(function, facts, allocation, body.end - 1) {
            true => Change::None,
            false => Change::Clean,
        }
    }

    /// Follows what is dirty through some of the blocks.
    fn spread(
        &mut self,
        function: &Function,
        facts: &Facts,
        allocation: &Allocation,
        range: std::ops::Range<usize>,
    ) {
        let blocks = &facts.cfg.blocks;
        let change_of_block: Vec<Change> = blocks[range.clone()]
            .iter()
            .map(|block| {
                let insts = block.insts().rev();
                let changes = insts.map(|i| self.change(function, facts, allocation, i));
                changes.into_iter().find(|c| *c != Change::None).unwrap_or(Change::None)
            })
            .collect();
        let passes_on = |block: usize, at_start: bool| match change_of_block[block - range.start] {
            Change::Dirty => true,
            Change::None => at_start,
            Change::Clean => false,
        };
        let mut work: Vec<usize> =
            range.clone().filter(|&block| passes_on(block, self.at_start[block])).collect();
        while let Some(block) = work.pop() {
            for &succ in &blocks[block].succs {
                let succ = succ as usize;
                if !std::mem::replace(&mut self.at_start[succ], true) && passes_on(succ, true) {
                    work.push(succ);
                }
            }
        }
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
            .map(|i| self.change(function, facts, allocation, i))
            .find(|c| *c != Change::None);
        match last {
            Some(change) => change == Change::Dirty,
            None => self.at_start[block],
        }
    }

    fn change(
        &self,
        function: &Function,
        facts: &Facts,
        allocation: &Allocation,
        index: usize,
    ) -> Change {
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
            Op::Local(LocalOp::Call, id) => self.calls[id.index()],
            Op::Local(LocalOp::Entry | LocalOp::Return | LocalOp::Boundary, _)
            | Op::Label(_)
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => Change::None,
        }
    }
}
