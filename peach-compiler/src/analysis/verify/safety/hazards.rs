//! Instructions that are not harmless whatever their operands.

use super::super::{Reports, operand_span};
use crate::analysis::Facts;
use crate::analysis::proof::Via;
use crate::analysis::proof::{self, Fault};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Function, Instruction, Op, Operand, Reg, ReturnValue};
use crate::isa::{Access, Control, Effects, Hazard, X87Effect, gp};

/// Reports instruction `index` if it is not allowed in plain code at all.
pub(super) fn verify(function: &Function, facts: &Facts, index: usize, reports: &mut Reports<'_>) {
    let inst = &function.insts[index];
    let effects = &facts.effects[index];
    match &inst.op {
        Op::Bytes(_) => reports.push(
            Diagnostic::new(Code::NeedsUnsafe, inst.span, "raw bytes need `unsafe`")
                .note("the compiler does not know what they do")
                .help("`unsafe { db …; }`"),
        ),
        Op::Copy { src, .. } => {
            if src.reg == Reg::Physical(gp::RSP) {
                reports.push(reads_stack_pointer(operand_span(inst, 1)));
            }
        }
        Op::Return(values) => {
            let rsp = |value: &ReturnValue| {
                value.view().is_some_and(|view| view.reg == Reg::Physical(gp::RSP))
            };
            if let Some(operand) = values.iter().position(rsp) {
                reports.push(reads_stack_pointer(operand_span(inst, operand)));
            }
        }
        Op::Machine(machine) => {
            if let Some(why) = reason(&machine.inst, effects) {
                let name = machine.inst.mnemonic.name();
                reports.push(
                    Diagnostic::new(
                        Code::NeedsUnsafe,
                        inst.span,
                        format!("`{name}` needs `unsafe`: {why}"),
                    )
                    .note("outside of `unsafe`, only what is proven harmless is accepted")
                    .help(format!("if you know that it is harmless here: `unsafe {{ {name} … }}`")),
                );
            }
            // Where it is written, that is the error.
            let is_written = |access: &Access<Reg>| {
                access.reg == Reg::Physical(gp::RSP)
                    && effects.stack == 0
                    && !(access.write | access.may_write).is_empty()
            };
            let reads = machine.inst.operands.iter().position(names_stack_pointer);
            if let (Some(operand), false) = (reads, effects.regs.iter().any(is_written)) {
                reports.push(reads_stack_pointer(operand_span(inst, operand)));
            }
        }
        Op::Label(_)
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Align(_)
        | Op::Ghost(_)
        | Op::Local(..) => {}
    }
}

fn reads_stack_pointer(span: Place) -> Diagnostic {
    Diagnostic::new(Code::NeedsUnsafe, span, "the stack pointer is read outside of `unsafe`")
        .note("the compiler chooses its value and what is stored there")
        .help("use a stack variable: `let buffer: [u8; 64];`, or `unsafe { … }`")
}

fn names_stack_pointer(operand: &Operand<Reg>) -> bool {
    operand.views().any(|view| view.reg == Reg::Physical(gp::RSP))
}

/// Whether all that makes an instruction dangerous is memory at addresses in registers that it does
/// not name, of which the proof decides.
pub(super) fn has_pointers(effects: &Effects<Reg>) -> bool {
    effects.hazard == Some(Hazard::ImplicitMemory)
        && effects.memory.iter().all(|memory| Via::of(memory).is_some())
}

/// What to report of a division that is not shown to be harmless.
pub(super) fn describe_fault(function: &Function, index: usize, fault: Fault) -> Diagnostic {
    let inst = &function.insts[index];
    let name = inst.op.machine().map_or("div", |machine| machine.inst.mnemonic.name());
    let (note, help) = match fault {
        Fault::Zero => (
            "the divisor is not proven to be other than 0",
            "test it before, on every path that leads here: `test d, d; jz …`",
        ),
        Fault::Large => (
            "the quotient is not proven to fit in its register",
            "clear the upper half of the dividend before (`xor edx, edx`; `cqo` or `cdq` for \
             `idiv`, whose divisor must not be -1)",
        ),
    };
    Diagnostic::new(Code::NeedsUnsafe, inst.span, format!("`{name}` needs `unsafe`: it may fault"))
        .note(note)
        .help(format!("{help}; if you know that it is harmless here: `unsafe {{ {name} … }}`"))
}

/// Why `inst` is not harmless.
fn reason(inst: &Instruction<Reg>, effects: &Effects<Reg>) -> Option<&'static str> {
    match effects.control {
        Control::Jump if inst.is_tail_call() => {
            return Some("the code that it jumps to is not proven harmless");
        }
        Control::Call => return Some("the code that it calls is not proven harmless"),
        Control::IndirectJump => return Some("the address that it jumps to is not proven"),
        _ => {}
    }
    if has_pointers(effects) {
        return None;
    }
    if let Some(hazard) = effects.hazard {
        return Some(match hazard {
            // Asked of the proof.
            Hazard::MayFault if proof::is_division(inst) => return None,
            Hazard::MayFault => "it may fault",
            Hazard::System => "it is privileged or calls the operating system",
            Hazard::PreservedState => {
                "it changes state that the calling convention preserves: MXCSR, the direction \
                 flag, segment bases or the x87 control word"
            }
            Hazard::Indirect => "its target address is not proven",
            Hazard::ImplicitMemory => "it uses memory at addresses that are not proven",
        });
    }
    if effects.x87 == X87Effect::X87 {
        return Some("it uses the x87 stack, which the calling convention requires to be empty");
    }
    let implicit =
        |access: &crate::isa::MemAccess| access.operand.is_none() && !access.address_only;
    let pushes = effects.stack != 0 && inst.operands.len() <= 1;
    if effects.memory.iter().any(implicit) && !pushes {
        return Some("it uses memory at addresses that are not proven");
    }
    None
}
