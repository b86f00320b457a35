//! Memory beside pages that cannot be touched.
//!
//! An argument's bytes stand at the end of the memory, at its start, or between, at every alignment
//! that their type allows. What is around them is filled with a pattern, which must still be there
//! after the call.

use crate::splitmix::SplitMix;
use std::ops::Range;

/// What a page is counted as.
const PAGE: usize = 4096;

/// Bytes before and behind the memory that cannot be touched.
pub(crate) const GUARD: usize = 1 << 16;

/// Bytes for all alignments, and to tell what is written outside.
const ROOM_AROUND: usize = 128 + PAGE;

/// Memory for one argument.
#[derive(Debug)]
pub(crate) struct Guarded {
    pages: pages::Pages,
    pattern: Vec<u8>,
    /// Where the bytes are now.
    offset: usize,
    len: usize,
}

impl Guarded {
    /// Memory that `len` bytes fit in at any place.
    pub(crate) fn new(len: usize) -> Guarded {
        let size = (len + ROOM_AROUND).next_multiple_of(PAGE);
        let mut random = SplitMix::new(size as u64);
        let pattern = (0..size).map(|_| random.bits() as u8).collect();
        Guarded { pages: pages::Pages::new(size), pattern, offset: 0, len: 0 }
    }

    /// Whether `len` bytes fit at any place.
    pub(crate) fn fits(&self, len: usize) -> bool {
        len + ROOM_AROUND <= self.pattern.len()
    }

    /// A copy of `bytes`, the pattern around. `layout` says where; 0 is at the end.
    pub(crate) fn place(&mut self, bytes: &[u8], align: usize, layout: u64) -> *mut u8 {
        let size = self.pattern.len();
        self.len = bytes.len();
        self.offset = match layout % 4 {
            0 | 1 => (size - bytes.len()) / align * align,
            2 => 0,
            _ => (64 + (layout >> 2) as usize % 64).next_multiple_of(align),
        };
        let (pattern, offset) = (&self.pattern, self.offset);
        let all = self.pages.bytes_mut();
        all.copy_from_slice(pattern);
        all[offset..offset + bytes.len()].copy_from_slice(bytes);
        all.as_mut_ptr().wrapping_add(offset)
    }

    /// Where the bytes start.
    pub(crate) fn start(&self) -> *mut u8 {
        self.pages.start().wrapping_add(self.offset)
    }

    /// The bytes as they are now.
    pub(crate) fn content(&self) -> &[u8] {
        &self.pages.bytes()[self.offset..self.offset + self.len]
    }

    /// The first place outside of the bytes, counted from their start, that was written.
    pub(crate) fn written_outside(&self) -> Option<isize> {
        let (before, behind) = (0..self.offset, self.offset + self.len..self.pattern.len());
        let (all, pattern) = (self.pages.bytes(), &self.pattern);
        let is_same = |part: Range<usize>| all[part.clone()] == pattern[part];
        if is_same(before.clone()) && is_same(behind.clone()) {
            return None;
        }
        let changed = |at: &usize| all[*at] != pattern[*at];
        // What is nearest comes first.
        let found = behind.clone().find(changed).or_else(|| before.rev().find(changed))?;
        Some(found as isize - self.offset as isize)
    }

    /// Where the bytes are, in words.
    pub(crate) fn describe(&self) -> String {
        let before = match self.offset {
            0 if cfg!(unix) => "behind an unreadable page".to_string(),
            _ => format!("at an address of {} modulo 64", self.start() as usize % 64),
        };
        let is_at_end = cfg!(unix) && self.offset + self.len == self.pattern.len();
        before + if is_at_end { ", before an unreadable page" } else { "" }
    }

    /// Where the bytes are, as `address` counts from their start; `None` where it is elsewhere.
    pub(crate) fn offset_of(&self, address: usize) -> Option<isize> {
        let start = self.pages.start() as usize;
        let reach = start - GUARD..start + self.pattern.len() + GUARD;
        let is_near = cfg!(unix) && reach.contains(&address);
        is_near.then(|| address.wrapping_sub(self.start() as usize) as isize)
    }
}

/// Memory with inaccessible pages around.
#[cfg(all(unix, target_arch = "x86_64", not(miri)))]
pub(crate) mod pages {
    use super::GUARD;

    #[derive(Debug)]
    pub(crate) struct Pages {
        mapping: *mut u8,
        mapped: usize,
        size: usize,
    }

    impl Pages {
        /// `size` bytes, a multiple of the page size of the architecture.
        pub(crate) fn new(size: usize) -> Pages {
            let mut pages = Pages::inaccessible(size + 2 * GUARD).expect("memory for arguments");
            pages.size = size;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: the middle of a mapping of ours.
            let result = unsafe { libc::mprotect(pages.start().cast(), size, access) };
            assert_eq!(result, 0, "memory for arguments");
            pages
        }

        /// Addresses alone.
        pub(crate) fn inaccessible(mapped: usize) -> Option<Pages> {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
            let null = std::ptr::null_mut();
            // SAFETY: a fresh mapping, which replaces nothing.
            let mapping = unsafe { libc::mmap(null, mapped, libc::PROT_NONE, flags, -1, 0) };
            let mapping = (mapping != libc::MAP_FAILED).then(|| mapping.cast())?;
            Some(Pages { mapping, mapped, size: 0 })
        }

        pub(crate) fn start(&self) -> *mut u8 {
            self.mapping.wrapping_add(GUARD)
        }

        pub(crate) fn bytes(&self) -> &[u8] {
            // SAFETY: `size` bytes can be accessed, and are initialized.
            unsafe { std::slice::from_raw_parts(self.start(), self.size) }
        }

        pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
            // SAFETY: as above.
            unsafe { std::slice::from_raw_parts_mut(self.start(), self.size) }
        }
    }

    impl Drop for Pages {
        fn drop(&mut self) {
            // SAFETY: made above, not used afterwards.
            unsafe { libc::munmap(self.mapping.cast(), self.mapped) };
        }
    }
}

/// Memory with nothing known around it.
#[cfg(not(all(unix, target_arch = "x86_64", not(miri))))]
pub(crate) mod pages {
    /// What every placement counts from.
    #[derive(Clone, Debug)]
    #[repr(C, align(4096))]
    struct Page([u8; 4096]);

    #[derive(Debug)]
    pub(crate) struct Pages {
        pages: Vec<Page>,
    }

    impl Pages {
        pub(crate) fn new(size: usize) -> Pages {
            Pages { pages: vec![Page([0; 4096]); size / 4096] }
        }

        pub(crate) fn inaccessible(_: usize) -> Option<Pages> {
            None
        }

        pub(crate) fn start(&self) -> *mut u8 {
            self.pages.as_ptr().cast_mut().cast()
        }

        pub(crate) fn bytes(&self) -> &[u8] {
            // SAFETY: the pages are initialized.
            unsafe { std::slice::from_raw_parts(self.start(), 4096 * self.pages.len()) }
        }

        pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
            // SAFETY: the pages are initialized, and ours.
            unsafe { std::slice::from_raw_parts_mut(self.start(), 4096 * self.pages.len()) }
        }
    }
}
