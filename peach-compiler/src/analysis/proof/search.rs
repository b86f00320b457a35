//! The search for what stays true: claims for every place where paths meet.
//!
//! In: a function and the accesses that are in question. Out: a [`Certificate`] that the judge
//! accepts (an empty one claims nothing). Nothing here has to be right.
//!
//! 1. Registers that a loop changes get a symbol at its head. One walk, in which nothing wraps
//!    around, shows by how much each turn changes them: those that grow by a number each turn
//!    become `entry + step * turns`, with one count of turns for all (so that what they have in
//!    common is exact); others keep a symbol of their own. Outer loops are looked at again once
//!    inner ones are understood.
//! 2. Candidates for what holds there are everything that was known on an edge or asked for on the
//!    way, in terms of the symbols that are claimed, a turn earlier and later, and comparisons of
//!    the symbols.
//! 3. The judge throws out what some edge does not show, until nothing is thrown out (C. Flanagan
//!    and K. Leino, "Houdini, an annotation assistant for ESC/Java", 2001).

use super::access::{Access, place};
use super::decide::{Knowledge, tightened};
use super::judge::{Certificate, Claim, Claimed, Companion, ENTRY, Rule, is_passed, meets, walk};
use super::linear::{Linear, Symbol};
use super::mask::Bits;
use super::state::{State, register_name};
use super::world::{Site, WORD, World};
use crate::ir::{Function, Ghost, LocalId, Op, Reg};
use crate::isa::Bank;
use std::collections::{BTreeMap, BTreeSet};

/// How often loops are looked at again, outer ones after inner ones.
const PASSES: usize = 4;

/// How often the judge is asked before the search gives up.
const ROUNDS: usize = 40;

/// How often candidates are carried on from place to place.
const SPREADS: usize = 3;

/// How many symbols of what came before are kept where paths meet.
const CARRIED: usize = 24;

/// How many candidates a place gets.
const CANDIDATES: usize = 160;

/// Looks for claims under which the judge accepts as many of `accesses` as can be.
pub(super) fn search(world: &mut World<'_>, accesses: &[Access]) -> Certificate {
    let mut certificate = Certificate::new();
    let mut plan = Plan::default();
    world.optimistic = true;
    for _ in 0..PASSES {
        certificate.clear();
        plan.start();
        walk(world, &mut certificate, accesses, Some(&mut plan));
        if !plan.learn_steps() {
            break;
        }
    }
    world.optimistic = false;
    for _ in 0..SPREADS {
        plan.add_candidates(world, &mut certificate);
        if !winnow(world, &mut certificate) {
            certificate.values_mut().for_each(|claim| *claim = Claim::default());
            return certificate;
        }
        // What holds at one place is asked of the next.
        plan.arrived.clear();
        plan.wanted.clear();
        let verdict = walk(world, &mut certificate, accesses, Some(&mut plan));
        if verdict.open.is_empty() {
            break;
        }
    }
    certificate
}

/// Throws out what some edge does not show, until every edge shows all that is left. Whether that
/// comes to an end.
fn winnow(world: &mut World<'_>, certificate: &mut Certificate) -> bool {
    for _ in 0..ROUNDS {
        let verdict = walk(world, certificate, &[], None);
        if verdict.failures.is_empty() {
            return true;
        }
        for failure in verdict.failures {
            if let Some(claim) = certificate.get_mut(&failure.block) {
                retract(claim, &failure.what);
            }
        }
    }
    false
}

