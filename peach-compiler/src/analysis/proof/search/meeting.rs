//! Places where paths meet, and what earlier walks tell of them.

use crate::analysis::proof::linear::{Linear, Symbol};
use crate::analysis::proof::state::Slot;
use crate::analysis::proof::world::Site;
use crate::sorted::{SortedMap, SortedSet};

/// What earlier walks tell.
#[derive(Default)]
pub(super) struct Hints {
    /// By how much each turn of the loop at a block changes something.
    pub(super) steps: SortedMap<(u32, Slot), i128>,
    /// Sums that no turn of the loop at a block changes.
    pub(super) constant: SortedMap<u32, SortedSet<Vec<(Slot, i128)>>>,
    /// What accesses have to be aligned to.
    pub(super) alignments: SortedSet<u64>,
}

/// A place where paths meet, as the walk found it.
#[derive(Default)]
pub(super) struct Meeting {
    /// What a loop changes by what is not known to be a number.
    pub(super) changed: SortedMap<Slot, Changed>,
    /// The number of turns so far, if something is a sum of it.
    pub(super) turns: Option<Symbol>,
    /// Symbols that stand for what was made at a site before.
    pub(super) carried: SortedMap<Site, Symbol>,
    /// Symbols for what is held on every edge.
    pub(super) held: Vec<Held>,
}

/// A symbol for what a slot holds, or adds to the address of a region.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) symbol: Symbol,
    pub(super) slot: Slot,
    pub(super) base: Option<Symbol>,
    /// Of a register, only the low bits.
    pub(super) bits: Option<u32>,
}

/// Something that a loop changes, at the loop's head.
pub(super) struct Changed {
    pub(super) value: Linear,
    /// By how much a turn changes it, by the edge back.
    pub(super) by: SortedMap<u32, Option<Linear>>,
}
