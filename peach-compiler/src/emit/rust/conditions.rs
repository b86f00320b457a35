//! `#[cfg]`: which of a kernel's alternatives exists is for rustc to say.
//!
//! In: a group. Out: the attributes of its items; the error where an alternative before it exists
//! too, and then no items, so that nothing else is said.

use super::ours;
use crate::diagnostics::diagnostic_tokens;
use crate::emit::alternatives::both_exist;
use crate::expand::{Alternative, KernelGroup};
use proc_macro2::TokenStream;
use quote::quote_spanned;

/// The `#[cfg]`s of a kernel, which all of its items must have.
pub(super) fn cfg_attributes(group: &KernelGroup) -> TokenStream {
    let predicates = &group.decl.conditions.predicates;
    let others = any(&group.alternatives);
    let alone = others.map(|others| quote_spanned!(ours() => #[cfg(not(#others))]));
    quote_spanned!(ours() => #(#[cfg(#predicates)])* #alone)
}

/// The `compile_error!` where one of the alternatives before it exists too.
pub(super) fn error(group: &KernelGroup) -> Option<TokenStream> {
    let first = group.alternatives.first()?;
    let predicates = &group.decl.conditions.predicates;
    let others = any(&group.alternatives);
    let error = diagnostic_tokens(&both_exist(&group.decl.signature.name, &first.name));
    Some(quote_spanned!(ours() => #(#[cfg(#predicates)])* #[cfg(#others)] #error))
}

/// The predicate that says whether one of several exists.
pub(super) fn any(alternatives: &[Alternative]) -> Option<TokenStream> {
    if alternatives.is_empty() {
        return None;
    }
    let each = alternatives.iter().map(|alternative| {
        let predicates = &alternative.conditions.predicates;
        quote_spanned!(ours() => all(#(#predicates),*))
    });
    Some(quote_spanned!(ours() => any(#(#each),*)))
}
