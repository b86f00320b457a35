//! The conditions of branches, moves and sets (Intel SDM volume 1, appendix B).

use crate::machine::{Flags, Processor};
use crate::script::Term;
use peach_compiler::ir::Reg;
use peach_compiler::isa::gp;

/// When the condition that a name ends in holds.
pub fn term(suffix: &str, flags: &Flags) -> Option<Term> {
    let Flags { carry, zero, sign, overflow, parity } = flags;
    Some(match suffix {
        "o" => overflow.clone(),
        "no" => format!("(not {overflow})"),
        "b" => carry.clone(),
        "ae" => format!("(not {carry})"),
        "e" => zero.clone(),
        "ne" => format!("(not {zero})"),
        "be" => format!("(or {carry} {zero})"),
        "a" => format!("(not (or {carry} {zero}))"),
        "s" => sign.clone(),
        "ns" => format!("(not {sign})"),
        "p" => parity.clone(),
        "np" => format!("(not {parity})"),
        "l" => format!("(xor {sign} {overflow})"),
        "ge" => format!("(not (xor {sign} {overflow}))"),
        "le" => format!("(or {zero} (xor {sign} {overflow}))"),
        "g" => format!("(not (or {zero} (xor {sign} {overflow})))"),
        _ => return None,
    })
}

/// When a branch is taken.
pub fn branch(name: &str, processor: &mut Processor<'_>) -> Option<Term> {
    let mut counter = || processor.register(Reg::Physical(gp::RCX)).term;
    match name {
        "jrcxz" => Some(format!("(= {} (_ bv0 64))", counter())),
        "jecxz" => Some(format!("(= ((_ extract 31 0) {}) (_ bv0 32))", counter())),
        "loop" => Some(format!("(not (= {} (_ bv0 64)))", counter())),
        _ => term(name.strip_prefix('j')?, &processor.machine.flags),
    }
}
