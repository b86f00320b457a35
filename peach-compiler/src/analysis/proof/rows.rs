//! The inequalities that are left while symbols are eliminated: of each sum the strongest alone.

use super::linear::{Linear, Symbol, gcd};
use crate::sorted::SortedMap;
use std::rc::Rc;

/// Which inequalities one was made of, unless it was rounded or they are too many.
pub(super) type Sources = Option<u128>;

/// An inequality that bounds a symbol.
pub(super) struct Bound {
    pub linear: Rc<Linear>,
    /// The symbol's factor.
    pub factor: i128,
    pub sources: Sources,
}

/// An inequality.
#[derive(Clone, Debug)]
struct Row {
    linear: Rc<Linear>,
    sources: Sources,
}

/// Inequalities.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// By the [`key`] of their terms.
    rows: SortedMap<u64, Row>,
    occurrences: SortedMap<Symbol, Occurrences>,
}

/// How a symbol occurs in inequalities.
#[derive(Clone, Debug, Default)]
struct Occurrences {
    /// In which ones, and in some that are gone.
    keys: Vec<u64>,
    above: i64,
    below: i64,
    large_above: i64,
    large_below: i64,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds `linear >= 0`; whether that is a contradiction.
    pub fn add(&mut self, linear: Rc<Linear>, sources: Sources) -> bool {
        if linear.terms.is_empty() {
            return linear.constant < 0;
        }
        let divisor = divisor(&linear.terms);
        let sources = sources.filter(|_| linear.constant % divisor == 0);
        let linear = if divisor == 1 { linear } else { Rc::new(tightened(Linear::clone(&linear))) };
        let key = key(&linear.terms);
        let opposite = self.rows.get(&key.wrapping_neg());
        let sum = opposite
            .filter(|row| are_opposite(&row.linear, &linear))
            .and_then(|row| row.linear.constant.checked_add(linear.constant));
        if sum.is_some_and(|sum| sum < 0) {
            return true;
        }
        match self.rows.get_mut(&key) {
            None => {
                self.count(&linear, key);
                self.rows.insert(key, Row { linear, sources });
            }
            // Should another sum have the same key, this one is left out.
            Some(row) => {
                let is_same = row.linear.terms == linear.terms;
                if is_same && linear.constant < row.linear.constant {
                    *row = Row { linear, sources };
                }
            }
        }
        false
    }

    fn count(&mut self, linear: &Linear, key: u64) {
        for &(symbol, factor) in &linear.terms {
            let found = self.occurrences.get_or_default(symbol);
            found.keys.push(key);
            found.change(factor, 1);
        }
    }

    /// The symbol to eliminate next. Where one of any two factors is 1, no whole numbers are lost
    /// (W. Pugh, "The Omega test", 1991), so these come first; then that which makes the fewest new
    /// inequalities.
    pub fn cheapest(&self) -> Option<Symbol> {
        let found = self.occurrences.iter().min_by_key(|(_, found)| found.cost());
        found.map(|(symbol, _)| *symbol)
    }

    /// Takes out what names `symbol`: lower bounds and upper bounds, with its factors.
    pub fn take(&mut self, symbol: Symbol) -> (Vec<Bound>, Vec<Bound>) {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        let found = self.occurrences.remove(&symbol).unwrap_or_default();
        for key in found.keys {
            // It may be gone, and another sum have its key.
            let names = |row: &Row| row.linear.factor(symbol) != 0;
            if !self.rows.get(&key).is_some_and(names) {
                continue;
            }
            let Some(Row { linear, sources }) = self.rows.remove(&key) else { continue };
            for (other, factor) in linear.terms.iter().filter(|(other, _)| *other != symbol) {
                if let Some(found) = self.occurrences.get_mut(other) {
                    found.change(*factor, -1);
                    if found.above + found.below == 0 {
                        self.occurrences.remove(other);
                    }
                }
            }
            let factor = linear.factor(symbol);
            let side = if factor > 0 { &mut above } else { &mut below };
            side.push(Bound { linear, factor, sources });
        }
        (above, below)
    }
}

impl Occurrences {
    fn change(&mut self, factor: i128, by: i64) {
        let (all, large) = match factor > 0 {
            true => (&mut self.above, &mut self.large_above),
            false => (&mut self.below, &mut self.large_below),
        };
        *all += by;
        *large += if factor.unsigned_abs() > 1 { by } else { 0 };
    }

    fn cost(&self) -> (bool, i64) {
        let is_lossy = self.large_above > 0 && self.large_below > 0;
        (is_lossy, self.above * self.below - self.above - self.below)
    }
}

/// A number for a sum without its constant: the opposite number is for the opposite sum.
fn key(terms: &[(Symbol, i128)]) -> u64 {
    terms.iter().fold(0, |key: u64, &(symbol, factor)| {
        let (size, number) = (factor.unsigned_abs(), mixed(u64::from(symbol.0)));
        let term = mixed(mixed(number ^ size as u64) ^ (size >> 64) as u64);
        if factor > 0 { key.wrapping_add(term) } else { key.wrapping_sub(term) }
    })
}

/// Numbers that are near each other become numbers that have nothing in common (G. Steele, D. Lea
/// and C. Flood, "Fast splittable pseudorandom number generators", 2014).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ number >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ number >> 31
}

fn are_opposite(a: &Linear, b: &Linear) -> bool {
    let mut pairs = a.terms.iter().zip(&b.terms);
    a.terms.len() == b.terms.len() && pairs.all(|(a, b)| a.0 == b.0 && a.1 == -b.1)
}

/// The same inequality, divided by what its factors have in common.
pub(super) fn tightened(linear: Linear) -> Linear {
    match divisor(&linear.terms) {
        0 | 1 => linear,
        divisor => Linear {
            terms: linear
                .terms
                .iter()
                .map(|&(symbol, factor)| (symbol, factor / divisor))
                .collect(),
            constant: linear.constant.div_euclid(divisor),
        },
    }
}

/// The greatest common divisor of all factors; 0 if there are none.
pub(super) fn divisor(terms: &[(Symbol, i128)]) -> i128 {
    let mut divisor = 0;
    for (_, factor) in terms {
        divisor = gcd(divisor, *factor);
        if divisor == 1 {
            break;
        }
    }
    divisor
}
