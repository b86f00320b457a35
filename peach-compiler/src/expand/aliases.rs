//! Names that `let` gives to registers: what looks like a copy to those who come from Rust.
//!
//! `let n = x.len;` is no code, and `sub x.len, n` subtracts a register from itself. An instruction
//! that names one register in two such ways, and does then what no one would write, is warned of.

use super::Expander;
use super::evaluate::place;
use super::names::Symbol;
use super::value::Value;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Instruction, Operand, Reg};
use crate::isa::{self, Selection};
use crate::syntax::ast::{Expr, ExprKind, Name, Pattern};
use proc_macro2::Span;
use std::collections::{HashMap, HashSet};

/// The names that `let` has given.
#[derive(Default)]
pub(super) struct Aliases {
    /// Where each name was given to the register that it stands for.
    given: HashMap<Symbol, (Reg, Span)>,
    /// The operands that were warned of: an unrolled loop comes to them again.
    warned: HashSet<*const Expr>,
}

impl Aliases {
    /// Forgets the names of the version before.
    pub(super) fn begin(&mut self) {
        self.given.clear();
    }
}

impl<'a> Expander<'a, '_> {
    /// Notes what `let pattern = …;` has given names to.
    pub(super) fn note_aliases(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::Name(name) => {
                let symbol = self.names.symbol(name);
                let value = self.scopes.get(symbol).map(|binding| &binding.value);
                match value {
                    Some(Value::Reg(view)) => {
                        self.aliases.given.insert(symbol, (view.reg, name.span()));
                    }
                    _ => drop(self.aliases.given.remove(&symbol)),
                }
            }
            Pattern::Tuple(parts) => parts.iter().for_each(|part| self.note_aliases(part)),
        }
    }

    /// Warns of an instruction that is given one register under two names, and whose result does
    /// not depend on it then.
    pub(super) fn warn_of_aliases(
        &mut self,
        inst: &Instruction<Reg>,
        selection: &Selection,
        exprs: &[&'a Expr],
    ) {
        let ([.., Operand::Reg(a), Operand::Reg(b)], [.., left, right]) =
            (inst.operands.as_slice(), exprs)
        else {
            return;
        };
        if a != b {
            return;
        }
        let Some(outcome) = outcome(inst, selection, a.reg) else { return };
        let (Some((first, given_first)), Some((second, given_second))) =
            (self.name_of(left, a.reg), self.name_of(right, a.reg))
        else {
            return;
        };
        let Some(given) = given_second.or(given_first).filter(|_| first != second) else { return };
        if !self.aliases.warned.insert(*right) {
            return;
        }
        let (copy, of) = if given_second.is_some() { (&second, &first) } else { (&first, &second) };
        let class = a.class.name();
        self.reports.diagnostics.push(
            Diagnostic::new(
                Code::OneRegister,
                place(right),
                format!("`{first}` and `{second}` are one register: {outcome}"),
            )
            .label(given, format!("`{copy}` is a name here, and no copy"))
            .help(format!("to keep the value, copy it: `let {copy}: {class} = {of};`")),
        );
    }

    /// The name that an operand has for `reg`, if it is the one that it was declared with or one
    /// that `let` gave, and where that was.
    fn name_of(&mut self, expr: &'a Expr, reg: Reg) -> Option<(String, Option<Span>)> {
        let Reg::Virtual(vreg) = reg else { return None };
        let declared = &self.output.function[vreg].name;
        match &expr.kind {
            ExprKind::Name(name) if name == declared => Some((declared.clone(), None)),
            ExprKind::Name(name) => {
                let (text, symbol) = (name.to_string(), self.names.symbol(name));
                let (given, span) = self.aliases.given.get(&symbol)?;
                (*given == reg).then_some((text, Some(*span)))
            }
            ExprKind::Field(base, field) => {
                let ExprKind::Name(base) = &base.kind else { return None };
                let text = field_text(base, field);
                (text == *declared).then_some((text, None))
            }
            _ => None,
        }
    }
}

fn field_text(base: &Name, field: &Name) -> String {
    format!("{base}.{field}")
}

/// What an instruction does that has the same register twice, if no one would write that.
fn outcome(inst: &Instruction<Reg>, selection: &Selection, reg: Reg) -> Option<&'static str> {
    match inst.mnemonic.name() {
        "cmp" => return Some("they are always equal"),
        "mov" => return Some("nothing is copied"),
        _ => {}
    }
    let effects = isa::effects(inst, selection);
    let access = effects.regs.iter().find(|access| access.reg == reg)?;
    let is_constant = access.read.is_empty() && !access.write.is_empty();
    is_constant.then_some("the result is always the same")
}
