//! What is known at one point of the replay: which values each place holds, byte by byte.

use super::slots::{Held, Slots, add, forget, intersect, lanes_of, take};
use super::stack::{Address, Stack};
pub(super) use super::symbols::Sym;
use super::{Checked, Refusal};
use crate::ir::Reg;
use crate::isa::{Bank, Class, Flags, Lanes, PhysReg};
use crate::sorted::SortedMap;
use std::collections::HashSet;
use std::rc::Rc;

/// What becomes of the bytes of a place that a copy does not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// They stay what they are.
    Kept,
    /// What they held is gone.
    Cleared,
}

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A physical register.
    Reg(PhysReg),
    /// Stack memory from this address on.
    Slot(Address),
}

/// Everything known at one point.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// By [`PhysReg::index`]; indices are dense, so that a state is cheap to copy.
    regs: Vec<Held>,
    /// Shared by the states of places between which none of them changes.
    slots: Rc<Slots>,
    /// Bytes of values that nothing has written yet: every place holds them, since any value will
    /// do. Of those alone that an instruction may keep.
    unwritten: Held,
    /// Flags that hold what the program's last writer put there. Where it has not written any, they
    /// hold whatever they are.
    pub flags: Flags,
    /// Flags that the program may have written.
    pub flags_set: Flags,
    /// Whether the upper half of one of the first 16 vector registers may have been written.
    pub upper_written: bool,
    /// The stack pointer, and the frame pointer.
    pub stack: Stack,
    /// In the body of a local function: what was overwritten since it began.
    touched: Option<SortedMap<Place, Lanes>>,
}

impl State {
    pub fn new(stack: Stack) -> State {
        State {
            regs: vec![Held::new(); PhysReg::TRACKED],
            slots: Rc::default(),
            unwritten: Held::new(),
            flags: Flags(u8::MAX),
            flags_set: Flags::default(),
            upper_written: false,
            stack,
            touched: None,
        }
    }

    /// Says that `reg` holds `sym` in `lanes`, besides what it holds already.
    pub fn define_reg(&mut self, reg: PhysReg, sym: Sym, lanes: Lanes) {
        self.define(Place::Reg(reg), sym, lanes);
    }

    /// Says that `place` holds `sym` in `lanes`, besides what it holds already.
    pub fn define(&mut self, place: Place, sym: Sym, lanes: Lanes) {
        match place {
            Place::Reg(reg) => {
                if let Some(slot) = reg.index() {
                    add(&mut self.regs[slot], sym, lanes);
                }
            }
            Place::Slot(address) => Rc::make_mut(&mut self.slots).define(address, sym, lanes),
        }
    }

    /// Says that nothing has written `sym`.
    pub fn leave_open(&mut self, sym: Sym) {
        add(&mut self.unwritten, sym, Lanes::ALL);
    }

    /// What `place` holds.
    pub fn held(&self, place: Place) -> &[(Sym, Lanes)] {
        let held = match place {
            Place::Reg(reg) => reg.index().map(|slot| &self.regs[slot]),
            Place::Slot(address) => return self.slots.held(address),
        };
        held.map_or(&[], Vec::as_slice)
    }

    /// The bytes of `sym` that `place` holds.
    pub fn holds(&self, place: Place, sym: Sym) -> Lanes {
        lanes_of(self.held(place), sym) | lanes_of(&self.unwritten, sym)
    }

    /// Keeps of what registers hold only these symbols.
    pub fn retain_regs(&mut self, keep: impl Fn(Sym) -> bool) {
        for held in self.regs.iter_mut().chain([&mut self.unwritten]) {
            held.retain(|(sym, _)| keep(*sym));
        }
    }

