//! Executable memory on Unix: `mmap`, `mprotect`, and `memfd_create` where anonymous memory may not
//! become executable.

use super::{Mapping, Refusal};
use std::ffi::{c_int, c_void};

unsafe extern "C" {
    fn mmap(
        address: *mut c_void,
        len: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn mprotect(address: *mut c_void, len: usize, protection: c_int) -> c_int;
    fn munmap(address: *mut c_void, len: usize) -> c_int;
}

const PROT_READ: c_int = 1;
const PROT_WRITE: c_int = 2;
const PROT_EXEC: c_int = 4;
const MAP_PRIVATE: c_int = 0x02;
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAP_ANONYMOUS: c_int = 0x20;
#[cfg(target_os = "solaris")]
const MAP_ANONYMOUS: c_int = 0x100;
#[cfg(target_os = "illumos")]
const MAP_ANONYMOUS: c_int = 0x100;
/// macOS and all BSDs.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "solaris",
    target_os = "illumos"
)))]
const MAP_ANONYMOUS: c_int = 0x1000;
/// What `mmap` gives where it fails: -1.
const MAP_FAILED: usize = usize::MAX;

pub(super) fn map(len: usize) -> Result<*mut u8, Refusal> {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS;
    let wish = std::ptr::without_provenance_mut(near_the_program(len));
    // SAFETY: it asks for fresh memory; where something stands at the wished place, for other memory.
    let base = unsafe { mmap(wish, len, PROT_READ | PROT_WRITE, flags, -1, 0) };
    if base.addr() == MAP_FAILED { Err(Refusal::last("mmap")) } else { Ok(base.cast()) }
}

/// An address within 2 GiB of the program's text, and far enough from it that the heap can grow: below
/// the program, or above a program at the bottom of memory. An indirect branch over a longer distance
/// costs three cycles more on Zen 4 (`cargo bench --bench calls`), and a direct one does not reach.
fn near_the_program(len: usize) -> usize {
    const DISTANCE: usize = 1 << 30;
    const PAGE: usize = 1 << 12;
    let here = (map as fn(usize) -> _ as *const ()).addr();
    let address = match here.checked_sub(DISTANCE + len) {
        Some(below) if below > PAGE => below,
        _ => here + DISTANCE,
    };
    address & !(PAGE - 1)
}

pub(super) fn make_executable(mapping: &Mapping) -> Result<(), Refusal> {
    // SAFETY: the pages belong to `mapping`.
    if unsafe { mprotect(mapping.base.cast(), mapping.len, PROT_READ | PROT_EXEC) } == 0 {
        return Ok(());
    }
    let refusal = Refusal::last("making memory executable with mprotect");
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if linux::replace_by_file(mapping).is_some() {
        return Ok(());
    }
    Err(refusal)
}

pub(super) fn seal(mapping: &Mapping) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    linux::mseal(mapping);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = mapping;
}

pub(super) fn unmap(mapping: &Mapping) {
    // SAFETY: the pages belong to `mapping`, whose end this is.
    unsafe { munmap(mapping.base.cast(), mapping.len) };
}

/// What only Linux has.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::*;
    use std::fs::File;
    use std::io::Write;
    use std::os::fd::{AsRawFd, FromRawFd};

    // By number, because the C libraries that Rust supports do not all have functions for them.
    const SYS_FCNTL: usize = 72;
    const SYS_MEMFD_CREATE: usize = 319;
    const SYS_MSEAL: usize = 462;

    const MAP_FIXED: c_int = 0x10;
    const MFD_CLOEXEC: usize = 1;
    const MFD_ALLOW_SEALING: usize = 2;
    /// Since Linux 6.3; the sysctl `vm.memfd_noexec=2` demands it. The file cannot be run as a
    /// program; mapping it executable is another matter.
    const MFD_NOEXEC_SEAL: usize = 8;
    const F_ADD_SEALS: usize = 1033;
    /// Nothing may be written, the size may not change, no seal may be added.
    const ALL_SEALS: usize = 1 | 2 | 4 | 8;

    /// Puts a sealed file with the same bytes in the place of `mapping`, executable from the start:
    /// what systems allow that forbid anonymous memory to become executable (`PR_SET_MDWE`,
    /// SELinux's `execmem`).
    pub(super) fn replace_by_file(mapping: &Mapping) -> Option<()> {
        let mut file = memory_file(MFD_NOEXEC_SEAL).or_else(|| memory_file(0))?;
        // SAFETY: the mapping is this long and readable.
        file.write_all(unsafe { std::slice::from_raw_parts(mapping.base, mapping.len) }).ok()?;
        let fd = file.as_raw_fd();
        // SAFETY: it changes the file alone.
        if unsafe { syscall(SYS_FCNTL, fd as usize, F_ADD_SEALS, ALL_SEALS) } != 0 {
            return None;
        }
        let flags = MAP_PRIVATE | MAP_FIXED;
        let base = mapping.base.cast();
        // SAFETY: the pages that it replaces belong to `mapping`, and nobody else knows of them.
        let placed = unsafe { mmap(base, mapping.len, PROT_READ | PROT_EXEC, flags, fd, 0) };
        (placed == base).then_some(())
    }

    /// A file without a name.
    fn memory_file(flags: usize) -> Option<File> {
        let name = c"peach".as_ptr().addr();
        let flags = flags | MFD_CLOEXEC | MFD_ALLOW_SEALING;
        // SAFETY: the name is a C string.
        let fd = unsafe { syscall(SYS_MEMFD_CREATE, name, flags, 0) };
        // SAFETY: the file is fresh and belongs to nobody else.
        (fd >= 0).then(|| unsafe { File::from_raw_fd(fd as c_int) })
    }

    /// Since Linux 6.10: nobody can change or unmap it any more. Older kernels refuse, and that is
    /// as it was.
    pub(super) fn mseal(mapping: &Mapping) {
        // SAFETY: the pages belong to `mapping`, which is to stay as it is.
        unsafe { syscall(SYS_MSEAL, mapping.base.addr(), mapping.len, 0) };
    }

    /// System call `number`; a result below 0 is an error.
    ///
    /// # Safety
    /// As the system call demands.
    unsafe fn syscall(number: usize, a: usize, b: usize, c: usize) -> isize {
        let result;
        // SAFETY: `syscall` clobbers rax, rcx and r11; the rest is the caller's promise.
        unsafe {
            std::arch::asm!(
                "syscall",
                inlateout("rax") number => result,
                in("rdi") a,
                in("rsi") b,
                in("rdx") c,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack)
            );
        }
        result
    }
}
