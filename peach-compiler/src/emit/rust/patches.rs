//! `const { … }` in code: fields that rustc fills in while it compiles the program.
//!
//! In: a version with its patches. Out: an expression for its bytes. Each value is checked to fit its
//! field by a constant assertion at the author's expression.

use super::{number, ours};
use crate::compiled::CompiledFunction;
use crate::encode::{Patch, PatchValue};
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote_spanned;

/// The bytes of a version as a `&'static [u8]`.
pub(super) fn patched(compiled: &CompiledFunction, bytes: &Literal) -> TokenStream {
    let patches: Vec<_> =
        compiled.encoded.patches.iter().filter_map(|patch| field(compiled, patch)).collect();
    if patches.is_empty() {
        return quote_spanned!(ours() => #bytes);
    }
    quote_spanned! { ours() =>
        &const { ::peach_runtime::__private::patch(*#bytes, &[#(#patches),*]) }
    }
}

/// `(offset, size, value)` of a patch with a Rust constant.
fn field(compiled: &CompiledFunction, patch: &Patch) -> Option<TokenStream> {
    let value = checked_value(compiled, patch)?;
    let (offset, size) = (number(patch.offset as usize), number(patch.size.into()));
    Some(quote_spanned!(ours() => (#offset, #size, #value)))
}

/// The value of a patch with a Rust constant, as an `i128` that fits its field.
pub(super) fn checked_value(compiled: &CompiledFunction, patch: &Patch) -> Option<TokenStream> {
    let PatchValue::Const(id, addend) = patch.value else { return None };
    let constant = &compiled.lowered.rust_consts[id.index()];
    let bits = u32::from(patch.size) * 8;
    let signed = patch.is_sign_extended(&compiled.lowered, &compiled.encoded);
    let (min, max) = patch.range(&compiled.lowered, &compiled.encoded);
    let message = format!(
        "the value of `const {{ {} }}` does not fit its field of {bits} bits{}",
        constant.tokens,
        if signed { ", which is extended with its sign" } else { "" },
    );
    let expr = &constant.tokens;
    let addend = Literal::i64_unsuffixed(addend);
    let (min, max) = (Literal::i128_unsuffixed(min), Literal::i128_unsuffixed(max));
    let span = Span::mixed_site().located_at(constant.span);
    Some(quote_spanned! { span => {
        let value = !!({ #expr }) as ::peach_runtime::__private::core::primitive::i128 + #addend;
        ::peach_runtime::__private::core::assert!(#min <= value && value <= #max, "{}", #message);
        value
    } })
}
