//! What stores leave of stack variables, and the addresses that operands stand for.

use crate::analysis::proof::linear::Linear;
use crate::analysis::proof::operations::{Operation, operation};
use crate::analysis::proof::state::State;
use crate::analysis::proof::world::World;
use crate::ir::{Base, Instruction, Mem, Operand, Reg, View};
use crate::isa::{Class, Control, Effects};

/// Stack variables that an instruction may write hold anything.
pub(super) fn forget_memory(
    inst: &Instruction<Reg>,
    in_unsafe: bool,
    effects: &Effects<Reg>,
    state: &mut State,
    world: &mut World<'_>,
) {
    if effects.control == Control::Call {
        state.locals.clear();
        state.pushed.clear();
        return;
    }
    for access in effects.memory.iter().filter(|access| access.write) {
        let mem = access.operand.and_then(|operand| match inst.operands.get(operand) {
            Some(Operand::Mem(mem)) => Some(mem),
            _ => None,
        });
        let Some(mem) = mem else {
            // `push` writes where no name reaches.
            if operation(inst.mnemonic) != Some(Operation::Push) {
                state.locals.clear();
                state.pushed.clear();
            }
            continue;
        };
        let direct = match (mem.base, mem.index, mem.disp_const, access.bytes) {
            (Base::Local(local), None, None, Some(bytes)) => Some((local, mem.disp, bytes)),
            _ => None,
        };
        if let Some((local, start, bytes)) = direct {
            let end = start + i64::from(bytes);
            state.locals.retain(|(of, at), _| *of != local || at + 8 <= start || *at >= end);
            continue;
        }
        let address = address(mem, state, world);
        match address.and_then(|address| world.split(&address)) {
            // In plain code this access is proven to stay in its region.
            Some((base, _)) if !in_unsafe => {
                if let Some(local) = world.regions[&base].local {
                    state.locals.retain(|(of, _), _| *of != local);
                }
            }
            _ => {
                state.locals.clear();
                state.pushed.clear();
            }
        }
    }
}

/// The address that `mem` stands for, modulo 2^64.
pub(in crate::analysis::proof) fn address(
    mem: &Mem<Reg>,
    state: &mut State,
    world: &mut World<'_>,
) -> Option<Linear> {
    if mem.segment.is_some() || mem.disp_const.is_some() {
        return None;
    }
    let wide = |view: View<Reg>| (view.class == Class::Gp64).then_some(view.reg);
    let base = match mem.base {
        Base::None => Linear::default(),
        Base::Reg(view) => state.content(wide(view)?, world),
        Base::Local(local) => world.local(local).into(),
        Base::Data(data) => world.constant(data).into(),
        Base::Rip | Base::StackArg => return None,
    };
    let index = match mem.index {
        None => Linear::default(),
        Some((view, scale)) => state.content(wide(view)?, world).times(i128::from(scale))?,
    };
    Some(base.plus(&index)?.offset(i128::from(mem.disp))?.modulo_2_64())
}
