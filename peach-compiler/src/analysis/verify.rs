//! What is wrong with the author's program, as diagnostics.

use super::Facts;
use crate::diagnostics::Diagnostics;
use crate::ir::Function;

/// Reports reads of unwritten lanes, unbalanced stacks, missing returns, what needs `unsafe`, what
/// may not be valid as a result, and warns of what is unused or unreachable.
pub fn verify(_function: &Function, _facts: &Facts, _diagnostics: &mut Diagnostics) {
    todo!()
}
