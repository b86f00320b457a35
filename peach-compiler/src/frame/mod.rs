//! The frame builder: puts physical registers in, lays out the stack, and adds what the calling
//! convention needs: argument moves, prologue, result moves, `vzeroupper`, epilogue.

use crate::analysis::Facts;
use crate::ir::{Function, Lowered};
use crate::regalloc::Allocation;

/// Renders `function` with the registers of `allocation`.
pub fn lower(_function: &Function, _facts: &Facts, _allocation: &Allocation) -> Lowered {
    todo!()
}
