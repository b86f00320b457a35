//! What the instructions mean that the compiler inserted: moves between places, the stack pointer.
//!
//! An instruction that is not known here is no error: what it writes is forgotten, so that whoever
//! relies on it is refused.

use super::stack::{Address, Layout, Region};
use super::state::{Place, State, Sym};
use super::{Checked, Refusal, Step};
use crate::abi::ArgPlace;
use crate::ir::{ArgId, Base, Function, Instruction, Mem, Operand, Prefixes, View};
use crate::isa::{self, Bank, Class, Control, Flags, Lanes, PhysReg, gp};

/// Replays one inserted instruction.
pub(super) fn replay(inst: &Instruction<PhysReg>, step: &mut Step<'_>) -> Checked {
    let Step { function, state, layout, .. } = step;
    let name = if is_decorated(inst) { "" } else { inst.mnemonic.name() };
    let is_wide = |view: &View<PhysReg>| view.class == Class::Gp64;
    if let Some(Operand::Reg(dst)) = inst.operands.first() {
        state.note_upper(Place::Reg(dst.reg), dst.class);
    }
    for operand in &inst.operands {
        if let Operand::Mem(mem) = operand
            && name != "lea"
            && !is_own_memory(mem, state)
        {
            return Err(Refusal::new(format!("`{inst}` touches unknown memory")));
        }
    }
    match (name, inst.operands.as_slice()) {
        ("push", [Operand::Reg(src)]) if is_wide(src) => push(src.reg, state, layout),
        ("pop", [Operand::Reg(dst)]) if is_wide(dst) => pop(dst.reg, state),
        ("sub" | "add" | "and" | "lea" | "mov", [Operand::Reg(dst), value])
            if dst.reg == gp::RSP && is_wide(dst) =>
        {
            move_stack_pointer(name, value, state, layout)
        }
        ("leave", []) => {
            let base = Operand::Reg(View { reg: gp::RBP, class: Class::Gp64 });
            move_stack_pointer("mov", &base, state, layout)?;
            pop(gp::RBP, state)
        }
        ("mov", [Operand::Reg(dst), Operand::Reg(src)]) if src.reg == gp::RSP && is_wide(dst) => {
            overwrite_register(dst.reg, Lanes::low(8), state);
            state.stack.set_base(dst.reg, state.stack.rsp);
            Ok(())
        }
        ("lea", [Operand::Reg(dst), Operand::Mem(mem)])
            if is_wide(dst) && mem.index.is_none() && state.stack.resolve(mem).is_some() =>
        {
            let address = state.stack.resolve(mem).expect("just resolved");
            overwrite_register(dst.reg, Lanes::low(8), state);
            state.stack.set_base(dst.reg, address);
            Ok(())
        }
        ("and", [Operand::Reg(dst), Operand::Imm(mask)]) if is_wide(dst) && is_alignment(*mask) => {
            align_base(dst.reg, -*mask as i64, state, layout)
        }
        ("xchg", [Operand::Reg(a), Operand::Reg(b)]) if a.class == Class::Gp64 => {
            state.exchange(a.reg, b.reg);
            Ok(())
        }
        ("vzeroupper", []) => {
            state.upper_written = false;
            for num in 0..16 {
                let upper = Lanes::ALL - Lanes::low(16);
                state.forget_place(Place::Reg(PhysReg::vector(num)), upper);
            }
            Ok(())
        }
        (_, [Operand::Reg(dst), Operand::Reg(src)]) if moved_bytes(name, dst, src).is_some() => {
            let bytes = moved_bytes(name, dst, src).expect("just matched");
            register_move(name, *dst, *src, bytes, state);
            Ok(())
        }
        (_, [Operand::Reg(dst), Operand::Mem(mem)])
            if extending_load(name, mem).or(transferred_bytes(name, dst.class)).is_some() =>
        {
            let bytes = extending_load(name, mem).or(transferred_bytes(name, dst.class));
            load(name, *dst, mem, bytes.expect("just matched"), function, state, layout)
        }
        (_, [Operand::Mem(mem), Operand::Reg(src)])
            if transferred_bytes(name, src.class).is_some() =>
        {
            let bytes = transferred_bytes(name, src.class).expect("just matched");
            store(name, *src, mem, bytes, function, state, layout)
        }
        _ => forget_writes(inst, function, state),
    }
}

/// Whether an address is one that inserted instructions have to do with: of the frame, of constants, or
/// one that the caller passed for arguments or the result.
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

