//! The procedural macro of peach. Use it through `peach_runtime::peach_fn`.
//!
//! A shell: it calls the compiler and gives back the items. `peach_fn!` passes the path of the
//! runtime's crate and its version before the kernels, and chooses the macro: the runtime is
//! compiled for the target, which a procedural macro cannot know.

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::emit::reports::listing::Source;
use peach_compiler::emit::rust::{self, Platform, RustOptions};
use peach_compiler::pipeline::{self, Target};
use proc_macro::{Literal, TokenStream, TokenTree};

/// Kernels for x86-64, where `extern "C"` is the convention of System V.
#[proc_macro]
pub fn sysv64(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::SysV64, Std::Yes)
}

/// As [`sysv64`], where nothing can be mapped.
#[proc_macro]
pub fn sysv64_without_std(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::SysV64, Std::No)
}

/// Kernels for x86-64, where `extern "C"` is the Microsoft convention.
#[proc_macro]
pub fn win64(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::Win64, Std::Yes)
}

/// As [`win64`], where nothing can be mapped.
#[proc_macro]
pub fn win64_without_std(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::Win64, Std::No)
}

/// Kernels on another processor: their fallbacks.
#[proc_macro]
pub fn elsewhere(tokens: TokenStream) -> TokenStream {
    items(tokens, Platform::Elsewhere, Std::Yes)
}

/// Whether the runtime has its feature `std`.
#[derive(PartialEq, Eq)]
enum Std {
    Yes,
    No,
}

fn items(tokens: TokenStream, platform: Platform, std: Std) -> TokenStream {
    let native = match platform {
        Platform::SysV64 | Platform::Elsewhere => &SYSV64,
        Platform::Win64 => &WIN64,
    };
    let mut tokens = tokens.into_iter();
    let runtime: TokenStream = tokens.next().into_iter().collect();
    let runtime = runtime.into();
    if let Err(error) = same_version(tokens.next()) {
        return error;
    }
    let tokens = tokens.collect::<TokenStream>().into();
    let source = cfg!(feature = "debug").then(|| Source::of(&tokens));
    let compilation = pipeline::compile(tokens, Target::in_rust(native));
    let options = RustOptions {
        listings: source.as_ref(),
        platform,
        runtime: Some(&runtime),
        without_std: std == Std::No,
    };
    rust::items(&compilation, options).into()
}

/// The items are made of what the runtime of this very version has.
fn same_version(runtime: Option<TokenTree>) -> Result<(), TokenStream> {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let runtime = runtime.map_or_else(String::new, |version| version.to_string());
    let runtime = runtime.trim_matches('"');
    if runtime == OWN {
        return Ok(());
    }
    let message = format!(
        "peach-macros {OWN} cannot make kernels for peach-runtime {runtime}: both must be of one \
         release. Depend on peach-runtime alone, which names the version of its macros, and remove \
         what replaces one of the two (`[patch]`, `paths`, a vendored copy)"
    );
    let message = Literal::string(&message);
    Err(format!("::core::compile_error!{{{message}}}").parse().expect("an invocation"))
}
