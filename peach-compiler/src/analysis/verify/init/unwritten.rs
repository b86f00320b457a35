//! The bytes of suspects that may be unwritten at one place.

use crate::isa::Lanes;
use crate::sorted::SortedMap;

/// The bytes of suspects that may be unwritten at one place, of those of which some may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Unwritten(pub(super) SortedMap<usize, Lanes>);

impl Unwritten {
    pub(super) fn of(&self, suspect: usize) -> Lanes {
        self.0.get(&suspect).copied().unwrap_or(Lanes::NONE)
    }

    pub(super) fn set(&mut self, suspect: usize, lanes: Lanes) {
        match lanes.is_empty() {
            true => self.0.remove(&suspect),
            false => self.0.insert(suspect, lanes),
        };
    }

    pub(super) fn add(&mut self, suspect: usize, lanes: Lanes) {
        self.set(suspect, self.of(suspect) | lanes);
    }
}
