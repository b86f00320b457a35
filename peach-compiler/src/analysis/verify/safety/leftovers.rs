//! State that must not be left behind when the kernel returns.
//!
//! MMX instructions mark the x87 registers as used; the conventions require them empty.
//! Non-temporal and other weakly ordered stores are not ordered by anything that safe Rust does
//! afterwards: without a fence, another thread that is notified of them may not see them.

use super::super::Reports;
use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Function, Instruction, Op, Operand, Reg};
use crate::isa::X87Effect;

/// What may be left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leftover {
    Mmx,
    WeakStores,
}

/// What an instruction does to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Leaves,
    Clears,
}

/// Reports what plain code leaves behind at a `return` in plain code.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    for leftover in [Leftover::Mmx, Leftover::WeakStores] {
        let changes: Vec<Change> = (0..function.insts.len())
            .map(|index| change(function, facts, index, leftover))
            .collect();
        if changes.contains(&Change::Leaves) {
            follow(function, facts, leftover, &changes, reports);
        }
    }
}

fn follow(
    function: &Function,
    facts: &Facts,
    leftover: Leftover,
    changes: &[Change],
    reports: &mut Reports<'_>,
) {
    let step = |index: usize, left: Option<usize>| match changes[index] {
        Change::None => left,
        Change::Leaves => left.or(Some(index)),
        Change::Clears => None,
    };
    // At the start of each block: the first instruction that may have left something, if any.
    let mut at_entry: Vec<Option<usize>> = vec![None; facts.cfg.blocks.len()];
    facts.cfg.run_forward(|number, pass_on| {
        let left = facts.cfg.blocks[number].insts().fold(at_entry[number], |l, i| step(i, l));
        for &succ in &facts.cfg.blocks[number].succs {
            let known = at_entry[succ as usize];
            let earliest = known.into_iter().chain(left).min();
            if known != earliest {
                at_entry[succ as usize] = earliest;
                pass_on(succ);
            }
        }
    });
    for (number, block) in facts.cfg.blocks.iter().enumerate().filter(|(_, b)| b.reachable) {
        let mut left = at_entry[number];
        for index in block.insts() {
            let inst = &function.insts[index];
            if let (Op::Return(_), false, Some(at)) = (&inst.op, inst.in_unsafe, left) {
                reports.push(describe(function, leftover, at, index));
            }
            left = step(index, left);
        }
    }
}

fn change(function: &Function, facts: &Facts, index: usize, leftover: Leftover) -> Change {
    let inst = &function.insts[index];
    let change = match leftover {
        Leftover::Mmx => match facts.effects[index].x87 {
            X87Effect::Mmx => Change::Leaves,
            X87Effect::Empty => Change::Clears,
            _ => Change::None,
        },
        Leftover::WeakStores => match &inst.op {
            Op::Machine(machine) => store_order(&machine.inst),
            Op::Label(_)
            | Op::Copy { .. }
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::LoadArg { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => Change::None,
        },
    };
    // What is left in `unsafe` is up to the user.
    if change == Change::Leaves && inst.in_unsafe { Change::None } else { change }
}

/// Weakly ordered stores and what orders them: Intel SDM volume 1, 10.4.6.2 and 11.6.13; volume 3,
/// "Fencing, serializing and locked instructions". No other thread reads the kernel's own stack.
fn store_order(inst: &Instruction<Reg>) -> Change {
    let name = inst.mnemonic.name();
    let stores_elsewhere = matches!(inst.operands.first(), Some(Operand::Mem(mem))
        if !matches!(mem.base, Base::Local(_)));
    let is_weak = matches!(
        name,
        "movnti"
            | "movntq"
            | "movntps"
            | "movntpd"
            | "movntdq"
            | "movntss"
            | "movntsd"
            | "vmovntps"
            | "vmovntpd"
            | "vmovntdq"
            | "movdiri"
            | "aadd"
            | "aand"
            | "aor"
            | "axor"
    );
    // At the address in `rdi` (Intel SDM volume 2, MASKMOVDQU: non-temporal).
    let is_masked_move = matches!(name, "maskmovdqu" | "vmaskmovdqu" | "maskmovq");
    let swaps = name == "xchg" && inst.operands.iter().any(|op| matches!(op, Operand::Mem(_)));
    if is_weak && stores_elsewhere || is_masked_move {
        Change::Leaves
    } else if matches!(name, "sfence" | "mfence") || inst.prefixes.lock || swaps {
        Change::Clears
    } else {
        Change::None
    }
}

fn describe(function: &Function, leftover: Leftover, at: usize, end: usize) -> Diagnostic {
    let (message, note, help) = match leftover {
        Leftover::Mmx => (
            "MMX state is left behind when the kernel returns",
            "MMX and x87 share their registers, which the calling convention requires to be empty",
            "write `emms;` before the kernel returns, on every path",
        ),
        Leftover::WeakStores => (
            "a weakly ordered store may still be pending when the kernel returns",
            "another thread that is notified afterwards might not see it",
            "write `sfence;` before the kernel returns, on every path",
        ),
    };
    Diagnostic::new(Code::NeedsUnsafe, function.insts[at].span, message)
        .label(function.insts[end].span, "this is where it returns")
        .note(note)
        .help(help)
}
