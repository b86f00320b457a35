//! What is known of masks: between which places their bits can be set.
//!
//! In: instructions on mask registers, and those that make masks in general-purpose registers. Out:
//! bounds for the places of bits, as sums over the whole numbers.

use super::linear::Linear;
use super::state::State;
use super::world::World;
use crate::ir::{Instruction, Operand, Reg};
use crate::isa::Bank;

/// Only bits from `first` on and below `end` can be set; none at all if `end` is not above.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bits {
    pub first: Linear,
    pub end: Linear,
}

impl Bits {
    /// The lowest bits, so many.
    pub fn low(end: Linear) -> Bits {
        Bits { first: Linear::default(), end }
    }

    /// Those of a number.
    fn of(number: u64) -> Bits {
        let end = i128::from(u64::BITS - number.leading_zeros());
        let first = if number == 0 { 0 } else { i128::from(number.trailing_zeros()) };
        Bits { first: first.into(), end: end.into() }
    }

    /// Where both can be set.
    fn and(self, other: Bits, state: &State, world: &World<'_>) -> Bits {
        let first = if is_at_most(&other.first, &self.first, state, world) {
            self.first
        } else {
            other.first
        };
        // A number tells no more than the operands' width, as a rule.
        let prefers_other = is_at_most(&other.end, &self.end, state, world)
            || self.end.as_constant().is_some() && !is_at_most(&self.end, &other.end, state, world);
        Bits { first, end: if prefers_other { other.end } else { self.end } }
    }

    /// Where either can be set, if that can be said.
    fn or(self, other: Bits, state: &State, world: &World<'_>) -> Option<Bits> {
        let first = match is_at_most(&self.first, &other.first, state, world) {
            true => self.first,
            false if is_at_most(&other.first, &self.first, state, world) => other.first,
            false => Linear::default(),
        };
        let end = match is_at_most(&self.end, &other.end, state, world) {
            true => other.end,
            false if is_at_most(&other.end, &self.end, state, world) => self.end,
            false => return None,
        };
        Some(Bits { first, end })
    }

    /// Each bit so many places further up.
    fn moved(&self, by: i128) -> Option<Bits> {
        // What falls off at either end is not set any more.
        let first = self.first.offset(by)?;
        let first = if first.as_constant().is_some_and(|first| first < 0) {
            Linear::default()
        } else {
            first
        };
        Some(Bits { first, end: self.end.offset(by)? })
    }

    /// Whether all bits that `self` allows are allowed by `wider`.
    pub fn is_within(&self, wider: &Bits, state: &State, world: &World<'_>) -> bool {
        is_at_most(&wider.first, &self.first, state, world)
            && is_at_most(&self.end, &wider.end, state, world)
    }
}

fn is_at_most(less: &Linear, more: &Linear, state: &State, world: &World<'_>) -> bool {
    more.minus(less).is_some_and(|difference| state.shows(&difference, world))
}

/// The mask register that `inst` writes, and what is known of it afterwards.
pub(super) fn result(
    inst: &Instruction<Reg>,
    state: &mut State,
    world: &mut World<'_>,
) -> Option<(Reg, Bits)> {
    let Some(Operand::Reg(to)) = inst.operands.first() else { return None };
    if to.class.bank() != Bank::Mask {
        return None;
    }
    let mut bits = operation(inst, state, world);
    // Comparisons leave zeros where the mask that they have themselves does.
    if let Some(own) = inst.mask.and_then(|mask| state.masks.get(&mask.reg)) {
        bits = Some(match bits {
            Some(bits) => bits.and(own.clone(), state, world),
            None => own.clone(),
        });
    }
    bits.map(|bits| (to.reg, bits))
}

/// What an instruction on masks computes (Intel SDM volume 2, KMOV to KXOR). The last letter of
/// its name is the width.
fn operation(inst: &Instruction<Reg>, state: &mut State, world: &mut World<'_>) -> Option<Bits> {
    let name = inst.mnemonic.name();
    let source = |number: usize, state: &mut State, world: &mut World<'_>| match inst
        .operands
        .get(number)?
    {
        Operand::Reg(view) if view.class.bank() == Bank::Mask => {
            state.masks.get(&view.reg).cloned()
        }
        Operand::Reg(view) if view.class.bank() == Bank::Gp => {
            let value = state.content(view.reg, world);
            state.bits_of(&value)
        }
        _ => None,
    };
    let is_same = inst.operands.get(1) == inst.operands.get(2);
    let width = match name.chars().last()? {
        'b' => 8,
        'w' => 16,
        'd' => 32,
        _ => 64,
    };
    let all = Bits::low(width.into());
    match &name[..name.len() - 1] {
        "kmov" => source(1, state, world).map(|bits| bits.and(all, state, world)),
        "kxnor" if is_same => Some(all),
        "kxor" | "kandn" if is_same => Some(Bits::low(Linear::default())),
        "kand" => match (source(1, state, world), source(2, state, world)) {
            (Some(a), Some(b)) => Some(a.and(b, state, world)),
            (a, b) => a.or(b),
        },
        // The first source is inverted.
        "kandn" => source(2, state, world),
        "kor" | "kxor" => source(1, state, world)?.or(source(2, state, world)?, state, world),
        "kshiftl" | "kshiftr" => {
            let Some(Operand::Imm(count)) = inst.operands.get(2) else { return None };
            // All eight bits of the count matter; what is shifted out is gone.
            let count = i128::from(*count as u8);
            let up = if name.starts_with("kshiftl") { count } else { -count };
            source(1, state, world)?.moved(up)
        }
        _ => None,
    }
}

impl State {
    /// What is known of the bits of a general-purpose register's value.
    pub fn bits_of(&self, value: &Linear) -> Option<Bits> {
        if let Some(number) = value.as_constant() {
            return Some(Bits::of(number as u64));
        }
        let known = self.low_bits.iter().find(|(of, _)| of == value);
        known.map(|(_, bits)| bits.clone())
    }
}
