//! What is known of masks: between which places their bits can be set.
//!
//! In: an instruction on mask registers. Out: what is known of its result.

use super::bits::Bits;
use super::linear::Linear;
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
        bits = Some(match bits {
            Some(bits) => bits.and(own.clone(), &state.knowledge, &world.symbols),
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
        "kmov" => {
            source(1, state, world).map(|bits| bits.and(all, &state.knowledge, &world.symbols))
        }
        "kxnor" if is_same => Some(all),
        "kxor" | "kandn" if is_same => Some(Bits::low(Linear::default())),
        "kand" => match (source(1, state, world), source(2, state, world)) {
            (Some(a), Some(b)) => Some(a.and(b, &state.knowledge, &world.symbols)),
            (a, b) => a.or(b),
        },
        // The first source is inverted.
        "kandn" => source(2, state, world),
        "kor" | "kxor" => {
            let (a, b) = (source(1, state, world)?, source(2, state, world)?);
            a.or(b, &state.knowledge, &world.symbols)
        }
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
