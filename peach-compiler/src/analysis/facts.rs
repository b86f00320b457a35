//! The facts, by instruction and by block.

use super::cfg::Block;
use super::slots::Slots;
use super::stack::{self, Stack};
use super::{
    Cfg, Liveness, LocalFns, access, extended, flags, liveness, ones, outside, scans, vzeroall,
};
use crate::ir::{Function, InstId, Reg};
use crate::isa::{Constraints, Effects, Flags, Lanes};

/// What is known of every instruction of a function.
#[derive(Debug)]
pub struct Facts {
    /// What each instruction reads and writes. Pseudo-instructions too: a copy, a return.
    pub effects: Vec<Effects<Reg>>,
    /// What each instruction requires of its registers.
    pub constraints: Vec<Constraints<Reg>>,
    /// The control-flow graph.
    pub cfg: Cfg,
    /// Which register bytes are live, at the ends of the blocks.
    pub liveness: Liveness,
    /// Flags that are live after each instruction.
    pub flags_live_out: Vec<Flags>,
    /// Bytes pushed before each instruction, not counting the frame, by the code around it: that of
    /// the kernel or of one local function; `None` if unreachable.
    pub depth: Vec<Option<u32>>,
    /// Where local functions are, and what calls of them do.
    pub local_fns: LocalFns,
    /// Where `push` and `pop` do not balance.
    pub(super) stack_problems: Vec<stack::Problem>,
    pub(super) slots: Slots,
}

impl Facts {
    /// Computes them.
    pub fn of(function: &Function) -> Facts {
        let (effects, constraints) = access::of_instructions(function);
        Facts::from_effects(function, effects, constraints, LocalFns::of(function))
    }

    /// Computes them for a function whose uses of local functions are written out. `local_fns` are
    /// those of the function as it stands.
    pub(super) fn of_uses(function: &Function, local_fns: &LocalFns) -> Facts {
        let (effects, constraints) = access::of_instructions(function);
        Facts::from_effects(function, effects, constraints, local_fns.written_out())
    }

    /// The dataflow alone, for instructions whose effects are known.
    pub(super) fn from_effects(
        function: &Function,
        mut effects: Vec<Effects<Reg>>,
        mut constraints: Vec<Constraints<Reg>>,
        mut local_fns: LocalFns,
    ) -> Facts {
        let slots = Slots::of(function);
        let cfg = Cfg::of(function, &effects);
        local_fns.complete(function, &mut effects);
        outside::complete(function, &cfg, &mut effects);
        ones::complete_gathers(function, &cfg, &mut effects);
        scans::complete_scans(function, &cfg, &mut effects);
        extended::complete_returns(function, &cfg, &mut effects);
        local_fns.complete(function, &mut effects);
        let mut liveness = Liveness::of(&cfg, &effects, slots);
        if vzeroall::complete(function, &cfg, &liveness, &mut effects, &mut constraints) {
            local_fns.complete(function, &mut effects);
            liveness = Liveness::of(&cfg, &effects, slots);
        }
        liveness.is_incomplete |= cfg.is_incomplete || local_fns.is_incomplete;
        let flags_live_out = flags::live_out(&cfg, &effects);
        let Stack { depth, problems } = stack::follow(function, &cfg, &effects);
        local_fns.find_depths(function, &cfg, &depth);
        Facts {
            effects,
            constraints,
            cfg,
            liveness,
            flags_live_out,
            depth,
            local_fns,
            stack_problems: problems,
            slots,
        }
    }

    /// Calls `visit` for every instruction of block `block`, last first, with what is live after
    /// it.
    pub fn for_each_live_out(&self, block: u32, mut visit: impl FnMut(InstId, &[(Reg, Lanes)])) {
        let mut live = self.liveness.live_out[block as usize].clone();
        for index in self.cfg.blocks[block as usize].insts().rev() {
            visit(InstId(index as u32), &live);
            liveness::step_back(&mut live, &self.effects[index], self.slots);
        }
    }

    /// The same with what is live before it.
    pub fn for_each_live_in(&self, block: u32, mut visit: impl FnMut(InstId, &[(Reg, Lanes)])) {
        let mut live = self.liveness.live_out[block as usize].clone();
        for index in self.cfg.blocks[block as usize].insts().rev() {
            liveness::step_back(&mut live, &self.effects[index], self.slots);
            visit(InstId(index as u32), &live);
        }
    }

    /// An empty set for [`walk_back`](Facts::walk_back).
    pub fn live_set(&self) -> LiveSet {
        LiveSet { slots: self.slots, lanes: vec![Lanes::NONE; self.slots.len()] }
    }

    /// [`for_each_live_out`](Facts::for_each_live_out) for callers that ask only about some
    /// registers: takes time in proportion to the instructions, however many registers are live.
    /// `live` is empty before and after.
    pub fn walk_back(
        &self,
        block: &Block,
        live: &mut LiveSet,
        mut visit: impl FnMut(InstId, &LiveSet),
    ) {
        let Some(&number) = self.cfg.block_of.get(block.start as usize) else { return };
        for &(reg, lanes) in &self.liveness.live_out[number as usize] {
            live.set(reg, lanes);
        }
        for index in block.insts().rev() {
            visit(InstId(index as u32), live);
            for access in &self.effects[index].regs {
                live.set(access.reg, (live.lanes(access.reg) - access.write) | access.read);
            }
        }
        for &(reg, _) in &self.liveness.live_in[number as usize] {
            live.set(reg, Lanes::NONE);
        }
    }
}

/// The live bytes of every register at one place.
#[derive(Clone, Debug)]
pub struct LiveSet {
    slots: Slots,
    lanes: Vec<Lanes>,
}

impl LiveSet {
    /// The live bytes of `reg`.
    pub fn lanes(&self, reg: Reg) -> Lanes {
        self.slots.slot(reg).map_or(Lanes::NONE, |slot| self.lanes[slot])
    }

    fn set(&mut self, reg: Reg, lanes: Lanes) {
        if let Some(slot) = self.slots.slot(reg) {
            self.lanes[slot] = lanes;
        }
    }
}
