//! MMX instructions mark the x87 registers as used; the conventions want them empty at every return.

use super::super::Reports;
use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Function, Op};
use crate::isa::X87Effect;

/// Reports `return`s in plain code that MMX state left by plain code may reach.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    if !facts.effects.iter().any(|effects| effects.x87 == X87Effect::Mmx) {
        return;
    }
    // At the start of each block: the first instruction that may have left the state, if any.
    let mut at_entry: Vec<Option<usize>> = vec![None; facts.cfg.blocks.len()];
    facts.cfg.run_forward(|number, pass_on| {
        let mut left = at_entry[number];
        for index in facts.cfg.blocks[number].insts() {
            left = step(function, facts, index, left);
        }
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
                reports.push(describe(function, at, index));
            }
            left = step(function, facts, index, left);
        }
    }
}

fn step(function: &Function, facts: &Facts, index: usize, left: Option<usize>) -> Option<usize> {
    match facts.effects[index].x87 {
        X87Effect::Empty => None,
        X87Effect::Mmx if !function.insts[index].in_unsafe => left.or(Some(index)),
        _ => left,
    }
}

fn describe(function: &Function, at: usize, end: usize) -> Diagnostic {
    Diagnostic::new(
        Code::NeedsUnsafe,
        function.insts[at].span,
        "MMX state is left behind when the kernel returns",
    )
    .label(function.insts[end].span, "this is where it returns")
    .note("MMX and x87 share their registers, which the calling convention wants empty")
    .help("write `emms;` before the kernel returns, on every path")
}
