//! Sums, found by the symbols that they name.

use crate::analysis::proof::linear::{Linear, Symbol};
use crate::analysis::proof::world::World;
use crate::sorted::SortedSet;
use std::collections::{HashMap, HashSet};

/// How many candidates a place gets.
pub(super) const CANDIDATES: usize = 160;

/// How many more of what may hold around it.
pub(super) const KEPT: usize = 80;

/// How many facts of what arrives come first: what is checked once and holds everywhere.
const FIRST: usize = 24;

/// Sums of symbols that last. A place asks for those that it may name, so that the parts of a long
/// function do not look at each other's.
#[derive(Default)]
pub(super) struct Pool {
    sums: Vec<Linear>,
    known: HashSet<Linear>,
    /// By each symbol that is claimed somewhere.
    naming: HashMap<Symbol, Vec<usize>>,
    /// Those of what arrives with the call alone.
    of_arguments: Vec<usize>,
}

impl Pool {
    pub(super) fn clear(&mut self) {
        *self = Pool::default();
    }

    /// Adds a sum that some claim may name.
    pub(super) fn add(&mut self, sum: &Linear, world: &World<'_>) {
        let is_passing = sum.symbols().any(|symbol| world.symbols.is_passing(symbol));
        if is_passing || sum.terms.is_empty() || !self.known.insert(sum.clone()) {
            return;
        }
        let number = self.sums.len();
        let mut is_claimed = false;
        for symbol in sum.symbols().filter(|symbol| !world.is_given(*symbol)) {
            is_claimed = true;
            self.naming.entry(symbol).or_default().push(number);
        }
        if !is_claimed {
            // A place has no room for more.
            if self.of_arguments.len() >= CANDIDATES {
                return;
            }
            self.of_arguments.push(number);
        }
        self.sums.push(sum.clone());
    }

    /// The first of what arrives alone, those that name one of `symbols`, in the order they were
    /// added in, and then the rest of what arrives.
    pub(super) fn naming<'a>(
        &'a self,
        symbols: &SortedSet<Symbol>,
        world: &World<'_>,
    ) -> impl Iterator<Item = &'a Linear> + use<'a> {
        let lists = symbols.iter().filter_map(|symbol| self.naming.get(symbol));
        let numbers: SortedSet<usize> = lists.flatten().copied().collect();
        world.symbols.spend(2 * (numbers.len() + self.of_arguments.len() + symbols.len()));
        let (first, rest) = self.of_arguments.split_at(self.of_arguments.len().min(FIRST));
        let numbers = first.iter().copied().chain(numbers).chain(rest.iter().copied());
        numbers.map(|at| &self.sums[at])
    }
}
