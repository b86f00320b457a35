//! The Rust items that a kernel becomes: the function, the module with `KERNEL`, the fallback.

use crate::pipeline::Compilation;
use proc_macro2::TokenStream;

/// What the embedding needs to know of the program around.
#[derive(Clone, Copy, Debug, Default)]
pub struct RustOptions {
    /// Carry listings.
    pub debug: bool,
    /// The convention of `extern "C"` that the kernels were compiled for is the Microsoft one.
    pub native_is_win64: bool,
}

/// The items for all kernels of `compilation`, and its diagnostics as `compile_error!`.
pub fn items(_compilation: &Compilation, _options: RustOptions) -> TokenStream {
    todo!()
}
