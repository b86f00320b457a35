//! What nodes that are live at the same time imply about one another's registers: all of them
//! differ.
//!
//! In: per node of one set, the registers that it may still get. Out: the registers that a node
//! gets in no assignment that satisfies the whole set, each with the reason. This is Régin's
//! filtering ("A filtering algorithm for constraints of difference in CSPs", 1994), which is
//! complete for one set: it sees that a register is left to a single node where all are needed, and
//! that some nodes use up what they have in common.

use super::problem::COLORS;
use crate::isa::RegSet;

/// No node.
const NOBODY: u8 = u8::MAX;

/// A way to give every node of one set a register of its own; kept from one filtering to the next.
#[derive(Clone, Debug)]
pub(super) struct Matching {
    /// Per register, the index of the node that has it.
    holder: [u8; COLORS],
}

/// A register that a node cannot get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    /// The index of the node.
    pub node: usize,
    /// The register.
    pub color: u8,
    /// Registers, this one among them, that are used up by the nodes whose lists hold no others.
    pub used_up: RegSet,
}

impl Matching {
    /// No node has a register yet.
    pub const fn new() -> Matching {
        Matching { holder: [NOBODY; COLORS] }
    }

    /// Says in `removals` which registers of `lists`, at most one per register, their nodes cannot
    /// get.
    ///
    /// # Errors
    /// Registers that are too few for the nodes whose lists hold no others.
    pub fn filter(&mut self, lists: &[RegSet], removals: &mut Vec<Removal>) -> Result<(), RegSet> {
        self.complete(lists)?;
        self.strike(lists, removals);
        Ok(())
    }

    /// Gives every node a register that is on its list.
    fn complete(&mut self, lists: &[RegSet]) -> Result<(), RegSet> {
        let mut placed = 0u64;
        for (color, holder) in self.holder.iter_mut().enumerate() {
            match lists.get(*holder as usize) {
                Some(list) if list.contains(color as u8) => placed |= 1 << *holder,
                _ => *holder = NOBODY,
            }
        }
        for node in 0..lists.len() {
            if placed >> node & 1 == 0 {
                self.place(node as u8, lists)?;
            }
        }
        Ok(())
    }

    /// Finds a register for `node`, moving others where needed. If there is none: the registers
    /// that were within reach.
    fn place(&mut self, node: u8, lists: &[RegSet]) -> Result<(), RegSet> {
        // Breadth first over registers; `wanted_by[c]` is the node that would move to register `c`.
        let mut wanted_by = [NOBODY; COLORS];
        let mut seen = RegSet::NONE;
        let mut queue = [node; COLORS + 1];
        let (mut next, mut end) = (0, 1);
        while next < end {
            let wanting = queue[next];
            next += 1;
            let fresh = lists[wanting as usize] - seen;
            seen = seen | fresh;
            for color in ones(fresh.0) {
                wanted_by[color] = wanting;
                if self.holder[color] == NOBODY {
                    self.shift(color, node, &wanted_by);
                    return Ok(());
                }
                queue[end] = self.holder[color];
                end += 1;
            }
        }
        Err(seen)
    }

    /// Gives `color` to the node that requires it, the register that this one leaves to the node
    /// that requires that, and so on until `last` has got one.
    fn shift(&mut self, mut color: usize, last: u8, wanted_by: &[u8; COLORS]) {
        loop {
            let mover = wanted_by[color];
            let left = self.holder.iter().position(|&holder| holder == mover);
            self.holder[color] = mover;
            match left {
                Some(left) if mover != last => color = left,
                _ => return,
            }
        }
    }

    /// Finds registers that their node cannot move to: no node can make room there by moving on to
    /// a free register, or to the one that the node leaves.
    fn strike(&self, lists: &[RegSet], removals: &mut Vec<Removal>) {
        let mut taken = 0u32;
        // Per register, those that its holder can move to, directly and then by others' moving on.
        let mut reach = [0u32; COLORS];
        for (color, &holder) in self.holder.iter().enumerate() {
            if holder != NOBODY {
                taken |= 1 << color;
                reach[color] = lists[holder as usize].0;
            }
        }
        for through in ones(taken) {
            for from in ones(taken) {
                if reach[from] >> through & 1 == 1 {
                    reach[from] |= reach[through];
                }
            }
        }
        for own in ones(taken) {
            let node = self.holder[own] as usize;
            for color in ones(lists[node].0 & taken & !(1 << own)) {
                if reach[color] & (!taken | 1 << own) == 0 {
                    removals.push(Removal {
                        node,
                        color: color as u8,
                        used_up: RegSet(reach[color]),
                    });
                }
            }
        }
    }
}

/// The positions of the ones in `bits`, ascending.
pub(super) fn ones(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let position = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (position < COLORS).then_some(position)
    })
}
