//! The `unsafe` of the source, for lints that look for it.
//!
//! In: where kernels and helpers say `unsafe`. Out: for each place a block of Rust with its span,
//! which does nothing: `#![forbid(unsafe_code)]` finds it at the source token. (A block that is
//! empty would be called unused.)

use super::{Context, ours};
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

/// An item for the body of the kernel's function, so that the lint levels there hold for it.
pub(super) fn of_kernel(context: &Context<'_>) -> Option<TokenStream> {
    let unsafety = &context.group.source.unsafety;
    if unsafety.blocks.is_empty() && unsafety.functions.is_empty() {
        return None;
    }
    let blocks = unsafety.blocks.iter().map(|&span| block(span, context.private));
    let functions = unsafety.functions.iter().enumerate().map(|(index, &span)| {
        let name = quote::format_ident!("__peach_unsafe_{index}", span = ours());
        quote_spanned!(span => #[allow(dead_code)] unsafe fn #name() {})
    });
    Some(quote_spanned!(ours() => const _: () = { #(#functions)* #(#blocks)* };))
}

/// An item for the module around.
pub(super) fn of_helpers(spans: &[Span], private: &TokenStream) -> Option<TokenStream> {
    let blocks = spans.iter().map(|&span| block(span, private));
    (!spans.is_empty()).then(|| quote_spanned!(ours() => const _: () = { #(#blocks)* };))
}

fn block(span: Span, private: &TokenStream) -> TokenStream {
    quote_spanned!(span => unsafe { #private::unsafe_code() })
}
