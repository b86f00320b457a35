//! What is known at a place, made ready for many questions.
//!
//! Equations are solved once; inequalities are sorted by the symbols that they share, directly or
//! through others, since nothing else takes part in a refutation; and answers are remembered.

use super::linear::{Linear, Symbol, Symbols};
use super::refute::{Answer, Model, Problem, System, bounds, value};
use super::rows::tightened;
use crate::sorted::SortedMap;
use std::cell::RefCell;

/// How many disequalities a refutation may split on.
const SPLITS: u32 = 3;

/// How many models are kept.
const MODELS: usize = 12;

/// What is known at a place.
#[derive(Debug)]
pub(super) struct Prepared {
    solved: Vec<(Symbol, Linear)>,
    /// By symbol: which of the parts it is in.
    part_of: SortedMap<Symbol, usize>,
    /// What is known of symbols that have to do with each other, with their bounds.
    parts: Vec<Problem>,
    is_contradictory: bool,
    /// By the terms of a sum: what was found of the sum with constants.
    found: RefCell<SortedMap<Vec<(Symbol, i128)>, Found>>,
    /// Values under which all of a part holds: what is negative under one is not shown.
    models: RefCell<Vec<Model>>,
}

/// Of a sum: with which constants it is at least 0.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// The least with which that is shown.
    shown: Option<i128>,
    /// The greatest with which it is not.
    open: Option<i128>,
    /// How much less is asked for at once.
    stride: i128,
}

impl Prepared {
    pub fn of(
        at_least_zero: &[Linear],
        zero: &[Linear],
        not_zero: &[Linear],
        symbols: &Symbols,
    ) -> Prepared {
        let mut system = System {
            at_least_zero: at_least_zero.to_vec(),
            zero: zero.to_vec(),
            not_zero: not_zero.to_vec(),
        };
        symbols.spend(4 * at_least_zero.len());
        let mut solved = Vec::new();
        let is_contradictory = system.solve_equations(&mut solved);
        for (symbol, _) in &solved {
            let bounds = bounds(*symbol, symbols);
            system.at_least_zero.extend(bounds.filter_map(|bound| bound.substitute_all(&solved)));
        }
        let mut prepared = Prepared {
            solved,
            part_of: SortedMap::new(),
            parts: Vec::new(),
            is_contradictory,
            found: RefCell::default(),
            models: RefCell::default(),
        };
        prepared.sort(system, symbols);
        prepared
    }

    /// Distributes what is known over parts that share no symbols.
    fn sort(&mut self, system: System, symbols: &Symbols) {
        let mut groups = Groups::default();
        let all = || system.at_least_zero.iter().chain(&system.not_zero);
        all().for_each(|fact| groups.join(fact));
        let mut numbers: SortedMap<Symbol, usize> = SortedMap::new();
        let named: Vec<Symbol> = groups.0.keys().copied().collect();
        for symbol in named {
            let number = numbers.len();
            let part = *numbers.get_or_insert(groups.first(symbol), number);
            if part == self.parts.len() {
                self.parts.push(Problem::default());
            }
            self.part_of.insert(symbol, part);
        }
        for fact in system.at_least_zero {
            match fact.terms.first().map(|term| self.part_of[&term.0]) {
                Some(part) => {
                    self.note(&fact);
                    self.parts[part].add(fact);
                }
                None => self.is_contradictory |= fact.constant < 0,
            }
        }
        for fact in system.not_zero {
            match fact.terms.first().map(|term| self.part_of[&term.0]) {
                Some(part) => self.parts[part].add_not_zero(fact),
                None => self.is_contradictory |= fact.constant == 0,
            }
        }
        for (&symbol, &part) in &self.part_of {
            bounds(symbol, symbols).for_each(|bound| self.parts[part].add(bound));
        }
    }

    /// A fact is shown.
    fn note(&self, fact: &Linear) {
        let fact = tightened(fact.clone());
        let mut found = self.found.borrow_mut();
        let of = found.get_or_default(fact.terms);
        of.shown = Some(of.shown.map_or(fact.constant, |shown| shown.min(fact.constant)));
    }

    /// `linear` in terms of what equations leave.
    pub fn normal(&self, linear: &Linear) -> Option<Linear> {
        linear.substitute_all(&self.solved)
    }

    /// Whether `goal >= 0` is shown.
    pub fn shows(&self, goal: &Linear, symbols: &Symbols) -> bool {
        let is_above = |goal: &Linear| goal.least(symbols).is_some_and(|least| least >= 0);
        if self.is_contradictory || is_above(goal) {
            return true;
        }
        if !symbols.spend(goal.terms.len() + 1) {
            return false;
        }
        let Some(goal) = self.normal(goal).map(tightened) else { return false };
        if is_above(&goal) {
            return true;
        }
        let found = self.found.borrow().get(&goal.terms).copied().unwrap_or_default();
        if found.shown.is_some_and(|shown| goal.constant >= shown) {
            return true;
        }
        if found.open.is_some_and(|open| goal.constant <= open) {
            return false;
        }
        let is_shown = self.ask(&goal, symbols);
        if is_shown && let Some(shown) = found.shown {
            self.ask_more(goal, shown, symbols);
        }
        is_shown
    }

