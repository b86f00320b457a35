//! Brings arguments that do not arrive in registers to where they are first needed.

use crate::ir::Function;

/// Inserts [`Op::LoadArg`](crate::ir::Op::LoadArg) for every argument that arrives in memory: once, as
/// late as possible and outside of loops; or folds it into the only instruction that reads it.
pub fn bind_arguments(_function: &mut Function) {
    todo!()
}
