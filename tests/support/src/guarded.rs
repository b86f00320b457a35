//! Memory between two pages that can be neither read nor written.

use std::slice;

/// The size of a page, and of what can be touched.
pub const PAGE: usize = 4096;

/// What memory outside of a slice is filled with.
const PATTERN: [u8; PAGE] = [0xA5; PAGE];

/// A page whose neighbors cannot be touched.
pub struct Guarded {
    start: *mut u8,
}

impl Default for Guarded {
    fn default() -> Guarded {
        Guarded::new()
    }
}

impl Guarded {
    /// A new mapping, which stays.
    pub fn new() -> Guarded {
        // SAFETY: a fresh mapping, of which the middle is made accessible.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let all = libc::mmap(std::ptr::null_mut(), 3 * PAGE, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(all, libc::MAP_FAILED);
            let middle = all.cast::<u8>().add(PAGE);
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(middle.cast(), PAGE, access), 0);
            middle
        };
        Guarded { start }
    }

    /// A copy of `content` at the end or the start of the page, whose other bytes get a pattern.
    pub fn place(&mut self, content: &[u8], at_end: bool) -> *mut u8 {
        let start = self.start;
        let page = self.page_mut();
        page.copy_from_slice(&PATTERN);
        let offset = if at_end { PAGE - content.len() } else { 0 };
        page[offset..offset + content.len()].copy_from_slice(content);
        // SAFETY: it is inside of the page, or at its end.
        unsafe { start.add(offset) }
    }

    /// What is in the place of `len` bytes at the end or the start now.
    pub fn content(&self, len: usize, at_end: bool) -> &[u8] {
        if at_end { &self.page()[PAGE - len..] } else { &self.page()[..len] }
    }

    /// Whether the pattern outside of these bytes is as it was.
    pub fn is_intact(&self, len: usize, at_end: bool) -> bool {
        let outside = if at_end { &self.page()[..PAGE - len] } else { &self.page()[len..] };
        *outside == PATTERN[..outside.len()]
    }

    fn page(&self) -> &[u8] {
        // SAFETY: the page is mapped, and ours.
        unsafe { slice::from_raw_parts(self.start, PAGE) }
    }

    fn page_mut(&mut self) -> &mut [u8] {
        // SAFETY: the page is mapped, and ours alone.
        unsafe { slice::from_raw_parts_mut(self.start, PAGE) }
    }
}
