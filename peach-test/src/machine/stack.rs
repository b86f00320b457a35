//! The stack that code under test runs on, and what registers hold that are no arguments.

use crate::guarded::{GUARD, pages};
use crate::splitmix::SplitMix;

/// The stack that code under test runs on.
#[derive(Debug)]
pub(super) struct Stack {
    pages: pages::Pages,
}

/// Bytes of stack.
const STACK: usize = 1 << 20;

impl Stack {
    pub(super) fn new() -> Stack {
        Stack { pages: pages::Pages::new(STACK) }
    }

    /// The last `len` bytes.
    pub(super) fn top_mut(&mut self, len: usize) -> &mut [u8] {
        &mut self.pages.bytes_mut()[STACK - len..]
    }

    /// The last `len` bytes.
    pub(super) fn top(&self, len: usize) -> &[u8] {
        &self.pages.bytes()[STACK - len..]
    }

    /// How far above its lowest byte `address` is, if it is on or below the stack.
    pub(super) fn holds(&self, address: usize) -> bool {
        let start = self.pages.start() as usize;
        (start - GUARD..start + STACK + GUARD).contains(&address)
    }
}

/// Addresses where nothing is: values for registers that no code can use unnoticed.
#[derive(Debug)]
pub(super) struct Nowhere {
    start: usize,
    _pages: Option<pages::Pages>,
}

/// The room of each value.
const ROOM: usize = 1 << 20;

/// How many values there are.
const ROOMS: usize = 1 << 10;

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
