//! A local function gets registers as parameters, and nothing else: no physical registers, no
//! flags, and no place in the frame that depends on who calls it.

use super::{Reports, name_of, operand_span};
use crate::analysis::Facts;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Function, LocalFn, LocalFnId, LocalOp, Op, Reg};
use crate::isa::{Control, Flags};

/// Reports what local functions cannot use, and flags that do not survive their calls.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    for (index, local_fn) in function.local_fns.iter().enumerate() {
        let id = LocalFnId(index as u32);
        let start = facts.local_fns.body(id).start;
        if facts.cfg.is_reachable(start) {
            physical_registers(function, facts, id, reports);
            flags_at_entry(facts, start, local_fn, reports);
            differing_depths(function, facts, id, reports);
        }
    }
    for (index, inst) in function.insts.iter().enumerate() {
        if let Op::Local(LocalOp::Call, id) = inst.op
            && facts.cfg.is_reachable(index)
            && facts.flags_live_out[index].0 & Flags::STATUS.0 != 0
        {
            let name = &function[id].name;
            let message =
                format!("flags that are set before this use of `{name}` are read after it");
            reports.push(
                Diagnostic::new(Code::Uninitialized, inst.span, message)
                    .note("a local function does not keep flags")
                    .help("set them after it, or keep what they say in a register: `setcc`, `sbb`"),
            );
        }
    }
}

/// Physical registers that are read before the body writes them.
fn physical_registers(
    function: &Function,
    facts: &Facts,
    id: LocalFnId,
    reports: &mut Reports<'_>,
) {
    let body = facts.local_fns.body(id);
    let entry = facts.cfg.block_of[body.start] as usize;
    for &(reg, lanes) in &facts.liveness.live_in[entry] {
        let Reg::Physical(_) = reg else { continue };
        let reads = |index: &usize| {
            let mut accesses = facts.effects[*index].regs.iter();
            accesses.any(|access| access.reg == reg && access.read.intersects(lanes))
        };
        let Some(index) = body.clone().find(reads) else { continue };
        let inst = &function.insts[index];
        let mut operand = None;
        inst.op.for_each_view(|at, view| {
            if view.reg == reg {
                operand = Some(at);
            }
        });
        let span = operand.map_or(inst.span.into(), |operand| operand_span(inst, operand));
        let (name, local_fn) = (name_of(function, reg), &function[id]);
        let message = format!(
            "`{name}` is read, but the local function `{}` has not written it",
            local_fn.name
        );
        reports.push(
            Diagnostic::new(Code::Uninitialized, span, message)
                .label(local_fn.span, "the local function")
                .note("what its callers have in physical registers is not passed to it")
                .help("give it a parameter, and pass the register: `x = rax;` moves it"),
        );
    }
}

/// Flags that the body reads before it sets them.
fn flags_at_entry(facts: &Facts, start: usize, local_fn: &LocalFn, reports: &mut Reports<'_>) {
    if facts.flags_live_out[start].0 & Flags::STATUS.0 == 0 {
        return;
    }
    let message = format!("the local function `{}` reads flags before it sets them", local_fn.name);
    reports.push(
        Diagnostic::new(Code::Uninitialized, local_fn.span, message)
            .note("flags are not passed to a local function")
            .help("set them in it, or write `inline fn`"),
    );
}

/// What has to be at a known distance from the stack pointer.
fn differing_depths(function: &Function, facts: &Facts, id: LocalFnId, reports: &mut Reports<'_>) {
    for index in facts.local_fns.body(id) {
        if facts.local_fns.depth_around(index).is_some() || !facts.cfg.is_reachable(index) {
            continue;
        }
        let Op::Machine(machine) = &function.insts[index].op else { continue };
        let mut memory = machine.inst.memory_operands();
        let uses_local = memory.any(|(_, mem)| matches!(mem.base, Base::Local(_)));
        let calls = facts.effects[index].control == Control::Call;
        let what = match (uses_local, calls) {
            (true, _) => "its stack variables",
            (_, true) => "the alignment of the stack at this `call`",
            _ => continue,
        };
        let name = &function[id].name;
        let message = format!("`{name}` is used at different depths of the stack");
        reports.push(
            Diagnostic::new(Code::UnbalancedStack, function.insts[index].span, message)
                .label(function[id].span, "the local function")
                .note(format!("{what} must be at one distance from the stack pointer"))
                .help("push as much at each of its uses, or keep what is pushed in registers"),
        );
    }
}
