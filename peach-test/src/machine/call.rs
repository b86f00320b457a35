//! The call of machine code: every register is known before it, and all that it leaves is kept.
//!
//! The code runs on a stack of its own. Whatever it does to registers, flags and stack, the program
//! goes on from what was saved, so a fault ends the call and not the process (`faults`).
//!
//! There is one [`State`], as a signal handler needs it, and one call at a time.

use std::arch::naked_asm;
use std::arch::x86_64::{__cpuid_count, CpuidResult};
use std::cell::UnsafeCell;
use std::mem::offset_of;
use std::sync::OnceLock;

/// The registers that `xsave` stores: x87 and MMX, xmm, ymm, masks, zmm.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub(crate) struct Image(pub(crate) [u8; 2816]);

/// Where MXCSR is in an [`Image`] (Intel SDM, volume 1, table 10-2).
pub(crate) const MXCSR: usize = 24;
/// Where the x87 tag word is, abridged.
const TAGS: usize = 4;
const XMM: usize = 160;
/// The bitmap of the components that are not in their initial state.
const XSTATE_BV: usize = 512;

/// MXCSR and the x87 control word as conventions have them on entry.
const MXCSR_DEFAULT: u32 = 0x1F80;
const CONTROL_DEFAULT: u16 = 0x037F;

/// What the call is made with, and what it leaves.
#[repr(C, align(64))]
pub(crate) struct State {
    before: Image,
    after: Image,
    /// `rax rcx rdx rbx rsp …`; `rsp` before the call is where stack arguments start.
    gp: [u64; 16],
    gp_after: [u64; 16],
    flags_after: u64,
    target: u64,
    start: u64,
    end: u64,
    host_stack: u64,
    host_mxcsr: u32,
    /// The components of the processor's state; 0 where there is no `xsave`.
    components: u32,
}

pub(crate) struct Shared(UnsafeCell<State>);

// SAFETY: it is used by whoever holds `faults::Session`, of which there is one.
unsafe impl Sync for Shared {}

pub(crate) static STATE: Shared = Shared(UnsafeCell::new(State {
    before: Image([0; 2816]),
    after: Image([0; 2816]),
    gp: [0; 16],
    gp_after: [0; 16],
    flags_after: 0,
    target: 0,
    start: 0,
    end: 0,
    host_stack: 0,
    host_mxcsr: 0,
    components: 0,
}));

/// The registers before a call.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    pub(crate) gp: [u64; 16],
    pub(crate) image: Image,
}

/// The registers after a call.
#[derive(Clone, Debug)]
pub(crate) struct After {
    pub(crate) gp: [u64; 16],
    pub(crate) image: Image,
    pub(crate) flags: u64,
    /// Time stamps from before the call to behind it.
    pub(crate) cycles: u64,
}

/// Where `xsave` puts what.
#[derive(Debug)]
struct Layout {
    components: u32,
    /// By number of component.
    starts: [usize; 8],
}

fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    LAYOUT.get_or_init(|| {
        let mut layout = Layout { components: 0, starts: [0; 8] };
        if !is_x86_feature_detected!("xsave") {
            return layout;
        }
        // SAFETY: there is `xsave`, and the system uses it.
        layout.components = unsafe { system_components() } & 0b1110_0111;
        for component in (2..8).filter(|it| layout.components & 1 << it != 0) {
            let leaf = cpuid(0xD, component);
            layout.starts[component as usize] = leaf.ebx as usize;
            assert!(leaf.ebx + leaf.eax <= 2816, "the standard format of xsave");
        }
        layout
    })
}

#[target_feature(enable = "xsave")]
fn system_components() -> u32 {
    // SAFETY: as the caller has asked.
    unsafe { std::arch::x86_64::_xgetbv(0) as u32 }
}

/// Bytes of a vector register in each component: number of component, first register, register
/// count, offset in the register, bytes.
const PARTS: [(usize, usize, usize, usize, usize); 3] =
    [(2, 0, 16, 16, 16), (6, 0, 16, 32, 32), (7, 16, 16, 0, 64)];

impl Image {
    /// The state that conventions ask for on entry.
    pub(crate) fn new() -> Image {
        let mut image = Image([0; 2816]);
        image.0[..2].copy_from_slice(&CONTROL_DEFAULT.to_le_bytes());
        image.0[MXCSR..MXCSR + 4].copy_from_slice(&MXCSR_DEFAULT.to_le_bytes());
        image.0[XSTATE_BV] = layout().components as u8 & 0b11;
        image
    }

