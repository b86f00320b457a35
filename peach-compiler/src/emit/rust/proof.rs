//! Proof that the types of a signature are what their names made the compiler believe.
//!
//! In: the declared signature. Out: a function that is never called, for rustc to check:
//!
//! ```text
//! fn __peach_types<'a>(p0: Type<&'a T>, p1: Type<__m128>) -> Type<&'a T> {
//!     types::reference(p0);                     a reference to something of known size
//!     types::same::<core::arch::…::__m128>(p1); the vector of that name, not an alias
//!     types::one_of([p0])                       the result has the type of the argument that it is
//! }
//! ```
//!
//! Every check is an ordinary type error at the user's type, in `cargo check` already. Types that
//! were replaced by absolute paths (types.rs) need none.

use super::{Context, ours};
use crate::syntax::ast::{Param, Pointee, Type, TypeKind};
use crate::syntax::tokens_text;
use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote_spanned};

/// The function, unless the signature says by itself what it is.
pub(super) fn function(context: &Context<'_>) -> Option<TokenStream> {
    let signature = &context.signature;
    let results = results(signature.result);
    let declared = signature.params.iter().map(|param| param.declared);
    let written = &context.decl().signature;
    if declared.clone().chain(results.iter().copied()).all(is_known) {
        return None;
    }
    let private = context.private;
    let wrapped = |ty: &Type| {
        let tokens = &ty.tokens;
        quote_spanned!(ours() => #private::types::Type<#tokens>)
    };
    let names: Vec<Ident> = (0..signature.params.len())
        .map(|index| format_ident!("__peach_argument_{index}", span = ours()))
        .collect();
    let params = names.iter().zip(declared.clone()).map(|(name, ty)| {
        let ty = wrapped(ty);
        quote_spanned!(ours() => #name: #ty)
    });
    let mut statements = TokenStream::new();
    for (name, ty) in names.iter().zip(declared.clone()) {
        statements.extend(check(ty, &at(name, ty), private));
    }
    let mut values = Vec::new();
    let written_results = self::results(&written.result);
    for (index, (ty, written_result)) in results.iter().zip(written_results).enumerate() {
        let name = format_ident!("__peach_result_{index}", span = ours());
        let is_equal = |param: &&Param| is_taken_for_equal(&param.ty, written_result);
        let equal = names.iter().zip(&written.params).filter(|(_, param)| is_equal(param));
        let equal: Vec<Ident> = equal.map(|(name, _)| at(name, ty)).collect();
        let (types, place) = (types(ty), place(ty));
        let value = match is_proven_by_arguments(&ty.kind) && !equal.is_empty() {
            true => quote_spanned!(place => #types::one_of([#(#equal),*])),
            false => quote_spanned!(place => #types::any()),
        };
        statements.extend(quote_spanned!(ours() => let #name = #value;));
        let name = at(&name, ty);
        statements.extend(check(ty, &name, private));
        values.push(name);
    }
    let result: Vec<_> = results.iter().map(|ty| wrapped(ty)).collect();
    let (arrow, value) = match results.is_empty() {
        true => (TokenStream::new(), TokenStream::new()),
        false => {
            (quote_spanned!(ours() => -> (#(#result,)*)), quote_spanned!(ours() => (#(#values,)*)))
        }
    };
    let (lifetimes, where_clause) = (signature.lifetimes, signature.where_clause);
    Some(quote_spanned! { ours() =>
        fn __peach_types #lifetimes (#(#params),*) #arrow #where_clause {
            use #private::types as __peach_checks;
            #statements
            #value
        }
    })
}

/// The values of a result.
fn results(ty: &Type) -> Vec<&Type> {
    match &ty.kind {
        TypeKind::Unit => Vec::new(),
        TypeKind::Pair(a, b) => vec![a, b],
        _ => vec![ty],
    }
}

/// Whether nothing is believed of a type but what its tokens say for certain.
fn is_known(ty: &Type) -> bool {
    match &ty.kind {
        TypeKind::Reference { pointee: Pointee::Numbers(_), .. } => has_literal_lengths(&ty.tokens),
        TypeKind::Pair(a, b) => is_known(a) && is_known(b),
        kind => kind.is_builtin(),
    }
}

/// Whether all arrays in a type of these tokens have a number for their length.
fn has_literal_lengths(tokens: &TokenStream) -> bool {
    let is_literal = |length: &[TokenTree]| matches!(length, [_, TokenTree::Literal(_)]);
    let is_semicolon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ';');
    let tokens = flat(tokens);
    let length = tokens.iter().position(is_semicolon).map_or(&[][..], |at| &tokens[at..]);
    (length.is_empty() || is_literal(length))
        && tokens.iter().all(|token| match token {
            TokenTree::Group(group) => has_literal_lengths(&group.stream()),
            _ => true,
        })
}

/// The tokens, those of invisible groups too.
fn flat(tokens: &TokenStream) -> Vec<TokenTree> {
    let mut all = Vec::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                all.extend(flat(&group.stream()));
            }
            token => all.push(token),
        }
    }
    all
}

/// Whether a result of this type, outside of `unsafe`, is an argument of the same type.
fn is_proven_by_arguments(kind: &TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Reference { .. } | TypeKind::NonNull | TypeKind::FnPointer | TypeKind::Option(_)
    )
}

/// Whether the safety proof takes two types, as they are written, for one.
fn is_taken_for_equal(a: &Type, b: &Type) -> bool {
    tokens_text(&a.tokens) == tokens_text(&b.tokens)
}

/// The check of a value of `Type<ty>`.
fn check(ty: &Type, value: &Ident, private: &TokenStream) -> Option<TokenStream> {
    let value = quote_spanned!(value.span() => #value);
    let call = checked(ty, value, private)?;
    Some(quote_spanned!(ours() => let _ = #call;))
}

fn checked(ty: &Type, value: TokenStream, private: &TokenStream) -> Option<TokenStream> {
    let types = types(ty);
    let call = |name: &str| {
        let name = Ident::new(name, place(ty));
        quote_spanned!(place(ty) => #types::#name(#value))
    };
    Some(match &ty.kind {
        TypeKind::Reference { mutable: false, .. } => call("reference"),
        TypeKind::Reference { mutable: true, .. } => call("exclusive_reference"),
        TypeKind::RawPointer if is_mutable_pointer(ty) => call("mut_pointer"),
        TypeKind::RawPointer => call("const_pointer"),
        TypeKind::NonNull => call("non_null"),
        TypeKind::Vector { .. } => {
            let name = vector_name(ty);
            quote_spanned!(place(ty) =>
                #types::same::<#private::core::arch::x86_64::#name>(#value)
            )
        }
        TypeKind::Option(inner) => {
            let option = call("option");
            return checked(inner, option.clone(), private).or(Some(option));
        }
        TypeKind::Pair(..) => return None,
        builtin => {
            debug_assert!(builtin.is_builtin());
            return None;
        }
    })
}

fn is_mutable_pointer(ty: &Type) -> bool {
    matches!(flat(&ty.tokens).get(1), Some(TokenTree::Ident(word)) if word == "mut")
}

/// The last name of the path of a vector type.
fn vector_name(ty: &Type) -> Ident {
    let last = flat(&ty.tokens).into_iter().rev().find_map(|token| match token {
        TokenTree::Ident(name) => Some(name.to_string()),
        _ => None,
    });
    Ident::new(&last.expect("vectors are known by their name"), ours())
}

/// A name that errors show as the type.
fn at(name: &Ident, ty: &Type) -> Ident {
    Ident::new(&name.to_string(), place(ty))
}

/// The module of checks. (`$crate` in the path of a call would draw errors to the whole macro.)
fn types(ty: &Type) -> Ident {
    Ident::new("__peach_checks", place(ty))
}

fn place(ty: &Type) -> Span {
    ours().located_at(ty.span.0.join(ty.span.1).unwrap_or(ty.span.0))
}
