//! The callees: a kernel in all embeddings, and the same code without peach.

use peach_runtime::peach_fn;
use std::arch::{asm, naked_asm};

peach_fn! {
    pub fn mapped(a: u64, b: u64) -> u64 { add a, b; return a; }

    #[embed = "text"]
    pub fn text(a: u64, b: u64) -> u64 { add a, b; return a; }

    #[embed = "inline"]
    pub fn kernel(a: u64, b: u64) -> u64 { add a, b; return a; }
}

/// In Rust, inlined. (The instruction is one that the optimizer cannot fold over a loop, as it
/// cannot fold a call.)
#[inline(always)]
pub fn inlined(a: u64, b: u64) -> u64 {
    let mut sum = a;
    // SAFETY: it adds.
    unsafe {
        asm!("add {}, {}", inout(reg) sum, in(reg) b, options(pure, nomem, nostack));
    }
    sum
}

/// In Rust, called as C functions are.
#[inline(never)]
pub extern "C" fn extern_c(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}

/// The kernel's bytes, and what one would write around them by hand.
#[inline(always)]
pub fn by_hand(a: u64, b: u64) -> u64 {
    #[unsafe(naked)]
    unsafe extern "sysv64" fn code() {
        naked_asm!("add rdi, rsi", "mov rax, rdi", "ret", ".p2align 6, 0xcc")
    }
    let sum;
    // SAFETY: the code above changes rdi, rax and the flags.
    unsafe {
        asm!("call {}", sym code, inout("rdi") a => _, in("rsi") b, lateout("rax") sum,
            options(nomem));
    }
    sum
}
