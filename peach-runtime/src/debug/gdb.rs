//! gdb's interface for code made at run time ("JIT Compilation Interface" in its manual).
//!
//! In: an ELF object in memory (`object`). Out: it is linked into the list that gdb reads, after
//! which the function is called that gdb has a breakpoint in. gdb compares each new object with all
//! that it knows: what is mapped together has to be one.

use std::ptr::{self, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

// Weak: a program may have another just-in-time compiler, or this crate twice, and there is one
// list for all of them. Defined once where all crates are optimized, and so assembled, as one. The
// lock is with the list, for all copies of this crate.
std::arch::global_asm!(
    ".ifndef __jit_debug_register_code",
    ".pushsection .text.__jit_debug_register_code,\"ax\",@progbits",
    ".weak __jit_debug_register_code",
    ".type __jit_debug_register_code,@function",
    "__jit_debug_register_code: ret",
    ".size __jit_debug_register_code, . - __jit_debug_register_code",
    ".popsection",
    ".pushsection .data.__jit_debug_descriptor,\"aw\",@progbits",
    ".p2align 3",
    ".weak __jit_debug_descriptor",
    ".type __jit_debug_descriptor,@object",
    "__jit_debug_descriptor: .long 1, 0",
    ".quad 0, 0",
    ".size __jit_debug_descriptor, . - __jit_debug_descriptor",
    ".popsection",
    ".endif",
    ".ifndef __peach_jit_debug_busy",
    ".pushsection .data.__peach_jit_debug_busy,\"aw\",@progbits",
    ".weak __peach_jit_debug_busy",
    ".type __peach_jit_debug_busy,@object",
    "__peach_jit_debug_busy: .byte 0",
    ".size __peach_jit_debug_busy, . - __peach_jit_debug_busy",
    ".popsection",
    ".endif",
);

/// `struct jit_descriptor`.
#[repr(C)]
struct Descriptor {
    version: u32,
    action: u32,
    relevant: *mut Entry,
    first: *mut Entry,
}

/// `struct jit_code_entry`.
#[repr(C)]
struct Entry {
    next: *mut Entry,
    previous: *mut Entry,
    object: *const u8,
    object_len: u64,
}

/// What the function that gdb stops in reports about the relevant entry.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Action {
    Register = 1,
    Unregister = 2,
}

unsafe extern "C" {
    fn __jit_debug_register_code();
    static mut __jit_debug_descriptor: Descriptor;
    /// Set while the list changes.
    safe static __peach_jit_debug_busy: AtomicBool;
}

/// Code that gdb knows of, until this is dropped. Null if it could not be registered.
pub(super) struct Registered {
    entry: *mut Entry,
}

// SAFETY: the entry is only touched while the list is held.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

/// Makes what the object describes known to gdb.
pub(super) fn register(object: Vec<u8>) -> Registered {
    let object: &'static [u8] = object.leak();
    let entry = Box::into_raw(Box::new(Entry {
        next: null_mut(),
        previous: null_mut(),
        object: object.as_ptr(),
        object_len: object.len() as u64,
    }));
    // SAFETY: the entry is live, and not yet in the list.
    match holding_the_list(|| unsafe { link(entry) }) {
        true => Registered { entry },
        false => Registered { entry: null_mut() },
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let entry = self.entry;
        // SAFETY: the entry is in the list, and nothing else removes it.
        if entry.is_null() || !holding_the_list(|| unsafe { unlink(entry) }) {
            return;
        }
        // SAFETY: made by `register`, and no longer in the list.
        unsafe {
            let entry = Box::from_raw(entry);
            let len = entry.object_len as usize;
            drop(Box::from_raw(ptr::slice_from_raw_parts_mut(entry.object.cast_mut(), len)));
        }
    }
}

/// Changes the list, which belongs to the thread that has set `__peach_jit_debug_busy`. It does not
/// wait forever: in the child of a fork, the thread that holds it may not exist. Returns whether it
/// was done.
fn holding_the_list(change: impl FnOnce()) -> bool {
    for _ in 0..1_000_000 {
        if !__peach_jit_debug_busy.swap(true, Ordering::Acquire) {
            change();
            __peach_jit_debug_busy.store(false, Ordering::Release);
            return true;
        }
        std::hint::spin_loop();
    }
    false
}

/// # Safety
/// Nothing else may use the list, and its entries must be live.
unsafe fn link(entry: *mut Entry) {
    let descriptor = &raw mut __jit_debug_descriptor;
    // SAFETY: the caller has the list for itself.
    unsafe {
        (*entry).next = (*descriptor).first;
        if !(*entry).next.is_null() {
            (*(*entry).next).previous = entry;
        }
        (*descriptor).first = entry;
        tell(entry, Action::Register);
    }
}

/// # Safety
/// As of [`link`]; the entry must be in the list.
unsafe fn unlink(entry: *mut Entry) {
    let descriptor = &raw mut __jit_debug_descriptor;
    // SAFETY: the caller has the list for itself.
    unsafe {
        let Entry { next, previous, .. } = *entry;
        match previous.is_null() {
            true => (*descriptor).first = next,
            false => (*previous).next = next,
        }
        if !next.is_null() {
            (*next).previous = previous;
        }
        tell(entry, Action::Unregister);
    }
}

/// # Safety
/// As of [`link`].
unsafe fn tell(entry: *mut Entry, action: Action) {
    let descriptor = &raw mut __jit_debug_descriptor;
    // SAFETY: the caller has the list for itself.
    unsafe {
        (*descriptor).relevant = entry;
        ptr::write_volatile(&raw mut (*descriptor).action, action as u32);
        __jit_debug_register_code();
    }
}
