//! Counterexamples: values under which an inequality does not hold although all that is known does.
//!
//! They are for messages alone: nothing is believed because of one.

use super::decide::Knowledge;
use super::linear::{Linear, Symbol, Symbols};
use super::refute::System;
use crate::sorted::SortedSet;

/// How many values one may cost.
const TRIES: u32 = 20_000;

/// Small values under which `goal` is negative although all that is known holds, if a few tries
/// find some; others where elimination does.
pub(super) fn counterexample(
    knowledge: &Knowledge,
    symbols: &Symbols,
    goal: &Linear,
) -> Option<Vec<(Symbol, i128)>> {
    let negated = goal.times(-1)?.offset(-1)?;
    let system = related(knowledge, symbols, negated)?;
    let all = system.at_least_zero.iter().chain(&system.zero).chain(&system.not_zero);
    let mut named: Vec<Symbol> = Vec::new();
    for symbol in all.flat_map(Linear::symbols) {
        if !named.contains(&symbol) {
            named.push(symbol);
        }
    }
    let mut values = Vec::new();
    let mut tries = TRIES;
    match satisfy(&system, &named, &mut values, &mut tries) {
        true => Some(values),
        false => knowledge.prepared(symbols).model_against(goal, symbols),
    }
}

/// What shares symbols with an assumption, directly or through other facts, with the bounds of the
/// symbols.
fn related(knowledge: &Knowledge, symbols: &Symbols, assumption: Linear) -> Option<System> {
    let mut reached: SortedSet<Symbol> = assumption.symbols().collect();
    let lists = [knowledge.at_least_zero(), knowledge.zero(), knowledge.not_zero()];
    let mut used = lists.map(|list| vec![false; list.len()]);
    let mut grew = true;
    while std::mem::take(&mut grew) {
        if !symbols.spend(2 * lists.iter().map(|list| list.len()).sum::<usize>()) {
            return None;
        }
        for (list, used) in lists.into_iter().zip(&mut used) {
            for (fact, used) in list.iter().zip(used).filter(|(_, used)| !**used) {
                let touches = fact.terms.is_empty()
                    || fact.terms.iter().any(|term| reached.contains(&term.0));
                if touches {
                    *used = true;
                    grew = true;
                    reached.extend(fact.symbols());
                }
            }
        }
    }
    let chosen = |number: usize| -> Vec<Linear> {
        let facts = lists[number].iter().zip(&used[number]);
        facts.filter(|(_, used)| **used).map(|(fact, _)| fact.clone()).collect()
    };
    let mut system =
        System { at_least_zero: vec![assumption], zero: chosen(1), not_zero: chosen(2) };
    system.at_least_zero.extend(chosen(0));
    system.add_bounds(symbols);
    Some(system)
}

/// Gives the symbols small values that satisfy everything.
fn satisfy(
    system: &System,
    symbols: &[Symbol],
    values: &mut Vec<(Symbol, i128)>,
    tries: &mut u32,
) -> bool {
    let Some((first, rest)) = symbols.split_first() else { return true };
    for value in [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 4096, -1, -8] {
        if *tries == 0 {
            return false;
        }
        *tries -= 1;
        values.push((*first, value));
        if may_hold(system, values) && satisfy(system, rest, values, tries) {
            return true;
        }
        values.pop();
    }
    false
}

/// Whether nothing is violated that names the last symbol, and whose symbols all have values.
fn may_hold(system: &System, values: &[(Symbol, i128)]) -> bool {
    let Some((last, _)) = values.last() else { return true };
    let value = |linear: &Linear| -> Option<i128> {
        if linear.factor(*last) == 0 {
            return None;
        }
        linear.terms.iter().try_fold(linear.constant, |sum, term| {
            let of = values.iter().rev().find(|(symbol, _)| *symbol == term.0)?.1;
            sum.checked_add(of.checked_mul(term.1)?)
        })
    };
    system.at_least_zero.iter().all(|linear| value(linear).is_none_or(|value| value >= 0))
        && system.zero.iter().all(|linear| value(linear).is_none_or(|value| value == 0))
        && system.not_zero.iter().all(|linear| value(linear).is_none_or(|value| value != 0))
}
