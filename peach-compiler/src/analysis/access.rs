//! What each instruction of a function reads and writes, pseudo-instructions and conventions included.
//!
//! `isa` knows machine instructions. This file adds what only the function tells: copies, loads of
//! arguments, returns, what a call clobbers under the kernel's convention, and which registers
//! `vzeroall` writes first.

use super::slots::Slots;
use super::{Cfg, Liveness, liveness};
use crate::abi::{ArgPlace, Convention};
use crate::ir::{ArgId, Function, Op, Reg, ResultKind, ReturnValue, View};
use crate::isa::{
    Access, Bank, Class, Constraints, Control, Effects, Flags, Lanes, PhysReg, RegSet, VectorMode,
    X87Effect, constraints, effects,
};

/// The effects and constraints of all instructions of `function`, apart from what
/// [`complete_calls`] and [`complete_vzeroall`] add.
pub(super) fn of_instructions(function: &Function) -> (Vec<Effects<Reg>>, Vec<Constraints<Reg>>) {
    let mut all: Vec<Effects<Reg>> = Vec::with_capacity(function.insts.len());
    let mut demands = Vec::with_capacity(function.insts.len());
    for inst in &function.insts {
        match &inst.op {
            Op::Machine(machine) => {
                all.push(effects(&machine.inst, &machine.selection));
                demands.push(constraints(&machine.inst, &machine.selection));
            }
            op => {
                all.push(of_pseudo(function, op));
                demands.push(Constraints::default());
            }
        }
    }
    limit_copies(function, &mut all);
    (all, demands)
}

/// An instruction that does nothing.
pub(super) fn nothing() -> Effects<Reg> {
    Effects {
        regs: Vec::new(),
        flags_read: Flags::default(),
        flags_written: Flags::default(),
        flags_may_write: Flags::default(),
        memory: Vec::new(),
        control: Control::Next,
        stack: 0,
        hazard: None,
        x87: X87Effect::None,
        vector_mode: VectorMode::None,
    }
}

/// What an operation that is no machine instruction reads and writes.
pub(super) fn of_pseudo(function: &Function, op: &Op) -> Effects<Reg> {
    let mut effects = nothing();
    match op {
        Op::Label(_) | Op::Align(_) | Op::Machine(_) => {}
        Op::Copy { dst, src } => {
            merge(&mut effects.regs, read(src.reg, src.class.lanes()));
            merge(&mut effects.regs, copied(*dst));
        }
        Op::SetImm { dst, value } => effects.regs.push(number(*dst, *value)),
        Op::LoadArg { arg } => load_arg(function, *arg, &mut effects.regs),
        Op::Return(values) => returned(function, values, &mut effects.regs),
        // Nobody knows what raw bytes do. That they use registers is the author's own affair, but
        // instructions of the compiler's choice must not disturb flags that they may read.
        Op::Bytes(_) => {
            effects.flags_read = Flags::STATUS;
            effects.flags_may_write = Flags::STATUS;
        }
    }
    effects
}

fn read(reg: Reg, lanes: Lanes) -> Access<Reg> {
    Access { reg, read: lanes, write: Lanes::NONE, may_write: Lanes::NONE, zeroed: Lanes::NONE }
}

fn write(reg: Reg, lanes: Lanes) -> Access<Reg> {
    Access { reg, read: Lanes::NONE, write: lanes, may_write: Lanes::NONE, zeroed: Lanes::NONE }
}

/// Adds an access, keeping one entry per register.
fn merge(regs: &mut Vec<Access<Reg>>, access: Access<Reg>) {
    match regs.iter_mut().find(|known| known.reg == access.reg) {
        Some(known) => {
            known.read |= access.read;
            known.write |= access.write;
            known.may_write = (known.may_write | access.may_write) - known.write;
            known.zeroed |= access.zeroed;
        }
        None => regs.push(access),
    }
}

/// The write of a copy: what `mov`, `movaps` or `vmovaps` of the class does. Which of the two latter
/// it becomes is the frame builder's choice, so the bytes above a vector class may change.
fn copied(dst: View<Reg>) -> Access<Reg> {
    let mut access = write(dst.reg, dst.class.lanes());
    match dst.class {
        Class::Gp32 => {
            access.write = Class::Gp64.lanes();
            access.zeroed = Lanes::range(4, 4);
        }
        Class::Xmm | Class::Ymm => access.may_write = Lanes::ALL - dst.class.lanes(),
        _ => {}
    }
    access
}

/// The write of `a = 7`.
fn number(dst: View<Reg>, value: i128) -> Access<Reg> {
    let mut access = copied(dst);
    access.may_write = Lanes::NONE;
    let shift = if dst.class == Class::Gp8h { 8 } else { 0 };
    for byte in 0..dst.class.bytes().min(16) {
        if value >> (8 * byte) & 0xFF == 0 {
            access.zeroed |= Lanes(1 << (byte + shift / 8));
        }
    }
    access
}

