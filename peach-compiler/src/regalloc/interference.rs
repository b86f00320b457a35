//! Which virtual registers must differ, from each other and from physical ones.
//!
//! In: a function and what is live after each of its instructions. Out: [`Interference`].
//!
//! Where a register is written, whether all, some or maybe, it interferes with every other register
//! that is live afterwards and with every other one that the same instruction writes, even if its
//! own value is never read. A copy is no reason for its ends to differ. On entry all arguments that
//! arrive in registers are written at once. What is live across a call of a local function
//! interferes with every register that the function writes; its results are written within. Two
//! values that are live at the same time were written
//! one after the other, so this finds every pair.

use crate::analysis::Facts;
use crate::ir::{Function, InstId, Op, Reg, VReg, View};
use crate::isa::{Access, Bank, Control, Lanes, PhysReg, RegSet};

/// What keeps virtual registers apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Interference {
    /// Per virtual register, those of its bank that it must differ from.
    pub neighbors: Vec<Vec<u32>>,
    /// Per virtual register, the physical registers of its bank that it must not get.
    pub blocked: Vec<RegSet>,
    /// Per virtual register, whether anything reads or writes it.
    pub used: Vec<bool>,
    /// Per virtual register, those declared before it that may be live at the same time as it and
    /// share its register, one being a copy of the other; ascending.
    twins: Vec<Vec<u32>>,
    /// Per bank of [`BANKS`], a bound on how many are live at the same time.
    pub most_alive: [u32; BANKS.len()],
}

/// The banks that virtual registers are of, in the order of [`Bank`].
pub(super) const BANKS: [Bank; 5] = [Bank::Gp, Bank::Vector, Bank::Mask, Bank::Mmx, Bank::Tile];

impl Interference {
    /// Computes it.
    pub fn of(function: &Function, facts: &Facts) -> Interference {
        let count = function.vregs.len();
        let mut builder = Builder {
            banks: function.vregs.iter().map(|info| info.class.bank()).collect(),
            edges: Edges::new(count),
            blocked: vec![RegSet::NONE; count],
            most_alive: [0; BANKS.len()],
        };
        let mut used = vec![false; count];
        for_each_point(function, facts, |point| builder.add(&point));
        for (effects, constraints) in facts.effects.iter().zip(&facts.constraints) {
            for access in &effects.regs {
                if let Reg::Virtual(vreg) = access.reg {
                    used[vreg.index()] = true;
                }
            }
            for &(a, b) in &constraints.distinct {
                builder.separate(a, b);
            }
        }
        let neighbors = builder.edges.finish();
        let twins = twins(function, &neighbors);
        Interference {
            neighbors,
            blocked: builder.blocked,
            used,
            twins,
            most_alive: builder.most_alive,
        }
    }

    /// The sets of at least `size` virtual registers of `bank` that are live at the same time, each
    /// with a place where they are.
    pub fn cliques(
        &self,
        function: &Function,
        facts: &Facts,
        bank: Bank,
        size: u32,
    ) -> Vec<(InstId, Vec<u32>)> {
        let mut cliques: Vec<(InstId, Vec<u32>)> = Vec::new();
        for_each_point(function, facts, |point| {
            let mut alive: Vec<u32> = point
                .registers()
                .filter_map(|(reg, _)| match reg {
                    Reg::Virtual(vreg) if function[vreg].class.bank() == bank => Some(vreg.0),
                    _ => None,
                })
                .collect();
            alive.sort_unstable();
            alive.dedup();
            self.drop_twins(&mut alive);
            let known = cliques.last().is_some_and(|(_, last)| *last == alive);
            if alive.len() >= size as usize && !known {
                cliques.push((point.inst, alive));
            }
        });
        cliques
    }

    /// Leaves one of each pair of twins in `alive`, which is sorted: the one declared first.
    fn drop_twins(&self, alive: &mut Vec<u32>) {
        let mut kept: Vec<u32> = Vec::with_capacity(alive.len());
        for &vreg in alive.iter() {
            let twins = &self.twins[vreg as usize];
            let has_twin = match twins.len() < kept.len() {
                true => twins.iter().any(|twin| kept.binary_search(twin).is_ok()),
                false => kept.iter().any(|other| twins.binary_search(other).is_ok()),
            };
            if !has_twin {
                kept.push(vreg);
            }
        }
        *alive = kept;
    }
}

