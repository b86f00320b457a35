//! What registers hold and what is known, at one place of the code.

use super::bits::{Bits, Known};
use super::decide::Knowledge;
use super::linear::{Linear, Symbol};
use super::world::{Quotient, SiteKind, WORD, World};
use crate::ir::{Function, LocalId, Reg, View};
use crate::isa::{Bank, Class};
use crate::sorted::SortedMap;

/// Something that holds 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// A general-purpose register.
    Register(Reg),
    /// Eight bytes of a stack variable.
    Local(LocalId, i64),
    /// What was pushed, the last one first.
    Pushed(usize),
}

/// What the flags were last set by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Flags {
    /// Something that nothing is known of.
    #[default]
    Unknown,
    /// `left - right`; the carry flag only where `carry` says so (`dec` keeps it).
    Compared { left: Linear, right: Linear, bits: u32, carry: bool },
    /// `left + right`.
    Added { left: Linear, right: Linear, bits: u32, carry: bool },
    /// A result; without carry and overflow where it is of logic.
    Result { value: Linear, bits: u32, is_logic: bool },
    /// A result, and bit `place` of `source` as the carry flag.
    Shifted { value: Linear, bits: u32, source: Linear, place: u32 },
    /// Bit `place` of `source` as the carry flag.
    Bit { source: Linear, place: u32 },
}

/// The longest sum that is followed. An address has fewer terms, the sum of a whole array has more.
const MOST_TERMS: usize = 16;

/// The division of a value by a power of two.
#[derive(Clone, Debug)]
pub(super) struct Division {
    pub(super) value: Linear,
    bits: u32,
    is_signed: bool,
    pub(super) quotient: Symbol,
}

/// Everything known at one place.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// The 64 bits of general-purpose registers, modulo 2^64. Registers that are not listed hold
    /// anything.
    pub registers: SortedMap<Reg, Linear>,
    pub knowledge: Knowledge,
    pub flags: Flags,
    /// Mask registers of which something is known.
    pub masks: SortedMap<Reg, Bits>,
    /// The eight bytes of stack variables at these offsets.
    pub locals: SortedMap<(LocalId, i64), Linear>,
    /// Values of general-purpose registers of whose bits something is known.
    pub low_bits: Vec<(Linear, Bits)>,
    pub pushed: Vec<Linear>,
    /// The direction flag is clear.
    pub is_upward: bool,
    pub(super) divisions: Vec<Division>,
}

/// The general-purpose register of a view, and how many of its low bits it shows.
pub(super) fn gp_view(view: View<Reg>) -> Option<(Reg, u32)> {
    let is_plain = view.class.bank() == Bank::Gp && view.class != Class::Gp8h;
    is_plain.then(|| (view.reg, 8 * view.class.bytes()))
}

/// Whether a register is a general-purpose one.
pub(super) fn is_gp(reg: Reg, function: &Function) -> bool {
    match reg {
        Reg::Virtual(vreg) => function[vreg].class.bank() == Bank::Gp,
        Reg::Physical(reg) => reg.bank == Bank::Gp,
    }
}

impl State {
    /// What `slot` holds, if it is known at all.
    pub fn slot(&self, slot: Slot) -> Option<&Linear> {
        match slot {
            Slot::Register(reg) => self.registers.get(&reg),
            Slot::Local(local, at) => self.locals.get(&(local, at)),
            Slot::Pushed(above) => self.pushed.iter().rev().nth(above),
        }
    }

    /// Everything of which something is known.
    pub fn slots(&self) -> Vec<Slot> {
        let registers = self.registers.keys().copied().map(Slot::Register);
        let locals = self.locals.keys().map(|&(local, at)| Slot::Local(local, at));
        registers.chain(locals).chain((0..self.pushed.len()).map(Slot::Pushed)).collect()
    }

    /// The 64 bits of `reg`.
    pub fn content(&mut self, reg: Reg, world: &mut World<'_>) -> Linear {
        if let Some(value) = self.registers.get(&reg) {
            return value.clone();
        }
        let name = register_name(reg, world);
        let value = Linear::from(world.fresh(&name, SiteKind::Register(reg), 0, WORD - 1));
        self.registers.insert(reg, value.clone());
        value
    }

    /// `reg` becomes `value`, all 64 bits.
    pub fn set(&mut self, reg: Reg, value: &Linear) {
        let value = value.modulo_2_64();
        match value.terms.len() <= MOST_TERMS {
            true => self.registers.insert(reg, value),
            false => self.registers.remove(&reg),
        };
    }

    /// About as much as a copy of it takes.
    pub fn size(&self) -> usize {
        let facts = self.knowledge.len() + self.low_bits.len();
        4 * (facts + self.registers.len() + self.locals.len() + self.divisions.len())
    }

    /// A result of the current instruction between two bounds.
    pub fn fresh(&mut self, min: i128, max: i128, world: &mut World<'_>) -> Linear {
        world.fresh("a result", SiteKind::Result, min, max).into()
    }

    /// What is known of the bits of a general-purpose register's value.
    pub fn bits_of(&self, value: &Linear) -> Option<Bits> {
        if let Some(number) = value.as_constant() {
            return Some(Bits::of(number as u64));
        }
        let known = self.low_bits.iter().find(|(of, _)| of == value);
        known.map(|(_, bits)| bits.clone())
    }

