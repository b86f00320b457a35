//! What Windows' unwinder reads ("x64 exception handling" on learn.microsoft.com).
//!
//! In: a lowered function and the offsets of its items. Out: [`Fragment`]s, each with its
//! `UNWIND_INFO`; none for a function that moves neither the stack pointer nor a preserved
//! register.
//!
//! The unwinder replays the prologue backwards and recognizes epilogues by their instructions. It
//! knows of no pushes in a body: a function that pushes there (or aligns the stack around a call)
//! is described in fragments, as if it were several functions. All but the first have a prologue of
//! length zero that made the whole frame, what was pushed included. A local function is one of them
//! by itself.

use super::unwind;
use crate::encode::Encoded;
use crate::ir::{Frame, Lowered, UnwindStep};
use crate::isa::{Bank, PhysReg};
use std::ops::Range;

/// A part of a function through which the stack pointer does not move, prologue and epilogues
/// aside.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// From where to where it goes, counted from the start of the function.
    pub place: Range<u32>,
    /// Its `UNWIND_INFO`.
    pub info: Vec<u8>,
}

/// The parts of a function.
pub(super) fn fragments(lowered: &Lowered, encoded: &Encoded) -> Vec<Fragment> {
    let frame = &lowered.frame;
    let step = |&(after, step): &(usize, UnwindStep)| Step { at: encoded.offset_of(after), step };
    let steps: Vec<Step> = frame.steps.iter().map(step).collect();
    let mut fragments = Vec::new();
    for (number, part) in lowered.parts().into_iter().enumerate() {
        let end_of_part = encoded.offset_of(part.end);
        let heights = unwind::heights(lowered, part);
        let steps = if number == 0 { steps.as_slice() } else { &[] };
        if steps.is_empty() && heights.iter().all(|&(_, pushed)| pushed == 0) {
            continue;
        }
        for (index, &(item, pushed)) in heights.iter().enumerate() {
            let start = encoded.offset_of(item);
            let end =
                heights.get(index + 1).map_or(end_of_part, |&(next, _)| encoded.offset_of(next));
            if start < end {
                let info = unwind_info(frame, steps, number + index > 0, pushed);
                fragments.push(Fragment { place: start..end, info });
            }
        }
    }
    fragments
}

/// An action of the prologue, and where the instruction ends that does it.
#[derive(Clone, Copy)]
struct Step {
    at: u32,
    step: UnwindStep,
}

/// The actions, the last one first. `is_part`: they were all done before the fragment starts, and
/// `pushed` bytes besides.
fn unwind_info(frame: &Frame, steps: &[Step], is_part: bool, pushed: u32) -> Vec<u8> {
    let mut codes = Vec::new();
    let height = frame_height(steps) + i64::from(pushed);
    if pushed > 0 {
        allocation(&mut codes, 0, pushed);
    }
    for step in steps.iter().rev() {
        let at = if is_part { 0 } else { step.at };
        let at = u8::try_from(at).expect("prologues are shorter than 256 bytes");
        match step.step {
            UnwindStep::Push { reg } => operation(&mut codes, at, 0, reg.num),
            UnwindStep::Save { reg } => save(&mut codes, at, reg, place(frame, steps, reg, height)),
            UnwindStep::Lower { bytes } => allocation(&mut codes, at, bytes),
            UnwindStep::SetBase => operation(&mut codes, at, 3, 0),
        }
    }
    let prologue = if is_part { 0 } else { steps.last().map_or(0, |step| step.at as u8) };
    let count = (codes.len() / 2) as u8;
    let base = frame.base.filter(|_| !steps.is_empty()).map_or(0, |base| base.num);
    // Version 1, no handler; the base is the stack pointer itself at that place.
    let mut info = vec![1, prologue, count, base];
    info.extend(codes);
    info.resize(info.len().next_multiple_of(4), 0);
    info
}

/// How far the frame's base, or the stack pointer where there is none, is below the caller's stack
/// pointer before the call.
fn frame_height(steps: &[Step]) -> i64 {
    let mut height = 8;
    for step in steps {
        match step.step {
            UnwindStep::Push { .. } => height += 8,
            UnwindStep::Save { .. } => {}
            UnwindStep::Lower { bytes } => height += i64::from(bytes),
            UnwindStep::SetBase => break,
        }
    }
    height
}

/// Where a register is saved, above the base or the stack pointer.
fn place(frame: &Frame, steps: &[Step], reg: PhysReg, height: i64) -> u32 {
    let has_base = steps.iter().any(|step| step.step == UnwindStep::SetBase);
    let height = if has_base { frame_height(steps) } else { height };
    let saved = frame.saved.iter().find(|(saved, _)| *saved == reg);
    let (_, offset) = saved.expect("what a step saves has a place");
    u32::try_from(i64::from(*offset) + height).expect("registers are saved within the frame")
}

/// `UWOP_SAVE_NONVOL` and `UWOP_SAVE_XMM128`, in units of their size, or `…_FAR`, in bytes.
fn save(codes: &mut Vec<u8>, at: u8, reg: PhysReg, offset: u32) {
    let (near, far, size) = if reg.bank == Bank::Gp { (4, 5, 8) } else { (8, 9, 16) };
    match u16::try_from(offset / size) {
        Ok(units) if offset.is_multiple_of(size) => {
            operation(codes, at, near, reg.num);
            codes.extend(units.to_le_bytes());
        }
        _ => {
            operation(codes, at, far, reg.num);
            codes.extend(offset.to_le_bytes());
        }
    }
}

/// `UWOP_ALLOC_SMALL`, or the two sizes of `UWOP_ALLOC_LARGE`.
fn allocation(codes: &mut Vec<u8>, at: u8, bytes: u32) {
    match (bytes, u16::try_from(bytes / 8)) {
        (8..=128, _) => operation(codes, at, 2, (bytes / 8 - 1) as u8),
        (_, Ok(units)) => {
            operation(codes, at, 1, 0);
            codes.extend(units.to_le_bytes());
        }
        (_, Err(_)) => {
            operation(codes, at, 1, 1);
            codes.extend(bytes.to_le_bytes());
        }
    }
}

/// One node: where it is done, what is done, and a detail.
fn operation(codes: &mut Vec<u8>, at: u8, operation: u8, detail: u8) {
    codes.extend([at, operation | detail << 4]);
}
