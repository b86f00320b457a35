//! A return: the results, the preserved registers, the stack pointer.
//!
//! The code of a return is a straight line that may pack and extend, so it is evaluated byte by
//! byte ([`Byte`]) next to the replay of places.

use super::bindings::place_of;
use super::bytes::{Byte, Bytes, evaluate};
use super::inserted;
use super::stack::Address;
use super::state::{Place, State, Sym};
use super::{Checked, Refusal, Step};
use crate::abi::ResultPlace;
use crate::ir::{
    Code, DataContent, Function, Instruction, Item, Machine, Op, Operand, Reg, ResultKind,
    ResultValue, ReturnValue, RustSymId,
};
use crate::isa::{Effects, Lanes, PhysReg, gp};

/// Replays the code of a return with these `values`.
pub(super) fn replay(values: &[ReturnValue], items: &[Item], step: &mut Step<'_>) -> Checked {
    let before = step.state.clone();
    let mut bytes = Bytes::default();
    let Some((last, moves)) = items.split_last() else {
        return Err(Refusal::new("the return has no code"));
    };
    for item in moves {
        let Code::Inst(inst) = &item.code else {
            return Err(Refusal::new("a return holds more than instructions"));
        };
        evaluate(inst, step.function, step.state, &mut bytes);
        inserted::replay(inst, step)?;
    }
    if !matches!(&last.code, Code::Inst(inst) if inst.mnemonic.name() == "ret") {
        return Err(Refusal::new("the return does not end in `ret`"));
    }
    check_preserved(step.function, step.state)?;
    check_upper_halves(step.function, step.state)?;
    check_results(values, step.function, &before, &bytes)
}

fn check_preserved(function: &Function, state: &State) -> Checked {
    if state.stack.rsp != Address::cfa(-8) {
        return Err(Refusal::new(format!("`ret` with the stack pointer at {:?}", state.stack.rsp)));
    }
    state.demand(Place::Slot(state.stack.rsp), Sym::ReturnAddress, Lanes::low(8))?;
    let saved_gp = function.convention.saved_gp.iter().map(|n| (PhysReg::gp(n), 8));
    let saved_xmm = function.convention.saved_xmm.iter().map(|n| (PhysReg::vector(n), 16));
    for (reg, bytes) in saved_gp.chain(saved_xmm) {
        state.demand(Place::Reg(reg), Sym::Saved(reg), Lanes::low(bytes))?;
    }
    Ok(())
}

fn check_upper_halves(function: &Function, state: &State) -> Checked {
    if state.upper_written && !function.options.no_vzeroupper && !is_wide(&function.result) {
        return Err(Refusal::new("`ret` with upper halves of vector registers written"));
    }
    Ok(())
}

/// Replays the code of `jmp sym path`, which is `op`.
pub(super) fn replay_tail_call(
    op: &Op,
    effects: &Effects<Reg>,
    items: &[Item],
    step: &mut Step<'_>,
) -> Checked {
    let Some((last, moves)) = items.split_last() else {
        return Err(Refusal::new("the tail call has no code"));
    };
    for item in moves {
        let Code::Inst(inst) = &item.code else {
            return Err(Refusal::new("a tail call holds more than instructions"));
        };
        inserted::replay(inst, step)?;
    }
    let is_jump = match (op.machine(), &last.code) {
        (Some(Machine { inst: meant, .. }), Code::Inst(inst)) => {
            inst.is_tail_call() && target(meant).is_some() && target(meant) == target(inst)
        }
        _ => false,
    };
    if !is_jump {
        return Err(Refusal::new("the tail call does not end in its `jmp`"));
    }
    check_preserved(step.function, step.state)?;
    for access in effects.regs.iter().filter(|access| !access.read.is_empty()) {
        step.state.demand(place_of(access.reg), Sym::Reg(access.reg), access.read)?;
    }
    Ok(())
}

/// The item that a tail call goes to.
fn target<R>(inst: &Instruction<R>) -> Option<RustSymId> {
    match inst.operands.first() {
        Some(Operand::RustSym(id)) => Some(*id),
        _ => None,
    }
}

/// Whether a result is in more than 16 bytes of a vector register.
fn is_wide(result: &ResultKind) -> bool {
    match result {
        ResultKind::Unit => false,
        ResultKind::Values(types) => types.iter().any(|ty| ty.bytes > 16),
    }
}

