//! Results of code that stands in its caller leave in the registers of the arguments that they
//! were made of: the caller can name any register, and a move would be one instruction more.
//!
//! In: a [`Function`] before allocation. Out: the same with other registers for its result, where
//! every `return` gives back the register of one argument.

use crate::abi::{ArgPlace, ResultPlace};
use crate::ir::{Function, Op, Reg, ReturnValue, View};
use crate::isa::{Class, PhysReg};

/// Chooses the registers of the result.
pub fn results_in_place(function: &mut Function) {
    let ResultPlace::Regs(regs) = &function.placement.result else { return };
    let mut chosen: Vec<PhysReg> = Vec::with_capacity(regs.len());
    for (part, &usual) in regs.iter().enumerate() {
        let register = argument_returned(function, part).unwrap_or(usual);
        chosen.push(register);
    }
    let is_double = |(at, reg): (usize, &PhysReg)| chosen[..at].contains(reg);
    if !chosen.iter().enumerate().any(is_double) {
        function.placement.result = ResultPlace::Regs(chosen);
    }
}

/// Where the argument arrives that every `return` gives back as this part.
fn argument_returned(function: &Function, part: usize) -> Option<PhysReg> {
    let mut returns = function.insts.iter().filter_map(|inst| match &inst.op {
        Op::Return(values) => Some(returned(values.get(part))),
        Op::Label(_)
        | Op::Ghost(_)
        | Op::Machine(_)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Local(..)
        | Op::Align(_)
        | Op::Bytes(_) => None,
    });
    let first = returns.next()??;
    if !returns.all(|other| other == Some(first)) {
        return None;
    }
    let Reg::Virtual(vreg) = first else { return None };
    match function.arg_place(function[vreg].arg?) {
        ArgPlace::Reg(reg) => Some(reg),
        ArgPlace::Stack { .. } | ArgPlace::Indirect { .. } | ArgPlace::StackIndirect { .. } => None,
    }
}

/// The register whose low bytes are returned.
fn returned(value: Option<&ReturnValue>) -> Option<Reg> {
    match value? {
        ReturnValue::Reg(View { class: Class::Gp8h, .. }) => None,
        ReturnValue::Reg(view) => Some(view.reg),
        ReturnValue::Imm(_) | ReturnValue::Data(_) | ReturnValue::RustConst(_) => None,
    }
}
