//! The judge: walks the code once with the invariants that it is given, and believes none of them.
//!
//! In: a [`Certificate`]: for each place where paths meet, what is in the registers there, as sums
//! of symbols, and what holds of these symbols. Out: what of it some edge does not show, and the
//! accesses that are not shown to be allowed. If nothing is returned, every execution is as the
//! certificate says, by induction over its length: an edge says which values its symbols have
//! ([`Rule`]), and under these everything that is claimed is demanded of the decision procedure.
//!
//! A symbol that a walk makes is a new one each time. What is claimed where paths meet replaces all
//! that was known, so nothing that an edge knows of an older turn of a loop outlives it.

use super::access::{Access, Missing, place};
use super::arrival;
use super::claim::{Certificate, Claim, Claimed, ENTRY, Failure};
use super::condition;
use super::division::{self, Division, Fault};
use super::ghost::{self, Unshown};
use super::linear::Linear;
use super::operations::{Operation, operation};
use super::result::{self, Returned};
use super::state::{Slot, State};
use super::transfer;
use super::world::World;
use crate::ir::{LocalId, Operand, Reg};
use crate::isa::Control;
use crate::sorted::SortedMap;

/// The work of an instruction, in what [`Symbols::spend`](super::linear::Symbols::spend) counts.
const STEP: usize = 32;

