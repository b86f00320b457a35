//! Bounds for the places of bits that can be set, as sums over the whole numbers.

use super::decide::Knowledge;
use super::linear::{Linear, Symbols};

/// Only bits from `first` on and below `end` can be set; none at all if `end` is not above.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bits {
    pub first: Linear,
    pub end: Linear,
}

impl Bits {
    /// The lowest bits, so many.
    pub fn low(end: Linear) -> Bits {
        Bits { first: Linear::default(), end }
    }

    /// Those of a number.
    pub fn of(number: u64) -> Bits {
        let end = i128::from(u64::BITS - number.leading_zeros());
        let first = if number == 0 { 0 } else { i128::from(number.trailing_zeros()) };
        Bits { first: first.into(), end: end.into() }
    }

    /// Where both can be set.
    pub fn and(self, other: Bits, known: &Knowledge, symbols: &Symbols) -> Bits {
        let first = if is_at_most(&other.first, &self.first, known, symbols) {
            self.first
        } else {
            other.first
        };
        // A number tells no more than the operands' width, as a rule.
        let prefers_other = is_at_most(&other.end, &self.end, known, symbols)
            || self.end.as_constant().is_some()
                && !is_at_most(&self.end, &other.end, known, symbols);
        Bits { first, end: if prefers_other { other.end } else { self.end } }
    }

    /// Where either can be set, if that can be said.
    pub fn or(self, other: Bits, known: &Knowledge, symbols: &Symbols) -> Option<Bits> {
        let first = match is_at_most(&self.first, &other.first, known, symbols) {
            true => self.first,
            false if is_at_most(&other.first, &self.first, known, symbols) => other.first,
            false => Linear::default(),
        };
        let end = match is_at_most(&self.end, &other.end, known, symbols) {
            true => other.end,
            false if is_at_most(&other.end, &self.end, known, symbols) => self.end,
            false => return None,
        };
        Some(Bits { first, end })
    }

    /// Each bit so many places further up.
    pub fn moved(&self, by: i128) -> Option<Bits> {
        // What falls off at either end is not set any more.
        let first = self.first.offset(by)?;
        let first = if first.as_constant().is_some_and(|first| first < 0) {
            Linear::default()
        } else {
            first
        };
        Some(Bits { first, end: self.end.offset(by)? })
    }

    /// Whether all bits that `self` allows are allowed by `wider`.
    pub fn is_within(&self, wider: &Bits, known: &Knowledge, symbols: &Symbols) -> bool {
        is_at_most(&wider.first, &self.first, known, symbols)
            && is_at_most(&self.end, &wider.end, known, symbols)
    }
}

fn is_at_most(less: &Linear, more: &Linear, known: &Knowledge, symbols: &Symbols) -> bool {
    more.minus(less).is_some_and(|difference| known.shows(symbols, &difference))
}
