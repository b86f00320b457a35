//! The stack that code under test runs on, and what registers hold that are no arguments.

use crate::guarded::{GUARD, pages};
use crate::splitmix::SplitMix;

/// The stack that code under test runs on.
#[derive(Debug)]
pub(super) struct Stack {
    pages: pages::Pages,
    /// What Valgrind calls it.
    number: usize,
}

/// Bytes of stack.
const STACK: usize = 1 << 20;

impl Stack {
    pub(super) fn new() -> Stack {
        let pages = pages::Pages::new(STACK);
        let start = pages.start() as usize;
        Stack { number: ask_valgrind(STACK_REGISTER, [start, start + STACK - 1]), pages }
    }

    /// The last `len` bytes.
    pub(super) fn top_mut(&mut self, len: usize) -> &mut [u8] {
        &mut self.pages.bytes_mut()[STACK - len..]
    }

    /// The last `len` bytes.
    pub(super) fn top(&self, len: usize) -> &[u8] {
        &self.pages.bytes()[STACK - len..]
    }

    /// Whether `address` is on the stack or near it.
    pub(super) fn holds(&self, address: usize) -> bool {
        let start = self.pages.start() as usize;
        (start - GUARD..start + STACK + GUARD).contains(&address)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        ask_valgrind(STACK_DEREGISTER, [self.number, 0]);
    }
}

/// Requests of Valgrind, which otherwise takes a change of stacks for a frame of another size.
const STACK_REGISTER: usize = 0x1501;
const STACK_DEREGISTER: usize = 0x1502;

/// Makes a request; without Valgrind the answer is 0. Rotations by 128 in all and an exchange
/// of a register with itself do nothing, and mark a request (Valgrind manual, section 3.1).
fn ask_valgrind(request: usize, [first, second]: [usize; 2]) -> usize {
    let request = [request, first, second, 0, 0, 0];
    let answer;
    // SAFETY: registers are as before but for the answer.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") request.as_ptr(),
            inout("rdx") 0usize => answer,
            options(nostack)
        );
    }
    answer
}

/// Addresses where nothing is: values for registers that no code can use unnoticed.
#[derive(Debug)]
pub(super) struct Nowhere {
    start: usize,
    _pages: Option<pages::Pages>,
}

/// The room of each value.
const ROOM: usize = 1 << 18;

/// How many values there are.
const ROOMS: usize = 1 << 9;

impl Nowhere {
    pub(super) fn new() -> Nowhere {
        match pages::Pages::inaccessible(ROOM * ROOMS) {
            Some(pages) => Nowhere { start: pages.start() as usize, _pages: Some(pages) },
            // No address of a program.
            None => Nowhere { start: 0xDEAD_0000_0000_0000, _pages: None },
        }
    }

    /// The value with a number, different in the lower bits from seed to seed.
    pub(super) fn value(&self, number: usize, seed: u64) -> u64 {
        let low = ROOM / 2 + (SplitMix::new(seed ^ number as u64).bits() as usize % (ROOM / 4));
        (self.start + (number % ROOMS) * ROOM + low) as u64
    }

    /// The number of the value that `address` is near to.
    pub(super) fn number(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.start)?;
        (offset < ROOM * ROOMS).then_some(offset / ROOM)
    }
}
