//! `const { … }` in code and as tables: fields and data that rustc fills in while it compiles the
//! program.
//!
//! In: a version with its patches. Out: an expression for its bytes. Each value is checked to fit
//! its field by a constant assertion at the user's expression.

use super::{number, ours};
use crate::compiled::CompiledFunction;
use crate::encode::{Patch, PatchValue};
use crate::ir::{DataContent, RustConst, RustTable};
use crate::syntax::tokens_text;
use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// The bytes of a version as a `&'static [u8]`.
pub(super) fn patched(
    compiled: &CompiledFunction,
    bytes: &Literal,
    private: &TokenStream,
) -> TokenStream {
    let patches = compiled.encoded.patches.iter();
    let patches: Vec<_> = patches.filter_map(|patch| field(compiled, patch, private)).collect();
    if patches.is_empty() && tables(compiled).is_empty() {
        return quote_spanned!(ours() => #bytes);
    }
    let patched = quote_spanned!(ours() => #private::patch(*#bytes, &[#(#patches),*]));
    let whole = with_tables(compiled, patched, 0, private);
    quote_spanned!(ours() => &const { #whole })
}

/// An array of the bytes of a version from `start` on, with the tables that rustc evaluates.
pub(super) fn with_tables(
    compiled: &CompiledFunction,
    mut bytes: TokenStream,
    start: usize,
    private: &TokenStream,
) -> TokenStream {
    for (offset, table) in tables(compiled) {
        let (offset, table) = (number(offset - start), table_bytes(table, private));
        bytes = quote_spanned!(ours() => #private::write(#bytes, #offset, &#table));
    }
    bytes
}

/// The tables that rustc evaluates, each with its place in the bytes.
pub(super) fn tables(compiled: &CompiledFunction) -> Vec<(usize, &RustTable)> {
    let offsets = compiled.encoded.data_offsets.iter();
    let all = compiled.lowered.data.iter().zip(offsets);
    all.filter(|(_, offset)| **offset != u32::MAX)
        .filter_map(|(data, offset)| match &data.content {
            DataContent::Rust(table) => Some((*offset as usize, table)),
            DataContent::Bytes(_) | DataContent::Jumps(_) => None,
        })
        .collect()
}

/// The bytes of a table as an array. Another type than the declared one is an error at the
/// expression.
pub(super) fn table_bytes(table: &RustTable, private: &TokenStream) -> TokenStream {
    let value = table_value(table, private);
    let size = number(table.count() * table.width as usize);
    quote_spanned!(ours() => #private::types::table_bytes::<_, #size>(#value))
}

/// The table, of the declared type.
pub(super) fn table_value(table: &RustTable, private: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(table.span);
    let element = Ident::new(&table.element, ours());
    let mut ty = quote_spanned!(span => #private::core::primitive::#element);
    for length in table.lengths.iter().rev() {
        let length = number(*length);
        ty = quote_spanned!(span => [#ty; #length]);
    }
    let expr = &table.tokens;
    quote_spanned!(span => { const __PEACH_TABLE: #ty = { #expr }; __PEACH_TABLE })
}

/// Statements that evaluate every Rust constant of a version.
pub(super) fn checks(compiled: &CompiledFunction, private: &TokenStream) -> Vec<TokenStream> {
    let patches = compiled.encoded.patches.iter();
    let values = patches.filter_map(|patch| checked_value(compiled, patch, private));
    let tables = tables(compiled).into_iter();
    let values = values.chain(tables.map(|(_, table)| table_value(table, private)));
    values.map(|value| quote_spanned!(ours() => let _ = #value;)).collect()
}

/// `(offset, size, value)` of a patch with a Rust constant.
fn field(compiled: &CompiledFunction, patch: &Patch, private: &TokenStream) -> Option<TokenStream> {
    let value = checked_value(compiled, patch, private)?;
    let (offset, size) = (number(patch.offset as usize), number(patch.size.into()));
    Some(quote_spanned!(ours() => (#offset, #size, #value)))
}

/// The value of a patch with a Rust constant, as an `i128` that fits its field.
pub(super) fn checked_value(
    compiled: &CompiledFunction,
    patch: &Patch,
    private: &TokenStream,
) -> Option<TokenStream> {
    let PatchValue::Const(id, addend) = patch.value else { return None };
    let constant = &compiled.lowered.rust_consts[id.index()];
    let bits = u32::from(patch.size) * 8;
    let signed = patch.is_sign_extended(&compiled.lowered, &compiled.encoded);
    let (min, max) = patch.range(&compiled.lowered, &compiled.encoded);
    let message = format!(
        "the value of `const {{ {} }}` does not fit its field of {bits} bits{}",
        tokens_text(&constant.tokens),
        if signed { ", which is extended with its sign" } else { "" },
    );
    let addend = Literal::i64_unsuffixed(addend);
    let (min, max) = (Literal::i128_unsuffixed(min), Literal::i128_unsuffixed(max));
    let value = integer(constant, private);
    let span = Span::mixed_site().located_at(constant.span);
    let import_integer = (!is_untyped(&constant.tokens))
        .then(|| quote_spanned!(ours() => use #private::types::integer as __peach_integer;));
    // `$crate` in the path of a call would draw its errors to the whole macro.
    let imports = quote_spanned! { ours() =>
        use #private::core::assert as __peach_assert;
        #import_integer
    };
    Some(quote_spanned! { span => {
        #imports
        let __peach_value: #private::core::primitive::i128 = #value + #addend;
        __peach_assert!(#min <= __peach_value && __peach_value <= #max, "{}", #message);
        __peach_value
    } })
}

/// A Rust constant as an `i128`, whatever integer type it has; another type is an error at its
/// place.
fn integer(constant: &RustConst, private: &TokenStream) -> TokenStream {
    let expr = &constant.tokens;
    let span = Span::mixed_site().located_at(constant.span);
    // Numbers without a type take the widest one, instead of `i32`.
    match is_untyped(expr) {
        true => {
            let wide = quote_spanned!(ours() => #private::core::primitive::i128);
            quote_spanned!(span => { let __peach_value: #wide = { #expr }; __peach_value })
        }
        false => quote_spanned!(span => __peach_integer({ #expr })),
    }
}

/// Whether an expression is made of integer literals without suffixes alone.
fn is_untyped(expr: &TokenStream) -> bool {
    let mut tokens = expr.clone().into_iter().peekable();
    tokens.peek().is_some()
        && tokens.all(|token| match token {
            TokenTree::Ident(_) => false,
            TokenTree::Punct(punct) => "+-*/%<>|^!".contains(punct.as_char()),
            TokenTree::Group(group) => is_untyped(&group.stream()),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let digits = text.strip_prefix("0x").or(text.strip_prefix("0o"));
                let digits = digits.or(text.strip_prefix("0b")).unwrap_or(&text);
                let radix = if text.starts_with("0x") { 16 } else { 10 };
                digits.chars().all(|digit| digit == '_' || digit.is_digit(radix))
            }
        })
}
