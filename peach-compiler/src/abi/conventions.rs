//! The conventions, one table each.

use crate::isa::{PhysReg, RegSet, gp::*};

/// Where arguments and results go, what is saved, and what the stack guarantees.
#[derive(Debug, PartialEq, Eq)]
pub struct Convention {
    /// Its name as a Rust ABI string: `sysv64`.
    pub name: &'static str,
    /// Integer argument registers, in order.
    pub int_args: &'static [PhysReg],
    /// How many vector registers, from 0 on, carry arguments.
    pub vector_args: u8,
    /// Whether the n-th argument takes the n-th register of either kind (Microsoft), or each kind
    /// counts by itself (System V).
    pub positional: bool,
    /// Whether vectors are passed by reference (Microsoft).
    pub vectors_by_reference: bool,
    /// General-purpose registers that a function must preserve. `rsp` is not counted.
    pub saved_gp: RegSet,
    /// Vector registers whose low 16 bytes a function must preserve.
    pub saved_xmm: RegSet,
    /// Bytes below the stack pointer that nothing else touches.
    pub red_zone: u32,
    /// Bytes above the return address that the caller reserves for the callee.
    pub shadow: u32,
    /// The alignment of the stack pointer before a call.
    pub stack_align: u32,
    /// The pair of integer result registers (the second one only in System V).
    pub int_results: &'static [PhysReg],
    /// How many vector registers, from 0 on, carry results.
    pub vector_results: u8,
}

/// System V AMD64 psABI, version 1.0, section 3.2.
pub static SYSV64: Convention = Convention {
    name: "sysv64",
    int_args: &[RDI, RSI, RDX, RCX, R8, R9],
    vector_args: 8,
    positional: false,
    vectors_by_reference: false,
    saved_gp: RegSet(1 << 3 | 1 << 5 | 0xF << 12),
    saved_xmm: RegSet::NONE,
    red_zone: 128,
    shadow: 0,
    stack_align: 16,
    int_results: &[RAX, RDX],
    vector_results: 2,
};

/// Microsoft x64: "x64 calling convention" and "x64 ABI conventions" on learn.microsoft.com.
pub static WIN64: Convention = Convention {
    name: "win64",
    int_args: &[RCX, RDX, R8, R9],
    vector_args: 4,
    positional: true,
    vectors_by_reference: true,
    saved_gp: RegSet(1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 0xF << 12),
    saved_xmm: RegSet(0xFFC0),
    red_zone: 0,
    shadow: 32,
    stack_align: 16,
    int_results: &[RAX],
    vector_results: 1,
};
