//! The allocation checker: replays the final code symbolically against the program as written.
//!
//! It shares no code with `regalloc`, `frame` or `analysis::liveness`. For every path it tracks which
//! virtual register's value (as of its last write) each physical register, stack slot and flag holds,
//! and refuses the code unless every instruction of the author reads exactly the values that it
//! read before, and every preserved register is as it was at every return.

use crate::ir::{Function, Lowered};

/// Why an allocation is refused: a bug in peach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, with the instruction and the registers.
    pub message: String,
}

/// Accepts `lowered` as a faithful rendering of `function`, or says why not.
pub fn check(_function: &Function, _lowered: &Lowered) -> Result<(), Refusal> {
    todo!()
}
