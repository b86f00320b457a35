//! What leaves the kernel's sight: calls, system calls, and raw bytes.
//!
//! In: the effects of all instructions. Out: the same, with the registers that such an instruction
//! may take something from, and those that it changes, by the kernel's convention.

use super::Cfg;
use super::access::{merge, read, write};
use crate::abi::Convention;
use crate::ir::{Function, Op, Reg, Register};
use crate::isa::{Access, Bank, Class, Control, Effects, Flags, Lanes, PhysReg, Reach, RegSet, gp};
use crate::sorted;

/// Gives instructions that leave the kernel's sight their effects: calls and system calls read the
/// argument registers that the user has set, and change what their conventions do not preserve;
/// raw bytes may read and change every physical register that the user names.
pub(super) fn complete(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
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
