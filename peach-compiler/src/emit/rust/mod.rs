//! The Rust items that a kernel becomes: the function, the module with `KERNEL`, the fallback.
//!
//! In: a [`Compilation`]. Out: for a kernel `name`
//!
//! ```text
//! fn name(…) -> … { calls the code }                         call.rs, clobbers.rs, signature.rs
//! mod name { pub static KERNEL: Kernel<…>; struct Source; }
//! const _: () = { impl Source for name::Source { … } };      shape.rs, patches.rs, text.rs
//! ```
//!
//! and the diagnostics. The third item stands in the scope of the kernel, so that the author's paths
//! and types mean there what they mean around it, even inside a function.
//!
//! Invariants: every path is absolute, through `::peach_runtime::__private`, and every token of ours has
//! the span of the macro: no item of the user is in the way (`no_implicit_prelude`, a type called
//! `u8`), and lints that look for `unsafe` see none. Names and types keep the author's spans.
//! A kernel in error has all items, without code, so that its callers bring no second error.

mod call;
mod clobbers;
mod patches;
mod seh;
mod shape;
mod signature;
mod text;
mod types;

use crate::compiled::{Compilation, CompiledGroup};
use crate::diagnostics::{self, Code, Diagnostic};
use crate::emit::reports::listing::Source;
use crate::syntax::ast;
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use signature::Signature;

/// What the embedding needs to know of the program around.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustOptions<'a> {
    /// Carry listings, with these source lines.
    pub listings: Option<&'a Source>,
    /// The convention of `extern "C"` that the kernels were compiled for is the Microsoft one.
    pub native_is_win64: bool,
}

/// The items for all kernels of `compilation`, and its diagnostics as `compile_error!`.
pub fn items(compilation: &Compilation, options: RustOptions<'_>) -> TokenStream {
    let mut tokens: TokenStream =
        compilation.diagnostics.iter().map(diagnostics::diagnostic_tokens).collect();
    for group in &compilation.kernels {
        tokens.extend(group_items(group, options));
    }
    let native =
        |group: &CompiledGroup| matches!(group.source.decl.abi, None | Some((ast::Abi::C, _)));
    if compilation.kernels.iter().any(native) {
        tokens.extend(convention_guard(options.native_is_win64));
    }
    tokens
}

/// The span of tokens that the author did not write.
fn ours() -> Span {
    Span::mixed_site()
}

/// A group as the parts of this module see it.
struct Context<'a> {
    group: &'a CompiledGroup,
    options: RustOptions<'a>,
    signature: Signature<'a>,
}

impl Context<'_> {
    fn decl(&self) -> &ast::Kernel {
        &self.group.source.decl
    }

    fn embed(&self) -> ast::Embed {
        self.decl().attrs.embed.map_or(ast::Embed::Map, |(embed, _)| embed)
    }
}

fn group_items(group: &CompiledGroup, options: RustOptions<'_>) -> TokenStream {
    if group.source.decl.signature.is_invalid {
        return refused_item(&group.source.decl);
    }
    let resolved = types::resolved(group);
    let signature = Signature::new(group, &resolved);
    let context = Context { group, options, signature };
    let mut tokens = elsewhere(&context);
    tokens.extend(call::function(&context));
    tokens.extend(module(&context));
    tokens.extend(shape::source(&context));
    tokens
}

/// The function alone, of a kernel whose signature is refused: there may be no type for its code.
fn refused_item(decl: &ast::Kernel) -> TokenStream {
    let (attributes, head, signature) = (&decl.rust_attrs, head(decl), &decl.signature.tokens);
    quote_spanned! { ours() =>
        #(#attributes)*
        #[allow(unused_variables)]
        #head #signature { ::peach_runtime::__private::core::unreachable!() }
    }
}

