//! Executable memory for tests: one mapping that machine code is copied into.

use std::ptr;

/// A mapping with code at its start.
pub struct Executable {
    start: *mut u8,
    len: usize,
}

impl Executable {
    /// Maps `code`, readable and executable.
    pub fn new(code: &[u8]) -> Executable {
        let len = code.len().next_multiple_of(4096).max(4096);
        // SAFETY: a fresh anonymous mapping; written before it is made executable.
        unsafe {
            let start = libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(start, libc::MAP_FAILED, "mmap failed");
            let start = start.cast::<u8>();
            ptr::copy_nonoverlapping(code.as_ptr(), start, code.len());
            let protected = libc::mprotect(start.cast(), len, libc::PROT_READ | libc::PROT_EXEC);
            assert_eq!(protected, 0, "mprotect failed");
            Executable { start, len }
        }
    }

    /// The first byte.
    pub fn start(&self) -> *const u8 {
        self.start
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // SAFETY: made by `new`, not used afterwards.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}
