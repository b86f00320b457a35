//! The lengths of arrays in a signature as numbers, where they are made of the kernels' own
//! constants: nothing outside of the kernels knows those, or it knows them with another value.
//!
//! In: a signature, and a version of the kernel, in which the lengths are known. Out: the same with
//! numbers in its types.

use crate::ir::Function;
use crate::syntax::ast::{Signature, Type, TypeKind};
use crate::syntax::tokens_text;
use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

/// Puts the lengths that `function` knows into the types of its `signature`.
pub(super) fn put_numbers(signature: &mut Signature, function: &Function) {
    let mut known: Vec<(String, TokenStream)> = Vec::new();
    for (index, param) in signature.params.iter_mut().enumerate() {
        let arg = function.args.iter().find(|arg| arg.param == index);
        let Some(lengths) = arg.map(|arg| &arg.lengths).filter(|lengths| !lengths.is_empty())
        else {
            continue;
        };
        let written = tokens_text(&param.ty.tokens);
        put(&mut param.ty, lengths);
        known.push((written, param.ty.tokens.clone()));
    }
    put_known(&mut signature.result, &known);
}

fn put(ty: &mut Type, lengths: &[Option<u64>]) {
    ty.tokens = with_lengths(&ty.tokens, lengths);
    if let TypeKind::Slice { element, .. } = &mut ty.kind {
        *element = with_lengths(element, lengths);
    }
}

/// A result has the type of the argument that is written as it is.
fn put_known(ty: &mut Type, known: &[(String, TokenStream)]) {
    let written = tokens_text(&ty.tokens);
    if let Some((_, tokens)) = known.iter().find(|(text, _)| *text == written) {
        ty.tokens = tokens.clone();
    }
    if let TypeKind::Pair(first, second) = &mut ty.kind {
        put_known(first, known);
        put_known(second, known);
    }
}

/// The type of arrays within arrays with these lengths, outermost first.
fn with_lengths(tokens: &TokenStream, lengths: &[Option<u64>]) -> TokenStream {
    let with = |token| match token {
        TokenTree::Group(group) => {
            let inside = match group.delimiter() {
                Delimiter::Bracket => in_brackets(&group.stream(), lengths),
                _ => with_lengths(&group.stream(), lengths),
            };
            let mut whole = Group::new(group.delimiter(), inside);
            whole.set_span(group.span());
            TokenTree::Group(whole)
        }
        other => other,
    };
    tokens.clone().into_iter().map(with).collect()
}

/// The inside `[T; N]` with the first of `lengths` for `N`, or of the slice `[T]`.
fn in_brackets(tokens: &TokenStream, lengths: &[Option<u64>]) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let is_semicolon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ';');
    let Some(semicolon) = tokens.iter().position(is_semicolon) else {
        return with_lengths(&tokens.into_iter().collect(), lengths);
    };
    let (element, length) = tokens.split_at(semicolon);
    let (here, inner) = lengths.split_first().unwrap_or((&None, &[]));
    let element = with_lengths(&element.iter().cloned().collect(), inner);
    let length: TokenStream = match (here, length) {
        (Some(number), [semicolon, first, ..]) => {
            let mut literal = Literal::u64_unsuffixed(*number);
            literal.set_span(first.span());
            [semicolon.clone(), literal.into()].into_iter().collect()
        }
        _ => length.iter().cloned().collect(),
    };
    element.into_iter().chain(length).collect()
}
