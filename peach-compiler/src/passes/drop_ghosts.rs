//! Removes what only the proof sees, so that it cannot change the code.

use crate::ir::{Function, Op};

/// Removes [`Op::Ghost`]; whether there was any.
pub fn drop_ghosts(function: &mut Function) -> bool {
    let before = function.insts.len();
    function.insts.retain(|inst| !matches!(inst.op, Op::Ghost(_)));
    function.insts.len() < before
}
