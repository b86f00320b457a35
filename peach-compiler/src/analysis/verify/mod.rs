//! What is wrong with the author's program, as diagnostics.
//!
//! Input: a function and its facts. Output: diagnostics; a function without errors goes on to the
//! allocator. One file per question, each usable by itself:
//!
//! | file | question |
//! |---|---|
//! | `stack` | do `push` and `pop` balance, is the stack pointer left alone |

mod stack;

use super::Facts;
use crate::diagnostics::Diagnostics;
use crate::ir::Function;

/// Reports reads of unwritten lanes, unbalanced stacks, missing returns, what needs `unsafe`, what
/// may not be valid as a result, and warns of what is unused or unreachable.
pub fn verify(function: &Function, facts: &Facts, diagnostics: &mut Diagnostics) {
    stack::verify(function, facts, diagnostics);
}
