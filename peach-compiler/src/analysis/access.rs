//! What each instruction of a function reads and writes, pseudo-instructions and conventions
//! included.
//!
//! `isa` knows machine instructions. This file adds what only the function knows: copies, loads of
//! arguments, returns, what a call clobbers under the kernel's convention, and which registers
//! `vzeroall` writes first.

use super::slots::Slots;
use super::{Cfg, Liveness, liveness};
use crate::abi::{ArgPlace, Convention};
use crate::ir::{ArgId, Function, Op, Reg, Register, ResultKind, ReturnValue, View};
use crate::isa::{
    Access, Bank, Class, Constraints, Control, Effects, Feature, Flags, Lanes, PhysReg, Reach,
    RegSet, VectorMode, X87Effect, constraints, effects, gp,
};
use crate::sorted;

/// The effects and constraints of all instructions of `function`, apart from what
/// [`complete_outside`] and [`complete_vzeroall`] add.
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
        // disturb flags that they may read. For registers see `complete_outside`.
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

/// Gives instructions that leave the kernel's sight their effects: calls and system calls read the
/// argument registers that the user has set, and change what their conventions do not preserve;
/// raw bytes may read and change every physical register that the user names.
pub(super) fn complete_outside(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
    let kinds: Vec<Outside> = function
        .insts
        .iter()
        .zip(&*effects)
        .map(|(inst, effects)| Outside::of(&inst.op, effects))
        .collect();
    if kinds.iter().all(|&kind| kind == Outside::No) {
        return;
    }
    let named = named_registers(effects);
    let clobbers = call_clobbers(function.convention);
    let set = set_before(function, cfg, effects, &kinds, &named);
    for ((effects, kind), set) in effects.iter_mut().zip(kinds).zip(set) {
        for (reg, lanes) in set {
            merge(&mut effects.regs, read(Reg::Physical(reg), lanes));
        }
        match kind {
            Outside::No => {}
            Outside::Call => {
                for &(reg, lanes) in &clobbers {
                    merge(&mut effects.regs, write(Reg::Physical(reg), lanes));
                }
                effects.flags_written = Flags(effects.flags_written.0 | Flags::STATUS.0);
                effects.stack = 0;
            }
            Outside::System => {
                merge(&mut effects.regs, write(Reg::Physical(gp::RAX), Class::Gp64.lanes()));
            }
            Outside::Elsewhere => {
                for &(reg, lanes) in &clobbers {
                    let access = read(Reg::Physical(reg), Lanes::NONE);
                    merge(&mut effects.regs, Access { may_write: lanes, ..access });
                }
            }
            Outside::State => {}
            Outside::Bytes => {
                for &reg in &named {
                    let lanes = whole(reg);
                    let access =
                        Access { may_write: lanes, ..read(Reg::Physical(reg), Lanes::NONE) };
                    merge(&mut effects.regs, access);
                }
            }
        }
    }
}

/// How an instruction leaves the kernel's sight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    /// Not at all.
    No,
    /// `call`, and `jmp sym path`.
    Call,
    /// `syscall`, `int n`: Linux takes the number in `rax`, arguments in `rdi`, `rsi`, `rdx`,
    /// `r10`, `r8` and `r9` (`int 0x80`: `ebx`, `ecx`, `edx`, `esi`, `edi`, `ebp`), and answers in
    /// `rax` (System V AMD64 psABI, A.2.1). So do its hypervisors (`vmcall`, `vmmcall`).
    System,
    /// An enclave, a guest, or a module of the processor's: what it takes and leaves is like a
    /// call's, but that any register may hold an argument.
    Elsewhere,
    /// `xsave` and its like store registers.
    State,
    /// `db`.
    Bytes,
}

impl Outside {
    /// Of an instruction with `effects`.
    pub(super) fn of(op: &Op, effects: &Effects<Reg>) -> Outside {
        match op {
            Op::Bytes(_) => Outside::Bytes,
            Op::Machine(_) if effects.control == Control::Call || op.is_tail_call() => {
                Outside::Call
            }
            Op::Machine(machine) => match (effects.reach, machine.inst.mnemonic.name()) {
                (Reach::Machine, "syscall" | "int" | "vmcall" | "vmmcall") => Outside::System,
                (Reach::Machine, _) => Outside::Elsewhere,
                (Reach::Registers, _) => Outside::State,
                (Reach::Operands | Reach::Memory, _) => Outside::No,
            },
            Op::Label(_)
            | Op::Copy { .. }
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::LoadArg { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_) => Outside::No,
        }
    }
}

/// The physical registers that some instruction touches, but for the stack pointer.
pub(super) fn named_registers(effects: &[Effects<Reg>]) -> Vec<PhysReg> {
    let mut named: Vec<PhysReg> = effects
        .iter()
        .flat_map(|effects| &effects.regs)
        .filter_map(|access| access.reg.physical())
        .filter(|&reg| reg != gp::RSP)
        .collect();
    sorted::sort(&mut named);
    named.dedup();
    named
}

/// All bytes that a register has.
pub(super) fn whole(reg: PhysReg) -> Lanes {
    match reg.bank {
        Bank::Vector | Bank::Tile => Lanes::ALL,
        Bank::Gp | Bank::Mask | Bank::Mmx => Lanes::low(8),
        Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => Lanes::low(8),
    }
}

