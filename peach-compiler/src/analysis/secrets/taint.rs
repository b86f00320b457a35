//! The terms of the analysis: bytes that are secret, and why.

use crate::ir::{ArgId, Reg, View};
use crate::isa::{Class, Lanes};

/// Where a secret comes from in the first place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A `#[secret]` argument, or what it points to.
    Argument(ArgId),
    /// `undefined`, at this instruction.
    Undefined(u32),
    /// A load at this instruction, from an address that comes from no argument, table or stack
    /// variable.
    Elsewhere(u32),
    /// A call at this instruction, which was given the address of secrets.
    Call(u32),
    /// Nothing has written the register.
    Unwritten,
    /// A byte of an argument's register that the convention leaves unspecified.
    Unspecified(ArgId),
}

/// Why something is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Why {
    pub source: Source,
    /// The instruction that computed it last, if any did.
    pub maker: Option<u32>,
}

impl Why {
    pub fn of(source: Source) -> Why {
        Why { source, maker: None }
    }

    /// The same secret after instruction `index` has computed with it.
    pub fn made_by(self, index: usize) -> Why {
        Why { maker: Some(index as u32), ..self }
    }
}

/// The secret bytes of one register, or of what an instruction takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taint {
    pub lanes: Lanes,
    /// Why; of no meaning while there are none.
    pub why: Why,
}

impl Taint {
    pub const PUBLIC: Taint =
        Taint { lanes: Lanes::NONE, why: Why { source: Source::Unwritten, maker: None } };

    pub fn new(lanes: Lanes, why: Why) -> Taint {
        Taint { lanes, why }
    }

    pub fn is_secret(self) -> bool {
        !self.lanes.is_empty()
    }

    /// Why it is secret, if it is.
    pub fn reason(self) -> Option<Why> {
        self.is_secret().then_some(self.why)
    }

    /// Only these bytes of it.
    pub fn only(self, lanes: Lanes) -> Taint {
        Taint { lanes: self.lanes & lanes, ..self }
    }

    /// Adds what `other` has. What is known longer explains both, but for what is only unwritten.
    pub fn add(&mut self, other: Taint) {
        let is_better = !self.is_secret()
            || matches!(self.why.source, Source::Unwritten | Source::Unspecified(_));
        if other.is_secret() && is_better {
            self.why = other.why;
        }
        self.lanes |= other.lanes;
    }
}

/// The bytes of a register that a view shows, counted from its own first one.
pub(super) fn seen(view: View<Reg>, lanes: Lanes) -> Lanes {
    let shown = lanes & view.class.lanes();
    Lanes(shown.0 >> u32::from(view.class == Class::Gp8h))
}

/// The reverse.
pub(super) fn placed(view: View<Reg>, lanes: Lanes) -> Lanes {
    Lanes(lanes.0 << u32::from(view.class == Class::Gp8h)) & view.class.lanes()
}
