//! Executable memory near the program, on Unix: `mmap` with a wish, and `mprotect`. Where anonymous
//! memory may not become executable, a file takes its place.

use super::Refusal;
use libc::{MAP_ANON, MAP_FAILED, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE};
use std::io;

/// Pages that belong to the owner of this.
#[derive(Debug)]
struct Pages {
    base: *mut u8,
    len: usize,
}

/// Memory that can be written.
#[derive(Debug)]
pub(crate) struct Writable(Pages);

/// Memory that can be read and executed.
#[derive(Debug)]
pub(crate) struct Executable(Pages);

impl Writable {
    /// `len` bytes of zeros, at least one.
    pub(crate) fn new(len: usize) -> Result<Writable, Refusal> {
        let len = len.max(1);
        let (protection, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON);
        let wish = std::ptr::without_provenance_mut(near_the_program(len));
        // SAFETY: it asks for fresh memory; where something is at the wished place, for other
        // memory.
        let base = unsafe { libc::mmap(wish, len, protection, flags, -1, 0) };
        match base == MAP_FAILED {
            true => Err(Refusal::new("mmap", &io::Error::last_os_error())),
            false => Ok(Writable(Pages { base: base.cast(), len })),
        }
    }

    /// Its first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.0.base
    }

    /// Its bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the pages are this long, writable, and nothing else knows of them.
        unsafe { std::slice::from_raw_parts_mut(self.0.base, self.0.len) }
    }

    /// Ends the time of writing.
    pub(crate) fn make_executable(self) -> Result<Executable, Refusal> {
        let Pages { base, len } = self.0;
        // SAFETY: the pages belong to `self`.
        if unsafe { libc::mprotect(base.cast(), len, PROT_READ | PROT_EXEC) } == 0 {
            return Ok(Executable(self.0));
        }
        let reason = io::Error::last_os_error();
        let refusal = Refusal::new("making memory executable with mprotect", &reason);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(file) = self.bytes_as_file()
            && file.map_over(base, len)
        {
            return Ok(Executable(self.0));
        }
        Err(refusal)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn bytes_as_file(&self) -> Option<super::file::SealedFile> {
        // SAFETY: the pages are this long and readable.
        let bytes = unsafe { std::slice::from_raw_parts(self.0.base, self.0.len) };
        super::file::SealedFile::of(bytes)
    }
}

impl Executable {
    /// The pages over which `file` is mapped from now on.
    #[cfg(all(feature = "jit", any(target_os = "linux", target_os = "android")))]
    pub(super) fn of_file(file: &super::file::SealedFile, len: usize) -> Option<Executable> {
        let Writable(pages) = Writable::new(len).ok()?;
        file.map_over(pages.base, pages.len).then_some(Executable(pages))
    }

    /// Its first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.0.base
    }

    /// Its bytes.
    #[cfg(all(feature = "jit", any(target_os = "linux", target_os = "android")))]
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the pages are this long and readable.
        unsafe { std::slice::from_raw_parts(self.0.base, self.0.len) }
    }

    /// Keeps it until the process ends, sealed against any change where the system can do that.
    pub(crate) fn keep(self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        super::file::seal_memory(self.0.base, self.0.len);
        std::mem::forget(self);
    }

    /// Keeps it until [`free`](Self::free).
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    pub(crate) fn keep_for_now(self) {
        std::mem::forget(self);
    }

    /// Frees memory that was kept for now.
    ///
    /// # Safety
    /// It was, with this base and this length, and nothing uses it any more.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    pub(crate) unsafe fn free(base: *mut u8, len: usize) {
        drop(Pages { base, len: len.max(1) });
    }
}

// SAFETY: it owns the memory, which is no longer written to.
unsafe impl Send for Executable {}
// SAFETY: as above.
unsafe impl Sync for Executable {}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the pages belong to `self`, whose end this is.
        unsafe { libc::munmap(self.base.cast(), self.len) };
    }
}

/// An address within 2 GiB of the program's text, and far enough from it that the heap can grow:
/// below the program, or above a program at the bottom of memory. An indirect branch over a longer
/// distance costs three cycles more on Zen 4 (`cargo bench --bench calls`), and a direct one does
/// not reach.
fn near_the_program(len: usize) -> usize {
    const DISTANCE: usize = 1 << 30;
    const PAGE: usize = 1 << 12;
    let here = (near_the_program as fn(usize) -> usize as *const ()).addr();
    let address = match here.checked_sub(DISTANCE + len) {
        Some(below) if below > PAGE => below,
        _ => here + DISTANCE,
    };
    address & !(PAGE - 1)
}
