//! What the runtime knows of a kernel: its name, its versions with their bytes, its fallback.
//!
//! In: a group. Out: `unsafe impl Source for name::Source { … }`, and where there are any the
//! functions that only the runtime calls as associated functions of the source.

use super::signature::{Param, abi_string, code_types, is_slice};
use super::{
    Context, call, cfg_attributes, number, ours, patches, proof, source_name, template, text,
};
use crate::compiled::CompiledFunction;
use crate::emit::reports::listing::listing;
use crate::emit::unwind;
use crate::encode::PatchValue;
use crate::syntax::ast::{TypeKind, name_text};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote_spanned};

/// The implementation of `Source`.
pub(super) fn source(context: &Context<'_>) -> TokenStream {
    let cfgs = cfg_attributes(&context.group.source);
    let name = &context.decl().signature.name;
    let name_text = name_text(name);
    let (source, private) = (source_name(), context.private);
    let pointer = context.signature.pointer_type(context);
    let versions = context.group.versions.iter().enumerate();
    let versions = versions.map(|(index, compiled)| version(context, index, compiled));
    let (fallback, fallback_function) = fallback(context);
    let functions = match context.group.versions.iter().any(is_in_text) {
        false => fallback_function,
        true => {
            let functions = text::functions(context);
            Some(quote_spanned!(ours() => #fallback_function #functions))
        }
    };
    let functions = functions.map(|functions| {
        quote_spanned! { ours() =>
            #cfgs
            #[allow(dead_code, improper_ctypes, improper_ctypes_definitions)]
            impl #name::#source { #functions }
        }
    });
    let proof = proof::function(context);
    quote_spanned! { ours() =>
        #cfgs
        #[allow(dead_code, improper_ctypes, improper_ctypes_definitions)]
        unsafe impl #private::Source for #name::#source {
            type Pointer = #pointer;
            const SHAPE: &'static #private::Shape = {
                #proof
                &#private::Shape {
                    name: #name_text,
                    versions: &[#(#versions),*],
                    fallback: #fallback,
                }
            };
        }
        #functions
    }
}

/// Whether the code is in the program's own text, and not mapped.
fn is_in_text(compiled: &CompiledFunction) -> bool {
    compiled.lowered.in_text
}

/// `Version::new(…)`.
fn version(context: &Context<'_>, index: usize, compiled: &CompiledFunction) -> TokenStream {
    let (features, private) = (&compiled.function.features, context.private);
    let extensions = features.minified();
    let extensions = extensions.iter().map(|feature| feature.name());
    let needs = features.words().iter().map(|&word| {
        let mut word = Literal::u64_unsuffixed(word);
        word.set_span(ours());
        word
    });
    let abi = compiled.function.convention.name;
    let code = match is_in_text(compiled) {
        false => mapped(context, compiled),
        true => {
            let name = &context.decl().signature.name;
            let source = source_name();
            let function = text::function_name(context, index);
            let len = number(compiled.encoded.bytes.len());
            // rustc checks the operands of `naked_asm!` when it generates code, but these always.
            let checks = patches::checks(compiled, private);
            quote_spanned! { ours() =>
                #private::Code::Text(
                    #private::Address(
                        <#name::#source>::#function as *const ()
                    ),
                    { #(#checks)* #len }
                )
            }
        }
    };
    let listing =
        context.options.listings.map_or_else(String::new, |source| listing(compiled, source));
    let unwind = match (context.options.listings, is_in_text(compiled)) {
        (Some(_), false) => {
            let changes = unwind::changes(&compiled.lowered, &compiled.encoded);
            Literal::byte_string(&unwind::dwarf_program(&changes))
        }
        _ => Literal::byte_string(b""),
    };
    quote_spanned! { ours() =>
        unsafe {
            #private::Version::new(
                &[#(#extensions),*], &[#(#needs),*], #abi, #code, #listing, #unwind
            )
        }
    }
}

