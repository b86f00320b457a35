//! Memory below 4 GiB, for code whose pointers have 32 bits.

use std::ops::{Deref, DerefMut};
use std::ptr;

/// Maps zeroed memory at an address that 32 bits hold. `None` where that is refused.
///
/// Places are proposed one after the other: emulators do not know `MAP_32BIT`.
pub fn map(len: usize, protection: i32) -> Option<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    (0x1000_0000..0x7000_0000)
        .step_by(0x40_0000)
        .find_map(|place: usize| {
            let place = ptr::without_provenance_mut(place);
            // SAFETY: a fresh anonymous mapping; without `MAP_FIXED` it replaces nothing.
            let start = unsafe { libc::mmap(place, len, protection, flags, -1, 0) };
            if start == libc::MAP_FAILED || start.addr() + len <= u32::MAX as usize {
                return Some(start);
            }
            // SAFETY: just mapped.
            unsafe { libc::munmap(start, len) };
            None
        })
        .filter(|start| *start != libc::MAP_FAILED)
        .map(|start| start.cast())
}

/// Zeroed words at an address that 32 bits hold.
pub struct LowMemory {
    start: *mut u64,
    words: usize,
}

impl LowMemory {
    /// Maps `words` words.
    pub fn new(words: usize) -> LowMemory {
        let start = map((8 * words).max(1), libc::PROT_READ | libc::PROT_WRITE);
        let start = start.expect("memory below 4 GiB");
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
