//! The decision procedure: does an inequality follow from others, over the whole numbers?
//!
//! In: facts (`linear >= 0`, `= 0`, `≠ 0`) and the bounds of symbols. Out: yes, or "not shown". A
//! goal is shown by refuting its negation: equations are solved, every inequality is divided by the
//! common divisor of its factors and its constant rounded (no whole number is lost by that), and
//! symbols are eliminated one by one (J. Fourier 1826, T. Motzkin 1936; H. Williams,
//! "Fourier-Motzkin elimination extension to integer programming problems", 1976) until a number
//! remains that is negative. Each derived inequality follows from two others, so that a refutation
//! is a proof. What overflows is left out and the work is bounded: that can lose a proof, never
//! make one.

use super::linear::{Linear, Symbol, Symbols};
use crate::sorted::{self, SortedMap};
use std::collections::{HashMap, HashSet};

/// How many inequalities one refutation may derive.
const WORK: usize = 4_000;

/// How many inequalities are many: more than an unrolled loop of a real kernel knows.
const MANY: usize = 640;

/// How many facts about one sum are kept, and how many of its values are ruled out one by one. Of
/// few, a weaker one may be what a loop keeps true.
const OF_ONE_SUM: usize = 8;

/// How many values a counterexample may cost.
const TRIES: u32 = 20_000;

/// How many disequalities and unknown signs a refutation may split on.
const SPLITS: u32 = 3;

/// What is known at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// Each is at least 0.
    pub at_least_zero: Vec<Linear>,
    /// Each is 0.
    pub zero: Vec<Linear>,
    /// Each is not 0.
    pub not_zero: Vec<Linear>,
}

impl Knowledge {
    /// `linear >= 0`.
    pub fn assume_at_least_zero(&mut self, linear: Linear) {
        let linear = tightened(linear);
        if linear.terms.is_empty() && linear.constant >= 0 {
            return;
        }
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
        push_new(&mut self.at_least_zero, tightened(linear));
    }

    /// `linear = 0`.
    pub fn assume_zero(&mut self, linear: Linear) {
        if linear != Linear::default() {
            push_new(&mut self.zero, linear);
        }
    }

    /// `linear ≠ 0`.
    pub fn assume_not_zero(&mut self, linear: Linear) {
        let alike = |known: &Linear| known.terms == linear.terms;
        if self.not_zero.iter().filter(|known| alike(known)).count() >= OF_ONE_SUM {
            let oldest = self.not_zero.iter().position(alike);
            oldest.map(|oldest| self.not_zero.remove(oldest));
        }
        push_new(&mut self.not_zero, linear);
    }

    /// Whether `goal >= 0` is shown.
    pub fn shows(&self, symbols: &Symbols, goal: &Linear) -> bool {
        if goal.least(symbols).is_some_and(|min| min >= 0) {
            return true;
        }
        if !symbols.spend(self.at_least_zero.len() * (goal.terms.len() + 1)) {
            return false;
        }
        let follows_from = |fact: &Linear| {
            goal.minus(fact).and_then(|rest| rest.least(symbols)).is_some_and(|min| min >= 0)
        };
        if self.at_least_zero.iter().any(follows_from) {
            return true;
        }
        let Some(negated) = goal.times(-1).and_then(|goal| goal.offset(-1)) else { return false };
        self.refutes(symbols, negated)
    }

    /// Whether `goal = 0` is shown.
    pub fn shows_zero(&self, symbols: &Symbols, goal: &Linear) -> bool {
        let negated = goal.times(-1);
        *goal == Linear::default()
            || self.shows(symbols, goal)
                && negated.is_some_and(|negated| self.shows(symbols, &negated))
    }

    /// Whether `value ≠ 0` is shown.
    pub fn shows_not_zero(&self, symbols: &Symbols, value: &Linear) -> bool {
        if let Some(number) = value.as_constant() {
            return number != 0;
        }
        let mut if_zero = self.clone();
        if_zero.assume_zero(value.clone());
        if_zero.refutes(symbols, value.clone())
    }

