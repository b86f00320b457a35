//! The Rust items that a kernel becomes: the function, the module with `KERNEL`, the fallback.
//!
//! In: a [`Compilation`]. Out: for a kernel `name`
//!
//! ```text
//! fn name(…) -> … { calls the code }                         call.rs, clobbers.rs, signature.rs
//! mod name { pub static KERNEL: Kernel<…>; struct Source; }
//! unsafe impl Source for name::Source { … }                  shape, patches, text, proof
//! ```
//!
//! and the diagnostics. The third item is in the scope of the kernel, so that the user's paths
//! and types mean there what they mean around it, even inside a function. For targets that are not
//! x86-64 there is the fallback alone (elsewhere.rs).
//!
//! Invariants: every path starts with `$crate::__private`, whatever the runtime's crate is called,
//! and every token of ours has the span of the macro: no item of the user is in the way
//! (`no_implicit_prelude`, a type called `u8`), and lints that look for `unsafe` see the user's
//! alone. Names that are bound start with `__peach_`, because a constant of the user with the same
//! name would turn the binding into a comparison. Names and types keep the spans of the source. A
//! kernel in error has all items, without code, so that its callers bring no second error.

mod call;
mod clobbers;
mod conditions;
mod docs;
mod elsewhere;
mod inlined;
mod operands;
mod patches;
mod proof;
mod registers;
mod seh;
mod shape;
mod signature;
mod template;
mod text;
mod types;
mod unsafety;

use crate::compiled::{Compilation, CompiledGroup};
use crate::diagnostics::{self, Code, Diagnostic};
use crate::emit::reports::listing::Source;
use crate::expand::KernelGroup;
use crate::syntax::ast;
use conditions::cfg_attributes;
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use signature::Signature;

/// What the embedding needs to know of the program around.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustOptions<'a> {
    /// Carry listings, with these source lines.
    pub listings: Option<&'a Source>,
    /// What the program is compiled for.
    pub platform: Platform,
    /// The path of the runtime's crate; `::peach_runtime` where there is none.
    pub runtime: Option<&'a TokenStream>,
    /// The runtime lacks its feature `std`, and maps nothing.
    pub without_std: bool,
}

/// The targets of Rust programs, as far as the items differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Platform {
    /// x86-64, where `extern "C"` is the convention of System V.
    #[default]
    SysV64,
    /// x86-64, where `extern "C"` is the Microsoft one.
    Win64,
    /// Anything else: no kernel runs, only fallbacks do.
    Elsewhere,
}

/// The items for all kernels of `compilation`, and its diagnostics as `compile_error!`.
pub fn items(compilation: &Compilation, options: RustOptions<'_>) -> TokenStream {
    let mut tokens: TokenStream =
        compilation.diagnostics.iter().map(diagnostics::diagnostic_tokens).collect();
    let private = match options.runtime {
        Some(path) => quote_spanned!(ours() => #path::__private),
        None => quote_spanned!(ours() => ::peach_runtime::__private),
    };
    for group in &compilation.kernels {
        tokens.extend(group_items(group, options, &private));
    }
    tokens.extend(compilation.fallbacks.iter().map(elsewhere::lone_fallback));
    tokens.extend(unsafety::of_helpers(&compilation.unsafe_helpers, &private));
    tokens
}

/// The span of tokens that are not in the source.
fn ours() -> Span {
    Span::mixed_site()
}

/// A group as the parts of this module see it.
struct Context<'a> {
    group: &'a CompiledGroup,
    options: RustOptions<'a>,
    signature: Signature<'a>,
    /// The path of what the runtime has for generated items: `$crate::__private`.
    private: &'a TokenStream,
}

impl Context<'_> {
    fn decl(&self) -> &ast::Kernel {
        &self.group.source.decl
    }

    fn embed(&self) -> ast::Embed {
        self.decl().attrs.embed.map_or(ast::Embed::Map, |(embed, _)| embed)
    }

    fn for_windows(&self) -> bool {
        self.options.platform == Platform::Win64
    }
}