    /// Fills the registers; the bits beyond xmm and the masks only if `upper`.
    pub(crate) fn poison(&mut self, upper: bool, mut random: impl FnMut() -> u64) {
        for word in self.0[XMM..XMM + 256].chunks_exact_mut(8) {
            word.copy_from_slice(&random().to_le_bytes());
        }
        let Layout { components, starts } = layout();
        if !upper {
            return;
        }
        self.0[XSTATE_BV] |= *components as u8;
        let sizes = [(2, 256), (5, 64), (6, 512), (7, 1024)];
        for (component, size) in sizes.into_iter().filter(|(it, _)| components & 1 << it != 0) {
            for word in self.0[starts[component]..][..size].chunks_exact_mut(8) {
                word.copy_from_slice(&random().to_le_bytes());
            }
        }
    }

    /// Sets the lowest bytes of a vector register; the rest stays.
    pub(crate) fn set_vector(&mut self, register: usize, bytes: &[u8]) {
        let low = bytes.len().min(16);
        self.0[XMM + 16 * register..][..low].copy_from_slice(&bytes[..low]);
        let Layout { components, starts } = layout();
        for (component, first, count, offset, size) in PARTS {
            let is_there = components & 1 << component != 0 && bytes.len() > offset.max(16);
            if is_there && (first..first + count).contains(&register) {
                self.0[XSTATE_BV] |= 1 << component;
                let part = &bytes[offset..bytes.len().min(offset + size)];
                let start = starts[component] + size * (register - first);
                self.0[start..][..part.len()].copy_from_slice(part);
            }
        }
    }

    /// The bytes of vector register 0 to 15.
    pub(crate) fn vector(&self, register: usize) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..16].copy_from_slice(&self.0[XMM + 16 * register..][..16]);
        for (component, _, _, offset, size) in &PARTS[..2] {
            if self.is_in_use(*component) {
                let start = layout().starts[*component] + size * register;
                bytes[*offset..offset + size].copy_from_slice(&self.0[start..][..*size]);
            }
        }
        bytes
    }

    fn is_in_use(&self, component: usize) -> bool {
        layout().components & 1 << component != 0 && self.0[XSTATE_BV] & 1 << component != 0
    }

    /// Whether MMX registers are in use, so that the next x87 instruction fails.
    pub(crate) fn has_mmx(&self) -> bool {
        self.0[TAGS] != 0
    }

    pub(crate) fn control(&self) -> u16 {
        u16::from_le_bytes([self.0[0], self.0[1]])
    }

    pub(crate) fn mxcsr(&self) -> u32 {
        u32::from_le_bytes([0, 1, 2, 3].map(|byte| self.0[MXCSR + byte]))
    }
}

/// Calls `target` with `registers`.
///
/// # Safety
/// `faults::Session` is held. The stack pointer among the registers is a multiple of 16 with room
/// below. The code writes to no memory that the program needs.
pub(crate) unsafe fn call(target: *const (), registers: &Registers) -> After {
    let state = STATE.0.get();
    // SAFETY: the state is ours as long as the session is.
    unsafe {
        (*state).before = registers.image.clone();
        (*state).gp = registers.gp;
        (*state).target = target as u64;
        (*state).components = layout().components;
        enter();
        After {
            gp: (*state).gp_after,
            image: (*state).after.clone(),
            flags: (*state).flags_after,
            cycles: (*state).end.wrapping_sub((*state).start),
        }
    }
}

