//! Every encoding of an instruction, not just the best: `peach encode --options` and `--lengths`.
//!
//! In: an instruction over physical registers. Out: byte strings that all mean it, the one that
//! [`encode`](crate::isa::encode()) picks first. Tried are all forms that fit (load and store,
//! immediate widths, accumulator forms, VEX and EVEX), all displacement sizes, a needless SIB byte,
//! base and index exchanged, three-byte VEX, bits that the manual says are ignored, and a needless
//! REX prefix.

use crate::isa::encode;
use crate::isa::encode::assemble::assemble;
use crate::isa::encode::best::has_fixed_roles;
use crate::isa::encode::encoding::Tweaks;
use crate::isa::forms::form::{Family, Form};
use crate::isa::forms::select;
use crate::isa::{Base, BranchSize, DispSize, Instruction, Mem, Operand, View};
use crate::isa::{Class, Encoding, FeatureSet, Field, PhysReg, SelectError, gp};

/// All encodings of `inst`: first the one that is used, then the rest, plainer ones first.
///
/// # Errors
/// As [`select`](crate::isa::select()).
pub fn encodings(inst: &Instruction<PhysReg>) -> Result<Vec<Vec<u8>>, SelectError> {
    let features = FeatureSet::all();
    let mut found = vec![encode(inst, &features, BranchSize::Short)?.bytes];
    let selection = select(inst, &features)?;
    let (evex, others): (Vec<&Form>, Vec<&Form>) =
        selection.forms().iter().partition(|form| form.family == Family::Evex);
    let tweaks = all_tweaks();
    for forms in [others, evex] {
        for inst in same_addresses(inst, selection.forms()) {
            for tweaks in &tweaks {
                let forms = forms.iter().filter(|form| applies(tweaks, form, &inst));
                found.extend(
                    forms.filter_map(|form| Some(assemble(form, &inst, tweaks).ok()?.bytes)),
                );
            }
        }
    }
    let takes_rex = !inst.operands.iter().any(is_high_byte);
    let legacy = |bytes: &&Vec<u8>| takes_rex && is_legacy(bytes, selection.forms());
    let with_rex: Vec<Vec<u8>> =
        found.iter().filter(legacy).filter_map(|bytes| add_rex(bytes)).collect();
    found.extend(with_rex);
    let mut seen = std::collections::HashSet::new();
    found.retain(|bytes| bytes.len() <= 15 && seen.insert(bytes.clone()));
    Ok(found)
}

/// Other encodings of `inst` with the same operands, for padding: a needless displacement, SIB byte
/// or REX prefix, wider immediates, three-byte VEX. They cost no more to decode than the usual one,
/// and none sets a bit that processors ignore or exchanges base and index. Instructions without
/// operands have none, for a prefix may make another instruction of them.
pub fn longer_encodings(inst: &Instruction<PhysReg>, features: &FeatureSet) -> Vec<Encoding> {
    let Ok(selection) = select(inst, features) else { return Vec::new() };
    if inst.operands.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for form in selection.forms().iter().filter(|form| form.family != Family::Evex) {
        for tweaks in all_tweaks().iter().filter(|t| !t.w && t.l == 0 && applies(t, form, inst)) {
            found.extend(assemble(form, inst, tweaks));
        }
    }
    let takes_rex = !inst.operands.iter().any(is_high_byte);
    let legacy = |encoding: &&Encoding| takes_rex && is_legacy(&encoding.bytes, selection.forms());
    let with_rex = found.iter().filter(legacy).filter_map(Encoding::with_rex);
    let with_rex: Vec<Encoding> = with_rex.collect();
    found.extend(with_rex);
    found.retain(|encoding| encoding.bytes.len() <= 15);
    found
}

impl Encoding {
    /// The same with a REX prefix that changes nothing, unless it has one.
    fn with_rex(&self) -> Option<Encoding> {
        let later = |field: Option<Field>| field.map(|f| Field { offset: f.offset + 1, ..f });
        Some(Encoding {
            bytes: add_rex(&self.bytes)?,
            disp: later(self.disp),
            imm: later(self.imm),
            branch: later(self.branch),
        })
    }
}