/// `Code::Map(…)`: the bytes, with the values of Rust constants in them, and the relocations.
fn mapped(context: &Context<'_>, compiled: &CompiledFunction) -> TokenStream {
    let mut bytes = Literal::byte_string(&compiled.encoded.bytes);
    bytes.set_span(ours());
    let private = context.private;
    let bytes = patches::patched(compiled, &bytes, private);
    let align = number(compiled.encoded.align as usize);
    let relocations = compiled.encoded.patches.iter().filter_map(|patch| {
        let (sym, relative_to) = match patch.value {
            // A place in an item may be too far from mapped code, where `expand` refuses it.
            PatchValue::Const(..) | PatchValue::Memory(..) => return None,
            PatchValue::Address(sym) => {
                (sym, quote_spanned!(ours() => #private::core::option::Option::None))
            }
            PatchValue::Relative(sym) => {
                let end = number(patch.end as usize);
                (sym, quote_spanned!(ours() => #private::core::option::Option::Some(#end)))
            }
        };
        let symbol = template::symbol_operand(&compiled.lowered.rust_syms[sym.index()]);
        // An item of another library is only reached through the global offset table, which COFF
        // does not have.
        let template = match context.for_windows() {
            true => "lea {}, [rip + {}]",
            false => "mov {}, qword ptr [rip + {}@GOTPCREL]",
        };
        let offset = number(patch.offset as usize);
        Some(quote_spanned! { ours() =>
            #private::Relocation {
                offset: #offset,
                relative_to: #relative_to,
                address: || {
                    let __peach_address: *const ();
                    unsafe {
                        #private::core::arch::asm!(
                            #template, out(reg) __peach_address, #symbol
                        );
                    }
                    __peach_address
                },
            }
        })
    });
    quote_spanned! { ours() =>
        #private::Code::Map(#private::Arena {
            bytes: #bytes,
            align: #align,
            relocations: &[#(#relocations),*],
        })
    }
}

/// The value of `Shape::fallback`, and two functions: that with the fallback's body, and the one in
/// the kernel's own convention that the value points to, which calls it.
fn fallback(context: &Context<'_>) -> (TokenStream, Option<TokenStream>) {
    let private = context.private;
    if context.group.source.fallback.is_none() {
        let none = quote_spanned!(ours() => #private::core::option::Option::None);
        return (none, None);
    }
    let name = &context.decl().signature.name;
    let source = source_name();
    let value = quote_spanned! { ours() =>
        #private::core::option::Option::Some(
            #private::Address(<#name::#source>::__peach_fallback as *const ())
        )
    };
    let signature = &context.signature;
    let target_feature = call::target_feature(context);
    let abi = abi_string(context);
    let (lifetimes, where_clause) = (signature.lifetimes, signature.where_clause);
    let mut params = Vec::new();
    let mut args = Vec::new();
    for (index, param) in signature.params.iter().enumerate() {
        let names = [
            format_ident!("__peach_pointer_{index}", span = ours()),
            format_ident!("__peach_len_{index}", span = ours()),
        ];
        for (name, ty) in names.iter().zip(code_types(param)) {
            params.push(quote_spanned!(ours() => #name: #ty));
        }
        args.push(rust_value(param, &names));
    }
    let result = signature.code_result(private);
    let (plain, callee) = (call::fallback_function(context), call::fallback_name(context));
    let call = quote_spanned!(ours() => unsafe { #callee(#(#args),*) });
    let call = match &signature.result.kind {
        TypeKind::Pair(..) => quote_spanned! { ours() =>
            #private::core::convert::Into::into(#call)
        },
        _ => call,
    };
    let function = quote_spanned! { ours() =>
        #plain
        #target_feature
        #[allow(unused_unsafe)]
        unsafe extern #abi fn __peach_fallback #lifetimes (#(#params),*) #result #where_clause {
            #call
        }
    };
    (value, Some(function))
}

/// The Rust value of a parameter, of the names of its parts.
fn rust_value(param: &Param<'_>, [pointer, len]: &[proc_macro2::Ident; 2]) -> TokenStream {
    if !is_slice(param.kind) {
        return quote_spanned!(ours() => #pointer);
    }
    let private = param.private;
    let slice = quote_spanned! { ours() =>
        #private::core::slice::from_raw_parts(#pointer, #len)
    };
    match param.kind {
        TypeKind::Slice { mutable: true, .. } => quote_spanned! { ours() =>
            #private::core::slice::from_raw_parts_mut(#pointer, #len)
        },
        TypeKind::Str => quote_spanned! { ours() =>
            #private::core::str::from_utf8_unchecked(#slice)
        },
        _ => slice,
    }
}
