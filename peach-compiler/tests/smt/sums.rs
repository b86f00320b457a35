//! Sums of symbols, and the values of symbols on one path.

use crate::script::Term;
use peach_compiler::analysis::record::{Claimed, Linear, Symbol};
use std::collections::{BTreeMap, BTreeSet};

/// Symbols that stand for what registers hold, from here on.
const REGISTERS: u32 = 1 << 30;

/// A sum of symbols with factors, modulo 2^128.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub terms: BTreeMap<Symbol, i128>,
    pub constant: i128,
}

impl Sum {
    pub fn of(linear: &Linear) -> Sum {
        Sum { terms: linear.terms.iter().copied().collect(), constant: linear.constant }
    }

    /// `factor * symbol + constant`.
    pub fn term(symbol: Symbol, factor: i128, constant: i128) -> Sum {
        Sum { terms: BTreeMap::from([(symbol, factor)]), constant }
    }

    fn add(&mut self, other: &Sum, factor: i128) {
        for (symbol, of) in &other.terms {
            let sum = self.terms.entry(*symbol).or_default();
            *sum = sum.wrapping_add(of.wrapping_mul(factor));
        }
        self.terms.retain(|_, factor| *factor != 0);
        self.constant = self.constant.wrapping_add(other.constant.wrapping_mul(factor));
    }

    /// With the values of symbols in their places, at once.
    pub fn with(&self, values: &BTreeMap<Symbol, Sum>) -> Sum {
        let mut sum = Sum { terms: BTreeMap::new(), constant: self.constant };
        for (symbol, factor) in &self.terms {
            match values.get(symbol) {
                Some(value) => sum.add(value, *factor),
                None => sum.add(&Sum::term(*symbol, 1, 0), *factor),
            }
        }
        sum
    }
}

/// The values of symbols on one path.
#[derive(Clone, Default)]
pub struct Values {
    pub known: BTreeMap<Symbol, Term>,
    /// Symbols that are not negative and fit into a word.
    pub words: BTreeSet<Symbol>,
    /// Symbols that are sums of others: registers are easier to compare than what they are made of.
    pub sums: BTreeMap<Symbol, Sum>,
}

impl Values {
    /// What starts where this is claimed.
    pub fn of(claim: &Claimed, fixed: &BTreeSet<Symbol>) -> Values {
        let mut values = Values::default();
        for (number, linear) in claim.values.values().enumerate() {
            let register = Symbol(REGISTERS + number as u32);
            values.name(register, &Sum::of(linear).with(&values.sums), fixed);
        }
        for fact in claim.knowledge.at_least_zero() {
            values.note_word(&Sum::of(fact).with(&values.sums), claim);
        }
        values
    }

    /// Lets `register` stand for the part of `sum` that is not `fixed`, if that has several terms.
    fn name(&mut self, register: Symbol, sum: &Sum, fixed: &BTreeSet<Symbol>) {
        let mut part = sum.clone();
        part.terms.retain(|symbol, _| !fixed.contains(symbol));
        let unit = part.terms.iter().find(|(_, factor)| factor.abs() == 1);
        let Some((&symbol, &factor)) = unit.filter(|_| part.terms.len() > 1) else { return };
        // symbol = (register - others) * factor
        let mut value = Sum::term(register, factor, 0);
        part.terms.remove(&symbol);
        value.add(&part, -factor);
        let known = BTreeMap::from([(symbol, value.clone())]);
        self.sums.values_mut().for_each(|sum| *sum = sum.with(&known));
        self.sums.insert(symbol, value);
    }

    /// Notes a symbol that is between 0 and 2^64.
    fn note_word(&mut self, below: &Sum, claim: &Claimed) {
        let one = below.terms.iter().next().filter(|_| below.terms.len() == 1);
        let Some((&symbol, -1)) = one else { return };
        let is_positive = claim.knowledge.at_least_zero().iter().any(|fact| {
            let sum = Sum::of(fact).with(&self.sums);
            sum.constant <= 0 && sum.terms == BTreeMap::from([(symbol, 1)])
        });
        if is_positive && below.constant < 1 << 64 {
            self.words.insert(symbol);
        }
    }
}
