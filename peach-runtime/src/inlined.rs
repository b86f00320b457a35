//! What kernels that stand in their callers need around them.

use core::mem::MaybeUninit;

/// A variable that makes its function address the frame by `rbp`: aligned to more than the stack
/// is, it can only be reached from a stack pointer that was aligned, whose distance from the
/// caller's frame is unknown. The stack pointer may then move, and unwinders do not mind.
#[repr(align(32))]
#[derive(Debug)]
pub struct Anchor(#[expect(dead_code, reason = "it is there to be aligned")] MaybeUninit<u8>);

impl Anchor {
    /// Nothing in it matters.
    #[inline(always)]
    #[expect(clippy::new_without_default, reason = "generated items alone make it")]
    pub const fn new() -> Anchor {
        Anchor(MaybeUninit::uninit())
    }
}

/// Keeps `anchor` in memory.
#[inline(always)]
#[expect(clippy::pointers_in_nomem_asm_block, reason = "that it is an operand is enough")]
pub fn anchor(anchor: &mut Anchor) {
    // SAFETY: there is no instruction.
    unsafe {
        core::arch::asm!("/* {} */", in(reg) anchor, options(nomem, nostack, preserves_flags));
    }
}

/// Constants, at a multiple of what `A` is aligned to.
#[repr(C)]
#[derive(Debug)]
pub struct Aligned<A, const N: usize> {
    align: [A; 0],
    bytes: [u8; N],
}

impl<A, const N: usize> Aligned<A, N> {
    /// These bytes.
    pub const fn new(bytes: [u8; N]) -> Self {
        Aligned { align: [], bytes }
    }
}

/// Declares a type of each alignment.
macro_rules! alignments {
    ($($name:ident $align:literal)*) => {$(
        #[doc = concat!("Is at a multiple of ", $align, ".")]
        #[repr(align($align))]
        #[derive(Debug)]
        pub struct $name;
    )*};
}

alignments! {
    Align64 64 Align128 128 Align256 256 Align512 512 Align1024 1024 Align2048 2048 Align4096 4096
}
