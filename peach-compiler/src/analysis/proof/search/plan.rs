//! What the walks have seen, and what they make of it.

use super::draft::Draft;
use super::equations::{Solved, vanishing};
use super::meeting::{Hints, Meeting};
use super::pool::Pool;
use crate::analysis::proof::access::{Access, place};
use crate::analysis::proof::claim::{Claim, Claimed, ENTRY};
use crate::analysis::proof::judge::{Companion, is_passed};
use crate::analysis::proof::linear::{Linear, Symbol};
use crate::analysis::proof::state::{Slot, State};
use crate::analysis::proof::world::{Site, World};
use crate::sorted::{SortedMap, SortedSet};

/// How many sums are wanted at most.
const WANTED: usize = 240;

/// What the walks have seen.
#[derive(Default)]
pub(super) struct Plan {
    hints: Hints,
    /// Where such a guess was wrong.
    distrusted: SortedSet<(u32, Slot)>,
    pub(super) meetings: SortedMap<u32, Meeting>,
    /// Symbols that stand for what was made at a site, where they are claimed.
    aliases: SortedMap<Symbol, Site>,
    /// For each place where paths meet: sums that were at least 0 on an edge into it.
    pub(super) arrived: SortedMap<u32, Vec<Linear>>,
    /// Sums that should be at least 0 for accesses to be allowed.
    pub(super) wanted: Pool,
    /// Sums that the author states to be at least 0.
    pub(super) stated: Pool,
    /// And to be 0.
    pub(super) stated_zero: Pool,
    /// A guess was found to be wrong.
    has_doubts: bool,
}

impl Plan {
    /// Before claims are drafted.
    pub(super) fn start(&mut self) {
        self.meetings.clear();
        self.aliases.clear();
        self.start_again();
    }

    /// Before a walk with the same claims.
    pub(super) fn start_again(&mut self) {
        self.arrived.clear();
        self.wanted.clear();
        self.stated.clear();
        self.stated_zero.clear();
    }

    /// Notes what each turn changes by a number, and sums that it does not change. Whether there is
    /// anything new.
    pub(super) fn learn(&mut self) -> bool {
        let before = (
            self.hints.steps.len(),
            self.hints.constant.values().map(SortedSet::len).sum::<usize>(),
        );
        for (block, meeting) in &self.meetings {
            for (slot, changed) in &meeting.changed {
                let steps: Option<SortedSet<i128>> = changed
                    .by
                    .values()
                    .map(|by| by.as_ref().and_then(Linear::as_constant))
                    .collect();
                let steps = steps.filter(|steps| steps.len() == 1);
                if let (Some(step), false) = (
                    steps.and_then(|steps| steps.first().copied()),
                    self.distrusted.contains(&(*block, *slot)),
                ) {
                    self.hints.steps.insert((*block, *slot), step);
                }
            }
            let sums = constant_sums(meeting);
            self.hints.constant.get_or_default(*block).extend(sums);
        }
        let after = (
            self.hints.steps.len(),
            self.hints.constant.values().map(SortedSet::len).sum::<usize>(),
        );
        std::mem::take(&mut self.has_doubts) || after != before
    }

    /// An edge does not show what was guessed.
    pub(super) fn distrust(&mut self, block: u32, what: &Claimed) {
        let Claimed::Value(slot) = what else { return };
        if self.hints.steps.remove(&(block, *slot)).is_some() {
            self.distrusted.insert((block, *slot));
            self.has_doubts = true;
        }
    }
}

/// Sums of what a loop changes that no turn changes.
fn constant_sums(meeting: &Meeting) -> Vec<Vec<(Slot, i128)>> {
    let mut slots = Vec::new();
    let mut rows: Vec<SortedMap<(u32, Option<Symbol>), i128>> = Vec::new();
    for (slot, changed) in &meeting.changed {
        let mut row = SortedMap::new();
        let is_known = changed.by.iter().all(|(edge, by)| match by {
            None => false,
            Some(by) => {
                row.insert((*edge, None), by.constant);
                row.extend(by.terms.iter().map(|term| ((*edge, Some(term.0)), term.1)));
                true
            }
        });
        if is_known && !changed.by.is_empty() {
            slots.push(*slot);
            rows.push(row);
        }
    }
    let sums = vanishing(&rows).into_iter();
    let named = sums.map(|factors| {
        slots.iter().copied().zip(factors).filter(|(_, factor)| *factor != 0).collect()
    });
    named.collect()
}

