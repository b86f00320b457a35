//! What a kernel is on targets other than x86-64, and where its `#[cfg]` does not hold: its
//! fallback.
//!
//! In: a group. Out: the function with the fallback's body, or without a fallback the error that
//! says so and a function for its callers; and a use of every Rust item that the code names, so
//! that an item which only kernels use is not called unused.

use super::conditions::{any, cfg_attributes};
use super::{Context, head, ours, unreachable_item};
use crate::diagnostics::{Code, Diagnostic, diagnostic_tokens};
use crate::expand::LoneFallback;
use crate::ir::DataContent;
use crate::syntax::ast;
use proc_macro2::TokenStream;
use quote::quote_spanned;

pub(super) fn items(context: &Context<'_>) -> TokenStream {
    let mut tokens = function(context);
    tokens.extend(uses(context));
    tokens
}

fn function(context: &Context<'_>) -> TokenStream {
    let decl = context.decl();
    let Some(fallback) = &context.group.source.fallback else {
        let mut tokens = unreachable_item(&context.group.source, context.private);
        if !context.group.source.has_errors {
            tokens.extend(missing_fallback(context));
        }
        return tokens;
    };
    let (cfgs, function) = (cfg_attributes(&context.group.source), fallback_alone(decl, fallback));
    quote_spanned!(ours() => #cfgs #function)
}

/// A fallback where its kernels have a `#[cfg]`, and none of them exists.
pub(super) fn lone_fallback(lone: &LoneFallback) -> TokenStream {
    let alternatives = any(&lone.alternatives);
    let function = fallback_alone(&lone.decl, &lone.fallback);
    quote_spanned!(ours() => #[cfg(not(#alternatives))] #function)
}

/// The function of a kernel with the body of its fallback.
fn fallback_alone(decl: &ast::Kernel, fallback: &ast::Fallback) -> TokenStream {
    let (attributes, own_attributes) = (&decl.rust_attrs, &fallback.rust_attrs);
    let (head, signature, body) = (head(decl), &fallback.signature_tokens, &fallback.body);
    quote_spanned! { ours() =>
        #(#attributes)* #(#own_attributes)*
        #head #signature #body
    }
}

fn missing_fallback(context: &Context<'_>) -> TokenStream {
    let cfgs = cfg_attributes(&context.group.source);
    let name = &context.decl().signature.name;
    let message = format!("kernel `{name}` is machine code for x86-64, which this target is not");
    let error = Diagnostic::new(Code::UnsupportedTarget, name.span(), message)
        .help(format!("add `#[fallback] fn {name}` with an ordinary Rust body"));
    let error = diagnostic_tokens(&error);
    quote_spanned!(ours() => #cfgs #error)
}

fn uses(context: &Context<'_>) -> Option<TokenStream> {
    let versions = || context.group.versions.iter().map(|version| &version.function);
    let constants = versions().flat_map(|function| &function.rust_consts);
    let mut constants: Vec<_> = constants.map(|constant| &constant.tokens).collect();
    for data in versions().flat_map(|function| &function.data) {
        if let DataContent::Rust(table) = &data.content {
            constants.push(&table.tokens);
        }
    }
    let symbols = versions().flat_map(|function| &function.rust_syms);
    let symbols: Vec<_> = symbols.map(|symbol| &symbol.tokens).collect();
    if constants.is_empty() && symbols.is_empty() {
        return None;
    }
    let cfgs = cfg_attributes(&context.group.source);
    Some(quote_spanned! { ours() =>
        #cfgs
        #[allow(unused_unsafe)]
        const _: fn() = || {
            #(let _ = { #constants };)*
            #(unsafe { let _ = #symbols; })*
        };
    })
}
