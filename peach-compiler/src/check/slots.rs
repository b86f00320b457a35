//! What the slots of the stack hold. A kernel may have very many: a query for a value, or for some
//! bytes of memory, is led to the few slots that have to do with them.

use super::stack::Address;
use super::symbols::Sym;
use crate::isa::Lanes;
use crate::sorted::{SortedMap, SortedSet};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The values that one place holds: byte *i* of the place is byte *i* of the value, for these
/// bytes. Sorted by value: one that is copied very often is in very many places, with all its
/// copies.
pub(super) type Held = Vec<(Sym, Lanes)>;

/// The longest slot, in bytes.
const LONGEST: i64 = 64;

/// Slots by address. Each holds something.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    held: BTreeMap<Address, Held>,
    /// Where each value is.
    places: SortedMap<Sym, SortedSet<Address>>,
}

impl Slots {
    /// What is at `address`.
    pub fn held(&self, address: Address) -> &[(Sym, Lanes)] {
        self.held.get(&address).map_or(&[], Vec::as_slice)
    }

    /// The slots that hold some of `sym`.
    pub fn places_of(&self, sym: Sym) -> Vec<Address> {
        self.places.get(&sym).into_iter().flatten().copied().collect()
    }

    /// Whether a slot holds some of `sym`.
    pub fn holds_some(&self, sym: Sym) -> bool {
        self.places.contains_key(&sym)
    }

    /// Whether `bytes` bytes from `address` on may belong to a slot.
    pub fn is_any_in(&self, address: Address, bytes: u32) -> bool {
        self.around(address, bytes).next().is_some()
    }

    /// The slots that `bytes` bytes from `address` on may belong to.
    fn around(&self, address: Address, bytes: u32) -> impl Iterator<Item = Address> {
        let first = address.plus(1 - LONGEST);
        self.held.range(first..address.plus(bytes.into())).map(|(slot, _)| *slot)
    }

    /// Says that `address` holds `sym` in `lanes`, besides what it holds already.
    pub fn define(&mut self, address: Address, sym: Sym, lanes: Lanes) {
        if lanes.is_empty() {
            return;
        }
        if add(self.held.entry(address).or_default(), sym, lanes) {
            self.places.get_or_default(sym).insert(address);
        }
    }

    /// The value of `sym` in `lanes` is gone.
    pub fn forget_value(&mut self, sym: Sym, lanes: Lanes) {
        for address in self.places_of(sym) {
            let Some(held) = self.held.get_mut(&address) else { continue };
            if !take(held, sym, lanes) {
                continue;
            }
            if held.is_empty() {
                self.held.remove(&address);
            }
            self.leave(sym, address);
        }
    }

    /// `sym` is no longer at `address`.
    fn leave(&mut self, sym: Sym, address: Address) {
        let Some(places) = self.places.get_mut(&sym) else { return };
        places.remove(&address);
        if places.is_empty() {
            self.places.remove(&sym);
        }
    }

    /// Memory from `address` on is overwritten for `bytes` bytes, in whichever slots they belong
    /// to.
    pub fn overwrite(&mut self, address: Address, bytes: u32) {
        for slot in self.around(address, bytes).collect::<Vec<_>>() {
            let distance = address.offset - slot.offset;
            let start = distance.max(0) as u32;
            let end = (distance + i64::from(bytes)).min(LONGEST) as u32;
            self.change(slot, |held| forget(held, Lanes::range(start, end - start)));
        }
    }

    /// Everything on the stack below `address` is overwritten.
    pub fn overwrite_below(&mut self, address: Address) {
        let lowest = Address { offset: i64::MIN, ..address };
        let below: Vec<Address> = self.held.range(lowest..address).map(|(slot, _)| *slot).collect();
        for slot in below {
            self.change(slot, Held::clear);
        }
    }

    /// Keeps only what both know. Whether that took anything away.
    pub fn meet(slots: &mut Rc<Slots>, other: &Slots, anywhere: &[(Sym, Lanes)]) -> bool {
        let differs = |(address, held): (&Address, &Held)| {
            (other.held(*address) != held.as_slice()).then_some(*address)
        };
        let different: Vec<Address> = slots.held.iter().filter_map(differs).collect();
        let mut changed = false;
        for address in different {
            let change = |held: &mut Held| {
                changed |= intersect(held, other.held(address), anywhere);
            };
            Rc::make_mut(slots).change(address, change);
        }
        changed
    }

    /// Changes what is at `address` by taking something away.
    fn change(&mut self, address: Address, change: impl FnOnce(&mut Held)) {
        let Some(held) = self.held.get_mut(&address) else { return };
        let before: Vec<Sym> = held.iter().map(|(sym, _)| *sym).collect();
        change(held);
        let gone: Vec<Sym> =
            before.into_iter().filter(|sym| lanes_of(held, *sym).is_empty()).collect();
        if held.is_empty() {
            self.held.remove(&address);
        }
        gone.into_iter().for_each(|sym| self.leave(sym, address));
    }
}

/// Where `sym` is among what is held, or would be.
fn search(held: &[(Sym, Lanes)], sym: Sym) -> Result<usize, usize> {
    held.binary_search_by_key(&sym, |(known, _)| *known)
}

/// The bytes of `sym` among what is held.
pub(super) fn lanes_of(held: &[(Sym, Lanes)], sym: Sym) -> Lanes {
    search(held, sym).map_or(Lanes::NONE, |at| held[at].1)
}

/// Adds `lanes` of `sym` to what is held. Whether nothing of it was before.
pub(super) fn add(held: &mut Held, sym: Sym, lanes: Lanes) -> bool {
    match search(held, sym) {
        Ok(at) => {
            held[at].1 |= lanes;
            false
        }
        Err(_) if lanes.is_empty() => false,
        Err(at) => {
            held.insert(at, (sym, lanes));
            true
        }
    }
}

/// Takes `lanes` of `sym` from what is held. Whether that was the last of it.
pub(super) fn take(held: &mut Held, sym: Sym, lanes: Lanes) -> bool {
    let Ok(at) = search(held, sym) else { return false };
    held[at].1 = held[at].1 - lanes;
    let is_gone = held[at].1.is_empty();
    if is_gone {
        held.remove(at);
    }
    is_gone
}

/// Overwrites `lanes` of a place that held this.
pub(super) fn forget(held: &mut Held, lanes: Lanes) {
    for (sym, known) in held.iter_mut() {
        let signs_of_old =
            matches!(sym, Sym::SignFrom(n) if lanes.intersects(Lanes::low(u32::from(*n))));
        *known = if signs_of_old { Lanes::NONE } else { *known - lanes };
    }
    held.retain(|(_, known)| !known.is_empty());
}

/// Keeps what `others` have too, or may have anywhere. Whether that took anything away.
pub(super) fn intersect(
    held: &mut Held,
    others: &[(Sym, Lanes)],
    anywhere: &[(Sym, Lanes)],
) -> bool {
    let mut changed = false;
    for (sym, lanes) in held.iter_mut() {
        let other = lanes_of(others, *sym) | lanes_of(anywhere, *sym);
        changed |= !other.contains(*lanes);
        *lanes = *lanes & other;
    }
    held.retain(|(_, lanes)| !lanes.is_empty());
    changed
}
