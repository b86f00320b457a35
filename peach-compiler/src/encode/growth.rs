//! Branch relaxation in n log n steps, where sweeps over all of the code might be as many as there
//! are branches: each may grow only because the next one did.

use super::branches::{Kind, Layout};
use crate::ir::{LabelId, Lowered};
use crate::isa::FeatureSet;

/// How far apart the start of a short branch and what it jumps over can be, at most.
const REACH: u32 = 130;

/// What a short branch grows by, at most.
const GROWTH_MAX: u32 = 4;

impl Layout {
    /// Grows what has to grow, in code without padding. The order does not matter there: growth
    /// only moves branches and targets further apart, so what grows has to grow in every solution.
    pub(super) fn grow_by_need(&mut self, lowered: &Lowered, features: &FeatureSet) {
        let branches: Vec<usize> = (0..self.kinds.len()).filter(|&i| self.is_short(i)).collect();
        let mut growth = Growth::of(self.kinds.len());
        let mut todo: Vec<usize> = (0..branches.len()).collect();
        while let Some(at) = todo.pop() {
            let index = branches[at];
            let Kind::Short(bytes, label) = self.kinds[index] else { continue };
            if self.reaches_with(&growth, index, label) || !self.grow(lowered, index, features) {
                continue;
            }
            growth.add(index, self.kinds[index].bytes() - bytes);
            let is_near = |other: &usize| {
                self.offsets[branches[*other]].abs_diff(self.offsets[index]) <= REACH
            };
            let before = (0..at).rev().take_while(is_near);
            let after = (at + 1..branches.len()).take_while(is_near);
            todo.extend(before.chain(after).filter(|&other| self.is_short(branches[other])));
        }
    }

    fn is_short(&self, index: usize) -> bool {
        matches!(self.kinds[index], Kind::Short(..))
    }

    /// Whether a short branch reaches, where everything is moved by what grew before it.
    fn reaches_with(&self, growth: &Growth, index: usize, label: LabelId) -> bool {
        let target = self.label_items[label.index()].min(self.kinds.len());
        let place = self.label_offset(label) + growth.before(target);
        let end = self.end(index) + growth.before(index);
        i8::try_from(i64::from(place) - i64::from(end)).is_ok()
    }

    /// Grows every branch that might not reach if all others grew and all padding were as long as
    /// it can be. The others reach for good.
    pub(super) fn grow_by_fear(&mut self, lowered: &Lowered, features: &FeatureSet) {
        let mut longest = Vec::with_capacity(self.kinds.len() + 1);
        let mut at = 0;
        for kind in &self.kinds {
            longest.push(at);
            at += match kind {
                Kind::Fixed(bytes) => *bytes,
                Kind::Align(align) => *align,
                Kind::Group(_) => self.bundle,
                Kind::Short(bytes, _) => bytes + GROWTH_MAX,
            };
        }
        longest.push(at);
        for index in 0..self.kinds.len() {
            let Kind::Short(_, label) = self.kinds[index] else { continue };
            let target = self.label_items[label.index()].min(self.kinds.len());
            let distance = i64::from(longest[target]) - i64::from(longest[index + 1]);
            if i8::try_from(distance).is_err() {
                self.grow(lowered, index, features);
            }
        }
    }
}

/// How much the items have grown, with sums over those before a place: P. Fenwick, "A new data
/// structure for cumulative frequency tables" (1994).
struct Growth(Vec<u32>);

impl Growth {
    fn of(items: usize) -> Growth {
        Growth(vec![0; items + 1])
    }

    fn add(&mut self, item: usize, bytes: u32) {
        let mut at = item + 1;
        while at < self.0.len() {
            self.0[at] += bytes;
            at += at & at.wrapping_neg();
        }
    }

    /// The growth of all items before `item`.
    fn before(&self, item: usize) -> u32 {
        let mut sum = 0;
        let mut at = item;
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}
