//! A stack of which one page is there at first, and which grows by the page below the last one.
//!
//! The code runs in a process of its own. A fault in the page below the stack makes that page a
//! part of it; any other fault ends the process, as it would on a stack with a guard page.

use super::PAGE;
use peach_testing::executable::Executable;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

const BYTES: usize = 1 << 20;

/// Where the stack of the running kernel ends.
static LOWEST: AtomicUsize = AtomicUsize::new(0);

/// Memory for a stack.
pub struct Growing {
    start: usize,
}

impl Growing {
    pub fn new() -> Growing {
        // SAFETY: new memory, where the system likes it.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(ptr::null_mut(), BYTES, libc::PROT_NONE, flags, -1, 0)
        };
        assert_ne!(start, libc::MAP_FAILED);
        Growing { start: start as usize }
    }

    /// Runs a kernel of System V's, whose argument is a function that returns at once.
    pub fn run(&mut self, code: &[u8], source: &str) {
        let kernel = Executable::new(code);
        // The return address is the lowest word of its page, and the highest one.
        for rsp in [PAGE, 2 * PAGE - 16] {
            // SAFETY: the child calls nothing but what signal handlers may.
            let status = unsafe {
                let child = libc::fork();
                if child == 0 {
                    self.run_here(kernel.start(), rsp + 8);
                }
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                status
            };
            assert_eq!(status, 0, "{source}");
        }
    }

    /// # Safety
    /// The code is a kernel; the process is good for nothing else.
    unsafe fn run_here(&self, code: *const u8, from_end: usize) -> ! {
        let top = self.start + BYTES - 2 * PAGE + from_end - PAGE;
        let lowest = (top - 8) & !(PAGE - 1);
        LOWEST.store(lowest, Ordering::Relaxed);
        // SAFETY: the stack is memory of this process, and the kernel returns to it.
        unsafe {
            let size = self.start + BYTES - lowest;
            let all = libc::PROT_READ | libc::PROT_WRITE;
            libc::mprotect(lowest as *mut libc::c_void, size, all);
            let handlers = libc::mmap(
                ptr::null_mut(),
                16 * PAGE,
                all,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            let other = libc::stack_t { ss_sp: handlers, ss_flags: 0, ss_size: 16 * PAGE };
            libc::sigaltstack(&other, ptr::null_mut());
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fault as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut());
            std::arch::asm!(
                "xchg rsp, r13",
                "call r14",
                "xchg rsp, r13",
                in("r14") code,
                inout("r13") top => _,
                in("rdi") returns as *const (),
                clobber_abi("sysv64"),
            );
            libc::_exit(0)
        }
    }
}

extern "sysv64" fn returns() {}

extern "C" fn on_fault(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let lowest = LOWEST.load(Ordering::Relaxed);
    // SAFETY: the system says where the fault was; the page below the stack is its own.
    unsafe {
        let address = (*info).si_addr() as usize;
        if !(lowest - PAGE..lowest).contains(&address) {
            libc::_exit(1);
        }
        let page = lowest - PAGE;
        libc::mprotect(page as *mut libc::c_void, PAGE, libc::PROT_READ | libc::PROT_WRITE);
        LOWEST.store(page, Ordering::Relaxed);
    }
}
