//! Calling conventions: a convention is data plus what is odd about it.

mod classify;
mod conventions;

pub use classify::*;
pub use conventions::*;
