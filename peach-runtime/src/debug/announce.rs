//! Kernels that debuggers know of.
//!
//! In: kernels that have just been mapped. Out: their names, lines and unwinding tables at gdb,
//! perf and the unwinder of the process, until the memory is freed.

use super::mapped::Mapped;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use super::{frame_table, gdb, jitdump, object, perf};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Called with the kernels of the program when they have been mapped, in the order of their
/// addresses.
pub(crate) fn mapped(kernels: &[Mapped<'_>]) {
    keep(announce(kernels));
}

/// What the debuggers know of the arena.
static KEPT: AtomicPtr<Kept> = AtomicPtr::new(null_mut());

struct Kept {
    _announced: Announced,
    next: *mut Kept,
}

/// Keeps it as long as the arena is kept.
fn keep(announced: Announced) {
    let kept = Box::into_raw(Box::new(Kept { _announced: announced, next: null_mut() }));
    let link = |next| {
        // SAFETY: it is in no list yet.
        unsafe { (*kept).next = next };
        Some(kept)
    };
    let _ = KEPT.fetch_update(Ordering::AcqRel, Ordering::Acquire, link);
}

/// Takes everything back that the debuggers know of the arena, which is about to be freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn forget_all() {
    let mut next = KEPT.swap(null_mut(), Ordering::AcqRel);
    while !next.is_null() {
        // SAFETY: made by `keep`, and taken out of the list.
        let kept = unsafe { Box::from_raw(next) };
        next = kept.next;
    }
}

/// Code that the debuggers know of, until this is dropped. (What has been reported to perf stays in
/// its file.)
pub(crate) struct Announced {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    _frames: frame_table::Registered,
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    _object: gdb::Registered,
}

/// Registers mapped code with the debuggers: what lies side by side, in the order of addresses.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn announce(kernels: &[Mapped<'_>]) -> Announced {
    let frames = frame_table::eh_frame(kernels);
    let object = gdb::register(object::object(kernels, &frames));
    perf::tell(kernels);
    jitdump::tell(kernels);
    Announced { _frames: frame_table::register(frames), _object: object }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn announce(kernels: &[Mapped<'_>]) -> Announced {
    let known = |kernel: &Mapped<'_>| {
        (kernel.name.len(), kernel.unwind.len(), kernel.listing.len(), kernel.address, kernel.len)
    };
    kernels.iter().map(known).for_each(drop);
    Announced {}
}
