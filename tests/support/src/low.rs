//! Memory below 4 GiB, for code whose pointers have 32 bits.

use std::ops::{Deref, DerefMut};
use std::ptr;

/// Zeroed words at an address that 32 bits hold.
pub struct LowMemory {
    start: *mut u64,
    words: usize,
}

impl LowMemory {
    /// Maps `words` words.
    pub fn new(words: usize) -> LowMemory {
        // SAFETY: a fresh anonymous mapping.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                (8 * words).max(1),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED, "mmap below 4 GiB failed");
        LowMemory { start: start.cast(), words }
    }
}

impl Deref for LowMemory {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        // SAFETY: mapped by `new`, and zeroed by the kernel.
        unsafe { std::slice::from_raw_parts(self.start, self.words) }
    }
}

impl DerefMut for LowMemory {
    fn deref_mut(&mut self) -> &mut [u64] {
        // SAFETY: as above, and `self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.words) }
    }
}

impl Drop for LowMemory {
    fn drop(&mut self) {
        // SAFETY: made by `new`, not used afterwards.
        unsafe { libc::munmap(self.start.cast(), (8 * self.words).max(1)) };
    }
}