/// The registers that a call under `convention` may change, with the bytes it may change in each.
pub(super) fn call_clobbers(convention: &Convention) -> Vec<(PhysReg, Lanes)> {
    let gp = (Bank::Gp.registers() - convention.saved_gp - RegSet::of(&[gp::RSP])).iter();
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

/// For each instruction that leaves the kernel's sight: the registers that it may take something
/// from and that some path to it has set since the last call, with the bytes set.
fn set_before(
    function: &Function,
    cfg: &Cfg,
    effects: &[Effects<Reg>],
    kinds: &[Outside],
    named: &[PhysReg],
) -> Vec<Vec<(PhysReg, Lanes)>> {
    let convention = function.convention;
    let results: Vec<_> = call_results(convention).filter(|&r| r != gp::RAX).collect();
    let mut entry = vec![vec![Lanes::NONE; named.len()]; cfg.blocks.len()];
    let mut found = vec![Vec::new(); effects.len()];
    cfg.run_forward(|number, pass_on| {
        let block = &cfg.blocks[number];
        let mut set = entry[number].clone();
        for index in block.insts() {
            if kinds[index] != Outside::No {
                let pairs = named.iter().copied().zip(set.iter().copied());
                let taken = |&(reg, lanes): &(PhysReg, Lanes)| {
                    !lanes.is_empty() && may_take(convention, kinds[index], reg)
                };
                found[index] = pairs.filter(taken).collect();
            }
            if kinds[index] == Outside::Call {
                // What a call returns may be passed on as it is.
                for (reg, lanes) in named.iter().zip(&mut set) {
                    *lanes = if results.contains(reg) { whole(*reg) } else { Lanes::NONE };
                }
                continue;
            }
            // What a local function leaves is not set.
            let is_local = matches!(function.insts[index].op, Op::Local(..));
            for access in &effects[index].regs {
                if let Reg::Physical(reg) = access.reg
                    && let Ok(at) = named.binary_search(&reg)
                {
                    match is_local {
                        true => set[at] = Lanes::NONE,
                        false => set[at] |= access.write | access.may_write,
                    }
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
                pass_on(succ);
            }
        }
    });
    found
}

/// Whether a function that is called may read `reg` as an argument.
pub(super) fn may_take_at_call(convention: &Convention, reg: PhysReg) -> bool {
    may_take(convention, Outside::Call, reg)
}

/// Whether something outside may read `reg`. `al` counts the vectors for functions of variable
/// arity.
fn may_take(convention: &Convention, kind: Outside, reg: PhysReg) -> bool {
    match kind {
        Outside::No => false,
        Outside::Bytes | Outside::Elsewhere => true,
        Outside::System => reg.bank == Bank::Gp,
        Outside::State => reg.bank != Bank::Gp,
        Outside::Call => match reg.bank {
            Bank::Gp => reg == gp::RAX || convention.int_args.contains(&reg),
            Bank::Vector => reg.num < convention.vector_args,
            Bank::Mask | Bank::Mmx | Bank::Tile => false,
            Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => false,
        },
    }
}

/// Gives every `vzeroall` its virtual registers: those that are read later and that nothing has
/// written yet get their first write here, and live in 0 to 15. Other live ones cannot be
/// there, since it writes all of these. Returns whether there is any `vzeroall`.
pub(super) fn complete_vzeroall(
    function: &Function,
    cfg: &Cfg,
    liveness: &Liveness,
    effects: &mut [Effects<Reg>],
    constraints: &mut [Constraints<Reg>],
) -> bool {
    let places: Vec<usize> = (0..effects.len()).filter(|&i| is_vzeroall(&effects[i])).collect();
    for (at, &entry) in cfg.entries.iter().enumerate() {
        let start = cfg.blocks[entry as usize].start as usize;
        let next = cfg.entries.get(at + 1);
        let end = next.map_or(effects.len(), |&next| cfg.blocks[next as usize].start as usize);
        let within = places.iter().copied().filter(|place| (start..end).contains(place)).collect();
        complete_part(function, cfg, liveness, entry, within, (effects, constraints));
    }
    !places.is_empty()
}

/// The same, of the places of the kernel itself or of one local function, which begins at `entry`.
fn complete_part(
    function: &Function,
    cfg: &Cfg,
    liveness: &Liveness,
    entry: u32,
    places: Vec<usize>,
    (effects, constraints): (&mut [Effects<Reg>], &mut [Constraints<Reg>]),
) {
    if places.is_empty() {
        return;
    }
    let given = given_at(function, cfg, entry);
    let mut unwritten: Vec<Reg> = liveness.live_in[entry as usize]
        .iter()
        .map(|&(reg, _)| reg)
        .filter(|&reg| match reg {
            Reg::Virtual(v) => {
                let is_vector = function[v].class.bank() == Bank::Vector;
                is_vector && function[v].arg.is_none() && !given.contains(&reg)
            }
            Reg::Physical(_) => false,
        })
        .collect();
    let slots = Slots::of(function);
    let mut done = cfg.blocks[entry as usize].start as usize;
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
            constraints[place].allowed.push((reg, Bank::Vector.without_evex()));
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