/// A place between two instructions, with what happens there at once.
pub(super) struct Point<'f> {
    /// The instruction before the place, or the first one for the entry.
    pub inst: InstId,
    /// What is live there.
    live: &'f [(Reg, Lanes)],
    /// What the instruction touches; it writes at this place.
    accesses: &'f [Access<Reg>],
    /// The source, where the instruction is a copy.
    copied: Option<Reg>,
    /// Whether the instruction is a call.
    is_call: bool,
    /// At a call of a local function: its results, and the registers that it may change.
    called: Option<(&'f [View<Reg>], &'f [Reg])>,
    /// Whether the instruction is `vzeroall` or `vzeroupper`, which name no register and clear
    /// many.
    clears: bool,
    /// At the entry: what arrives in registers, all written here.
    arriving: &'f [(VReg, PhysReg)],
}

impl Point<'_> {
    /// The registers that are written at this place, and their bytes.
    fn written(&self) -> impl Iterator<Item = (Reg, Lanes)> {
        let arrives = |&&(reg, _): &&(Reg, Lanes)| {
            self.arriving.iter().any(|&(vreg, _)| reg == Reg::Virtual(vreg))
        };
        let entering = if self.arriving.is_empty() { &[] } else { self.live };
        self.accesses
            .iter()
            .map(|access| (access.reg, access.write | access.may_write))
            .filter(|(_, lanes)| !lanes.is_empty())
            .chain(entering.iter().filter(arrives).copied())
    }

    /// Whether one is a virtual register that `vzeroall` sets, and the other a physical one whose
    /// value that is not needed: the first may be in the second.
    fn zeroes_alike(&self, a: Reg, b: Reg) -> bool {
        let (vreg, physical) = match (a, b) {
            (Reg::Virtual(_), Reg::Physical(_)) => (a, b),
            (Reg::Physical(_), Reg::Virtual(_)) => (b, a),
            _ => return false,
        };
        self.clears
            && self.accesses.iter().any(|access| access.reg == vreg)
            && !self.live.iter().any(|&(reg, _)| reg == physical)
    }

    /// All registers that hold a value at this place. A register may be named twice.
    pub fn registers(&self) -> impl Iterator<Item = (Reg, Lanes)> {
        self.live.iter().copied().chain(self.written())
    }
}

/// Whether these are the accesses of `vzeroall` or `vzeroupper`.
fn clears(accesses: &[Access<Reg>]) -> bool {
    accesses.len() >= 16
        && accesses.iter().all(|access| !access.zeroed.is_empty() && access.zeroed == access.write)
}