    /// Fails unless `place` holds `lanes` of `sym`.
    pub fn demand(&self, place: Place, sym: Sym, lanes: Lanes) -> Checked {
        let held = self.holds(place, sym);
        if held.contains(lanes) || matches!(place, Place::Reg(reg) if reg.index().is_none()) {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "{place:?} should hold {sym:?} in bytes {:#x}, but holds {:?}",
            lanes.0,
            self.held(place)
        )))
    }

    /// `place` is written through `class`.
    pub fn note_upper(&mut self, place: Place, class: Class) {
        let is_wide = matches!(class, Class::Ymm | Class::Zmm);
        let is_low = matches!(place, Place::Reg(PhysReg { bank: bank @ Bank::Vector, num })
            if bank.without_evex().contains(num));
        self.upper_written |= is_wide && is_low;
    }

    /// An inserted instruction overwrites `flags`: they are lost where they belong to the program.
    pub fn forget_flags(&mut self, flags: u8) {
        self.flags.0 &= !(flags & self.flags_set.0);
    }

    /// The value of `sym` in `lanes` is gone: no place holds it any longer.
    pub fn forget_value(&mut self, sym: Sym, lanes: Lanes) {
        for held in self.regs.iter_mut().chain([&mut self.unwritten]) {
            take(held, sym, lanes);
        }
        if self.slots.holds_some(sym) {
            Rc::make_mut(&mut self.slots).forget_value(sym, lanes);
        }
    }

    /// `place` is overwritten in `lanes`.
    pub fn forget_place(&mut self, place: Place, lanes: Lanes) {
        self.touch(place, lanes);
        match place {
            Place::Reg(reg) => {
                if let Some(slot) = reg.index() {
                    forget(&mut self.regs[slot], lanes);
                }
            }
            Place::Slot(address) => self.overwrite(address, 64 - lanes.0.leading_zeros()),
        }
    }

    /// Memory from `address` on is overwritten for `bytes` bytes, in whichever slots they belong
    /// to.
    pub fn overwrite(&mut self, address: Address, bytes: u32) {
        self.touch(Place::Slot(address), Lanes::low(bytes));
        if self.slots.is_any_in(address, bytes) {
            Rc::make_mut(&mut self.slots).overwrite(address, bytes);
        }
    }

    /// Everything on the stack below `address` is overwritten (by a call).
    pub fn overwrite_below(&mut self, address: Address) {
        Rc::make_mut(&mut self.slots).overwrite_below(address);
    }

    fn touch(&mut self, place: Place, lanes: Lanes) {
        if let Some(touched) = &mut self.touched {
            *touched.get_or_insert(place, Lanes::NONE) |= lanes;
        }
    }

    /// What was overwritten since the body of the local function began, whatever is there now.
    pub fn touched(&self) -> impl Iterator<Item = (Place, Lanes)> {
        self.touched.iter().flatten().map(|(place, lanes)| (*place, *lanes))
    }

    /// The places that hold some of `sym`.
    pub fn places_of(&self, sym: Sym) -> Vec<(Place, Lanes)> {
        let in_regs = PhysReg::tracked()
            .zip(&self.regs)
            .map(|(reg, held)| (Place::Reg(reg), lanes_of(held, sym)));
        let in_slots = self
            .slots
            .places_of(sym)
            .into_iter()
            .map(|address| (Place::Slot(address), lanes_of(self.slots.held(address), sym)));
        in_regs.chain(in_slots).filter(|(_, lanes)| !lanes.is_empty()).collect()
    }

    /// The beginning of the body of a local function, where only the values of `params` are known,
    /// and no flags.
    pub fn only(&self, params: &HashSet<Reg>) -> State {
        let mut state = State::new(self.stack.clone());
        let is_param = |sym: &Sym| matches!(sym, Sym::Reg(reg) if params.contains(reg));
        for (held, kept) in self.regs.iter().zip(&mut state.regs) {
            kept.extend(held.iter().filter(|(sym, _)| is_param(sym)));
        }
        for sym in params.iter().map(|reg| Sym::Reg(*reg)) {
            for address in self.slots.places_of(sym) {
                let lanes = lanes_of(self.slots.held(address), sym);
                Rc::make_mut(&mut state.slots).define(address, sym, lanes);
            }
        }
        state.flags = Flags(self.flags.0 & !Flags::STATUS.0);
        state.flags_set = Flags(self.flags_set.0 | Flags::STATUS.0);
        state.upper_written = self.upper_written;
        state.touched = Some(SortedMap::new());
        state
    }

    /// `dst` gets bytes `lanes` of `src`.
    pub fn copy(&mut self, dst: Place, src: Place, lanes: Lanes, rest: Rest) {
        let moved: Held = self
            .held(src)
            .iter()
            .map(|&(sym, held)| (sym, held & lanes))
            .filter(|(_, held)| !held.is_empty())
            .collect();
        let overwritten = match rest {
            Rest::Kept => lanes,
            Rest::Cleared => Lanes::ALL,
        };
        self.forget_place(dst, overwritten);
        for (sym, held) in moved {
            self.define(dst, sym, held);
        }
    }

    /// `a` and `b` exchange what they hold.
    pub fn exchange(&mut self, a: PhysReg, b: PhysReg) {
        self.touch(Place::Reg(a), Lanes::ALL);
        self.touch(Place::Reg(b), Lanes::ALL);
        if let (Some(a), Some(b)) = (a.index(), b.index()) {
            self.regs.swap(a, b);
        }
    }

    /// The program copies `lanes` of `src` to `dst`: whatever holds the one holds the other.
    pub fn alias(&mut self, dst: Sym, src: Sym, lanes: Lanes) {
        if dst == src {
            return;
        }
        self.forget_value(dst, lanes);
        for held in self.regs.iter_mut().chain([&mut self.unwritten]) {
            let gained = lanes_of(held, src) & lanes;
            if !gained.is_empty() {
                add(held, dst, gained);
            }
        }
        for address in self.slots.places_of(src) {
            let gained = lanes_of(self.slots.held(address), src) & lanes;
            if !gained.is_empty() {
                Rc::make_mut(&mut self.slots).define(address, dst, gained);
            }
        }
    }

    /// Bytes of `sym` beyond `lanes` may have any value: a register that holds `lanes` holds all of
    /// it.
    pub fn complete(&mut self, sym: Sym, lanes: Lanes) {
        for (known, held) in self.regs.iter_mut().flatten() {
            if *known == sym && held.contains(lanes) {
                *held = Lanes::ALL;
            }
        }
    }

    /// The program sets the upper half of `sym` to zero: places that hold the lower half, and zero
    /// above, hold all of it.
    pub fn zero_extended(&mut self, sym: Sym) {
        self.extended(sym, Sym::Zero);
    }

    /// The program sets the upper half of `sym` to the sign of its lower: places that hold the
    /// lower half, and its sign above, hold all of it.
    pub fn sign_extended(&mut self, sym: Sym) {
        self.extended(sym, Sym::SignFrom(4));
    }

    /// Places that hold the lower half of `sym` below the upper half of `above` hold all of it.
    fn extended(&mut self, sym: Sym, above: Sym) {
        let (lower, upper) = (Lanes::low(4), Lanes::range(4, 4));
        let holds = |held: &[(Sym, Lanes)]| {
            lanes_of(held, sym).contains(lower) && lanes_of(held, above).contains(upper)
        };
        for held in self.regs.iter_mut().filter(|held| holds(held)) {
            add(held, sym, upper);
        }
        for address in self.slots.places_of(sym) {
            if holds(self.slots.held(address)) {
                Rc::make_mut(&mut self.slots).define(address, sym, upper);
            }
        }
    }

    /// Keeps only what both know. Whether that took anything away.
    pub fn meet(&mut self, other: &State) -> Checked<bool> {
        let mut changed = self.stack.meet(&other.stack)?;
        if self.flags.0 & !other.flags.0 != 0 {
            self.flags.0 &= other.flags.0;
            changed = true;
        }
        if other.flags_set.0 & !self.flags_set.0 != 0 {
            self.flags_set.0 |= other.flags_set.0;
            changed = true;
        }
        if other.upper_written && !self.upper_written {
            self.upper_written = true;
            changed = true;
        }
        if let Some(touched) = &mut self.touched {
            for (place, lanes) in other.touched() {
                let known = touched.get_or_insert(place, Lanes::NONE);
                changed |= !known.contains(lanes);
                *known |= lanes;
            }
        }
        self.adopt(other);
        for (held, others) in self.regs.iter_mut().zip(&other.regs) {
            changed |= intersect(held, others, &other.unwritten);
        }
        if !Rc::ptr_eq(&self.slots, &other.slots) {
            changed |= Slots::meet(&mut self.slots, &other.slots, &other.unwritten);
        }
        changed |= intersect(&mut self.unwritten, &other.unwritten, &[]);
        Ok(changed)
    }

    /// What nothing has written here is where `other` has it.
    fn adopt(&mut self, other: &State) {
        for (sym, open) in self.unwritten.clone() {
            let open_there = lanes_of(&other.unwritten, sym);
            let gained = |held: &[(Sym, Lanes)]| (lanes_of(held, sym) & open) - open_there;
            for (held, others) in self.regs.iter_mut().zip(&other.regs) {
                add(held, sym, gained(others));
            }
            for address in other.slots.places_of(sym) {
                let gained = gained(other.slots.held(address));
                if !gained.is_empty() {
                    Rc::make_mut(&mut self.slots).define(address, sym, gained);
                }
            }
        }
    }
}
