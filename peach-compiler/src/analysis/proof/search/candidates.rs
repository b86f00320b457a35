//! Inequalities that may hold where paths meet.

use super::meeting::Held;
use super::plan::Plan;
use super::pool::{CANDIDATES, KEPT, Pool};
use crate::analysis::proof::claim::{Certificate, Claim};
use crate::analysis::proof::linear::{Linear, Symbol};
use crate::analysis::proof::rows::tightened;
use crate::analysis::proof::world::{WORD, World};
use crate::sorted::SortedSet;

impl Plan {
    /// Adds them to all claims, with what is known on entry.
    pub(super) fn add_candidates(&self, world: &World<'_>, certificate: &mut Certificate) {
        // In the order of the code: what may hold around a loop is kept through it.
        let mut around = Pool::default();
        let mut equations = Pool::default();
        for block in &world.facts.cfg.order {
            if world.symbols.is_exhausted() {
                return;
            }
            let Some(claim) = certificate.get_mut(block) else { continue };
            let nameable = Candidates::new(claim, world);
            let stated = self.stated_zero.naming(&nameable.allowed, world);
            let stated = stated.filter(|sum| nameable.may_name(sum));
            stated.for_each(|sum| claim.knowledge.assume_zero(sum.clone()));
            let mut candidates = self.candidates(*block, claim, world);
            candidates.relate(&equations, world);
            candidates.relate(&around, world);
            candidates.most += KEPT;
            let kept = equations.naming(&candidates.allowed, world);
            let kept = kept.filter(|sum| candidates.may_name(sum));
            kept.for_each(|sum| claim.knowledge.assume_zero(sum.clone()));
            claim.knowledge.zero().iter().for_each(|sum| equations.add(sum, world));
            let kept: Vec<&Linear> = around.naming(&candidates.allowed, world).collect();
            kept.into_iter().for_each(|fact| candidates.add(Some(fact.clone())));
            for candidate in candidates.list {
                around.add(&candidate, world);
                claim.knowledge.propose_at_least_zero(candidate);
            }
            for fact in world.given.at_least_zero() {
                claim.knowledge.propose_at_least_zero(fact.clone());
            }
            for fact in world.given.zero() {
                claim.knowledge.assume_zero(fact.clone());
            }
        }
    }

    fn candidates(&self, block: u32, claim: &Claim, world: &World<'_>) -> Candidates {
        let mut candidates = Candidates::new(claim, world);
        let turns = self.meetings.get(&block).and_then(|meeting| meeting.turns);
        let a_turn = |fact: &Linear, distance: i128| {
            let turns = turns?;
            fact.substitute(turns, &Linear::from(turns).offset(distance)?)
        };
        let stated: Vec<&Linear> = self.stated.naming(&candidates.allowed, world).collect();
        stated.into_iter().for_each(|sum| candidates.add(Some(sum.clone())));
        // What was known at the end of a turn holds at the start of the next.
        for fact in self.arrived.get(&block).into_iter().flatten() {
            world.symbols.spend(2);
            candidates.add(Some(fact.clone()));
            let next = a_turn(fact, -1);
            // A turn takes less than its guard demands: on entry nothing more than zero may be
            // known.
            let looser = next.as_ref().filter(|next| next.constant < 0);
            candidates.add(looser.and_then(|next| next.offset(-next.constant)));
            candidates.add(next);
        }
        let others = self.meetings.iter().filter(|(other, _)| **other != block);
        let foreign: SortedSet<Symbol> = others.filter_map(|(_, meeting)| meeting.turns).collect();
        let wanted: Vec<&Linear> = self.wanted.naming(&candidates.allowed, world).collect();
        for wanted in wanted {
            candidates.add(Some(wanted.clone()));
            // Before the first turn of a loop that comes later.
            let turns = wanted.symbols().filter(|symbol| foreign.contains(symbol));
            let starts: Vec<(Symbol, Linear)> =
                turns.map(|turns| (turns, Linear::default())).collect();
            candidates.add(wanted.substitute_all(&starts));
            candidates.add(a_turn(wanted, -1));
            candidates.add(a_turn(wanted, 1));
        }
        self.room(block, claim, world).into_iter().for_each(|sum| candidates.add(Some(sum)));
        // Comparisons, of what is asked about at all.
        let related = candidates.list.iter().chain(claim.knowledge.zero());
        let mut asked: SortedSet<Symbol> = related.flat_map(Linear::symbols).collect();
        let held = self.meetings.get(&block).into_iter().flat_map(|meeting| &meeting.held);
        asked.extend(held.filter(|held| held.base.is_some()).map(|held| held.symbol));
        let is_address = |symbol: &Symbol| world.addresses.contains(symbol);
        for &a in claim.symbols.iter().filter(|a| asked.contains(a)) {
            world.symbols.spend(8 * asked.len());
            candidates.add(Some(a.into()));
            candidates.add(Linear::from(a).times(-1).and_then(|a| a.offset(WORD - 1)));
            for &b in asked.iter().filter(|b| !is_address(b)) {
                let difference = Linear::from(a).minus(&b.into());
                candidates.add(difference.clone());
                candidates.add(difference.and_then(|difference| difference.times(-1)));
            }
        }
        candidates
    }
}

