//! The errors of the user's program, as diagnostics.
//!
//! Input: a function and its facts. Output: diagnostics; a function without errors continues to the
//! allocator. One file per question:
//!
//! | file | question |
//! |---|---|
//! | `ending` | does every path that ends deliver the result |
//! | `init` | is every register lane written before it is read |
//! | `local_fns` | do local functions find what they use where they are called |
//! | `reserved` | are the registers of the convention left alone |
//! | `stack` | do `push` and `pop` balance, is the stack pointer left alone |
//! | `safety` | is everything outside of `unsafe` harmless |
//! | [`secrets`](super::secrets) | does nothing that can be measured depend on a secret |
//!
//! A mistake in code that is expanded many times is reported once for its tokens ([`Reports`]).

mod ending;
mod init;
mod local_fns;
mod reserved;
mod safety;
mod stack;

pub(super) use safety::unsettled;

use super::reports::{Reports, name_of, operand_span};
use super::{MOST_LIVE, Uses, secrets};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ir::Function;

/// Reports reads of unwritten lanes, unbalanced stacks, missing returns, what needs `unsafe`, and
/// what may not be valid as a result.
pub fn verify(uses: &Uses<'_>, diagnostics: &mut Diagnostics) {
    let mut reports = Reports::new(diagnostics);
    let (function, facts) = uses.written_out();
    ending::verify(function, facts, &mut reports);
    init::verify(function, facts, &mut reports);
    stack::verify(uses.function, uses.facts, &mut reports);
    reserved::verify(uses.function, &mut reports);
    local_fns::verify(uses.function, uses.facts, &mut reports);
    safety::verify(function, facts, &mut reports);
    secrets::verify(function, facts, &mut reports);
}

/// More values live over more blocks than can be followed.
pub(crate) fn too_large(function: &Function) -> Diagnostic {
    let message = format!("too many values of `{}` are live over too many blocks", function.name);
    Diagnostic::new(Code::TooLarge, function.span, message)
        .note(format!(
            "the values live at the start and at the end of each block, added up, are more than \
             {MOST_LIVE}"
        ))
        .help("keep values that are needed much later in memory, or split the kernel into several")
}
