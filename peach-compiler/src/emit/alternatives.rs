//! Kernels of one name with different `#[cfg]`s: of two that exist, the second is an error.

use crate::diagnostics::{Code, Diagnostic};
use crate::syntax::ast::Name;

/// What is said of the second one.
pub(super) fn both_exist(name: &Name, first: &Name) -> Diagnostic {
    let message = format!("two kernels `{name}` with different `#[cfg]`s exist here");
    Diagnostic::new(Code::DuplicateItem, name.span(), message)
        .label(first.span(), "the first one")
        .note("they are alternatives: where one exists, the other may not")
        .help("versions of one kernel have the same `#[cfg]`s, in the same words")
}
