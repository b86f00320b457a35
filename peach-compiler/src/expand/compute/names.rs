//! The names of a function as it is lowered: each variable gets a slot.

use super::code::{Target, Type};
use crate::diagnostics::{self, Diagnostic, Place};
use crate::expand::Expander;
use crate::expand::evaluate::Evaluated;
use crate::expand::names::Symbol;
use crate::syntax::ast::{ConstPattern, Element, Name, Pattern};

/// The names of a function as it is lowered.
#[derive(Default)]
pub(super) struct Names<'a> {
    pub(super) variables: Vec<Named>,
    /// The loops around, innermost last.
    pub(super) loops: Vec<Option<&'a Name>>,
    /// How many slots were needed at once.
    slots: usize,
    /// How deep the expression is that is being lowered, and the deepest.
    pub(super) depth: u32,
    pub(super) deepest: u32,
    /// Of the function; `None` in a closure outside of functions.
    pub(super) result: Option<Type>,
}

/// A variable.
pub(super) struct Named {
    symbol: Symbol,
    pub(super) ty: Option<Type>,
    pub(super) mutable: bool,
    /// A `let` without a value may be set once.
    pub(super) unset: bool,
    /// Where it is declared.
    pub(super) place: Place,
}

impl Names<'_> {
    pub(super) fn find(&self, symbol: Symbol) -> Option<usize> {
        let same = |named: &Named| named.symbol == symbol;
        let origin = |named: &Named| same(named) && named.symbol.origin == symbol.origin;
        self.variables.iter().rposition(origin).or_else(|| self.variables.iter().rposition(same))
    }

    /// How many slots are needed.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Forgets the variables from the `count`-th on.
    pub(super) fn forget(&mut self, count: usize) {
        self.variables.truncate(count);
    }

    /// The type of a slot.
    pub(super) fn ty(&self, slot: usize) -> Option<&Type> {
        self.variables[slot].ty.as_ref()
    }
}

impl<'a> Expander<'a, '_> {
    /// Gives slots to the names of a pattern.
    pub(super) fn declare(
        &mut self,
        pattern: &'a ConstPattern,
        ty: Option<&Type>,
        unset: bool,
        names: &mut Names<'a>,
    ) -> Evaluated<Target> {
        match pattern {
            ConstPattern::Name { name, .. } if name == "_" => Ok(Target::Nothing),
            ConstPattern::Name { name, mutable } => {
                self.check_name(name)?;
                let symbol = self.names.symbol(name);
                Ok(push(names, symbol, ty.cloned(), *mutable, unset, name.span().into()))
            }
            ConstPattern::Parts(parts, (first, last)) => {
                let place = Place { first: *first, last: *last };
                let mut targets = Vec::with_capacity(parts.len());
                for (at, part) in parts.iter().enumerate() {
                    let ty = match ty {
                        Some(Type::Tuple(types)) => types.get(at),
                        Some(Type::Array(element, _)) => Some(&**element),
                        _ => None,
                    };
                    targets.push(self.declare(part, ty, unset, names)?);
                }
                Ok(Target::Parts(targets, place))
            }
        }
    }

    /// Gives slots to what a `for` names, and tells how many there were before.
    pub(super) fn declare_in_loop(
        &mut self,
        pattern: &'a ConstPattern,
        names: &mut Names<'a>,
    ) -> Evaluated<(usize, Target)> {
        let count = names.variables.len();
        Ok((count, self.declare(pattern, None, false, names)?))
    }

    pub(super) fn declare_index(
        &mut self,
        pattern: &'a Pattern,
        names: &mut Names<'a>,
    ) -> Evaluated<Target> {
        match pattern {
            Pattern::Name(name) if name == "_" => Ok(Target::Nothing),
            Pattern::Name(name) => {
                self.check_name(name)?;
                let symbol = self.names.symbol(name);
                let ty = Type::Number(Element::Int { bytes: 8, signed: false });
                Ok(push(names, symbol, Some(ty), false, false, name.span().into()))
            }
            Pattern::Tuple(_) => {
                let at = pattern.span();
                let message = "`from_fn` gives its function one number, the index";
                Err(self.error(Diagnostic::new(diagnostics::Code::TypeMismatch, at, message)))
            }
        }
    }

    /// The number of loops between a `break` and the loop that it ends.
    pub(super) fn loop_depth(
        &mut self,
        label: Option<&Name>,
        at: proc_macro2::Span,
        names: &Names<'a>,
    ) -> Evaluated<usize> {
        let mut around = names.loops.iter().rev();
        let found = match label {
            None => around.next().map(|_| 0),
            Some(label) => around.position(|other| *other == Some(label)),
        };
        found.ok_or_else(|| {
            let message = match label {
                Some(label) => format!("no loop around this is called `'{label}`"),
                None => "there is no loop around this".to_string(),
            };
            self.error(Diagnostic::new(diagnostics::Code::UndefinedName, at, message))
        })
    }
}

/// A new variable.
fn push(
    names: &mut Names<'_>,
    symbol: Symbol,
    ty: Option<Type>,
    mutable: bool,
    unset: bool,
    place: Place,
) -> Target {
    names.variables.push(Named { symbol, ty, mutable, unset, place });
    names.slots = names.slots.max(names.variables.len());
    Target::Slot(names.variables.len() - 1)
}
