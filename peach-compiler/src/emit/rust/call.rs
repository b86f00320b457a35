//! The Rust function: an `#[inline]` call of the code with the arguments in their registers.
//!
//! In: a group. Out: `fn name`. Where every argument arrives in a register, the call is an `asm!`
//! that names exactly what the code clobbers; otherwise, and where the code calls back through a
//! `fn` pointer, it is an ordinary call through the typed pointer.

use super::signature::{Param, code_values};
use super::{
    Context, cfg_attributes, clobbers, docs, head, inlined, is_attribute, operands, ours,
    source_name, text, unsafety,
};
use crate::abi::{ArgPlace, ResultPlace};
use crate::compiled::CompiledFunction;
use crate::syntax::ast::{Embed, TypeKind};
use proc_macro2::{Delimiter, Group, Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

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
    let (cfgs, panics) = (cfg_attributes(&context.group.source), docs::panics(context));
    quote_spanned! { ours() =>
        #cfgs
        #(#attributes)*
        #panics
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
        Some(call) => quote_spanned! { ours() =>
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

/// A call of the `#[fallback]` with the arguments of the function.
fn fallback_call(context: &Context<'_>) -> Option<TokenStream> {
    let is_unsafe = context.group.source.fallback.as_ref()?.is_unsafe;
    let args = context.signature.params.iter().map(|param| &param.name);
    let callee = fallback_name(context);
    let call = quote_spanned!(ours() => #callee(#(#args),*));
    Some(match is_unsafe {
        true => quote_spanned!(ours() => unsafe { #call }),
        false => call,
    })
}

/// The path of the function with the body of the `#[fallback]`.
pub(super) fn fallback_name(context: &Context<'_>) -> TokenStream {
    let (name, source) = (&context.decl().signature.name, source_name());
    quote_spanned!(ours() => <#name::#source>::__peach_plain_rust)
}

/// The function with the body of the `#[fallback]`.
pub(super) fn fallback_function(context: &Context<'_>) -> Option<TokenStream> {
    let fallback = context.group.source.fallback.as_ref()?;
    let attributes = &fallback.rust_attrs;
    let (signature, body) = (&fallback.signature_tokens, &fallback.body);
    let target_feature = target_feature(context);
    let unsafety = fallback.is_unsafe.then(|| quote_spanned!(ours() => unsafe));
    Some(quote_spanned! { ours() =>
        #(#attributes)* #target_feature
        #unsafety fn __peach_plain_rust #signature #body
    })
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
    let inputs = operands::inputs(context);
    let outputs = operands::outputs(context);
    let (declared, conversion) = (&outputs.declarations, &outputs.conversion);
    let operands = &outputs.operands;
    let clobbered = clobbers::of(&context.group.versions);
    let takes_pointers = operands::takes_pointers(context);
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
