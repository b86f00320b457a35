//! The frame as Microsoft's unwind directives describe it.
//!
//! In: a function. Out: the steps of its prologue, each with the index of the item after the one
//! that takes it. Where the frame has a base, offsets count from there, otherwise from the stack
//! pointer after the prologue (Microsoft, "x64 exception handling", UNWIND_CODE). Where no
//! directive can say it, the tables themselves.

use crate::emit::module::ModuleFunction;
use crate::emit::seh::{self, Fragment};
use crate::ir::{Lowered, UnwindStep};
use crate::isa::{Bank, PhysReg};

/// What the unwinder must know.
pub(super) enum Description {
    /// Nothing: the function moves neither the stack pointer nor a preserved register.
    Leaf,
    /// By directives.
    Steps(Vec<(usize, Step)>),
    /// By tables: parts of the function, each with its `UNWIND_INFO`. Directives know no pushes in
    /// a body, and no vector register at an odd multiple of eight.
    Tables(Vec<Fragment>),
}

impl Description {
    pub fn of(function: &ModuleFunction) -> Description {
        let compiled = &function.compiled;
        let parts = seh::fragments(&compiled.lowered, &compiled.encoded);
        let steps = steps(&compiled.lowered);
        let is_odd = |(_, step): &(usize, Step)| match step {
            Step::Save(reg, at) => reg.bank != Bank::Gp && at % 16 != 0,
            _ => false,
        };
        match parts.len() {
            0 => Description::Leaf,
            1 if compiled.lowered.local_fns.is_empty() && !steps.iter().any(is_odd) => {
                Description::Steps(steps)
            }
            _ => Description::Tables(parts),
        }
    }

    /// The steps, where they are described by directives.
    pub fn steps(&self) -> impl Iterator<Item = (usize, Step)> {
        let steps = if let Description::Steps(steps) = self { steps.as_slice() } else { &[] };
        steps.iter().copied()
    }
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Pushes a general-purpose register.
    Push(PhysReg),
    /// Stores a register so far above the frame's base.
    Save(PhysReg, i32),
    /// Subtracts from the stack pointer.
    Lower(u32),
    /// Copies the stack pointer to the base.
    SetBase(PhysReg),
    /// The prologue ends.
    End,
}

/// All steps, in order, the end of the prologue last.
fn steps(lowered: &Lowered) -> Vec<(usize, Step)> {
    let frame = &lowered.frame;
    let base_below_cfa = base_below_cfa(lowered);
    let step = |step: &UnwindStep| match *step {
        UnwindStep::Lower { bytes } => Step::Lower(bytes),
        UnwindStep::SetBase => Step::SetBase(frame.base.expect("a frame with a base")),
        UnwindStep::Push { reg } => Step::Push(reg),
        UnwindStep::Save { reg } => {
            let saved = frame.saved.iter().find(|(saved, _)| *saved == reg);
            Step::Save(reg, saved.map_or(0, |(_, at)| at + base_below_cfa))
        }
    };
    let mut steps: Vec<(usize, Step)> = frame.steps.iter().map(|(at, s)| (*at, step(s))).collect();
    steps.push((frame.prologue_items, Step::End));
    steps
}

/// How far below the canonical frame address offsets count from.
fn base_below_cfa(lowered: &Lowered) -> i32 {
    let mut below = 8;
    for (_, step) in &lowered.frame.steps {
        match step {
            UnwindStep::Push { .. } => below += 8,
            UnwindStep::Save { .. } => {}
            UnwindStep::Lower { bytes } => below += *bytes as i32,
            UnwindStep::SetBase => break,
        }
    }
    below
}