    /// Small values under which `goal` is negative although all that is known holds, if a few tries
    /// find some.
    pub fn counterexample(&self, symbols: &Symbols, goal: &Linear) -> Option<Vec<(Symbol, i128)>> {
        let negated = goal.times(-1)?.offset(-1)?;
        let system = System::of(self, symbols, Some(negated))?;
        let all = system.at_least_zero.iter().chain(&system.zero).chain(&system.not_zero);
        let mut named: Vec<Symbol> = Vec::new();
        for symbol in all.flat_map(Linear::symbols) {
            if !named.contains(&symbol) {
                named.push(symbol);
            }
        }
        let mut values = Vec::new();
        let mut tries = TRIES;
        system.satisfy(&named, &mut values, &mut tries).then_some(values)
    }

    /// Whether `assumption >= 0` contradicts what is known.
    fn refutes(&self, symbols: &Symbols, assumption: Linear) -> bool {
        System::of(self, symbols, Some(assumption))
            .is_some_and(|system| system.refute(SPLITS, symbols))
    }
}

fn push_new(list: &mut Vec<Linear>, linear: Linear) {
    if !list.contains(&linear) {
        list.push(linear);
    }
}

/// Inequalities, equations and disequalities to be refuted.
#[derive(Clone, Default)]
struct System {
    at_least_zero: Vec<Linear>,
    zero: Vec<Linear>,
    not_zero: Vec<Linear>,
}