/// Takes back what an edge does not show.
fn retract(claim: &mut Claim, what: &Claimed) {
    let mentions = |linear: &Linear, symbol: Symbol| linear.factor(symbol) != 0;
    match what {
        Claimed::Register(reg) => drop(claim.registers.remove(reg)),
        Claimed::Local(local, at) => drop(claim.locals.remove(&(*local, *at))),
        Claimed::Mask(reg) => drop(claim.masks.remove(reg)),
        Claimed::Upward => claim.is_upward = false,
        Claimed::AtLeastZero(fact) => claim.knowledge.at_least_zero.retain(|f| f != fact),
        Claimed::Zero(fact) => claim.knowledge.zero.retain(|f| f != fact),
        Claimed::NotZero(fact) => claim.knowledge.not_zero.retain(|f| f != fact),
        Claimed::Symbol(symbol) => {
            let symbol = *symbol;
            claim.symbols.retain(|other| *other != symbol);
            claim.registers.retain(|_, value| !mentions(value, symbol));
            claim.locals.retain(|_, value| !mentions(value, symbol));
            claim
                .masks
                .retain(|_, bits| !mentions(&bits.first, symbol) && !mentions(&bits.end, symbol));
            let knowledge = &mut claim.knowledge;
            for list in [&mut knowledge.at_least_zero, &mut knowledge.zero, &mut knowledge.not_zero]
            {
                list.retain(|fact| !mentions(fact, symbol));
            }
        }
    }
}

/// A place where paths meet, as the walk found it.
#[derive(Default)]
struct Meeting {
    /// Registers that a loop changes by what is not known to be a number.
    changed: BTreeMap<Reg, Changed>,
    /// The number of turns so far, if registers are sums of it.
    turns: Option<Symbol>,
    /// Symbols that stand for what was made at a site before.
    carried: BTreeMap<Site, Symbol>,
    /// Symbols for what registers hold, or add to the address of a region, on every edge.
    held: Vec<(Symbol, Reg, Option<Symbol>)>,
}

/// A register that a loop changes, at the loop's head.
struct Changed {
    value: Linear,
    /// By how much a turn changes it, by the edge back; `None` where that is not a number.
    steps: BTreeMap<u32, Option<i128>>,
}

/// What the walks have seen.
#[derive(Default)]
struct Plan {
    /// By how much each turn of the loop at a block changes a register.
    steps: BTreeMap<(u32, Reg), i128>,
    meetings: BTreeMap<u32, Meeting>,
    /// For each place where paths meet: sums that were at least 0 on an edge into it.
    arrived: BTreeMap<u32, Vec<Linear>>,
    /// Sums that should be at least 0 for accesses to be allowed.
    wanted: Vec<Linear>,
    /// Sums that the user states to be at least 0.
    stated: Vec<Linear>,
    /// And to be 0.
    stated_zero: Vec<Linear>,
}

impl Plan {
    fn start(&mut self) {
        self.meetings.clear();
        self.arrived.clear();
        self.wanted.clear();
        self.stated.clear();
        self.stated_zero.clear();
    }

    /// Notes which registers change by a number each turn. Whether there are any new ones.
    fn learn_steps(&mut self) -> bool {
        let before = self.steps.len();
        for (block, meeting) in &self.meetings {
            for (reg, changed) in &meeting.changed {
                let steps: Option<BTreeSet<i128>> = changed.steps.values().copied().collect();
                if let Some(steps) = steps.filter(|steps| steps.len() == 1) {
                    self.steps.extend(steps.first().map(|step| ((*block, *reg), *step)));
                }
            }
        }
        self.steps.len() > before
    }

    fn add_candidates(&self, world: &World<'_>, certificate: &mut Certificate) {
        for (block, claim) in certificate.iter_mut() {
            let allowed = Candidates::new(claim, world);
            let stated_zero = self.stated_zero.iter().filter(|sum| allowed.may_name(sum));
            stated_zero.for_each(|sum| claim.knowledge.assume_zero(sum.clone()));
            for candidate in self.candidates(*block, claim, world) {
                claim.knowledge.assume_at_least_zero(candidate);
            }
            for fact in &world.given.at_least_zero {
                claim.knowledge.assume_at_least_zero(fact.clone());
            }
            for fact in &world.given.zero {
                claim.knowledge.assume_zero(fact.clone());
            }
        }
    }

