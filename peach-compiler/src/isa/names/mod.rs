//! How instructions are called.
//!
//! | file | what it knows |
//! |---|---|
//! | `mnemonic` | the names, and what each stands for |
//! | `aliases` | names that the manuals give to the same instruction; the nearest name to a misspelled one |
//! | `sizes` | the words for the size of a memory operand |

pub(in crate::isa) mod aliases;
pub(in crate::isa) mod mnemonic;
mod sizes;

pub use mnemonic::*;
pub use sizes::*;
