//! What the documentation of a kernel's function must say beyond what its author says.
//!
//! In: a group. Out: attributes after the author's. An undocumented function stays that, so that
//! rustc's lint finds it.

use super::{Context, ours};
use crate::compiled::CompiledFunction;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote_spanned;

/// That the function panics where the processor has none of its versions, and what they need.
pub(super) fn panics(context: &Context<'_>) -> Option<TokenStream> {
    let group = context.group;
    let never_does = group.source.fallback.is_some() || group.inlined.is_some();
    let needs: Vec<String> = group.versions.iter().map(needs).collect();
    if never_does || needs.is_empty() || needs.iter().any(String::is_empty) {
        return None;
    }
    let written: Vec<String> = context.decl().rust_attrs.iter().filter_map(documentation).collect();
    if written.is_empty() || written.iter().any(|line| line.contains("# Panics")) {
        return None;
    }
    let text = format!("\n# Panics\n\nUnless the processor has {}.", needs.join(", or "));
    Some(quote_spanned!(ours() => #[doc = #text]))
}

/// The extensions beyond the baseline; nothing, where it is enough.
fn needs(version: &CompiledFunction) -> String {
    let names =
        version.function.features.minified().into_iter().map(|it| format!("`{}`", it.name()));
    names.collect::<Vec<_>>().join(" and ")
}

/// The literal of `#[doc = "…"]`.
fn documentation(attribute: &TokenStream) -> Option<String> {
    let Some(TokenTree::Group(group)) = attribute.clone().into_iter().nth(1) else { return None };
    let mut tokens = group.stream().into_iter().map(|token| token.to_string());
    match (tokens.next()?.as_str(), tokens.next()?.as_str()) {
        ("doc", "=") => tokens.next(),
        _ => None,
    }
}
