//! Where arguments go and where results come from, in the two conventions of Rust programs.
//!
//! System V AMD64 psABI 1.0, section 3.2.3; Microsoft, "x64 calling convention". `i128` on Windows
//! is placed as rustc places it: by reference, and returned in `xmm0`. Shares nothing with the
//! compiler whose kernels are tested; the tests compare it with rustc.

use crate::arguments::Piece;
use crate::results::{Kind, Results};
use crate::subject::Convention;
use std::ops::Range;

/// Numbers of general-purpose registers, as in machine code.
pub(crate) const RAX: usize = 0;
pub(crate) const RDX: usize = 2;
pub(crate) const RSP: usize = 4;
pub(crate) const RDI: usize = 7;

/// Names, by number.
pub(crate) const NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

impl Convention {
    fn int_args(self) -> &'static [usize] {
        match self {
            Convention::SysV64 => &[7, 6, 2, 1, 8, 9],
            Convention::Win64 => &[1, 2, 8, 9],
        }
    }

    /// The general-purpose registers that are preserved, the stack pointer apart.
    pub(crate) fn saved(self) -> &'static [usize] {
        match self {
            Convention::SysV64 => &[3, 5, 12, 13, 14, 15],
            Convention::Win64 => &[3, 5, 6, 7, 12, 13, 14, 15],
        }
    }

    /// The vector registers whose lower halves are preserved.
    pub(crate) fn saved_xmm(self) -> Range<usize> {
        match self {
            Convention::SysV64 => 0..0,
            Convention::Win64 => 6..16,
        }
    }

    /// Bytes above the return address that belong to the callee.
    fn shadow(self) -> usize {
        match self {
            Convention::SysV64 => 0,
            Convention::Win64 => 32,
        }
    }
}

/// Bytes above the return address for arguments.
pub(crate) const ARGUMENTS: usize = 1280;

/// Bytes above those for what is passed by reference, and a result in memory.
pub(crate) const COPIES: usize = 1280;

/// What a call starts with.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// Register and value.
    pub(crate) gp: Vec<(usize, u64)>,
    /// Register and its lowest bytes.
    pub(crate) vectors: Vec<(usize, Vec<u8>)>,
    /// Offset from the end of the return address, and bytes.
    pub(crate) stack: Vec<(usize, Vec<u8>)>,
    /// How many bytes of the stack the callee may change, and the same of the copies.
    pub(crate) arguments: usize,
    pub(crate) copies: usize,
    /// The offset of a result in memory.
    pub(crate) result: Option<usize>,
}

/// An argument whose addresses are known.
pub(crate) enum Value {
    Word(u64),
    Wide(u128),
    Vector(Vec<u8>),
}

/// `piece` with its address. Narrow integers are extended to 32 bits, as callers do; the bits above
/// are `upper`'s. With `exact` all bits beyond the type are.
pub(crate) fn value(piece: &Piece, all: &[*mut u8], own: usize, upper: u64, exact: bool) -> Value {
    match piece {
        Piece::Integer(word, size) => {
            let known = if exact { 8 * size } else { (8 * size).max(32) };
            let mask = u64::MAX.checked_shl(known as u32).unwrap_or(0);
            Value::Word(word & !mask | upper & mask)
        }
        Piece::Own => Value::Word(all[own] as u64),
        Piece::Within(within) => Value::Word(within.address(all) as u64),
        Piece::Wide(wide) => Value::Wide(*wide),
        Piece::Vector(bytes) => Value::Vector(bytes.clone()),
    }
}

/// Places arguments. The stack arguments will be at `stack`, a multiple of 64.
pub(crate) fn place(
    convention: Convention,
    values: Vec<Value>,
    results: &Results,
    stack: u64,
) -> Placed {
    let placed = Placed { arguments: convention.shadow(), ..Placed::default() };
    let mut slots = Slots { convention, stack, ints: 0, vectors: 0, placed };
    if is_in_memory(convention, results) {
        let (_, size) = results.layout();
        let offset = slots.copy(vec![0xA5; size]);
        slots.placed.result = Some(offset);
        slots.word(stack + offset as u64);
    }
    for value in values {
        match value {
            Value::Word(word) => slots.word(word),
            Value::Wide(wide) if convention == Convention::SysV64 => slots.wide(wide),
            Value::Wide(wide) => slots.by_reference(wide.to_le_bytes().to_vec()),
            Value::Vector(bytes) if bytes.len() <= 8 || convention == Convention::SysV64 => {
                slots.vector(bytes);
            }
            Value::Vector(bytes) => slots.by_reference(bytes),
        }
    }
    slots.placed
}