/// What to ask of the encoder, plainest first.
fn all_tweaks() -> Vec<Tweaks> {
    let mut all = Vec::new();
    for (w, l) in [(false, 0), (true, 0), (false, 1), (true, 1), (false, 2), (true, 2)] {
        for vex3 in [false, true] {
            for sib in [false, true] {
                for disp in [None, Some(DispSize::Disp8), Some(DispSize::Disp32)] {
                    all.push(Tweaks { disp, sib, vex3, w, l });
                }
            }
        }
    }
    all
}

/// Whether a tweak can change anything in this form.
fn applies(tweaks: &Tweaks, form: &Form, inst: &Instruction<PhysReg>) -> bool {
    let has_vex = form.family == Family::Vex;
    let has_vector_prefix = form.family != Family::Legacy;
    (!tweaks.vex3 || has_vex)
        && (!tweaks.w || has_vector_prefix && form.ignores_w())
        // Rounding modes occupy the bits of the length.
        && (tweaks.l == 0 || has_vector_prefix && form.ignores_l() && inst.rounding.is_none())
        && (tweaks.l < 2 || form.family == Family::Evex)
}

/// The instruction with every other way to write its address.
fn same_addresses(inst: &Instruction<PhysReg>, forms: &[&Form]) -> Vec<Instruction<PhysReg>> {
    let mut all = vec![inst.clone()];
    for (position, operand) in inst.operands.iter().enumerate() {
        let Operand::Mem(mem) = operand else { continue };
        if has_fixed_roles(forms, position) {
            continue;
        }
        for other in rewritten(mem) {
            let mut inst = inst.clone();
            inst.operands[position] = Operand::Mem(other);
            all.push(inst);
        }
    }
    all
}

fn rewritten(mem: &Mem<PhysReg>) -> Vec<Mem<PhysReg>> {
    let is_general = |view: View<PhysReg>| matches!(view.class, Class::Gp32 | Class::Gp64);
    // As bases these select the stack segment: their role must not change.
    let is_stack = |view: View<PhysReg>| view.reg == gp::RSP || view.reg == gp::RBP;
    let mut all = Vec::new();
    match (mem.base, mem.index) {
        (Base::Reg(base), Some((index, 1)))
            if is_general(index) && !is_stack(base) && !is_stack(index) =>
        {
            all.push(Mem { base: Base::Reg(index), index: Some((base, 1)), ..mem.clone() });
        }
        (Base::None, Some((index, 2))) if is_general(index) && !is_stack(index) => {
            all.push(Mem { base: Base::Reg(index), index: Some((index, 1)), ..mem.clone() });
        }
        (Base::Reg(base), None) if is_general(base) && !is_stack(base) => {
            all.push(Mem { base: Base::None, index: Some((base, 1)), ..mem.clone() });
        }
        _ => {}
    }
    all
}

fn is_high_byte(operand: &Operand<PhysReg>) -> bool {
    matches!(operand, Operand::Reg(View { class: Class::Gp8h, .. }))
}

fn is_legacy(bytes: &[u8], forms: &[&'static Form]) -> bool {
    let opcode = opcode_position(bytes);
    let vector = forms.iter().any(|form| form.family != Family::Legacy);
    !vector || !matches!(bytes.get(opcode), Some(0xc4 | 0xc5 | 0x62 | 0x8f))
}

/// The bytes with a REX prefix that changes nothing, unless they have one.
fn add_rex(bytes: &[u8]) -> Option<Vec<u8>> {
    let opcode = opcode_position(bytes);
    // `wait` before an x87 instruction is an instruction of its own.
    if matches!(bytes.get(opcode), None | Some(0x40..=0x4f | 0x9b)) {
        return None;
    }
    let mut longer = bytes.to_vec();
    longer.insert(opcode, 0x40);
    Some(longer)
}

/// Where the legacy prefixes end.
fn opcode_position(bytes: &[u8]) -> usize {
    let is_prefix =
        |byte: &&u8| matches!(**byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
    bytes.iter().take_while(is_prefix).count()
}
