//! What names are given to.

use super::Name;
use proc_macro2::Span;

/// What a `let` without a class or a `for` names.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// `x`; `_`.
    Name(Name),
    /// `(a, b)`.
    Tuple(Vec<Pattern>),
}

impl Pattern {
    /// Where it starts.
    pub fn span(&self) -> Span {
        match self {
            Pattern::Name(name) => name.span(),
            Pattern::Tuple(parts) => parts.first().map_or_else(Span::call_site, Pattern::span),
        }
    }

    /// Adds its names, in order.
    pub fn names(self, names: &mut Vec<Name>) {
        match self {
            Pattern::Name(name) => names.push(name),
            Pattern::Tuple(parts) => parts.into_iter().for_each(|part| part.names(names)),
        }
    }
}
