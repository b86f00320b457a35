//! The operands of `asm!`: how arguments go into their registers, and results come out of them.
//!
//! In: a signature and the placement of its parts. Out: `in("rdi") x`, `lateout("rax") y`, and the
//! conversions between a Rust value and what a register holds.

use super::registers::{operand_literal, register_literal};
use super::signature::{Param, code_values};
use super::{Context, number, ours};
use crate::abi::{ArgPlace, ResultPlace};
use crate::isa::{Bank, PhysReg};
use crate::syntax::ast::{Type, TypeKind};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote_spanned};

/// `in("rdi") x`, for every part of every argument.
pub(super) fn inputs(context: &Context<'_>) -> Vec<TokenStream> {
    let mut inputs = Vec::new();
    for param in &context.signature.params {
        for (place, value) in param.places.iter().zip(register_values(param)) {
            let ArgPlace::Reg(reg) = place else { continue };
            let reg = operand_literal(*reg, param.kind);
            inputs.push(quote_spanned!(ours() => in(#reg) #value));
        }
    }
    inputs
}

/// Whether an argument is an address. A result may then be one that stems from it.
pub(super) fn takes_pointers(context: &Context<'_>) -> bool {
    let is_number = |kind: &TypeKind| {
        matches!(
            kind,
            TypeKind::Int { .. }
                | TypeKind::Wide { .. }
                | TypeKind::Bool
                | TypeKind::Char
                | TypeKind::Float { .. }
                | TypeKind::Vector { .. }
        )
    };
    context.signature.params.iter().any(|param| !is_number(param.kind))
}

/// The values of a parameter's parts, of types that `asm!` takes in registers.
fn register_values(param: &Param<'_>) -> Vec<TokenStream> {
    let (name, private) = (&param.name, param.private);
    let value = match param.kind {
        TypeKind::Int { bytes: 1, .. } | TypeKind::Bool | TypeKind::Char => {
            quote_spanned!(ours() => #name as #private::core::primitive::u32)
        }
        TypeKind::Wide { .. } => {
            let half = quote_spanned!(ours() => #private::core::primitive::u64);
            return vec![
                quote_spanned!(ours() => #name as #half),
                quote_spanned!(ours() => (#name >> 64) as #half),
            ];
        }
        TypeKind::Reference { .. }
        | TypeKind::NonNull
        | TypeKind::Option(_)
        | TypeKind::RawPointer => quote_spanned!(ours() => #private::to_pointer(#name)),
        _ => return code_values(param),
    };
    vec![value]
}

/// How the result leaves `asm!`.
#[derive(Default)]
pub(super) struct Outputs {
    /// `let low: u64;`
    pub(super) declarations: TokenStream,
    /// `lateout("rax") low`
    pub(super) operands: Vec<TokenStream>,
    /// The registers of the operands.
    pub(super) registers: Vec<PhysReg>,
    /// The value of the function.
    pub(super) conversion: TokenStream,
}

pub(super) fn outputs(context: &Context<'_>) -> Outputs {
    let (result, private) = (context.signature.result, context.private);
    let place = context.signature.placement.map(|placement| &placement.result);
    let mut outputs = Outputs::default();
    match (place, &result.kind) {
        (Some(ResultPlace::Regs(regs)), TypeKind::Wide { .. }) => {
            let word = quote_spanned!(ours() => #private::core::primitive::u64);
            let wide = quote_spanned!(ours() => #private::core::primitive::u128);
            let low = outputs.register("__peach_low", &word, regs[0]);
            let high = outputs.register("__peach_high", &word, regs[1]);
            let ty = &result.tokens;
            outputs.conversion =
                quote_spanned!(ours() => ((#high as #wide) << 64 | #low as #wide) as #ty);
        }
        (Some(ResultPlace::Regs(regs)), TypeKind::Pair(a, b)) => {
            let first = outputs.register("__peach_first", &carrier(a, private), regs[0]);
            let second = outputs.register("__peach_second", &carrier(b, private), regs[1]);
            let (a, b) = (from_carrier(a, &first, private), from_carrier(b, &second, private));
            outputs.conversion = quote_spanned!(ours() => (#a, #b));
        }
        (Some(ResultPlace::Regs(regs)), _) => {
            let literal = operand_literal(regs[0], &result.kind);
            let ty = carrier(result, private);
            let value = outputs.register_as("__peach_result", &ty, regs[0], literal);
            outputs.conversion = from_carrier(result, &value, private);
        }
        (Some(ResultPlace::Packed { reg, shift }), TypeKind::Pair(a, b)) => {
            let word = quote_spanned!(ours() => #private::core::primitive::u64);
            let double = quote_spanned!(ours() => #private::core::primitive::f64);
            let value = match reg.bank {
                Bank::Vector => {
                    let value = outputs.register("__peach_result", &double, *reg);
                    quote_spanned!(ours() => #double::to_bits(#value))
                }
                _ => outputs.register("__peach_result", &word, *reg),
            };
            let shift = number(*shift as usize);
            let bits = quote_spanned!(ours() => __peach_bits);
            let high = quote_spanned!(ours() => (#bits >> #shift));
            let (a, b) = (from_bits(a, &bits, private), from_bits(b, &high, private));
            outputs.conversion = quote_spanned! { ours() =>
                let #bits: #word = #value;
                (#a, #b)
            };
        }
        _ => {}
    }
    outputs
}

impl Outputs {
    /// Declares a variable of type `ty` for what `reg` holds after the call, and gives its name.
    fn register(&mut self, name: &str, ty: &TokenStream, reg: PhysReg) -> TokenStream {
        self.register_as(name, ty, reg, register_literal(reg))
    }

    fn register_as(
        &mut self,
        name: &str,
        ty: &TokenStream,
        reg: PhysReg,
        literal: Literal,
    ) -> TokenStream {
        let name = format_ident!("{name}", span = ours());
        self.registers.push(reg);
        self.declarations.extend(quote_spanned!(ours() => let #name: #ty;));
        self.operands.push(quote_spanned!(ours() => lateout(#literal) #name));
        quote_spanned!(ours() => #name)
    }
}

/// The type with which a value of `ty` leaves a register.
fn carrier(ty: &Type, private: &TokenStream) -> TokenStream {
    let primitive = |name: &str| {
        let name = format_ident!("{name}", span = ours());
        quote_spanned!(ours() => #private::core::primitive::#name)
    };
    match ty.kind {
        TypeKind::Int { bytes: 8, .. } => primitive("u64"),
        TypeKind::Int { .. } | TypeKind::Bool | TypeKind::Char => primitive("u32"),
        TypeKind::Float { bytes: 4 } => primitive("f32"),
        TypeKind::Float { .. } => primitive("f64"),
        TypeKind::Vector { .. } => ty.tokens.clone(),
        _ => quote_spanned!(ours() => *mut ()),
    }
}

/// The value of type `ty` that the carrier `value` holds.
fn from_carrier(ty: &Type, value: &TokenStream, private: &TokenStream) -> TokenStream {
    let tokens = &ty.tokens;
    match ty.kind {
        TypeKind::Int { .. } => quote_spanned!(ours() => #value as #tokens),
        TypeKind::Float { .. } | TypeKind::Vector { .. } => value.clone(),
        TypeKind::Bool => quote_spanned! { ours() =>
            unsafe { #private::from_byte(#value) }
        },
        TypeKind::Char => quote_spanned! { ours() =>
            unsafe { #private::core::char::from_u32_unchecked(#value) }
        },
        _ => quote_spanned! { ours() =>
            unsafe { #private::from_pointer::<#tokens>(#value) }
        },
    }
}

/// The value of type `ty` in the low bits of the word `bits`.
fn from_bits(ty: &Type, bits: &TokenStream, private: &TokenStream) -> TokenStream {
    let word = quote_spanned!(ours() => #private::core::primitive::u32);
    match ty.kind {
        TypeKind::Float { bytes: 4 } => quote_spanned! { ours() =>
            #private::core::primitive::f32::from_bits(#bits as #word)
        },
        TypeKind::Bool | TypeKind::Char => {
            from_carrier(ty, &quote_spanned!(ours() => (#bits as #word)), private)
        }
        _ => from_carrier(ty, bits, private),
    }
}
