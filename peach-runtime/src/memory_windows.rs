//! Executable memory on Windows: `VirtualAlloc` and `VirtualProtect`.

use super::{Mapping, Refusal};
use std::ffi::c_void;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn VirtualAlloc(address: *mut c_void, len: usize, kind: u32, protection: u32) -> *mut c_void;
    fn VirtualProtect(address: *mut c_void, len: usize, protection: u32, old: *mut u32) -> i32;
    fn VirtualFree(address: *mut c_void, len: usize, kind: u32) -> i32;
    fn GetCurrentProcess() -> *mut c_void;
    fn FlushInstructionCache(process: *mut c_void, address: *const c_void, len: usize) -> i32;
}

const MEM_COMMIT_AND_RESERVE: u32 = 0x3000;
const MEM_RELEASE: u32 = 0x8000;
const PAGE_READWRITE: u32 = 0x04;
const PAGE_EXECUTE_READ: u32 = 0x20;

pub(super) fn map(len: usize) -> Result<*mut u8, Refusal> {
    // SAFETY: it asks for fresh memory.
    let base =
        unsafe { VirtualAlloc(std::ptr::null_mut(), len, MEM_COMMIT_AND_RESERVE, PAGE_READWRITE) };
    if base.is_null() { Err(Refusal::last("VirtualAlloc")) } else { Ok(base.cast()) }
}

pub(super) fn make_executable(mapping: &Mapping) -> Result<(), Refusal> {
    let base = mapping.base.cast();
    let mut old = 0;
    // SAFETY: the pages belong to `mapping`.
    if unsafe { VirtualProtect(base, mapping.len, PAGE_EXECUTE_READ, &mut old) } == 0 {
        return Err(Refusal::last("making memory executable with VirtualProtect"));
    }
    // SAFETY: it reads nothing but the range.
    unsafe { FlushInstructionCache(GetCurrentProcess(), base, mapping.len) };
    Ok(())
}

pub(super) fn seal(_mapping: &Mapping) {}

pub(super) fn unmap(mapping: &Mapping) {
    // SAFETY: the pages belong to `mapping`, whose end this is.
    unsafe { VirtualFree(mapping.base.cast(), 0, MEM_RELEASE) };
}
