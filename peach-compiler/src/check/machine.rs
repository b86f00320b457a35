//! Compares a source instruction with its lowered form: they must be equal up to register
//! assignment.
//!
//! What it reads must be in those places, and it takes effect in the program as written and in
//! them.

use super::bindings::Bindings;
use super::folded::Folded;
use super::state::{Place, State, Sym};
use super::step::{Next, replay_inserted};
use super::{Checked, Refusal, Step, passed};
use crate::ir::{
    Code, DataContent, Function, Instruction, Item, LabelId, Machine, Mem, Operand, Origin, Reg,
};
use crate::isa::{Access, Control, Effects, Lanes, PhysReg, gp};

/// Replays `items`, the rendering of `machine`.
pub(super) fn replay(
    machine: &Machine,
    effects: &Effects<Reg>,
    items: &[Item],
    step: &mut Step<'_>,
) -> Checked<Next> {
    let at = items
        .iter()
        .position(|item| is_rendering(item, machine))
        .ok_or_else(|| Refusal::new(format!("`{}` is missing", machine.inst.mnemonic.name())))?;
    let Code::Inst(rendering) = &items[at].code else { unreachable!("a rendering") };
    replay_inserted(&items[..at], step)?;
    // `pop` moves the stack pointer before it computes the address it stores to (Intel SDM, POP).
    let before = step.state.stack.rsp;
    step.state.stack.rsp = before.plus(i64::from(effects.stack.max(0)));
    let bindings = Bindings::of_instruction(&machine.inst, rendering, step)?;
    check_folded(&machine.inst, rendering, effects, &bindings, step)?;
    passed::check_accesses(&machine.inst, effects, step.function)?;
    check_block(machine, rendering)?;
    step.state.stack.rsp = before;
    demand_reads(effects, &bindings, step.state)?;
    carry_out(machine, effects, &bindings, step)?;
    replay_inserted(&items[at + 1..], step)?;
    Ok(next_of(machine, effects.control, step.function))
}

fn is_rendering(item: &Item, machine: &Machine) -> bool {
    matches!(&item.code, Code::Inst(inst)
        if inst.mnemonic == machine.inst.mnemonic && matches!(item.origin, Origin::Author(_)))
}

/// Registers that are not encoded must follow the one that is.
fn check_block(machine: &Machine, rendering: &Instruction<PhysReg>) -> Checked {
    let Some((operand, count)) = machine.selection.block() else { return Ok(()) };
    let Some(Operand::Reg(first)) = rendering.operands.get(operand) else {
        return Err(Refusal::new(format!("`{rendering}` does not have a block of registers")));
    };
    let mut rest = rendering.block.iter().zip(first.reg.num + 1..);
    let follow = rest.all(|(reg, num)| *reg == PhysReg::new(first.reg.bank, num));
    let is_whole = rendering.block.is_empty() || rendering.block.len() + 1 == count;
    match follow && is_whole && usize::from(first.reg.num) % count == 0 {
        true => Ok(()),
        false => Err(Refusal::new(format!("`{rendering}` with {:?}", rendering.block))),
    }
}

/// A register that became memory may not change what the instruction does.
fn check_folded(
    author: &Instruction<Reg>,
    rendering: &Instruction<PhysReg>,
    effects: &Effects<Reg>,
    bindings: &Bindings,
    step: &Step<'_>,
) -> Checked {
    for (operand, pair) in author.operands.iter().zip(&rendering.operands).enumerate() {
        let (Operand::Reg(view), Operand::Mem(mem)) = pair else { continue };
        let slot = step.state.stack.resolve(mem);
        let slot = slot.ok_or_else(|| Refusal::new("a register became unknown memory"))?;
        let folded = Folded { operand, view: *view, mem, slot };
        folded.check(rendering, effects, step.function, step.layout, |reg| {
            match bindings.of(reg).next() {
                Some(Place::Reg(reg)) => Some(reg),
                Some(Place::Slot(_)) | None => None,
            }
        })?;
    }
    Ok(())
}

/// Every byte that the instruction reads must be in the places that stand for its registers.
fn demand_reads(effects: &Effects<Reg>, bindings: &Bindings, state: &State) -> Checked {
    if effects.flags_read.0 & !state.flags.0 != 0 {
        return Err(Refusal::new("the flags that it reads were overwritten"));
    }
    bindings.demand_one_place_unless_read(effects)?;
    for access in &effects.regs {
        if access.read.is_empty() || access.reg == Reg::Physical(gp::RSP) {
            continue;
        }
        for place in bindings.of(access.reg) {
            state.demand(place, Sym::Reg(access.reg), access.read)?;
        }
    }
    Ok(())
}