    /// What bits are compared by.
    pub fn known<'a>(&'a self, world: &'a World<'_>) -> Known<'a> {
        Known { knowledge: &self.knowledge, symbols: &world.symbols }
    }

    /// Whether `goal >= 0`.
    pub fn shows(&self, goal: &Linear, world: &World<'_>) -> bool {
        self.knowledge.shows(&world.symbols, goal)
    }

    /// `value` modulo 2^`bits`, as a number from 0 on.
    pub fn unsigned(&mut self, value: &Linear, bits: u32, world: &mut World<'_>) -> Linear {
        self.reduced(value, bits, false, world)
    }

    /// The low `bits` bits of `value` as a signed number.
    pub fn signed(&mut self, value: &Linear, bits: u32, world: &mut World<'_>) -> Linear {
        self.reduced(value, bits, true, world)
    }

    /// `value` modulo 2^`bits`, as a mask leaves it. Unlike where a width does that, it is divided
    /// whatever is known, so that guesses and proofs have the same symbols.
    pub fn masked(&mut self, value: &Linear, bits: u32, world: &mut World<'_>) -> Linear {
        let modulus = 1i128 << bits;
        let value = without_multiples(value, modulus);
        let is_below = value.greatest(&world.symbols).is_some_and(|most| most < modulus);
        if is_below && value.least(&world.symbols).is_some_and(|least| least >= 0) {
            return value;
        }
        let quotient = self.quotient(&value, bits, world);
        match value.add_scaled(&quotient, -modulus) {
            Some(rest) => rest,
            None => self.fresh(0, modulus - 1, world),
        }
    }

    /// The bits of `value` from one number on and below another, in their places.
    pub fn bits_between(
        &mut self,
        value: &Linear,
        first: u32,
        end: u32,
        world: &mut World<'_>,
    ) -> Option<Linear> {
        let (low, all) = (self.masked(value, first, world), self.masked(value, end, world));
        all.minus(&low)
    }

    fn reduced(
        &mut self,
        value: &Linear,
        bits: u32,
        is_signed: bool,
        world: &mut World<'_>,
    ) -> Linear {
        let modulus = 1i128 << bits;
        let least = if is_signed { -(modulus / 2) } else { 0 };
        let value = &without_multiples(value, modulus);
        if let Some(number) = value.as_constant() {
            return Linear::from((number - least).rem_euclid(modulus) + least);
        }
        let most = least + modulus - 1;
        let (Some(above), Some(below)) =
            (value.offset(-least), value.times(-1).and_then(|v| v.offset(most)))
        else {
            return self.fresh(least, most, world);
        };
        // What arrives does not change: of it, guesses and proofs know the same.
        let is_guessed = world.optimistic && !value.symbols().all(|symbol| world.is_given(symbol));
        if is_guessed || self.shows(&above, world) && self.shows(&below, world) {
            return value.clone();
        }
        let quotient = self.division(value, bits, is_signed, least, world);
        match value.add_scaled(&quotient.into(), -modulus) {
            Some(rest) => rest,
            None => self.fresh(least, most, world),
        }
    }

    /// Whether an address is a multiple of a power of two: dividing it leaves nothing.
    pub fn is_multiple(
        &mut self,
        base: Symbol,
        offset: &Linear,
        align: u64,
        world: &mut World<'_>,
    ) -> bool {
        if align == 1 {
            return true;
        }
        let bits = align.trailing_zeros();
        let Some(address) = Linear::from(base).plus(offset) else { return false };
        let quotient = self.quotient(&address, bits, world);
        let rest = address.add_scaled(&quotient, -i128::from(align));
        rest.is_some_and(|rest| self.knowledge.shows_zero(&world.symbols, &rest))
    }

    /// How often 2^`bits` is contained in the number `value`.
    pub fn quotient(&mut self, value: &Linear, bits: u32, world: &mut World<'_>) -> Linear {
        match value.as_constant() {
            Some(number) => Linear::from(number.div_euclid(1 << bits)),
            None if bits == 0 => value.clone(),
            None => self.division(value, bits, false, 0, world).into(),
        }
    }

    /// `value - 2^bits * quotient` is from `least` on and below `least + 2^bits`.
    fn division(
        &mut self,
        value: &Linear,
        bits: u32,
        is_signed: bool,
        least: i128,
        world: &mut World<'_>,
    ) -> Symbol {
        let is_same =
            |d: &&Division| d.bits == bits && d.is_signed == is_signed && d.value == *value;
        if let Some(known) = self.divisions.iter().find(is_same) {
            return known.quotient;
        }
        let modulus = 1i128 << bits;
        let bound = |number: Option<i128>| number.map(|n| (n - least).div_euclid(modulus));
        let min = bound(value.least(&world.symbols));
        let max = bound(value.greatest(&world.symbols));
        let quotient = world.fresh("a quotient", SiteKind::Quotient, min, max);
        let rest = value.add_scaled(&quotient.into(), -modulus);
        if let Some(rest) = rest {
            if let Some(above) = rest.offset(-least) {
                self.knowledge.assume_at_least_zero(above);
            }
            if let Some(below) = rest.times(-1).and_then(|r| r.offset(least + modulus - 1)) {
                self.knowledge.assume_at_least_zero(below);
            }
        }
        let value = value.clone();
        world.quotients.insert(quotient, Quotient { value: value.clone(), bits, least });
        self.divisions.push(Division { value, bits, is_signed, quotient });
        quotient
    }
}

/// The same modulo `modulus`, without the symbols that it does not depend on.
fn without_multiples(value: &Linear, modulus: i128) -> Linear {
    let mut rest = value.clone();
    rest.terms.retain(|term| term.1 % modulus != 0);
    rest
}

/// What the user calls a register.
pub(super) fn register_name(reg: Reg, world: &World<'_>) -> String {
    match reg {
        Reg::Virtual(vreg) => world.function[vreg].name.clone(),
        Reg::Physical(reg) => crate::isa::register_name(reg, Class::Gp64),
    }
}