impl Companion for Plan {
    fn missing(&mut self, block: u32, edges: &[(u32, State)], world: &mut World<'_>) -> Claim {
        let mut draft = Draft::new(block, edges, &self.aliases, world);
        draft.fill(&self.hints, world);
        let carried = draft.meeting.carried.iter();
        self.aliases.extend(carried.map(|(site, symbol)| (*symbol, *site)));
        self.meetings.insert(block, draft.meeting);
        draft.claim
    }

    fn edge(&mut self, from: u32, to: u32, state: &State, world: &mut World<'_>) {
        world.symbols.spend(2 * state.size());
        let known = self.arrived.get_or_default(to);
        let Some(meeting) = self.meetings.get_mut(&to) else { return };
        // In terms of what is held from here on.
        let held: Vec<(Symbol, Linear)> = meeting
            .held
            .iter()
            .flat_map(|held| {
                let value = state.slot(held.slot).cloned();
                let value = match held.bits {
                    Some(bits) => value.map(|v| state.clone().unsigned(&v, bits, world)),
                    None => value,
                };
                let offset = match held.base {
                    Some(base) => value.and_then(|value| value.minus(&base.into())),
                    None => value,
                };
                offset.map(|offset| solutions(held.symbol, &offset)).unwrap_or_default()
            })
            .collect();
        let backwards = meeting.held.iter().filter(|held| held.bits.is_none());
        let before: Vec<(Symbol, Linear)> = backwards
            .filter_map(|held| {
                let value = state.slot(held.slot)?;
                let offset = match held.base {
                    Some(base) => value.minus(&base.into())?,
                    None => value.clone(),
                };
                Some((held.symbol, offset))
            })
            .collect();
        // What should hold behind the edge should hold of what is held before it.
        let held_before: SortedSet<Symbol> = before.iter().map(|(symbol, _)| *symbol).collect();
        let names = |wanted: &&Linear| wanted.symbols().any(|symbol| held_before.contains(&symbol));
        let earlier = self.wanted.naming(&held_before, world).filter(names).take(WANTED);
        let earlier: Vec<Linear> = earlier.filter_map(|sum| sum.substitute_all(&before)).collect();
        earlier.iter().for_each(|sum| self.wanted.add(sum, world));
        let mut note = |fact: Option<Linear>| {
            let Some(fact) = fact else { return };
            known.extend(in_terms_of(&meeting.carried, &fact, world));
            for (symbol, value) in held.iter().filter(|(symbol, _)| fact.factor(*symbol) != 0) {
                let fact = fact.substitute(*symbol, value);
                known.extend(fact.and_then(|fact| in_terms_of(&meeting.carried, &fact, world)));
            }
        };
        for fact in state.knowledge.at_least_zero() {
            note(Some(fact.clone()));
        }
        for fact in state.knowledge.zero() {
            note(Some(fact.clone()));
            note(fact.times(-1));
        }
        // Which side of 0 it is on is left to the judge.
        for fact in state.knowledge.not_zero() {
            note(fact.offset(-1));
            note(fact.times(-1).and_then(|negated| negated.offset(-1)));
        }
        if from == ENTRY || !is_passed(world, to, from) || meeting.changed.is_empty() {
            return;
        }
        let solved = Solved::of(&state.knowledge, world);
        for (slot, changed) in meeting.changed.iter_mut() {
            let after = state.slot(*slot);
            let difference = after.and_then(|after| after.minus(&changed.value));
            let by = difference.and_then(|by| solved.normal(&by));
            changed.by.insert(from, by.map(|by| by.modulo_2_64()));
        }
    }

    fn access(&mut self, access: Access, state: &State, world: &mut World<'_>) {
        world.symbols.spend(state.size());
        let mut state = state.clone();
        if let Some(place) = place(access, &mut state, world) {
            if place.align > 1 {
                self.hints.alignments.insert(place.align);
            }
            place.goals().for_each(|goal| self.wanted.add(goal, world));
        }
    }

    fn stated(&mut self, sum: &Linear, is_equation: bool, world: &World<'_>) {
        match is_equation {
            true => self.stated_zero.add(sum, world),
            false => self.stated.add(sum, world),
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
    carried: &SortedMap<Site, Symbol>,
    fact: &Linear,
    world: &World<'_>,
) -> Option<Linear> {
    let passing = fact.symbols().filter(|symbol| world.symbols.is_passing(*symbol));
    let values: Option<Vec<(Symbol, Linear)>> = passing
        .map(|symbol| Some((symbol, (*carried.get(world.sites.get(&symbol)?)?).into())))
        .collect();
    fact.substitute_all(&values?)
}
