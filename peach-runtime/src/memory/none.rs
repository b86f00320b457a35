//! Systems that give no executable memory, or none that kernels could run in.

use super::Refusal;

const REFUSAL: Refusal =
    Refusal { call: "asking for executable memory, which this system does not give,", os_error: 0 };

/// Memory that can be written: there is none.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub(crate) enum Writable {}

/// Memory that can be read and executed: there is none.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub(crate) enum Executable {}

#[cfg(target_arch = "x86_64")]
impl Writable {
    pub(crate) fn new(_len: usize) -> Result<Writable, Refusal> {
        Err(REFUSAL)
    }

    pub(crate) fn base(&self) -> *mut u8 {
        match *self {}
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match *self {}
    }

    pub(crate) fn make_executable(self) -> Result<Executable, Refusal> {
        match self {}
    }
}

#[cfg(target_arch = "x86_64")]
impl Executable {
    pub(crate) fn base(&self) -> *mut u8 {
        match *self {}
    }

    pub(crate) fn keep(self) {
        match self {}
    }
}

/// Code of the `jit`'s: there is none.
#[cfg(feature = "jit")]
#[derive(Debug)]
pub(crate) enum Code {}

#[cfg(feature = "jit")]
impl Code {
    pub(crate) fn of(_bytes: &[u8]) -> Result<Code, Refusal> {
        Err(REFUSAL)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match *self {}
    }
}
