//! What a call that returned did to registers, flags and stack.

use super::call::{After, Registers};
use super::place::{ARGUMENTS, NAMES, Placed, RSP};
use crate::report::Damage;
use crate::subject::Convention;

/// The flags that conventions want clear.
const DIRECTION: u64 = 1 << 10;
const ALIGNMENT_CHECK: u64 = 1 << 18;

/// The bits of MXCSR that conventions preserve.
const MXCSR_CONTROL: u32 = 0xFFC0;

/// A call that returned.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) convention: Convention,
    pub(super) before: Registers,
    /// The stack above the return address before the call.
    pub(super) window: Vec<u8>,
    pub(super) after: After,
}

impl Ended {
    pub(super) fn check_registers(&self, damage: &mut Vec<Damage>) {
        let (before, after) = (&self.before, &self.after);
        let distance = after.gp[RSP].wrapping_sub(before.gp[RSP]) as i64;
        if distance != 0 {
            let side = if distance > 0 { "above" } else { "below" };
            damage.push(Damage::StackPointer(format!(
                "returns with the stack pointer {} bytes {side} where it should be",
                distance.unsigned_abs()
            )));
        }
        for register in self.convention.saved() {
            if before.gp[*register] != after.gp[*register] {
                damage.push(Damage::Register { name: NAMES[*register].to_string() });
            }
        }
        for register in self.convention.saved_xmm() {
            if before.image.vector(register)[..16] != after.image.vector(register)[..16] {
                damage.push(Damage::Register { name: format!("xmm{register}") });
            }
        }
        if after.flags & DIRECTION != 0 {
            damage.push(Damage::DirectionFlag);
        }
        if after.flags & ALIGNMENT_CHECK != 0 {
            damage.push(Damage::AlignmentCheck);
        }
        let (image, found) = (&after.image, after.image.mxcsr());
        if found & MXCSR_CONTROL != before.image.mxcsr() & MXCSR_CONTROL {
            damage.push(Damage::Mxcsr { found });
        }
        if image.control() != before.image.control() {
            damage.push(Damage::X87Control { found: image.control() });
        }
        if image.has_mmx() {
            damage.push(Damage::Mmx);
        }
    }

    pub(super) fn check_stack(&self, now: &[u8], placed: &Placed, damage: &mut Vec<Damage>) {
        if now == self.window {
            return;
        }
        let copies = ARGUMENTS..ARGUMENTS + placed.copies;
        let is_own = |at: &usize| *at < placed.arguments || copies.contains(at);
        let changed = |at: &usize| !is_own(at) && now[*at] != self.window[*at];
        if let Some(offset) = (0..now.len()).find(changed) {
            damage.push(Damage::Stack { offset });
        }
    }

    pub(super) fn check_upper_halves(&self, placed: &Placed, damage: &mut Vec<Damage>) {
        if placed.vectors.iter().any(|(_, bytes)| bytes.len() > 16) {
            return;
        }
        let is_dirty = |register: &usize| self.after.image.vector(*register)[16..] != [0; 48];
        if let Some(register) = (0..16).find(is_dirty) {
            damage.push(Damage::UpperHalves { register });
        }
    }
}