struct Slots {
    convention: Convention,
    stack: u64,
    /// Registers taken; where positions count, `ints` counts them.
    ints: usize,
    vectors: usize,
    placed: Placed,
}

impl Slots {
    fn word(&mut self, word: u64) {
        match self.convention.int_args().get(self.ints) {
            Some(register) => self.placed.gp.push((*register, word)),
            None => return self.on_stack(word.to_le_bytes().to_vec()),
        }
        self.ints += 1;
    }

    fn vector(&mut self, bytes: Vec<u8>) {
        let (taken, count) = match self.convention {
            Convention::SysV64 => (&mut self.vectors, 8),
            Convention::Win64 => (&mut self.ints, 4),
        };
        if *taken == count {
            return self.on_stack(bytes);
        }
        self.placed.vectors.push((*taken, bytes));
        *taken += 1;
    }

    /// In two registers or on the stack.
    fn wide(&mut self, wide: u128) {
        if self.ints + 2 > self.convention.int_args().len() {
            return self.on_stack(wide.to_le_bytes().to_vec());
        }
        self.word(wide as u64);
        self.word((wide >> 64) as u64);
    }

    fn by_reference(&mut self, bytes: Vec<u8>) {
        let address = self.stack + self.copy(bytes) as u64;
        self.word(address);
    }

    fn on_stack(&mut self, bytes: Vec<u8>) {
        let size = bytes.len().max(8);
        let offset = self.placed.arguments.next_multiple_of(size);
        self.placed.arguments = offset + size;
        assert!(self.placed.arguments <= ARGUMENTS, "too many arguments");
        self.placed.stack.push((offset, bytes));
    }

    /// The offset of a place with these bytes.
    fn copy(&mut self, bytes: Vec<u8>) -> usize {
        let offset = ARGUMENTS + self.placed.copies;
        self.placed.copies += bytes.len().next_multiple_of(64);
        assert!(self.placed.copies <= COPIES, "too many arguments");
        self.placed.stack.push((offset, bytes));
        offset
    }
}

/// Whether a result is stored where a hidden argument points.
fn is_in_memory(convention: Convention, results: &Results) -> bool {
    let (_, size) = results.layout();
    results.fields.len() == 2
        && match convention {
            Convention::SysV64 => size > 16,
            Convention::Win64 => ![1, 2, 4, 8].contains(&size),
        }
}

/// The registers that results are in: `rax`, `rdx`, and the lowest bytes of vectors 0 and 1.
pub(crate) struct Outcome<'a> {
    pub(crate) rax: u64,
    pub(crate) rdx: u64,
    pub(crate) vectors: [&'a [u8]; 2],
    /// What is stored where the hidden argument pointed.
    pub(crate) memory: &'a [u8],
}

/// The bytes of a result.
pub(crate) fn result(convention: Convention, results: &Results, outcome: &Outcome<'_>) -> Vec<u8> {
    let (starts, size) = results.layout();
    let mut ints = [outcome.rax.to_le_bytes(), outcome.rdx.to_le_bytes()].concat();
    if is_in_memory(convention, results) {
        return outcome.memory[..size].to_vec();
    }
    let [first, second] = outcome.vectors;
    match results.fields.as_slice() {
        [] => Vec::new(),
        [one] if one.kind == Kind::Vector => first[..size].to_vec(),
        [_] if size == 16 && convention == Convention::Win64 => first[..size].to_vec(),
        [_] => ints[..size].to_vec(),
        _ if convention == Convention::Win64 => ints[..size].to_vec(),
        // By eightbytes: one with an integer in it is in a general-purpose register.
        fields => {
            let mut bytes = Vec::new();
            let mut vectors = [first, second].into_iter();
            for word in 0..size.div_ceil(8) {
                let mut inside =
                    fields.iter().zip(&starts).filter(|(_, start)| **start / 8 == word);
                if inside.all(|(field, _)| field.kind == Kind::Vector) {
                    bytes.extend(&vectors.next().unwrap_or_default()[..8]);
                } else {
                    bytes.extend(ints.drain(..8));
                }
            }
            bytes.truncate(size);
            bytes
        }
    }
}
