//! What each instruction of a function reads and writes, pseudo-instructions and conventions
//! included.
//!
//! `isa` knows machine instructions. This file adds what only the function knows: copies, loads of
//! arguments, returns. What a call clobbers under the kernel's convention is added by `outside`,
//! and which registers `vzeroall` writes first, by `vzeroall`.

use super::Cfg;
use super::slots::Slots;
use crate::abi::ArgPlace;
use crate::ir::{ArgId, Function, Op, Reg, ResultKind, ReturnValue, View};
use crate::isa::{
    Access, Bank, Class, Constraints, Control, Effects, Feature, Flags, Lanes, Reach, VectorMode,
    X87Effect, constraints, effects,
};

/// The effects and constraints of all instructions of `function`, apart from what
/// `outside` and `vzeroall` add.
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
    limit_masks(function, &mut all);
    (all, demands)
}

/// Without AVX-512BW nothing sets more than 16 bits of a mask register, and whatever sets it clears
/// the others: they need not be kept, as `kmovw` does not, even for instructions that have more
/// elements (`vgf2p8affineqb`, which is of AVX512F and GFNI alone).
fn limit_masks(function: &Function, all: &mut [Effects<Reg>]) {
    if function.features.contains(Feature::AVX512BW) {
        return;
    }
    let is_mask = |reg: Reg| match reg {
        Reg::Virtual(vreg) => function[vreg].class == Class::K,
        Reg::Physical(reg) => reg.bank == Bank::Mask,
    };
    for access in all.iter_mut().flat_map(|effects| &mut effects.regs) {
        if is_mask(access.reg) {
            access.read = access.read & Lanes::low(2);
        }
    }
}

/// An instruction that does nothing.
pub(super) fn nothing() -> Effects<Reg> {
    Effects {
        regs: Vec::new(),
        copied: None,
        flags_read: Flags::default(),
        flags_written: Flags::default(),
        flags_may_write: Flags::default(),
        memory: Vec::new(),
        control: Control::Next,
        stack: 0,
        hazard: None,
        x87: X87Effect::None,
        vector_mode: VectorMode::None,
        reach: Reach::Operands,
        float_flags: false,
        settles: false,
    }
}

/// What an operation other than a machine instruction reads and writes.
pub(super) fn of_pseudo(function: &Function, op: &Op) -> Effects<Reg> {
    let mut effects = nothing();
    match op {
        Op::Label(_) | Op::Align(_) | Op::Ghost(_) | Op::Local(..) | Op::Machine(_) => {}
        Op::Copy { dst, src } => {
            merge(&mut effects.regs, read(src.reg, src.class.lanes()));
            merge(&mut effects.regs, copied(*dst));
        }
        Op::SetImm { dst, value } => effects.regs.push(number(*dst, *value)),
        Op::Undefined { dst } => {
            effects.regs.push(write(dst.reg, undefined_lanes(function, *dst)));
        }
        Op::LoadArg { arg } => load_arg(function, *arg, &mut effects.regs),
        Op::Return(values) => returned(function, values, &mut effects.regs),
        // The effects of raw bytes are unknown: instructions of the compiler's choice must not
        // disturb flags that they may read. For registers see `outside`.
        Op::Bytes(_) => {
            effects.flags_read = Flags::STATUS;
            effects.flags_may_write = Flags::STATUS;
        }
    }
    effects
}

pub(super) fn read(reg: Reg, lanes: Lanes) -> Access<Reg> {
    Access { reg, read: lanes, write: Lanes::NONE, may_write: Lanes::NONE, zeroed: Lanes::NONE }
}

pub(super) fn write(reg: Reg, lanes: Lanes) -> Access<Reg> {
    Access { reg, read: Lanes::NONE, write: lanes, may_write: Lanes::NONE, zeroed: Lanes::NONE }
}

/// The bytes that get some value: of a register that is seen through its own class all that it has.
fn undefined_lanes(function: &Function, dst: View<Reg>) -> Lanes {
    let is_whole = matches!(dst.reg, Reg::Virtual(vreg) if function[vreg].class == dst.class);
    match dst.class.bank() {
        _ if !is_whole => dst.class.lanes(),
        Bank::Gp => Class::Gp64.lanes(),
        Bank::Vector => Lanes::ALL,
        Bank::Mask | Bank::Mmx | Bank::Tile => dst.class.lanes(),
        Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => dst.class.lanes(),
    }
}

/// Adds an access, keeping one entry per register.
pub(super) fn merge(regs: &mut Vec<Access<Reg>>, access: Access<Reg>) {
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

/// The write of a copy: what `mov`, `movaps` or `vmovaps` of the class does. Which of the two
/// latter it becomes is the frame builder's choice, so the bytes above a vector class may change.
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
        Bank::Gp | Bank::Mask | Bank::Mmx | Bank::Tile => Class::Gp64.lanes(),
        Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => Class::Gp64.lanes(),
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
/// otherwise be live from the entry on, because of lanes that never had a value.
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

/// The parameters of the local function that begins with block `entry`.
pub(super) fn given_at(function: &Function, cfg: &Cfg, entry: u32) -> Vec<Reg> {
    let first = cfg.blocks[entry as usize].start as usize;
    let entered = function.insts.get(first).and_then(|inst| inst.op.entered());
    let params = entered.map_or(&[][..], |id| &function[id].params);
    params.iter().map(|view| view.reg).collect()
}
