//! `#[embed = "text"]`: a version as a naked function in the program's own text section.

use super::Context;
use proc_macro2::TokenStream;

/// The functions of all versions.
pub(super) fn functions(_context: &Context<'_>) -> TokenStream {
    TokenStream::new()
}
