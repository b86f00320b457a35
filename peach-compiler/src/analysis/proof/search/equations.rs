//! What equations say of sums: values in terms of others, and sums that do not change.

use crate::analysis::proof::decide::Knowledge;
use crate::analysis::proof::linear::{Linear, Symbol, gcd};
use crate::analysis::proof::world::World;
use crate::sorted::SortedMap;

/// Equations that are solved, each for one symbol, in terms of symbols that are not.
#[derive(Default)]
pub(super) struct Solved(Vec<(Symbol, Linear)>);

impl Solved {
    /// The equations of `knowledge`, and inequalities that are equations together.
    pub(super) fn of(knowledge: &Knowledge, world: &World<'_>) -> Solved {
        let mut solved = Solved::default();
        world.symbols.spend(knowledge.at_least_zero().len().pow(2) / 4);
        for equation in knowledge.zero() {
            solved.add(equation, world);
        }
        for (index, fact) in knowledge.at_least_zero().iter().enumerate() {
            let opposite = fact.times(-1);
            let others = &knowledge.at_least_zero()[index + 1..];
            if opposite.is_some_and(|opposite| others.contains(&opposite)) || is_pinned(fact, world)
            {
                solved.add(fact, world);
            }
        }
        solved
    }

    fn add(&mut self, equation: &Linear, world: &World<'_>) {
        let Some(equation) = self.normal(equation) else { return };
        let units = equation.terms.iter().filter(|term| term.1.abs() == 1);
        // What lasts longest is kept: arguments, and of the rest what was made first.
        let rank =
            |symbol: Symbol| (!world.is_given(symbol), !world.symbols.is_passing(symbol), symbol);
        let Some(&(symbol, factor)) = units.max_by_key(|term| rank(term.0)) else { return };
        if world.is_given(symbol) {
            return;
        }
        let rest = equation.substitute(symbol, &Linear::default());
        let Some(value) = rest.and_then(|rest| rest.times(-factor)) else { return };
        for (_, known) in &mut self.0 {
            if let Some(better) = known.substitute(symbol, &value) {
                *known = better;
            }
        }
        self.0.push((symbol, value));
    }

    /// `linear` in terms of what is not solved for.
    pub(super) fn normal(&self, linear: &Linear) -> Option<Linear> {
        linear.substitute_all(&self.0)
    }
}

/// `fact >= 0` leaves its one symbol no other value than the bound on its other side.
fn is_pinned(fact: &Linear, world: &World<'_>) -> bool {
    fact.greatest(&world.symbols) == Some(0)
}

/// Combinations of rows that add up to nothing (M. Karr, "Affine relationships among variables of a
/// program", 1976): for each the factors of the rows, by Gauss's elimination without fractions.
pub(super) fn vanishing<K: Ord + Clone>(rows: &[SortedMap<K, i128>]) -> Vec<Vec<i128>> {
    let mut pivots: Vec<(K, SortedMap<K, i128>, Vec<i128>)> = Vec::new();
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut row = row.clone();
        row.retain(|_, value| *value != 0);
        let mut factors = vec![0; rows.len()];
        factors[index] = 1;
        let reduced = pivots
            .iter()
            .try_fold((row, factors), |(row, factors), pivot| eliminate(row, factors, pivot));
        let Some((row, factors)) = reduced else { continue };
        match row.keys().next().cloned() {
            None => found.push(factors),
            Some(column) => pivots.push((column, row, factors)),
        }
    }
    found
}

/// A row and its factors without the pivot's column; `None` if the numbers become too large.
fn eliminate<K: Ord + Clone>(
    row: SortedMap<K, i128>,
    factors: Vec<i128>,
    (column, pivot, of_pivot): &(K, SortedMap<K, i128>, Vec<i128>),
) -> Option<(SortedMap<K, i128>, Vec<i128>)> {
    let Some(&value) = row.get(column) else { return Some((row, factors)) };
    let lead = pivot[column];
    let combine = |a: i128, b: i128| -> Option<i128> {
        a.checked_mul(lead)?.checked_sub(b.checked_mul(value)?).filter(|n| n.abs() < 1 << 100)
    };
    let mut sum = SortedMap::new();
    for key in row.keys().chain(pivot.keys()) {
        let at = |of: &SortedMap<K, i128>| of.get(key).copied().unwrap_or(0);
        let value = combine(at(&row), at(pivot))?;
        if value != 0 {
            sum.insert(key.clone(), value);
        }
    }
    let factors: Option<Vec<i128>> =
        factors.iter().zip(of_pivot).map(|(a, b)| combine(*a, *b)).collect();
    let mut factors = factors?;
    let common = sum.values().chain(&factors).fold(0, |a, b| gcd(a, *b));
    if common > 1 {
        sum.values_mut().chain(&mut factors).for_each(|value| *value /= common);
    }
    Some((sum, factors))
}