/// Sets all registers, calls, and keeps all registers.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter() {
    naked_asm!(
        "push rbx", "push rbp", "push r12", "push r13", "push r14", "push r15",
        "lea rdi, [rip + {state}]",
        "mov [rdi + {host_stack}], rsp",
        "stmxcsr [rdi + {host_mxcsr}]",
        "mov eax, [rdi + {components}]",
        "xor edx, edx",
        "test eax, eax",
        "jz 2f",
        "xrstor64 [rdi + {before}]",
        "jmp 3f",
        "2:",
        "fxrstor64 [rdi + {before}]",
        "3:",
        "mov rsp, [rdi + {gp} + 8*4]",
        "lfence",
        "rdtsc",
        "shl rdx, 32",
        "or rax, rdx",
        "mov [rdi + {start}], rax",
        // Every flag of a computation.
        "mov rax, [rdi + {gp}]",
        "add eax, eax",
        "mov rax, [rdi + {gp}]",
        "mov rcx, [rdi + {gp} + 8*1]",
        "mov rdx, [rdi + {gp} + 8*2]",
        "mov rbx, [rdi + {gp} + 8*3]",
        "mov rbp, [rdi + {gp} + 8*5]",
        "mov rsi, [rdi + {gp} + 8*6]",
        "mov r8, [rdi + {gp} + 8*8]",
        "mov r9, [rdi + {gp} + 8*9]",
        "mov r10, [rdi + {gp} + 8*10]",
        "mov r11, [rdi + {gp} + 8*11]",
        "mov r12, [rdi + {gp} + 8*12]",
        "mov r13, [rdi + {gp} + 8*13]",
        "mov r14, [rdi + {gp} + 8*14]",
        "mov r15, [rdi + {gp} + 8*15]",
        "mov rdi, [rdi + {gp} + 8*7]",
        "call qword ptr [rip + {state} + {target}]",
        "mov [rip + {state} + {gp_after} + 8*7], rdi",
        "lea rdi, [rip + {state}]",
        "mov [rdi + {gp_after}], rax",
        "mov [rdi + {gp_after} + 8*1], rcx",
        "mov [rdi + {gp_after} + 8*2], rdx",
        "mov [rdi + {gp_after} + 8*3], rbx",
        "mov [rdi + {gp_after} + 8*4], rsp",
        "mov [rdi + {gp_after} + 8*5], rbp",
        "mov [rdi + {gp_after} + 8*6], rsi",
        "mov [rdi + {gp_after} + 8*8], r8",
        "mov [rdi + {gp_after} + 8*9], r9",
        "mov [rdi + {gp_after} + 8*10], r10",
        "mov [rdi + {gp_after} + 8*11], r11",
        "mov [rdi + {gp_after} + 8*12], r12",
        "mov [rdi + {gp_after} + 8*13], r13",
        "mov [rdi + {gp_after} + 8*14], r14",
        "mov [rdi + {gp_after} + 8*15], r15",
        "mov rsp, [rdi + {host_stack}]",
        "pushfq",
        "pop qword ptr [rdi + {flags_after}]",
        "lfence",
        "rdtsc",
        "shl rdx, 32",
        "or rax, rdx",
        "mov [rdi + {end}], rax",
        "mov eax, [rdi + {components}]",
        "xor edx, edx",
        "test eax, eax",
        "jz 4f",
        "xsave64 [rdi + {after}]",
        "jmp {leave}",
        "4:",
        "fxsave64 [rdi + {after}]",
        "jmp {leave}",
        state = sym STATE,
        before = const offset_of!(State, before),
        after = const offset_of!(State, after),
        gp = const offset_of!(State, gp),
        gp_after = const offset_of!(State, gp_after),
        flags_after = const offset_of!(State, flags_after),
        target = const offset_of!(State, target),
        start = const offset_of!(State, start),
        end = const offset_of!(State, end),
        host_stack = const offset_of!(State, host_stack),
        host_mxcsr = const offset_of!(State, host_mxcsr),
        components = const offset_of!(State, components),
        leave = sym leave,
    )
}

/// Returns from [`enter`], wherever the code under test is.
#[unsafe(naked)]
pub(crate) unsafe extern "sysv64" fn leave() -> ! {
    naked_asm!(
        "lea rdi, [rip + {state}]",
        "mov rsp, [rdi + {host_stack}]",
        // Direction, alignment checks and the trap flag.
        "push 2",
        "popfq",
        "fninit",
        "ldmxcsr [rdi + {host_mxcsr}]",
        "test dword ptr [rdi + {components}], 4",
        "jz 2f",
        "vzeroupper",
        "2:",
        "pop r15", "pop r14", "pop r13", "pop r12", "pop rbp", "pop rbx",
        "ret",
        state = sym STATE,
        host_stack = const offset_of!(State, host_stack),
        host_mxcsr = const offset_of!(State, host_mxcsr),
        components = const offset_of!(State, components),
    )
}

/// The processor's name, for tables of times.
pub(crate) fn processor() -> String {
    if cpuid(0x8000_0000, 0).eax < 0x8000_0004 {
        return "an x86-64 processor".to_string();
    }
    let leaves = [0x8000_0002, 0x8000_0003, 0x8000_0004].map(|leaf| {
        let leaf = cpuid(leaf, 0);
        [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes)
    });
    let bytes = leaves.as_flattened().as_flattened();
    String::from_utf8_lossy(bytes).trim_matches(['\0', ' ']).to_string()
}

/// Asks the processor.
#[expect(
    clippy::allow_attributes,
    reason = "whether the function is unsafe depends on the version"
)]
#[allow(unused_unsafe, reason = "older versions of Rust want it")]
fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { __cpuid_count(leaf, subleaf) }
}