impl Plan {
    /// That a region has room for as many elements as something says, from where an address is.
    fn room(&self, block: u32, claim: &Claim, world: &World<'_>) -> Vec<Linear> {
        let held = self.meetings.get(&block).into_iter().flat_map(|meeting| &meeting.held);
        let (addresses, numbers): (Vec<&Held>, Vec<&Held>) =
            held.partition(|held| held.base.is_some());
        let mut sums = Vec::new();
        for address in addresses {
            let Some(region) = address.base.and_then(|base| world.regions.get(&base)) else {
                continue;
            };
            let element = region.size.terms.first().map_or(1, |term| term.1);
            let left = region.size.minus(&address.symbol.into());
            let number = |symbol: Symbol| left.as_ref()?.add_scaled(&symbol.into(), -element);
            let of_numbers = numbers.iter().map(|held| held.symbol);
            let counted = of_numbers.filter(|symbol| claim.symbols.contains(symbol));
            sums.extend(counted.filter_map(number));
        }
        sums
    }
}

/// Sums of the symbols that a claim may name.
struct Candidates {
    allowed: SortedSet<Symbol>,
    list: Vec<Linear>,
    /// No more than that.
    most: usize,
}

impl Candidates {
    fn new(claim: &Claim, world: &World<'_>) -> Candidates {
        let given = world.given.at_least_zero().iter().chain(world.given.zero());
        let named = given.chain(&world.arguments).chain(claim.values.values());
        let mut allowed: SortedSet<Symbol> = named.flat_map(Linear::symbols).collect();
        allowed.extend(claim.symbols.iter().copied());
        Candidates { allowed, list: Vec::new(), most: CANDIDATES }
    }

    /// What facts relate to claimed symbols may be named as well.
    fn relate(&mut self, sums: &Pool, world: &World<'_>) {
        let is_own = |symbol: Symbol| self.allowed.contains(&symbol) && !world.is_given(symbol);
        let related = sums.naming(&self.allowed, world);
        let related = related.filter(|sum| sum.symbols().any(is_own));
        let symbols: Vec<Symbol> = related.flat_map(Linear::symbols).collect();
        self.allowed.extend(symbols);
    }

    fn may_name(&self, linear: &Linear) -> bool {
        linear.symbols().all(|symbol| self.allowed.contains(&symbol))
    }

    fn add(&mut self, linear: Option<Linear>) {
        if self.list.len() >= self.most {
            return;
        }
        let Some(linear) = linear.map(tightened) else { return };
        if !linear.terms.is_empty() && self.may_name(&linear) && !self.list.contains(&linear) {
            self.list.push(linear);
        }
    }
}