    fn candidates(&self, block: u32, claim: &Claim, world: &World<'_>) -> Vec<Linear> {
        let mut candidates = Candidates::new(claim, world);
        let turns = self.meetings.get(&block).and_then(|meeting| meeting.turns);
        let a_turn = |fact: &Linear, distance: i128| {
            let turns = turns?;
            fact.substitute(turns, &Linear::from(turns).offset(distance)?)
        };
        self.stated.iter().for_each(|sum| candidates.add(Some(sum.clone())));
        // What was known at the end of a turn holds at the start of the next.
        for fact in self.arrived.get(&block).into_iter().flatten() {
            candidates.add(Some(fact.clone()));
            candidates.add(a_turn(fact, -1));
        }
        for wanted in &self.wanted {
            candidates.add(Some(wanted.clone()));
            candidates.add(a_turn(wanted, -1));
            candidates.add(a_turn(wanted, 1));
        }
        // Comparisons, of what is asked about at all.
        let related = candidates.list.iter().chain(&claim.knowledge.zero);
        let mut asked: BTreeSet<Symbol> = related.flat_map(Linear::symbols).collect();
        let held = self.meetings.get(&block).into_iter().flat_map(|meeting| &meeting.held);
        asked.extend(held.filter(|(_, _, base)| base.is_some()).map(|(symbol, _, _)| *symbol));
        let is_address = |symbol: &Symbol| world.addresses.contains(symbol);
        for &a in claim.symbols.iter().filter(|a| asked.contains(a)) {
            candidates.add(Some(a.into()));
            candidates.add(Linear::from(a).times(-1).and_then(|a| a.offset(WORD - 1)));
            for &b in asked.iter().filter(|b| !is_address(b)) {
                let difference = Linear::from(a).minus(&b.into());
                candidates.add(difference.clone());
                candidates.add(difference.and_then(|difference| difference.times(-1)));
            }
        }
        candidates.list
    }
}

/// Sums of the symbols that a claim may name.
struct Candidates {
    allowed: BTreeSet<Symbol>,
    list: Vec<Linear>,
}

impl Candidates {
    fn new(claim: &Claim, world: &World<'_>) -> Candidates {
        let given = world.given.at_least_zero.iter().chain(&world.given.zero);
        let named = given.chain(&world.arguments).chain(claim.registers.values());
        let mut allowed: BTreeSet<Symbol> = named.flat_map(Linear::symbols).collect();
        allowed.extend(claim.symbols.iter().copied());
        Candidates { allowed, list: Vec::new() }
    }

    fn may_name(&self, linear: &Linear) -> bool {
        linear.symbols().all(|symbol| self.allowed.contains(&symbol))
    }

    fn add(&mut self, linear: Option<Linear>) {
        let Some(linear) = linear.map(tightened) else { return };
        if !linear.terms.is_empty()
            && self.list.len() < CANDIDATES
            && self.may_name(&linear)
            && !self.list.contains(&linear)
        {
            self.list.push(linear);
        }
    }
}

impl Companion for Plan {
    fn missing(&mut self, block: u32, edges: &[(u32, State)], world: &mut World<'_>) -> Claim {
        let mut draft = Draft::new(block, edges, world);
        if let Some((_, first)) = edges.first() {
            for (reg, value) in &first.registers {
                draft.register(*reg, value, self.steps.get(&(block, *reg)).copied(), world);
            }
            for (place, value) in &first.locals {
                draft.local(*place, value, world);
            }
            for (reg, bits) in &first.masks {
                draft.mask(*reg, bits, world);
            }
            draft.relate(world);
            draft.carry_related(&first.knowledge, world);
        }
        self.meetings.insert(block, draft.meeting);
        draft.claim
    }

    fn edge(&mut self, from: u32, to: u32, state: &State, world: &mut World<'_>) {
        let known = self.arrived.entry(to).or_default();
        let Some(meeting) = self.meetings.get_mut(&to) else { return };
        // In terms of what registers hold from here on.
        let held: Vec<(Symbol, Linear)> = meeting
            .held
            .iter()
            .flat_map(|(symbol, reg, base)| {
                let value = state.registers.get(reg).cloned();
                let offset = match base {
                    Some(base) => value.and_then(|value| value.minus(&(*base).into())),
                    None => value,
                };
                offset.map(|offset| solutions(*symbol, &offset)).unwrap_or_default()
            })
            .collect();
        let mut note = |fact: Option<Linear>| {
            let Some(fact) = fact else { return };
            known.extend(in_terms_of(&meeting.carried, &fact, world));
            for (symbol, value) in held.iter().filter(|(symbol, _)| fact.factor(*symbol) != 0) {
                let fact = fact.substitute(*symbol, value);
                known.extend(fact.and_then(|fact| in_terms_of(&meeting.carried, &fact, world)));
            }
        };
        for fact in &state.knowledge.at_least_zero {
            note(Some(fact.clone()));
        }
        for fact in &state.knowledge.zero {
            note(Some(fact.clone()));
            note(fact.times(-1));
        }
        // Which side of 0 it is on is left to the judge.
        for fact in &state.knowledge.not_zero {
            note(fact.offset(-1));
            note(fact.times(-1).and_then(|negated| negated.offset(-1)));
        }
        if from == ENTRY || !is_passed(world, to, from) {
            return;
        }
        for (reg, changed) in &mut meeting.changed {
            let after = state.registers.get(reg);
            let difference = after.and_then(|after| after.minus(&changed.value));
            let step = difference.and_then(|step| step.modulo_2_64().as_constant());
            changed.steps.insert(from, step);
        }
    }

