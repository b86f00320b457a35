//! Code that stands in its caller (`#[embed = "inline"]`): nothing is called, so there is no
//! convention but what `asm!` can say of registers.

use super::{Convention, Frames, Packing, Results};
use crate::isa::{RegSet, gp::*};

/// Everything is in registers, and every register that `asm!` can name may change. It cannot name
/// `rbx`, which is saved, nor `rbp`, which finds the caller's frame while the stack pointer moves
/// (Rust reference, "Register operands" of inline assembly). The caller's red zone is its own.
const IN_REGISTERS: Convention = Convention {
    name: "inline",
    flag: "inline",
    title: "in the caller",
    image_formats: &[],
    assembly_formats: &[],
    pointer_size: 8,
    int_args: &[RDI, RSI, RDX, RCX, R8, R9, RAX, R10, R11, R12, R13, R14, R15],
    vector_args: 16,
    positional: false,
    vectors_by_reference: false,
    passes_vectors: true,
    stack_args: Packing::Words,
    results: Results::Separate,
    frames: Frames::Pushed,
    saved_gp: RegSet::of(&[RBX]),
    saved_xmm: RegSet::NONE,
    reserved_gp: RegSet::of(&[RBP]),
    red_zone: 0,
    shadow: 0,
    stack_align: 16,
    int_results: &[RAX, RDX, RCX, R8],
    vector_results: 2,
    sandbox: None,
};

/// In a program whose functions have the convention of System V.
pub static INLINE_SYSV64: Convention = IN_REGISTERS;

/// In a program whose functions have the Microsoft convention, which wants shadow space in calls.
pub static INLINE_WIN64: Convention = Convention { shadow: 32, ..IN_REGISTERS };
