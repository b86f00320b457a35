//! The procedural macro of peach. Use it through `peach_runtime::peach_fn`.

use proc_macro::TokenStream;

/// Compiles kernels written in the kernel language into Rust functions.
#[proc_macro]
pub fn peach_fn(tokens: TokenStream) -> TokenStream {
    let compilation =
        peach_compiler::pipeline::compile(tokens.into(), &peach_compiler::abi::SYSV64);
    peach_compiler::emit::rust::items(&compilation, Default::default()).into()
}
