//! The errors of the user's program, as diagnostics.
//!
//! Input: a function and its facts. Output: diagnostics; a function without errors continues to the
//! allocator. One file per question:
//!
//! | file | question |
//! |---|---|
//! | `ending` | does every path that ends deliver the result |
//! | `init` | is every register lane written before it is read |
//! | `reserved` | are the registers of the convention left alone |
//! | `stack` | do `push` and `pop` balance, is the stack pointer left alone |
//! | `safety` | is everything outside of `unsafe` harmless |
//!
//! A mistake in code that is expanded many times is reported once for its tokens ([`Reports`]).

mod ending;
mod init;
mod reserved;
mod safety;
mod stack;

use super::{Facts, MOST_LIVE};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place};
use crate::ir::{Function, Inst, Reg};
use crate::isa::register_name;
use proc_macro2::LineColumn;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Reports reads of unwritten lanes, unbalanced stacks, missing returns, what needs `unsafe`, and
/// what may not be valid as a result.
pub fn verify(function: &Function, facts: &Facts, diagnostics: &mut Diagnostics) {
    let mut reports = Reports { diagnostics, seen: HashSet::new(), unsafe_places: HashMap::new() };
    ending::verify(function, facts, &mut reports);
    init::verify(function, facts, &mut reports);
    stack::verify(function, facts, &mut reports);
    reserved::verify(function, &mut reports);
    safety::verify(function, facts, &mut reports);
}

/// The diagnostics of one function, each kind once per source token, and what is said in the same
/// words of several places that need `unsafe` once.
struct Reports<'a> {
    diagnostics: &'a mut Diagnostics,
    seen: HashSet<(Code, LineColumn)>,
    /// By message and help.
    unsafe_places: HashMap<(String, Option<String>), Diagnostic>,
}

impl Reports<'_> {
    /// Whether a message with this code is about one of these places.
    fn has(&self, code: Code, mut places: impl Iterator<Item = Place>) -> bool {
        places.any(|place| self.seen.contains(&(code, place.first.start())))
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        if !self.seen.insert((diagnostic.code, diagnostic.place.first.start())) {
            return;
        }
        if diagnostic.code == Code::NeedsUnsafe {
            let words = (diagnostic.message.clone(), diagnostic.help.clone());
            match self.unsafe_places.entry(words) {
                Entry::Occupied(first) if first.get().notes == diagnostic.notes => {
                    let place = diagnostic.place.first;
                    return self.diagnostics.label_again(first.get(), place, "here too");
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => {
                    place.insert(diagnostic.clone());
                }
            }
        }
        self.diagnostics.push(diagnostic);
    }
}

/// More values live over more blocks than can be followed.
pub(crate) fn too_large(function: &Function) -> Diagnostic {
    let message = format!("too many values of `{}` are live over too many blocks", function.name);
    Diagnostic::new(Code::TooLarge, function.span, message)
        .note(format!(
            "the values live at the start and at the end of each block, added up, are more than \
             {MOST_LIVE}"
        ))
        .help("keep values that are needed much later in memory, or split the kernel into several")
}

/// The tokens of operand `index`, or of the whole instruction.
fn operand_span(inst: &Inst, index: usize) -> Place {
    inst.operand_spans.get(index).copied().unwrap_or(inst.span.into())
}

/// The name of a register in the source.
fn name_of(function: &Function, reg: Reg) -> String {
    match reg {
        Reg::Virtual(vreg) => function[vreg].name.clone(),
        Reg::Physical(reg) => {
            let class = match reg.bank {
                crate::isa::Bank::Gp => crate::isa::Class::Gp64,
                crate::isa::Bank::Vector => crate::isa::Class::Xmm,
                crate::isa::Bank::Mask => crate::isa::Class::K,
                crate::isa::Bank::Mmx => crate::isa::Class::Mmx,
                _ => crate::isa::Class::Tmm,
            };
            register_name(reg, class)
        }
    }
}
