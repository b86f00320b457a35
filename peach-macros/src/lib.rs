//! The procedural macro of peach. Use it through `peach_runtime::peach_fn`.
//!
//! A shell: it calls the compiler and gives back the items. `peach_fn!` passes the path of the
//! runtime's crate before the kernels, and chooses the macro: the runtime is compiled for the
//! target, which a procedural macro cannot know.

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::emit::reports::listing::Source;
use peach_compiler::emit::rust::{self, Platform, RustOptions};
use peach_compiler::pipeline::{self, Target};
use proc_macro::TokenStream;

/// Kernels for x86-64, where `extern "C"` is the convention of System V.
#[proc_macro]
pub fn sysv64(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::SysV64)
}

/// Kernels for x86-64, where `extern "C"` is the Microsoft convention.
#[proc_macro]
pub fn win64(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::Win64)
}

/// Kernels on another processor: their fallbacks.
#[proc_macro]
pub fn elsewhere(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::Elsewhere)
}

fn items(tokens: TokenStream, platform: Platform) -> TokenStream {
    let native = match platform {
        Platform::SysV64 | Platform::Elsewhere => &SYSV64,
        Platform::Win64 => &WIN64,
    };
    let mut tokens = tokens.into_iter();
    let runtime: TokenStream = tokens.next().into_iter().collect();
    let runtime = runtime.into();
    let tokens = tokens.collect::<TokenStream>().into();
    let source = cfg!(feature = "debug").then(|| Source::of(&tokens));
    let compilation = pipeline::compile(tokens, Target::in_rust(native));
    let options = RustOptions { listings: source.as_ref(), platform, runtime: Some(&runtime) };
    rust::items(&compilation, options).into()
}