/// Takes part in a walk: the judge's own part is that nothing is added to the certificate.
pub(super) trait Companion {
    /// A place where paths meet of which nothing is claimed yet; `edges` are those seen so far.
    fn missing(&mut self, block: u32, edges: &[(u32, State)], world: &mut World<'_>) -> Claim;
    /// An edge into a place where paths meet.
    fn edge(&mut self, from: u32, to: u32, state: &State, world: &mut World<'_>);
    /// An access is about to happen.
    fn access(&mut self, access: Access, state: &State, world: &mut World<'_>);
    /// The user states that `sum` is at least 0, or 0.
    fn stated(&mut self, sum: &Linear, is_equation: bool, world: &World<'_>);
    /// An edge does not show all that is claimed: what is taken back here is not used further on.
    fn failed(&mut self, _block: u32, _failures: &[Claimed], _claim: &mut Claim) {}
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub failures: Vec<Failure>,
    /// Accesses that are not shown to be allowed, with what is missing where the region is known.
    pub open: Vec<(Access, Option<Missing>)>,
    /// Accesses that are, in a stack variable.
    pub in_locals: Vec<(Access, LocalId)>,
    /// Invariants of the user's that are not shown.
    pub invariants: Vec<Unshown>,
    /// Divisions that may fault.
    pub faults: Vec<(usize, Fault)>,
    /// References that are not shown to be valid as results.
    pub returned: Vec<Returned>,
    /// Returns of references that are not shown to be apart, although one is exclusive.
    pub overlapping: Vec<usize>,
}

/// Walks the code with `certificate`, and demands that `accesses` are allowed.
pub(super) fn walk(
    world: &mut World<'_>,
    certificate: &mut Certificate,
    accesses: &[Access],
    mut companion: Option<&mut dyn Companion>,
) -> Verdict {
    world.start_walk();
    let facts = world.facts;
    let mut verdict = Verdict::default();
    let mut edges: SortedMap<u32, Vec<(u32, State)>> = SortedMap::new();
    let entry = entry_state(world);
    edges.get_or_default(0).push((ENTRY, entry));
    for &block in &facts.cfg.order {
        if world.symbols.is_exhausted() {
            break;
        }
        let arrived = edges.remove(&block).unwrap_or_default();
        let mut state = if meets(world, block) {
            if let (None, Some(companion)) = (certificate.get(&block), companion.as_deref_mut()) {
                let claim = companion.missing(block, &arrived, world);
                certificate.insert(block, claim);
            }
            for (from, state) in &arrived {
                arrive(*from, block, state, certificate, world, &mut verdict, &mut companion);
            }
            certificate.get(&block).map(start).unwrap_or_default()
        } else {
            match arrived.into_iter().next() {
                Some((_, state)) => state,
                None => State::default(),
            }
        };
        for index in facts.cfg.blocks[block as usize].insts() {
            let at = accesses.partition_point(|access| access.index < index);
            for access in accesses[at..].iter().take_while(|access| access.index == index) {
                if let Some(companion) = companion.as_deref_mut() {
                    companion.access(*access, &state, world);
                }
                world.at = index as u32;
                let place = place(*access, &mut state, world);
                match place {
                    Some(place) if place.is_shown(&mut state, world) => {
                        let local = world.regions[&place.base].local;
                        verdict.in_locals.extend(local.map(|local| (*access, local)));
                    }
                    place => {
                        // A search asks which, and not why.
                        let missing = match companion {
                            Some(_) => None,
                            None => place.and_then(|place| place.missing(&mut state, world)),
                        };
                        verdict.open.push((*access, missing));
                    }
                }
            }
            if let Some(invariant) = ghost::invariant(index, world) {
                world.at = index as u32;
                let sum = ghost::sum(invariant, &mut state, world);
                if let (Some(sum), Some(companion)) = (&sum, companion.as_deref_mut()) {
                    companion.stated(sum, invariant.is_equation, world);
                }
                if !sum.as_ref().is_some_and(|sum| ghost::is_shown(invariant, sum, &state, world)) {
                    verdict.invariants.push(Unshown::of(index, sum.as_ref(), &state, world));
                }
                if let Some(sum) = sum {
                    ghost::assume(invariant, sum, &mut state);
                }
            }
            if !world.function.insts[index].in_unsafe {
                world.at = index as u32;
                let companion = companion.as_deref_mut();
                demand(index, &mut state, world, companion, &mut verdict);
            }
            world.symbols.spend(STEP);
            transfer::step(&mut state, index, world);
        }
        for (to, state) in leave(block, state, world) {
            // Edges back to a place that was passed are looked at when they are taken.
            if meets(world, to) && is_passed(world, to, block) {
                arrive(block, to, &state, certificate, world, &mut verdict, &mut companion);
            } else {
                edges.get_or_default(to).push((block, state));
            }
        }
    }
    verdict
}

/// Demands of plain code that divisions do not fault, and that references are valid as results.
fn demand(
    index: usize,
    state: &mut State,
    world: &mut World<'_>,
    mut companion: Option<&mut (dyn Companion + '_)>,
    verdict: &mut Verdict,
) {
    let mut goals = Vec::new();
    if division::is_at(index, world) {
        let division = division::division(index, state, world);
        goals.extend(division.iter().flat_map(Division::goals));
        let fault = match division {
            Some(division) => division.fault(state, world),
            None => Some(Fault::Zero),
        };
        verdict.faults.extend(fault.map(|fault| (index, fault)));
    }
    let references = result::references(index, state, world);
    for reference in &references {
        goals.extend(reference.goals(world));
        if !reference.is_shown(state, world) {
            verdict.returned.push(reference.returned);
        }
    }
    if let [first, second] = references.as_slice()
        && (first.is_exclusive() || second.is_exclusive())
        && !first.is_apart(second, state, world)
    {
        verdict.overlapping.push(index);
    }
    if let Some(companion) = companion.as_mut() {
        goals.iter().for_each(|goal| companion.stated(goal, false, world));
    }
}

/// Whether paths meet at a block.
pub(super) fn meets(world: &World<'_>, block: u32) -> bool {
    world.paths_meet[block as usize]
}

/// Whether `to` comes before or at `from` in the order of the walk.
pub(super) fn is_passed(world: &World<'_>, to: u32, from: u32) -> bool {
    world.position(to) <= world.position(from)
}

/// What is known when the kernel is entered.
fn entry_state(world: &mut World<'_>) -> State {
    let mut state = State { is_upward: true, ..State::default() };
    for (index, arg) in world.function.args.iter().enumerate() {
        state.registers.insert(Reg::Virtual(arg.vreg), world.arguments[index].clone());
    }
    state.knowledge = world.given.clone();
    state
}

/// What is known where a claim holds.
fn start(claim: &Claim) -> State {
    let mut state = State {
        masks: claim.masks.clone(),
        is_upward: claim.is_upward,
        knowledge: claim.knowledge.clone(),
        ..State::default()
    };
    for (slot, value) in &claim.values {
        match *slot {
            Slot::Register(reg) => drop(state.registers.insert(reg, value.clone())),
            Slot::Local(local, at) => drop(state.locals.insert((local, at), value.clone())),
            Slot::Pushed(_) => {}
        }
    }
    let pushed = (0..).map_while(|above| claim.values.get(&Slot::Pushed(above)).cloned());
    state.pushed = pushed.collect();
    state.pushed.reverse();
    state
}

/// The edges that leave a block, each with what is known there.
fn leave(block: u32, state: State, world: &mut World<'_>) -> Vec<(u32, State)> {
    let facts = world.facts;
    let info = &facts.cfg.blocks[block as usize];
    let Some(last) = info.insts().last() else {
        let leaving = info.succs.iter().map(|&succ| (succ, state.clone()));
        return leaving
            .map(|(succ, mut state)| {
                state.forget_dead(block, succ, world);
                (succ, state)
            })
            .collect();
    };
    let machine = world.function.insts[last].op.machine();
    let branch = machine.and_then(|machine| match operation(machine.inst.mnemonic) {
        Some(Operation::Branch(condition)) => {
            let target = machine.inst.operands.iter().find_map(|operand| match operand {
                Operand::Label(branch) => world.block_of_label(branch.label),
                _ => None,
            });
            target.map(|target| (condition, target))
        }
        _ => None,
    });
    let is_branch = facts.effects[last].control == Control::Branch;
    world.symbols.spend(info.succs.len() * state.size());
    let mut leaving = Vec::new();
    for &succ in &info.succs {
        let mut state = state.clone();
        if let (Some((condition, target)), true) = (branch, is_branch)
            && info.succs.len() == 2
        {
            match succ == target {
                true => condition::assume(condition, &mut state, world),
                false => condition::assume_not(condition, &mut state, world),
            }
        }
        state.forget_dead(block, succ, world);
        leaving.push((succ, state));
    }
    leaving
}

/// Demands of an edge what is claimed of the place that it leads to.
fn arrive(
    from: u32,
    to: u32,
    state: &State,
    certificate: &mut Certificate,
    world: &mut World<'_>,
    verdict: &mut Verdict,
    companion: &mut Option<&mut dyn Companion>,
) {
    if let Some(companion) = companion.as_deref_mut() {
        companion.edge(from, to, state, world);
    }
    let Some(claim) = certificate.get_mut(&to) else { return };
    let failed = arrival::not_shown(claim, from, state, world);
    if let (Some(companion), false) = (companion.as_deref_mut(), failed.is_empty()) {
        companion.failed(to, &failed, claim);
    }
    verdict.failures.extend(failed.into_iter().map(|what| Failure { block: to, what }));
}