fn group_items(
    group: &CompiledGroup,
    options: RustOptions<'_>,
    private: &TokenStream,
) -> TokenStream {
    let mut tokens = conditions::error(&group.source).unwrap_or_default();
    if group.source.decl.signature.is_invalid {
        tokens.extend(unreachable_item(&group.source, private));
        return tokens;
    }
    let resolved = types::resolved(group, private);
    let signature = Signature::new(group, &resolved, private);
    let context = Context { group, options, signature, private };
    if options.platform == Platform::Elsewhere {
        tokens.extend(elsewhere::items(&context));
        return tokens;
    }
    tokens.extend(refused_attributes(&context.group.source));
    tokens.extend(refused_mapping(&context));
    tokens.extend(call::function(&context));
    tokens.extend(module(&context));
    tokens.extend(shape::source(&context));
    tokens
}

/// What names or describes a symbol would be that of a function of Rust's own convention, which
/// nothing else can call.
fn refused_attributes(group: &KernelGroup) -> TokenStream {
    let decl = &group.decl;
    let attrs = &decl.attrs;
    let aliases = attrs.aliases.iter().map(|alias| alias.span);
    let (cfgs, name) = (cfg_attributes(group), &decl.signature.name);
    let mut tokens = TokenStream::new();
    for at in attrs.no_mangle.into_iter().chain(attrs.weak).chain(aliases) {
        let message =
            format!("`{name}` has Rust's own convention: linkers of other code have no use for it");
        let error = Diagnostic::new(Code::BadAttribute, at, message)
            .note("in object files, kernels have symbols and their own convention")
            .help(format!(
                "export a function that calls it: \
                 `#[unsafe(no_mangle)] pub extern \"C\" fn …(…) {{ {name}(…) }}`"
            ));
        let error = diagnostics::diagnostic_tokens(&error);
        tokens.extend(quote_spanned!(ours() => #cfgs #error));
    }
    tokens
}

/// A mapped kernel is an error where the runtime cannot map it.
fn refused_mapping(context: &Context<'_>) -> Option<TokenStream> {
    let decl = context.decl();
    if !context.options.without_std || context.embed() != ast::Embed::Map {
        return None;
    }
    let name = &decl.signature.name;
    let at = decl.attrs.embed.map_or(name.span(), |(_, span)| span);
    let message = format!(
        "kernel `{name}` cannot be mapped: `peach-runtime` is compiled without its feature `std`"
    );
    let mut error = Diagnostic::new(Code::NeedsStd, at, message);
    if decl.attrs.embed.is_none() {
        error = error.note("kernels are mapped unless `#[embed = \"…\"]` says otherwise");
    }
    let error = error.help(
        "write `#[embed = \"text\"]` or `#[embed = \"inline\"]`, or enable the feature `std`",
    );
    let (cfgs, error) =
        (cfg_attributes(&context.group.source), diagnostics::diagnostic_tokens(&error));
    Some(quote_spanned!(ours() => #cfgs #error))
}

/// The function alone, of a kernel that has no code: there may be no type for it.
fn unreachable_item(group: &KernelGroup, private: &TokenStream) -> TokenStream {
    let decl = &group.decl;
    let (attributes, head, signature) = (&decl.rust_attrs, head(decl), &decl.signature.tokens);
    let cfgs = cfg_attributes(group);
    quote_spanned! { ours() =>
        #cfgs
        #(#attributes)*
        #[allow(unused_variables)]
        #head #signature { #private::core::unreachable!() }
    }
}

/// `pub unsafe fn name`, with the spans of the source: lints about the function point at its name.
fn head(decl: &ast::Kernel) -> TokenStream {
    let vis = &decl.vis;
    let name = &decl.signature.name;
    let unsafety = decl.unsafety.map(|span| quote_spanned!(span => unsafe));
    quote_spanned! { name.span() => #vis #unsafety fn #name }
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
    let (cfgs, vis, name) =
        (cfg_attributes(&context.group.source), &decl.vis, &decl.signature.name);
    let about = about(context);
    let (source, private) = (source_name(), context.private);
    quote_spanned! { ours() =>
        #cfgs
        #[doc = #about]
        #[allow(dead_code, private_interfaces)]
        #vis mod #name {
            #private::kernel_static! {
                #[doc = "The kernel itself: its function pointer, versions and machine code."]
                pub static KERNEL: #private::Kernel<
                    <#source as #private::Source>::Pointer
                > = #private::Kernel::new::<#source>();
            }

            #[doc(hidden)]
            #[allow(missing_debug_implementations)]
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

/// An unsuffixed number.
fn number(value: usize) -> TokenStream {
    let mut literal = Literal::usize_unsuffixed(value);
    literal.set_span(ours());
    literal.into_token_stream()
}