/// The load of an argument writes the whole register, with anything above the argument's width.
fn load_arg(function: &Function, arg: ArgId, regs: &mut Vec<Access<Reg>>) {
    let (arg, place) = (&function[arg], function.arg_place(arg));
    if let Some(pointer) = arg.pointer {
        let (reg, lanes) = (Reg::Virtual(pointer), Class::Gp64.lanes());
        let arrives_in_register = matches!(place, ArgPlace::Indirect { .. });
        merge(regs, if arrives_in_register { read(reg, lanes) } else { write(reg, lanes) });
    }
    let lanes = match function[arg.vreg].class.bank() {
        Bank::Vector => Lanes::ALL,
        _ => Class::Gp64.lanes(),
    };
    merge(regs, write(Reg::Virtual(arg.vreg), lanes));
}

/// A return reads as much of its values as the result type has.
fn returned(function: &Function, values: &[ReturnValue], regs: &mut Vec<Access<Reg>>) {
    for (index, value) in values.iter().enumerate() {
        let ReturnValue::Reg(view) = value else { continue };
        merge(regs, read(view.reg, returned_lanes(function, index, *view)));
    }
    if let Some(pointer) = function.hidden_result {
        merge(regs, read(Reg::Virtual(pointer), Class::Gp64.lanes()));
    }
}

/// The bytes of `view` that component `index` of the result is made of.
pub(super) fn returned_lanes(function: &Function, index: usize, view: View<Reg>) -> Lanes {
    match &function.result {
        ResultKind::Values(values) if index < values.len() && view.class != Class::Gp8h => {
            view.class.lanes() & Lanes::low(values[index].bytes)
        }
        _ => view.class.lanes(),
    }
}

/// Lets copies read only bytes that something writes somewhere: a float in a vector register would
/// otherwise be alive from the entry on, for the sake of lanes that never had a value.
fn limit_copies(function: &Function, effects: &mut [Effects<Reg>]) {
    if !function.insts.iter().any(|inst| matches!(inst.op, Op::Copy { .. })) {
        return;
    }
    let slots = Slots::of(function);
    let mut written = vec![Lanes::NONE; slots.len()];
    for (vreg, _) in function.arriving() {
        written[vreg.index()] = Lanes::ALL;
    }
    for access in effects.iter().flat_map(|e| &e.regs) {
        if let Some(slot) = slots.slot(access.reg) {
            written[slot] |= access.write | access.may_write;
        }
    }
    for (inst, effects) in function.insts.iter().zip(effects) {
        if let Op::Copy { src, .. } = inst.op
            && let Some(slot) = slots.slot(src.reg)
        {
            for access in effects.regs.iter_mut().filter(|a| a.reg == src.reg) {
                access.read = access.read & written[slot];
            }
        }
    }
}

/// Gives every call what the kernel's own convention says of it: it may change every register that
/// the convention does not preserve, and it reads the argument registers that the author has set.
pub(super) fn complete_calls(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
    if !effects.iter().any(|e| e.control == Control::Call) {
        return;
    }
    let clobbers = call_clobbers(function.convention);
    let set = arguments_set(function.convention, cfg, effects);
    for (effects, set) in effects.iter_mut().zip(set) {
        if effects.control != Control::Call {
            continue;
        }
        for (reg, lanes) in set {
            merge(&mut effects.regs, read(Reg::Physical(reg), lanes));
        }
        for &(reg, lanes) in &clobbers {
            merge(&mut effects.regs, write(Reg::Physical(reg), lanes));
        }
        effects.flags_written = Flags(effects.flags_written.0 | Flags::STATUS.0);
        effects.stack = 0;
    }
}

/// The registers that a call under `convention` may change, with the bytes it may change in each.
pub(super) fn call_clobbers(convention: &Convention) -> Vec<(PhysReg, Lanes)> {
    let gp = (RegSet::first(16) - convention.saved_gp - RegSet::one(4)).iter();
    let mut clobbers: Vec<_> = gp.map(|n| (PhysReg::gp(n), Class::Gp64.lanes())).collect();
    clobbers.extend(RegSet::ALL.iter().map(|n| {
        let kept = if convention.saved_xmm.contains(n) { Class::Xmm.lanes() } else { Lanes::NONE };
        (PhysReg::vector(n), Lanes::ALL - kept)
    }));
    for n in 0..8 {
        clobbers.push((PhysReg::mask(n), Class::K.lanes()));
        clobbers.push((PhysReg::mmx(n), Class::Mmx.lanes()));
        clobbers.push((PhysReg::new(Bank::Tile, n), Class::Tmm.lanes()));
    }
    clobbers
}

