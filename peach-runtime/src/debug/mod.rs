//! Feature `debug`: kernels that can be seen.
//!
//! In: a kernel that has just been resolved. Out: its listing on standard error, if `PEACH_DUMP` asks for
//! it; and, for mapped code, its name and its unwinding table for gdb, perf and the unwinder of the
//! process. (Code in the text section has both in the executable.)
//!
//! `PEACH_DUMP=1` dumps every kernel, `PEACH_DUMP=dot4,sum` those two. What cannot be done here is left
//! out: a debugging aid must not stop the program.

mod frame_table;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod gdb;

use crate::kernel::{Code, Record};

/// Called once for each kernel, when its address has become known.
pub(crate) fn resolved(record: &Record, entry: *const ()) {
    let Some(version) = record.shape.chosen() else { return };
    if wants_dump(record.shape.name) {
        eprint!("{}", record.dump_text(Some(entry)));
    }
    if let Code::Map(arena) = &version.code {
        // For good, as the code is.
        std::mem::forget(announce(record.shape.name, version.unwind(), entry, arena.bytes.len()));
    }
}

/// Code in the text section may be called without being resolved first, so it is dumped when the
/// program starts.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[used]
#[unsafe(link_section = ".init_array")]
static DUMP_TEXT: extern "C" fn() = {
    extern "C" fn dump_text() {
        if std::env::var_os("PEACH_DUMP").is_none() {
            return;
        }
        let in_text = |record: &&Record| {
            record.shape.chosen().is_some_and(|version| matches!(version.code, Code::Text(..)))
        };
        for record in crate::registry::kernels().filter(in_text) {
            let _ = record.resolve();
        }
    }
    dump_text
};

fn wants_dump(name: &str) -> bool {
    match std::env::var("PEACH_DUMP") {
        Ok(value) if matches!(value.as_str(), "" | "0") => false,
        Ok(value) => value == "1" || value.split(',').any(|wanted| wanted.trim() == name),
        Err(_) => false,
    }
}

/// Code that the debuggers know of, until this is dropped. (What perf has been told stays in its file.)
pub(crate) struct Announced {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    _frames: frame_table::Registered,
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    _object: gdb::Registered,
}

/// Tells the debuggers of mapped code: its name, its call frame instructions, where it is.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn announce(name: &str, unwind: &[u8], entry: *const (), len: usize) -> Announced {
    let frames = frame_table::eh_frame(entry.addr(), len, unwind);
    let object = gdb::register(name, entry.addr(), len, &frames);
    perf_map(name, entry.addr(), len);
    Announced { _frames: frame_table::register(frames), _object: object }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) fn announce(_name: &str, unwind: &[u8], entry: *const (), len: usize) -> Announced {
    let _ = frame_table::eh_frame(entry.addr(), len, unwind);
    Announced {}
}

/// The file in which perf looks for the names of code that no file holds.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn perf_map(name: &str, address: usize, len: usize) {
    use std::io::Write;
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    if let Ok(mut file) = file {
        let _ = file.write_all(format!("{address:x} {len:x} {name}\n").as_bytes());
    }
}
