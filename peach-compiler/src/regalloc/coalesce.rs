//! Coalescing: nodes that a copy joins and that do not interfere become one node, so that the copy
//! vanishes whatever register it gets.

use super::problem::{Affinity, Color, Problem};
use crate::isa::RegSet;
use crate::sorted;

/// How bold to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coalescing {
    /// Every copy whose ends can share a register. May make a problem unsolvable.
    All,
    /// Only where the merged node can still be put aside by simplification (Briggs' test).
    Safe,
}

/// A problem with fewer nodes.
pub(super) struct Coalesced {
    /// The smaller problem.
    pub problem: Problem,
    /// For every node of the original problem, its node in the smaller one.
    pub node_of: Vec<u32>,
}

impl Coalesced {
    /// An assignment of the smaller problem as one of the original.
    pub fn expand(&self, colors: &[Color]) -> Vec<Color> {
        self.node_of.iter().map(|&node| colors[node as usize]).collect()
    }
}

/// Merges the ends of copies, dearest copy first.
pub(super) fn coalesce(problem: &Problem, usable: RegSet, boldness: Coalescing) -> Coalesced {
    let mut merger = Merger::new(problem, usable);
    let mut copies = problem.affinities.clone();
    sorted::sort_by_key(&mut copies, |copy| (-copy.gain, copy.a, copy.b));
    for copy in copies {
        merger.try_merge(copy, boldness);
    }
    merger.finish()
}

/// How many neighbors are visited in total for [`Coalescing::Safe`]; further copies stay.
const WORK: u64 = 20_000_000;

/// Merges nodes according to the strategy.
pub(super) struct Merger<'p> {
    problem: &'p Problem,
    usable: RegSet,
    parent: Vec<u32>,
    allowed: Vec<RegSet>,
    /// Of the representatives; may name nodes that have been merged since.
    neighbors: Vec<Vec<u32>>,
    grouped: Vec<bool>,
    stamp: Vec<u32>,
    stamps: u32,
    /// What is left of [`WORK`].
    work: u64,
}

impl<'p> Merger<'p> {
    /// Nothing merged yet.
    pub fn new(problem: &'p Problem, usable: RegSet) -> Self {
        Merger {
            problem,
            usable,
            parent: (0..problem.len() as u32).collect(),
            allowed: problem.nodes.iter().map(|node| node.allowed).collect(),
            neighbors: problem.neighbors.clone(),
            grouped: problem.grouped(),
            stamp: vec![0; problem.len()],
            stamps: 0,
            work: WORK,
        }
    }

    /// The node that stands for `node` and all it was merged with.
    pub fn find(&mut self, node: u32) -> u32 {
        let mut root = node;
        while self.parent[root as usize] != root {
            root = self.parent[root as usize];
        }
        let mut node = node;
        while self.parent[node as usize] != root {
            node = std::mem::replace(&mut self.parent[node as usize], root);
        }
        root
    }

    fn try_merge(&mut self, copy: Affinity, boldness: Coalescing) {
        let (a, b) = (self.find(copy.a), self.find(copy.b));
        if a == b || self.is_grouped(a) || self.is_grouped(b) {
            return;
        }
        let common = self.allowed[a as usize] & self.allowed[b as usize];
        // Registers outside of `usable` are no reason to merge: they cost a save.
        if (common & self.usable).is_empty() {
            return;
        }
        if self.interfere(a, b) {
            return;
        }
        match boldness {
            Coalescing::All => self.join(a, b),
            Coalescing::Safe => self.join_safely(a, b, common & self.usable),
        }
    }

    /// Merges two representatives if Briggs' test says so, which goes through all of their
    /// neighbors.
    fn join_safely(&mut self, a: u32, b: u32, common: RegSet) {
        let size = self.neighbors[a as usize].len() + self.neighbors[b as usize].len();
        let Some(left) = self.work.checked_sub(size as u64) else { return };
        self.work = left;
        let union = self.union(a, b);
        if self.is_safe(&union, common) {
            self.join(a, b);
            union.iter().for_each(|&other| self.neighbors[other as usize].push(a));
            self.neighbors[a as usize] = union;
        }
    }

    /// Whether the place of `node` depends on others. Such nodes are not merged.
    pub fn is_grouped(&self, node: u32) -> bool {
        self.grouped[node as usize]
    }

