//! Runs one instruction with every register and flag set, and reads everything back.
//!
//! In: a [`State`] and the instruction's bytes. Out: the state afterwards, or the signal it died
//! of. Of the vector registers, only what the processor has is set and read back; see [`Level`].
//! One static state, reached relative to `rip`, so that no register is needed to load or store the
//! others: callers hold the lock that [`Runner`] is.

use peach_testing::low::map;
use std::arch::global_asm;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::{Mutex, MutexGuard};

/// Every register that effects speak of.
#[repr(C, align(64))]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// `zmm0` … `zmm31`.
    pub vectors: [[u8; 64]; 32],
    /// `k0` … `k7`.
    pub masks: [[u8; 8]; 8],
    /// `mm0` … `mm7`.
    pub mmx: [[u8; 8]; 8],
    /// `rax` … `r15`.
    pub gp: [u64; 16],
    /// `rflags`.
    pub flags: u64,
}

impl State {
    /// All zero.
    pub fn zeroed() -> State {
        State {
            vectors: [[0; 64]; 32],
            masks: [[0; 8]; 8],
            mmx: [[0; 8]; 8],
            gp: [0; 16],
            flags: 0,
        }
    }
}

/// Which vector registers the processor has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u64)]
pub enum Level {
    /// `xmm0` … `xmm15`.
    Sse = 0,
    /// `ymm0` … `ymm15`.
    Avx = 1,
    /// `zmm0` … `zmm31`, and `k0` … `k7` with 64 bits.
    Avx512 = 2,
}

impl Level {
    fn detected() -> Level {
        if is_x86_feature_detected!("avx512bw") {
            Level::Avx512
        } else if is_x86_feature_detected!("avx") {
            Level::Avx
        } else {
            Level::Sse
        }
    }

    /// How many vector registers there are, and how many bytes each has.
    pub fn vectors(self) -> (u8, usize) {
        match self {
            Level::Sse => (16, 16),
            Level::Avx => (16, 32),
            Level::Avx512 => (32, 64),
        }
    }
}

#[repr(transparent)]
struct Shared<T>(UnsafeCell<T>);

// SAFETY: only used by the holder of `LOCK`.
unsafe impl<T> Sync for Shared<T> {}

#[unsafe(no_mangle)]
static PEACH_EFFECTS_STATE: Shared<State> = Shared(UnsafeCell::new(State {
    vectors: [[0; 64]; 32],
    masks: [[0; 8]; 8],
    mmx: [[0; 8]; 8],
    gp: [0; 16],
    flags: 0,
}));
/// The harness's stack pointer, the entry of the code, and the signal that came.
#[unsafe(no_mangle)]
static PEACH_EFFECTS_STACK: Shared<u64> = Shared(UnsafeCell::new(0));
#[unsafe(no_mangle)]
static PEACH_EFFECTS_ENTRY: Shared<u64> = Shared(UnsafeCell::new(0));
/// A [`Level`].
#[unsafe(no_mangle)]
static PEACH_EFFECTS_LEVEL: Shared<u64> = Shared(UnsafeCell::new(0));
#[unsafe(no_mangle)]
static PEACH_EFFECTS_SIGNAL: Shared<u64> = Shared(UnsafeCell::new(0));

static LOCK: Mutex<()> = Mutex::new(());

unsafe extern "sysv64" {
    fn peach_effects_run();
    fn peach_effects_after();
    fn peach_effects_fault();
}

const _: () = {
    assert!(std::mem::offset_of!(State, masks) == 2048);
    assert!(std::mem::offset_of!(State, mmx) == 2112);
    assert!(std::mem::offset_of!(State, gp) == 2176);
    assert!(std::mem::offset_of!(State, flags) == 2304);
};

global_asm!(
    ".balign 16",
    "peach_effects_run:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "mov [rip + PEACH_EFFECTS_STACK], rsp",
    "lea rdi, [rip + PEACH_EFFECTS_STATE]",
    "cmp qword ptr [rip + PEACH_EFFECTS_LEVEL], 1",
    peach_testing::load_vectors!("2048"),
    ".irp n, 0,1,2,3,4,5,6,7",
    "movq mm\\n, [rdi + 2112 + 8*\\n]",
    ".endr",
    "push qword ptr [rdi + 2304]",
    "popfq",
    "mov rax, [rdi + 2176]",
    "mov rcx, [rdi + 2184]",
    "mov rdx, [rdi + 2192]",
    "mov rbx, [rdi + 2200]",
    "mov rsp, [rdi + 2208]",
    "mov rbp, [rdi + 2216]",
    "mov rsi, [rdi + 2224]",
    "mov r8, [rdi + 2240]",
    "mov r9, [rdi + 2248]",
    "mov r10, [rdi + 2256]",
    "mov r11, [rdi + 2264]",
    "mov r12, [rdi + 2272]",
    "mov r13, [rdi + 2280]",
    "mov r14, [rdi + 2288]",
    "mov r15, [rdi + 2296]",
    "mov rdi, [rdi + 2232]",
    "jmp [rip + PEACH_EFFECTS_ENTRY]",
    // Everything back. No flag changes before they are stored.
    "peach_effects_after:",
    "mov [rip + PEACH_EFFECTS_STATE + 2232], rdi",
    "lea rdi, [rip + PEACH_EFFECTS_STATE]",
    "mov [rdi + 2208], rsp",
    "mov rsp, [rip + PEACH_EFFECTS_STACK]",
    "pushfq",
    "pop qword ptr [rdi + 2304]",
    "mov [rdi + 2176], rax",
    "mov [rdi + 2184], rcx",
    "mov [rdi + 2192], rdx",
    "mov [rdi + 2200], rbx",
    "mov [rdi + 2216], rbp",
    "mov [rdi + 2224], rsi",
    "mov [rdi + 2240], r8",
    "mov [rdi + 2248], r9",
    "mov [rdi + 2256], r10",
    "mov [rdi + 2264], r11",
    "mov [rdi + 2272], r12",
    "mov [rdi + 2280], r13",
    "mov [rdi + 2288], r14",
    "mov [rdi + 2296], r15",
    ".irp n, 0,1,2,3,4,5,6,7",
    "movq [rdi + 2112 + 8*\\n], mm\\n",
    ".endr",
    "cmp qword ptr [rip + PEACH_EFFECTS_LEVEL], 1",
    peach_testing::store_vectors!("2048"),
    "peach_effects_fault:",
    "mov rsp, [rip + PEACH_EFFECTS_STACK]",
    "cld",
    "emms",
    "cmp qword ptr [rip + PEACH_EFFECTS_LEVEL], 0",
    "je 2f",
    "vzeroupper",
    "2:",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
);

