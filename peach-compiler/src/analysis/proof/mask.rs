//! What is known of masks: between which places their bits can be set.
//!
//! In: an instruction on mask registers. Out: what is known of its result.

use super::bits::Bits;
use super::state::State;
use super::world::World;
use crate::ir::{Instruction, Operand, Reg};
use crate::isa::Bank;

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
        let own = own.clone().loosened();
        bits = Some(match bits {
            Some(bits) => bits.and(own, state.known(world)),
            None => own,
        });
    }
    bits.map(|bits| (to.reg, bits))
}

/// What an instruction on masks computes (Intel SDM volume 2, KADD to KXOR). The last letter of
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
    let width = width(name)?;
    let all = Bits::all(width);
    let mut first = source(1, state, world);
    let mut second = source(2, state, world);
    let known = state.known(world);
    // Masks may have more bits than the instruction looks at.
    for bits in [&mut first, &mut second] {
        *bits = bits.take().map(|bits| bits.and(all.clone(), known));
    }
    match &name[..name.len() - 1] {
        "kmov" => first,
        "kxnor" if is_same => Some(all),
        "kxor" | "kandn" if is_same => Some(Bits::of(0)),
        "kand" => match (first, second) {
            (Some(a), Some(b)) => Some(a.and(b, known)),
            (a, b) => a.or(b).map(Bits::loosened),
        },
        // The first source is inverted.
        "kandn" => match (first.and_then(|bits| bits.not(width)), second) {
            (Some(a), Some(b)) => Some(a.and(b, known)),
            (a, b) => a.or(b).map(Bits::loosened),
        },
        "knot" => first?.not(width),
        "kor" => first?.or(second?, known),
        "kxor" if first.as_ref() == Some(&all) => second?.not(width),
        "kxor" if second.as_ref() == Some(&all) => first?.not(width),
        "kxor" => first?.loosened().or(second?, known),
        "kadd" => first?.sum(second?, width, known),
        "kshiftl" | "kshiftr" => {
            let Some(Operand::Imm(count)) = inst.operands.get(2) else { return None };
            // All eight bits of the count matter; what is shifted out is gone.
            let count = i128::from(*count as u8);
            let up = if name.starts_with("kshiftl") { count } else { -count };
            first?.moved(&up.into(), width, known)
        }
        // The second source becomes the lower half (Intel SDM volume 2, KUNPCK).
        "kunpckb" | "kunpckw" | "kunpckd" => {
            let half = Bits::all(width / 2);
            let (high, low) = (first?.and(half.clone(), known), second?.and(half, known));
            high.moved(&i128::from(width / 2).into(), width, known)?.or(low, known)
        }
        _ => None,
    }
}

/// How many bits an instruction on masks has.
fn width(name: &str) -> Option<u32> {
    Some(match name.chars().last()? {
        'b' => 8,
        'w' => 16,
        'd' => 32,
        _ => 64,
    })
}
