//! Compares each operation of the program as written with its lowered form.
//!
//! Labels, raw bytes, copies, arguments and numbers are here, instructions in [`machine`].

use super::bindings::place_of;
use super::state::{Place, State, Sym};
use super::step::{Next, replay_inserted};
use super::{Checked, Refusal, Step, inserted, machine};
use crate::ir::{Code, Extension, Instruction, Item, Op, Operand, Reg, Register, View};
use crate::isa::{Bank, Class, Effects, Lanes, PhysReg};

/// Replays `items`, the rendering of `op`.
pub(super) fn replay(
    op: &Op,
    effects: &Effects<Reg>,
    items: &[Item],
    step: &mut Step<'_>,
) -> Checked<Next> {
    match op {
        Op::Label(label) => expect_only(items, |code| matches!(code, Code::Label(l) if l == label)),
        Op::Align(n) => expect_only(items, |code| matches!(code, Code::Align(m) if m == n)),
        Op::Bytes(bytes) => {
            expect_only(items, |code| matches!(code, Code::Bytes(b) if b == bytes))?;
            raw_bytes(effects, step.state)
        }
        Op::Machine(machine) => return machine::replay(machine, effects, items, step),
        Op::Copy { dst, src } => {
            let lanes = dst.class.lanes();
            step.state.alias(Sym::Reg(dst.reg), Sym::Reg(src.reg), lanes);
            forget_beyond(effects, *dst, lanes, step.state);
            replay_inserted(items, step)?;
            define_beyond(*dst, effects, step.state);
            if dst.class == Class::Gp32 {
                step.state.zero_extended(Sym::Reg(dst.reg));
            }
            Ok(())
        }
        Op::LoadArg { arg } => {
            replay_inserted(items, step)?;
            let dst = Sym::Reg(Reg::Virtual(step.function[*arg].vreg));
            let lanes = effects.regs.iter().fold(Lanes::NONE, |all, a| all | a.write | a.may_write);
            step.state.alias(dst, Sym::Arg(*arg), lanes);
            // The other lanes of a float's register count as written, with any value.
            if step.function[step.function[*arg].vreg].class.bank() == Bank::Vector {
                step.state.complete(dst, Lanes::low(step.function[*arg].value.bytes()));
            }
            match step.function[*arg].extension {
                Extension::None => {}
                Extension::Zero => step.state.zero_extended(dst),
                Extension::Sign => step.state.sign_extended(dst),
            }
            Ok(())
        }
        Op::SetImm { dst, value } => set_imm(*dst, *value, effects, items, step),
        Op::Ghost(_) => Err(Refusal::new("ghost code is dropped before allocation")),
        Op::Local(..) => Err(Refusal::new("a local function is replayed by `local_fns`")),
        Op::Undefined { .. } => Err(Refusal::new("an undefined value is replayed by itself")),
        Op::Return(_) => Err(Refusal::new("a return is replayed by `returns`")),
    }?;
    Ok(Next::on())
}

/// A register gets some value: what `reg` holds, which is not to change from here on. (It may be
/// put into memory then.)
pub(super) fn undefined(
    dst: View<Reg>,
    effects: &Effects<Reg>,
    reg: PhysReg,
    items: &[Item],
    step: &mut Step<'_>,
) -> Checked<Next> {
    let is_own = match dst.reg {
        Reg::Physical(own) => own == reg,
        Reg::Virtual(_) => true,
    };
    if reg.bank != dst.class.bank() || !is_own {
        return Err(Refusal::new(format!("{reg:?} cannot hold an undefined value")));
    }
    let sym = Sym::Reg(dst.reg);
    for access in &effects.regs {
        step.state.forget_value(sym, access.write);
        step.state.define_reg(reg, sym, access.write);
    }
    replay_inserted(items, step)?;
    Ok(Next::on())
}

/// Bytes of a copy's destination beyond its class get no value that may be relied on.
fn forget_beyond(effects: &Effects<Reg>, dst: View<Reg>, lanes: Lanes, state: &mut State) {
    for access in effects.regs.iter().filter(|access| access.reg == dst.reg) {
        state.forget_value(Sym::Reg(dst.reg), (access.write | access.may_write) - lanes);
    }
}

