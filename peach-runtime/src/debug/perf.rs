//! perf's map: the file in which it looks for the names of code that no file holds.
//!
//! In: a name and where the code is. Out: a line in `/tmp/perf-PID.map`. Everybody may write to
//! `/tmp`, and the name can be guessed: what others have put there is left alone.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

/// Registers code with perf.
pub(super) fn tell(name: &str, address: usize, len: usize) {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    if let Some(mut file) = open(&path) {
        // One write, since other compilers of this process may append to the file as well.
        let _ = file.write_all(format!("{address:x} {len:x} {name}\n").as_bytes());
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
    is_own.then_some(file)
}
