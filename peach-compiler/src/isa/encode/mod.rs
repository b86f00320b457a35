//! From an instruction over physical registers to bytes.
//!
//! | file | what it does |
//! |---|---|
//! | `encoding` | the type of an encoding |
//! | `assemble` | the bytes of one form; by iced's encoder, where iced has it |
//! | `own` | the bytes of a form that iced lacks |
//! | `best` | the shortest of all forms that fit |
//! | `variants` | all encodings, of every length |
//! | `length` | an estimate of the length before registers are known |

pub(in crate::isa) mod assemble;
pub(in crate::isa) mod best;
pub(in crate::isa) mod encoding;
mod length;
mod own;
mod variants;

pub use best::*;
pub use encoding::*;
pub use length::*;
pub use variants::*;
