//! Greedy coloring: Chaitin's simplification with Briggs' optimism, over lists of allowed
//! registers.
//!
//! A node with fewer neighbors than registers can always be colored last; such nodes are put aside,
//! the least important first (the last declared of equals), so that the most important choose
//! first. When every node left has too many neighbors, the one with the least excess is put aside
//! in the hope that its neighbors will share registers. Chordal graphs (straight-line code) are
//! always colored if they can be. Fails (`None`) without proof.

use super::problem::{Color, Problem, UNCOLORED, group_starts};
use crate::isa::RegSet;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Colors `problem` with registers of `usable`, cheap ones first.
pub(super) fn color(problem: &Problem, usable: RegSet) -> Option<Vec<Color>> {
    let domains = problem.domains(usable);
    if domains.iter().any(|domain| domain.is_empty()) {
        return None;
    }
    let mut coloring = Coloring {
        problem,
        affinities: problem.affinity_lists(),
        colors: vec![UNCOLORED; problem.len()],
        domains,
        grouped: problem.grouped(),
    };
    coloring.place_groups()?;
    for node in simplify(problem, &coloring.domains, &coloring.colors).into_iter().rev() {
        let color = coloring.cheapest(node, RegSet::NONE).or_else(|| coloring.make_room(node))?;
        coloring.colors[node as usize] = color;
    }
    Some(coloring.colors)
}

/// The order in which nodes that have no color yet are put aside.
fn simplify(problem: &Problem, domains: &[RegSet], colors: &[Color]) -> Vec<u32> {
    let count = problem.len();
    let weights: Vec<i64> = (0..count).map(|node| weight(problem, domains, node)).collect();
    let mut waiting: Vec<bool> = colors.iter().map(|&color| color == UNCOLORED).collect();
    // A neighbor takes at most one register from the list, and none if the lists are disjoint. The
    // excess is what is left of the neighbors when each has taken one.
    let mut excess: Vec<i64> = (0..count)
        .map(|node| {
            let rivals = problem.neighbors[node]
                .iter()
                .filter(|&&other| !(domains[node] & domains[other as usize]).is_empty())
                .count();
            rivals as i64 + 1 - i64::from(domains[node].len())
        })
        .collect();
    let mut easy = BinaryHeap::new();
    let mut hard = Buckets::default();
    for node in (0..count).filter(|&node| waiting[node]) {
        if excess[node] <= 0 {
            easy.push(Reverse((weights[node], Reverse(node as u32))));
        } else {
            hard.push(excess[node], node as u32);
        }
    }
    let mut order = Vec::with_capacity(count);
    loop {
        let node = match easy.pop() {
            Some(Reverse((_, Reverse(node)))) => node,
            None => {
                match hard.pop(|node, key| waiting[node as usize] && excess[node as usize] == key) {
                    Some(node) => node,
                    None => return order,
                }
            }
        };
        if !waiting[node as usize] {
            continue;
        }
        waiting[node as usize] = false;
        order.push(node);
        for &other in &problem.neighbors[node as usize] {
            let rival = other as usize;
            if !waiting[rival] || (domains[rival] & domains[node as usize]).is_empty() {
                continue;
            }
            excess[rival] -= 1;
            if excess[rival] == 0 {
                easy.push(Reverse((weights[rival], Reverse(other))));
            } else if excess[rival] > 0 {
                hard.push(excess[rival], other);
            }
        }
    }
}

/// How much is lost if a node gets its worst register instead of its best.
fn weight(problem: &Problem, domains: &[RegSet], node: usize) -> i64 {
    let prices = &problem.nodes[node].prices;
    let mut least = i64::MAX;
    let mut most = i64::MIN;
    for color in domains[node].iter() {
        least = least.min(prices[color as usize]);
        most = most.max(prices[color as usize]);
    }
    most.saturating_sub(least)
}

/// Nodes by excess. An entry whose key is out of date is skipped when it is met.
#[derive(Default)]
struct Buckets {
    by_key: Vec<Vec<u32>>,
    lowest: usize,
}

impl Buckets {
    fn push(&mut self, key: i64, node: u32) {
        let key = key as usize;
        if self.by_key.len() <= key {
            self.by_key.resize(key + 1, Vec::new());
        }
        self.by_key[key].push(node);
        self.lowest = self.lowest.min(key);
    }

    fn pop(&mut self, current: impl Fn(u32, i64) -> bool) -> Option<u32> {
        while self.lowest < self.by_key.len() {
            while let Some(node) = self.by_key[self.lowest].pop() {
                if current(node, self.lowest as i64) {
                    return Some(node);
                }
            }
            self.lowest += 1;
        }
        None
    }
}

/// The state of the selection.
struct Coloring<'p> {
    problem: &'p Problem,
    affinities: Vec<Vec<(u32, i64)>>,
    domains: Vec<RegSet>,
    colors: Vec<Color>,
    grouped: Vec<bool>,
}

impl Coloring<'_> {
    /// Groups choose before everything else: they have few places to go to.
    fn place_groups(&mut self) -> Option<()> {
        for group in &self.problem.groups {
            let list = |&member: &u32| match self.colors[member as usize] {
                UNCOLORED => self.domains[member as usize],
                color => RegSet::one(color),
            };
            let lists: Vec<RegSet> = group.iter().map(list).collect();
            let first = group_starts(&lists)
                .iter()
                .filter(|&first| {
                    group
                        .iter()
                        .enumerate()
                        .all(|(offset, &member)| self.free(member).contains(first + offset as u8))
                })
                .min_by_key(|&first| {
                    let price = |(offset, &member): (usize, &u32)| {
                        self.problem.nodes[member as usize].prices[first as usize + offset]
                    };
                    group.iter().enumerate().map(price).sum::<i64>()
                })?;
            for (offset, &member) in group.iter().enumerate() {
                self.colors[member as usize] = first + offset as u8;
            }
        }
        Some(())
    }

    /// The registers of the node's list that no neighbor has.
    fn free(&self, node: u32) -> RegSet {
        let mut taken = 0;
        for &other in &self.problem.neighbors[node as usize] {
            let color = self.colors[other as usize];
            if color != UNCOLORED {
                taken |= 1 << color;
            }
        }
        self.domains[node as usize] - RegSet(taken)
    }

    /// The free register outside of `avoid` that costs least, copies to colored nodes counted.
    fn cheapest(&self, node: u32, avoid: RegSet) -> Option<Color> {
        let mut prices = self.problem.nodes[node as usize].prices;
        for &(other, gain) in &self.affinities[node as usize] {
            let color = self.colors[other as usize];
            if color != UNCOLORED {
                prices[color as usize] -= gain;
            }
        }
        (self.free(node) - avoid).iter().min_by_key(|&color| prices[color as usize])
    }

    /// Frees a register for `node` by moving the only neighbor that has it elsewhere.
    fn make_room(&mut self, node: u32) -> Option<Color> {
        for color in self.domains[node as usize].iter() {
            let mut holders = self.problem.neighbors[node as usize]
                .iter()
                .filter(|&&other| self.colors[other as usize] == color);
            let (Some(&holder), None) = (holders.next(), holders.next()) else { continue };
            if self.grouped[holder as usize] {
                continue;
            }
            if let Some(refuge) = self.cheapest(holder, RegSet::one(color)) {
                self.colors[holder as usize] = refuge;
                return Some(color);
            }
        }
        None
    }
}
