//! The types of a signature as they must be in the generated items.
//!
//! In: the declared signature. Out: the same, where names mean what they meant to the compiler. A
//! primitive type is a path that no `type u32 = u8;` of the surrounding module can redirect, and
//! the length of an array is a number where it was made of the kernels' own constants, which Rust
//! does not know, or knows with another value. The safety proof relies on both.

use super::ours;
use crate::compiled::CompiledGroup;
use crate::emit::lengths;
use crate::syntax::ast::{self, Type, TypeKind};
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::quote_spanned;

/// The signature of `group` with its types resolved.
pub(super) fn resolved(group: &CompiledGroup, private: &TokenStream) -> ast::Signature {
    let mut signature = group.source.decl.signature.clone();
    if let Some(version) = group.versions.first() {
        lengths::put_numbers(&mut signature, &version.function);
    }
    for param in &mut signature.params {
        resolve(&mut param.ty, private);
    }
    resolve(&mut signature.result, private);
    signature
}

/// Resolves one type.
fn resolve(ty: &mut Type, private: &TokenStream) {
    ty.tokens = with_primitives(&ty.tokens, private);
    match &mut ty.kind {
        TypeKind::Slice { element, .. } => *element = with_primitives(element, private),
        TypeKind::Pair(first, second) => {
            resolve(first, private);
            resolve(second, private);
            let (a, b) = (&first.tokens, &second.tokens);
            ty.tokens = quote_spanned!(ty.span.0 => (#a, #b));
        }
        _ => {}
    }
}

/// Every name of a primitive type that starts a path becomes a path into `core::primitive`.
fn with_primitives(tokens: &TokenStream, private: &TokenStream) -> TokenStream {
    let mut starts = true;
    let mut result = TokenStream::new();
    for token in tokens.clone() {
        let ends_path_start = matches!(&token, TokenTree::Punct(p) if ":'.".contains(p.as_char()));
        match token {
            TokenTree::Ident(name) if starts && is_primitive(&name) => {
                result.extend(quote_spanned!(ours() => #private::core::primitive::#name));
            }
            TokenTree::Group(group) => {
                let mut inside =
                    Group::new(group.delimiter(), with_primitives(&group.stream(), private));
                inside.set_span(group.span());
                result.extend([TokenTree::Group(inside)]);
            }
            other => result.extend([other]),
        }
        starts = !ends_path_start;
    }
    result
}

fn is_primitive(name: &Ident) -> bool {
    [
        "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
        "f32", "f64", "bool", "char", "str",
    ]
    .iter()
    .any(|primitive| name == primitive)
}