/// What stands on targets other than x86-64: the fallback, or an error that says that it is missing.
fn elsewhere(context: &Context<'_>) -> TokenStream {
    let decl = context.decl();
    let cfgs = cfg_attributes(decl);
    let Some(fallback) = &context.group.source.fallback else {
        if context.group.source.has_errors {
            return TokenStream::new();
        }
        let name = &decl.signature.name;
        let error = diagnostics::diagnostic_tokens(
            &Diagnostic::new(
                Code::UnsupportedTarget,
                name.span(),
                format!("kernel `{name}` is machine code for x86-64, which this target is not"),
            )
            .help(format!("add `#[fallback] fn {name}` with an ordinary Rust body")),
        );
        return quote_spanned! { ours() =>
            #cfgs #[cfg(not(target_arch = "x86_64"))] #error
        };
    };
    let attributes = &decl.rust_attrs;
    let own_attributes = &fallback.rust_attrs;
    let head = head(decl);
    let (signature, body) = (&fallback.signature_tokens, &fallback.body);
    quote_spanned! { ours() =>
        #(#attributes)* #(#own_attributes)*
        #[cfg(not(target_arch = "x86_64"))]
        #head #signature #body
    }
}

/// `pub unsafe fn name`, with the author's spans: lints about the function point at its name.
fn head(decl: &ast::Kernel) -> TokenStream {
    let vis = &decl.vis;
    let name = &decl.signature.name;
    let unsafety = decl.is_unsafe.then(|| quote_spanned!(ours() => unsafe));
    quote_spanned! { name.span() => #vis #unsafety fn #name }
}

/// The `#[cfg]`s of a kernel, which all of its items must have.
fn cfg_attributes(decl: &ast::Kernel) -> TokenStream {
    decl.rust_attrs.iter().filter(|attribute| is_attribute(attribute, &["cfg"])).cloned().collect()
}

/// Whether `#[…]` is one of `names`.
fn is_attribute(attribute: &TokenStream, names: &[&str]) -> bool {
    let Some(proc_macro2::TokenTree::Group(group)) = attribute.clone().into_iter().nth(1) else {
        return false;
    };
    let first = group.stream().into_iter().next().map(|token| token.to_string());
    first.is_some_and(|first| names.contains(&first.as_str()))
}

/// The module with `KERNEL`.
fn module(context: &Context<'_>) -> TokenStream {
    let decl = context.decl();
    let (cfgs, vis, name) = (cfg_attributes(decl), &decl.vis, &decl.signature.name);
    let about = about(context);
    let source = source_name();
    quote_spanned! { ours() =>
        #cfgs
        #[cfg(target_arch = "x86_64")]
        #[doc = #about]
        #[allow(dead_code, private_interfaces)]
        #vis mod #name {
            ::peach_runtime::__private::kernel_static! {
                #[doc = "The kernel itself: its function pointer, its versions and their machine code."]
                pub static KERNEL: ::peach_runtime::__private::Kernel<
                    <#source as ::peach_runtime::__private::Source>::Pointer
                > = ::peach_runtime::__private::Kernel::new::<#source>();
            }

            #[doc(hidden)]
            #[derive(::peach_runtime::__private::core::fmt::Debug)]
            pub(super) struct #source;
        }
    }
}

/// The type in a kernel's module that carries what is known of the kernel.
fn source_name() -> proc_macro2::Ident {
    proc_macro2::Ident::new("__PeachSource", ours())
}

/// The module's documentation: what a reader wants to know of the code.
fn about(context: &Context<'_>) -> String {
    let name = &context.decl().signature.name;
    let mut text = format!("The machine code of [`{name}`](fn@{name}).");
    for version in &context.group.versions {
        let extensions: Vec<_> =
            version.function.features.minified().iter().map(|feature| feature.name()).collect();
        let extensions =
            if extensions.is_empty() { "x86-64".to_string() } else { extensions.join(", ") };
        text.push_str(&format!("\n\n* {extensions}: {} bytes", version.encoded.bytes.len()));
    }
    text
}

/// Fails where the convention that the kernels were compiled for is not that of the target.
fn convention_guard(native_is_win64: bool) -> TokenStream {
    let message = "the kernels here were compiled for another operating system's calling convention; \
                   name it with extern \"sysv64\" or extern \"win64\"";
    quote_spanned! { ours() =>
        #[cfg(target_arch = "x86_64")]
        const _: () = ::peach_runtime::__private::core::assert!(
            ::peach_runtime::__private::core::cfg!(
                any(windows, target_os = "uefi", target_os = "cygwin")
            ) == #native_is_win64,
            "{}", #message
        );
    }
}

/// An unsuffixed number.
fn number(value: usize) -> TokenStream {
    let mut literal = Literal::usize_unsuffixed(value);
    literal.set_span(ours());
    literal.into_token_stream()
}
