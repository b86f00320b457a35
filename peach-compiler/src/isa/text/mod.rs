//! Instructions as lines of text.
//!
//! | file | what it does |
//! |---|---|
//! | `parse` | a line to an instruction |
//! | `expression` | the addresses and numbers in it |
//! | `lines` | lines to their encodings: `peach encode` |
//! | `print` | an instruction to a line |

#[cfg(feature = "decoder")]
mod expression;
#[cfg(feature = "decoder")]
mod lines;
#[cfg(feature = "decoder")]
mod parse;
mod print;

#[cfg(feature = "decoder")]
pub use lines::*;
#[cfg(feature = "decoder")]
pub use parse::*;
pub use print::*;
