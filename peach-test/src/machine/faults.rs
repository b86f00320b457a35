//! Accesses that fail and calls that do not return end the call, where the system has signals.

#[cfg(unix)]
use super::signals;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a call ended that did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// What was accessed, where the system knows.
    pub(crate) address: usize,
    /// Where the code was; 0 where the system does not say.
    pub(crate) at: usize,
}

/// What went wrong.
#[cfg_attr(not(unix), expect(dead_code, reason = "a fault ends the process"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Reads,
    Writes,
    /// Control went where no code is.
    Jumps,
    /// One of the above: the system does not say which, or the address.
    Accesses,
    /// An invalid instruction.
    Invalid,
    /// A division, or an exception of floating point.
    Arithmetic,
    /// A breakpoint.
    Breakpoint,
    /// The call took too long.
    Timeout,
}

/// The right to make calls. Faults come back as long as it lives.
#[derive(Debug)]
pub(crate) struct Session {
    timeout: Duration,
    #[cfg(unix)]
    _handlers: signals::Handlers,
    /// Released last.
    _lock: MutexGuard<'static, ()>,
}

impl Session {
    /// Waits until all other sessions have ended. A call may take `timeout`.
    pub(crate) fn new(timeout: Duration) -> Session {
        static LOCK: Mutex<()> = Mutex::new(());
        let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        Session {
            timeout,
            #[cfg(unix)]
            _handlers: signals::Handlers::new(timeout),
            _lock: lock,
        }
    }

    /// How long a call may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Runs `call`, which ends at the first fault.
    #[cfg(unix)]
    pub(crate) fn guard<T>(&self, call: impl FnOnce() -> T) -> Result<T, Fault> {
        signals::guard(call)
    }

    /// Runs `call`; a fault ends the process.
    #[cfg(not(unix))]
    pub(crate) fn guard<T>(&self, call: impl FnOnce() -> T) -> Result<T, Fault> {
        Ok(call())
    }
}
