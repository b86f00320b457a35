//! All kernels of the program, found through the linker.
//!
//! `peach_fn!` places every `KERNEL` in one linker section, so that the linker makes an array of
//! them. A kernel that nothing refers to is dropped like any other unused static; a kernel that
//! runs is in the array of the executable or shared library that it was linked into.
//!
//! A program may hold this crate several times, in several versions or with several sets of
//! features, and all of them share the section, records of unlike layouts side by side. So each
//! record starts with the identity of the crate that made it, and [`kernels`] steps over what is
//! not its own.
//!
//! In: nothing. Out: [`kernels`], the array of the object that this crate was linked into. A kernel
//! may be outside of it (one in another Rust `dylib`); [`contains`] tells.

use crate::kernel::{Kernel, MAKER, Maker, Record, Shape, Source};

/// Declares the static of a kernel, in the section that all kernels are collected in. (A section of
/// Mach-O has a name of at most 16 bytes; COFF linkers sort sections by what follows the dollar
/// sign.)
#[doc(hidden)]
#[macro_export]
macro_rules! __peach_kernel {
    ($($declaration:tt)*) => {
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,peach_kernels"))]
        #[cfg_attr(
            any(windows, target_os = "uefi", target_os = "cygwin"),
            unsafe(link_section = ".peach$m")
        )]
        #[cfg_attr(
            not(any(target_vendor = "apple", windows, target_os = "uefi", target_os = "cygwin")),
            unsafe(link_section = "peach_kernels")
        )]
        $($declaration)*
    };
}

__peach_kernel! {
    /// The array's only element in a program without kernels, so that there is an array.
    static SENTINEL: Kernel<fn()> = Kernel::new::<Nothing>();
}

struct Nothing;

// SAFETY: there are no versions and no fallback.
unsafe impl Source for Nothing {
    type Pointer = fn();
    const SHAPE: &'static Shape = &Shape { name: "", versions: &[], fallback: None };
}

/// The kernels of the object that this crate was linked into, in the linker's order.
pub(crate) fn kernels() -> impl Iterator<Item = &'static Record> {
    core::hint::black_box(&SENTINEL);
    let (mut next, end) = bounds();
    core::iter::from_fn(move || {
        while end.addr().saturating_sub(next.addr()) >= size_of::<Record>() {
            // SAFETY: between the bounds are statics and what the linker filled up with, and `next`
            // is aligned as a record. Any word is a valid pointer. What starts with this crate's
            // identity is one of its records: no other static there holds it, and inside a record
            // it is stepped over.
            unsafe {
                if *next.cast::<*const Maker>() == &raw const MAKER {
                    let record = &*next.cast::<Record>();
                    next = next.wrapping_byte_add(size_of::<Record>());
                    return Some(record);
                }
            }
            next = next.wrapping_byte_add(align_of::<Record>());
        }
        None
    })
}

/// Whether [`kernels`] has `record`.
pub(crate) fn contains(record: &Record) -> bool {
    let (start, end) = bounds();
    (start..end).contains(&core::ptr::from_ref(record).cast())
}

/// Where the array starts and ends. ELF linkers define `__start_` and `__stop_` symbols for every
/// section whose name is an identifier; hidden, they are those of this very object.
#[cfg(not(any(target_vendor = "apple", windows, target_os = "uefi", target_os = "cygwin")))]
fn bounds() -> (*const u8, *const u8) {
    // SAFETY: it takes two addresses.
    unsafe {
        let (start, end);
        core::arch::asm!(
            ".hidden __start_peach_kernels",
            ".hidden __stop_peach_kernels",
            "lea {}, [rip + __start_peach_kernels]",
            "lea {}, [rip + __stop_peach_kernels]",
            out(reg) start,
            out(reg) end,
            options(nomem, nostack, preserves_flags, pure)
        );
        (start, end)
    }
}

/// Where the array starts and ends: ld64 defines these symbols for every section.
#[cfg(target_vendor = "apple")]
fn bounds() -> (*const u8, *const u8) {
    unsafe extern "C" {
        #[link_name = "\x01section$start$__DATA$peach_kernels"]
        static START: u8;
        #[link_name = "\x01section$end$__DATA$peach_kernels"]
        static END: u8;
    }
    (&raw const START, &raw const END)
}

/// Where the array starts and ends: COFF linkers sort sections by what follows the dollar sign.
#[cfg(any(windows, target_os = "uefi", target_os = "cygwin"))]
fn bounds() -> (*const u8, *const u8) {
    use core::sync::atomic::AtomicUsize;
    #[unsafe(link_section = ".peach$a")]
    static START: AtomicUsize = AtomicUsize::new(0);
    #[unsafe(link_section = ".peach$z")]
    static END: AtomicUsize = AtomicUsize::new(0);
    ((&raw const START).cast(), (&raw const END).cast())
}
