//! The decision procedure: does an inequality follow from others, over the whole numbers?
//!
//! In: facts (`linear >= 0`, `= 0`, `≠ 0`) and the bounds of symbols. Out: yes, or "not shown". A
//! goal is shown by [refuting](super::refute) its negation.

use super::linear::{Linear, Symbols};
use super::prepared::Prepared;
use super::rows::tightened;
use std::cell::OnceCell;
use std::rc::Rc;

/// How many inequalities are many: more than an unrolled loop of a real kernel knows.
const MANY: usize = 640;

/// How many facts about one sum are kept, and how many of its values are ruled out one by one. Of
/// few, a weaker one may be what a loop keeps true.
const OF_ONE_SUM: usize = 8;

/// What is known at one place.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    pub(super) at_least_zero: Vec<Linear>,
    pub(super) zero: Vec<Linear>,
    pub(super) not_zero: Vec<Linear>,
    /// All of it, once something was asked. Whatever changes what is known forgets it.
    prepared: OnceCell<Rc<Prepared>>,
}

impl Knowledge {
    /// Each is at least 0.
    pub fn at_least_zero(&self) -> &[Linear] {
        &self.at_least_zero
    }

    /// Each is 0.
    pub fn zero(&self) -> &[Linear] {
        &self.zero
    }

    /// Each is not 0.
    pub fn not_zero(&self) -> &[Linear] {
        &self.not_zero
    }

    /// How many facts there are.
    pub(super) fn len(&self) -> usize {
        self.at_least_zero.len() + self.zero.len() + self.not_zero.len()
    }

    /// Forgets the inequalities for which `keep` is false.
    pub(super) fn retain_at_least_zero(&mut self, keep: impl FnMut(&Linear) -> bool) {
        self.prepared.take();
        self.at_least_zero.retain(keep);
    }

    /// Forgets the equations for which `keep` is false.
    pub(super) fn retain_zero(&mut self, keep: impl FnMut(&Linear) -> bool) {
        self.prepared.take();
        self.zero.retain(keep);
    }

    /// Forgets the disequalities for which `keep` is false.
    pub(super) fn retain_not_zero(&mut self, keep: impl FnMut(&Linear) -> bool) {
        self.prepared.take();
        self.not_zero.retain(keep);
    }

    /// What is known has changed.
    pub(super) fn changed(&mut self) {
        self.prepared.take();
    }

    /// It as it is now, for many questions.
    pub(super) fn prepared(&self, symbols: &Symbols) -> &Prepared {
        let Knowledge { at_least_zero, zero, not_zero, prepared } = self;
        prepared.get_or_init(|| Rc::new(Prepared::of(at_least_zero, zero, not_zero, symbols)))
    }

    /// `linear >= 0`.
    pub fn assume_at_least_zero(&mut self, linear: Linear) {
        let linear = tightened(linear);
        if linear.terms.is_empty() && linear.constant >= 0 {
            return;
        }
        self.prepared.take();
        // Where many are known, the strongest about a sum says what the others do.
        let most = if self.at_least_zero.len() >= MANY { 1 } else { OF_ONE_SUM };
        let alike = self.at_least_zero.iter_mut().filter(|known| known.terms == linear.terms);
        let mut alike: Vec<&mut i128> = alike.map(|known| &mut known.constant).collect();
        let is_known = alike.iter().any(|known| **known == linear.constant);
        if alike.len() < most && !is_known {
            self.at_least_zero.push(linear);
        } else if let (Some(last), false) = (alike.pop(), is_known) {
            // Of the others, one may be stronger than this one.
            *last = linear.constant.min(*last);
        }
    }

    /// `linear >= 0`, which nothing has shown: a stronger one may be wrong, and is no substitute.
    pub fn propose_at_least_zero(&mut self, linear: Linear) {
        self.prepared.take();
        push_new(&mut self.at_least_zero, tightened(linear));
    }

    /// `linear = 0`.
    pub fn assume_zero(&mut self, linear: Linear) {
        if linear != Linear::default() {
            self.prepared.take();
            push_new(&mut self.zero, linear);
        }
    }

    /// `linear ≠ 0`.
    pub fn assume_not_zero(&mut self, linear: Linear) {
        self.prepared.take();
        let alike = |known: &Linear| known.terms == linear.terms;
        if self.not_zero.iter().filter(|known| alike(known)).count() >= OF_ONE_SUM {
            let oldest = self.not_zero.iter().position(alike);
            oldest.map(|oldest| self.not_zero.remove(oldest));
        }
        push_new(&mut self.not_zero, linear);
    }

    /// Whether `goal >= 0` is shown.
    pub fn shows(&self, symbols: &Symbols, goal: &Linear) -> bool {
        goal.least(symbols).is_some_and(|min| min >= 0)
            || self.prepared(symbols).shows(goal, symbols)
    }

    /// Whether `goal = 0` is shown.
    pub fn shows_zero(&self, symbols: &Symbols, goal: &Linear) -> bool {
        *goal == Linear::default() || self.prepared(symbols).shows_zero(goal, symbols)
    }

    /// Whether `value ≠ 0` is shown.
    pub fn shows_not_zero(&self, symbols: &Symbols, value: &Linear) -> bool {
        if let Some(number) = value.as_constant() {
            return number != 0;
        }
        if self.not_zero.contains(value) || self.is_above_or_below_zero(symbols, value) {
            return true;
        }
        // If it were 0, nothing would hold.
        let mut if_zero = self.clone();
        if_zero.assume_zero(value.clone());
        if_zero.prepared(symbols).is_impossible(value, symbols)
    }

    fn is_above_or_below_zero(&self, symbols: &Symbols, value: &Linear) -> bool {
        let below = value.times(-1).and_then(|negated| negated.offset(-1));
        value.offset(-1).is_some_and(|above| self.shows(symbols, &above))
            || below.is_some_and(|below| self.shows(symbols, &below))
    }
}

fn push_new(list: &mut Vec<Linear>, linear: Linear) {
    if !list.contains(&linear) {
        list.push(linear);
    }
}
