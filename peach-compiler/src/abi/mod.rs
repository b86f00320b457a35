//! Calling conventions: a convention is data plus its special cases.

mod classify;
mod conventions;

pub use classify::*;
pub use conventions::*;
