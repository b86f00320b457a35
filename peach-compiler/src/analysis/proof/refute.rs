//! Refutation: that no whole numbers satisfy some inequalities.
//!
//! In: inequalities (`linear >= 0`), equations and disequalities. Out: that they contradict each
//! other; or whole numbers that satisfy them; or neither. Equations are solved, every inequality is
//! divided by the common divisor of its factors and its constant rounded (no whole number is lost
//! by that), and symbols are eliminated one by one (J. Fourier 1826, T. Motzkin 1936; H. Williams,
//! "Fourier-Motzkin elimination extension to integer programming problems", 1976) until a number
//! remains that is negative. Each derived inequality follows from two others, so that a refutation
//! is a proof. What overflows is left out, what follows from others may be left out, and the work
//! is bounded: that can lose a proof, never make one.

use super::linear::{Linear, Symbol, Symbols, gcd};
use super::rows::{Bound, Rows, divisor};
use crate::sorted::{SortedMap, SortedSet};
use std::rc::Rc;

/// How many inequalities one refutation may derive.
const WORK: usize = 4_000;

/// Whole numbers for symbols.
pub(super) type Model = SortedMap<Symbol, i128>;

/// What came of an attempt.
pub(super) enum Answer {
    /// No whole numbers satisfy the system.
    Refuted,
    /// It is not known that there are none. These are some, but for disequalities.
    Open(Option<Model>),
}

/// Inequalities, equations and disequalities.
#[derive(Clone, Default)]
pub(super) struct System {
    pub at_least_zero: Vec<Linear>,
    pub zero: Vec<Linear>,
    pub not_zero: Vec<Linear>,
}

/// Inequalities and disequalities to be refuted.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    /// All inequalities.
    all: Vec<Rc<Linear>>,
    rows: Rows,
    not_zero: Vec<Linear>,
    is_contradictory: bool,
}

impl Problem {
    /// Adds `linear >= 0`.
    pub fn add(&mut self, linear: Linear) {
        let (linear, number) = (Rc::new(linear), self.all.len());
        let sources = u32::try_from(number).ok().and_then(|number| 1u128.checked_shl(number));
        self.is_contradictory |= self.rows.add(linear.clone(), sources);
        self.all.push(linear);
    }

    /// Adds `linear ≠ 0`.
    pub fn add_not_zero(&mut self, linear: Linear) {
        self.is_contradictory |= linear == Linear::default();
        self.not_zero.push(linear);
    }

    /// Adds what another one has.
    pub fn merge(&mut self, other: &Problem) {
        other.all.iter().for_each(|linear| self.add(Linear::clone(linear)));
        self.not_zero.extend(other.not_zero.iter().cloned());
        self.is_contradictory |= other.is_contradictory;
    }

    /// Tries to refute it. Disequalities are split on so often.
    pub fn refute(mut self, splits: u32, symbols: &Symbols) -> Answer {
        if self.is_contradictory {
            return Answer::Refuted;
        }
        let model = match self.eliminate(symbols) {
            Answer::Refuted => return Answer::Refuted,
            Answer::Open(model) => model,
        };
        // A disequality is one of two inequalities. Which of them matters, a model tells.
        let violated = match &model {
            Some(model) => self.not_zero.iter().position(|linear| value(linear, model) == Some(0)),
            None => self.not_zero.len().checked_sub(1),
        };
        let Some(split) = violated.filter(|_| splits > 0) else {
            let holds = |linear: &Linear| value(linear, model.as_ref()?).map(|value| value != 0);
            let is_model = self.not_zero.iter().all(|linear| holds(linear) == Some(true));
            return Answer::Open(model.filter(|_| is_model));
        };
        let split = self.not_zero.swap_remove(split);
        let below = split.times(-1).and_then(|negated| negated.offset(-1));
        let (Some(below), Some(above)) = (below, split.offset(-1)) else {
            return Answer::Open(None);
        };
        let mut other = self.clone();
        self.add(above);
        match self.refute(splits - 1, symbols) {
            Answer::Refuted => {
                other.add(below);
                other.refute(splits - 1, symbols)
            }
            open => open,
        }
    }

