//! Instructions as lines of text.
//!
//! | file | what it does |
//! |---|---|
//! | `parse` | a line to an instruction |
//! | `expression` | the addresses and numbers in it |
//! | `lines` | lines to their encodings: `peach encode` |
//! | `print` | an instruction to a line |

mod expression;
mod lines;
mod parse;
mod print;

pub use lines::*;
pub use parse::*;
pub use print::*;
