//! Registers that the convention keeps for itself are named by nobody.

use super::{Reports, operand_span};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Function, Op, Operand, Reg, ReturnValue, View};
use crate::isa::{Bank, Class, PhysReg, register_name};

/// Reports every use of such a register by name.
pub(super) fn verify(function: &Function, reports: &mut Reports<'_>) {
    let reserved = function.convention.reserved_gp;
    if reserved.is_empty() {
        return;
    }
    for inst in &function.insts {
        for (operand, view) in named(&inst.op) {
            let Reg::Physical(reg @ PhysReg { bank: Bank::Gp, num }) = view.reg else { continue };
            if !reserved.contains(num) {
                continue;
            }
            let name = register_name(reg, view.class);
            let convention = function.convention.name;
            reports.push(
                Diagnostic::new(
                    Code::Refused,
                    operand_span(inst, operand),
                    format!("`{name}` belongs to the convention `{convention}`"),
                )
                .note(format!("so do {}", others(function, num)))
                .help("declare a register instead, or take another one"),
            );
        }
    }
}

fn others(function: &Function, but: u8) -> String {
    let reserved = function.convention.reserved_gp.iter().filter(|&num| num != but);
    let names: Vec<String> = reserved
        .map(|num| format!("`{}`", register_name(PhysReg::gp(num), Class::Gp64)))
        .chain(["`rsp`".to_string()])
        .collect();
    names.join(", ")
}

/// The registers that an operation names, each with the operand that it stands in.
fn named(op: &Op) -> Vec<(usize, View<Reg>)> {
    match op {
        Op::Machine(machine) => {
            let operands = machine.inst.operands.iter().enumerate();
            operands
                .flat_map(|(index, operand)| in_operand(operand).map(move |v| (index, v)))
                .collect()
        }
        Op::Copy { dst, src } => vec![(0, *dst), (1, *src)],
        Op::SetImm { dst, .. } | Op::Undefined { dst } => vec![(0, *dst)],
        Op::Return(values) => values
            .iter()
            .enumerate()
            .filter_map(|(index, value)| match value {
                ReturnValue::Reg(view) => Some((index, *view)),
                _ => None,
            })
            .collect(),
        Op::Label(_) | Op::LoadArg { .. } | Op::Align(_) | Op::Bytes(_) => Vec::new(),
    }
}

fn in_operand(operand: &Operand<Reg>) -> impl Iterator<Item = View<Reg>> {
    let (one, other) = match operand {
        Operand::Reg(view) => (Some(*view), None),
        Operand::Mem(mem) => {
            let base = if let Base::Reg(view) = mem.base { Some(view) } else { None };
            (base, mem.index.map(|(view, _)| view))
        }
        _ => (None, None),
    };
    one.into_iter().chain(other)
}
