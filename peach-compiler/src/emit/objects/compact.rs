//! macOS's compact unwind encodings: one word per function (`compact_unwind_encoding.h` of Apple's
//! libunwind).
//!
//! In: a lowered function. Out: the word. It describes the body alone; what it cannot describe,
//! frames that move in the body or that save vector registers, and local functions, is left to
//! DWARF.

use super::image::Function;
use crate::emit::unwind;
use crate::ir::{Code, Frame, UnwindStep};
use crate::isa::{Bank, PhysReg, gp};

/// The frame has a base: `push rbp; mov rbp, rsp`.
const BASE: u32 = 0x0100_0000;
/// The size of the frame is in the word.
const SMALL: u32 = 0x0200_0000;
/// The size of the frame is in the `sub` of the prologue.
const LARGE: u32 = 0x0300_0000;
/// See `__eh_frame`.
pub(super) const DWARF: u32 = 0x0400_0000;

/// The word of a function.
pub(super) fn encoding(function: &Function) -> u32 {
    let frame = &function.source.compiled.lowered.frame;
    let saves_vectors = frame.saved.iter().any(|(reg, _)| reg.bank != Bank::Gp);
    let has_local_fns = !function.source.compiled.lowered.local_fns.is_empty();
    if saves_vectors || has_local_fns || moves_in_body(function) {
        return DWARF;
    }
    match frame.base {
        Some(base) if has_plain_base(frame, base) => BASE,
        Some(_) => DWARF,
        None => without_base(function, frame).unwrap_or(DWARF),
    }
}

/// Whether the stack pointer moves between prologue and epilogues, in a frame that is found by it.
fn moves_in_body(function: &Function) -> bool {
    let lowered = &function.source.compiled.lowered;
    unwind::heights(lowered, 0..lowered.items.len()).iter().any(|&(_, pushed)| pushed != 0)
}

/// Nothing is pushed before the base, and the base is where it is expected.
fn has_plain_base(frame: &Frame, base: PhysReg) -> bool {
    let before: Vec<UnwindStep> = frame
        .steps
        .iter()
        .map(|(_, step)| *step)
        .take_while(|s| *s != UnwindStep::SetBase)
        .collect();
    base == gp::RBP && before == [UnwindStep::Push { reg: base }]
}

fn without_base(function: &Function, frame: &Frame) -> Option<u32> {
    let saved: Vec<PhysReg> = frame.saved.iter().map(|(reg, _)| *reg).collect();
    // They are expected one below the other, from the return address on.
    let are_in_row = (2..).zip(&frame.saved).all(|(place, (_, offset))| *offset == -8 * place);
    let height = body_height(frame);
    let registers = (saved.len() as u32) << 10 | permutation(&saved)?;
    match height / 8 {
        _ if !are_in_row => None,
        units @ ..=0xFF => Some(SMALL | units << 16 | registers),
        _ => {
            let (field, lowered) = size_field(function)?;
            let others = (height - lowered) / 8;
            (others <= 7).then_some(LARGE | field << 16 | others << 13 | registers)
        }
    }
}

/// How far the stack pointer is below the caller's, in a frame without a base.
fn body_height(frame: &Frame) -> u32 {
    let height = |step: UnwindStep| match step {
        UnwindStep::Push { .. } => 8,
        UnwindStep::Lower { bytes } => bytes,
        UnwindStep::Save { .. } | UnwindStep::SetBase => 0,
    };
    8 + frame.steps.iter().map(|(_, step)| height(*step)).sum::<u32>()
}

/// Where the 32-bit size in the `sub` of the prologue is, and the size.
fn size_field(function: &Function) -> Option<(u32, u32)> {
    let compiled = &function.source.compiled;
    let steps = &compiled.lowered.frame.steps;
    let (after, bytes) = steps.iter().rev().find_map(|(after, step)| match step {
        UnwindStep::Lower { bytes } => Some((*after, *bytes)),
        _ => None,
    })?;
    let Code::Inst(inst) = &compiled.lowered.items[after - 1].code else { return None };
    let field = compiled.encoded.item_offsets[after] - 4;
    (inst.mnemonic.name() == "sub" && field <= 0xFF).then_some((field, bytes))
}

/// Which registers are saved, the one at the lowest address first, as the number of their order
/// among all orders of as many of the six.
fn permutation(saved: &[PhysReg]) -> Option<u32> {
    const NUMBERED: [PhysReg; 6] = [gp::RBX, gp::R12, gp::R13, gp::R14, gp::R15, gp::RBP];
    let numbers: Vec<usize> = saved
        .iter()
        .rev()
        .map(|reg| NUMBERED.iter().position(|n| n == reg))
        .collect::<Option<_>>()?;
    let mut number = 0;
    for (index, &register) in numbers.iter().enumerate() {
        let smaller = numbers[..index].iter().filter(|&&earlier| earlier < register).count();
        // As many can be at the next place; of all six, the last one is not encoded.
        let choices = 6 - index;
        number = number * choices + (register - smaller);
        if index == 4 && numbers.len() == 6 {
            break;
        }
    }
    Some(number as u32)
}
