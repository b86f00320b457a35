//! What the instructions do that the compiler inserted: moves between places, the stack pointer.
//!
//! An instruction that is not known here is not an error: what it writes is forgotten, so that
//! whatever relies on it is refused.

use super::meaning::{Above, Alignment, Meaning, StackPointer, Transfer, is_decorated, meaning_of};
use super::stack::{Address, Region};
use super::state::{Place, Rest, State, Sym};
use super::{Checked, Refusal, Step};
use crate::abi::ArgPlace;
use crate::ir::{ArgId, Base, Function, Instruction, Mem, Operand, View};
use crate::isa::{self, Class, Control, Flags, Lanes, PhysReg, gp};

/// Replays one inserted instruction.
pub(super) fn replay(inst: &Instruction<PhysReg>, step: &mut Step<'_>) -> Checked {
    if let Some(Operand::Reg(dst)) = inst.operands.first() {
        step.state.note_upper(Place::Reg(dst.reg), dst.class);
    }
    check_memory(inst, step.state)?;
    match meaning_of(inst) {
        Meaning::Push(src) => push(src, step),
        Meaning::Pop(dst) => pop(dst, step.state),
        Meaning::SetStackPointer(value) => set_stack_pointer(inst, value, step)?,
        Meaning::Leave => {
            set_stack_pointer(inst, StackPointer::Copy(gp::RBP), step)?;
            pop(gp::RBP, step.state);
        }
        Meaning::CopyStackPointer(dst) => {
            let rsp = step.state.stack.rsp;
            set_base(dst, rsp, step.state);
        }
        Meaning::TakeAddress { dst, mem } => match step.state.stack.resolve(mem) {
            Some(address) => set_base(dst, address, step.state),
            None => forget_writes(inst, step)?,
        },
        Meaning::AlignBase { reg, align } => align_base(reg, align, step)?,
        Meaning::Exchange(a, b) => step.state.exchange(a, b),
        Meaning::ClearUpperHalves => clear_upper_halves(step.state),
        Meaning::Move { dst, src, transfer } => register_move(dst, src, transfer, step.state),
        Meaning::Load { dst, mem, transfer } => load(dst, mem, transfer, step)?,
        Meaning::Store { mem, src, transfer } => store(mem, src, transfer, step)?,
        Meaning::Unknown => forget_writes(inst, step)?,
    }
    Ok(())
}

/// Memory that an inserted instruction touches is the compiler's own.
fn check_memory(inst: &Instruction<PhysReg>, state: &State) -> Checked {
    let only_computes = inst.mnemonic.name() == "lea" && !is_decorated(inst);
    let is_unknown = |mem| !is_own_memory(mem, state);
    match !only_computes && inst.memory_operands().any(|(_, mem)| is_unknown(mem)) {
        true => Err(Refusal::new(format!("`{inst}` touches unknown memory"))),
        false => Ok(()),
    }
}

/// Whether an address is one that inserted instructions have to do with: of the frame, of
/// constants, or one that the caller passed for arguments or the result.
fn is_own_memory(mem: &Mem<PhysReg>, state: &State) -> bool {
    let base = match mem.base {
        Base::Data(_) => return true,
        Base::Reg(base) if mem.index.is_none() => base.reg,
        _ => return false,
    };
    let is_passed = |&(sym, lanes): &(Sym, Lanes)| {
        matches!(sym, Sym::Pointer(_) | Sym::ResultPointer) && lanes.contains(Lanes::low(8))
    };
    let mut held = state.held(Place::Reg(base)).iter();
    state.stack.resolve(mem).is_some() || held.any(is_passed)
}

fn push(reg: PhysReg, step: &mut Step<'_>) {
    step.state.stack.rsp = step.state.stack.rsp.plus(-8);
    let slot = step.state.stack.rsp;
    step.layout.push(slot, 8);
    step.state.overwrite(slot, 8);
    step.state.copy(Place::Slot(slot), Place::Reg(reg), Lanes::low(8), Rest::Kept);
}

fn pop(reg: PhysReg, state: &mut State) {
    let slot = state.stack.rsp;
    state.stack.forget(reg);
    state.copy(Place::Reg(reg), Place::Slot(slot), Lanes::low(8), Rest::Cleared);
    state.stack.rsp = slot.plus(8);
}

