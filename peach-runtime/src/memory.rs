//! Memory that is written once and then runs.
//!
//! Out: a [`Mapping`] that is writable until [`Mapping::make_executable`], and from then on readable and
//! executable. It is never both. Fails with a [`Refusal`].
//!
//! The few functions of the operating system are declared here by hand: a crate that declares them
//! all would double the time that users wait for this one to build.

#[cfg(all(unix, target_arch = "x86_64"))]
#[path = "memory_unix.rs"]
mod os;
#[cfg(all(windows, target_arch = "x86_64"))]
#[path = "memory_windows.rs"]
mod os;
#[cfg(not(all(any(unix, windows), target_arch = "x86_64")))]
mod os {
    //! No executable memory.
    use super::{Mapping, Refusal};

    pub(super) fn map(_len: usize) -> Result<*mut u8, Refusal> {
        Err(Refusal { call: "executable memory", os_error: 0 })
    }
    pub(super) fn make_executable(mapping: &Mapping) -> Result<(), Refusal> {
        map(mapping.len).map(drop)
    }
    pub(super) fn seal(_mapping: &Mapping) {}
    pub(super) fn unmap(_mapping: &Mapping) {}
}

/// Memory that belongs to whoever holds this.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u8,
    len: usize,
    executable: bool,
}

/// What the operating system would not do.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Which request.
    pub(crate) call: &'static str,
    /// Its reason.
    pub(crate) os_error: i32,
}

impl Refusal {
    fn last(call: &'static str) -> Refusal {
        let os_error = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        Refusal { call, os_error }
    }
}

impl Mapping {
    /// `len` bytes of zeros, writable.
    pub(crate) fn new(len: usize) -> Result<Mapping, Refusal> {
        let len = len.max(1);
        Ok(Mapping { base: os::map(len)?, len, executable: false })
    }

    /// Its first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    /// Its bytes, while they may be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        assert!(!self.executable, "code is written once");
        // SAFETY: the mapping is this long, writable, and nobody else knows of it.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }

    /// Its bytes.
    #[cfg(feature = "jit")]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is this long and readable.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    /// Ends the time of writing.
    pub(crate) fn make_executable(&mut self) -> Result<(), Refusal> {
        os::make_executable(self)?;
        self.executable = true;
        Ok(())
    }

    /// Keeps it until the process ends, sealed against any change where the system can do that.
    pub(crate) fn keep(self) {
        os::seal(&self);
        std::mem::forget(self);
    }
}

// SAFETY: it owns the memory, and changes it through `&mut self` alone.
#[cfg(feature = "jit")]
unsafe impl Send for Mapping {}
// SAFETY: as above.
#[cfg(feature = "jit")]
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        os::unmap(self);
    }
}
