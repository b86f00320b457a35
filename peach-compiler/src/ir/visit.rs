//! Every register that an operation names: visited, or replaced.
//!
//! The one place that knows where an [`Op`] keeps registers; of machine instructions `isa` knows
//! it. Registers that an operation uses without naming them ([`Op::LoadArg`]) are in its effects
//! alone.

use super::inst::{Op, ReturnValue};
use crate::isa::{Reg, View};

impl Op {
    /// Calls `visit` for every register that it names, once per place.
    pub fn for_each_reg(&self, mut visit: impl FnMut(Reg)) {
        match self {
            Op::Machine(machine) => machine.inst.for_each_reg(visit),
            Op::Copy { .. }
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::Return(_)
            | Op::Label(_)
            | Op::LoadArg { .. }
            | Op::Local(..)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => self.for_each_view(|_, view| visit(view.reg)),
        }
    }

    /// Calls `visit` for every register among its operands, with the index of the operand.
    pub fn for_each_view(&self, mut visit: impl FnMut(usize, View<Reg>)) {
        match self {
            Op::Machine(machine) => {
                for (index, operand) in machine.inst.operands.iter().enumerate() {
                    operand.views().for_each(|view| visit(index, view));
                }
            }
            Op::Copy { dst, src } => {
                visit(0, *dst);
                visit(1, *src);
            }
            Op::SetImm { dst, .. } | Op::Undefined { dst } => visit(0, *dst),
            Op::Return(values) => {
                for (index, value) in values.iter().enumerate() {
                    value.view().into_iter().for_each(|view| visit(index, view));
                }
            }
            // What only the proof reads is no use of a register.
            Op::Label(_)
            | Op::LoadArg { .. }
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Local(..)
            | Op::Bytes(_) => {}
        }
    }

    /// Puts other registers in the place of those that it names.
    pub fn map_regs(&mut self, mut map: impl FnMut(Reg) -> Reg) {
        match self {
            Op::Machine(machine) => machine.inst = machine.inst.map_regs(map),
            Op::Copy { dst, src } => {
                dst.reg = map(dst.reg);
                src.reg = map(src.reg);
            }
            Op::SetImm { dst, .. } | Op::Undefined { dst } => dst.reg = map(dst.reg),
            Op::Return(values) => {
                for value in values {
                    if let ReturnValue::Reg(view) = value {
                        view.reg = map(view.reg);
                    }
                }
            }
            Op::Ghost(ghost) => ghost.map_regs(map),
            Op::Label(_) | Op::LoadArg { .. } | Op::Local(..) | Op::Align(_) | Op::Bytes(_) => {}
        }
    }
}

impl ReturnValue {
    /// The register that it is in, if it is in one.
    pub fn view(&self) -> Option<View<Reg>> {
        match self {
            ReturnValue::Reg(view) => Some(*view),
            ReturnValue::Imm(_) | ReturnValue::Data(_) | ReturnValue::RustConst(_) => None,
        }
    }
}