fn set_stack_pointer(
    inst: &Instruction<PhysReg>,
    value: StackPointer<'_>,
    step: &mut Step<'_>,
) -> Checked {
    let stack = &mut step.state.stack;
    let rsp = stack.rsp;
    let address = match value {
        StackPointer::Plus(bytes) => Some(rsp.plus(bytes)),
        StackPointer::AlignedDown(align) => {
            step.layout.align_stack_pointer(rsp, align)?;
            Some(Address { region: Region::Aligned, offset: 0 })
        }
        StackPointer::Address(mem) => stack.resolve(mem),
        StackPointer::Copy(reg) => stack.address_in(reg),
        StackPointer::Unknown => None,
    };
    let unknown = || Refusal::new(format!("the stack pointer is set by `{inst}`"));
    stack.rsp = address.ok_or_else(unknown)?;
    if matches!(value, StackPointer::Plus(_) | StackPointer::AlignedDown(_)) {
        step.state.forget_flags(Flags::STATUS.0);
    }
    Ok(())
}

/// A register gets an address of the stack.
fn set_base(reg: PhysReg, address: Address, state: &mut State) {
    overwrite_register(reg, Lanes::low(8), state);
    state.stack.set_base(reg, address);
}

/// `and base, -align`: the base of stack variables within the frame, at a distance below the
/// address that it held which only the alignment limits.
fn align_base(reg: PhysReg, align: i64, step: &mut Step<'_>) -> Checked {
    let held = step.state.stack.address_in(reg);
    let held =
        held.ok_or_else(|| Refusal::new(format!("`and` of {reg:?}, which is not an address")))?;
    step.state.forget_flags(Flags::STATUS.0);
    step.layout.align_within(held, align, step.state.stack.rsp)?;
    set_base(reg, Address { region: Region::Aligned, offset: 0 }, step.state);
    Ok(())
}

fn clear_upper_halves(state: &mut State) {
    state.upper_written = false;
    for num in 0..16 {
        let upper = Lanes::ALL - Lanes::low(16);
        state.forget_place(Place::Reg(PhysReg::vector(num)), upper);
    }
}

fn register_move(dst: View<PhysReg>, src: View<PhysReg>, transfer: Transfer, state: &mut State) {
    let carried = Lanes::low(transfer.bytes);
    let rest = match transfer.above {
        Above::Kept => Rest::Kept,
        Above::Zero => Rest::Cleared,
        // Of a register of 16 bits the others are kept.
        Above::Sign => match dst.class.bytes() {
            ..4 => Rest::Kept,
            _ => Rest::Cleared,
        },
    };
    state.stack.forget(dst.reg);
    state.copy(Place::Reg(dst.reg), Place::Reg(src.reg), carried, rest);
    match transfer.above {
        Above::Kept => {}
        Above::Zero => {
            let zeroed = Lanes::low(dst.class.bytes().max(8)) - carried;
            state.define_reg(dst.reg, Sym::Zero, zeroed);
        }
        Above::Sign => {
            let signs = Lanes::low(dst.class.bytes()) - carried;
            state.define_reg(dst.reg, Sym::SignFrom(transfer.bytes as u8), signs);
        }
    }
}

fn load(
    dst: View<PhysReg>,
    mem: &Mem<PhysReg>,
    transfer: Transfer,
    step: &mut Step<'_>,
) -> Checked {
    let lanes = Lanes::low(transfer.bytes);
    if let Some(arg) = argument_behind(mem, step.function, step.state) {
        overwrite_register(dst.reg, Lanes::ALL, step.state);
        step.state.define_reg(dst.reg, Sym::Arg(arg), lanes);
        extend(dst, transfer, step.state);
        return Ok(());
    }
    match (mem.index, step.state.stack.resolve(mem)) {
        (None, Some(slot)) => {
            check_within_frame(slot, step.function, step.state)?;
            check_aligned(transfer, slot, step)?;
            step.state.stack.forget(dst.reg);
            let rest = if dst.class == Class::Gp8 { Rest::Kept } else { Rest::Cleared };
            step.state.copy(Place::Reg(dst.reg), Place::Slot(slot), lanes, rest);
            extend(dst, transfer, step.state);
        }
        _ => overwrite_register(dst.reg, Lanes::ALL, step.state),
    }
    Ok(())
}