    fn access(&mut self, access: Access, state: &State, world: &mut World<'_>) {
        let mut state = state.clone();
        if let Some(place) = place(access, &mut state, world) {
            self.wanted.extend(place.goals().cloned());
        }
    }

    fn stated(&mut self, sum: &Linear, is_equation: bool) {
        match is_equation {
            true => self.stated_zero.push(sum.clone()),
            false => self.stated.push(sum.clone()),
        }
    }
}

/// If `symbol` is `value`: what each symbol of `value` that has the factor 1 or -1 is.
fn solutions(symbol: Symbol, value: &Linear) -> Vec<(Symbol, Linear)> {
    let units = value.terms.iter().filter(|term| term.1.abs() == 1);
    units
        .filter_map(|&(unit, factor)| {
            let rest = value.substitute(unit, &Linear::default())?;
            Some((unit, Linear::from(symbol).minus(&rest)?.times(factor)?))
        })
        .collect()
}

/// `fact` with the symbols that are carried into a place for those that a walk has made.
fn in_terms_of(
    carried: &BTreeMap<Site, Symbol>,
    fact: &Linear,
    world: &World<'_>,
) -> Option<Linear> {
    let passing = fact.symbols().filter(|symbol| world.symbols.is_passing(*symbol));
    let values: Option<Vec<(Symbol, Linear)>> = passing
        .map(|symbol| Some((symbol, (*carried.get(world.sites.get(&symbol)?)?).into())))
        .collect();
    fact.substitute_all(&values?)
}

/// A claim that is being made.
struct Draft<'e> {
    block: u32,
    edges: &'e [(u32, State)],
    changed: BTreeSet<Reg>,
    claim: Claim,
    meeting: Meeting,
    /// Symbols that stand for what differs from edge to edge, with their values there.
    merged: Vec<(Symbol, Vec<Linear>)>,
}

