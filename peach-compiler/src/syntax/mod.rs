//! From tokens to the syntax tree. The same code runs in the macro, in the command and in tests.
//!
//! In: a `TokenStream`. Out: an [`ast::File`] and diagnostics.
//! Invariants: nothing is resolved here, and no input, however odd, makes this panic or recurse
//! without bound.

mod assignments;
pub mod ast;
mod attributes;
mod bindings;
mod buffer;
mod conditions;
mod cursor;
mod expressions;
mod families;
mod functions;
mod habits;
mod items;
mod literals;
mod operands;
mod origins;
mod own_attributes;
mod patterns;
mod rust;
mod signature;
mod statements;
mod text;
mod types;

pub use origins::Origins;
pub use text::tokens_text;

use crate::diagnostics::{Diagnostic, Diagnostics};
use buffer::Buffer;
use proc_macro2::TokenStream;

/// Parses the contents of a `peach_fn!` (or of a bare kernel file). Items whose head is in error
/// are left out; a kernel with a good head keeps it, with those statements that are right.
pub fn parse(tokens: TokenStream, diagnostics: &mut Diagnostics) -> ast::File {
    let buffer = Buffer::new(tokens, diagnostics);
    let mut file = items::items(&mut buffer.cursor(), diagnostics);
    file.origins = Origins::of_buffer(&buffer);
    file
}

/// Parses the items of a family for one value of its variable: `{B}` after or between the parts of
/// a name is replaced by `value`, and `B` alone by its literal.
pub fn instantiate(
    family: &ast::Family,
    value: i128,
    diagnostics: &mut Diagnostics,
) -> Vec<ast::Item> {
    let var = ast::name_text(&family.var);
    let substitution = families::Substitution { var: &var, value };
    let tokens = substitution.apply(family.body.clone(), diagnostics);
    parse(tokens, diagnostics).items
}

/// Parses one expression, and nothing after it: the inside a `const { … }`.
///
/// # Errors
/// At the first token that does not fit.
pub fn expression(
    tokens: TokenStream,
    diagnostics: &mut Diagnostics,
) -> Result<ast::Expr, Box<Diagnostic>> {
    let buffer = Buffer::new(tokens, diagnostics);
    let mut cursor = buffer.cursor();
    let expr = expressions::expression(&mut cursor)?;
    cursor.expect_end("the end of the expression")?;
    Ok(expr)
}
