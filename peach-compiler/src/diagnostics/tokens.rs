//! Diagnostics as Rust items: what a macro on stable Rust can say with.
//!
//! In: a [`Diagnostic`]. Out: tokens of one item. An error is `compile_error!`, with its path at
//! the first offending token and its braces at the last one, so that rustc underlines the whole
//! range. A warning is the use of a constant that is deprecated, at the offending token: the one
//! way to a warning there is.

use super::{Diagnostic, Severity, render};
use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// The item that makes rustc say `diagnostic`.
pub fn diagnostic_tokens(diagnostic: &Diagnostic) -> TokenStream {
    match diagnostic.severity() {
        Severity::Error => error(diagnostic),
        Severity::Warning => warning(diagnostic),
    }
}

fn error(diagnostic: &Diagnostic) -> TokenStream {
    let place = diagnostic.place;
    let mut tokens = quote_spanned!(place.first=> ::core::compile_error!);
    let message = string(&render::text(diagnostic), place.last);
    let mut braces = Group::new(Delimiter::Brace, TokenTree::from(message).into());
    braces.set_span(place.last);
    tokens.extend([TokenTree::from(braces)]);
    tokens
}

/// The constant is called by the code, since rustc prints its name:
/// "use of deprecated constant `_::W0001`: register `x` is never used".
fn warning(diagnostic: &Diagnostic) -> TokenStream {
    let span = diagnostic.place.first;
    let name = Ident::new(diagnostic.code.id(), span);
    let message = string(&warning_text(diagnostic), span);
    quote_spanned! {span=>
        const _: () = {
            #[deprecated(note = #message)]
            const #name: () = ();
            #name
        };
    }
}

/// As for an error, without the code, which the constant's name gives.
fn warning_text(diagnostic: &Diagnostic) -> String {
    let code = format!(" [{}]", diagnostic.code.id());
    render::text(diagnostic).replacen(&code, "", 1)
}

fn string(text: &str, span: Span) -> Literal {
    let mut literal = Literal::string(text);
    literal.set_span(span);
    literal
}
