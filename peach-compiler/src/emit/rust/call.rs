//! The Rust function: an `#[inline]` call of the code with the arguments in their registers.
//!
//! In: a group. Out: `fn name`. Where every argument arrives in a register, the call is an `asm!`
//! that names exactly what the code clobbers; otherwise, and where the code calls back through a
//! `fn` pointer, it is an ordinary call through the typed pointer.

use super::registers::{operand_literal, register_literal};
use super::signature::{Param, code_values};
use super::{
    Context, cfg_attributes, clobbers, head, inlined, is_attribute, number, ours, source_name,
    text, unsafety,
};
use crate::abi::{ArgPlace, ResultPlace};
use crate::compiled::CompiledFunction;
use crate::isa::{Bank, PhysReg};
use crate::syntax::ast::{Embed, Type, TypeKind};
use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};

/// The function `name`.
pub(super) fn function(context: &Context<'_>) -> TokenStream {
    let decl = context.decl();
    let attributes = &decl.rust_attrs;
    let author_decides =
        decl.rust_attrs.iter().any(|attribute| is_attribute(attribute, &["inline", "cold"]));
    let (inline, target_feature) = match &context.group.inlined {
        // rustc refuses both together.
        Some(_) => match inlined::target_feature(context) {
            None => (quote_spanned!(ours() => #[inline(always)]), None),
            features => (quote_spanned!(ours() => #[inline]), features),
        },
        None => (quote_spanned!(ours() => #[inline]), target_feature(context)),
    };
    let inline = (!author_decides).then_some(inline);
    let (head, lifetimes) = (head(decl), context.signature.lifetimes);
    let signature = context.signature.rust_tokens();
    let body = match &context.group.inlined {
        Some(inlined) => inlined_body(context, inlined),
        None if context.group.versions.is_empty() => body_in_error(context),
        None => body(context),
    };
    // With the braces of the source, the function counts as the user's, and lints point at it.
    let mut body = Group::new(Delimiter::Brace, body);
    body.set_span(decl.body.span.1);
    let cfgs = cfg_attributes(&context.group.source);
    quote_spanned! { ours() =>
        #cfgs
        #(#attributes)*
        #inline
        #target_feature
        #head #lifetimes #signature #body
    }
}

/// `#[target_feature]`, which Rust requires of a function with wide vectors in its signature.
pub(super) fn target_feature(context: &Context<'_>) -> Option<TokenStream> {
    let feature = match context.signature.widest_vector() {
        64 => "avx512f",
        32 => "avx",
        _ => return None,
    };
    Some(quote_spanned!(ours() => #[target_feature(enable = #feature)]))
}

/// What stands in for the code of a kernel in error; it is never run.
fn body_in_error(context: &Context<'_>) -> TokenStream {
    let private = context.private;
    let names = context.signature.params.iter().map(|param| &param.name);
    quote_spanned! { ours() =>
        let _ = (#(#names,)*);
        #private::core::unreachable!()
    }
}

fn body(context: &Context<'_>) -> TokenStream {
    let unsafety = unsafety::of_kernel(context);
    let (prepare, target) = target(context);
    let call = if goes_by_registers(context) {
        call_by_registers(context, &target)
    } else {
        call_by_pointer(context, &target)
    };
    quote_spanned!(ours() => #unsafety #prepare #call)
}

fn inlined_body(context: &Context<'_>, inlined: &CompiledFunction) -> TokenStream {
    let unsafety = unsafety::of_kernel(context);
    let code = inlined::body(context, inlined);
    quote_spanned!(ours() => #unsafety #code)
}

/// What is called.
enum Target {
    /// The address in the variable [`entry_name`].
    Entry,
    /// The function of the only version, in the text section.
    Symbol,
}

/// What has to happen before the call: finding the entry, or going to the fallback.
fn target(context: &Context<'_>) -> (TokenStream, Target) {
    let name = &context.decl().signature.name;
    let target = match (context.embed(), context.group.versions.as_slice()) {
        (Embed::Text, [only]) => {
            let needs_nothing = only.function.features.minified().is_empty()
                && context.group.source.fallback.is_none();
            // With listings, the first call is one that `PEACH_DUMP` hears of.
            if needs_nothing && context.options.listings.is_none() {
                return (TokenStream::new(), Target::Symbol);
            }
            Target::Symbol
        }
        _ => Target::Entry,
    };
    let (entry, private) = (entry_name(), context.private);
    let tokens = match fallback_call(context) {
        None => quote_spanned! { ours() =>
            let #entry = #private::entry(&#name::KERNEL);
        },
        Some((function, call)) => quote_spanned! { ours() =>
            #function
            let #entry = #private::entry_or_fallback(&#name::KERNEL);
            if #entry.is_null() {
                return #call;
            }
        },
    };
    let unused =
        matches!(target, Target::Symbol).then(|| quote_spanned!(ours() => let _ = #entry;));
    (quote_spanned!(ours() => #tokens #unused), target)
}

/// The variable with the address of the code.
fn entry_name() -> Ident {
    Ident::new("__peach_entry", ours())
}

/// The `#[fallback]` as a function of the function, and its call.
fn fallback_call(context: &Context<'_>) -> Option<(TokenStream, TokenStream)> {
    let (function, name) = fallback_function(context)?;
    let args = context.signature.params.iter().map(|param| &param.name);
    let call = quote_spanned!(ours() => #name(#(#args),*));
    let call = match context.group.source.fallback.as_ref()?.is_unsafe {
        true => quote_spanned!(ours() => unsafe { #call }),
        false => call,
    };
    Some((function, call))
}

/// The `#[fallback]` as a function of a function, and its name.
pub(super) fn fallback_function(context: &Context<'_>) -> Option<(TokenStream, Ident)> {
    let fallback = context.group.source.fallback.as_ref()?;
    let name = Ident::new("__peach_fallback", ours());
    let attributes = &fallback.rust_attrs;
    let (signature, body) = (&fallback.signature_tokens, &fallback.body);
    let target_feature = target_feature(context);
    let unsafety = fallback.is_unsafe.then(|| quote_spanned!(ours() => unsafe));
    let function = quote_spanned! { ours() =>
        #(#attributes)* #target_feature
        #unsafety fn #name #signature #body
    };
    Some((function, name))
}

/// Whether all that goes in and out fits the operands of `asm!`.
fn goes_by_registers(context: &Context<'_>) -> bool {
    let signature = &context.signature;
    let in_registers = |param: &Param<'_>| {
        param.places.iter().all(|place| matches!(place, ArgPlace::Reg(_)))
            && !is_function_pointer(param.kind)
    };
    let result = signature.placement.map(|placement| &placement.result);
    let result_fits = match result {
        Some(ResultPlace::Packed { .. }) => matches!(signature.result.kind, TypeKind::Pair(..)),
        Some(ResultPlace::Unit | ResultPlace::Regs(_)) => true,
        Some(ResultPlace::Memory { .. } | ResultPlace::Stack { .. }) | None => false,
    };
    signature.params.iter().all(in_registers)
        && result_fits
        && signature.widest_vector() <= 16
        && !clobbers::of(&context.group.versions).uses_shadow
}

fn is_function_pointer(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::FnPointer => true,
        TypeKind::Option(inner) => is_function_pointer(&inner.kind),
        _ => false,
    }
}

/// An ordinary call through the function pointer.
fn call_by_pointer(context: &Context<'_>, target: &Target) -> TokenStream {
    let name = &context.decl().signature.name;
    let (source, private) = (source_name(), context.private);
    let values = context.signature.params.iter().flat_map(code_values);
    let address = match target {
        Target::Entry => entry_name().into_token_stream(),
        Target::Symbol => {
            let function = text::function_name(context, 0);
            quote_spanned!(ours() => <#name::#source>::#function as *const ())
        }
    };
    let call = quote_spanned!(ours() => __peach_code(#(#values),*));
    let call = match context.signature.pointer_is_unsafe {
        true => quote_spanned!(ours() => unsafe { #call }),
        false => call,
    };
    let call = quote_spanned! { ours() =>
        let __peach_code: <#name::#source as #private::Source>::Pointer =
            unsafe { #private::core::mem::transmute(#address) };
        let __peach_result = #call;
    };
    let result = match context.signature.result.kind {
        TypeKind::Pair(..) => quote_spanned!(ours() => (__peach_result.0, __peach_result.1)),
        _ => quote_spanned!(ours() => __peach_result),
    };
    quote_spanned!(ours() => #call #result)
}

/// A call that clobbers what the code clobbers.
fn call_by_registers(context: &Context<'_>, target: &Target) -> TokenStream {
    let (name, private) = (&context.decl().signature.name, context.private);
    let entry = entry_name();
    let target = match target {
        Target::Entry => quote_spanned!(ours() => in(reg) #entry.addr()),
        Target::Symbol => {
            let source = source_name();
            let function = text::function_name(context, 0);
            quote_spanned!(ours() => sym <#name::#source>::#function)
        }
    };
    let mut inputs = Vec::new();
    for param in &context.signature.params {
        for (place, value) in param.places.iter().zip(register_values(param)) {
            let ArgPlace::Reg(reg) = place else { continue };
            let reg = register_literal(*reg);
            inputs.push(quote_spanned!(ours() => in(#reg) #value));
        }
    }
    let outputs = outputs(context);
    let (declared, conversion) = (&outputs.declarations, &outputs.conversion);
    let operands = &outputs.operands;
    let clobbered = clobbers::of(&context.group.versions);
    let takes_pointers = takes_pointers(context);
    let stack = clobbers::Stack::Used;
    let clobbers = clobbers::operands(&clobbered, &outputs.registers, takes_pointers, stack);
    quote_spanned! { ours() =>
        #declared
        unsafe {
            #private::core::arch::asm!(
                "call {}", #target, #(#inputs,)* #(#operands,)* #clobbers
            );
        }
        #conversion
    }
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
pub(super) fn register_values(param: &Param<'_>) -> Vec<TokenStream> {
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
