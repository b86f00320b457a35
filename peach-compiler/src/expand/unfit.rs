//! What is said of an instruction that no form fits: what was found, which forms there are, and, by
//! `remedies`, what to write instead.

use super::evaluate::{place, quoted};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Data, Instruction, Operand, Reg};
use crate::isa::{self, BadAddress, Class, FeatureSet, SelectError};
use crate::syntax::ast::Expr;
use proc_macro2::Span;

impl Expander<'_, '_> {
    /// Reports why no form fits, at the operand that is to blame.
    pub(super) fn select_error(
        &mut self,
        inst: &Instruction<Reg>,
        name: &str,
        span: Span,
        exprs: &[&Expr],
        error: SelectError,
    ) -> Reported {
        let at = |operand: Option<usize>| match operand.and_then(|i| exprs.get(i)) {
            Some(expr) => place(expr),
            None => span.into(),
        };
        let remedy = self.remedy(inst, &error, exprs);
        let diagnostic = match error {
            SelectError::NoForm { forms, operand } => {
                let operands: Vec<String> = inst
                    .operands
                    .iter()
                    .map(|o| describe_operand(o, &self.output.function.data))
                    .collect();
                let message = match (operand, operands.is_empty()) {
                    (_, true) => format!("`{name}` needs operands"),
                    (Some(i), _) => format!(
                        "`{name}` does not take {} here",
                        operands.get(i).map_or("this", |o| o)
                    ),
                    (None, _) => format!("`{name}` has no form for {}", operands.join(", ")),
                };
                let mut diagnostic = Diagnostic::new(Code::NoForm, at(operand), message);
                if !forms.is_empty() {
                    diagnostic = diagnostic.note(format!("the forms are:\n{}", forms.join("\n")));
                }
                diagnostic
            }
            SelectError::MissingExtension(sets) => {
                let error = self.missing_extension(span, &format!("`{name}`"), &sets);
                return self.report_missing(error);
            }
            SelectError::AmbiguousSize { operand, sizes } => {
                let words: Vec<&str> =
                    sizes.iter().filter_map(|&size| isa::size_name(size)).collect();
                Diagnostic::new(Code::AmbiguousSize, at(Some(operand)), "ambiguous operand size")
                    .help(format!("write {} before it", quoted(&words)))
            }
            SelectError::OutOfRange { operand, accepted } => {
                let message = match inst.operands.get(operand) {
                    Some(Operand::Imm(n)) => format!("{n} is out of range"),
                    Some(Operand::Mem(_)) => {
                        "this address is out of range: it does not fit in 32 bits".into()
                    }
                    _ => "the value is out of range".into(),
                };
                Diagnostic::new(Code::OutOfRange, at(Some(operand)), message)
                    .note(format!("`{name}` takes {accepted}"))
            }
            SelectError::BadAddress { operand, problem } => {
                let code = match problem {
                    BadAddress::Displacement { .. } => Code::OutOfRange,
                    BadAddress::Segment
                    | BadAddress::Base(_)
                    | BadAddress::Index(_)
                    | BadAddress::Widths { .. }
                    | BadAddress::Scale(_)
                    | BadAddress::RelativeIndex
                    | BadAddress::StackPointerIndex => Code::NoForm,
                };
                Diagnostic::new(code, at(Some(operand)), problem.to_string())
            }
            SelectError::BadDecoration { message, operand } => {
                Diagnostic::new(Code::BadDecoration, at(operand), message)
            }
            SelectError::RegisterConflict { message, operand } => {
                Diagnostic::new(Code::RegisterConflict, at(Some(operand)), message)
            }
            SelectError::Refused { message } => Diagnostic::new(Code::Refused, span, message),
        };
        self.error(match remedy {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }

    /// An error that names the extension to enable.
    pub(super) fn missing_extension(
        &self,
        span: Span,
        what: &str,
        sets: &[Vec<isa::Feature>],
    ) -> Diagnostic {
        let lists: Vec<String> = sets
            .iter()
            .map(|set| {
                let mut wanted = FeatureSet::default();
                set.iter().for_each(|feature| wanted.insert(*feature));
                let missing = self.output.function.features.missing(wanted);
                missing.iter().map(|f| f.name()).collect::<Vec<_>>().join(",")
            })
            .collect();
        let names: Vec<&str> = lists.iter().map(|l| &**l).collect();
        let attribute = match self.around.in_version {
            true => "#[version(enable = \"…\")]",
            false => "#[target_feature(enable = \"…\")]",
        };
        let first = names.first().copied().unwrap_or_default();
        let needs = format!("{what} needs the extension {}", quoted(&names));
        let convention = self.output.function.convention;
        let is_unknown = |set: &Vec<isa::Feature>| {
            let known = convention.sandbox.map(|sandbox| sandbox.features());
            known.is_some_and(|known| !known.missing(set.iter().copied().collect()).is_empty())
        };
        if sets.iter().all(is_unknown) {
            let name = convention.name;
            let message = format!("{needs}, which validators of `{name}` code do not support");
            return Diagnostic::new(Code::MissingExtension, span, message).help(format!(
                "write an alternative without it: `if isa(\"{first}\") {{ … }} else {{ … }}`"
            ));
        }
        Diagnostic::new(Code::MissingExtension, span, format!("{needs}, which is not enabled"))
            .help(format!("add `{}`", attribute.replace('…', first)))
    }

    /// Reports a missing extension once in each version of a kernel, with all instructions that
    /// need it.
    pub(super) fn report_missing(&mut self, error: Diagnostic) -> Reported {
        let same = |first: &&Diagnostic| first.help == error.help && first.notes == error.notes;
        let Some(first) = self.status.missing_extensions.iter().find(same).cloned() else {
            self.status.missing_extensions.push(error.clone());
            return self.error(error);
        };
        self.reports.diagnostics.label_again(&first, error.place.first, "needs it");
        self.error(first)
    }
}

/// An operand in the manual's words.
fn describe_operand(operand: &Operand<Reg>, data: &[Data]) -> String {
    match operand {
        Operand::Reg(view) => match view.reg {
            Reg::Physical(reg) => format!("`{}`", isa::register_name(reg, view.class)),
            Reg::Virtual(_) if view.class == Class::Xmm => "an `xmm`".into(),
            Reg::Virtual(_) => format!("a `{}`", view.class.name()),
        },
        Operand::Mem(mem) => match (mem.size, mem.base) {
            (Some(size), Base::Data(id)) if data[id.index()].name.is_none() => {
                format!("a data literal of {size} bytes")
            }
            (Some(size), _) => match isa::size_name(size) {
                Some(word) => format!("`{word}` memory"),
                None => format!("memory of {size} bytes"),
            },
            (None, _) => "memory".into(),
        },
        Operand::Imm(n) => format!("the immediate {n}"),
        Operand::RustConst(_) => "a Rust constant".into(),
        Operand::RustSym(_) => "the address of a Rust item".into(),
        Operand::Label(_) => "a label".into(),
        Operand::Relative(_) => "a branch offset".into(),
    }
}
