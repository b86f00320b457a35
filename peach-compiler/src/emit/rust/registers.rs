//! How `asm!` names registers.

use super::ours;
use crate::isa::{Bank, Class, PhysReg, register_name};
use proc_macro2::Literal;

/// A register as `asm!` names it.
pub(super) fn register_literal(reg: PhysReg) -> Literal {
    let class = match reg.bank {
        Bank::Vector => Class::Xmm,
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
