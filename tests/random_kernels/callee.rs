//! The function that random kernels call: it requires of its caller what the convention requires,
//! and changes everything that the convention lets it change.

use peach_compiler::abi::Convention;
use std::arch::global_asm;

/// What it returns.
pub fn result(argument: u64) -> u64 {
    argument.wrapping_mul(3).wrapping_add(1)
}

/// Where it is, for callers of `convention`.
pub fn address(convention: &Convention) -> u64 {
    let wide = is_x86_feature_detected!("avx512bw");
    let function: unsafe extern "C" fn() = match (convention.shadow > 0, wide) {
        (false, false) => callee_sysv64_sse,
        (false, true) => callee_sysv64_avx512,
        (true, false) => callee_win64_sse,
        (true, true) => callee_win64_avx512,
    };
    function as usize as u64
}

unsafe extern "C" {
    fn callee_sysv64_sse();
    fn callee_sysv64_avx512();
    fn callee_win64_sse();
    fn callee_win64_avx512();
}

// Every register that may be changed is filled with ones, and so is the shadow space; the stack
// pointer must be a multiple of 16 before the call.
global_asm!(
    ".macro callee_start first",
    "lea rax, [rsp + 8]",
    "test al, 15",
    "jz 1f",
    "ud2",
    "1:",
    "lea rax, [\\first + \\first * 2 + 1]",
    "mov rcx, -1",
    "mov rdx, rcx",
    "mov r8, rcx",
    "mov r9, rcx",
    "mov r10, rcx",
    "mov r11, rcx",
    "push rcx",
    "push rcx",
    "push rcx",
    "add rsp, 24",
    ".endm",
    ".macro callee_wide",
    ".irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
    "vpternlogd zmm\\n, zmm\\n, zmm\\n, 255",
    ".endr",
    ".irp n, 0,1,2,3,4,5,6,7",
    "kxnorq k\\n, k\\n, k\\n",
    ".endr",
    "vzeroupper",
    ".endm",
    ".macro callee_sysv64",
    "callee_start rdi",
    "mov rdi, rcx",
    "mov rsi, rcx",
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "pcmpeqd xmm\\n, xmm\\n",
    ".endr",
    ".endm",
    ".macro callee_win64",
    "callee_start rcx",
    "mov [rsp + 8], rcx",
    "mov [rsp + 16], rcx",
    "mov [rsp + 24], rcx",
    "mov [rsp + 32], rcx",
    ".irp n, 0,1,2,3,4,5",
    "pcmpeqd xmm\\n, xmm\\n",
    ".endr",
    ".endm",
    "callee_sysv64_sse: callee_sysv64",
    "ret",
    "callee_sysv64_avx512: callee_sysv64",
    "callee_wide",
    "ret",
    "callee_win64_sse: callee_win64",
    "ret",
    "callee_win64_avx512: callee_win64",
    "callee_wide",
    "ret",
);
