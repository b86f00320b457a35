//! `const { … }` in code: fields that rustc fills in while it compiles the program.
//!
//! In: a version with its patches. Out: an expression for its bytes. Each value is checked to fit its
//! field by a constant assertion at the author's expression.

use super::{number, ours};
use crate::encode::{Patch, PatchValue};
use crate::ir::{Code, Operand};
use crate::pipeline::CompiledFunction;
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
    let min = -(1i128 << (bits - 1));
    let signed = is_sign_extended(compiled, patch);
    let max = if signed { -min - 1 } else { (1i128 << bits) - 1 };
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

/// Whether the processor extends the field's sign: displacements, and 32-bit immediates where the
/// operation has 64 bits.
fn is_sign_extended(compiled: &CompiledFunction, patch: &Patch) -> bool {
    let offsets = &compiled.encoded.item_offsets;
    let item = offsets.partition_point(|&start| start <= patch.offset).saturating_sub(1);
    let Code::Inst(inst) = &compiled.lowered.items[item].code else { return true };
    let PatchValue::Const(id, _) = patch.value else { return true };
    let is_immediate =
        inst.operands.iter().any(|operand| matches!(operand, Operand::RustConst(is) if *is == id));
    let width = inst.operands.iter().filter_map(|operand| match operand {
        Operand::Reg(view) => Some(view.class.bytes()),
        Operand::Mem(mem) => mem.size,
        _ => None,
    });
    // `push imm32` has no other operand, and 64 bits.
    !is_immediate || patch.size == 4 && width.max().is_none_or(|width| width > 4)
}
