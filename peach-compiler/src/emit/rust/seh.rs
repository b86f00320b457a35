//! What Windows' unwinder has to know ("x64 exception handling" on learn.microsoft.com), as directives
//! of LLVM's assembler.
//!
//! In: a lowered function and the offsets of its items. Out: [`Directive`]s by offset, ascending; none
//! for a function that moves neither the stack pointer nor a preserved register.
//!
//! A function that pushes in its body is described in parts, as if it were several functions: of all
//! but the first, the prologue is empty and has made the whole frame, what was pushed included.

use crate::emit::unwind;
use crate::encode::Encoded;
use crate::ir::{Lowered, UnwindStep};
use crate::isa::{Bank, Class, PhysReg, register_name};

/// One line of the assembly.
pub(super) enum Directive {
    /// `.seh_proc`, which names the function.
    Start,
    /// Any other.
    Line(String),
}

/// All directives of a function.
pub(super) fn directives(lowered: &Lowered, encoded: &Encoded) -> Vec<(u32, Directive)> {
    let end = encoded.code_len as u32;
    let offset_of = |item: usize| encoded.item_offsets.get(item).copied().unwrap_or(end);
    let heights = unwind::heights(lowered);
    let steps = &lowered.frame.steps;
    let mut directives = Vec::new();
    if steps.is_empty() && heights.iter().all(|&(_, pushed)| pushed == 0) {
        return directives;
    }
    for (part, &(item, pushed)) in heights.iter().enumerate() {
        let start = offset_of(item);
        let end = heights.get(part + 1).map_or(end, |&(next, _)| offset_of(next));
        if start == end {
            continue;
        }
        directives.push((start, Directive::Start));
        let mut at = start;
        for &(after, step) in steps {
            if part == 0 {
                at = offset_of(after);
            }
            directives.push((at, Directive::Line(line(lowered, step, pushed))));
        }
        if pushed > 0 {
            directives.push((at, Directive::Line(format!(".seh_stackalloc {pushed}"))));
        }
        directives.push((at, Directive::Line(".seh_endprologue".to_string())));
        directives.push((end, Directive::Line(".seh_endproc".to_string())));
    }
    directives
}

/// The directive of one action, in a part of the function where `pushed` bytes are pushed.
fn line(lowered: &Lowered, step: UnwindStep, pushed: u32) -> String {
    match step {
        UnwindStep::Push { reg } => format!(".seh_pushreg {}", register_name(reg, Class::Gp64)),
        UnwindStep::Save { reg } => {
            let place = place(lowered, reg, pushed);
            match reg.bank {
                Bank::Gp => format!(".seh_savereg {}, {place}", register_name(reg, Class::Gp64)),
                _ => format!(".seh_savexmm {}, {place}", register_name(reg, Class::Xmm)),
            }
        }
        UnwindStep::Lower { bytes } => format!(".seh_stackalloc {bytes}"),
        UnwindStep::SetBase => {
            let base = lowered.frame.base.expect("a base that is set");
            format!(".seh_setframe {}, 0", register_name(base, Class::Gp64))
        }
    }
}

/// Where a register is saved, above the base or, where there is none, the stack pointer.
fn place(lowered: &Lowered, reg: PhysReg, pushed: u32) -> i64 {
    let (mut height, mut has_base) = (8, false);
    for (_, step) in &lowered.frame.steps {
        match *step {
            UnwindStep::Push { .. } => height += 8,
            UnwindStep::Save { .. } => {}
            UnwindStep::Lower { bytes } => height += i64::from(bytes),
            UnwindStep::SetBase => {
                has_base = true;
                break;
            }
        }
    }
    let saved = lowered.frame.saved.iter().find(|(saved, _)| *saved == reg);
    let (_, offset) = saved.expect("what a step saves has a place");
    i64::from(*offset) + height + if has_base { 0 } else { i64::from(pushed) }
}
