//! Division: what must hold for it not to fault, and what it leaves (Intel SDM volume 2, DIV and
//! IDIV): the divisor is not 0, and the quotient fits.

use super::linear::Linear;
use super::state::{Slot, State, gp_view};
use super::world::World;
use crate::ir::{Base, Instruction, Op, Operand, Reg};
use crate::isa::{PhysReg, gp};

/// A division that is about to be made.
pub(super) struct Division {
    is_signed: bool,
    bits: u32,
    dividend: Linear,
    divisor: Linear,
}

/// What may be wrong with a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The divisor may be 0.
    Zero,
    /// The quotient may be too large.
    Large,
}

/// The division that instruction `index` makes, in numbers, if it is one.
pub(super) fn division(index: usize, state: &mut State, world: &mut World<'_>) -> Option<Division> {
    let Op::Machine(machine) = &world.function.insts[index].op else { return None };
    of_instruction(&machine.inst, state, world)
}

/// Whether there is one.
pub(super) fn is_at(index: usize, world: &World<'_>) -> bool {
    matches!(&world.function.insts[index].op, Op::Machine(machine) if is_division(&machine.inst))
}

/// All of plain code, where nothing is known of any.
pub(super) fn all(world: &World<'_>) -> Vec<(usize, Fault)> {
    let indices = 0..world.function.insts.len();
    let plain = indices.filter(|&at| is_at(at, world) && !world.function.insts[at].in_unsafe);
    plain.map(|index| (index, Fault::Zero)).collect()
}

/// Whether it is one.
pub fn is_division(inst: &Instruction<Reg>) -> bool {
    matches!(inst.mnemonic.name(), "div" | "idiv")
}

pub(super) fn of_instruction(
    inst: &Instruction<Reg>,
    state: &mut State,
    world: &mut World<'_>,
) -> Option<Division> {
    if !is_division(inst) {
        return None;
    }
    let is_signed = inst.mnemonic.name() == "idiv";
    let (divisor, bits) = match inst.operands.as_slice() {
        [Operand::Reg(view)] => {
            let (reg, bits) = gp_view(*view)?;
            (state.content(reg, world), bits)
        }
        // Of memory, eight bytes of stack variables are remembered.
        [Operand::Mem(mem)] => match (mem.base, mem.index, mem.disp_const, mem.size) {
            (Base::Local(local), None, None, Some(8)) => {
                (state.slot(Slot::Local(local, mem.disp))?.clone(), 64)
            }
            _ => return None,
        },
        _ => return None,
    };
    let divisor = number(&divisor, bits, is_signed, state, world);
    let low = state.content(Reg::Physical(gp::RAX), world);
    let dividend = match bits {
        8 => number(&low, 16, is_signed, state, world),
        _ => {
            let high = state.content(Reg::Physical(gp::RDX), world);
            let high = number(&high, bits, is_signed, state, world);
            let low = state.unsigned(&low, bits, world);
            low.add_scaled(&high, 1 << bits)?
        }
    };
    Some(Division { is_signed, bits, dividend, divisor })
}

fn number(
    value: &Linear,
    bits: u32,
    is_signed: bool,
    state: &mut State,
    world: &mut World<'_>,
) -> Linear {
    match is_signed {
        true => state.signed(value, bits, world),
        false => state.unsigned(value, bits, world),
    }
}

impl Division {
    /// What is to be shown to be at least 0, in the simplest case: for the search.
    pub fn goals(&self) -> Vec<Linear> {
        let positive = self.divisor.offset(-1);
        positive.into_iter().chain(self.room()).collect()
    }

    /// Without sign: `divisor * 2^bits - 1 - dividend`. With one, and a divisor of 1 or more: what
    /// is left to the ends of the range.
    fn room(&self) -> Vec<Linear> {
        match self.is_signed {
            false => {
                let scaled = self.divisor.times(1 << self.bits);
                let room = scaled.and_then(|scaled| scaled.minus(&self.dividend)?.offset(-1));
                room.into_iter().collect()
            }
            true => {
                let half = 1i128 << (self.bits - 1);
                let above = self.dividend.offset(half);
                let below = self.dividend.times(-1).and_then(|d| d.offset(half - 1));
                above.into_iter().chain(below).collect()
            }
        }
    }

    /// What is not shown of it.
    pub fn fault(&self, state: &State, world: &World<'_>) -> Option<Fault> {
        let is_not = |number: i128| {
            let difference = self.divisor.offset(-number);
            difference.is_some_and(|by| state.knowledge.shows_not_zero(&world.symbols, &by))
        };
        if !is_not(0) {
            return Some(Fault::Zero);
        }
        let room = self.room();
        let fits = room.len() == 1 + usize::from(self.is_signed)
            && room.iter().all(|room| state.shows(room, world));
        // The least number has no opposite.
        let is_least_excluded = || {
            let half = 1i128 << (self.bits - 1);
            self.dividend.offset(half - 1).is_some_and(|above| state.shows(&above, world))
        };
        let is_safe = fits && (!self.is_signed || is_not(-1) || is_least_excluded());
        (!is_safe).then_some(Fault::Large)
    }

    /// Quotient and remainder, if they are known to be such.
    pub fn results(&self, state: &mut State, world: &mut World<'_>) -> Option<(Linear, Linear)> {
        let last = self.divisor.offset(-1)?;
        // Rounding towards 0 and downwards are one where nothing is negative.
        if !state.shows(&last, world) || !state.shows(&self.dividend, world) {
            return None;
        }
        let most = (1i128 << self.bits) - 1;
        let quotient = state.fresh(0, most, world);
        let rest = state.fresh(0, most, world);
        let knowledge = &mut state.knowledge;
        knowledge.assume_at_least_zero(last.minus(&rest)?);
        knowledge.assume_at_least_zero(self.dividend.minus(&quotient)?);
        knowledge.assume_at_least_zero(self.dividend.minus(&rest)?);
        if let Some(divisor) = self.divisor.as_constant() {
            let whole = quotient.times(divisor)?.plus(&rest)?;
            knowledge.assume_zero(self.dividend.minus(&whole)?);
        }
        Some((quotient, rest))
    }

    /// Where quotient and remainder are, with their widths; both in `rax` where they have eight.
    pub fn places(&self) -> Option<(PhysReg, PhysReg, u32)> {
        (self.bits > 8).then_some((gp::RAX, gp::RDX, self.bits))
    }
}
