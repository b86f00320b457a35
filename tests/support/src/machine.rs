//! Calls machine code with every register set, and reads every register back.
//!
//! Input: a [`Machine`] with register, stack and flag values. Output: the same after the call. It
//! works for every convention, because it has none: the caller says what is in which register.
//! Code that unbalances the stack pointer takes the process down; nothing else can.

use crate::Random;
use std::arch::global_asm;

/// Slots of stack memory that the code under test finds above its return address.
pub const STACK_SLOTS: usize = 32;

/// A vector register.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zmm(pub [u64; 8]);

/// All registers, before and after the call.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub struct Machine {
    /// `zmm0` … `zmm31`; as much of them as the processor has.
    pub vectors: [Zmm; 32],
    /// `rax rcx rdx rbx rsp rbp rsi rdi r8 … r15`; `rsp` is not loaded, and after the call it is
    /// how far the stack pointer is from where it should be.
    pub gp: [u64; 16],
    /// `k0` … `k7`.
    pub masks: [u64; 8],
    /// The stack above the return address: `[rsp + 8]` on entry is slot 0.
    pub stack: [u64; STACK_SLOTS],
    /// `rflags`: only the status flags are loaded.
    pub flags: u64,
    /// MXCSR; not loaded.
    pub mxcsr: u32,
    /// 0: xmm0–15; 1: ymm0–15; 2: zmm0–31 and masks.
    level: u32,
    target: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Machine::new()
    }
}

impl Machine {
    /// All registers zero.
    pub fn new() -> Machine {
        let level = if is_x86_feature_detected!("avx512bw") {
            2
        } else if is_x86_feature_detected!("avx") {
            1
        } else {
            0
        };
        Machine {
            vectors: [Zmm([0; 8]); 32],
            gp: [0; 16],
            masks: [0; 8],
            stack: [0; STACK_SLOTS],
            flags: 0,
            mxcsr: 0,
            level,
            target: 0,
        }
    }

    /// All registers hold values that occur nowhere else, derived from `seed`.
    pub fn poisoned(seed: u64) -> Machine {
        let mut machine = Machine::new();
        let mut random = Random::new(seed);
        let mut poison = || random.bits();
        machine.gp.fill_with(&mut poison);
        machine.masks.fill_with(&mut poison);
        machine.stack.fill_with(&mut poison);
        for vector in &mut machine.vectors {
            vector.0.fill_with(&mut poison);
        }
        machine
    }

    /// How many bytes of how many vector registers are set and read back.
    pub fn vector_shape(&self) -> (usize, usize) {
        [(16, 16), (16, 32), (32, 64)][self.level as usize]
    }

    /// Calls `target`.
    ///
    /// # Safety
    /// `target` must be code that returns with the stack pointer it got, preserves nothing else that
    /// this program relies on (every register is restored afterwards), and only touches memory that
    /// the registers entitle it to.
    pub unsafe fn call(&mut self, target: *const u8) {
        self.target = target as u64;
        // SAFETY: the assembly below saves what the convention of this call preserves.
        unsafe { peach_machine_call(self) }
    }
}

unsafe extern "sysv64" {
    fn peach_machine_call(machine: *mut Machine);
}

// Offsets in `Machine`: vectors 0, gp 2048, masks 2176, stack 2240, flags 2496, mxcsr 2504,
// level 2508, target 2512.
const _: () = {
    assert!(std::mem::offset_of!(Machine, gp) == 2048);
    assert!(std::mem::offset_of!(Machine, masks) == 2176);
    assert!(std::mem::offset_of!(Machine, stack) == 2240);
    assert!(std::mem::offset_of!(Machine, flags) == 2496);
    assert!(std::mem::offset_of!(Machine, mxcsr) == 2504);
    assert!(std::mem::offset_of!(Machine, level) == 2508);
    assert!(std::mem::offset_of!(Machine, target) == 2512);
};

// The frame, from the stack pointer up, at the call: 32 slots for the code under test, then [rsp +
// 256] the machine, [rsp + 264] scratch, then the saved registers. The stack pointer itself is kept
// in the scratch slot's neighbor, so that an unbalanced return is at least noticed.
global_asm!(
    ".balign 16",
    "peach_machine_call:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 280",
    "mov [rsp + 256], rdi",
    // Stack arguments.
    "xor ecx, ecx",
    "2: mov rax, [rdi + 2240 + rcx*8]",
    "mov [rsp + rcx*8], rax",
    "inc ecx",
    "cmp ecx, 32",
    "jne 2b",
    // Vectors and masks.
    "mov eax, [rdi + 2508]",
    "cmp eax, 1",
    crate::load_vectors!("2176"),
    "mov [rdi + 2080], rsp",
    // Flags: only the status flags.
    "mov rax, [rdi + 2496]",
    "and eax, 0x8d5",
    "push rax",
    "popfq",
    // General-purpose registers, `rdi` last.
    "mov rax, [rdi + 2048]",
    "mov rcx, [rdi + 2056]",
    "mov rdx, [rdi + 2064]",
    "mov rbx, [rdi + 2072]",
    "mov rbp, [rdi + 2088]",
    "mov rsi, [rdi + 2096]",
    "mov r8, [rdi + 2112]",
    "mov r9, [rdi + 2120]",
    "mov r10, [rdi + 2128]",
    "mov r11, [rdi + 2136]",
    "mov r12, [rdi + 2144]",
    "mov r13, [rdi + 2152]",
    "mov r14, [rdi + 2160]",
    "mov r15, [rdi + 2168]",
    "push qword ptr [rdi + 2512]",
    "pop qword ptr [rsp + 264]",
    "mov rdi, [rdi + 2104]",
    "call qword ptr [rsp + 264]",
    // Everything back.
    "mov [rsp + 264], rdi",
    "mov rdi, [rsp + 256]",
    "mov [rdi + 2048], rax",
    "lea rax, [rsp]",
    "pushfq",
    "pop qword ptr [rdi + 2496]",
    "cld",
    "sub [rdi + 2080], rax",
    "mov [rdi + 2056], rcx",
    "mov [rdi + 2064], rdx",
    "mov [rdi + 2072], rbx",
    "mov [rdi + 2088], rbp",
    "mov [rdi + 2096], rsi",
    "mov rax, [rsp + 264]",
    "mov [rdi + 2104], rax",
    "mov [rdi + 2112], r8",
    "mov [rdi + 2120], r9",
    "mov [rdi + 2128], r10",
    "mov [rdi + 2136], r11",
    "mov [rdi + 2144], r12",
    "mov [rdi + 2152], r13",
    "mov [rdi + 2160], r14",
    "mov [rdi + 2168], r15",
    "stmxcsr [rdi + 2504]",
    "mov eax, [rdi + 2508]",
    "cmp eax, 1",
    crate::store_vectors!("2176"),
    "test eax, eax",
    "je 3f",
    "vzeroupper",
    "3:",
    // What the code under test left on its stack arguments.
    "xor ecx, ecx",
    "9: mov rax, [rsp + rcx*8]",
    "mov [rdi + 2240 + rcx*8], rax",
    "inc ecx",
    "cmp ecx, 32",
    "jne 9b",
    "add rsp, 280",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
);
