//! What is said of one function: each thing once.

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Place};
use crate::ir::{Function, Inst, Reg};
use crate::isa::register_name;
use proc_macro2::LineColumn;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The diagnostics of one function, each kind once per source token, and what is said in the same
/// words of several places that need `unsafe` once.
pub(super) struct Reports<'a> {
    diagnostics: &'a mut Diagnostics,
    seen: HashSet<(Code, LineColumn)>,
    /// By message and help.
    unsafe_places: HashMap<(String, Option<String>), Diagnostic>,
}

impl<'a> Reports<'a> {
    pub(super) fn new(diagnostics: &'a mut Diagnostics) -> Reports<'a> {
        Reports { diagnostics, seen: HashSet::new(), unsafe_places: HashMap::new() }
    }

    /// Whether a message with this code is about one of these places.
    pub(super) fn has(&self, code: Code, mut places: impl Iterator<Item = Place>) -> bool {
        places.any(|place| self.seen.contains(&(code, place.first.start())))
    }

    /// Adds a message, unless one of its kind is about the same token.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
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

/// The tokens of operand `index`, or of the whole instruction.
pub(super) fn operand_span(inst: &Inst, index: usize) -> Place {
    inst.operand_spans.get(index).copied().unwrap_or(inst.span.into())
}

/// The name of a register in the source.
pub(super) fn name_of(function: &Function, reg: Reg) -> String {
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
