//! A shared library that is unloaded takes its arena with it.
//!
//! In: the arena's memory, when it has been mapped. Out: its end, when `dlclose` unloads the
//! library that this crate was linked into, as late as the library's own clean-up allows.
//!
//! It must not end when the process does: other threads may run kernels until the last moment. The
//! two are distinguished by the order in which a library's functions run (System V gABI,
//! "Initialization and Termination Functions", and `atexit(3)` of glibc):
//!
//! * `dlclose`: those of `.fini_array`, the last first, so [`UNLOADS`] before the first of all,
//!   which is the C runtime's and calls what the library gave to `atexit`: [`at_exit`];
//! * the end of the process: what was given to `atexit`, and `.fini_array` after that.
//!
//! With another C library, or a linker that orders otherwise, the memory stays.

use crate::arena;
use crate::memory::Executable;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

/// Keeps the arena's memory for as long as this crate's code stays in memory.
pub(crate) fn keep(memory: Executable) {
    std::hint::black_box(&UNLOADS);
    // SAFETY: the function is there until this library is unloaded, when it is called at the
    // latest.
    let stays = is_program() || unsafe { libc::atexit(at_exit) } != 0;
    if stays { memory.keep() } else { memory.keep_for_now() }
}

static IS_UNLOADED: AtomicBool = AtomicBool::new(false);

#[used]
#[unsafe(link_section = ".fini_array")]
static UNLOADS: extern "C" fn() = {
    extern "C" fn unloads() {
        IS_UNLOADED.store(true, Ordering::Relaxed);
    }
    unloads
};

extern "C" fn at_exit() {
    if IS_UNLOADED.load(Ordering::Relaxed) {
        #[cfg(feature = "debug")]
        crate::debug::forget_all();
        // SAFETY: unloading a library requires that none of its code runs any more. What the
        // library itself still cleans up afterwards maps its kernels again.
        unsafe { arena::unmap() };
    }
}

/// Whether this crate was linked into the program itself, which is never unloaded.
fn is_program() -> bool {
    /// The first object that is named is the program (`dl_iterate_phdr(3)`).
    unsafe extern "C" fn look_at_first(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        is_here: *mut c_void,
    ) -> c_int {
        let here = (&raw const IS_UNLOADED).addr();
        // SAFETY: the loader describes an object with so many headers, and hands back the pointer.
        unsafe {
            let info = &*info;
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
            let is_inside = |header: &libc::Elf64_Phdr| {
                let start = info.dlpi_addr.wrapping_add(header.p_vaddr) as usize;
                (start..start + header.p_memsz as usize).contains(&here)
            };
            let is_loaded = |header: &&libc::Elf64_Phdr| header.p_type == libc::PT_LOAD;
            *is_here.cast::<bool>() = headers.iter().filter(is_loaded).any(is_inside);
        }
        1
    }
    let mut is_here = false;
    // SAFETY: the callback is given what it expects.
    unsafe { libc::dl_iterate_phdr(Some(look_at_first), (&raw mut is_here).cast()) };
    is_here
}
