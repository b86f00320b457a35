//! Random arguments that can be drawn again, smaller.
//!
//! Every decision is a number on a tape. A case is replayed by its tape, and made smaller by making
//! the tape shorter and its numbers lower (`shrink`): what depends on each other, such as a length
//! and the slice that has it, still does. MacIver and Donaldson, "Test-case reduction via test-case
//! generation: insights from the Hypothesis reducer", 2020.

use crate::Element;
use crate::splitmix::SplitMix;
use std::ops::{Range, RangeInclusive};

/// What a test draws its arguments from.
///
/// Every other case draws lengths and numbers of a range in turn, so that all of them come up: in
/// `2 * n` consecutive cases, each of `n` lengths at least once.
#[derive(Debug)]
pub struct Random {
    source: SplitMix,
    /// What is added to numbers that are drawn in turn.
    turn: Option<u64>,
    /// How many numbers were drawn from ranges so far.
    choices: u64,
    /// The decisions of an earlier run, to be taken again.
    replayed: Option<Vec<u64>>,
    taken: Vec<u64>,
}

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Random {
        let turn = seed.is_multiple_of(2).then_some(seed / 2);
        Random { source: SplitMix::new(seed), turn, choices: 0, replayed: None, taken: Vec::new() }
    }

    /// These decisions, and after them the smallest ones.
    pub(crate) fn replay(decisions: Vec<u64>) -> Random {
        Random { replayed: Some(decisions), ..Random::new(1) }
    }

    /// The decisions so far.
    pub(crate) fn into_decisions(self) -> Vec<u64> {
        self.taken
    }

    /// The next decision: that of the tape, or a new one.
    pub(crate) fn decide(&mut self, draw: impl FnOnce(&mut SplitMix) -> u64) -> u64 {
        let decision = match &self.replayed {
            Some(decisions) => decisions.get(self.taken.len()).copied().unwrap_or(0),
            None => draw(&mut self.source),
        };
        self.taken.push(decision);
        decision
    }

    /// A number below `count`: in turn, or whichever `draw` gives.
    fn choose(&mut self, count: u64, draw: impl FnOnce(&mut SplitMix) -> u64) -> u64 {
        let choice = self.choices;
        self.choices += 1;
        match self.turn {
            // Each choice of a case starts elsewhere.
            Some(turn) if choice > 0 => turn.wrapping_add(SplitMix::new(choice).bits()) % count,
            Some(turn) => turn % count,
            None => draw(&mut self.source),
        }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.decide(SplitMix::bits)
    }

    /// A number in `range`, of at most 64 bits.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn range<T: Number>(&mut self, range: impl Bounds<T>) -> T {
        let (first, last) = range.first_and_last();
        let last_offset = last.to_wide() - first.to_wide();
        assert!(last_offset >= 0, "the range is empty");
        // Of a range with all numbers of 64 bits, the last is left out.
        let count = (last_offset as u64).saturating_add(1);
        let chosen = self.choose(count, |source| source.below(count));
        let offset = self.decide(|_| chosen) % count;
        T::from_wide(first.to_wide() + i128::from(offset))
    }

    /// A whole number in `range` as a float: sums and products of small ones are exact in any
    /// order.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn whole<F: From<i16>>(&mut self, range: Range<i16>) -> F {
        F::from(self.range(range))
    }

    /// One of `list`.
    ///
    /// # Panics
    /// If the list is empty.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.decide(|source| source.below(list.len()) as u64) as usize % list.len()].clone()
    }

    /// Any value of a type. Those at the ends of its range, and NaN and its kin, are as likely as
    /// all others.
    pub fn any<T: Element>(&mut self) -> T {
        T::any(self)
    }

    /// A vector with as many elements as `len` says, a number or a range, of any values. Short ones
    /// are drawn more often.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn vec<T: Element>(&mut self, len: impl Len) -> Vec<T> {
        self.list(len, Random::any)
    }

    /// A vector with as many elements as `len` says, each drawn by `element`.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn list<T>(&mut self, len: impl Len, mut element: impl FnMut(&mut Random) -> T) -> Vec<T> {
        let (least, most) = len.least_and_most();
        assert!(least <= most, "the range of lengths is empty");
        let count = (most - least) as u64 + 1;
        let wanted = match count {
            1 => least,
            _ => least + self.choose(count, |source| source.short(count)) as usize,
        };
        let mut list = Vec::new();
        // One decision for each element, so that it can be left out of the tape by itself.
        while list.len() < least
            || (list.len() < most && self.decide(|_| u64::from(list.len() < wanted)) != 0)
        {
            list.push(element(self));
        }
        list
    }

    /// A string of `len` characters, of one to four bytes each.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn string(&mut self, len: impl Len) -> String {
        self.list(len, Random::any::<char>).into_iter().collect()
    }
}