    /// Merges two representatives that are known to get one register. False if they cannot.
    pub fn unite(&mut self, a: u32, b: u32) -> bool {
        let common = self.allowed[a as usize] & self.allowed[b as usize];
        if common.is_empty() || self.interfere(a, b) {
            return false;
        }
        self.join(a, b);
        true
    }

    /// Whether two representatives are neighbors.
    fn interfere(&mut self, a: u32, b: u32) -> bool {
        let (of_a, of_b) = (self.neighbors[a as usize].len(), self.neighbors[b as usize].len());
        let (shorter, other) = if of_a < of_b { (a, b) } else { (b, a) };
        let list = std::mem::take(&mut self.neighbors[shorter as usize]);
        let found = list.iter().any(|&neighbor| self.find(neighbor) == other);
        self.neighbors[shorter as usize] = list;
        found
    }

    /// Makes `a` stand for both. Of the lists of neighbors the shorter is added to the longer.
    fn join(&mut self, a: u32, b: u32) {
        self.parent[b as usize] = a;
        self.allowed[a as usize] = self.allowed[a as usize] & self.allowed[b as usize];
        let mut longer = std::mem::take(&mut self.neighbors[a as usize]);
        let mut shorter = std::mem::take(&mut self.neighbors[b as usize]);
        if longer.len() < shorter.len() {
            std::mem::swap(&mut longer, &mut shorter);
        }
        longer.append(&mut shorter);
        self.neighbors[a as usize] = longer;
    }

    /// The representatives of the neighbors of both, without duplicates.
    fn union(&mut self, a: u32, b: u32) -> Vec<u32> {
        self.stamps += 1;
        let mut union = Vec::new();
        for node in [a, b] {
            for other in std::mem::take(&mut self.neighbors[node as usize]) {
                let other = self.find(other);
                if self.stamp[other as usize] != self.stamps {
                    self.stamp[other as usize] = self.stamps;
                    union.push(other);
                }
                self.neighbors[node as usize].push(other);
            }
        }
        union
    }

    /// Briggs' test: fewer neighbors of significant degree than registers.
    fn is_safe(&self, union: &[u32], common: RegSet) -> bool {
        let significant = union
            .iter()
            .filter(|&&other| {
                let registers = (self.allowed[other as usize] & self.usable).len();
                self.neighbors[other as usize].len() >= registers as usize
            })
            .count();
        significant < common.len() as usize
    }

    /// The smaller problem.
    pub fn finish(mut self) -> Coalesced {
        let mut number = vec![u32::MAX; self.problem.len()];
        let mut node_of = vec![0; self.problem.len()];
        let mut small = Problem::default();
        for node in 0..self.problem.len() as u32 {
            let root = self.find(node);
            if number[root as usize] == u32::MAX {
                number[root as usize] = small.len() as u32;
                let mut merged = self.problem.nodes[node as usize].clone();
                merged.allowed = self.allowed[root as usize];
                small.nodes.push(merged);
                node_of[node as usize] = number[root as usize];
                continue;
            }
            let target = number[root as usize];
            node_of[node as usize] = target;
            let added = &self.problem.nodes[node as usize].prices;
            for (price, more) in small.nodes[target as usize].prices.iter_mut().zip(added) {
                *price += more;
            }
        }
        small.neighbors = self.merged_neighbors(&node_of, small.len());
        let place = |&node: &u32| node_of[node as usize];
        small.groups =
            self.problem.groups.iter().map(|group| group.iter().map(place).collect()).collect();
        for copy in &self.problem.affinities {
            let (a, b) = (node_of[copy.a as usize], node_of[copy.b as usize]);
            if a != b {
                small.affinities.push(Affinity { a, b, gain: copy.gain });
            }
        }
        Coalesced { problem: small, node_of }
    }

    fn merged_neighbors(&self, node_of: &[u32], count: usize) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); count];
        for (node, &small) in node_of.iter().enumerate() {
            members[small as usize].push(node);
        }
        let mut seen_by = vec![u32::MAX; count];
        let mut merged = Vec::with_capacity(count);
        for (small, members) in members.iter().enumerate() {
            let mut list = Vec::new();
            for &other in members.iter().flat_map(|&member| &self.problem.neighbors[member]) {
                let other = node_of[other as usize];
                if seen_by[other as usize] != small as u32 {
                    seen_by[other as usize] = small as u32;
                    list.push(other);
                }
            }
            merged.push(list);
        }
        merged
    }
}