/// What a copy leaves of a vector beyond its class may be anything. Of a physical register it is
/// whatever that then holds: a call may take all of it.
fn define_beyond(dst: View<Reg>, effects: &Effects<Reg>, state: &mut State) {
    for access in effects.regs.iter().filter(|access| access.reg == dst.reg) {
        if dst.reg.physical().is_some() {
            let open = access.may_write - dst.class.lanes();
            state.define(place_of(dst.reg), Sym::Reg(dst.reg), open);
        }
    }
}

fn expect_only(items: &[Item], wanted: impl Fn(&Code) -> bool) -> Checked {
    match items {
        [item] if wanted(&item.code) => Ok(()),
        _ => Err(Refusal::new("a label, alignment or raw bytes are out of place")),
    }
}

/// Raw bytes find the physical registers that the source names as it left them, and whatever they
/// leave there is the new value.
fn raw_bytes(effects: &Effects<Reg>, state: &mut State) -> Checked {
    for access in &effects.regs {
        let (place, sym) = (place_of(access.reg), Sym::Reg(access.reg));
        state.demand(place, sym, access.read)?;
        state.forget_value(sym, access.may_write);
        state.forget_place(place, access.may_write);
        state.define(place, sym, access.may_write);
    }
    Ok(())
}

/// A number into a register: one instruction that provably makes it.
fn set_imm(
    dst: View<Reg>,
    value: i128,
    effects: &Effects<Reg>,
    items: &[Item],
    step: &mut Step<'_>,
) -> Checked {
    let written = effects.regs.iter().fold(Lanes::NONE, |all, access| all | access.write);
    let zeroed = written - dst.class.lanes();
    step.state.forget_value(Sym::Reg(dst.reg), written);
    for item in items {
        let Code::Inst(inst) = &item.code else {
            return Err(Refusal::new("more than one instruction sets a constant"));
        };
        let made = number_made(inst);
        inserted::replay(inst, step)?;
        let Some((reg, number, lanes)) = made else { continue };
        let wanted = (value as u64) << (8 * dst.class.lanes().0.trailing_zeros());
        let right = Lanes((0..8).fold(0, |right, i| {
            let want = if zeroed.contains(Lanes(1 << i)) { 0 } else { wanted >> (8 * i) as u8 };
            right | u64::from(want as u8 == (number >> (8 * i)) as u8) << i
        }));
        // Bytes that are not read need not be right.
        step.state.forget_place(Place::Reg(reg), lanes);
        step.state.define_reg(reg, Sym::Reg(dst.reg), right & lanes & written);
        step.state.define_reg(reg, Sym::Zero, zero_bytes(number) & lanes);
    }
    Ok(())
}

/// The register, the number and the bytes that `inst` sets, if it does nothing else.
fn number_made(inst: &Instruction<PhysReg>) -> Option<(PhysReg, u64, Lanes)> {
    match (inst.mnemonic.name(), inst.operands.as_slice()) {
        ("xor", [Operand::Reg(a), Operand::Reg(b)]) if a == b && a.class.bytes() >= 4 => {
            Some((a.reg, 0, Lanes::low(8)))
        }
        ("mov", [Operand::Reg(dst), Operand::Imm(value)]) => Some(match dst.class {
            Class::Gp64 => (dst.reg, *value as u64, Lanes::low(8)),
            Class::Gp32 => (dst.reg, *value as u64 & 0xFFFF_FFFF, Lanes::low(8)),
            Class::Gp8h => (dst.reg, (*value as u64 & 0xFF) << 8, dst.class.lanes()),
            class => (dst.reg, *value as u64 & byte_mask(class.lanes()), class.lanes()),
        }),
        _ => None,
    }
}

fn byte_mask(lanes: Lanes) -> u64 {
    (0..8).filter(|i| lanes.0 >> i & 1 == 1).fold(0, |mask, i| mask | 0xFF << (8 * i))
}

fn zero_bytes(number: u64) -> Lanes {
    Lanes((0..8).filter(|i| number >> (8 * i) & 0xFF == 0).fold(0, |lanes, i| lanes | 1 << i))
}
