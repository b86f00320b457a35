//! Where the values of registers end: what no later instruction names is not followed further.
//!
//! This only forgets, so that a mistake here can refuse a program, never accept one.

use crate::ir::{DataContent, Function, InstId, Op, Operand, Reg, VReg};
use crate::isa::Effects;
use crate::sorted;

/// The last instruction that may name each virtual register, wherever control goes.
pub(super) struct Ends {
    /// By register; `None` where nothing names it.
    last: Vec<Option<usize>>,
    /// The registers by their ends, and where in the list those of each instruction start.
    sorted: Vec<Reg>,
    starts: Vec<usize>,
}

impl Ends {
    pub fn of(function: &Function, effects: &[Effects<Reg>]) -> Ends {
        let mut last = last_mentions(function, effects);
        let ends_of_loops = ends_of_loops(function);
        for last in last.iter_mut().flatten() {
            *last = ends_of_loops[*last];
        }
        let mut sorted: Vec<(usize, Reg)> = last
            .iter()
            .enumerate()
            .filter_map(|(index, last)| Some(((*last)?, Reg::Virtual(VReg(index as u32)))))
            .collect();
        sorted::sort(&mut sorted);
        let starts = (0..=function.insts.len())
            .map(|index| sorted.partition_point(|(end, _)| *end < index))
            .collect();
        Ends { last, sorted: sorted.into_iter().map(|(_, reg)| reg).collect(), starts }
    }

    /// The registers that end with an instruction.
    pub fn at(&self, id: InstId) -> &[Reg] {
        &self.sorted[self.starts[id.index()]..self.starts[id.index() + 1]]
    }

    /// Whether `reg` has ended before instruction `index`.
    pub fn is_over(&self, reg: Reg, index: usize) -> bool {
        match reg {
            Reg::Virtual(vreg) => self.last[vreg.index()].is_none_or(|last| last < index),
            Reg::Physical(_) => false,
        }
    }
}

/// The last instruction in the order of the code that names each register.
fn last_mentions(function: &Function, effects: &[Effects<Reg>]) -> Vec<Option<usize>> {
    let mut last = vec![None; function.vregs.len()];
    for (index, (inst, effects)) in function.insts.iter().zip(effects).enumerate() {
        let mut note = |reg| {
            if let Reg::Virtual(vreg) = reg {
                last[vreg.index()] = Some(index);
            }
        };
        inst.op.for_each_reg(&mut note);
        effects.regs.iter().for_each(|access| note(access.reg));
    }
    last
}

/// For each instruction the end of the code that may run again after it: of the branches backwards
/// over it, and over the branches that those jump over in turn.
fn ends_of_loops(function: &Function) -> Vec<usize> {
    let mut place = vec![usize::MAX; function.labels.len()];
    for (index, inst) in function.insts.iter().enumerate() {
        if let Op::Label(label) = inst.op {
            place[label.index()] = index;
        }
    }
    // By the target of each branch backwards: the last such branch.
    let mut back: Vec<usize> = (0..function.insts.len()).collect();
    for (index, inst) in function.insts.iter().enumerate() {
        let Op::Machine(machine) = &inst.op else { continue };
        let direct = machine.inst.operands.iter().filter_map(|operand| match operand {
            Operand::Label(branch) => Some(branch.label),
            _ => None,
        });
        let indirect = match machine.targets.map(|data| &function[data].content) {
            Some(DataContent::Jumps(labels)) => labels.as_slice(),
            Some(DataContent::Bytes(_) | DataContent::Rust(_)) | None => &[],
        };
        for label in direct.chain(indirect.iter().copied()) {
            let target = place[label.index()];
            if target < index {
                back[target] = back[target].max(index);
            }
        }
    }
    // Loops that overlap end together.
    let mut open = 0;
    let furthest: Vec<usize> = back
        .iter()
        .map(|end| {
            open = open.max(*end);
            open
        })
        .collect();
    let mut ends = furthest;
    for index in (0..ends.len()).rev() {
        ends[index] = ends[ends[index]];
    }
    ends
}
