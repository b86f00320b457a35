//! What values that differ from edge to edge have in common: sums, and rests of divisions.

use super::draft::Draft;
use super::equations::vanishing;
use super::meeting::Hints;
use crate::analysis::proof::claim::Rule;
use crate::analysis::proof::linear::{Linear, Symbol};
use crate::analysis::proof::state::{Slot, State};
use crate::analysis::proof::world::World;
use crate::sorted::{SortedMap, SortedSet};

/// How many sums are looked at for what they have in common.
const RELATED: usize = 24;

/// The binary logarithm of the largest number that is looked for in what paths have in common.
const LARGEST_MULTIPLE: u32 = 16;

impl Draft<'_> {
    /// Where accesses have to be aligned, addresses may be multiples of that.
    pub(super) fn align(&mut self, hints: &Hints, world: &mut World<'_>) {
        let is_held = |value: &Linear| {
            let held = self.meeting.held.iter().filter(|held| held.bits.is_none());
            world.split(value).is_some()
                || held.into_iter().any(|held| *value == Linear::from(held.symbol))
        };
        let values = self.claim.values.iter();
        let moving: Vec<(Slot, Linear)> = values
            .filter(|(slot, value)| self.changed.contains(slot) && is_held(value))
            .map(|(slot, value)| (*slot, value.clone()))
            .collect();
        for (slot, value) in moving {
            for &align in &hints.alignments {
                self.multiple(slot, None, &value, align.trailing_zeros(), 0, world);
            }
        }
    }

    /// Sums that are the same on every edge.
    pub(super) fn relate(&mut self, world: &mut World<'_>) {
        if self.edges.len() < 2 {
            return;
        }
        let mut names: Vec<Linear> = Vec::new();
        let mut values: Vec<Vec<Linear>> = Vec::new();
        for (held, of) in &self.merged {
            let normal = |(edge, value)| self.normal(edge, value, world);
            let of: Option<Vec<Linear>> = of.iter().enumerate().map(normal).collect();
            if let Some(of) = of {
                names.push(held.symbol.into());
                values.push(of);
            }
        }
        let merged = names.len();
        let constants: SortedSet<Symbol> =
            values.iter().flatten().flat_map(Linear::symbols).collect();
        for symbol in constants {
            let value = Linear::from(symbol);
            let of: Option<Vec<Linear>> =
                (0..self.edges.len()).map(|edge| self.normal(edge, &value, world)).collect();
            if let (Some(of), true) = (of, names.len() < RELATED) {
                names.push(value);
                values.push(of);
            }
        }
        for (sum, of) in self.told_apart(world) {
            if names.len() < RELATED {
                names.push(sum);
                values.push(of);
            }
        }
        let rows: Option<Vec<_>> = values.iter().map(|of| differences(of)).collect();
        for factors in vanishing(&rows.unwrap_or_default()) {
            let mut sum = Some(Linear::default());
            for (at, factor) in factors.iter().enumerate().filter(|(_, factor)| **factor != 0) {
                let by = names[at].minus(&values[at][0]);
                sum = sum.and_then(|sum| sum.add_scaled(&by?, *factor));
            }
            let is_related = factors[..merged].iter().any(|factor| *factor != 0);
            if let (true, Some(sum)) = (is_related, sum.and_then(|sum| self.carry(&sum, world))) {
                self.claim.knowledge.assume_zero(sum);
            }
        }
    }

    /// Sums that every edge's equations give a number, but not the same: what tests have found.
    fn told_apart(&self, world: &World<'_>) -> Vec<(Linear, Vec<Linear>)> {
        let on_edge = |(edge, (_, state)): (usize, &(u32, State))| -> SortedMap<_, i128> {
            let equations = state.knowledge.zero().iter();
            let named = equations.filter_map(|sum| self.canonical(edge, sum, world).into_unit());
            named.collect()
        };
        let numbers: Vec<_> = self.edges.iter().enumerate().map(on_edge).collect();
        let Some((first, others)) = numbers.split_first() else { return Vec::new() };
        let of_all = first.iter().filter_map(|(terms, number)| {
            let rest: Option<Vec<i128>> =
                others.iter().map(|other| other.get(terms).copied()).collect();
            let rest = rest.filter(|rest| rest.iter().any(|other| other != number))?;
            let sum = Linear { terms: terms.clone(), constant: 0 };
            let values = std::iter::once(*number).chain(rest).map(Linear::from);
            Some((sum, values.collect()))
        });
        of_all.collect()
    }

    /// What leaves the same rest on every edge when it is divided by a power of two.
    pub(super) fn find_multiples(&mut self, world: &mut World<'_>) {
        for (held, values) in std::mem::take(&mut self.merged) {
            let normal = |(edge, value)| self.normal(edge, value, world);
            let values: Option<Vec<Linear>> = values.iter().enumerate().map(normal).collect();
            if let Some((bits, rest)) = values.and_then(|values| common_rest(&values)) {
                self.multiple(held.slot, held.base, &held.symbol.into(), bits, rest, world);
            }
        }
    }

    /// `value` is `rest` and a multiple of 2^`bits`.
    fn multiple(
        &mut self,
        slot: Slot,
        base: Option<Symbol>,
        value: &Linear,
        bits: u32,
        rest: i128,
        world: &mut World<'_>,
    ) {
        let multiple = world.symbols.lasting("a multiple", None, None);
        let rule = Rule::Quotient { slot, base, bits };
        self.symbol(multiple, rule.clone(), rule, world);
        let equation = value.add_scaled(&multiple.into(), -(1i128 << bits));
        let equation = equation.and_then(|equation| equation.offset(-rest));
        equation.into_iter().for_each(|equation| self.claim.knowledge.assume_zero(equation));
    }

    /// A sum that no turn changes is as it was on entry.
    pub(super) fn keep(&mut self, sum: &[(Slot, i128)], world: &mut World<'_>) {
        let mut here = Linear::default();
        let mut before: Vec<Linear> = vec![Linear::default(); self.edges.len()];
        for (slot, factor) in sum {
            let Some(claimed) = self.claim.values.get(slot) else { return };
            let Some(more) = here.add_scaled(claimed, *factor) else { return };
            here = more;
            for (edge, (_, state)) in self.edges.iter().enumerate() {
                let value = state.slot(*slot).map(|value| self.canonical(edge, value, world));
                let more = value.and_then(|value| before[edge].add_scaled(&value, *factor));
                let Some(more) = more else { return };
                before[edge] = more;
            }
        }
        let entry = self.common(&before, world).and_then(|entry| self.carry(&entry, world));
        if let Some(rest) = entry.and_then(|entry| here.minus(&entry)) {
            self.claim.knowledge.assume_zero(rest);
        }
    }
}

/// How values differ from that on the first edge.
fn differences(of: &[Linear]) -> Option<SortedMap<(usize, Option<Symbol>), i128>> {
    let mut row = SortedMap::new();
    for (edge, value) in of.iter().enumerate().skip(1) {
        let by = value.minus(&of[0])?;
        row.insert((edge, None), by.constant);
        row.extend(by.terms.iter().map(|term| ((edge, Some(term.0)), term.1)));
    }
    Some(row)
}

/// The largest power of two by which all values leave the same rest, and the rest.
fn common_rest(values: &[Linear]) -> Option<(u32, i128)> {
    let (first, others) = values.split_first()?;
    let factors = values.iter().flat_map(|value| &value.terms).map(|term| term.1);
    let differences = others.iter().map(|other| other.constant - first.constant);
    let bits = factors.chain(differences).map(i128::trailing_zeros).min()?;
    (1..=LARGEST_MULTIPLE).contains(&bits).then(|| (bits, first.constant.rem_euclid(1 << bits)))
}