/// What a load into a general-purpose register does to the bytes above those that it reads.
fn extend(dst: View<PhysReg>, transfer: Transfer, state: &mut State) {
    let above = Lanes::low(8) - Lanes::low(transfer.bytes);
    if !matches!(dst.class, Class::Gp32 | Class::Gp64) || above.is_empty() {
        return;
    }
    match transfer.above {
        Above::Sign => state.define_reg(dst.reg, Sym::SignFrom(transfer.bytes as u8), above),
        Above::Zero | Above::Kept => state.define_reg(dst.reg, Sym::Zero, above),
    }
}

/// The argument that a load through a by-reference parameter's address fetches.
fn argument_behind(mem: &Mem<PhysReg>, function: &Function, state: &State) -> Option<ArgId> {
    let Base::Reg(base) = mem.base else { return None };
    let index = function.args.iter().position(|arg| {
        let offset = match function.placement.args[arg.param][arg.part] {
            ArgPlace::Indirect { offset, .. } | ArgPlace::StackIndirect { offset, .. } => offset,
            ArgPlace::Reg(_) | ArgPlace::Stack { .. } => return false,
        };
        let pointer = state.holds(Place::Reg(base.reg), Sym::Pointer(arg.param));
        mem.index.is_none() && mem.disp == i64::from(offset) && pointer.contains(Lanes::low(8))
    })?;
    Some(ArgId(index as u32))
}

fn store(
    mem: &Mem<PhysReg>,
    src: View<PhysReg>,
    transfer: Transfer,
    step: &mut Step<'_>,
) -> Checked {
    let Some(slot) = step.state.stack.resolve(mem).filter(|_| mem.index.is_none()) else {
        return Ok(());
    };
    let bytes = transfer.bytes;
    check_within_frame(slot, step.function, step.state)?;
    check_aligned(transfer, slot, step)?;
    if step.state.stack.is_pushed(slot, bytes) {
        return Err(Refusal::new(format!("{slot:?} holds a value that the source pushed")));
    }
    step.layout.push(slot, bytes);
    step.state.overwrite(slot, bytes);
    step.state.copy(Place::Slot(slot), Place::Reg(src.reg), Lanes::low(bytes), Rest::Kept);
    Ok(())
}

/// Moves that require an alignment get it.
fn check_aligned(transfer: Transfer, slot: Address, step: &Step<'_>) -> Checked {
    let least = step.function.convention.stack_align;
    let is_right = match transfer.alignment {
        Alignment::Any => true,
        Alignment::Natural => step.layout.is_aligned(slot, transfer.bytes, least),
    };
    match is_right {
        true => Ok(()),
        false => Err(Refusal::new(format!("{slot:?} may not be aligned"))),
    }
}

/// Stack memory below the stack pointer and its red zone belongs to signal handlers.
pub(super) fn check_within_frame(slot: Address, function: &Function, state: &State) -> Checked {
    let rsp = state.stack.rsp;
    let lowest = rsp.offset - i64::from(function.convention.red_zone);
    if slot.region == rsp.region && slot.offset < lowest {
        return Err(Refusal::new(format!("{slot:?} is below the stack pointer at {rsp:?}")));
    }
    Ok(())
}

fn overwrite_register(reg: PhysReg, lanes: Lanes, state: &mut State) {
    state.stack.forget(reg);
    state.forget_place(Place::Reg(reg), lanes);
}

/// An instruction without a meaning here: its results are unknown, in memory too.
fn forget_writes(inst: &Instruction<PhysReg>, step: &mut Step<'_>) -> Checked {
    let Step { function, state, .. } = step;
    let selection = isa::select(inst, &function.features)
        .map_err(|error| Refusal::new(format!("inserted {inst:?}: {error:?}")))?;
    let effects = isa::effects(inst, &selection);
    if effects.stack != 0 || effects.control != Control::Next {
        return Err(Refusal::new(format!("`{inst}` was inserted")));
    }
    for memory in effects.memory.iter().filter(|memory| memory.write) {
        let operand = memory.operand.and_then(|index| inst.operands.get(index));
        if let Some(Operand::Mem(mem)) = operand
            && let Some(slot) = state.stack.resolve(mem)
        {
            check_within_frame(slot, function, state)?;
            state.overwrite(slot, memory.bytes.unwrap_or(64));
        }
    }
    for access in &effects.regs {
        let written = access.write | access.may_write;
        if !written.is_empty() && access.reg != gp::RSP {
            overwrite_register(access.reg, written, state);
            state.define_reg(access.reg, Sym::Zero, access.zeroed);
        }
    }
    state.forget_flags(effects.flags_written.0 | effects.flags_may_write.0);
    Ok(())
}
