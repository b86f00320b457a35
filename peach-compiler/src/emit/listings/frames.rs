//! The prologue as Microsoft's unwinder wants to be told of it.
//!
//! In: a lowered function. Out: its steps, each with the index of the item behind the one that takes it.
//! Where the frame has a base, offsets count from there, otherwise from the stack pointer behind the
//! prologue (Microsoft, "x64 exception handling", UNWIND_CODE).

use crate::ir::{Lowered, UnwindStep};
use crate::isa::{Bank, PhysReg};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Pushes a general-purpose register.
    Push(PhysReg),
    /// Stores a vector register so far above the frame's base.
    Save(PhysReg, i32),
    /// Subtracts from the stack pointer.
    Lower(u32),
    /// Copies the stack pointer to the base.
    SetBase(PhysReg),
    /// The prologue ends.
    End,
}

/// All steps, in order, the end of the prologue last.
pub(super) fn steps(lowered: &Lowered) -> Vec<(usize, Step)> {
    let frame = &lowered.frame;
    let base_below_cfa = base_below_cfa(lowered);
    let step = |step: &UnwindStep| match *step {
        UnwindStep::Lower { bytes } => Step::Lower(bytes),
        UnwindStep::SetBase => Step::SetBase(frame.base.expect("a frame with a base")),
        UnwindStep::Save { reg } if reg.bank == Bank::Gp => Step::Push(reg),
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
            UnwindStep::Save { reg } if reg.bank == Bank::Gp => below += 8,
            UnwindStep::Save { .. } => {}
            UnwindStep::Lower { bytes } => below += *bytes as i32,
            UnwindStep::SetBase => break,
        }
    }
    below
}
