//! What instructions read, write and do.
//!
//! | file | what it does |
//! |---|---|
//! | `types` | the terms: bytes of registers, flags, memory, control |
//! | `entry` | the terms of the table: what is known of a mnemonic beyond iced's own table |
//! | `table` | every mnemonic in one row, with its entry |
//! | `choice` | the same, for bytes that an immediate chooses |
//! | `row` | the type of what a row does, whatever its operands are |
//! | `rows` | what each row of iced's table does |
//! | `own` | the same of a row that iced lacks |
//! | `sample` | what iced says of an instruction of a row |
//! | `general` | what the entry corrects for registers that are not vectors |
//! | `implicit` | registers that no operand names |
//! | `vectors` | bytes of vectors and masks, as the entry has them |
//! | `shuffles` | bytes that the value of an immediate chooses |
//! | `suppression` | elements of memory that a mask leaves alone |
//! | `properties` | safety, control flow, memory, the state of x87 and MMX |
//! | `bytes` | which bytes of the sources a byte of the result depends on |
//! | `idioms` | operands with which an instruction reads less: `xor r, r` |
//! | `instruction` | all of it together, for one instruction with its operands |

mod bytes;
pub(in crate::isa) mod choice;
pub(in crate::isa) mod entry;
mod general;
mod idioms;
mod implicit;
mod instruction;
mod own;
mod properties;
pub(in crate::isa) mod row;
mod rows;
mod sample;
pub(in crate::isa) mod shuffles;
mod suppression;
pub(in crate::isa) mod table;
pub(in crate::isa) mod types;
pub(in crate::isa) mod vectors;

pub use bytes::{ByteFlow, byte_flow};
pub use instruction::effects;
pub use table::timing::Timing;
pub use types::*;