    /// Of a sum about which is asked again and again, with constants that go down, as accesses of
    /// an unrolled loop do, a smaller one may be shown at once.
    fn ask_more(&self, goal: Linear, shown: i128, symbols: &Symbols) {
        let mut found = self.found.borrow().get(&goal.terms).copied().unwrap_or_default();
        let before = found.stride;
        found.stride = (2 * before).max(4 * (shown - goal.constant));
        if let Some(of) = self.found.borrow_mut().get_mut(&goal.terms) {
            of.stride = found.stride;
        }
        // Twice may be by chance.
        let less = goal.constant.checked_sub(found.stride).filter(|_| before > 0);
        if let Some(constant) = less.filter(|less| found.open.is_none_or(|open| *less > open)) {
            self.ask(&Linear { constant, ..goal }, symbols);
        }
    }

    /// Looks for a refutation of the opposite, and remembers what came of it.
    fn ask(&self, goal: &Linear, symbols: &Symbols) -> bool {
        let is_shown = self.is_refuted_otherwise(goal, symbols);
        let mut found = self.found.borrow_mut();
        let of = found.get_or_default(goal.terms.clone());
        match is_shown {
            true => of.shown = Some(goal.constant),
            false => of.open = Some(goal.constant),
        }
        is_shown
    }

    fn is_refuted_otherwise(&self, goal: &Linear, symbols: &Symbols) -> bool {
        let is_below = |model: &Model| value(goal, model).is_some_and(|value| value < 0);
        if self.models.borrow().iter().any(is_below) {
            return false;
        }
        let Some(negated) = goal.times(-1).and_then(|goal| goal.offset(-1)) else { return false };
        let mut problem = self.problem(negated.symbols(), symbols);
        problem.add(negated);
        match problem.refute(SPLITS, symbols) {
            Answer::Refuted => true,
            Answer::Open(model) => {
                let mut models = self.models.borrow_mut();
                if models.len() < MODELS {
                    models.extend(model);
                }
                false
            }
        }
    }

    /// Whether nothing satisfies what has to do with the symbols of `sum`.
    pub fn is_impossible(&self, sum: &Linear, symbols: &Symbols) -> bool {
        let named = sum.symbols().filter_map(|symbol| self.normal(&symbol.into()));
        let named: Vec<Symbol> = named.flat_map(|sum| sum.symbols().collect::<Vec<_>>()).collect();
        let problem = self.problem(named.into_iter(), symbols);
        self.is_contradictory || matches!(problem.refute(SPLITS, symbols), Answer::Refuted)
    }

    /// Values under which `goal` is negative.
    pub fn model_against(&self, goal: &Linear, symbols: &Symbols) -> Option<Vec<(Symbol, i128)>> {
        let negated = self.normal(goal)?.times(-1)?.offset(-1)?;
        let mut problem = self.problem(negated.symbols(), symbols);
        problem.add(negated);
        match problem.refute(SPLITS, symbols) {
            Answer::Open(Some(mut model)) => {
                for (symbol, sum) in &self.solved {
                    if let Some(value) = value(sum, &model) {
                        model.insert(*symbol, value);
                    }
                }
                Some(model.into_iter().collect())
            }
            Answer::Open(None) | Answer::Refuted => None,
        }
    }

    /// What has to do with some symbols.
    fn problem(&self, named: impl Iterator<Item = Symbol>, symbols: &Symbols) -> Problem {
        let mut numbers: Vec<usize> = Vec::new();
        let mut free = Vec::new();
        for symbol in named {
            match self.part_of.get(&symbol) {
                None => free.extend(bounds(symbol, symbols)),
                Some(part) if !numbers.contains(part) => numbers.push(*part),
                Some(_) => {}
            }
        }
        let mut parts = numbers.into_iter().map(|part| &self.parts[part]);
        let mut problem = parts.next().cloned().unwrap_or_default();
        parts.for_each(|part| problem.merge(part));
        free.into_iter().for_each(|bound| problem.add(bound));
        problem
    }

    /// Whether `goal = 0` is shown.
    pub fn shows_zero(&self, goal: &Linear, symbols: &Symbols) -> bool {
        let negated = goal.times(-1);
        *goal == Linear::default()
            || self.shows(goal, symbols)
                && negated.is_some_and(|negated| self.shows(&negated, symbols))
    }
}

/// Symbols that have to do with each other: of each, another one, or itself if it is the first
/// (B. Galler and M. Fischer, "An improved equivalence algorithm", 1964).
#[derive(Default)]
struct Groups(SortedMap<Symbol, Symbol>);

impl Groups {
    fn first(&mut self, symbol: Symbol) -> Symbol {
        let mut first = symbol;
        while let Some(before) = self.0.get(&first).copied().filter(|before| *before != first) {
            first = before;
        }
        self.0.insert(symbol, first);
        first
    }

    /// Those of a sum have to do with each other.
    fn join(&mut self, sum: &Linear) {
        let mut symbols = sum.symbols();
        let Some(one) = symbols.next() else { return };
        let one = self.first(one);
        for symbol in symbols {
            let other = self.first(symbol);
            self.0.insert(other, one);
        }
    }
}
