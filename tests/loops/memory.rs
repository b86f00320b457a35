//! Memory beside pages that cannot be touched.

/// Memory between two pages that cannot be touched.
pub struct Guarded {
    start: *mut u8,
}

pub const PAGE: usize = 4096;

impl Guarded {
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

    /// `len` bytes at the end or the start of the page, whose other bytes get a pattern.
    pub fn slice(&self, len: usize, at_end: bool) -> *mut u8 {
        // SAFETY: the page is ours.
        unsafe {
            std::ptr::write_bytes(self.start, 0xA5, PAGE);
            let slice = if at_end { self.start.add(PAGE - len) } else { self.start };
            for index in 0..len {
                *slice.add(index) = (index * 37 + len) as u8;
            }
            slice
        }
    }

    /// Whether the pattern outside of the slice is as it was.
    pub fn is_intact(&self, len: usize, at_end: bool) -> bool {
        let outside = if at_end { 0..PAGE - len } else { len..PAGE };
        // SAFETY: the page is ours.
        let page = unsafe { std::slice::from_raw_parts(self.start, PAGE) };
        page[outside] == [0xA5; PAGE][len..]
    }
}
