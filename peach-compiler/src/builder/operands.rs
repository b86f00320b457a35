//! What instructions work on.

use super::{Result, refusal};
use crate::diagnostics::Code;
use crate::ir::{Base, Branch, DataId, LabelId, LocalId, Mem, Operand, Reg, ReturnValue, View};
use crate::isa::parse_register;

/// A register as an operand: an argument's, one of the builder's, or a physical one.
pub type Register = View<Reg>;

/// A physical register by its name, as an operand.
///
/// # Errors
/// If there is none of this name.
pub fn physical(name: &str) -> Result<Register> {
    match parse_register(&name.to_ascii_lowercase()) {
        Some((reg, class)) => Ok(View { reg: Reg::Physical(reg), class }),
        None => Err(refusal(Code::UndefinedName, format!("there is no register `{name}`"))),
    }
}

/// A place in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub(super) LabelId);

/// Read-only data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant(pub(super) DataId);

/// Memory of the function's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable(pub(super) LocalId);

/// A place in memory: [`memory`] starts one.
#[derive(Clone, Debug, PartialEq)]
pub struct Place(Mem<Reg>);

/// A place in memory that a register points to, or that a [`Constant`] or a [`Variable`] is.
pub fn memory(start: impl Into<Place>) -> Place {
    start.into()
}

impl Place {
    /// So many bytes further.
    #[must_use]
    pub fn offset(mut self, bytes: i64) -> Place {
        self.0.disp += bytes;
        self
    }

    /// Further by a register times 1, 2, 4 or 8.
    #[must_use]
    pub fn index(mut self, register: Register, scale: u8) -> Place {
        self.0.index = Some((register, scale));
        self
    }

    /// This many bytes wide, where no other operand determines it.
    #[must_use]
    pub fn sized(mut self, bytes: u32) -> Place {
        self.0.size = Some(bytes);
        self
    }

    /// One element for so many lanes: `{1to8}`.
    #[must_use]
    pub fn broadcast(mut self, lanes: u8) -> Place {
        self.0.broadcast = Some(lanes);
        self
    }
}

impl From<Register> for Place {
    fn from(register: Register) -> Place {
        Place(Mem::new(Base::Reg(register), 0))
    }
}

impl From<Constant> for Place {
    fn from(constant: Constant) -> Place {
        Place(Mem::new(Base::Data(constant.0), 0))
    }
}

impl From<Variable> for Place {
    fn from(variable: Variable) -> Place {
        Place(Mem::new(Base::Local(variable.0), 0))
    }
}

impl From<Place> for Operand<Reg> {
    fn from(place: Place) -> Operand<Reg> {
        Operand::Mem(place.0)
    }
}

impl From<Constant> for Operand<Reg> {
    fn from(constant: Constant) -> Operand<Reg> {
        Place::from(constant).into()
    }
}

impl From<Variable> for Operand<Reg> {
    fn from(variable: Variable) -> Operand<Reg> {
        Place::from(variable).into()
    }
}

impl From<Register> for Operand<Reg> {
    fn from(register: Register) -> Operand<Reg> {
        Operand::Reg(register)
    }
}

impl From<i64> for Operand<Reg> {
    fn from(number: i64) -> Operand<Reg> {
        Operand::Imm(number.into())
    }
}

impl From<Label> for Operand<Reg> {
    fn from(label: Label) -> Operand<Reg> {
        Operand::Label(Branch { label: label.0, size: None })
    }
}

impl From<Register> for ReturnValue {
    fn from(register: Register) -> ReturnValue {
        ReturnValue::Reg(register)
    }
}

impl From<i64> for ReturnValue {
    fn from(number: i64) -> ReturnValue {
        ReturnValue::Imm(number.into())
    }
}

impl From<Constant> for ReturnValue {
    fn from(constant: Constant) -> ReturnValue {
        ReturnValue::Data(constant.0)
    }
}
