//! Which forms of an instruction fit its operands.

use super::{Feature, FeatureSet, Form};
use crate::ir::{Instruction, Register};

/// The forms of an instruction that fit, best first. At least one.
///
/// Which of them is encoded depends on the physical registers (VEX or EVEX, accumulator forms), but
/// they all mean the same, so effects and constraints are known before allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub(super) forms: Vec<&'static Form>,
}

impl Selection {
    /// The forms, best first.
    pub fn forms(&self) -> &[&'static Form] {
        &self.forms
    }
}

/// Why no form fits. Each becomes one diagnostic; operands are counted from 0, as written.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectError {
    /// No form takes these operands. `forms` are those of the mnemonic in the manual's notation;
    /// `operand` is the one to blame, where all forms agree on the others.
    NoForm {
        /// The forms there are.
        forms: Vec<String>,
        /// The guilty operand.
        operand: Option<usize>,
    },
    /// Forms fit, but each needs an extension that is not enabled: the alternatives, each a set.
    MissingExtension(Vec<Vec<Feature>>),
    /// Forms of several memory sizes fit.
    AmbiguousSize {
        /// The memory operand.
        operand: usize,
        /// The sizes in bytes.
        sizes: Vec<u32>,
    },
    /// An immediate or displacement does not fit any form.
    OutOfRange {
        /// The operand.
        operand: usize,
        /// What would fit, in words: "-128 to 255".
        accepted: String,
    },
    /// A decoration or prefix that the form does not take.
    BadDecoration {
        /// What is wrong with it, with what would be accepted.
        message: String,
        /// The operand that it belongs to.
        operand: Option<usize>,
    },
    /// Registers that cannot be encoded together, or must be different.
    RegisterConflict {
        /// Why.
        message: String,
        /// The operand.
        operand: usize,
    },
    /// The instruction may not stand in a kernel.
    Refused {
        /// Why, and what to write instead.
        message: String,
    },
}

/// The forms of `inst` that fit its operands and `features`.
pub fn select<R: Register>(
    _inst: &Instruction<R>,
    _features: &FeatureSet,
) -> Result<Selection, SelectError> {
    todo!()
}
