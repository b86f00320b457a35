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

#[cfg(target_arch = "x86_64")]
mod announce;
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
#[cfg(target_arch = "x86_64")]
mod mapped;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod object;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod perf;

use crate::kernel::Record;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
pub(crate) use announce::forget_all;
#[cfg(target_arch = "x86_64")]
pub(crate) use announce::mapped;
#[cfg(all(feature = "jit", target_arch = "x86_64"))]
pub(crate) use announce::{Announced, announce};
#[cfg(target_arch = "x86_64")]
pub(crate) use mapped::{Mapped, room_behind};

/// Called once for each kernel, when its address has become known.
pub(crate) fn resolved(record: &Record, entry: *const ()) {
    dump::if_wanted(record.shape.name, || record.dump_text(Some(entry)));
}