/// Bytes of memory that instructions may touch, before an inaccessible page.
pub const MEMORY: usize = 4096;

/// The right to run instructions: executable memory, and memory for operands.
pub struct Runner {
    code: *mut u8,
    memory: *mut u8,
    level: Level,
    _lock: MutexGuard<'static, ()>,
}

impl Runner {
    /// `None` where memory that is both writable and executable is forbidden.
    pub fn new() -> Option<Runner> {
        let lock = LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let all = libc::PROT_READ | libc::PROT_WRITE;
        let code = map(4096, all | libc::PROT_EXEC)?;
        // Low, since operands may have 32-bit base registers.
        let memory = map(MEMORY + 8192, all)?;
        // SAFETY: our own mapping's first and last page.
        unsafe {
            libc::mprotect(memory.cast(), 4096, libc::PROT_NONE);
            libc::mprotect(memory.add(4096 + MEMORY).cast(), 4096, libc::PROT_NONE);
        }
        catch_signals();
        pin();
        let level = Level::detected();
        // SAFETY: the lock is ours, and the place is inside the mapping.
        unsafe {
            *PEACH_EFFECTS_LEVEL.0.get() = level as u64;
            Some(Runner { code, memory: memory.add(4096), level, _lock: lock })
        }
    }

    /// Which vector registers are set and read back.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The memory for operands.
    pub fn memory(&mut self) -> &mut [u8] {
        // SAFETY: mapped, and borrowed with `self`.
        unsafe { std::slice::from_raw_parts_mut(self.memory, MEMORY) }
    }

    /// Puts `bytes` in place.
    pub fn load(&mut self, bytes: &[u8]) {
        let mut code = bytes.to_vec();
        // jmp [rip + 0]
        code.extend([0xff, 0x25, 0, 0, 0, 0]);
        code.extend((peach_effects_after as *const () as u64).to_le_bytes());
        // SAFETY: the page is large enough, and nothing runs in it now.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), self.code, code.len()) };
    }

    /// Runs what was loaded.
    ///
    /// # Errors
    /// The signal.
    pub fn run(&mut self, state: &State) -> Result<State, i32> {
        // SAFETY: the lock is ours. The code ends in a jump to the harness; what it does to
        // registers is undone there, and if it faults, the handler goes there too.
        unsafe {
            *PEACH_EFFECTS_STATE.0.get() = state.clone();
            *PEACH_EFFECTS_ENTRY.0.get() = self.code as u64;
            *PEACH_EFFECTS_SIGNAL.0.get() = 0;
            peach_effects_run();
            match *PEACH_EFFECTS_SIGNAL.0.get() {
                0 => Ok((*PEACH_EFFECTS_STATE.0.get()).clone()),
                signal => Err(signal as i32),
            }
        }
    }
}

/// `cpuid` and its like differ from core to core.
fn pin() {
    // SAFETY: plain system calls on a local set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

extern "C" fn on_signal(signal: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // After a trap control continues.
    if signal == libc::SIGTRAP {
        return;
    }
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the kernel's context of the interrupted code, which is the instruction under test;
    // its flags may have the direction set, which the handler was entered without.
    unsafe {
        *PEACH_EFFECTS_SIGNAL.0.get() = signal as u64;
        let target = peach_effects_fault as *const () as i64;
        (*context).uc_mcontext.gregs[libc::REG_RIP as usize] = target;
    }
}

fn catch_signals() {
    // SAFETY: installs a handler that runs on a stack of its own, for this test process only.
    unsafe {
        let size = 1 << 16;
        let stack = libc::stack_t {
            ss_sp: map(size, libc::PROT_READ | libc::PROT_WRITE).expect("a signal stack").cast(),
            ss_flags: 0,
            ss_size: size,
        };
        libc::sigaltstack(&stack, ptr::null_mut());
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        for signal in [libc::SIGSEGV, libc::SIGILL, libc::SIGFPE, libc::SIGBUS, libc::SIGTRAP] {
            libc::sigaction(signal, &action, ptr::null_mut());
        }
    }
}
