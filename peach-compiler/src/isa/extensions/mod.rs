//! Extensions of the instruction set.
//!
//! | file | what it knows |
//! |---|---|
//! | `features` | the extensions, and which others each implies |
//! | `cpus` | which extensions a microarchitecture has |
//! | `bits` | sets of rows of a table |

mod bits;
mod cpus;
mod features;

pub use features::*;
