//! What only Linux has: files without a name, and seals.
//!
//! `memfd_create` and `mseal` go through `syscall`: C libraries that Rust supports have no
//! functions for them (glibc before 2.27, and nearly all).

use libc::{MAP_FAILED, MAP_FIXED, MAP_PRIVATE, PROT_EXEC, PROT_READ, c_int, c_long, c_uint};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};

/// The number is the same for all; `libc` lacks it for Android and x32.
const SYS_MSEAL: c_long = 462;

/// A file in memory that can no longer change.
pub(super) struct SealedFile(File);

impl SealedFile {
    /// A file with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<SealedFile> {
        // Since Linux 6.3; the sysctl `vm.memfd_noexec=2` requires it. The file cannot be run as a
        // program; mapping it executable is another matter.
        let mut file = memory_file(libc::MFD_NOEXEC_SEAL).or_else(|| memory_file(0))?;
        file.write_all(bytes).ok()?;
        let seals =
            libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
        // SAFETY: it changes the file alone.
        let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
        (answer == 0).then_some(SealedFile(file))
    }

    /// Puts the file in the place of pages that belong to the caller, executable from the start:
    /// what systems allow that forbid anonymous memory to become executable (`PR_SET_MDWE`,
    /// SELinux's `execmem`). Returns whether it was done.
    pub(super) fn map_over(&self, base: *mut u8, len: usize) -> bool {
        let (protection, flags) = (PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED);
        let base = base.cast();
        // SAFETY: the pages that it replaces belong to the caller, and nothing else knows of them.
        let placed = unsafe { libc::mmap(base, len, protection, flags, self.0.as_raw_fd(), 0) };
        placed != MAP_FAILED
    }
}

/// A file without a name.
fn memory_file(flags: c_uint) -> Option<File> {
    let flags = flags | libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_create, c"peach".as_ptr(), flags) };
    // SAFETY: the file is fresh and not shared.
    (fd >= 0).then(|| unsafe { File::from_raw_fd(fd as c_int) })
}

/// From now on the memory can be neither changed nor unmapped. Before Linux 6.10 it stays as it
/// was.
pub(super) fn seal_memory(base: *mut u8, len: usize) {
    // SAFETY: the pages belong to the caller, and are to stay as they are.
    unsafe { libc::syscall(SYS_MSEAL, base, len, 0 as libc::c_ulong) };
}
