//! The problem that is left when programs, conventions and encodings are forgotten: nodes that need
//! a register, edges between nodes that must not share one, prices, and copies that vanish if both
//! ends agree.
//!
//! One [`Problem`] covers one bank. It is what [`color`](super::color), [`search`](super::search)
//! and [`local_search`](super::improve) work on, and what the tests of those make up at random.

use crate::isa::RegSet;

/// A register of the bank, by number.
pub(super) type Color = u8;

/// No register yet.
pub(super) const UNCOLORED: Color = Color::MAX;

/// How many registers the largest bank has.
pub(super) const COLORS: usize = 32;

/// The price of each register for a node: bytes, weighed by how often they are fetched.
pub(super) type Prices = [i64; COLORS];

/// Something that needs one register.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Registers that every instruction takes at its places and that nothing else occupies.
    pub allowed: RegSet,
    /// What each register costs.
    pub prices: Prices,
}

/// Two nodes that had better share a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affinity {
    /// One end.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// What a copy between them costs.
    pub gain: i64,
}

/// The nodes of one bank and all that is demanded of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Per node, those that it must differ from; symmetric, without duplicates or loops.
    pub neighbors: Vec<Vec<u32>>,
    /// Nodes that must get consecutive registers, the first a multiple of the length.
    pub groups: Vec<Vec<u32>>,
    /// Copies.
    pub affinities: Vec<Affinity>,
}

impl Problem {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The registers that `node` may get if only those of `usable` are to be used. A node that is
    /// bound to others still gets those.
    pub fn domain(&self, node: usize, usable: RegSet) -> RegSet {
        let allowed = self.nodes[node].allowed;
        let common = allowed & usable;
        if common.is_empty() { allowed } else { common }
    }

    /// The domains of all nodes, with the members of groups cut down to the places that leave room
    /// for the others.
    pub fn domains(&self, usable: RegSet) -> Vec<RegSet> {
        let mut domains: Vec<RegSet> =
            (0..self.len()).map(|node| self.domain(node, usable)).collect();
        for group in &self.groups {
            let lists: Vec<RegSet> = group.iter().map(|&member| domains[member as usize]).collect();
            let starts = group_starts(&lists);
            for (offset, &member) in group.iter().enumerate() {
                domains[member as usize] = domains[member as usize] & RegSet(starts.0 << offset);
            }
        }
        domains
    }

    /// Per node, whether it is in a group.
    pub fn grouped(&self) -> Vec<bool> {
        let mut grouped = vec![false; self.len()];
        for &member in self.groups.iter().flatten() {
            grouped[member as usize] = true;
        }
        grouped
    }

    /// Per node, the affinities that it is an end of: the other end and the gain.
    pub fn affinity_lists(&self) -> Vec<Vec<(u32, i64)>> {
        let mut lists = vec![Vec::new(); self.len()];
        for affinity in &self.affinities {
            lists[affinity.a as usize].push((affinity.b, affinity.gain));
            lists[affinity.b as usize].push((affinity.a, affinity.gain));
        }
        lists
    }

    /// Whether `colors` meets every demand.
    #[cfg(test)]
    pub fn accepts(&self, colors: &[Color]) -> bool {
        let placed = (0..self.len()).all(|node| {
            colors[node] != UNCOLORED && self.nodes[node].allowed.contains(colors[node])
        });
        placed
            && self.neighbors.iter().enumerate().all(|(node, neighbors)| {
                neighbors.iter().all(|&other| colors[other as usize] != colors[node])
            })
            && self.groups.iter().all(|group| {
                let first = colors[group[0] as usize] as usize;
                first.is_multiple_of(group.len())
                    && group
                        .iter()
                        .enumerate()
                        .all(|(offset, &member)| colors[member as usize] as usize == first + offset)
            })
    }
}

/// The registers that a group may start at whose members may get those of `lists`.
pub(super) fn group_starts(lists: &[RegSet]) -> RegSet {
    let mut starts = RegSet::NONE;
    for first in (0..COLORS).step_by(lists.len().max(1)) {
        let fits = lists.iter().enumerate().all(|(offset, list)| {
            first + offset < COLORS && list.contains((first + offset) as Color)
        });
        if fits {
            starts = starts | RegSet::one(first as u8);
        }
    }
    starts
}
