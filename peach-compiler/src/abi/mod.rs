//! Calling conventions: a convention is data plus what is odd about it.

mod bind;
mod classify;
mod conventions;
mod flow;
pub(crate) mod fold;

pub use bind::bind_arguments;
pub use classify::*;
pub use conventions::*;
