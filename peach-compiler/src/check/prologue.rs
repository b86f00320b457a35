//! The prologue: inserted instructions, and at most the loop that touches the pages of a large
//! frame.

use super::inserted;
use super::meaning::is_decorated;
use super::{Checked, Refusal, Step};
use crate::ir::{Code, Instruction, Item, LabelId, Operand, View};
use crate::isa::{Class, PhysReg, gp};

/// Replays the prologue, which may hold a loop.
pub(super) fn replay(items: &[Item], step: &mut Step<'_>) -> Checked {
    let mut rest = items;
    while let Some((first, behind)) = rest.split_first() {
        rest = match &first.code {
            Code::Inst(inst) => {
                inserted::replay(inst, step)?;
                behind
            }
            Code::Label(label) => {
                let Some((turn, behind)) = behind.split_first_chunk() else {
                    return Err(Refusal::new("a label in the prologue without a loop"));
                };
                page_loop(*label, turn, step)?;
                behind
            }
            Code::Align(_) | Code::Bytes(_) | Code::Group(_) => {
                return Err(Refusal::new("the prologue holds more than instructions and a loop"));
            }
        };
    }
    Ok(())
}

/// The only loop that is inserted: `sub rsp, step; test [rsp], reg; cmp rsp, end; jne`, back to the
/// `sub`. It ends if whole steps lead from the stack pointer down to the address in `end`.
fn page_loop(label: LabelId, turn: &[Item; 4], step: &mut Step<'_>) -> Checked {
    let refuse = |why: &str| Err(Refusal::new(format!("the loop in the prologue {why}")));
    let insts: Vec<&Instruction<PhysReg>> = turn
        .iter()
        .filter_map(|item| match &item.code {
            Code::Inst(inst) if !is_decorated(inst) => Some(inst),
            _ => None,
        })
        .collect();
    let names: Vec<&str> = insts.iter().map(|inst| inst.mnemonic.name()).collect();
    if names != ["sub", "test", "cmp", "jne"] {
        return refuse("differs from the expected one");
    }
    let rsp = View { reg: gp::RSP, class: Class::Gp64 };
    let (stride, end) = match (&insts[0].operands[..], &insts[2].operands[..]) {
        ([Operand::Reg(a), Operand::Imm(stride)], [Operand::Reg(b), Operand::Reg(end)])
            if (*a, *b, end.class) == (rsp, rsp, Class::Gp64) =>
        {
            (*stride as i64, step.state.stack.address_in(end.reg))
        }
        _ => return refuse("does not move the stack pointer to its end"),
    };
    match insts[3].operands.as_slice() {
        [Operand::Label(branch)] if branch.label == label => {}
        _ => return refuse("does not go back to its start"),
    }
    let start = step.state.stack.rsp;
    let distance =
        end.filter(|end| end.region == start.region).map(|end| start.offset - end.offset);
    if !distance.is_some_and(|distance| stride > 0 && distance > 0 && distance % stride == 0) {
        return refuse("never ends");
    }
    // One turn, and then the last one.
    for inst in &insts[..3] {
        inserted::replay(inst, step)?;
    }
    step.state.stack.rsp = end.unwrap_or(start);
    Ok(())
}
