//! The frame builder: puts physical registers in, lays out the stack, and adds what the calling
//! convention needs: argument moves, prologue, result moves, `vzeroupper`, epilogue.

use crate::analysis::Facts;
use crate::ir::{Base, Function, Lowered, Op, Operand};
use crate::regalloc::Allocation;

/// Renders `function` with the registers of `allocation`.
pub fn lower(_function: &Function, _facts: &Facts, _allocation: &Allocation) -> Lowered {
    todo!()
}

/// Whether the frame is realigned, so that `rbp` holds its base and cannot be allocated: a stack
/// variable that is used demands more alignment than the convention gives the stack pointer.
pub fn needs_frame_pointer(function: &Function) -> bool {
    let demanding = |base: &Base<_>| match base {
        Base::Local(local) => function[*local].align > function.convention.stack_align,
        _ => false,
    };
    function.insts.iter().any(|inst| match &inst.op {
        Op::Machine(machine) => machine
            .inst
            .operands
            .iter()
            .any(|operand| matches!(operand, Operand::Mem(mem) if demanding(&mem.base))),
        _ => false,
    })
}
