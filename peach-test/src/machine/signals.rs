//! Handlers of the signals that faults are, and a thread that ends calls which take too long.
//!
//! Output: [`Fault`]s of the thread that is in a call. Signals of other threads go to the handlers
//! that were there before.

use super::call;
use super::faults::{Fault, FaultKind};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::mem::zeroed;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

thread_local! {
    /// Whether this thread is in a call, and how it ended.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// What faults are, and last what the watchdog sends.
const SIGNALS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGALRM];

/// Bytes of the stack that the handler runs on: registers of AVX-512 and AMX fit.
const STACK: usize = 1 << 16;

/// The number of the call that runs; even between calls.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// The handlers of the session, for signals that are not of a call.
static BEFORE: AtomicPtr<[libc::sigaction; 6]> = AtomicPtr::new(ptr::null_mut());

pub(super) fn guard<T>(call: impl FnOnce() -> T) -> Result<T, Fault> {
    FAULT.set(None);
    IN_CALL.set(true);
    CALLS.fetch_add(1, Ordering::SeqCst);
    let result = call();
    CALLS.fetch_add(1, Ordering::SeqCst);
    IN_CALL.set(false);
    FAULT.take().map_or(Ok(result), Err)
}

/// The handlers that were there before.
pub(super) struct Handlers {
    before: Box<[libc::sigaction; 6]>,
    stack_before: libc::stack_t,
    _stack: Vec<u8>,
    watchdog: Watchdog,
}

/// The system's types cannot be printed in all versions of libc.
impl std::fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Handlers").finish_non_exhaustive()
    }
}

impl Handlers {
    pub(super) fn new(timeout: Duration) -> Handlers {
        let mut stack = vec![0u8; STACK];
        // SAFETY: all zero is a valid value of the system's structures, and the stack outlives its
        // use.
        let (before, stack_before) = unsafe {
            let mut own: libc::stack_t = zeroed();
            own.ss_sp = stack.as_mut_ptr().cast();
            own.ss_size = STACK;
            let mut stack_before = zeroed();
            libc::sigaltstack(&own, &mut stack_before);
            let mut action: libc::sigaction = zeroed();
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            let mut before: Box<[libc::sigaction; 6]> = Box::new(zeroed());
            for (signal, before) in SIGNALS.iter().zip(before.iter_mut()) {
                libc::sigaction(*signal, ptr::null(), before);
            }
            BEFORE.store(&raw mut *before, Ordering::SeqCst);
            for signal in SIGNALS {
                libc::sigaction(signal, &action, ptr::null_mut());
            }
            (before, stack_before)
        };
        Handlers { before, stack_before, _stack: stack, watchdog: Watchdog::new(timeout) }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.watchdog.stop();
        // SAFETY: what was there before.
        unsafe {
            for (signal, before) in SIGNALS.iter().zip(&*self.before) {
                libc::sigaction(*signal, before, ptr::null_mut());
            }
            libc::sigaltstack(&self.stack_before, ptr::null_mut());
        }
        BEFORE.store(ptr::null_mut(), Ordering::SeqCst);
    }
}

unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    if !IN_CALL.get() {
        return hand_on(signal);
    }
    // SAFETY: the system gives a valid structure.
    let address = unsafe { (*info).si_addr() } as usize;
    // SAFETY: as above.
    let (at, error) = unsafe { place(context) };
    let kind = match signal {
        libc::SIGALRM => FaultKind::Timeout,
        libc::SIGILL => FaultKind::Invalid,
        libc::SIGFPE => FaultKind::Arithmetic,
        libc::SIGTRAP => FaultKind::Breakpoint,
        _ => match error {
            // Intel SDM, volume 3, section 4.7: bits 1 and 4 of the error code. An address that is
            // none, or not aligned, has no such code.
            Some(error) if address != 0 && error & 16 != 0 => FaultKind::Jumps,
            Some(error) if address != 0 && error & 2 != 0 => FaultKind::Writes,
            Some(_) if address != 0 => FaultKind::Reads,
            _ => FaultKind::Accesses,
        },
    };
    FAULT.set(Some(Fault { kind, address, at }));
    // SAFETY: this thread is in a call, which ends here. The frames between hold nothing that has
    // to be dropped.
    unsafe { call::leave() }
}

/// Puts the handler back that was there before: a fault comes again at once, and goes there. A
/// signal of the watchdog came too late.
fn hand_on(signal: c_int) {
    let before = BEFORE.load(Ordering::SeqCst);
    let index = SIGNALS.iter().position(|it| *it == signal);
    if let (Some(index), false, false) = (index, before.is_null(), signal == libc::SIGALRM) {
        // SAFETY: the session that has it has not ended.
        unsafe { libc::sigaction(signal, &(&*before)[index], ptr::null_mut()) };
    }
}

/// Where the code was, and the processor's error code.
#[cfg(target_os = "linux")]
unsafe fn place(context: *mut c_void) -> (usize, Option<i64>) {
    // SAFETY: the caller has it from the system.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let at = registers[libc::REG_RIP as usize] as usize;
    (at, Some(registers[libc::REG_ERR as usize]))
}

#[cfg(not(target_os = "linux"))]
unsafe fn place(_: *mut c_void) -> (usize, Option<i64>) {
    (0, None)
}

/// A thread that looks whether a call goes on for too long.
#[derive(Debug)]
struct Watchdog {
    thread: Option<JoinHandle<()>>,
}

static IS_OVER: AtomicBool = AtomicBool::new(false);

impl Watchdog {
    /// For calls of this thread.
    fn new(timeout: Duration) -> Watchdog {
        // SAFETY: no preconditions.
        let watched = unsafe { libc::pthread_self() } as usize;
        IS_OVER.store(false, Ordering::SeqCst);
        let watch = move || watch(watched, timeout);
        let thread = std::thread::Builder::new().name("peach-test watchdog".to_string());
        Watchdog { thread: Some(thread.spawn(watch).expect("a thread can be started")) }
    }

    fn stop(&mut self) {
        IS_OVER.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            thread.join().expect("it does not panic");
        }
    }
}

fn watch(watched: usize, timeout: Duration) {
    let (mut call, mut since) = (0, Instant::now());
    while !IS_OVER.load(Ordering::SeqCst) {
        let now = CALLS.load(Ordering::SeqCst);
        if now != call {
            (call, since) = (now, Instant::now());
        } else if call % 2 == 1 && since.elapsed() >= timeout {
            // SAFETY: the thread waits for this one before it ends.
            unsafe { libc::pthread_kill(watched as libc::pthread_t, libc::SIGALRM) };
        }
        std::thread::park_timeout(timeout / 8);
    }
}