fn check_results(
    values: &[ReturnValue],
    function: &Function,
    before: &State,
    bytes: &Bytes,
) -> Checked {
    let types: &[ResultValue] = match &function.result {
        ResultKind::Unit => &[],
        ResultKind::Values(types) => types,
    };
    if types.len() != values.len() {
        return Err(Refusal::new("a return with the wrong number of values"));
    }
    let check = Results { function, before };
    match &function.placement.result {
        ResultPlace::Unit => Ok(()),
        ResultPlace::Regs(regs) if values.len() == 1 && regs.len() == 2 => {
            Err(Refusal::new("one value in two registers"))
        }
        ResultPlace::Regs(regs) => {
            for ((value, ty), reg) in values.iter().zip(types).zip(regs) {
                check.value(value, ty, &bytes.get(*reg))?;
                check.extension(ty, &bytes.get(*reg), types.len() == 1)?;
            }
            Ok(())
        }
        ResultPlace::Packed { reg, shift } => {
            let packed = bytes.get(*reg);
            let [first, second] = values else {
                return Err(Refusal::new("a packed result has two values"));
            };
            check.value(first, &types[0], &packed)?;
            check.value(second, &types[1], &packed[(*shift / 8) as usize..])
        }
        ResultPlace::Memory { offsets } => {
            for ((value, ty), offset) in values.iter().zip(types).zip(offsets) {
                let stored: Vec<Byte> = (0..i64::from(ty.bytes))
                    .map(|i| bytes.stored.get(&(i64::from(*offset) + i)).copied())
                    .map(|byte| byte.unwrap_or(Byte::Unknown))
                    .collect();
                check.value(value, ty, &stored)?;
            }
            check.pointer(&bytes.get(gp::RAX))
        }
        ResultPlace::Stack { offsets } => {
            for ((value, ty), offset) in values.iter().zip(types).zip(offsets) {
                let stored: Vec<Byte> = (0..i64::from(ty.bytes))
                    .map(|i| bytes.on_stack.get(&Address::cfa(i64::from(*offset) + i)).copied())
                    .map(|byte| byte.unwrap_or(Byte::Unknown))
                    .collect();
                check.value(value, ty, &stored)?;
            }
            Ok(())
        }
    }
}

/// Compares bytes at the `ret` with values before the return.
struct Results<'a> {
    function: &'a Function,
    before: &'a State,
}

impl Results<'_> {
    fn value(&self, value: &ReturnValue, ty: &ResultValue, bytes: &[Byte]) -> Checked {
        for (index, byte) in bytes.iter().take(ty.bytes as usize).enumerate() {
            if !self.is_byte(value, index, *byte) {
                return Err(Refusal::new(format!(
                    "byte {index} of the result should be that of {value:?}, but is {byte:?}"
                )));
            }
        }
        Ok(())
    }

    fn is_byte(&self, value: &ReturnValue, index: usize, byte: Byte) -> bool {
        match *value {
            ReturnValue::Reg(view) => {
                // `ah` names the second byte of its register.
                let first = view.class.lanes().0.trailing_zeros() as usize;
                self.holds(byte, Sym::Reg(view.reg), first + index)
            }
            ReturnValue::Imm(number) => byte == Byte::Known((number >> (8 * index)) as u8),
            ReturnValue::RustConst(id) => byte == Byte::Const(id, index as u8),
            ReturnValue::Data(id) => match (&self.function[id].content, byte) {
                (_, Byte::Data(data, at)) => data == id && at as usize == index,
                (DataContent::Bytes(content), Byte::Known(number)) => {
                    content.get(index).copied().unwrap_or(0) == number
                }
                _ => false,
            },
        }
    }

    fn holds(&self, byte: Byte, sym: Sym, index: usize) -> bool {
        match byte {
            // The stack pointer is what it is.
            Byte::Of(gp::RSP, at) if sym == Sym::Reg(Reg::Physical(gp::RSP)) => {
                usize::from(at) == index
            }
            // A byte can only be known to be one of `sym` where both have the same number: places
            // hold values byte for byte.
            Byte::Of(reg, at) => {
                let held = self.before.holds(Place::Reg(reg), sym);
                usize::from(at) == index && held.contains(Lanes(1 << index))
            }
            Byte::Slot(slot, at) => {
                let held = self.before.holds(Place::Slot(slot), sym);
                usize::from(at) == index && held.contains(Lanes(1 << index))
            }
            _ => false,
        }
    }

    fn pointer(&self, bytes: &[Byte]) -> Checked {
        let right = bytes
            .iter()
            .take(8)
            .enumerate()
            .all(|(index, byte)| self.holds(*byte, Sym::ResultPointer, index));
        if right { Ok(()) } else { Err(Refusal::new("`rax` is not the address of the result")) }
    }

    /// Pointers of 32 bits are extended to 64 for the caller.
    fn extension(&self, ty: &ResultValue, bytes: &[Byte], alone: bool) -> Checked {
        if ty.vector || ty.bytes >= ty.extended || !alone {
            return Ok(());
        }
        let extended = bytes.iter().enumerate().take(ty.extended as usize);
        for (index, byte) in extended.skip(ty.bytes as usize) {
            if !self.is_zero(index, *byte) {
                return Err(Refusal::new(format!(
                    "byte {index} of a pointer of 32 bits is not zero: {byte:?}"
                )));
            }
        }
        Ok(())
    }

    fn is_zero(&self, index: usize, byte: Byte) -> bool {
        match byte {
            Byte::Known(number) => number == 0,
            Byte::Of(reg, at) if usize::from(at) == index => {
                self.before.holds(Place::Reg(reg), Sym::Zero).contains(Lanes(1 << index))
            }
            _ => false,
        }
    }
}
