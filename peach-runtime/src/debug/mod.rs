//! Feature `debug`: kernels that can be seen.
//!
//! In: kernels that have just been mapped, or one that is used for the first time. Out: its listing
//! on standard error, if `PEACH_DUMP` asks for it; and, for mapped code, names, source lines and
//! unwinding tables for gdb, perf and the unwinder of the process, once for all that is mapped
//! together. (Code in the text section has them in the executable.)
//!
//! `PEACH_DUMP=1` dumps every kernel, `PEACH_DUMP=dot4,sum` those two, when it is first used;
//! `PEACH_JITDUMP=DIRECTORY` writes perf's dump of mapped code there. What cannot be done here is
//! left out: a debugging aid must not stop the program.

pub(crate) mod dump;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod dwarf;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod frame_table;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod gdb;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod jitdump;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod lines;
pub(crate) mod listing;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod object;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod perf;

use crate::kernel::Record;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A kernel in memory.
pub(crate) struct Mapped<'a> {
    pub(crate) name: &'a str,
    /// Its call frame instructions.
    pub(crate) unwind: &'a [u8],
    pub(crate) listing: &'a str,
    pub(crate) address: usize,
    pub(crate) len: usize,
}

/// Called once for each kernel, when its address has become known.
pub(crate) fn resolved(record: &Record, entry: *const ()) {
    dump::if_wanted(record.shape.name, || record.dump_text(Some(entry)));
}

/// Called with the kernels of the program when they have been mapped, in the order of their
/// addresses.
#[cfg(target_arch = "x86_64")]
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

/// How many bytes behind a kernel must not be another one's: perf takes its unwinding table to be
/// mapped there.
#[cfg(target_arch = "x86_64")]
pub(crate) fn room_behind(unwind: &[u8]) -> usize {
    /// The entries without the instructions, filled up, and the index.
    const TABLE: usize = 88;
    TABLE + unwind.len()
}

/// From the first kernel to the end of the last one.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn range(kernels: &[Mapped<'_>]) -> std::ops::Range<usize> {
    match kernels {
        [] => 0..0,
        [first, ..] => {
            let last = &kernels[kernels.len() - 1];
            first.address..last.address + last.len
        }
    }
}

impl Mapped<'_> {
    /// Its bytes.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn bytes(&self) -> &[u8] {
        let start = std::ptr::with_exposed_provenance(self.address);
        // SAFETY: who announces a kernel has mapped it, and keeps it while this lives.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}
