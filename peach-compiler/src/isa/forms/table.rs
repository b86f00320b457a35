//! The forms of every mnemonic: built when it is first used, and kept for the lifetime of the
//! program.

use crate::isa::forms::arrangements::build_forms;
use crate::isa::names::mnemonic;
use crate::isa::{Form, Mnemonic};
use std::sync::OnceLock;

impl Mnemonic {
    /// The forms of this instruction, best first.
    pub fn forms(self) -> &'static [Form] {
        static FORMS: OnceLock<Vec<OnceLock<Vec<Form>>>> = OnceLock::new();
        let all = FORMS.get_or_init(|| (0..mnemonic::count()).map(|_| OnceLock::new()).collect());
        all[self.index()].get_or_init(|| build_forms(self.meaning()))
    }
}
