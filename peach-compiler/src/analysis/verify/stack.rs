//! `push` and `pop` must balance on every path: where paths meet, and at every `return`. Apart from
//! them, the stack pointer belongs to the compiler.

use super::{Reports, operand_span};
use crate::analysis::Facts;
use crate::analysis::stack::Problem;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Function, Op, Operand, Reg};
use crate::isa::{Control, Effects, gp};

/// Reports where the stack does not work out, and writes to the stack pointer.
pub(super) fn verify(function: &Function, facts: &Facts, reports: &mut Reports<'_>) {
    for &problem in &facts.stack_problems {
        reports.push(describe(function, problem));
    }
    for (inst, effects) in function.insts.iter().zip(&facts.effects) {
        if let Some(operand) = written_pointer(&inst.op, effects) {
            let span = operand.map_or(inst.span.into(), |operand| operand_span(inst, operand));
            reports.push(
                Diagnostic::new(Code::Refused, span, "this writes the stack pointer")
                    .note("`rsp` belongs to the compiler, which counts every offset from it")
                    .help("declare stack memory: `let buffer: [u8; 64];`"),
            );
        }
    }
}

/// Whether an instruction moves the stack pointer otherwise than by pushing or popping something
/// else, and by which operand.
fn written_pointer(op: &Op, effects: &Effects<Reg>) -> Option<Option<usize>> {
    const RSP: Reg = Reg::Physical(gp::RSP);
    let access = effects.regs.iter().find(|access| access.reg == RSP)?;
    if (access.write | access.may_write).is_empty() || effects.control == Control::Call {
        return None;
    }
    let operand = match op {
        Op::Machine(machine) => machine
            .inst
            .operands
            .iter()
            .position(|operand| matches!(operand, Operand::Reg(view) if view.reg == RSP)),
        Op::Copy { .. } | Op::SetImm { .. } | Op::Undefined { .. } => Some(0),
        Op::Label(_)
        | Op::LoadArg { .. }
        | Op::Return(_)
        | Op::Align(_)
        | Op::Ghost(_)
        | Op::Local(..)
        | Op::Bytes(_) => {
            return None;
        }
    };
    let pushes = effects.stack < 0;
    let pops_elsewhere = effects.stack > 0 && operand.is_none();
    (!pushes && !pops_elsewhere).then_some(operand)
}

fn describe(function: &Function, problem: Problem) -> Diagnostic {
    let error = |at: usize, message: String| {
        Diagnostic::new(Code::UnbalancedStack, function.insts[at].span, message)
    };
    match problem {
        Problem::BelowStart { at } => {
            error(at, "this pops more than the kernel has pushed".to_string())
                .note("below are the kernel's stack variables and the return address")
                .help("remove it, or `push` before it on every path")
        }
        Problem::Join { at, from, depths: [one, other] } => {
            error(at, format!("paths meet here with {one} and with {other} bytes pushed"))
                .label(function.insts[from].span, format!("{other} bytes on this path"))
                .note("the depth of the stack must be the same on every path to a place")
                .help("`pop` or `push` on one of the paths")
        }
        Problem::Left { at, depth } => {
            let leaves = match function.insts[at].op.is_tail_call() {
                true => "tail call",
                false => "`return`",
            };
            error(at, format!("{depth} bytes are still pushed at this {leaves}"))
                .note("the kernel must pop what it pushes, on every path")
                .help("`pop` them before it")
        }
    }
}