/// Whether an instruction does something else than its name says here: under a mask, with a prefix, or
/// to the second byte of a register.
pub(super) fn is_decorated(inst: &Instruction<PhysReg>) -> bool {
    let is_high = |operand: &Operand<PhysReg>| {
        matches!(operand, Operand::Reg(View { class: Class::Gp8h, .. }))
    };
    let has_prefix = inst.prefixes != Prefixes::default();
    inst.mask.is_some() || has_prefix || inst.operands.iter().any(is_high)
}

fn push(reg: PhysReg, state: &mut State, layout: &mut Layout) -> Checked {
    state.stack.rsp = state.stack.rsp.plus(-8);
    let slot = state.stack.rsp;
    layout.push(slot, 8);
    state.overwrite(slot, 8);
    state.copy(Place::Slot(slot), Place::Reg(reg), Lanes::low(8), false);
    Ok(())
}

fn pop(reg: PhysReg, state: &mut State) -> Checked {
    let slot = state.stack.rsp;
    state.stack.forget(reg);
    state.copy(Place::Reg(reg), Place::Slot(slot), Lanes::low(8), true);
    state.stack.rsp = slot.plus(8);
    Ok(())
}

fn move_stack_pointer(
    name: &str,
    value: &Operand<PhysReg>,
    state: &mut State,
    layout: &mut Layout,
) -> Checked {
    let rsp = state.stack.rsp;
    let unknown = || Refusal::new(format!("the stack pointer is set by `{name}` with {value:?}"));
    state.stack.rsp = match (name, value) {
        ("sub", Operand::Imm(bytes)) => rsp.plus(-(*bytes as i64)),
        ("add", Operand::Imm(bytes)) => rsp.plus(*bytes as i64),
        ("and", Operand::Imm(mask)) if is_alignment(*mask) => {
            layout.align_stack_pointer(rsp, -*mask as i64)?;
            Address { region: Region::Aligned, offset: 0 }
        }
        ("lea", Operand::Mem(mem)) if mem.index.is_none() => {
            state.stack.resolve(mem).ok_or_else(unknown)?
        }
        ("mov", Operand::Reg(src)) => state.stack.address_in(src.reg).ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    if matches!(name, "sub" | "add" | "and") {
        state.forget_flags(Flags::STATUS.0);
    }
    Ok(())
}

/// Whether `and` with this number rounds down to a power of two.
fn is_alignment(mask: i128) -> bool {
    mask < 0 && (-mask).count_ones() == 1
}

/// `and base, -align`: the base of stack variables within the frame, at a distance below the address
/// that it held which only the alignment limits.
fn align_base(reg: PhysReg, align: i64, state: &mut State, layout: &mut Layout) -> Checked {
    let held = state.stack.address_in(reg);
    let held =
        held.ok_or_else(|| Refusal::new(format!("`and` of {reg:?}, which is not an address")))?;
    overwrite_register(reg, Lanes::low(8), state);
    state.forget_flags(Flags::STATUS.0);
    layout.align_within(held, align, state.stack.rsp)?;
    state.stack.set_base(reg, Address { region: Region::Aligned, offset: 0 });
    Ok(())
}

/// How many bytes a load that extends them reads.
fn extending_load(name: &str, mem: &Mem<PhysReg>) -> Option<u32> {
    match name {
        "movzx" | "movsxd" => mem.size,
        _ => None,
    }
}

/// How many bytes a move between registers carries, if it is one.
pub(super) fn moved_bytes(name: &str, dst: &View<PhysReg>, src: &View<PhysReg>) -> Option<u32> {
    let narrower = dst.class.bytes().min(src.class.bytes());
    match name {
        "movss" => Some(4),
        "movsd" => Some(8),
        "movd" | "vmovd" => Some(4),
        "movq" | "vmovq" => Some(8),
        "movzx" | "movsx" | "movsxd" => Some(src.class.bytes()),
        _ => transferred_bytes(name, dst.class).map(|bytes| bytes.min(narrower)),
    }
}

/// How many bytes a plain load or store carries, if it is one.
pub(super) fn transferred_bytes(name: &str, class: Class) -> Option<u32> {
    Some(match name {
        "mov" => class.bytes(),
        "movaps" | "movups" | "movapd" | "movupd" | "movdqa" | "movdqu" => 16,
        "vmovaps" | "vmovups" | "vmovapd" | "vmovupd" | "vmovdqa" | "vmovdqu" => class.bytes(),
        "vmovdqa64" | "vmovdqu64" | "vmovdqa32" | "vmovdqu32" => class.bytes(),
        "movss" | "vmovss" | "movd" | "vmovd" => 4,
        "movsd" | "vmovsd" | "movq" | "vmovq" => 8,
        "kmovb" => 1,
        "kmovw" => 2,
        "kmovd" => 4,
        "kmovq" => 8,
        _ => return None,
    })
}

fn register_move(
    name: &str,
    dst: View<PhysReg>,
    src: View<PhysReg>,
    bytes: u32,
    state: &mut State,
) {
    state.stack.forget(dst.reg);
    let clears = clears_rest(name, dst.class);
    state.copy(Place::Reg(dst.reg), Place::Reg(src.reg), Lanes::low(bytes), clears);
    let rest = Lanes::low(if clears { dst.class.bytes().max(8) } else { 0 }) - Lanes::low(bytes);
    match name {
        "movsx" | "movsxd" => {
            let signs = Lanes::low(dst.class.bytes()) - Lanes::low(bytes);
            state.define_reg(dst.reg, Sym::SignFrom(bytes as u8), signs);
        }
        _ if !rest.is_empty() => state.define_reg(dst.reg, Sym::Zero, rest),
        _ => {}
    }
}

/// Whether a move into a register sets the bytes that it does not carry to zero.
fn clears_rest(name: &str, class: Class) -> bool {
    match class.bank() {
        Bank::Gp => matches!(class, Class::Gp32 | Class::Gp64),
        Bank::Vector => name.starts_with('v') || matches!(name, "movd" | "movq"),
        _ => true,
    }
}

fn load(
    name: &str,
    dst: View<PhysReg>,
    mem: &Mem<PhysReg>,
    bytes: u32,
    function: &Function,
    state: &mut State,
    layout: &Layout,
) -> Checked {
    let lanes = Lanes::low(bytes);
    if let Some(arg) = argument_behind(mem, function, state) {
        overwrite_register(dst.reg, Lanes::ALL, state);
        state.define_reg(dst.reg, Sym::Arg(arg), lanes);
        extend(name, dst, bytes, state);
        return Ok(());
    }
    match (mem.index, state.stack.resolve(mem)) {
        (None, Some(slot)) => {
            check_within_frame(slot, function, state)?;
            check_aligned(name, slot, bytes, function, layout)?;
            state.stack.forget(dst.reg);
            state.copy(Place::Reg(dst.reg), Place::Slot(slot), lanes, dst.class != Class::Gp8);
            extend(name, dst, bytes, state);
        }
        _ => overwrite_register(dst.reg, Lanes::ALL, state),
    }
    Ok(())
}

/// What a load into a general-purpose register does to the bytes above those that it reads.
fn extend(name: &str, dst: View<PhysReg>, bytes: u32, state: &mut State) {
    let above = Lanes::low(8) - Lanes::low(bytes);
    let is_whole = matches!(dst.class, Class::Gp32 | Class::Gp64);
    match name {
        _ if !is_whole || above.is_empty() => {}
        "movsxd" => state.define_reg(dst.reg, Sym::SignFrom(bytes as u8), above),
        _ => state.define_reg(dst.reg, Sym::Zero, above),
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
    name: &str,
    src: View<PhysReg>,
    mem: &Mem<PhysReg>,
    bytes: u32,
    function: &Function,
    state: &mut State,
    layout: &mut Layout,
) -> Checked {
    let Some(slot) = state.stack.resolve(mem).filter(|_| mem.index.is_none()) else {
        return Ok(());
    };
    check_within_frame(slot, function, state)?;
    check_aligned(name, slot, bytes, function, layout)?;
    if state.stack.is_pushed(slot, bytes) {
        return Err(Refusal::new(format!("{slot:?} holds what the author has pushed")));
    }
    layout.push(slot, bytes);
    state.overwrite(slot, bytes);
    state.copy(Place::Slot(slot), Place::Reg(src.reg), Lanes::low(bytes), false);
    Ok(())
}

/// Moves that demand an alignment get it.
fn check_aligned(
    name: &str,
    slot: Address,
    bytes: u32,
    function: &Function,
    layout: &Layout,
) -> Checked {
    let demands = ["movap", "movdqa"].iter().any(|part| name.contains(part));
    if !demands || layout.is_aligned(slot, bytes, function.convention.stack_align) {
        return Ok(());
    }
    Err(Refusal::new(format!("`{name}` of {slot:?}, which may not be aligned")))
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
fn forget_writes(inst: &Instruction<PhysReg>, function: &Function, state: &mut State) -> Checked {
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
