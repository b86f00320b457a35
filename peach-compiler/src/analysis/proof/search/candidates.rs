//! Inequalities that may hold where paths meet.

use super::plan::Plan;
use super::pool::{CANDIDATES, Pool};
use crate::analysis::proof::decide::tightened;
use crate::analysis::proof::judge::{Certificate, Claim};
use crate::analysis::proof::linear::{Linear, Symbol};
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
            let kept = equations.naming(&candidates.allowed, world);
            let kept = kept.filter(|sum| candidates.may_name(sum));
            kept.for_each(|sum| claim.knowledge.assume_zero(sum.clone()));
            claim.knowledge.zero.iter().for_each(|sum| equations.add(sum, world));
            let kept: Vec<&Linear> = around.naming(&candidates.allowed, world).collect();
            kept.into_iter().for_each(|fact| candidates.add(Some(fact.clone())));
            for candidate in candidates.list {
                around.add(&candidate, world);
                claim.knowledge.propose_at_least_zero(candidate);
            }
            for fact in &world.given.at_least_zero {
                claim.knowledge.propose_at_least_zero(fact.clone());
            }
            for fact in &world.given.zero {
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
        let wanted: Vec<&Linear> = self.wanted.naming(&candidates.allowed, world).collect();
        for wanted in wanted {
            candidates.add(Some(wanted.clone()));
            candidates.add(a_turn(wanted, -1));
            candidates.add(a_turn(wanted, 1));
        }
        // Comparisons, of what is asked about at all.
        let related = candidates.list.iter().chain(&claim.knowledge.zero);
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

/// Sums of the symbols that a claim may name.
struct Candidates {
    allowed: SortedSet<Symbol>,
    list: Vec<Linear>,
}

impl Candidates {
    fn new(claim: &Claim, world: &World<'_>) -> Candidates {
        let given = world.given.at_least_zero.iter().chain(&world.given.zero);
        let named = given.chain(&world.arguments).chain(claim.values.values());
        let mut allowed: SortedSet<Symbol> = named.flat_map(Linear::symbols).collect();
        allowed.extend(claim.symbols.iter().copied());
        Candidates { allowed, list: Vec::new() }
    }

    /// What equations relate to claimed symbols may be named as well.
    fn relate(&mut self, equations: &Pool, world: &World<'_>) {
        let is_own = |symbol: Symbol| self.allowed.contains(&symbol) && !world.is_given(symbol);
        let related = equations.naming(&self.allowed, world);
        let related = related.filter(|sum| sum.symbols().any(is_own));
        let symbols: Vec<Symbol> = related.flat_map(Linear::symbols).collect();
        self.allowed.extend(symbols);
    }

    fn may_name(&self, linear: &Linear) -> bool {
        linear.symbols().all(|symbol| self.allowed.contains(&symbol))
    }

    fn add(&mut self, linear: Option<Linear>) {
        if self.list.len() >= CANDIDATES {
            return;
        }
        let Some(linear) = linear.map(tightened) else { return };
        if !linear.terms.is_empty() && self.may_name(&linear) && !self.list.contains(&linear) {
            self.list.push(linear);
        }
    }
}