/// The registers that hold the result of a call under `convention`.
pub(super) fn call_results(convention: &Convention) -> impl Iterator<Item = PhysReg> {
    let vectors = (0..convention.vector_results).map(PhysReg::vector);
    convention.int_results.iter().copied().chain(vectors)
}

/// For each instruction, where it is a call: the argument registers that some path to it has set
/// since the last call, with the bytes set. `al` counts the vectors for functions of variable arity.
fn arguments_set(
    convention: &Convention,
    cfg: &Cfg,
    effects: &[Effects<Reg>],
) -> Vec<Vec<(PhysReg, Lanes)>> {
    let mut carriers = vec![PhysReg::gp(0)];
    carriers.extend(convention.int_args);
    carriers.extend((0..convention.vector_args).map(PhysReg::vector));
    let results: Vec<_> = call_results(convention).filter(|&r| r != PhysReg::gp(0)).collect();
    let mut entry = vec![vec![Lanes::NONE; carriers.len()]; cfg.blocks.len()];
    let mut found = vec![Vec::new(); effects.len()];
    let mut todo: Vec<u32> = cfg.order.iter().rev().copied().collect();
    while let Some(number) = todo.pop() {
        let block = &cfg.blocks[number as usize];
        let mut set = entry[number as usize].clone();
        for index in block.insts() {
            if effects[index].control == Control::Call {
                let pairs = carriers.iter().copied().zip(set.iter().copied());
                found[index] = pairs.filter(|(_, lanes)| !lanes.is_empty()).collect();
                for (reg, lanes) in carriers.iter().zip(&mut set) {
                    *lanes = if results.contains(reg) { Lanes::ALL } else { Lanes::NONE };
                    if reg.bank == Bank::Gp {
                        *lanes = *lanes & Class::Gp64.lanes();
                    }
                }
                continue;
            }
            for access in &effects[index].regs {
                if let Reg::Physical(reg) = access.reg
                    && let Some(at) = carriers.iter().position(|&c| c == reg)
                {
                    set[at] |= access.write | access.may_write;
                }
            }
        }
        for &succ in &block.succs {
            let mut grew = false;
            for (known, new) in entry[succ as usize].iter_mut().zip(&set) {
                grew |= !known.contains(*new);
                *known |= *new;
            }
            if grew {
                todo.push(succ);
            }
        }
    }
    found
}

/// Gives every `vzeroall` its virtual registers: those that are read later and that nothing has
/// written yet get their first write here, and live in 0 to 15. Others that are alive cannot live
/// there, since it writes all of these. Returns whether there is any `vzeroall`.
pub(super) fn complete_vzeroall(
    function: &Function,
    cfg: &Cfg,
    liveness: &Liveness,
    effects: &mut [Effects<Reg>],
    constraints: &mut [Constraints<Reg>],
) -> bool {
    let places: Vec<usize> = (0..effects.len()).filter(|&i| is_vzeroall(&effects[i])).collect();
    if places.is_empty() {
        return false;
    }
    let mut unwritten: Vec<Reg> = liveness.live_in[0]
        .iter()
        .map(|&(reg, _)| reg)
        .filter(|&reg| match reg {
            Reg::Virtual(v) => {
                function[v].class.bank() == Bank::Vector && function[v].arg.is_none()
            }
            Reg::Physical(_) => false,
        })
        .collect();
    let slots = Slots::of(function);
    let mut done = 0;
    for place in places {
        for access in effects[done..place].iter().flat_map(|e| &e.regs) {
            if !(access.write | access.may_write).is_empty() {
                unwritten.retain(|&reg| reg != access.reg);
            }
        }
        done = place;
        let live = live_after(place, cfg, liveness, effects, slots);
        for (reg, _) in live.into_iter().filter(|(reg, _)| unwritten.contains(reg)) {
            effects[place].regs.push(Access { zeroed: Lanes::ALL, ..write(reg, Lanes::ALL) });
            constraints[place].allowed.push((reg, RegSet::first(16)));
        }
    }
    true
}

/// Whether it is `vzeroall`: the only instruction that zeroes so many registers in full.
fn is_vzeroall(effects: &Effects<Reg>) -> bool {
    effects.regs.len() >= 16 && effects.regs.iter().all(|a| a.zeroed == Lanes::ALL)
}

/// What is live after instruction `place`.
fn live_after(
    place: usize,
    cfg: &Cfg,
    liveness: &Liveness,
    effects: &[Effects<Reg>],
    slots: Slots,
) -> Vec<(Reg, Lanes)> {
    let number = cfg.block_of[place] as usize;
    let mut live = liveness.live_out[number].clone();
    for index in (place + 1..cfg.blocks[number].end as usize).rev() {
        liveness::step_back(&mut live, &effects[index], slots);
    }
    live
}
