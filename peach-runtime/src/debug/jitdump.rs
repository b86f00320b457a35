//! perf's dump of code made at run time ("jitdump specification" in its documentation): bytes,
//! lines and unwinding tables, of which `perf inject --jit` makes files that `perf annotate` and
//! call graphs read.
//!
//! In: kernels, and in `PEACH_JITDUMP` the directory that the user wants the dump in. Out: records
//! in `jit-PID.dump` there. perf finds it by a mapping of the file, which is made and kept for
//! that.

use super::mapped::Mapped;
use super::{frame_table, lines};
use std::ffi::{OsStr, c_int};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The dump, and the process that it is of: the child of a fork makes its own.
struct Dump {
    process: u32,
    file: File,
    /// How many kernels are in it.
    count: u64,
}

/// What a record is.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Kind {
    Load = 0,
    Lines = 2,
    Unwinding = 4,
}

/// Adds kernels to the dump, if there is to be one.
pub(super) fn tell(kernels: &[Mapped<'_>]) {
    static DUMP: Mutex<Option<Dump>> = Mutex::new(None);
    let Some(directory) = std::env::var_os("PEACH_JITDUMP").filter(|name| !name.is_empty()) else {
        return;
    };
    let mut dump = DUMP.lock().unwrap_or_else(PoisonError::into_inner);
    if dump.as_ref().is_none_or(|dump| dump.process != std::process::id()) {
        *dump = Dump::create(&directory);
    }
    if let Some(dump) = dump.as_mut() {
        dump.add(kernels);
    }
}

impl Dump {
    fn create(directory: &OsStr) -> Option<Dump> {
        let process = std::process::id();
        let path = Path::new(directory).join(format!("jit-{process}.dump"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
            .ok()?;
        const MAGIC: u32 = 0x4A69_5444;
        const VERSION: u32 = 1;
        const LEN: u32 = 40;
        const X86_64: u32 = 62;
        let mut header = Vec::new();
        for word in [MAGIC, VERSION, LEN, X86_64, 0, process] {
            header.extend(word.to_le_bytes());
        }
        header.extend(now().to_le_bytes());
        header.extend(0u64.to_le_bytes());
        file.write_all(&header).ok()?;
        mark(&file)?;
        Some(Dump { process, file, count: 0 })
    }

    /// Adds the records of each kernel, in one write.
    fn add(&mut self, kernels: &[Mapped<'_>]) {
        let mut records = Vec::new();
        for kernel in kernels {
            record(&mut records, Kind::Lines, &of_lines(kernel));
            record(&mut records, Kind::Unwinding, &of_unwinding(kernel));
            record(&mut records, Kind::Load, &self.of_code(kernel));
            self.count += 1;
        }
        let _ = self.file.write_all(&records);
    }

    fn of_code(&self, kernel: &Mapped<'_>) -> Vec<u8> {
        // SAFETY: it asks for a number.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) } as u32;
        let mut contents = [self.process.to_le_bytes(), thread.to_le_bytes()].concat();
        let address = kernel.address as u64;
        for word in [address, address, kernel.len as u64, self.count] {
            contents.extend(word.to_le_bytes());
        }
        contents.extend(kernel.name.bytes().chain([0]));
        contents.extend(kernel.bytes());
        contents
    }
}

/// The lines of the source; perf makes DWARF of them.
fn of_lines(kernel: &Mapped<'_>) -> Vec<u8> {
    let rows = lines::of_listing(kernel.listing);
    let mut contents = (kernel.address as u64).to_le_bytes().to_vec();
    contents.extend((rows.len() as u64).to_le_bytes());
    for row in rows {
        contents.extend(((kernel.address + row.offset) as u64).to_le_bytes());
        contents.extend((row.line as u32).to_le_bytes());
        contents.extend(0u32.to_le_bytes());
        contents.extend(row.file.bytes().chain([0]));
    }
    contents
}

/// The unwinding table and its index, which perf places after the code, at a multiple of eight.
fn of_unwinding(kernel: &Mapped<'_>) -> Vec<u8> {
    let (tables, index_len) = frame_table::movable(kernel, kernel.len.next_multiple_of(8));
    let mut contents = Vec::new();
    for word in [tables.len(), index_len, tables.len()] {
        contents.extend((word as u64).to_le_bytes());
    }
    contents.extend(tables);
    contents
}

/// A record: what it is, its length, when it was made; filled up to a multiple of eight, where that
/// does not change its meaning.
fn record(records: &mut Vec<u8>, kind: Kind, contents: &[u8]) {
    const HEADER: usize = 16;
    let padding = match kind {
        Kind::Load => 0,
        Kind::Lines | Kind::Unwinding => contents.len().next_multiple_of(8) - contents.len(),
    };
    records.extend((kind as u32).to_le_bytes());
    records.extend(((HEADER + contents.len() + padding) as u32).to_le_bytes());
    records.extend(now().to_le_bytes());
    records.extend(contents);
    records.resize(records.len() + padding, 0);
}

/// The time by the clock that `perf record -k mono` uses, in nanoseconds.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes a time into the variable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Maps the file as code, which perf records.
fn mark(file: &File) -> Option<()> {
    const PAGE: usize = 1 << 12;
    let protection: c_int = libc::PROT_READ | libc::PROT_EXEC;
    let fd = file.as_raw_fd();
    // SAFETY: fresh memory, which nothing uses.
    let page =
        unsafe { libc::mmap(std::ptr::null_mut(), PAGE, protection, libc::MAP_PRIVATE, fd, 0) };
    (page != libc::MAP_FAILED).then_some(())
}
