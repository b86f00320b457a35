//! Bounds for the places of bits that can be set, as sums over the whole numbers.

use super::decide::Knowledge;
use super::linear::{Linear, Symbols};

/// Only bits from `first` on and below `end` can be set; none at all if `end` is not above.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bits {
    pub first: Linear,
    pub end: Linear,
    /// All of these are set. Their number may be 0, and `end` is not below `first`.
    pub is_full: bool,
}

/// What is known where bits are looked at.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub knowledge: &'a Knowledge,
    pub symbols: &'a Symbols,
}

impl Known<'_> {
    fn is_at_most(self, less: &Linear, more: &Linear) -> bool {
        more.minus(less).is_some_and(|difference| self.knowledge.shows(self.symbols, &difference))
    }
}

impl Bits {
    /// The lowest bits, so many.
    pub fn low(end: Linear) -> Bits {
        Bits { first: Linear::default(), end, is_full: false }
    }

    /// All of an operand of this width.
    pub fn all(width: u32) -> Bits {
        Bits { is_full: true, ..Bits::low(i128::from(width).into()) }
    }

    /// Those of a number.
    pub fn of(number: u64) -> Bits {
        if number == 0 {
            return Bits::all(0);
        }
        let (first, end) = (number.trailing_zeros(), u64::BITS - number.leading_zeros());
        let is_full = number.count_ones() == end - first;
        Bits { first: i128::from(first).into(), end: i128::from(end).into(), is_full }
    }

    /// Less is known.
    pub fn loosened(self) -> Bits {
        Bits { is_full: false, ..self }
    }

    /// Where both can be set.
    pub fn and(self, other: Bits, known: Known<'_>) -> Bits {
        let is_later = known.is_at_most(&other.first, &self.first);
        let is_earlier = known.is_at_most(&self.first, &other.first);
        let is_shorter = known.is_at_most(&self.end, &other.end);
        let is_longer = known.is_at_most(&other.end, &self.end);
        if is_later && is_shorter && other.is_full {
            return self;
        }
        if is_earlier && is_longer && self.is_full {
            return other;
        }
        let is_full = self.is_full && other.is_full;
        let first = if is_later { self.first } else { other.first };
        // A number tells no more than the operands' width, as a rule.
        let prefers_other = is_longer || self.end.as_constant().is_some() && !is_shorter;
        let end = if prefers_other { other.end } else { self.end };
        let is_found = (is_later || is_earlier) && (is_shorter || is_longer);
        let is_full = is_full && is_found && known.is_at_most(&first, &end);
        Bits { first, end, is_full }
    }

    /// Where either can be set, if that can be said.
    pub fn or(self, other: Bits, known: Known<'_>) -> Option<Bits> {
        // One behind the other.
        let is_full = self.is_full && other.is_full;
        if is_full && self.end == other.first {
            return Some(Bits { first: self.first, end: other.end, is_full });
        }
        if is_full && other.end == self.first {
            return Some(Bits { first: other.first, end: self.end, is_full });
        }
        let first = match known.is_at_most(&self.first, &other.first) {
            true => self.first,
            false if known.is_at_most(&other.first, &self.first) => other.first,
            false => Linear::default(),
        };
        let end = match known.is_at_most(&self.end, &other.end) {
            true => other.end,
            false if known.is_at_most(&other.end, &self.end) => self.end,
            false => return None,
        };
        Some(Bits { first, end, is_full: false })
    }

    /// Those of `width` that are not set, if they are next to each other.
    pub fn not(self, width: u32) -> Option<Bits> {
        let width = Linear::from(i128::from(width));
        let none = Linear::default();
        match self.is_full {
            true if self.end == width => Some(Bits { end: self.first, first: none, ..self }),
            true if self.first == none => Some(Bits { first: self.end, end: width, ..self }),
            _ => None,
        }
    }

    /// Each bit of `width` so many places further up; what falls off at either end is gone.
    pub fn moved(&self, by: &Linear, width: u32, known: Known<'_>) -> Option<Bits> {
        let (zero, width) = (Linear::default(), Linear::from(i128::from(width)));
        let (mut first, mut end) = (self.first.plus(by)?, self.end.plus(by)?);
        let mut is_full = self.is_full;
        if known.is_at_most(&first, &zero) {
            // Where all fall off, there are none, and fewer than none is not called full.
            is_full &= known.is_at_most(&zero, &end);
            first = zero;
        } else {
            is_full &= known.is_at_most(&zero, &first);
        }
        if known.is_at_most(&width, &end) {
            is_full &= known.is_at_most(&first, &width);
            end = width;
        } else {
            is_full &= known.is_at_most(&end, &width);
        }
        Some(Bits { first, end, is_full })
    }

    /// Of two numbers' sum in `width` bits: it is at most twice the larger one.
    pub fn sum(self, other: Bits, width: u32, known: Known<'_>) -> Option<Bits> {
        let one = Linear::from(1);
        // Bit `n` less 1 is the bits below it; 1 more at the end of a row is the bit behind it.
        let all = Bits::all(width);
        for (number, row) in [(&self, &other), (&other, &self)] {
            let is_bit = number.is_full && number.end.minus(&number.first)? == one;
            if is_bit && *row == all {
                return Some(Bits { is_full: true, ..Bits::low(number.first.clone()) });
            }
            let (is_at_start, stays) = (row.first == number.first, all.end.minus(&row.end)?);
            let has_some = row.end.minus(&row.first)?.offset(-1)?;
            let shows = |goal: &Linear| known.knowledge.shows(known.symbols, goal);
            if is_bit && row.is_full && is_at_start && shows(&has_some) && shows(&stays.offset(-1)?)
            {
                let end = row.end.offset(1)?;
                return Some(Bits { first: row.end.clone(), end, is_full: true });
            }
        }
        let both = self.or(other, known)?;
        let end = both.end.offset(1)?;
        match known.is_at_most(&all.end, &end) {
            true => Some(Bits { end: all.end, is_full: false, ..both }),
            false => Some(Bits { end, is_full: false, ..both }),
        }
    }

    /// Whether all bits that `self` allows are allowed by `wider`.
    pub fn is_within(&self, wider: &Bits, known: Known<'_>) -> bool {
        known.is_at_most(&wider.first, &self.first)
            && known.is_at_most(&self.end, &wider.end)
            && !wider.is_full
    }
}
