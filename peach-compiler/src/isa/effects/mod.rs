//! What instructions read, write and do.
//!
//! | file | what it does |
//! |---|---|
//! | `types` | the terms: bytes of registers, flags, memory, control |
//! | `row` | what a row of iced's table does, whatever its operands are |
//! | `vectors` | which bytes of its sources a vector instruction looks at |
//! | `shuffles` | the same where the immediate says it |
//! | `properties` | safety, control flow, the state of x87 and MMX |
//! | `reach` | what is touched beyond operands: memory of others, registers wholesale |
//! | `idioms` | operands with which an instruction reads less: `xor r, r` |
//! | `instruction` | all of it together, for one instruction with its operands |

mod idioms;
mod instruction;
pub(in crate::isa) mod properties;
mod reach;
pub(in crate::isa) mod row;
mod shuffles;
pub(in crate::isa) mod types;
pub(in crate::isa) mod vectors;

pub use instruction::effects;
pub use types::*;
