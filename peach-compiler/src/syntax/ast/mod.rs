//! The syntax tree: the source with spans, nothing resolved.
//!
//! An [`Item`] is at the top, a [`Statement`] in a body, an [`Expr`] in a statement, and a [`Type`]
//! or a [`ClassExpr`] in whatever declares something.

mod elements;
mod expressions;
mod functions;
mod items;
mod patterns;
mod statements;
mod types;

pub use crate::ir::Rounding;
pub use elements::*;
pub use expressions::*;
pub use functions::*;
pub use items::*;
pub use patterns::*;
pub use statements::*;
pub use types::*;

use proc_macro2::Ident;

/// A name with its place. A raw identifier keeps its `r#`: see [`name_text`].
pub type Name = Ident;

/// The text of a name, without `r#`: `r#in` and `in` are the same name.
pub fn name_text(name: &Name) -> String {
    let mut text = name.to_string();
    if text.starts_with("r#") {
        text.drain(..2);
    }
    text
}