impl SplitMix {
    /// A number below `count`, more often a small one.
    fn short(&mut self, count: u64) -> u64 {
        let bound = if self.one_in(2) { count } else { 1 + (count >> self.below(8u32)) };
        self.below(bound.min(count))
    }
}

/// How many elements are drawn: `7`, `0..100`, or `1..=64`.
pub trait Len {
    /// The least number and the largest.
    fn least_and_most(self) -> (usize, usize);
}

impl Len for usize {
    fn least_and_most(self) -> (usize, usize) {
        (self, self)
    }
}

impl Len for Range<usize> {
    fn least_and_most(self) -> (usize, usize) {
        (self.start, self.end.checked_sub(1).expect("the range of lengths is empty"))
    }
}

impl Len for RangeInclusive<usize> {
    fn least_and_most(self) -> (usize, usize) {
        self.into_inner()
    }
}

/// What numbers are drawn from: `0..100`, or `-5..=5`.
pub trait Bounds<T> {
    /// The least number and the largest.
    fn first_and_last(self) -> (T, T);
}

impl<T: Number> Bounds<T> for Range<T> {
    fn first_and_last(self) -> (T, T) {
        let (first, end) = (self.start.to_wide(), self.end.to_wide());
        assert!(first < end, "the range is empty");
        (self.start, T::from_wide(end - 1))
    }
}

impl<T: Number> Bounds<T> for RangeInclusive<T> {
    fn first_and_last(self) -> (T, T) {
        self.into_inner()
    }
}

/// An integer of at most 64 bits.
pub trait Number: Copy {
    /// The same number.
    fn to_wide(self) -> i128;

    /// The number, which is one of this type.
    fn from_wide(wide: i128) -> Self;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Number for $number {
            fn to_wide(self) -> i128 {
                self as i128
            }

            fn from_wide(wide: i128) -> Self {
                wide as $number
            }
        }
    )*};
}

numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_gives_the_same_values_again() {
        let draw = |random: &mut Random| {
            let n = random.range(3..90);
            let floats: Vec<f64> = random.vec(n);
            let bits = floats.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            let numbers = (random.any::<i128>(), random.whole::<f32>(-5..6), random.range(-3..=3));
            (bits, random.string(0..9), numbers, random.pick(&[7, 8, 9]))
        };
        for seed in 0..200 {
            let mut first = Random::new(seed);
            let drawn = draw(&mut first);
            let mut second = Random::replay(first.into_decisions());
            assert_eq!(draw(&mut second), drawn);
        }
    }

    /// Whatever the first seed is.
    #[test]
    fn every_length_is_drawn() {
        for first in [0, 0x9EAC4, 12345, u64::MAX / 3] {
            let (mut lengths, mut numbers, mut second) = ([false; 100], [false; 50], [false; 100]);
            for seed in first..first + 200 {
                lengths[Random::new(seed).vec::<u8>(0..100).len()] = true;
                let mut random = Random::new(seed);
                numbers[random.range(0..50usize)] = true;
                second[random.vec::<u8>(0..=99).len()] = true;
            }
            assert_eq!((lengths, numbers, second), ([true; 100], [true; 50], [true; 100]));
        }
        assert_eq!(Random::replay(Vec::new()).vec::<u64>(5..9), [0; 5]);
    }

    #[test]
    fn ranges_have_their_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<i8> = (0..10_000).map(|_| random.range(i8::MIN..=i8::MAX)).collect();
        assert!(drawn.contains(&i8::MIN) && drawn.contains(&i8::MAX));
        for _ in 0..100 {
            let (one, large) = (random.range(7..8), random.range(u64::MAX - 1..=u64::MAX));
            assert!(one == 7 && large >= u64::MAX - 1);
            random.range(i64::MIN..=i64::MAX);
        }
    }
}
