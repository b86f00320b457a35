//! Damages correct code in ways that may change its meaning, to see whether the checker notices.

use super::generator::Rng;
use peach_compiler::ir::{Base, Code, Instruction, LabelId, Lowered, Operand, Origin, View};
use peach_compiler::isa::{Bank, PhysReg, gp};

/// `lowered` with one thing changed, and what that was; `None` where the draw has no target.
pub fn mutate(lowered: &Lowered, rng: &mut Rng) -> Option<(Lowered, String)> {
    let mut mutant = lowered.clone();
    let insts: Vec<usize> = (0..lowered.items.len())
        .filter(|&at| matches!(lowered.items[at].code, Code::Inst(_)))
        .collect();
    let at = insts[rng.below(insts.len())];
    let kind = rng.below(8);
    let labels = lowered.label_count;
    let done = match kind {
        0..3 => on_instruction(&mut mutant, at, |inst| change_register(inst, rng)),
        3 => on_instruction(&mut mutant, at, |inst| change_displacement(inst, rng)),
        4 => remove(&mut mutant, at),
        5 => exchange(&mut mutant, at),
        6 => on_instruction(&mut mutant, at, change_immediate),
        _ => on_instruction(&mut mutant, at, |inst| change_target(inst, labels, rng)),
    };
    let text = |lowered: &Lowered| match lowered.items.get(at).map(|item| &item.code) {
        Some(Code::Inst(inst)) => inst.to_string(),
        other => format!("{other:?}"),
    };
    let what = format!("item {at}: `{}` became `{}`", text(lowered), text(&mutant));
    done.then_some((mutant, what))
}

fn on_instruction(
    lowered: &mut Lowered,
    at: usize,
    change: impl FnOnce(&mut Instruction<PhysReg>) -> bool,
) -> bool {
    match &mut lowered.items[at].code {
        Code::Inst(inst) => change(inst),
        _ => false,
    }
}

/// Another register of the same bank, anywhere in the instruction.
fn change_register(inst: &mut Instruction<PhysReg>, rng: &mut Rng) -> bool {
    let mut views: Vec<&mut View<PhysReg>> = Vec::new();
    for operand in &mut inst.operands {
        match operand {
            Operand::Reg(view) => views.push(view),
            Operand::Mem(mem) => {
                if let Base::Reg(view) = &mut mem.base {
                    views.push(view);
                }
                if let Some((view, _)) = &mut mem.index {
                    views.push(view);
                }
            }
            _ => {}
        }
    }
    views.extend(inst.mask.as_mut());
    views.retain(|view| matches!(view.reg.bank, Bank::Gp | Bank::Vector | Bank::Mask));
    if views.is_empty() {
        return false;
    }
    let count = views.len();
    let view = &mut *views[rng.below(count)];
    let numbers = if view.reg.bank == Bank::Mask { 8 } else { 16 };
    let other = PhysReg::new(view.reg.bank, rng.below(numbers) as u8);
    let changed = other != view.reg && other != gp::RSP && view.reg != gp::RSP;
    view.reg = other;
    changed
}

fn change_displacement(inst: &mut Instruction<PhysReg>, rng: &mut Rng) -> bool {
    for operand in &mut inst.operands {
        if let Operand::Mem(mem) = operand {
            mem.disp += if rng.below(2) == 0 { 8 } else { -8 };
            return true;
        }
    }
    false
}

fn remove(lowered: &mut Lowered, at: usize) -> bool {
    lowered.items.remove(at);
    true
}

/// Exchanges an inserted instruction with the next one.
fn exchange(lowered: &mut Lowered, at: usize) -> bool {
    let inserted = |at: usize| {
        lowered.items.get(at).is_some_and(|item| {
            matches!(item.code, Code::Inst(_)) && !matches!(item.origin, Origin::Author(_))
        })
    };
    let both = inserted(at) && inserted(at + 1);
    if both {
        lowered.items.swap(at, at + 1);
    }
    both
}

fn change_immediate(inst: &mut Instruction<PhysReg>) -> bool {
    for operand in &mut inst.operands {
        if let Operand::Imm(value) = operand {
            *value ^= 8;
            return true;
        }
    }
    false
}

fn change_target(inst: &mut Instruction<PhysReg>, labels: usize, rng: &mut Rng) -> bool {
    for operand in &mut inst.operands {
        if let Operand::Label(branch) = operand {
            let other = LabelId(rng.below(labels) as u32);
            let changed = other != branch.label;
            branch.label = other;
            return changed;
        }
    }
    false
}
