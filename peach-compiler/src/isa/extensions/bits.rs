//! Sets of small numbers, as many as a table has rows.
//!
//! All of it is `const`: the implications of extensions are closed when the compiler is compiled.

/// The numbers below 64 × `WORDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bits<const WORDS: usize>([u64; WORDS]);

/// How many words a set of the numbers below `count` has.
pub(super) const fn words_for(count: usize) -> usize {
    count.div_ceil(64)
}

/// Each row with all rows that it implies, given those that it implies directly.
pub(super) const fn closures<const ROWS: usize, const WORDS: usize>(
    implied: &[&[usize]; ROWS],
) -> [Bits<WORDS>; ROWS] {
    let mut closures = [Bits::NONE; ROWS];
    let mut row = 0;
    while row < ROWS {
        let mut closure = Bits::one(row);
        let mut i = 0;
        while i < implied[row].len() {
            assert!(implied[row][i] < row, "an extension may only imply earlier rows");
            closure = closure.or(closures[implied[row][i]]);
            i += 1;
        }
        closures[row] = closure;
        row += 1;
    }
    closures
}

impl<const WORDS: usize> Bits<WORDS> {
    /// No number.
    pub(super) const NONE: Self = Bits([0; WORDS]);

    /// One number.
    pub(super) const fn one(number: usize) -> Self {
        let mut bits = Self::NONE;
        bits.0[number / 64] = 1 << (number % 64);
        bits
    }

    /// The numbers `0..count`.
    pub(super) const fn first(count: usize) -> Self {
        let mut bits = Self::NONE;
        let mut number = 0;
        while number < count {
            bits = bits.or(Self::one(number));
            number += 1;
        }
        bits
    }

    /// Number *i* is bit *i* % 64 of word *i* / 64.
    pub(super) const fn words(&self) -> &[u64] {
        &self.0
    }

    pub(super) const fn contains(&self, number: usize) -> bool {
        self.0[number / 64] >> (number % 64) & 1 == 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    pub(super) const fn or(mut self, other: Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] |= other.0[word];
            word += 1;
        }
        self
    }

    pub(super) fn and(self, other: Self) -> Self {
        Bits(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    pub(super) fn without(self, other: Self) -> Self {
        Bits(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }
}

impl<const WORDS: usize> Default for Bits<WORDS> {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of 300 rows, each of which implies the one 100 rows before it: every word of the
    /// sets is in use, and implications cross their ends.
    #[test]
    fn a_table_may_have_any_number_of_rows() {
        const ROWS: usize = 300;
        static EARLIER: [usize; ROWS] = {
            let mut rows = [0; ROWS];
            let mut row = 0;
            while row < ROWS {
                rows[row] = row;
                row += 1;
            }
            rows
        };
        const IMPLIED: [&[usize]; ROWS] = {
            let mut implied: [&[usize]; ROWS] = [&[]; ROWS];
            let mut row = 100;
            while row < ROWS {
                implied[row] = EARLIER.split_at(row - 100).1.split_at(1).0;
                row += 1;
            }
            implied
        };
        const CLOSURES: [Bits<{ words_for(ROWS) }>; ROWS] = closures(&IMPLIED);
        for (row, closure) in CLOSURES.iter().enumerate() {
            let expected: Vec<usize> = (0..=row).rev().step_by(100).collect();
            let found: Vec<usize> = (0..ROWS).rev().filter(|&n| closure.contains(n)).collect();
            assert_eq!(found, expected, "row {row}");
            let alone = closure.without(Bits::first(row));
            assert_eq!(alone, Bits::one(row));
            assert_eq!(alone.and(*closure), alone);
            assert!(alone.without(*closure).is_empty());
        }
        assert_eq!(words_for(128), 2);
        assert_eq!(words_for(129), 3);
    }
}
