//! Registers that the convention reserves must not be named.

use super::{Reports, operand_span};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Function, Reg};
use crate::isa::{Bank, Class, PhysReg, register_name};

/// Reports every use of such a register by name.
pub(super) fn verify(function: &Function, reports: &mut Reports<'_>) {
    let reserved = function.convention.reserved_gp;
    if reserved.is_empty() {
        return;
    }
    for inst in &function.insts {
        inst.op.for_each_view(|operand, view| {
            let Reg::Physical(reg @ PhysReg { bank: Bank::Gp, num }) = view.reg else { return };
            if !reserved.contains(num) {
                return;
            }
            let name = register_name(reg, view.class);
            let (owner, note) = match function.options.inlined {
                true => (
                    "caller of inlined code".to_string(),
                    "it finds the caller's frame while the code moves the stack pointer"
                        .to_string(),
                ),
                false => (
                    format!("convention `{}`", function.convention.name),
                    format!("so do {}", others(function, num)),
                ),
            };
            let message = format!("`{name}` belongs to the {owner}");
            reports.push(
                Diagnostic::new(Code::Refused, operand_span(inst, operand), message)
                    .note(note)
                    .help("declare a register instead, or use another one"),
            );
        });
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
