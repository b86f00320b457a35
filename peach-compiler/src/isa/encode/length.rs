//! What the choice of registers adds to the length of an instruction: the allocator's view of the
//! encodings.
//!
//! In: the forms that fit an instruction. Out: a [`Shape`]. Only the allocator's preferences depend
//! on it, never what is correct; the length that counts is [`encode`](crate::isa::encode)'s.

use crate::isa::{Family, Form, ImmForm, Selection};

/// How the length of an instruction depends on its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The prefix that holds the upper bits of register numbers.
    pub prefix: Prefix,
    /// The operand in the ModRM byte's r/m field, where that is a register.
    pub rm: Option<usize>,
    /// Whether there is a form for 16 more vector registers, and its prefix is longer by so many
    /// bytes.
    pub evex: Option<i64>,
    /// The operands that are a byte shorter in the accumulator: bit *i* is operand *i*.
    pub accumulator: u8,
}

/// Where the upper bits of register numbers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Into a REX prefix that is there only if it is needed.
    None,
    /// Into a two-byte VEX prefix: one more byte for registers from 8 on in r/m, base and index.
    Vex2,
    /// Into a prefix that is there anyway.
    Present,
}

impl Selection {
    /// How the length depends on the registers, going by the best form.
    pub fn shape(&self) -> Shape {
        let Some(form) = self.forms().first() else {
            return Shape { prefix: Prefix::Present, rm: None, evex: None, accumulator: 0 };
        };
        let prefix = match form.family {
            Family::Legacy if form.has_rex_w() => Prefix::Present,
            Family::Legacy => Prefix::None,
            Family::Vex if form.fits_vex2() => Prefix::Vex2,
            Family::Vex | Family::Xop | Family::Evex => Prefix::Present,
        };
        let evex = match form.family {
            Family::Evex => Some(0),
            _ if self.forms().iter().any(|other| other.family == Family::Evex) => {
                Some(if prefix == Prefix::Vex2 { 2 } else { 1 })
            }
            _ => None,
        };
        Shape { prefix, rm: self.rm_operand(), evex, accumulator: self.accumulators() }
    }

    /// The operand that only the r/m field can hold. `vmovaps` has a form for either direction.
    fn rm_operand(&self) -> Option<usize> {
        let best = self.forms().first()?;
        let operand = best.rm_operand()?;
        let elsewhere = |form: &Form| {
            form.family == best.family && form.rm_operand().is_some_and(|other| other != operand)
        };
        let has_choice = self.forms().iter().any(|form| elsewhere(form));
        (!has_choice || best.family == Family::Legacy).then_some(operand)
    }

    /// The operands for which `al`, `ax`, `eax` or `rax` has a shorter form of its own.
    fn accumulators(&self) -> u8 {
        let shrinks = |form: &Form| {
            form.operands().iter().any(|operand| matches!(operand.imm, Some(ImmForm::ByteTo(_))))
        };
        // Where every form is fixed there is nothing to gain; a sign-extended byte is shorter
        // still.
        if self.forms().iter().all(|form| form.has_fixed)
            || self.forms().iter().any(|form| shrinks(form))
        {
            return 0;
        }
        let mut operands = 0;
        for form in self.forms().iter().filter(|form| form.has_fixed) {
            for (index, operand) in form.operands().iter().enumerate().take(8) {
                if operand.is_fixed && operand.registers.contains(0) {
                    operands |= 1 << index;
                }
            }
        }
        operands
    }
}
