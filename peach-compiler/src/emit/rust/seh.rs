//! What Windows' unwinder has to know ("x64 exception handling" on learn.microsoft.com), as
//! directives of LLVM's assembler.
//!
//! In: a lowered function and the offsets of its items. Out: [`Directive`]s by offset, ascending;
//! none for a function that moves neither the stack pointer nor a preserved register.
//!
//! What no directive can express is in the tables themselves: a function that pushes in its body,
//! and vector registers at an odd multiple of eight bytes.

use crate::emit::seh::{self, Fragment};
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

/// What the unwinder must know about a function.
pub(super) enum Description {
    /// Directives by offset.
    Directives(Vec<(u32, Directive)>),
    /// Its parts.
    Tables(Vec<Fragment>),
}

impl Description {
    pub fn of(lowered: &Lowered, encoded: &Encoded) -> Description {
        let parts = seh::fragments(lowered, encoded);
        let mut steps = lowered.frame.steps.iter().map(|(_, step)| *step);
        let is_odd = |step| match step {
            UnwindStep::Save { reg } => reg.bank != Bank::Gp && place(lowered, reg) % 16 != 0,
            _ => false,
        };
        match parts.len() {
            0 => Description::Directives(Vec::new()),
            1 if lowered.local_fns.is_empty() && !steps.any(is_odd) => {
                Description::Directives(directives(lowered, encoded))
            }
            _ => Description::Tables(parts),
        }
    }
}

/// All directives of a function.
fn directives(lowered: &Lowered, encoded: &Encoded) -> Vec<(u32, Directive)> {
    let mut directives = vec![(0, Directive::Start)];
    let mut at = 0;
    for &(after, step) in &lowered.frame.steps {
        at = encoded.offset_of(after);
        directives.push((at, Directive::Line(line(lowered, step))));
    }
    directives.push((at, Directive::Line(".seh_endprologue".to_string())));
    directives.push((encoded.code_len as u32, Directive::Line(".seh_endproc".to_string())));
    directives
}

/// The directive of one action.
fn line(lowered: &Lowered, step: UnwindStep) -> String {
    match step {
        UnwindStep::Push { reg } => format!(".seh_pushreg {}", register_name(reg, Class::Gp64)),
        UnwindStep::Save { reg } => {
            let place = place(lowered, reg);
            match reg.bank {
                Bank::Gp => format!(".seh_savereg {}, {place}", register_name(reg, Class::Gp64)),
                // Of the others only vectors are saved.
                Bank::Vector
                | Bank::Mask
                | Bank::Mmx
                | Bank::Tile
                | Bank::Segment
                | Bank::Control
                | Bank::Debug
                | Bank::X87
                | Bank::Ip => format!(".seh_savexmm {}, {place}", register_name(reg, Class::Xmm)),
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
fn place(lowered: &Lowered, reg: PhysReg) -> i64 {
    let mut height = 8;
    for (_, step) in &lowered.frame.steps {
        match *step {
            UnwindStep::Push { .. } => height += 8,
            UnwindStep::Save { .. } => {}
            UnwindStep::Lower { bytes } => height += i64::from(bytes),
            UnwindStep::SetBase => break,
        }
    }
    let saved = lowered.frame.saved.iter().find(|(saved, _)| *saved == reg);
    let (_, offset) = saved.expect("what a step saves has a place");
    i64::from(*offset) + height
}
