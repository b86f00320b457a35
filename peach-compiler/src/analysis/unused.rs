//! Warnings: registers that nothing uses, code that no path leads to.
//!
//! A declaration or an instruction may be compiled many times: by helpers, loops, versions and
//! families. It is reported only if every copy is unused, so [`Usage`] gathers all functions of a
//! compilation first. Positions of tokens are asked for only where there is a suspect: inside rustc
//! each one is a message to the compiler.

use super::Facts;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ir::{Function, LocalOp, Op, Reg};
use proc_macro2::{LineColumn, Span};
use std::collections::HashSet;

/// What the functions of one compilation use, and what they leave unused.
#[derive(Debug, Default)]
pub struct Usage {
    used: Vec<Span>,
    unused: Vec<(Span, String)>,
    reached: Vec<Span>,
    unreached: Vec<Span>,
}

impl Usage {
    /// Adds one function.
    pub fn note(&mut self, function: &Function, facts: &Facts) {
        for (info, is_used) in function.vregs.iter().zip(used_registers(function, facts)) {
            if is_used {
                self.used.push(info.span);
            } else if !info.temporary && info.arg.is_none() && !info.name.starts_with('_') {
                let name = info.name.split('[').next().unwrap_or_default();
                self.unused.push((info.span, name.to_string()));
            }
        }
        let reached = (0..function.insts.len()).filter(|&index| facts.cfg.is_reachable(index));
        self.reached.extend(reached.map(|index| function.insts[index].span));
        self.unreached
            .extend(unreachable_stretches(function, facts).map(|index| function.insts[index].span));
    }

    /// Warns of what no function uses.
    pub fn report(&self, diagnostics: &mut Diagnostics) {
        let spans = self.unused.iter().map(|&(span, _)| span).collect::<Vec<_>>();
        for index in in_no_copy(&self.used, &spans) {
            let (span, name) = &self.unused[index];
            diagnostics.push(
                Diagnostic::new(Code::UnusedRegister, *span, format!("`{name}` is never used"))
                    .help(format!("remove it, or rename it to `_{name}`")),
            );
        }
        for index in in_no_copy(&self.reached, &self.unreached) {
            diagnostics.push(
                Diagnostic::new(Code::Unreachable, self.unreached[index], "unreachable code")
                    .note("the code before it never falls through, and no branch targets it")
                    .help("remove it, or put a label before it and branch there"),
            );
        }
    }
}

/// The first of each group of `suspects` with one position, unless something of `others` is there.
fn in_no_copy(others: &[Span], suspects: &[Span]) -> Vec<usize> {
    if suspects.is_empty() {
        return Vec::new();
    }
    let mut seen: HashSet<LineColumn> = others.iter().map(|span| span.start()).collect();
    (0..suspects.len()).filter(|&index| seen.insert(suspects[index].start())).collect()
}

fn used_registers(function: &Function, facts: &Facts) -> Vec<bool> {
    let mut used = vec![false; function.vregs.len()];
    let mut mark = |reg: Reg| {
        if let Reg::Virtual(vreg) = reg {
            used[vreg.index()] = true;
        }
    };
    facts.effects.iter().flat_map(|effects| &effects.regs).for_each(|access| mark(access.reg));
    // An address register of a hint counts, whatever its effects say.
    for inst in &function.insts {
        let Op::Machine(machine) = &inst.op else { continue };
        let addresses = machine.inst.memory_operands().flat_map(|(_, mem)| mem.views());
        addresses.for_each(|view| mark(view.reg));
    }
    used
}

/// Whether nothing of the kernel itself is after instruction `index`.
fn is_end(function: &Function, index: usize) -> bool {
    let next = function.insts.get(index + 1);
    next.is_none_or(|next| matches!(next.op, Op::Local(LocalOp::Entry, _)))
}

/// The first instruction of every stretch of code that cannot be reached.
fn unreachable_stretches(function: &Function, facts: &Facts) -> impl Iterator<Item = usize> {
    let does_something = |index: usize| match &function.insts[index].op {
        Op::Label(_) | Op::Align(_) | Op::Ghost(_) => false,
        // Falling off the end returns, whether or not the end is reached.
        Op::Return(values) => !values.is_empty() || !is_end(function, index),
        Op::Local(op, _) => *op == LocalOp::Call,
        Op::Machine(_)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Bytes(_) => true,
    };
    let mut in_stretch = false;
    facts.cfg.blocks.iter().filter_map(move |block| {
        let first = block.insts().find(|&index| does_something(index));
        let starts = !block.reachable && !in_stretch;
        in_stretch = !block.reachable && (in_stretch || first.is_some());
        first.filter(|_| starts)
    })
}
