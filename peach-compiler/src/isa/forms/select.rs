//! Which forms of an instruction fit its operands.
//!
//! In: an instruction, over virtual or physical registers, and the extensions that are allowed.
//! Out: every form that means it. A virtual register fits wherever one of its class does, a fixed
//! one (`cl`) included. The work per form is in `fit`, the words for what does not fit in
//! `explain`.

use crate::isa::forms::errors::{Misfit, SelectError};
use crate::isa::forms::explain::explain;
use crate::isa::forms::fit;
use crate::isa::{Feature, FeatureSet, Form, Mnemonic};
use crate::isa::{Instruction, Operand, Register};
use crate::sorted;
use iced_x86::Mnemonic as Row;

/// The forms of an instruction that fit, best first. At least one.
///
/// Which of them is encoded depends on the physical registers (VEX or EVEX, accumulator forms), but
/// they all mean the same, so effects and constraints are known before allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub(in crate::isa) forms: Vec<&'static Form>,
}

impl Selection {
    /// The forms, best first.
    pub fn forms(&self) -> &[&'static Form] {
        &self.forms
    }

    /// As [`block_of`] says of the mnemonic.
    pub fn block(&self) -> Option<(usize, usize)> {
        self.forms[0].block()
    }
}

/// The operand of an instruction that stands for several consecutive registers, and how many they
/// are: the two masks of VP2INTERSECT, the four vectors of 4FMAPS.
pub fn block_of(mnemonic: Mnemonic) -> Option<(usize, usize)> {
    mnemonic.forms().iter().find_map(Form::block)
}

/// The forms of `inst` that fit its operands and `features`.
///
/// # Errors
/// The first error, as precisely as it can be stated.
pub fn select<R: Register>(
    inst: &Instruction<R>,
    features: &FeatureSet,
) -> Result<Selection, SelectError> {
    fit::check_operands(inst)?;
    let shape = fit::Shape::of(inst);
    let mut forms: Vec<&'static Form> = Vec::new();
    let mut sizes = Sizes::default();
    for form in inst.mnemonic.forms() {
        if !shape.fits(form) {
            continue;
        }
        match fit::fit(form, inst) {
            Ok(()) => forms.push(form),
            // A size that only the immediate rules out still makes the operand ambiguous.
            Err(Misfit::OutOfRange { .. }) => {}
            Err(_) => continue,
        }
        sizes.note(form);
    }
    if let Some(operand) = unsized_memory(inst) {
        let meaning = inst.mnemonic.meaning();
        if defaults_to_8_bytes(meaning.row) && meaning.operand_size.is_none() {
            forms.retain(|form| form.memory_size == 8);
        } else if sizes.is_ambiguous() {
            return Err(SelectError::AmbiguousSize { operand, sizes: sizes.0 });
        }
    }
    if forms.is_empty() {
        return Err(explain(inst, &shape));
    }
    let enabled = |form: &&'static Form| features.contains_all(form.features);
    if !forms.iter().any(enabled) {
        let needed = |form: &&'static Form| features.missing(form.features);
        let mut alternatives: Vec<Vec<Feature>> = forms.iter().map(needed).collect();
        sorted::sort_by_key(&mut alternatives, |missing| (missing.len(), missing.clone()));
        alternatives.dedup();
        return Err(SelectError::MissingExtension(alternatives));
    }
    forms.retain(enabled);
    Ok(Selection { forms })
}

/// The sizes of the memory operand among the forms that fit.
#[derive(Default)]
struct Sizes(Vec<u32>);

impl Sizes {
    fn note(&mut self, form: &Form) {
        let size = form.memory_size;
        if size != 0 && !self.0.contains(&size) {
            self.0.push(size);
            sorted::sort(&mut self.0);
        }
    }

    fn is_ambiguous(&self) -> bool {
        self.0.len() > 1
    }
}

fn unsized_memory<R>(inst: &Instruction<R>) -> Option<usize> {
    inst.operands
        .iter()
        .position(|operand| matches!(operand, Operand::Mem(mem) if mem.size.is_none()))
}

/// Instructions whose operand size defaults to 64 bits (Intel SDM volume 2, 2.2.1.7).
fn defaults_to_8_bytes(row: Row) -> bool {
    matches!(row, Row::Push | Row::Pop | Row::Call | Row::Jmp)
}
