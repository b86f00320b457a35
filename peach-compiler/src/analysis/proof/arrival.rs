//! What an edge has to show of the place that it leads to.
//!
//! In: a claim, and what is known where the edge starts. Out: the parts of the claim that are not
//! shown. Symbols of the claim get the values that its rules say; under these, all is demanded.

use super::bits::Bits;
use super::claim::{Claim, Claimed, value_of};
use super::linear::{Linear, Symbol};
use super::state::State;
use super::world::World;

/// What of `claim` is not shown on an edge from block `from`, where `state` is known.
pub(super) fn not_shown(
    claim: &Claim,
    from: u32,
    state: &State,
    world: &mut World<'_>,
) -> Vec<Claimed> {
    world.symbols.spend(state.size() + 8 * (claim.values.len() + claim.knowledge.len()));
    let mut state = state.clone();
    let mut failed = Vec::new();
    let values = values(claim, from, &mut state, world, &mut failed);
    let arrival = Arrival { claim, values, state: &state, world };
    arrival.bounds(&mut failed);
    arrival.slots(&mut failed);
    arrival.masks(&mut failed);
    if claim.is_upward && !state.is_upward {
        failed.push(Claimed::Upward);
    }
    arrival.facts(&mut failed);
    failed
}

/// The values of the claim's symbols. One that has none has failed.
fn values(
    claim: &Claim,
    from: u32,
    state: &mut State,
    world: &mut World<'_>,
    failed: &mut Vec<Claimed>,
) -> Vec<(Symbol, Linear)> {
    let mut values = Vec::new();
    for &symbol in &claim.symbols {
        let rules = claim.rules.get(&from);
        let rule = rules.and_then(|rules| rules.iter().find(|(of, _)| *of == symbol));
        match rule.and_then(|(_, rule)| value_of(rule, state, world)) {
            Some(value) => values.push((symbol, value)),
            None => failed.push(Claimed::Symbol(symbol)),
        }
    }
    values
}

/// An edge that is looked at.
struct Arrival<'a, 'f> {
    claim: &'a Claim,
    values: Vec<(Symbol, Linear)>,
    state: &'a State,
    world: &'a World<'f>,
}

impl Arrival<'_, '_> {
    fn bounds(&self, failed: &mut Vec<Claimed>) {
        for (symbol, value) in &self.values {
            let info = self.world.symbols.info(*symbol);
            let above = info.min.and_then(|min| value.offset(min.checked_neg()?));
            let below = info.max.and_then(|max| value.times(-1)?.offset(max));
            let is_shown = |goal: Option<Linear>, bound: Option<i128>| match bound {
                None => true,
                Some(_) => goal.is_some_and(|goal| self.state.shows(&goal, self.world)),
            };
            if !is_shown(above, info.min) || !is_shown(below, info.max) {
                failed.push(Claimed::Symbol(*symbol));
            }
        }
    }

    fn slots(&self, failed: &mut Vec<Claimed>) {
        for (slot, claimed) in self.claim.values.iter().filter(|(_, value)| self.is_asked(value)) {
            let value = self.state.slot(*slot);
            if !value.is_some_and(|value| self.is_same(value, claimed)) {
                failed.push(Claimed::Value(*slot));
            }
        }
    }

    fn masks(&self, failed: &mut Vec<Claimed>) {
        for (reg, claimed) in &self.claim.masks {
            let claimed = self.here(&claimed.first).zip(self.here(&claimed.end));
            let claimed = claimed.map(|(first, end)| Bits { first, end, is_full: false });
            let known = self.state.masks.get(reg).zip(claimed);
            let is_shown = known
                .is_some_and(|(bits, wider)| bits.is_within(&wider, self.state.known(self.world)));
            if !is_shown {
                failed.push(Claimed::Mask(*reg));
            }
        }
    }

    fn facts(&self, failed: &mut Vec<Claimed>) {
        let (claimed, known) = (&self.claim.knowledge, &self.state.knowledge);
        let above =
            self.not_shown(claimed.at_least_zero(), |here| self.state.shows(here, self.world));
        failed.extend(above.map(Claimed::AtLeastZero));
        let zero = self.not_shown(claimed.zero(), |here| self.shows_zero(here));
        failed.extend(zero.map(Claimed::Zero));
        let symbols = &self.world.symbols;
        let not_zero =
            self.not_shown(claimed.not_zero(), |here| known.shows_not_zero(symbols, here));
        failed.extend(not_zero.map(Claimed::NotZero));
    }

    fn shows_zero(&self, here: &Linear) -> bool {
        self.state.knowledge.shows_zero(&self.world.symbols, here)
    }

    /// Those of `facts` of which `shows` is not true.
    fn not_shown(
        &self,
        facts: &[Linear],
        shows: impl Fn(&Linear) -> bool,
    ) -> impl Iterator<Item = Linear> {
        let asked = facts.iter().filter(|fact| self.is_asked(fact));
        asked.filter(move |fact| !self.here(fact).is_some_and(|here| shows(&here))).cloned()
    }

    /// What is said of a symbol that has no value is not asked: the symbol has failed.
    fn is_asked(&self, linear: &Linear) -> bool {
        linear.symbols().all(|symbol| {
            !self.claim.symbols.contains(&symbol) || self.values.iter().any(|(of, _)| *of == symbol)
        })
    }

    /// A sum with the values that symbols have here.
    fn here(&self, linear: &Linear) -> Option<Linear> {
        linear.substitute_all(&self.values)
    }

    /// Whether `value` is `claimed` modulo 2^64.
    fn is_same(&self, value: &Linear, claimed: &Linear) -> bool {
        let difference = self.here(claimed).and_then(|claimed| value.minus(&claimed));
        difference.is_some_and(|difference| self.shows_zero(&difference.modulo_2_64()))
    }
}
