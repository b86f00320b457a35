//! Forgetting: what is known of values that nothing holds any more.
//!
//! In: what is known at the end of a block, and the block that control goes to. Out: the same,
//! without registers that are not live there and without facts about what only they held. What such
//! facts say together of values that stay is kept, where a few eliminations show it. Without this
//! each part of a long function would be proven with all that its other parts knew: what has ended
//! stays related to what goes on through what both are compared with, the length of a slice.
//!
//! Dropping a fact loses knowledge, and makes none.

use super::decide::Knowledge;
use super::linear::{Linear, Symbol, Symbols, gcd};
use super::rows::tightened;
use super::state::{Flags, State};
use super::world::World;
use crate::sorted::SortedSet;
use std::collections::HashSet;

/// How many quotients are remembered that no register holds: an index may be computed twice.
const REMEMBERED: usize = 16;

/// How far from a value that is held facts are followed, from fact to fact.
const STEPS: usize = 4;

/// How many facts may come of one symbol's elimination.
const MOST_DERIVED: usize = 32;

/// How many facts are looked at for what they say together.
const MOST_COMBINED: usize = 64;

impl State {
    /// Forgets on the way from block `from` to `to` what is of no use from there on.
    pub(super) fn forget_dead(&mut self, from: u32, to: u32, world: &World<'_>) {
        let Some(live) = world.live_in(to) else { return };
        world.symbols.spend(self.size());
        self.registers.retain(|reg, _| live.contains(*reg));
        self.masks.retain(|reg, _| live.contains(*reg));
        let is_lasting = |symbol: Symbol| world.is_given(symbol) || world.is_open(symbol, from, to);
        let named = Kept { held: self.named_symbols(), is_lasting: &is_lasting };
        let mut kept = Kept { held: named.held.clone(), is_lasting: &is_lasting };
        kept.held.extend(self.compared_symbols());
        self.keep_quotients(&mut kept);
        kept.follow(&self.knowledge);
        self.divisions.retain(|d| kept.contains(d.quotient) && kept.contains_all(&d.value));
        self.low_bits.retain(|(value, bits)| {
            [value, &bits.first, &bits.end].into_iter().all(|sum| kept.contains_all(sum))
        });
        self.knowledge.project(&kept, &named, &world.symbols);
    }

    /// The symbols of what a place can name.
    fn named_symbols(&self) -> HashSet<Symbol> {
        let masks = self.masks.values().flat_map(|bits| [&bits.first, &bits.end]);
        let registers = self.registers.values().chain(self.locals.values()).chain(&self.pushed);
        registers.chain(masks).flat_map(Linear::symbols).collect()
    }

    /// The symbols of what the flags are of.
    fn compared_symbols(&self) -> impl Iterator<Item = Symbol> {
        let flags = match &self.flags {
            Flags::Unknown => [None, None],
            Flags::Compared { left, right, .. } | Flags::Added { left, right, .. } => {
                [Some(left), Some(right)]
            }
            Flags::Result { value, .. } => [Some(value), None],
            Flags::Shifted { value, source, .. } => [Some(value), Some(source)],
            Flags::Bit { source, .. } => [Some(source), None],
        };
        flags.into_iter().flatten().flat_map(Linear::symbols)
    }

    /// Keeps the quotients that were made last of values that can be named.
    fn keep_quotients(&self, kept: &mut Kept<'_>) {
        let (held, mut others) = (kept.held.clone(), Vec::new());
        for division in &self.divisions {
            if kept.contains_all(&division.value) && kept.held.insert(division.quotient) {
                others.push(division.quotient);
            }
        }
        kept.held = held;
        kept.held.extend(others.into_iter().rev().take(REMEMBERED));
    }
}

/// Which symbols are still of use.
struct Kept<'a> {
    held: HashSet<Symbol>,
    /// Whether a symbol is of use whatever registers hold.
    is_lasting: &'a dyn Fn(Symbol) -> bool,
}

impl Kept<'_> {
    fn contains(&self, symbol: Symbol) -> bool {
        self.held.contains(&symbol) || (self.is_lasting)(symbol)
    }

    fn contains_all(&self, sum: &Linear) -> bool {
        sum.symbols().all(|symbol| self.contains(symbol))
    }

    /// Adds what facts relate to a value that is held.
    fn follow(&mut self, knowledge: &Knowledge) {
        for _ in 0..STEPS {
            let related = |sum: &&Linear| {
                let mut held = sum.symbols().filter(|symbol| self.held.contains(symbol));
                held.next().is_some() && !self.contains_all(sum)
            };
            let facts = knowledge.at_least_zero.iter().chain(&knowledge.zero);
            let more: Vec<Symbol> = facts.filter(related).flat_map(Linear::symbols).collect();
            // What arrived with the call is related to everything.
            let before = self.held.len();
            self.held.extend(more.into_iter().filter(|symbol| !(self.is_lasting)(*symbol)));
            if self.held.len() == before {
                return;
            }
        }
    }
}

