//! Local improvement of a complete coloring: each node tries every cheaper register, trading places
//! with the neighbors that stand in its way (a Kempe chain), and keeps what lowers the total price.
//!
//! Never makes an assignment invalid; stops after a fixed number of rounds.

use super::problem::{Color, Problem};
use crate::isa::RegSet;

/// How often all nodes get a chance.
const ROUNDS: usize = 4;

/// The longest chain of nodes that trade places.
const CHAIN: usize = 48;

/// How many neighbors are visited in total: where very many values live next to a few that live
/// long, chains through those few would take time in proportion to the square of their number.
const WORK: u64 = 20_000_000;

/// Lowers the price of `colors` without leaving `usable`.
pub(super) fn improve(problem: &Problem, usable: RegSet, colors: &mut [Color]) {
    let mut improver = Improver {
        problem,
        affinities: problem.affinity_lists(),
        domains: problem.domains(usable),
        grouped: problem.grouped(),
        chain_of: vec![0; problem.len()],
        chains: 0,
        work: WORK,
    };
    for _ in 0..ROUNDS {
        let mut changed = false;
        for node in 0..problem.len() as u32 {
            if improver.work == 0 {
                return;
            }
            changed |= improver.improve_node(node, colors);
        }
        if !changed {
            return;
        }
    }
}

struct Improver<'p> {
    problem: &'p Problem,
    affinities: Vec<Vec<(u32, i64)>>,
    domains: Vec<RegSet>,
    grouped: Vec<bool>,
    /// The number of the last chain that each node was in.
    chain_of: Vec<u32>,
    chains: u32,
    /// What is left of [`WORK`].
    work: u64,
}

impl Improver<'_> {
    /// Moves `node` to a cheaper register if that pays. Whether it did.
    fn improve_node(&mut self, node: u32, colors: &mut [Color]) -> bool {
        if self.grouped[node as usize] {
            return false;
        }
        let current = colors[node as usize];
        let mut prices = self.problem.nodes[node as usize].prices;
        for &(other, gain) in &self.affinities[node as usize] {
            prices[colors[other as usize] as usize] -= gain;
        }
        let mut wishes: Vec<Color> = self.domains[node as usize]
            .iter()
            .filter(|&color| prices[color as usize] < prices[current as usize])
            .collect();
        wishes.sort_by_key(|&color| prices[color as usize]);
        wishes.into_iter().any(|wish| self.trade(node, wish, colors))
    }

    /// Swaps the two registers in the chain of nodes that `node` starts, if that lowers the price.
    fn trade(&mut self, node: u32, wish: Color, colors: &mut [Color]) -> bool {
        let current = colors[node as usize];
        let Some(chain) = self.chain(node, current, wish, colors) else { return false };
        let before = self.price_of(&chain, colors);
        swap(&chain, current, wish, colors);
        if self.price_of(&chain, colors) < before {
            return true;
        }
        swap(&chain, current, wish, colors);
        false
    }

    /// The nodes that must trade `current` and `wish` if `node` does; `None` if one may not.
    fn chain(
        &mut self,
        node: u32,
        current: Color,
        wish: Color,
        colors: &[Color],
    ) -> Option<Vec<u32>> {
        self.chains += 1;
        self.chain_of[node as usize] = self.chains;
        let mut chain = vec![node];
        let mut next = 0;
        while let Some(&member) = chain.get(next) {
            next += 1;
            let own = colors[member as usize];
            let new = if own == current { wish } else { current };
            if !self.domains[member as usize].contains(new) || self.grouped[member as usize] {
                return None;
            }
            let neighbors = &self.problem.neighbors[member as usize];
            self.work = self.work.saturating_sub(neighbors.len() as u64);
            for &other in neighbors {
                if colors[other as usize] == new && self.chain_of[other as usize] != self.chains {
                    self.chain_of[other as usize] = self.chains;
                    chain.push(other);
                    if chain.len() > CHAIN {
                        return None;
                    }
                }
            }
        }
        Some(chain)
    }

    /// The price of the nodes of the latest chain, each copy counted once.
    fn price_of(&self, chain: &[u32], colors: &[Color]) -> i64 {
        let mut price = 0;
        for &node in chain {
            let color = colors[node as usize];
            price += self.problem.nodes[node as usize].prices[color as usize];
            for &(other, gain) in &self.affinities[node as usize] {
                let once = self.chain_of[other as usize] != self.chains || node < other;
                if once && colors[other as usize] != color {
                    price += gain;
                }
            }
        }
        price
    }
}

fn swap(chain: &[u32], a: Color, b: Color, colors: &mut [Color]) {
    for &node in chain {
        let color = &mut colors[node as usize];
        *color = if *color == a { b } else { a };
    }
}
