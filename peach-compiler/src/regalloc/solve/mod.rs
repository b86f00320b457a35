//! From a problem to the best assignment that can be found: as few registers that must be saved as
//! possible, then as few copies, then the smallest encodings.

use super::coalesce::{Coalescing, coalesce};
use super::color::color;
use super::local_search::improve;
use super::problem::{Color, Problem};
use super::search::{Outcome, search};
use crate::isa::RegSet;

/// Steps of the exact search while registers are left that would only have to be saved.
const QUICK_WORK: u64 = 100_000;

/// Steps of the exact search before it gives up: about a second with optimization, ten without.
const FULL_WORK: u64 = 50_000_000;

/// Of two nodes that differ, their lists say all there is to say.
const SMALLEST_CLIQUE: u32 = 3;

/// The registers of one bank that a function may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registers {
    /// Those that cost nothing to use.
    pub free: RegSet,
    /// Those that must be saved, in the order in which they are taken.
    pub saved: Vec<u8>,
}

impl Registers {
    /// Every register there is.
    pub fn all(&self) -> RegSet {
        self.with_saved(self.saved.len())
    }

    fn with_saved(&self, count: usize) -> RegSet {
        self.saved[..count].iter().fold(self.free, |set, &num| set | RegSet::one(num))
    }
}

/// Why there is no assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// Nodes that cannot all be placed, or where the search was when it gave up.
    pub nodes: Vec<u32>,
    /// Whether it is proven that there is none.
    pub proven: bool,
}

/// Assigns registers. `pressure` is a number of nodes that are known to differ from one another.
/// `cliques` is asked for the sets of at least so many nodes that are live at the same time; only
/// hard problems need them.
pub(super) fn solve(
    problem: &Problem,
    registers: &Registers,
    pressure: u32,
    cliques: &dyn Fn(u32) -> Vec<Vec<u32>>,
) -> Result<Vec<Color>, Stuck> {
    let missing = pressure.saturating_sub(registers.free.len()) as usize;
    let fewest = missing.min(registers.saved.len());
    let mut known: Option<Vec<Vec<u32>>> = None;
    for count in fewest..=registers.saved.len() {
        let usable = registers.with_saved(count);
        if let Some(colors) = greedy(problem, usable) {
            return Ok(colors);
        }
        let last = count == registers.saved.len();
        let work = if last { FULL_WORK } else { QUICK_WORK };
        let cliques = known.get_or_insert_with(|| cliques(SMALLEST_CLIQUE));
        match search(problem, cliques, usable, work) {
            Outcome::Found(mut colors) => {
                improve(problem, usable, &mut colors);
                return Ok(colors);
            }
            Outcome::Impossible(nodes) if last => return Err(Stuck { nodes, proven: true }),
            Outcome::GaveUp(nodes) if last => return Err(Stuck { nodes, proven: false }),
            Outcome::Impossible(_) | Outcome::GaveUp(_) => {}
        }
    }
    unreachable!("the last round returns")
}

/// Greedy coloring with as many copies coalesced as it bears.
pub(super) fn greedy(problem: &Problem, usable: RegSet) -> Option<Vec<Color>> {
    for boldness in [Coalescing::All, Coalescing::Safe] {
        if problem.affinities.is_empty() {
            break;
        }
        let coalesced = coalesce(problem, usable, boldness);
        if let Some(mut colors) = color(&coalesced.problem, usable) {
            improve(&coalesced.problem, usable, &mut colors);
            let mut colors = coalesced.expand(&colors);
            improve(problem, usable, &mut colors);
            return Some(colors);
        }
    }
    let mut colors = color(problem, usable)?;
    improve(problem, usable, &mut colors);
    Some(colors)
}

#[cfg(test)]
mod tests;