/// The instruction takes effect, in the program as written and in the places.
fn carry_out(
    machine: &Machine,
    effects: &Effects<Reg>,
    bindings: &Bindings,
    step: &mut Step<'_>,
) -> Checked {
    let written = |access: &&Access<Reg>| {
        access.reg != Reg::Physical(gp::RSP) && !(access.write | access.may_write).is_empty()
    };
    check_destinations(machine, effects.regs.iter().filter(written), bindings)?;
    // Kept bytes stay where they are; a byte that is kept or written stays with its register.
    for access in effects.regs.iter().filter(written) {
        let lanes = access.write | access.may_write;
        let kept: Vec<(Place, Lanes)> = bindings
            .of(access.reg)
            .map(|place| (place, step.state.holds(place, Sym::Reg(access.reg)) & access.may_write))
            .collect();
        step.state.forget_value(Sym::Reg(access.reg), lanes);
        for &(place, _) in &kept {
            step.state.forget_place(place, lanes);
            if let Place::Reg(reg) = place {
                step.state.stack.forget(reg);
            }
        }
        for (place, kept) in kept {
            step.state.define(place, Sym::Reg(access.reg), kept);
        }
    }
    for access in effects.regs.iter().filter(written) {
        let places: Vec<Place> = match bindings.of(access.reg).next() {
            Some(place) => vec![place],
            // `vzeroall` sets registers that it does not name: every place it clears holds them.
            None => (0..16).map(|num| Place::Reg(PhysReg::vector(num))).collect(),
        };
        for place in places {
            step.state.define(place, Sym::Reg(access.reg), access.write);
            step.state.define(place, Sym::Zero, access.zeroed);
        }
    }
    note_sign_extension(machine, bindings, step.state);
    note_upper_halves(machine, effects, bindings, step.state);
    step.state.flags.0 |= effects.flags_written.0;
    step.state.flags_set.0 |= effects.flags_written.0 | effects.flags_may_write.0;
    move_stack(effects, step);
    Ok(())
}

/// Everything written has one place, and no two registers have the same.
fn check_destinations<'a>(
    machine: &Machine,
    written: impl Iterator<Item = &'a Access<Reg>>,
    bindings: &Bindings,
) -> Checked {
    let mut taken: Vec<(Place, Reg)> = Vec::new();
    for access in written {
        let mut places = bindings.of(access.reg);
        let Some(place) = places.next() else {
            if machine.inst.mnemonic.name() == "vzeroall" {
                continue;
            }
            return Err(Refusal::new(format!("{:?} is written nowhere", access.reg)));
        };
        if places.any(|other| other != place) {
            return Err(Refusal::new(format!("{:?} is written in two places", access.reg)));
        }
        if let Some((_, other)) =
            taken.iter().find(|(known, reg)| *known == place && *reg != access.reg)
        {
            let reg = access.reg;
            return Err(Refusal::new(format!("{reg:?} and {other:?} are written to {place:?}")));
        }
        taken.push((place, access.reg));
    }
    Ok(())
}

/// `movsx` leaves copies of the sign above what it moved.
fn note_sign_extension(machine: &Machine, bindings: &Bindings, state: &mut State) {
    let inst = &machine.inst;
    if !matches!(inst.mnemonic.name(), "movsx" | "movsxd") {
        return;
    }
    let [Operand::Reg(dst), src] = inst.operands.as_slice() else { return };
    let bytes = match src {
        Operand::Reg(view) => view.class.bytes(),
        Operand::Mem(Mem { size: Some(size), .. }) => *size,
        _ if inst.mnemonic.name() == "movsxd" => 4,
        _ => return,
    };
    for place in bindings.of(dst.reg) {
        let signs = Lanes::low(dst.class.bytes()) - Lanes::low(bytes);
        state.define(place, Sym::SignFrom(bytes as u8), signs);
    }
}

/// What has been written of the upper halves of vector registers, for `vzeroupper`.
fn note_upper_halves(
    machine: &Machine,
    effects: &Effects<Reg>,
    bindings: &Bindings,
    state: &mut State,
) {
    if matches!(machine.inst.mnemonic.name(), "vzeroupper" | "vzeroall") {
        state.upper_written = false;
        return;
    }
    for operand in &machine.inst.operands {
        let Operand::Reg(view) = operand else { continue };
        let mut accesses = effects.regs.iter().filter(|access| access.reg == view.reg);
        if accesses.any(|access| !(access.write | access.may_write).is_empty()) {
            bindings.of(view.reg).for_each(|place| state.note_upper(place, view.class));
        }
    }
}

fn move_stack(effects: &Effects<Reg>, step: &mut Step<'_>) {
    if effects.control == Control::Call {
        let rsp = step.state.stack.rsp;
        step.state.overwrite_below(rsp);
        return;
    }
    let bytes = effects.stack.unsigned_abs();
    step.state.stack.rsp = step.state.stack.rsp.plus(effects.stack.into());
    if effects.stack < 0 {
        let rsp = step.state.stack.rsp;
        step.layout.push(rsp, bytes);
        step.state.overwrite(rsp, bytes);
    }
}

fn next_of(machine: &Machine, control: Control, function: &Function) -> Next {
    let mut labels: Vec<LabelId> = machine
        .inst
        .operands
        .iter()
        .filter_map(|operand| match operand {
            Operand::Label(branch) => Some(branch.label),
            _ => None,
        })
        .collect();
    if let Some(DataContent::Jumps(targets)) = machine.targets.map(|data| &function[data].content) {
        labels.extend(targets);
    }
    let falls_through = control.goes_on();
    if matches!(control, Control::Next | Control::Call | Control::Stop) {
        labels.clear();
    }
    Next { labels, falls_through }
}