/// Visits every place that a path leads to: after each instruction, and the entry.
pub(super) fn for_each_point(function: &Function, facts: &Facts, mut visit: impl FnMut(Point<'_>)) {
    for (number, block) in facts.cfg.blocks.iter().enumerate() {
        if !block.reachable {
            continue;
        }
        facts.for_each_live_out(number as u32, |inst, live| {
            let copied = function.insts[inst.index()].op.copy().map(|(_, src)| src.reg);
            let effects = &facts.effects[inst.index()];
            let is_call = effects.control == Control::Call;
            let accesses = effects.regs.as_slice();
            let clears = clears(accesses);
            let called = function.insts[inst.index()]
                .op
                .called()
                .map(|id| (function[id].results.as_slice(), facts.local_fns.changed(id)));
            let arriving = &[];
            visit(Point { inst, live, accesses, copied, is_call, called, clears, arriving });
        });
    }
    let arriving = function.arriving();
    visit(Point {
        inst: InstId(0),
        live: &facts.liveness.live_in[0],
        accesses: &[],
        copied: None,
        is_call: false,
        called: None,
        clears: false,
        arriving: &arriving,
    });
}

struct Builder {
    banks: Vec<Bank>,
    edges: Edges,
    blocked: Vec<RegSet>,
    most_alive: [u32; BANKS.len()],
}

impl Builder {
    fn add(&mut self, point: &Point<'_>) {
        self.count(point);
        if let Some((results, changed)) = point.called {
            return self.add_across(point, results, changed);
        }
        let written: Vec<(Reg, Lanes)> = point.written().collect();
        // Virtual registers come first. Physical ones, of which a call writes very many, have
        // nothing to say to one another.
        let is_virtual = |reg: Reg| matches!(reg, Reg::Virtual(_));
        let virtual_live = point.live.partition_point(|&(reg, _)| is_virtual(reg));
        let virtual_written: Vec<Reg> =
            written.iter().map(|&(reg, _)| reg).filter(|&reg| is_virtual(reg)).collect();
        for &(written, bytes) in &written {
            let live = match is_virtual(written) {
                true => point.live,
                false => &point.live[..virtual_live],
            };
            for &(other, live) in live {
                // A callee of the Microsoft convention keeps the low half of some registers, and so
                // does `vzeroupper` of all.
                let survives = (point.is_call || point.clears) && !bytes.intersects(live);
                if Some(other) != point.copied && !survives && !point.zeroes_alike(written, other) {
                    self.separate(written, other);
                }
            }
            for &other in &virtual_written {
                if !point.zeroes_alike(written, other) {
                    self.separate(written, other);
                    self.separate(other, written);
                }
            }
        }
    }

    /// What is live across a call of a local function. How the results and what else it changes
    /// relate to one another is found in its body.
    fn add_across(&mut self, point: &Point<'_>, results: &[View<Reg>], changed: &[Reg]) {
        let is_result = |reg: Reg| results.iter().any(|view| view.reg == reg);
        for &(across, _) in point.live.iter().filter(|(reg, _)| !is_result(*reg)) {
            for &other in changed {
                self.separate(across, other);
            }
        }
    }

    /// Notes how many virtual registers of each bank there are at most at one place.
    fn count(&mut self, point: &Point<'_>) {
        let mut alive = [0; BANKS.len()];
        for &(reg, _) in point.live {
            if let Reg::Virtual(vreg) = reg {
                alive[self.banks[vreg.index()] as usize] += 1;
            }
        }
        for (reg, _) in point.written() {
            if let Reg::Virtual(vreg) = reg {
                alive[self.banks[vreg.index()] as usize] += 1;
            }
        }
        for (most, alive) in self.most_alive.iter_mut().zip(alive) {
            *most = alive.max(*most);
        }
    }

    fn separate(&mut self, a: Reg, b: Reg) {
        match (a, b) {
            (Reg::Virtual(a), Reg::Virtual(b)) => {
                if a != b && self.banks[a.index()] == self.banks[b.index()] {
                    self.edges.add(a.0, b.0);
                }
            }
            (Reg::Virtual(vreg), Reg::Physical(reg)) | (Reg::Physical(reg), Reg::Virtual(vreg)) => {
                self.block(vreg, reg);
            }
            (Reg::Physical(_), Reg::Physical(_)) => {}
        }
    }

    fn block(&mut self, vreg: VReg, reg: PhysReg) {
        if self.banks[vreg.index()] == reg.bank {
            let blocked = &mut self.blocked[vreg.index()];
            *blocked = *blocked | RegSet::one(reg.num);
        }
    }
}

/// Copies whose ends do not interfere although both may be live after it.
fn twins(function: &Function, neighbors: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut twins: Vec<Vec<u32>> = vec![Vec::new(); neighbors.len()];
    for inst in &function.insts {
        if let Op::Copy { dst, src } = &inst.op
            && let (Reg::Virtual(dst), Reg::Virtual(src)) = (dst.reg, src.reg)
            && dst != src
            && !interfere(neighbors, dst.0, src.0)
        {
            twins[dst.0.max(src.0) as usize].push(dst.0.min(src.0));
        }
    }
    for list in &mut twins {
        list.sort_unstable();
        list.dedup();
    }
    twins
}

/// Whether two virtual registers are neighbors.
fn interfere(neighbors: &[Vec<u32>], a: u32, b: u32) -> bool {
    let (of_a, of_b) = (&neighbors[a as usize], &neighbors[b as usize]);
    if of_a.len() < of_b.len() { of_a.contains(&b) } else { of_b.contains(&a) }
}

/// Edges as they are found, many times each. Lists are cleaned when they have doubled, so that
/// memory stays in proportion to the number of different edges.
struct Edges {
    lists: Vec<Vec<u32>>,
    clean: Vec<usize>,
    seen: Vec<u32>,
    round: u32,
}

impl Edges {
    fn new(count: usize) -> Edges {
        Edges {
            lists: vec![Vec::new(); count],
            clean: vec![0; count],
            seen: vec![0; count],
            round: 0,
        }
    }

    fn add(&mut self, a: u32, b: u32) {
        let list = &mut self.lists[a as usize];
        list.push(b);
        if list.len() > 2 * self.clean[a as usize] + 32 {
            self.clean(a as usize);
        }
    }

    fn clean(&mut self, node: usize) {
        self.round += 1;
        let (seen, round) = (&mut self.seen, self.round);
        self.lists[node].retain(|&other| {
            let is_new = seen[other as usize] != round;
            seen[other as usize] = round;
            is_new
        });
        self.clean[node] = self.lists[node].len();
    }

    /// Symmetric lists without duplicates.
    fn finish(mut self) -> Vec<Vec<u32>> {
        for node in 0..self.lists.len() {
            self.clean(node);
        }
        for node in 0..self.lists.len() {
            for index in 0..self.clean[node] {
                let other = self.lists[node][index];
                self.lists[other as usize].push(node as u32);
            }
        }
        for node in 0..self.lists.len() {
            self.clean(node);
        }
        self.lists
    }
}