impl System {
    /// Gives the symbols small values that satisfy everything.
    fn satisfy(
        &self,
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
            if self.may_hold(values) && self.satisfy(rest, values, tries) {
                return true;
            }
            values.pop();
        }
        false
    }

    /// Whether nothing whose symbols all have values is violated.
    fn may_hold(&self, values: &[(Symbol, i128)]) -> bool {
        let value = |linear: &Linear| -> Option<i128> {
            linear.terms.iter().try_fold(linear.constant, |sum, term| {
                let of = values.iter().rev().find(|(symbol, _)| *symbol == term.0)?.1;
                sum.checked_add(of.checked_mul(term.1)?)
            })
        };
        self.at_least_zero.iter().all(|linear| value(linear).is_none_or(|value| value >= 0))
            && self.zero.iter().all(|linear| value(linear).is_none_or(|value| value == 0))
            && self.not_zero.iter().all(|linear| value(linear).is_none_or(|value| value != 0))
    }

    /// What of `knowledge` shares symbols with `assumption`, directly or through other facts, with
    /// the bounds of the symbols; all of it without an assumption.
    fn of(knowledge: &Knowledge, symbols: &Symbols, assumption: Option<Linear>) -> Option<System> {
        let mut system = System::default();
        let takes_all = assumption.is_none();
        let mut reached: HashSet<Symbol> = HashSet::new();
        let mut used = [
            vec![false; knowledge.at_least_zero.len()],
            vec![false; knowledge.zero.len()],
            vec![false; knowledge.not_zero.len()],
        ];
        if let Some(assumption) = assumption {
            reached.extend(assumption.symbols());
            system.at_least_zero.push(assumption);
        }
        loop {
            let mut grew = false;
            let lists = [&knowledge.at_least_zero, &knowledge.zero, &knowledge.not_zero];
            if !symbols.spend(2 * lists.iter().map(|list| list.len()).sum::<usize>()) {
                return None;
            }
            for (list, used) in lists.into_iter().zip(&mut used) {
                for (fact, used) in list.iter().zip(used) {
                    let touches = takes_all
                        || fact.terms.is_empty()
                        || fact.symbols().any(|symbol| reached.contains(&symbol));
                    if !*used && touches {
                        *used = true;
                        grew = true;
                        reached.extend(fact.symbols());
                    }
                }
            }
            if !grew {
                break;
            }
        }
        let chosen = |list: &[Linear], used: &[bool]| -> Vec<Linear> {
            list.iter().zip(used).filter(|(_, used)| **used).map(|(fact, _)| fact.clone()).collect()
        };
        system.at_least_zero.extend(chosen(&knowledge.at_least_zero, &used[0]));
        system.zero = chosen(&knowledge.zero, &used[1]);
        system.not_zero = chosen(&knowledge.not_zero, &used[2]);
        system.add_bounds(symbols)?;
        Some(system)
    }

    fn add_bounds(&mut self, symbols: &Symbols) -> Option<()> {
        let all = self.at_least_zero.iter().chain(&self.zero).chain(&self.not_zero);
        let mut named: Vec<Symbol> =
            all.flat_map(|linear| linear.terms.iter().map(|term| term.0)).collect();
        sorted::sort(&mut named);
        named.dedup();
        for symbol in named {
            let info = symbols.info(symbol);
            if let Some(min) = info.min {
                self.at_least_zero.push(Linear::from(symbol).offset(min.checked_neg()?)?);
            }
            if let Some(max) = info.max {
                self.at_least_zero.push(Linear::from(symbol).times(-1)?.offset(max)?);
            }
        }
        Some(())
    }

    /// Whether no whole numbers satisfy it.
    fn refute(mut self, splits: u32, symbols: &Symbols) -> bool {
        if self.solve_equations() || self.clone().eliminate(symbols) {
            return true;
        }
        // A disequality is one of two inequalities.
        if splits == 0 {
            return false;
        }
        let Some(split) = self.not_zero.pop() else { return false };
        let Some(below) = split.times(-1).and_then(|negated| negated.offset(-1)) else {
            return false;
        };
        let Some(above) = split.offset(-1) else { return false };
        let mut other = self.clone();
        self.at_least_zero.push(above);
        other.at_least_zero.push(below);
        self.refute(splits - 1, symbols) && other.refute(splits - 1, symbols)
    }

    /// Solves equations for a symbol whose factor is 1 or -1, and what is left of them becomes two
    /// inequalities each. Whether that shows a contradiction.
    fn solve_equations(&mut self) -> bool {
        let mut unsolved = Vec::new();
        while let Some(equation) = self.zero.pop() {
            let divisor = divisor(&equation.terms);
            if divisor == 0 {
                if equation.constant != 0 {
                    return true;
                }
                continue;
            }
            if equation.constant % divisor != 0 {
                return true;
            }
            let equation = Linear {
                terms: equation.terms.iter().map(|&(s, factor)| (s, factor / divisor)).collect(),
                constant: equation.constant / divisor,
            };
            let unit = equation.terms.iter().copied().find(|term| term.1.abs() == 1);
            let Some((symbol, factor)) = unit else {
                unsolved.push(equation);
                continue;
            };
            // symbol = -(rest) * factor, since the factor is its own inverse.
            let rest = equation.substitute(symbol, &Linear::default());
            let Some(value) = rest.and_then(|rest| rest.times(-factor)) else { continue };
            // What a substitution makes too large is left out: that only loses knowledge.
            let replace = |list: &mut Vec<Linear>| {
                *list = list.drain(..).filter_map(|l| l.substitute(symbol, &value)).collect();
            };
            replace(&mut self.zero);
            replace(&mut self.at_least_zero);
            replace(&mut self.not_zero);
            // An equation that had no unit factor may have one now.
            self.zero.extend(unsolved.drain(..).filter_map(|l| l.substitute(symbol, &value)));
        }
        for equation in unsolved {
            self.at_least_zero.extend(equation.times(-1));
            self.at_least_zero.push(equation);
        }
        self.not_zero.iter().any(|linear| *linear == Linear::default())
    }

    /// Whether the inequalities alone are impossible.
    fn eliminate(self, symbols: &Symbols) -> bool {
        let mut rows = Rows::default();
        for linear in self.at_least_zero {
            if rows.add(linear) {
                return true;
            }
        }
        let mut work = 0;
        while let Some(symbol) = rows.cheapest() {
            if !symbols.spend(8 * rows.0.len()) {
                return false;
            }
            let (above, below) = rows.take(symbol);
            for (up, factor_up) in &above {
                for (down, factor_down) in &below {
                    work += 1;
                    if work > WORK || !symbols.spend(2 * (up.terms.len() + down.terms.len())) {
                        return false;
                    }
                    let common = gcd(*factor_up, *factor_down);
                    let sum = up
                        .times(-factor_down / common)
                        .and_then(|scaled| scaled.add_scaled(down, factor_up / common));
                    if sum.is_some_and(|sum| rows.add(sum)) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// Inequalities that bound a symbol, with its factors.
type Bounds = Vec<(Linear, i128)>;

/// Inequalities, of each sum the strongest alone.
#[derive(Default)]
struct Rows(HashMap<Vec<(Symbol, i128)>, i128>);

impl Rows {
    /// Adds `linear >= 0`; whether that is a contradiction.
    fn add(&mut self, linear: Linear) -> bool {
        if linear.terms.is_empty() {
            return linear.constant < 0;
        }
        let Linear { terms, constant } = tightened(linear);
        let opposite: Vec<_> = terms.iter().map(|&(s, factor)| (s, -factor)).collect();
        let is_contradiction = self
            .0
            .get(&opposite)
            .is_some_and(|other| other.checked_add(constant).is_some_and(|sum| sum < 0));
        let known = self.0.entry(terms).or_insert(constant);
        *known = constant.min(*known);
        is_contradiction
    }

    /// The symbol to eliminate next. Where one of any two factors is 1, no whole numbers are lost
    /// (W. Pugh, "The Omega test", 1991), so these come first; then that which makes the fewest new
    /// inequalities.
    fn cheapest(&self) -> Option<Symbol> {
        let mut counts: SortedMap<Symbol, Occurrences> = SortedMap::new();
        for (symbol, factor) in self.0.keys().flatten() {
            let found = counts.get_or_default(*symbol);
            match *factor > 0 {
                true => found.above += 1,
                false => found.below += 1,
            }
            found.has_large_above |= *factor > 1;
            found.has_large_below |= *factor < -1;
        }
        counts.into_iter().min_by_key(|(_, found)| found.cost()).map(|(symbol, _)| symbol)
    }

    /// Takes out what names `symbol`: lower bounds and upper bounds, with its factors.
    fn take(&mut self, symbol: Symbol) -> (Bounds, Bounds) {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        self.0.retain(|terms, constant| {
            let linear = Linear { terms: terms.clone(), constant: *constant };
            match linear.factor(symbol) {
                0 => return true,
                factor if factor > 0 => above.push((linear, factor)),
                factor => below.push((linear, factor)),
            }
            false
        });
        // The same source is to be judged the same on every machine.
        sorted::sort(&mut above);
        sorted::sort(&mut below);
        (above, below)
    }
}

/// How a symbol occurs in inequalities.
#[derive(Default)]
struct Occurrences {
    above: usize,
    below: usize,
    has_large_above: bool,
    has_large_below: bool,
}

impl Occurrences {
    fn cost(&self) -> (bool, i64) {
        let is_lossy = self.has_large_above && self.has_large_below;
        let (above, below) = (self.above as i64, self.below as i64);
        (is_lossy, above * below - above - below)
    }
}

/// The same inequality, divided by what its factors have in common.
pub fn tightened(linear: Linear) -> Linear {
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
fn divisor(terms: &[(Symbol, i128)]) -> i128 {
    terms.iter().fold(0, |divisor, term| gcd(divisor, term.1))
}

pub fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
