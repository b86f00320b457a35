//! From tokens to the syntax tree. The same code runs in the macro, in the command and in tests.

pub mod ast;

use crate::diagnostics::Diagnostics;
use proc_macro2::TokenStream;

/// Parses the contents of a `peach_fn!` (or of a bare kernel file). Items in error are left out, but
/// a kernel whose signature is fine keeps its signature with an empty body.
pub fn parse(_tokens: TokenStream, _diagnostics: &mut Diagnostics) -> ast::File {
    todo!()
}

/// Parses the items of a family for one value of its variable: `{B}` behind or between the parts of
/// a name is replaced by `value`, and `B` is a constant in them.
pub fn instantiate(
    _family: &ast::Family,
    _value: i128,
    _diagnostics: &mut Diagnostics,
) -> Vec<ast::Item> {
    todo!()
}
