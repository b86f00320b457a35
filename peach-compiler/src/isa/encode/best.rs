//! From one instruction over physical registers to bytes.
//!
//! In: an instruction, the extensions that are allowed, the length of its branch. Out: the shortest
//! of all encodings of all forms that fit, VEX before EVEX. Fails as
//! [`select`](crate::isa::select()).
//!
//! What iced's encoder gets wrong is corrected in `assemble` and nowhere else.

use crate::isa::encode::assemble::assemble;
use crate::isa::encode::encoding::{Encoding, Tweaks};
use crate::isa::forms::form::{Family, Form, ImmForm, MemForm};
use crate::isa::forms::select;
use crate::isa::{Bank, Class, FeatureSet, PhysReg, SelectError};
use crate::isa::{Base, BranchSize, Instruction, Mem, Operand, View};

/// The shortest encoding of `inst` (VEX before EVEX) that `features` allow.
///
/// `branch` is the length to give a branch to a label that has both.
///
/// # Errors
/// As [`select`](crate::isa::select()): registers may make a form impossible that fitted before.
pub fn encode(
    inst: &Instruction<PhysReg>,
    features: &FeatureSet,
    branch: BranchSize,
) -> Result<Encoding, SelectError> {
    let selection = select(inst, features)?;
    let shorter = with_shorter_addresses(inst, selection.forms());
    let mut best: Option<(Encoding, Family)> = None;
    let mut failure = None;
    for form in candidates(inst, selection.forms(), branch) {
        for inst in [Some(inst), shorter.as_ref()].into_iter().flatten() {
            match assemble(form, inst, &Tweaks::default()) {
                Ok(encoding) => {
                    // EVEX is never chosen for a shorter displacement.
                    let is_better = best.as_ref().is_none_or(|(shortest, family)| {
                        let evex = form.family == Family::Evex;
                        let best_evex = *family == Family::Evex;
                        (evex, encoding.bytes.len()) < (best_evex, shortest.bytes.len())
                    });
                    if is_better {
                        best = Some((encoding, form.family));
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
    }
    match best {
        Some((encoding, _)) => Ok(encoding),
        None => Err(failure.unwrap_or_else(|| SelectError::Refused {
            message: "no encoding can represent this operand".to_string(),
        })),
    }
}

/// The instruction as its encoding has it, for assemblers that do not look for the shortest one:
/// `mov eax, 5` for `mov rax, 5`, `[rax + rax]` for `[rax*2]`.
pub fn as_encoded(inst: &Instruction<PhysReg>) -> Instruction<PhysReg> {
    let bytes = |inst: &Instruction<PhysReg>| {
        encode(inst, &FeatureSet::all(), BranchSize::Short).ok().map(|encoding| encoding.bytes)
    };
    let same = |other: &Instruction<PhysReg>| bytes(other).is_some_and(|b| Some(b) == bytes(inst));
    let other = match &inst.operands[..] {
        [Operand::Reg(View { reg, class: Class::Gp64 }), number @ Operand::Imm(_)] => {
            let narrow = Operand::Reg(View { reg: *reg, class: Class::Gp32 });
            Some(Instruction { operands: vec![narrow, number.clone()], ..inst.clone() })
        }
        _ => {
            let selection = select(inst, &FeatureSet::all()).ok();
            selection.and_then(|selection| with_shorter_addresses(inst, selection.forms()))
        }
    };
    other.filter(same).unwrap_or_else(|| inst.clone())
}

/// The instruction with addresses that have a base, where it has some that have an index alone:
/// without a base a displacement has four bytes, whatever its value (Intel SDM volume 2, 2.1.5).
/// `[r*1]` is `[r]`, and `[r*2]` is `[r + r]`.
fn with_shorter_addresses(
    inst: &Instruction<PhysReg>,
    forms: &[&Form],
) -> Option<Instruction<PhysReg>> {
    let is_alone = |operand: &Operand<PhysReg>| {
        matches!(operand, Operand::Mem(mem)
        if mem.base == Base::None && mem.index.is_some())
    };
    let operand = inst.operands.iter().position(is_alone)?;
    let Operand::Mem(mem) = &inst.operands[operand] else { return None };
    let (index, scale) = mem.index?;
    if index.reg.bank != Bank::Gp || has_fixed_roles(forms, operand) {
        return None;
    }
    let index_left = match scale {
        1 => None,
        2 => Some((index, 1)),
        _ => return None,
    };
    let mem = Mem { base: Base::Reg(index), index: index_left, ..mem.clone() };
    let mut inst = inst.clone();
    inst.operands[operand] = Operand::Mem(mem);
    Some(inst)
}

/// Whether base and index of this operand mean different things: the index of a tile load is the
/// distance of its rows.
pub(super) fn has_fixed_roles(forms: &[&Form], operand: usize) -> bool {
    forms.iter().any(|form| form.operands()[operand].memory == Some(MemForm::Sib))
}

/// The forms to try: those with the branch length asked for, and those with the widest field for a
/// number that is not known yet.
pub(in crate::isa) fn candidates(
    inst: &Instruction<PhysReg>,
    forms: &[&'static Form],
    branch: BranchSize,
) -> Vec<&'static Form> {
    let mut forms = forms.to_vec();
    for (operand, given) in inst.operands.iter().enumerate() {
        match given {
            Operand::Label(label) if label.size.is_none() => {
                let wanted = if branch == BranchSize::Short { 1 } else { 4 };
                let size = |form: &Form| form.operands()[operand].branch;
                if forms.iter().any(|form| size(form) == Some(wanted)) {
                    forms.retain(|form| size(form) == Some(wanted));
                }
            }
            Operand::RustConst(_) => {
                let width = |form: &Form| form.operands()[operand].imm.map_or(0, ImmForm::bytes);
                let widest = forms.iter().map(|form| width(form)).max();
                forms.retain(|form| Some(width(form)) == widest);
            }
            _ => {}
        }
    }
    forms
}

/// The recommended multi-byte nop of `len` bytes, 1 to 15 (Intel SDM volume 2, NOP).
///
/// # Panics
/// If `len` is 0 or more than 15.
pub fn nop(len: usize) -> &'static [u8] {
    // The longest, with as many leading operand-size prefixes as it takes; the shorter ones are in
    // the manual's table.
    const LONGEST: [u8; 15] =
        [0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00];
    const SHORT: [&[u8]; 9] = [
        &[0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
        &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ];
    assert!((1..=15).contains(&len), "a nop has 1 to 15 bytes");
    if len <= SHORT.len() { SHORT[len - 1] } else { &LONGEST[15 - len..] }
}
