//! Warnings: registers and labels that nothing uses, code that no path leads to.
//!
//! A declaration or an instruction may be expanded many times; it is reported only if every copy is
//! unused. Positions of tokens are asked for only where there is a suspect.

use super::Reports;
use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, DataContent, Function, LabelId, Op, Operand, Reg};
use proc_macro2::{LineColumn, Span};
use std::collections::HashSet;

/// Warns of what is unused and of what cannot be reached.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    registers(function, facts, reports);
    labels(function, reports);
    code(function, facts, reports);
}

fn registers(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    let mut used = vec![false; function.vregs.len()];
    for access in facts.effects.iter().flat_map(|effects| &effects.regs) {
        if let Reg::Virtual(vreg) = access.reg {
            used[vreg.index()] = true;
        }
    }
    // An address register of `lea` or of a hint counts, whatever its effects say.
    for operand in operands(function) {
        if let Operand::Mem(mem) = operand
            && let Base::Reg(base) = mem.base
            && let Reg::Virtual(vreg) = base.reg
        {
            used[vreg.index()] = true;
        }
    }
    let counts = |index: usize| {
        let info = &function.vregs[index];
        !info.temporary && info.arg.is_none() && !info.name.starts_with('_')
    };
    let span = |index: usize| function.vregs[index].span;
    for index in unused(&used, counts, span) {
        let info = &function.vregs[index];
        let name = info.name.split('[').next().unwrap_or(&info.name);
        reports.push(
            Diagnostic::new(Code::UnusedRegister, info.span, format!("`{name}` is never used"))
                .help(format!("remove it, or call it `_{name}`")),
        );
    }
}

fn labels(function: &Function, reports: &mut Reports<'_>) {
    let mut used = vec![false; function.labels.len()];
    let mut mark = |label: LabelId| used[label.index()] = true;
    for operand in operands(function) {
        if let Operand::Label(branch) = operand {
            mark(branch.label);
        }
    }
    for data in &function.data {
        if let DataContent::Jumps(targets) = &data.content {
            targets.iter().copied().for_each(&mut mark);
        }
    }
    let counts = |index: usize| !function.labels[index].name.starts_with("'_");
    let span = |index: usize| function.labels[index].span;
    for index in unused(&used, counts, span) {
        let info = &function.labels[index];
        reports.push(
            Diagnostic::new(Code::UnusedLabel, info.span, format!("{} is never used", info.name))
                .help(format!("remove it, or call it `'_{}`", info.name.trim_start_matches('\''))),
        );
    }
}

fn operands(function: &Function) -> impl Iterator<Item = &Operand<Reg>> {
    function.insts.iter().flat_map(|inst| match &inst.op {
        Op::Machine(machine) => machine.inst.operands.as_slice(),
        _ => &[],
    })
}

/// The things that count and are not used, nor is any other of the same tokens.
fn unused(
    used: &[bool],
    counts: impl Fn(usize) -> bool,
    span: impl Fn(usize) -> Span,
) -> Vec<usize> {
    let suspects: Vec<usize> = (0..used.len()).filter(|&i| !used[i] && counts(i)).collect();
    if suspects.is_empty() {
        return suspects;
    }
    let positions: HashSet<LineColumn> =
        (0..used.len()).filter(|&i| used[i]).map(|i| span(i).start()).collect();
    suspects.into_iter().filter(|&i| !positions.contains(&span(i).start())).collect()
}

/// Warns of the first instruction of every stretch that cannot be reached.
fn code(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    let does_something = |index: usize| match &function.insts[index].op {
        Op::Label(_) | Op::Align(_) => false,
        // Falling off the end returns, whether or not the end is reached.
        Op::Return(values) => !values.is_empty() || index + 1 < function.insts.len(),
        _ => true,
    };
    let mut after_reachable = true;
    let mut firsts = Vec::new();
    for block in &facts.cfg.blocks {
        let first = block.insts().find(|&index| does_something(index));
        if !block.reachable
            && after_reachable
            && let Some(first) = first
        {
            firsts.push(first);
        }
        after_reachable = block.reachable || after_reachable && first.is_none();
    }
    if firsts.is_empty() {
        return;
    }
    let reached: HashSet<LineColumn> = (0..function.insts.len())
        .filter(|&index| facts.cfg.is_reachable(index))
        .map(|index| function.insts[index].span.start())
        .collect();
    for first in firsts {
        let span = function.insts[first].span;
        if !reached.contains(&span.start()) {
            reports
                .push(Diagnostic::new(Code::Unreachable, span, "no path leads here").note(
                    "it follows an instruction that never goes on, and no branch targets it",
                ));
        }
    }
}
