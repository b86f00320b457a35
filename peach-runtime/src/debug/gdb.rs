//! gdb's interface for code made at run time ("JIT Compilation Interface" in its manual).
//!
//! In: a name, where the code is, and its unwinding table. Out: an ELF object in memory, linked
//! into the list that gdb reads, after which the function is called that gdb has a breakpoint in.

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

/// Makes the code known to gdb.
pub(super) fn register(name: &str, address: usize, len: usize, frames: &[u8]) -> Registered {
    let object: &'static [u8] = object(name, address, len, frames).leak();
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

/// An ELF object (System V gABI, chapter 4) that names a range of memory as a function.
fn object(name: &str, address: usize, len: usize, frames: &[u8]) -> Vec<u8> {
    const SECTION_NAMES: &[u8] = b"\0.text\0.symtab\0.strtab\0.shstrtab\0.eh_frame\0";
    const HEADER: usize = 64;
    const SECTIONS: u16 = 6;
    let mut contents = Vec::new();
    let mut place = |bytes: &[u8]| {
        contents.resize(contents.len().next_multiple_of(8), 0u8);
        let offset = HEADER + contents.len();
        contents.extend(bytes);
        (offset, bytes.len())
    };
    let symbols = place(&symbols(address, len));
    let names = place(&[b"\0", name.as_bytes(), b"\0"].concat());
    let section_names = place(SECTION_NAMES);
    let frames = place(frames);
    let table = (HEADER + contents.len()).next_multiple_of(8);

    let mut elf = header(table, SECTIONS);
    elf.extend(&contents);
    elf.resize(table, 0);
    // name, type, flags, address, offset, size, link, info, align, entry size
    let text = [1, 8, 6, address, HEADER, len, 0, 0, 64, 0];
    let section = |name, kind, (offset, size), link, entry_size| {
        [name, kind, 0, 0, offset, size, link, 1, 8, entry_size]
    };
    let sections = [
        [0; 10],
        text,
        section(7, 2, symbols, 3, 24),
        section(15, 3, names, 0, 0),
        section(23, 3, section_names, 0, 0),
        // Allocated, as the unwinding tables of an executable are.
        [33, 1, 2, 0, frames.0, frames.1, 0, 0, 8, 0],
    ];
    for [name, kind, flags, address, offset, size, link, info, align, entry_size] in sections {
        let words = |elf: &mut Vec<u8>, values: [usize; 2]| {
            values.iter().for_each(|&value| elf.extend((value as u32).to_le_bytes()));
        };
        words(&mut elf, [name, kind]);
        [flags, address, offset, size].iter().for_each(|value| elf.extend(value.to_le_bytes()));
        words(&mut elf, [link, info]);
        [align, entry_size].iter().for_each(|value| elf.extend(value.to_le_bytes()));
    }
    elf
}

/// The null symbol and a global function in section 1.
fn symbols(address: usize, len: usize) -> Vec<u8> {
    const GLOBAL_FUNCTION: u8 = 0x12;
    let mut symbols = vec![0; 24];
    symbols.extend(1u32.to_le_bytes());
    symbols.extend([GLOBAL_FUNCTION, 0, 1, 0]);
    symbols.extend((address as u64).to_le_bytes());
    symbols.extend((len as u64).to_le_bytes());
    symbols
}

/// The ELF header of an executable for x86-64 without segments.
fn header(section_table: usize, sections: u16) -> Vec<u8> {
    const EXECUTABLE: u16 = 2;
    const X86_64: u16 = 62;
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend(EXECUTABLE.to_le_bytes());
    header.extend(X86_64.to_le_bytes());
    header.extend(1u32.to_le_bytes());
    header.extend([0; 16]);
    header.extend((section_table as u64).to_le_bytes());
    header.extend(0u32.to_le_bytes());
    for half in [64, 0, 0, 64, sections, 4] {
        header.extend(half.to_le_bytes());
    }
    header
}
