//! The types of a signature as they must be in the generated items.
//!
//! In: the declared signature. Out: the same, where names mean what they meant to the compiler. A
//! primitive type is a path that no `type u32 = u8;` of the surrounding module can redirect, and
//! the length of an array is a number where it was made of the kernels' own constants, which Rust
//! does not know, or knows with another value. The safety proof relies on both.

use super::ours;
use crate::compiled::CompiledGroup;
use crate::ir::ArgValue;
use crate::syntax::ast::{self, Pointee, Type, TypeKind};
use crate::syntax::tokens_text;
use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream, TokenTree};
use quote::quote_spanned;

/// The signature of `group` with its types resolved.
pub(super) fn resolved(group: &CompiledGroup, private: &TokenStream) -> ast::Signature {
    let mut signature = group.source.decl.signature.clone();
    let function = group.versions.first().map(|version| &version.function);
    let mut lengths: Vec<(String, TokenStream)> = Vec::new();
    for (index, param) in signature.params.iter_mut().enumerate() {
        let arg = function.and_then(|f| f.args.iter().find(|arg| arg.param == index));
        if let Some(tokens) = arg.and_then(|arg| with_length(&param.ty, &arg.value)) {
            lengths.push((tokens_text(&param.ty.tokens), tokens.clone()));
            param.ty.tokens = tokens;
        }
        resolve(&mut param.ty, &[], private);
    }
    resolve(&mut signature.result, &lengths, private);
    signature
}

/// Resolves one type; `lengths` are types whose array length is known.
fn resolve(ty: &mut Type, lengths: &[(String, TokenStream)], private: &TokenStream) {
    let text = tokens_text(&ty.tokens);
    if let Some((_, tokens)) = lengths.iter().find(|(known, _)| *known == text) {
        ty.tokens = tokens.clone();
    }
    ty.tokens = with_primitives(&ty.tokens, private);
    match &mut ty.kind {
        TypeKind::Slice { element, .. } => *element = with_primitives(element, private),
        TypeKind::Pair(first, second) => {
            resolve(first, lengths, private);
            resolve(second, lengths, private);
            let (a, b) = (&first.tokens, &second.tokens);
            ty.tokens = quote_spanned!(ty.span.0 => (#a, #b));
        }
        _ => {}
    }
}

/// The type with the length of an array reference as a number.
fn with_length(ty: &Type, value: &ArgValue) -> Option<TokenStream> {
    let TypeKind::Reference { pointee: Pointee::Array(element, _), .. } = &ty.kind else {
        return None;
    };
    let ArgValue::Reference { bytes: Some(bytes), .. } = value else { return None };
    let mut tokens: Vec<TokenTree> = ty.tokens.clone().into_iter().collect();
    let TokenTree::Group(array) = tokens.last()?.clone() else { return None };
    let mut length = Literal::u64_unsuffixed(bytes / u64::from(element.bytes()));
    let inside: Vec<TokenTree> = array.stream().into_iter().collect();
    let semicolon = inside
        .iter()
        .rposition(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';'))?;
    length.set_span(inside.get(semicolon + 1)?.span());
    let inside = inside[..=semicolon].iter().cloned().chain([TokenTree::Literal(length)]).collect();
    let mut replaced = Group::new(Delimiter::Bracket, inside);
    replaced.set_span(array.span());
    *tokens.last_mut()? = TokenTree::Group(replaced);
    Some(tokens.into_iter().collect())
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
