//! Local functions: where their bodies are, what a call of each changes, how deep they are called.
//!
//! A body is a part of the code that nothing falls into. Dataflow within it starts with parameters
//! and ends with results, whoever calls it: a call is one operation for its caller, so that what
//! one caller keeps has nothing to do with another.

use super::access::{merge, read, write};
use super::outside::{Outside, call_clobbers, named_registers, whole};
use super::{Cfg, MOST_LIVE};
use crate::ir::{Function, LocalFnId, LocalOp, Op, Reg};
use crate::isa::{Access, Effects, Flags, Lanes, PhysReg, Register, gp};
use crate::sorted::{self, SortedSet};
use std::ops::Range;

/// What is known of the local functions of a function, by [`LocalFnId`].
#[derive(Debug, Default)]
pub struct LocalFns {
    /// The instructions of each body.
    bodies: Vec<Range<usize>>,
    /// The registers that a call of each may change, sorted: those of the functions that it calls
    /// included.
    changed: Vec<Vec<Reg>>,
    /// How many bytes there are between the frame and what each body pushes, the return addresses
    /// included; `None` where uses differ.
    depths: Vec<Option<u32>>,
    /// All of [`changed`](LocalFns::changed) together are more than [`MOST_LIVE`]: some are
    /// missing.
    pub(super) is_incomplete: bool,
}

impl LocalFns {
    /// Finds the bodies of the local functions of `function`.
    pub(super) fn of(function: &Function) -> LocalFns {
        let entry =
            |index: &usize| matches!(function.insts[*index].op, Op::Local(LocalOp::Entry, _));
        let starts: Vec<usize> = match function.local_fns.is_empty() {
            true => Vec::new(),
            false => (0..function.insts.len()).filter(entry).collect(),
        };
        let ends = starts.iter().skip(1).copied().chain([function.insts.len()]);
        let bodies = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
        LocalFns { bodies, ..LocalFns::default() }
    }

    /// The same, of a function that has no bodies, since their uses are written out.
    pub(super) fn written_out(&self) -> LocalFns {
        LocalFns { changed: self.changed.clone(), ..LocalFns::default() }
    }

    /// Where the code of the kernel itself ends.
    pub(super) fn kernel_end(&self, function: &Function) -> usize {
        self.bodies.first().map_or(function.insts.len(), |body| body.start)
    }

    /// The instructions of the body of `id`.
    pub fn body(&self, id: LocalFnId) -> Range<usize> {
        self.bodies[id.index()].clone()
    }

    /// The local function whose body instruction `index` is in.
    pub fn around(&self, index: usize) -> Option<LocalFnId> {
        let after = self.bodies.partition_point(|body| body.start <= index);
        after.checked_sub(1).map(|number| LocalFnId(number as u32))
    }

    /// The registers that a call of `id` may change.
    pub fn changed(&self, id: LocalFnId) -> &[Reg] {
        &self.changed[id.index()]
    }

    /// How many bytes there are between the frame and what the code around instruction `index`
    /// pushes; `None` where that depends on the use.
    pub fn depth_around(&self, index: usize) -> Option<u32> {
        match self.around(index) {
            Some(id) => self.depths[id.index()],
            None => Some(0),
        }
    }

    /// Computes what calls change, and gives calls and boundaries their effects. Again, where
    /// effects have grown since.
    pub(super) fn complete(&mut self, function: &Function, effects: &mut [Effects<Reg>]) {
        if !self.bodies.is_empty() {
            self.changed.clear();
        }
        let mut room = MOST_LIVE;
        for body in &self.bodies {
            let (mut changed, mut called) = (Vec::new(), SortedSet::new());
            for index in body.clone().filter(|_| room > 0) {
                add_changed(function, effects, index, &mut changed);
                called.extend(function.insts[index].op.called());
            }
            // A function is after those that it calls.
            let called = called.into_iter().filter_map(|callee| self.changed.get(callee.index()));
            changed.extend(called.flatten());
            sorted::sort(&mut changed);
            changed.dedup();
            room = room.saturating_sub(changed.len());
            self.changed.push(changed);
        }
        self.is_incomplete = room == 0;
        for (inst, effects) in function.insts.iter().zip(effects) {
            if let Op::Local(op, id) = inst.op {
                self.complete_one(function, op, id, effects);
            }
        }
    }

