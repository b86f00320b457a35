//! Runs code in a sandbox of Native Client's kind: 4 GiB at a multiple of 4 GiB, with nothing
//! around it, code, data and stack inside.
//!
//! Code is entered through a trampoline that changes the stack, and comes back through a
//! springboard: trusted code in the sandbox, at a place that its return sequence can reach. What
//! leaves the sandbox by any other way ends the process.

use crate::machine::Machine;
use std::ptr;

const REGION: usize = 1 << 32;

/// Code that returns from the sandbox; nothing is below.
const SPRINGBOARD: usize = 0x1_0000;

/// Where code starts, as in an executable of Native Client.
const CODE: usize = 0x2_0000;

/// Where data starts: a number that no computation comes to by chance.
const DATA: usize = 0x1234_5000;

/// Bytes of data.
const DATA_LEN: usize = 1 << 20;

/// The stack is below the end of the sandbox.
const STACK_LEN: usize = 1 << 20;

/// What the stack pointer is on entry: the return address has been pushed, below stack arguments.
const STACK_TOP: usize = REGION - 4096 - 8;

/// Fields of the trampoline's data, in words.
const HOST_STACK: usize = 0;
const KERNEL_STACK: usize = 1;
const KERNEL: usize = 2;
const STACK_AFTER: usize = 3;

/// A region of memory that code can be run in.
pub struct Sandbox {
    reserved: *mut u8,
    base: *mut u8,
    /// A page of code, then a page of data.
    trampoline: *mut u8,
}

impl Sandbox {
    /// Reserves it.
    pub fn new() -> Sandbox {
        let reserved = reserve(4 * REGION);
        let base = reserved.wrapping_add(2 * REGION);
        let base = base.wrapping_sub(base as usize % REGION);
        let sandbox = Sandbox { reserved, base, trampoline: reserve(2 * 4096) };
        sandbox.protect(DATA, DATA_LEN, libc::PROT_READ | libc::PROT_WRITE);
        sandbox.protect(REGION - STACK_LEN, STACK_LEN, libc::PROT_READ | libc::PROT_WRITE);
        sandbox.write_trampoline();
        sandbox
    }

    /// Puts code, with its constants, where code starts.
    pub fn load(&self, code: &[u8]) {
        let len = code.len().next_multiple_of(4096);
        self.protect(CODE, len, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: the memory was just made writable, and nothing runs in it.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), self.base.add(CODE), code.len()) };
        self.protect(CODE, len, libc::PROT_READ | libc::PROT_EXEC);
    }

    /// The address of byte `offset` of the data, as code in the sandbox has it.
    pub fn address(&self, offset: usize) -> u32 {
        (DATA + offset) as u32
    }

    /// The address of byte `offset` of the code.
    pub fn code_address(&self, offset: usize) -> u32 {
        (CODE + offset) as u32
    }

    /// The data.
    pub fn data(&mut self) -> &mut [u8] {
        // SAFETY: mapped, and borrowed with the sandbox.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(DATA), DATA_LEN) }
    }

    /// Calls byte `entry` of the loaded code, with the registers and stack arguments of `machine`.
    ///
    /// # Errors
    /// What the code changed that it must leave alone: the sandbox's register, the frame's base, the
    /// stack pointer.
    ///
    /// # Safety
    /// As [`Machine::call`]; the code must stay in the sandbox.
    pub unsafe fn call(&mut self, entry: usize, machine: &mut Machine) -> Result<(), String> {
        let stack = self.base.wrapping_add(STACK_TOP);
        let frame = self.base.wrapping_add(STACK_TOP + 2048) as u64;
        machine.gp[15] = self.base as u64;
        machine.gp[5] = frame;
        // SAFETY: the stack and the trampoline's data are mapped; the code is as promised.
        unsafe {
            stack.cast::<u64>().write(self.base.add(SPRINGBOARD) as u64);
            let slots = stack.add(8).cast::<u64>();
            ptr::copy_nonoverlapping(machine.stack.as_ptr(), slots, machine.stack.len());
            self.word(KERNEL_STACK).write(stack as u64);
            self.word(KERNEL).write(self.base.add(CODE + entry) as u64);
            machine.call(self.trampoline);
            let left = self.word(STACK_AFTER).read();
            match (machine.gp[15] == self.base as u64, machine.gp[5] == frame) {
                (false, _) => Err("r15 was changed".to_string()),
                (_, false) => Err("rbp was changed".to_string()),
                _ if left != stack as u64 + 8 => Err("rsp was changed".to_string()),
                _ => Ok(()),
            }
        }
    }

    fn word(&self, index: usize) -> *mut u64 {
        self.trampoline.wrapping_add(4096 + 8 * index).cast()
    }

    fn protect(&self, offset: usize, len: usize, protection: i32) {
        // SAFETY: a part of the reserved memory.
        let changed = unsafe { libc::mprotect(self.base.add(offset).cast(), len, protection) };
        assert_eq!(changed, 0, "mprotect failed");
    }

    fn write_trampoline(&self) {
        let mut code = Vec::new();
        // In: the stack pointer is changed, and no other register.
        relative(&mut code, &[0x48, 0x89, 0x25], HOST_STACK);
        relative(&mut code, &[0x48, 0x8B, 0x25], KERNEL_STACK);
        relative(&mut code, &[0xFF, 0x25], KERNEL);
        let back = code.len();
        relative(&mut code, &[0x48, 0x89, 0x25], STACK_AFTER);
        relative(&mut code, &[0x48, 0x8B, 0x25], HOST_STACK);
        code.push(0xC3);
        // `jmp [rip]`, and where to.
        let mut springboard = vec![0xFF, 0x25, 0, 0, 0, 0];
        springboard.extend((self.trampoline as u64 + back as u64).to_le_bytes());
        self.protect(SPRINGBOARD, 4096, libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: both places were reserved, and are writable now.
        unsafe {
            let both = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(self.trampoline.cast(), 2 * 4096, both), 0);
            ptr::copy_nonoverlapping(code.as_ptr(), self.trampoline, code.len());
            let executable = libc::PROT_READ | libc::PROT_EXEC;
            assert_eq!(libc::mprotect(self.trampoline.cast(), 4096, executable), 0);
            let place = self.base.add(SPRINGBOARD);
            ptr::copy_nonoverlapping(springboard.as_ptr(), place, springboard.len());
        }
        self.protect(SPRINGBOARD, 4096, libc::PROT_READ | libc::PROT_EXEC);
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Sandbox::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // SAFETY: made by `new`, not used afterwards.
        unsafe {
            libc::munmap(self.reserved.cast(), 4 * REGION);
            libc::munmap(self.trampoline.cast(), 2 * 4096);
        }
    }
}

/// Adds an instruction with a `rip`-relative operand: a word of the trampoline's data.
fn relative(code: &mut Vec<u8>, opcode: &[u8], word: usize) {
    let end = code.len() + opcode.len() + 4;
    code.extend(opcode);
    code.extend(((4096 + 8 * word - end) as u32).to_le_bytes());
}

fn reserve(len: usize) -> *mut u8 {
    // SAFETY: fresh anonymous memory that nothing may touch yet.
    let start = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0)
    };
    assert_ne!(start, libc::MAP_FAILED, "mmap failed");
    start.cast()
}
