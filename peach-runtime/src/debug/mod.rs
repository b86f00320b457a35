//! Feature `debug`: kernels that can be seen.
//!
//! In: a kernel that has just been resolved. Out: its listing on standard error, if `PEACH_DUMP`
//! asks for it; and, for mapped code, its name and its unwinding table for gdb, perf and the
//! unwinder of the process. (Code in the text section has both in the executable.)
//!
//! `PEACH_DUMP=1` dumps every kernel, `PEACH_DUMP=dot4,sum` those two, when it is first used. What
//! cannot be done here is left out: a debugging aid must not stop the program.

pub(crate) mod dump;
mod frame_table;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod gdb;
pub(crate) mod listing;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod perf;

use crate::kernel::{Code, FALLBACK, Record};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Called once for each kernel, when its address has become known.
pub(crate) fn resolved(record: &Record, entry: *const ()) {
    dump::if_wanted(record.shape.name, || record.dump_text(Some(entry)));
    let Some(version) = record.shape.chosen() else { return };
    if entry.addr() > FALLBACK
        && let Code::Map(arena) = &version.code
    {
        let name = record.shape.name;
        keep(announce(name, version.unwind(), entry, arena.bytes.len()));
    }
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
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
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

/// Registers mapped code with the debuggers: its name, its call frame instructions, where it is.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn announce(name: &str, unwind: &[u8], entry: *const (), len: usize) -> Announced {
    let frames = frame_table::eh_frame(entry.addr(), len, unwind);
    let object = gdb::register(name, entry.addr(), len, &frames);
    perf::tell(name, entry.addr(), len);
    Announced { _frames: frame_table::register(frames), _object: object }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn announce(_name: &str, unwind: &[u8], entry: *const (), len: usize) -> Announced {
    let _ = frame_table::eh_frame(entry.addr(), len, unwind);
    Announced {}
}