    fn complete_one(
        &self,
        function: &Function,
        op: LocalOp,
        id: LocalFnId,
        effects: &mut Effects<Reg>,
    ) {
        let local_fn = &function[id];
        match op {
            LocalOp::Entry => {}
            LocalOp::Return => {
                for view in &local_fn.results {
                    merge(&mut effects.regs, read(view.reg, view.class.lanes()));
                }
            }
            LocalOp::Call => {
                for view in &local_fn.params {
                    merge(&mut effects.regs, read(view.reg, view.class.lanes()));
                }
                for view in &local_fn.results {
                    merge(&mut effects.regs, write(view.reg, Lanes::ALL));
                }
                self.lose(id, effects);
            }
            LocalOp::Boundary => self.lose(id, effects),
        }
    }

    /// What the body changes of physical registers and flags is no value of the caller's.
    fn lose(&self, id: LocalFnId, effects: &mut Effects<Reg>) {
        let changed = self.changed(id).iter();
        for reg in changed.filter_map(|&reg| reg.physical()) {
            merge(&mut effects.regs, write(Reg::Physical(reg), whole(reg)));
        }
        effects.flags_written = Flags(effects.flags_written.0 | Flags::STATUS.0);
    }

    /// Computes how deep the bodies are called. `depth` is what each instruction finds pushed by
    /// the code around it.
    pub(super) fn find_depths(&mut self, function: &Function, cfg: &Cfg, depth: &[Option<u32>]) {
        let count = self.bodies.len();
        let mut found: Vec<Option<Option<u32>>> = vec![None; count];
        self.depths = vec![Some(0); count];
        // Callers first.
        let mut ends = self.bodies.clone();
        ends.insert(0, 0..self.kernel_end(function));
        let order = std::iter::once(0).chain((1..=count).rev());
        for place in order {
            if place > 0 {
                self.depths[place - 1] = found[place - 1].flatten();
            }
            for index in ends[place].clone() {
                let Op::Local(LocalOp::Call, callee) = function.insts[index].op else { continue };
                if !cfg.is_reachable(index) {
                    continue;
                }
                let around = if place == 0 { Some(0) } else { self.depths[place - 1] };
                let below = around.zip(depth[index]).map(|(around, own)| around + own + 8);
                let known = &mut found[callee.index()];
                *known = Some(match *known {
                    Some(known) if known != below => None,
                    _ => below,
                });
            }
        }
    }
}

/// Adds what instruction `index` changes, a call of another local function left out.
fn add_changed(
    function: &Function,
    effects: &[Effects<Reg>],
    index: usize,
    changed: &mut Vec<Reg>,
) {
    let op = &function.insts[index].op;
    let accesses = effects[index].regs.iter();
    changed.extend(accesses.filter(|access| is_changed(access)).map(|access| access.reg));
    let outside: Vec<PhysReg> = match Outside::of(op, &effects[index]) {
        Outside::No | Outside::State => return,
        Outside::System => vec![gp::RAX],
        Outside::Bytes => named_registers(effects),
        Outside::Call | Outside::Elsewhere => {
            let clobbers = call_clobbers(function.convention);
            clobbers.into_iter().map(|(reg, _)| reg).collect()
        }
    };
    changed.extend(outside.into_iter().map(Reg::Physical));
}

fn is_changed(access: &Access<Reg>) -> bool {
    !(access.write | access.may_write).is_empty() && access.reg != Reg::Physical(gp::RSP)
}
