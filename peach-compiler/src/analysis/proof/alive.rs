//! Which registers the proof has to know of, by block.

use crate::analysis::facts::Facts;
use crate::analysis::{Liveness, access};
use crate::ir::{Function, Ghost, Invariant, Op, Reg, Term};
use crate::isa::{Effects, Lanes};
use std::borrow::Cow;

/// Live registers, for code and for what the author states.
pub(super) struct Alive<'f>(Cow<'f, Liveness>);

/// The registers that are live at one place.
#[derive(Clone, Copy)]
pub(super) struct Live<'a>(&'a [(Reg, Lanes)]);

impl<'f> Alive<'f> {
    pub fn of(function: &'f Function, facts: &'f Facts) -> Alive<'f> {
        let is_ghost = |op: &Op| matches!(op, Op::Ghost(_));
        if !function.insts.iter().any(|inst| is_ghost(&inst.op)) {
            return Alive(Cow::Borrowed(&facts.liveness));
        }
        // Ghost code keeps no register alive, but its values have to be known.
        let mut effects = facts.effects.clone();
        for (inst, effects) in function.insts.iter().zip(&mut effects) {
            if let Op::Ghost(ghost) = &inst.op {
                add_ghost(ghost, effects);
            }
        }
        Alive(Cow::Owned(Liveness::of(&facts.cfg, &effects, facts.slots)))
    }

    /// Those at the start of a block, if that is known.
    pub fn at(&self, block: u32) -> Option<Live<'_>> {
        (!self.0.is_incomplete).then(|| Live(&self.0.live_in[block as usize]))
    }
}

fn add_ghost(ghost: &Ghost, effects: &mut Effects<Reg>) {
    match ghost {
        Ghost::Invariant(Invariant { terms, .. }) => {
            effects.regs.extend(terms.iter().filter_map(|(term, _)| match term {
                Term::Reg(reg) => Some(access::read(*reg, Lanes::low(8))),
                Term::Arg(_) => None,
            }));
        }
        Ghost::Remember { ghost, reg } => {
            effects.regs.push(access::read(*reg, Lanes::low(8)));
            effects.regs.push(access::write(Reg::Virtual(*ghost), Lanes::low(8)));
        }
        Ghost::Declassify(_) => {}
    }
}

impl Live<'_> {
    /// Whether `reg` is; the stack pointer always is.
    pub fn contains(self, reg: Reg) -> bool {
        reg == Reg::Physical(crate::isa::gp::RSP)
            || self.0.binary_search_by_key(&reg, |(live, _)| *live).is_ok()
    }
}
