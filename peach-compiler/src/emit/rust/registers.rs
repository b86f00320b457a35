//! How `asm!` names registers.

use super::ours;
use crate::isa::{Bank, Class, PhysReg, register_name};
use crate::syntax::ast::TypeKind;
use proc_macro2::Literal;

/// A register as `asm!` names it: of vectors the low 16 bytes, which stand for all of it where it
/// is clobbered.
pub(super) fn register_literal(reg: PhysReg) -> Literal {
    register_of(reg, Class::Xmm)
}

/// A register as `asm!` names it that holds a value of type `kind`.
pub(super) fn operand_literal(reg: PhysReg, kind: &TypeKind) -> Literal {
    register_of(
        reg,
        match kind {
            TypeKind::Vector { bytes: 64 } => Class::Zmm,
            TypeKind::Vector { bytes: 32 } => Class::Ymm,
            _ => Class::Xmm,
        },
    )
}

fn register_of(reg: PhysReg, vector: Class) -> Literal {
    let class = match reg.bank {
        Bank::Vector => vector,
        Bank::Mask => Class::K,
        Bank::Mmx => Class::Mmx,
        Bank::Tile => Class::Tmm,
        Bank::Gp | Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => {
            Class::Gp64
        }
    };
    let mut literal = Literal::string(&register_name(reg, class));
    literal.set_span(ours());
    literal
}