impl<'e> Draft<'e> {
    fn new(block: u32, edges: &'e [(u32, State)], world: &World<'_>) -> Draft<'e> {
        let mut claim = Claim { is_upward: true, ..Claim::default() };
        for from in all_edges(world, block) {
            claim.rules.insert(from, Vec::new());
        }
        let changed = changed_in_loop(world, block);
        Draft { block, edges, changed, claim, meeting: Meeting::default(), merged: Vec::new() }
    }

    /// Adds a symbol, with a rule for the edges from outside and one for those back.
    fn symbol(&mut self, symbol: Symbol, outside: Rule, back: Rule, world: &World<'_>) {
        self.claim.symbols.push(symbol);
        for (from, rules) in &mut self.claim.rules {
            let is_back = *from != ENTRY && is_passed(world, self.block, *from);
            rules.push((symbol, if is_back { back.clone() } else { outside.clone() }));
        }
    }

    fn register(&mut self, reg: Reg, value: &Linear, step: Option<i128>, world: &mut World<'_>) {
        let edges = self.edges;
        let others = || edges[1..].iter().map(|(_, state)| state.registers.get(&reg));
        if others().any(|other| other.is_none()) {
            return;
        }
        let is_changed = self.changed.contains(&reg);
        let is_one = others().all(|other| other == Some(value));
        let entry = is_one.then(|| self.carry(value, world)).flatten();
        let claimed = match (entry, is_changed, step) {
            (Some(entry), false, _) => Some(entry),
            (Some(entry), true, Some(step)) => {
                let turns = self.turns(world);
                entry.add_scaled(&turns.into(), step).map(|value| value.modulo_2_64())
            }
            _ => {
                let base = |value: &Linear| world.split(value).map(|(base, _)| base);
                let common = base(value)
                    .filter(|common| others().flatten().all(|other| base(other) == Some(*common)));
                let name = register_name(reg, world);
                let symbol = world.symbols.lasting(name, None, None);
                let outside = Rule::Register { reg, base: common };
                let back = match is_changed {
                    true => outside.clone(),
                    false => Rule::Value(symbol.into()),
                };
                self.symbol(symbol, outside, back, world);
                self.meeting.held.push((symbol, reg, common));
                let offset = |value: &Linear| match common {
                    Some(base) => value.minus(&base.into()),
                    None => Some(value.clone()),
                };
                let all = std::iter::once(Some(value)).chain(others()).flatten();
                let values: Option<Vec<Linear>> = all.map(offset).collect();
                self.merged.extend(values.map(|values| (symbol, values)));
                match common {
                    Some(base) => Linear::from(symbol).plus(&base.into()),
                    None => Some(symbol.into()),
                }
            }
        };
        let Some(claimed) = claimed else { return };
        if is_changed && step.is_none() {
            let value = claimed.clone();
            self.meeting.changed.insert(reg, Changed { value, steps: BTreeMap::new() });
        }
        self.claim.registers.insert(reg, claimed);
    }

    fn local(&mut self, place: (LocalId, i64), value: &Linear, world: &mut World<'_>) {
        let is_one =
            self.edges[1..].iter().all(|(_, state)| state.locals.get(&place) == Some(value));
        if let Some(value) = is_one.then(|| self.carry(value, world)).flatten() {
            self.claim.locals.insert(place, value);
        }
    }

    fn mask(&mut self, reg: Reg, bits: &Bits, world: &mut World<'_>) {
        let is_one = self.edges[1..].iter().all(|(_, state)| state.masks.get(&reg) == Some(bits));
        if !is_one {
            return;
        }
        if let (Some(first), Some(end)) =
            (self.carry(&bits.first, world), self.carry(&bits.end, world))
        {
            self.claim.masks.insert(reg, Bits { first, end });
        }
    }

    /// The number of turns so far.
    fn turns(&mut self, world: &mut World<'_>) -> Symbol {
        if let Some(turns) = self.meeting.turns {
            return turns;
        }
        let turns = world.symbols.lasting("turns", 0, None);
        let next = Linear::from(turns).offset(1).unwrap_or_default();
        self.symbol(turns, Rule::Value(Linear::default()), Rule::Value(next), world);
        self.meeting.turns = Some(turns);
        turns
    }

    /// `value` in symbols that last: those that the walk has made are carried in.
    fn carry(&mut self, value: &Linear, world: &mut World<'_>) -> Option<Linear> {
        let mut values = Vec::new();
        let passing: Vec<Symbol> =
            value.symbols().filter(|symbol| world.symbols.is_passing(*symbol)).collect();
        for symbol in passing {
            let site = *world.sites.get(&symbol)?;
            let carried = match self.meeting.carried.get(&site) {
                Some(carried) => *carried,
                None => {
                    let info = world.symbols.info(symbol).clone();
                    let carried = world.symbols.lasting(info.name, info.min, info.max);
                    self.symbol(carried, Rule::Site(site), Rule::Value(carried.into()), world);
                    self.meeting.carried.insert(site, carried);
                    carried
                }
            };
            values.push((symbol, carried.into()));
        }
        value.substitute_all(&values)
    }

    /// Carries in what facts relate to symbols that are carried already.
    fn carry_related(&mut self, knowledge: &Knowledge, world: &mut World<'_>) {
        loop {
            let before = self.meeting.carried.len();
            for fact in knowledge.at_least_zero.iter().chain(&knowledge.zero) {
                let is_related = fact.symbols().any(|symbol| {
                    let site = world.sites.get(&symbol);
                    site.is_some_and(|site| self.meeting.carried.contains_key(site))
                });
                if is_related && self.meeting.carried.len() < CARRIED {
                    self.carry(fact, world);
                }
            }
            if self.meeting.carried.len() == before {
                return;
            }
        }
    }

    /// Two symbols whose values differ in proportion from edge to edge are related by one equation
    /// (M. Karr, "Affine relationships among variables of a program", 1976, for pairs).
    fn relate(&mut self, world: &mut World<'_>) {
        let mut relations = Vec::new();
        for (index, (a, values_of_a)) in self.merged.iter().enumerate() {
            let others = self.merged[index + 1..].iter();
            relations.extend(others.filter_map(|(b, of_b)| relation(*a, values_of_a, *b, of_b)));
        }
        for relation in relations {
            if let Some(relation) = self.carry(&relation, world) {
                self.claim.knowledge.assume_zero(relation);
            }
        }
    }
}