impl Knowledge {
    /// Keeps what names only symbols that are of use, and what follows for those that a place can
    /// name.
    fn project(&mut self, kept: &Kept<'_>, named: &Kept<'_>, symbols: &Symbols) {
        // A place can name only what is kept: all that goes is among these.
        let unnamed = |facts: &[Linear]| -> Vec<Linear> {
            facts.iter().filter(|fact| !named.contains_all(fact)).cloned().collect()
        };
        let mut facts =
            Facts { at_least_zero: unnamed(&self.at_least_zero), zero: unnamed(&self.zero) };
        self.changed();
        self.at_least_zero.retain(|fact| kept.contains_all(fact));
        self.zero.retain(|fact| kept.contains_all(fact));
        self.not_zero.retain(|fact| kept.contains_all(fact));
        if !(1..=MOST_COMBINED).contains(&(facts.at_least_zero.len() + facts.zero.len())) {
            return;
        }
        let symbols_of = facts.at_least_zero.iter().chain(&facts.zero).flat_map(Linear::symbols);
        let dead: SortedSet<Symbol> = symbols_of.filter(|s| !named.contains(*s)).collect();
        dead.into_iter().for_each(|symbol| facts.eliminate(symbol, symbols));
        facts.zero.into_iter().for_each(|fact| self.assume_zero(fact));
        for fact in facts.at_least_zero {
            if fact.least(symbols).is_none_or(|least| least < 0) {
                self.assume_at_least_zero(fact);
            }
        }
    }
}

/// Facts from which symbols are eliminated.
struct Facts {
    at_least_zero: Vec<Linear>,
    zero: Vec<Linear>,
}

impl Facts {
    /// Leaves what the facts say without `symbol`: by an equation, or by each pair of bounds
    /// (J. Fourier and T. Motzkin). Where that would be much, it is left out.
    fn eliminate(&mut self, symbol: Symbol, symbols: &Symbols) {
        symbols.spend(self.at_least_zero.len() + self.zero.len());
        self.add_bounds(symbol, symbols);
        let solvable = self.zero.iter().position(|sum| sum.factor(symbol).abs() == 1);
        if let Some(equation) = solvable.map(|at| self.zero.swap_remove(at)) {
            return self.substitute(symbol, &equation);
        }
        let names = |sum: &Linear| sum.factor(symbol) != 0;
        let (gone, zero): (Vec<_>, Vec<_>) = self.zero.drain(..).partition(names);
        self.zero = zero;
        let as_bounds = gone.into_iter().flat_map(|sum| [sum.times(-1), Some(sum)]);
        self.at_least_zero.extend(as_bounds.flatten());
        let (gone, rest): (Vec<_>, Vec<_>) = self.at_least_zero.drain(..).partition(names);
        self.at_least_zero = rest;
        let (above, below): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|sum| sum.factor(symbol) > 0);
        if above.len() * below.len() > MOST_DERIVED {
            return;
        }
        for up in &above {
            for down in &below {
                let sum = combined(up, down, symbol).map(tightened);
                self.at_least_zero.extend(sum.filter(|sum| !sum.terms.is_empty()));
            }
        }
    }

    fn add_bounds(&mut self, symbol: Symbol, symbols: &Symbols) {
        let info = symbols.info(symbol);
        let number = Linear::from(symbol);
        let least = info.min.and_then(|min| number.offset(min.checked_neg()?));
        let most = info.max.and_then(|max| number.times(-1)?.offset(max));
        self.at_least_zero.extend(least.into_iter().chain(most));
    }

    /// Puts what `equation` says `symbol` is in its place.
    fn substitute(&mut self, symbol: Symbol, equation: &Linear) {
        let rest = equation.substitute(symbol, &Linear::default());
        let value = rest.and_then(|rest| rest.times(-equation.factor(symbol)));
        for list in [&mut self.at_least_zero, &mut self.zero] {
            let replaced = list.drain(..).filter_map(|sum| match sum.factor(symbol) {
                0 => Some(sum),
                _ => sum.substitute(symbol, value.as_ref()?).map(tightened),
            });
            *list = replaced.filter(|sum| !sum.terms.is_empty()).collect();
        }
    }
}

/// What a lower and an upper bound of `symbol` say together.
fn combined(up: &Linear, down: &Linear, symbol: Symbol) -> Option<Linear> {
    let (above, below) = (up.factor(symbol), -down.factor(symbol));
    let common = gcd(above, below);
    up.times(below / common)?.add_scaled(down, above / common)
}
