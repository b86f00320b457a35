//! Whether to keep the upper halves of ymm0–15 clean, so that no return needs `vzeroupper`.
//!
//! Writing zmm16–31 dirties nothing. Where every wide write of a kernel can go there, it does if
//! the longer encodings cost less than the `vzeroupper` of each return would.

use super::Program;
use super::costs::BYTE;
use crate::ir::{Op, Operand, Reg, ResultKind, VReg};
use crate::isa::{Bank, Class, PhysReg, RegSet};

/// Bytes of `vzeroupper`.
const VZEROUPPER: i64 = 3;

/// The registers that must be in 16 to 31 so that nothing is dirtied; empty where that is not
/// possible or does not pay.
pub(super) fn to_keep_high(program: &Program<'_>) -> Vec<VReg> {
    let function = program.function;
    let returns = function.insts.iter().filter(|i| matches!(i.op, Op::Return(_))).count() as i64;
    if returns == 0 || function.options.no_vzeroupper || returns_wide(&function.result) {
        return Vec::new();
    }
    let Some(mut wide) = written_wide(program) else { return Vec::new() };
    wide.sort_unstable();
    wide.dedup();
    let mut extra = 0;
    for vreg in &wide {
        let allowed = program.domains.allowed[vreg.index()];
        let prices = &program.prices[vreg.index()];
        let cheapest = |set: RegSet| set.iter().map(|num| prices[num as usize]).min();
        let Some(high) = cheapest(allowed - Bank::Vector.without_evex()) else { return Vec::new() };
        extra += high - cheapest(allowed & Bank::Vector.without_evex()).unwrap_or(high);
    }
    if extra < VZEROUPPER * BYTE * returns { wide } else { Vec::new() }
}

fn returns_wide(result: &ResultKind) -> bool {
    match result {
        ResultKind::Values(values) => values.iter().any(|value| value.vector && value.bytes > 16),
        ResultKind::Unit => false,
    }
}

/// The virtual registers whose upper halves are written. `None` where a physical one is, or where
/// the source cleans up.
fn written_wide(program: &Program<'_>) -> Option<Vec<VReg>> {
    let function = program.function;
    let mut wide = Vec::new();
    for (inst, effects) in function.insts.iter().zip(&program.facts.effects) {
        match &inst.op {
            Op::Machine(machine) => {
                if matches!(machine.inst.mnemonic.name(), "vzeroupper" | "vzeroall") {
                    return None;
                }
                for access in &effects.regs {
                    let written = access.write | access.may_write;
                    let names_wide = machine.inst.operands.iter().any(|operand| {
                        matches!(operand, Operand::Reg(view)
                            if view.reg == access.reg && is_wide(view.class))
                    });
                    match access.reg {
                        _ if !names_wide || written.is_empty() => {}
                        Reg::Virtual(vreg) => wide.push(vreg),
                        Reg::Physical(PhysReg { bank: Bank::Vector, num: 0..16 }) => return None,
                        Reg::Physical(_) => {}
                    }
                }
            }
            Op::Copy { dst, .. } => match dst.reg {
                _ if !is_wide(dst.class) => {}
                Reg::Virtual(vreg) => wide.push(vreg),
                Reg::Physical(_) => return None,
            },
            Op::LoadArg { arg } => {
                if function[*arg].value.bytes() > 16 {
                    wide.push(function[*arg].vreg);
                }
            }
            Op::Label(_)
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::Local(..)
            | Op::Return(_)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => {}
        }
    }
    Some(wide)
}

fn is_wide(class: Class) -> bool {
    matches!(class, Class::Ymm | Class::Zmm)
}
