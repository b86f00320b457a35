//! Ghost code: what only the proofs of memory safety and of constant time see (J.-C. Filliâtre,
//! L. Gondelman and A. Paskevich, "The Spirit of Ghost Code", 2016). It makes no code, and what it
//! reads does not count.

use crate::ids::{ArgId, LocalId, VReg};
use crate::isa::{Reg, View};

/// A step of ghost code.
#[derive(Clone, Debug, PartialEq)]
pub enum Ghost {
    /// `invariant a <= b;`: holds whenever control comes here, or it is an error.
    Invariant(Invariant),
    /// `ghost`, a register that exists for the proof alone, holds what `reg` holds here: a
    /// parameter of a helper where it is expanded, for `old(parameter)`.
    Remember {
        /// Nothing else writes it, and only invariants read it.
        ghost: VReg,
        /// Where the value is.
        reg: Reg,
    },
    /// `declassify a, buf;`: what these hold is public from here on, on the author's word.
    Declassify(Vec<Declassified>),
}

/// What `declassify` makes public.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Declassified {
    /// The bytes of a register that a view shows.
    Reg(View<Reg>),
    /// All of a stack variable.
    Local(LocalId),
}

/// A sum that is at least 0, or 0, over the whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Invariant {
    /// What is added up, each with a factor, in the order of the source: operand 0 is the
    /// comparison, and these are the operands from 1 on.
    pub terms: Vec<(Term, i128)>,
    /// A constant that is added.
    pub constant: i128,
    /// It is 0, not only at least 0.
    pub is_equation: bool,
}

/// A number that an invariant names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// The 64 bits of a register, as a number without sign.
    Reg(Reg),
    /// `old(a)`: an argument as it arrived.
    Arg(ArgId),
}

impl Ghost {
    /// Puts other registers in the place of those that it names.
    pub fn map_regs(&mut self, mut map: impl FnMut(Reg) -> Reg) {
        match self {
            Ghost::Invariant(invariant) => {
                for (term, _) in &mut invariant.terms {
                    if let Term::Reg(reg) = term {
                        *reg = map(*reg);
                    }
                }
            }
            Ghost::Remember { reg, .. } => *reg = map(*reg),
            Ghost::Declassify(places) => {
                for place in places {
                    if let Declassified::Reg(view) = place {
                        view.reg = map(view.reg);
                    }
                }
            }
        }
    }
}
