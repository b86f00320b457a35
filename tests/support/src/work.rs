//! How much a piece of code does, by what it allocates: the same on every run and every machine,
//! which its time is not.
//!
//! A test program that measures declares the allocator:
//! `#[global_allocator] static COUNTING: CountingAllocator = CountingAllocator;`

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator; counts the bytes that each thread asks for.
pub struct CountingAllocator;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // Threads that end allocate too, when their counters are gone.
    let _ = BYTES.try_with(|all| all.set(all.get() + bytes));
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(start, layout, size) }
    }
}

/// How many bytes this thread allocates in `work`, and what that gives.
pub fn allocated<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = BYTES.get();
    let result = work();
    (BYTES.get() - before, result)
}
