//! perf's map: the file in which it looks for the names of code that no file holds.
//!
//! In: kernels. Out: a line for each in `/tmp/perf-PID.map`. Everybody may write to
//! `/tmp`, and the name can be guessed: what others have put there is left alone. Process IDs are
//! reused: a map older than this process is stale, and is emptied first.

use super::mapped::Mapped;
use std::fs::{File, Metadata, OpenOptions, read_to_string};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Registers code with perf.
pub(super) fn tell(kernels: &[Mapped<'_>]) {
    // A stale map is emptied once.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = format!("/tmp/perf-{}.map", std::process::id());
    if let Some(mut file) = open(&path) {
        let row = |kernel: &Mapped<'_>| {
            format!("{:x} {:x} {}\n", kernel.address, kernel.len, kernel.name)
        };
        // One write, since other compilers of this process may append to the file as well.
        let _ = file.write_all(kernels.iter().map(row).collect::<String>().as_bytes());
    }
}

/// The map, if it is this process's own: a file without other names, of this user. It is not looked
/// for behind a link, and a pipe is not waited for.
fn open(path: &str) -> Option<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).ok()?;
    let metadata = file.metadata().ok()?;
    // SAFETY: it asks who this process acts as.
    let user = unsafe { libc::geteuid() };
    let is_own = metadata.is_file() && metadata.uid() == user && metadata.nlink() == 1;
    if is_own && is_stale(&metadata) == Some(true) {
        file.set_len(0).ok()?;
    }
    is_own.then_some(file)
}

/// Whether a file was last written before this process started.
fn is_stale(metadata: &Metadata) -> Option<bool> {
    /// The precision of the times of files and processes.
    const TOLERANCE: Duration = Duration::from_secs(1);
    Some(metadata.modified().ok()? + TOLERANCE < SystemTime::now() - age()?)
}

/// How long this process has been running.
fn age() -> Option<Duration> {
    // proc(5): the name of the program, in parentheses, may hold anything; after it, the twentieth
    // field is the start of the process, in ticks since the system was started.
    let stat = read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let started: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // SAFETY: it asks for a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::try_from_secs_f64(uptime - started / ticks as f64).ok()
}