/// `a * factor_b - b * factor_a = constant` on all edges, if that is so.
fn relation(a: Symbol, of_a: &[Linear], b: Symbol, of_b: &[Linear]) -> Option<Linear> {
    let (mut factor_a, mut factor_b) = (0, 0);
    for (next_a, next_b) in of_a[1..].iter().zip(&of_b[1..]) {
        let (by_a, by_b) = (next_a.minus(&of_a[0])?, next_b.minus(&of_b[0])?);
        if by_a == Linear::default() && by_b == Linear::default() {
            continue;
        }
        let lead = |linear: &Linear| linear.terms.first().map_or(linear.constant, |term| term.1);
        (factor_a, factor_b) = (lead(&by_a), lead(&by_b));
        if by_a.times(factor_b)? != by_b.times(factor_a)? {
            return None;
        }
    }
    if factor_a == 0 || factor_b == 0 {
        return None;
    }
    let sum = |a: &Linear, b: &Linear| a.times(factor_b)?.add_scaled(b, -factor_a);
    let constant = sum(&of_a[0], &of_b[0])?;
    sum(&a.into(), &b.into())?.minus(&constant)
}

/// The blocks that a block is entered from, and [`ENTRY`] for the first.
fn all_edges(world: &World<'_>, block: u32) -> Vec<u32> {
    let blocks = &world.facts.cfg.blocks;
    let preds = blocks[block as usize].preds.iter().copied();
    let mut edges: Vec<u32> = preds.filter(|pred| blocks[*pred as usize].reachable).collect();
    if block == 0 {
        edges.push(ENTRY);
    }
    edges
}

/// The general-purpose registers that are written on some way from `block` back to itself.
fn changed_in_loop(world: &World<'_>, block: u32) -> BTreeSet<Reg> {
    let cfg = &world.facts.cfg;
    let mut inside = BTreeSet::from([block]);
    let mut todo: Vec<u32> = all_edges(world, block)
        .into_iter()
        .filter(|from| *from != ENTRY && is_passed(world, block, *from))
        .collect();
    if todo.is_empty() {
        return BTreeSet::new();
    }
    while let Some(from) = todo.pop() {
        if inside.insert(from) {
            todo.extend(cfg.blocks[from as usize].preds.iter().copied());
        }
    }
    let mut changed = BTreeSet::new();
    for index in inside.into_iter().flat_map(|block| cfg.blocks[block as usize].insts()) {
        for access in &world.facts.effects[index].regs {
            if !(access.write | access.may_write).is_empty() && is_gp(access.reg, world.function) {
                changed.insert(access.reg);
            }
        }
        if let Op::Ghost(Ghost::Remember { ghost, .. }) = world.function.insts[index].op {
            changed.insert(Reg::Virtual(ghost));
        }
    }
    changed
}

fn is_gp(reg: Reg, function: &Function) -> bool {
    match reg {
        Reg::Virtual(vreg) => function[vreg].class.bank() == Bank::Gp,
        Reg::Physical(reg) => reg.bank == Bank::Gp,
    }
}

/// Whether paths meet at any block: without that there is nothing to look for.
pub(super) fn is_needed(world: &World<'_>) -> bool {
    world.facts.cfg.order.iter().any(|&block| meets(world, block))
}