    /// Looks at inequalities alone. What has more sources than symbols are gone is not derived: it
    /// follows from what has fewer (D. Kohler, "Projections of convex polyhedral sets", 1967), if
    /// nothing else was left out.
    fn eliminate(&self, symbols: &Symbols) -> Answer {
        let mut rows = self.rows.clone();
        let mut work = 0;
        let mut steps: Vec<(Symbol, Vec<Bound>, Vec<Bound>)> = Vec::new();
        while let Some(symbol) = rows.cheapest() {
            if !symbols.spend(8 * rows.len()) {
                return Answer::Open(None);
            }
            let (above, below) = rows.take(symbol);
            for up in &above {
                for down in &below {
                    let sources = up.sources.zip(down.sources).map(|(a, b)| a | b);
                    let has_many = |sources: u128| sources.count_ones() as usize > steps.len() + 2;
                    if sources.is_some_and(has_many) {
                        continue;
                    }
                    work += 1;
                    let length = up.linear.terms.len() + down.linear.terms.len();
                    if work > WORK || !symbols.spend(2 * length) {
                        return Answer::Open(None);
                    }
                    let Some(sum) = sum_without(up, down) else { continue };
                    // Bounds stay as long as their symbols, and say this already.
                    let is_implied = || sum.least(symbols).is_some_and(|least| least >= 0);
                    if (sum.terms.is_empty() || !is_implied()) && rows.add(Rc::new(sum), sources) {
                        return Answer::Refuted;
                    }
                }
            }
            steps.push((symbol, above, below));
        }
        let model = model(&steps);
        let holds = |model: &Model| {
            self.all.iter().all(|linear| value(linear, model).is_some_and(|value| value >= 0))
        };
        Answer::Open(model.filter(holds))
    }
}

impl System {
    /// Adds the bounds of all symbols that are named.
    pub fn add_bounds(&mut self, symbols: &Symbols) {
        let all = self.at_least_zero.iter().chain(&self.zero).chain(&self.not_zero);
        let named: SortedSet<Symbol> = all.flat_map(Linear::symbols).collect();
        self.at_least_zero.extend(named.into_iter().flat_map(|symbol| bounds(symbol, symbols)));
    }

    /// Solves equations for a symbol whose factor is 1 or -1, and what is left of them becomes two
    /// inequalities each. Whether that shows a contradiction.
    pub fn solve_equations(&mut self, solved: &mut Vec<(Symbol, Linear)>) -> bool {
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
                for at in (0..list.len()).rev() {
                    if list[at].factor(symbol) != 0 {
                        match list[at].substitute(symbol, &value) {
                            Some(linear) => list[at] = linear,
                            None => drop(list.swap_remove(at)),
                        }
                    }
                }
            };
            replace(&mut self.zero);
            replace(&mut self.at_least_zero);
            replace(&mut self.not_zero);
            for (_, known) in solved.iter_mut().filter(|(_, known)| known.factor(symbol) != 0) {
                if let Some(better) = known.substitute(symbol, &value) {
                    *known = better;
                }
            }
            solved.push((symbol, value.clone()));
            // An equation that had no unit factor may have one now.
            self.zero.extend(unsolved.drain(..).filter_map(|l| l.substitute(symbol, &value)));
        }
        for equation in unsolved {
            self.at_least_zero.extend(equation.times(-1));
            self.at_least_zero.push(equation);
        }
        self.not_zero.iter().any(|linear| *linear == Linear::default())
    }
}

/// The bounds of a symbol, as inequalities.
pub(super) fn bounds(symbol: Symbol, symbols: &Symbols) -> impl Iterator<Item = Linear> {
    let info = symbols.info(symbol);
    let above = info.min.and_then(|min| Linear::from(symbol).offset(min.checked_neg()?));
    let below = info.max.and_then(|max| Linear::from(symbol).times(-1)?.offset(max));
    above.into_iter().chain(below)
}

/// What `linear` is under a model, if that gives all of its symbols a value.
pub(super) fn value(linear: &Linear, model: &Model) -> Option<i128> {
    linear.terms.iter().try_fold(linear.constant, |sum, (symbol, factor)| {
        sum.checked_add(model.get(symbol)?.checked_mul(*factor)?)
    })
}

/// What follows from a lower and an upper bound of a symbol, without it.
fn sum_without(up: &Bound, down: &Bound) -> Option<Linear> {
    let common = gcd(up.factor, down.factor);
    let scaled = up.linear.times(-down.factor / common)?;
    scaled.add_scaled(&down.linear, up.factor / common)
}

/// Whole numbers between the bounds of each symbol, from the last that was eliminated on.
fn model(steps: &[(Symbol, Vec<Bound>, Vec<Bound>)]) -> Option<Model> {
    let mut model = Model::new();
    for (symbol, above, below) in steps.iter().rev() {
        model.insert(*symbol, 0);
        let (mut least, mut most) = (i128::MIN, i128::MAX);
        for bound in above {
            let rest = value(&bound.linear, &model)?;
            least = least.max(-rest.div_euclid(bound.factor));
        }
        for bound in below {
            let rest = value(&bound.linear, &model)?;
            most = most.min(rest.div_euclid(-bound.factor));
        }
        if least > most {
            return None;
        }
        model.insert(*symbol, 0.clamp(least, most));
    }
    Some(model)
}
