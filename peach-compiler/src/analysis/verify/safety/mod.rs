//! Outside of `unsafe`, only what is proven harmless is accepted.
//!
//! Every instruction in plain code is checked: what it is (`hazards`), its memory
//! operands (`memory`), and the values that a `return` delivers (`results`). `leftovers` follows
//! what an instruction leaves behind it until the kernel returns. What cannot be proven is an error
//! that says which operand, why, and what would be accepted.

mod hazards;
mod leftovers;
mod memory;
mod results;

use super::{Reports, too_large};
use crate::analysis::proof::{self, Access, Missing};
use crate::analysis::{Facts, locals, values};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Function, Ghost, Inst, Op, ResultKind, Validity};
use std::collections::HashMap;

/// Reports what needs `unsafe`.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    let is_stated = |inst: &Inst| matches!(inst.op, Op::Ghost(Ghost::Invariant(_)));
    let has_invariants = function.insts.iter().any(is_stated);
    let is_unsafe = function.options.unsafe_fn || function.insts.iter().all(|inst| inst.in_unsafe);
    if is_unsafe && !has_invariants {
        return;
    }
    let values = needs_values(function).then(|| values::at_block_entries(function, facts));
    let (mut open, mut returned) = (Vec::new(), Vec::new());
    for (number, block) in facts.cfg.blocks.iter().enumerate() {
        let at_entry = values.as_ref().and_then(|values| values[number].clone());
        let mut known = at_entry.unwrap_or_default();
        for index in block.insts() {
            if !function.insts[index].in_unsafe {
                hazards::verify(function, facts, index, reports);
                if block.reachable {
                    memory::verify(function, facts, index, &known, &mut open);
                    results::verify(function, facts, index, &known, &mut returned, reports);
                }
            }
            if values.is_some() {
                known.step(function, facts, index);
            }
        }
    }
    let is_division = |inst: &Inst| {
        let machine = inst.op.machine();
        !inst.in_unsafe && machine.is_some_and(|machine| proof::is_division(&machine.inst))
    };
    let has_divisions = function.insts.iter().any(is_division);
    let mut in_locals = Vec::new();
    if !open.is_empty() || has_invariants || has_divisions || !returned.is_empty() {
        let asked: Vec<Access> = open.iter().map(|open| open.access).collect();
        let outcome = proof::prove(function, facts, &asked);
        if outcome.is_exhausted {
            return reports.push(too_long(function));
        }
        let unproven: HashMap<Access, Option<Missing>> = outcome.open.into_iter().collect();
        let mut causes = memory::Causes::default();
        for open in open {
            if let Some(missing) = unproven.get(&open.access) {
                causes.add(function, open, missing);
            }
        }
        causes.into_diagnostics().for_each(|diagnostic| reports.push(diagnostic));
        for (index, fault) in &outcome.faults {
            reports.push(hazards::describe_fault(function, *index, *fault));
        }
        for open in returned {
            if outcome.has_failed || outcome.returned.contains(&open.returned) {
                reports.push(open.diagnostic);
            } else if outcome.overlapping.contains(&open.returned.index) {
                reports.push(results::describe_overlap(function, open.returned.index));
            }
        }
        for unshown in &outcome.invariants {
            // What is not written has no value to be proven.
            let places = function.insts[unshown.index].operand_spans.iter().copied();
            if !reports.has(Code::Uninitialized, places) {
                reports.push(memory::describe_invariant(function, unshown));
            }
        }
        in_locals = outcome.in_locals;
    }
    let Some(unwritten) = locals::unwritten_reads(function, facts, &in_locals) else {
        return reports.push(too_large(function));
    };
    for read in unwritten {
        if !function.insts[read.inst].in_unsafe {
            reports.push(memory::describe_unwritten(function, read));
        }
    }
    leftovers::verify(function, facts, reports);
}

/// The accesses in plain code that constant offsets do not settle: what [`verify`] asks to be
/// proven.
pub(in crate::analysis) fn unsettled(function: &Function, facts: &Facts) -> Vec<Access> {
    if function.options.unsafe_fn {
        return Vec::new();
    }
    let values = values::at_block_entries(function, facts);
    let mut open = Vec::new();
    for (number, block) in facts.cfg.blocks.iter().enumerate().filter(|(_, b)| b.reachable) {
        let mut known = values[number].clone().unwrap_or_default();
        for index in block.insts() {
            if !function.insts[index].in_unsafe {
                memory::verify(function, facts, index, &known, &mut open);
            }
            known.step(function, facts, index);
        }
    }
    open.iter().map(|open| open.access).collect()
}

/// The proof was given up.
fn too_long(function: &Function) -> Diagnostic {
    let message =
        format!("it takes too many steps to prove the memory accesses of `{}`", function.name);
    Diagnostic::new(Code::TooLarge, function.span, message)
        .note("the steps grow with the accesses and with what is known where they are")
        .help("split the kernel into several, or mark what you know to be harmless: `unsafe { … }`")
}

/// Whether the proof depends on what registers hold: where plain code uses an address in a
/// register, or returns a value of a type with invalid ones.
fn needs_values(function: &Function) -> bool {
    let picky = match &function.result {
        ResultKind::Unit => false,
        ResultKind::Values(values) => values.iter().any(|v| v.validity != Validity::Any),
    };
    function.insts.iter().filter(|inst| !inst.in_unsafe).any(|inst| match &inst.op {
        Op::Return(_) => picky,
        Op::Machine(machine) => {
            machine.inst.memory_operands().any(|(_, mem)| mem.base.view().is_some())
        }
        Op::Label(_)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Local(..)
        | Op::Align(_)
        | Op::Ghost(_)
        | Op::Bytes(_) => false,
    })
}

/// The way out that is always there.
const WRAP: &str = "if you know that it is, say so: `unsafe { … }`";
