//! What is true of a function over virtual registers. Nothing here changes it.
//!
//! [`Facts`] are computed once and read by the allocator, the frame builder and [`verify`], which
//! turns what is wrong with the author's program into diagnostics.

mod facts;
mod verify;

pub use facts::*;
pub use verify::verify;
