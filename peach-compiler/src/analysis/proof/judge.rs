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
use super::bits::Bits;
use super::condition;
use super::decide::Knowledge;
use super::division::{self, Division, Fault};
use super::ghost::{self, Unshown};
use super::linear::{Linear, Symbol};
use super::operations::{Operation, operation};
use super::result::{self, Returned};
use super::state::{Slot, State};
use super::transfer;
use super::world::{Site, World};
use crate::ir::{LocalId, Operand, Reg};
use crate::isa::Control;
use crate::sorted::SortedMap;

/// The work of an instruction, in what [`Symbols::spend`](super::linear::Symbols::spend) counts.
const STEP: usize = 32;

/// The edge into the function.
pub(super) const ENTRY: u32 = u32::MAX;

/// What is claimed of a place where paths meet.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim {
    /// Symbols that stand for other values each time that control comes here.
    pub symbols: Vec<Symbol>,
    pub values: SortedMap<Slot, Linear>,
    pub masks: SortedMap<Reg, Bits>,
    pub is_upward: bool,
    pub knowledge: Knowledge,
    /// By the block that an edge comes from: the values of the symbols.
    pub rules: SortedMap<u32, Vec<(Symbol, Rule)>>,
}

/// Which value a symbol gets on an edge. Whatever it is, what is claimed must be shown of it.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// A sum of symbols that are known where the edge starts.
    Value(Linear),
    /// What a slot holds, or adds to the address of a region.
    Held { slot: Slot, base: Option<Symbol> },
    /// The low bits of what a slot holds, as a number.
    Low { slot: Slot, bits: u32 },
    /// What is above them.
    High { slot: Slot, bits: u32 },
    /// How often a slot contains a power of two.
    Quotient { slot: Slot, bits: u32 },
    /// The symbol that was made at a site of the code.
    Site(Site),
}

/// By block.
pub(super) type Certificate = SortedMap<u32, Claim>;

/// What an edge does not show.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub block: u32,
    pub what: Claimed,
}

/// A part of a claim.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claimed {
    Value(Slot),
    Mask(Reg),
    Upward,
    /// The bounds of a symbol, or a value for it.
    Symbol(Symbol),
    AtLeastZero(Linear),
    Zero(Linear),
    NotZero(Linear),
}

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
    fn failed(&mut self, _failures: &[Failure], _claim: &mut Claim) {}
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
                        let missing = place.and_then(|place| place.missing(&mut state, world));
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
    let failures = unshown((from, to), state, claim, world);
    if let (Some(companion), false) = (companion.as_deref_mut(), failures.is_empty()) {
        companion.failed(&failures, claim);
    }
    verdict.failures.extend(failures);
}

/// What of a claim the edge from one block to another does not show.
fn unshown(
    (from, to): (u32, u32),
    state: &State,
    claim: &Claim,
    world: &mut World<'_>,
) -> Vec<Failure> {
    let claimed = claim.values.len() + claim.knowledge.at_least_zero.len();
    world.symbols.spend(state.size() + 8 * claimed);
    let mut state = state.clone();
    let mut failures = Vec::new();
    let mut fail = |what| failures.push(Failure { block: to, what });
    let mut values: Vec<(Symbol, Linear)> = Vec::new();
    for &symbol in &claim.symbols {
        let rules = claim.rules.get(&from);
        let rule = rules.and_then(|rules| rules.iter().find(|(of, _)| *of == symbol));
        match rule.and_then(|(_, rule)| value_of(rule, &mut state, world)) {
            Some(value) => values.push((symbol, value)),
            None => fail(Claimed::Symbol(symbol)),
        }
    }
    for (symbol, value) in &values {
        let info = world.symbols.info(*symbol).clone();
        let above = info.min.and_then(|min| value.offset(-min));
        let below = info.max.and_then(|max| value.times(-1)?.offset(max));
        let shown = |goal: Option<Linear>, bound: Option<i128>| match bound {
            None => true,
            Some(_) => goal.is_some_and(|goal| state.shows(&goal, world)),
        };
        if !shown(above, info.min) || !shown(below, info.max) {
            fail(Claimed::Symbol(*symbol));
        }
    }
    for (slot, claimed) in &claim.values {
        let value = state.slot(*slot);
        if !value.is_some_and(|value| is_same(value, claimed, &values, &state, world)) {
            fail(Claimed::Value(*slot));
        }
    }
    for (reg, claimed) in &claim.masks {
        let here = |linear: &Linear| linear.substitute_all(&values);
        let claimed = here(&claimed.first).zip(here(&claimed.end));
        let claimed = claimed.map(|(first, end)| Bits { first, end });
        let known = state.masks.get(reg).zip(claimed);
        if !known.is_some_and(|(bits, claimed)| {
            bits.is_within(&claimed, &state.knowledge, &world.symbols)
        }) {
            fail(Claimed::Mask(*reg));
        }
    }
    if claim.is_upward && !state.is_upward {
        fail(Claimed::Upward);
    }
    let knowledge = &state.knowledge;
    for fact in &claim.knowledge.at_least_zero {
        let here = fact.substitute_all(&values);
        if !here.is_some_and(|here| knowledge.shows(&world.symbols, &here)) {
            fail(Claimed::AtLeastZero(fact.clone()));
        }
    }
    for fact in &claim.knowledge.zero {
        let here = fact.substitute_all(&values);
        if !here.is_some_and(|here| knowledge.shows_zero(&world.symbols, &here)) {
            fail(Claimed::Zero(fact.clone()));
        }
    }
    for fact in &claim.knowledge.not_zero {
        let shown = fact.substitute_all(&values).is_some_and(|here| {
            let below = here.times(-1).and_then(|negated| negated.offset(-1));
            knowledge.not_zero.contains(&here)
                || here.offset(-1).is_some_and(|above| knowledge.shows(&world.symbols, &above))
                || below.is_some_and(|below| knowledge.shows(&world.symbols, &below))
        });
        if !shown {
            fail(Claimed::NotZero(fact.clone()));
        }
    }
    failures
}

/// Whether `value` is `claimed` modulo 2^64, with these values of its symbols.
fn is_same(
    value: &Linear,
    claimed: &Linear,
    values: &[(Symbol, Linear)],
    state: &State,
    world: &World<'_>,
) -> bool {
    let difference = claimed.substitute_all(values).and_then(|claimed| value.minus(&claimed));
    difference.is_some_and(|difference| {
        state.knowledge.shows_zero(&world.symbols, &difference.modulo_2_64())
    })
}

/// The value that a rule gives to a symbol, where `state` is known.
pub(super) fn value_of(rule: &Rule, state: &mut State, world: &mut World<'_>) -> Option<Linear> {
    match rule {
        Rule::Value(value) => Some(value.clone()),
        Rule::Held { slot, base: Some(base) } => state.slot(*slot)?.minus(&(*base).into()),
        Rule::Held { slot, base: None } => state.slot(*slot).cloned(),
        Rule::Low { slot, bits } => {
            let value = state.slot(*slot)?.clone();
            Some(state.unsigned(&value, *bits, world))
        }
        Rule::High { slot, bits } => {
            let value = state.slot(*slot)?.clone();
            let low = state.unsigned(&value, *bits, world);
            value.minus(&low)?.divided(1 << bits)
        }
        Rule::Quotient { slot, bits } => {
            let value = state.slot(*slot)?.clone();
            Some(state.quotient(&value, *bits, world))
        }
        Rule::Site(site) => world.made_at(*site).map(Linear::from),
    }
}
