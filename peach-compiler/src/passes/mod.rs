//! Passes from a representation of the program to itself.
//!
//! | file | what it does |
//! |---|---|
//! | `bind_arguments` | arguments that arrive in memory get loads of their own |
//! | `drop_ghosts` | what only the proof sees goes |
//! | `fold_memory` | a load that is read once becomes an operand |
//! | `fall_through` | returns of code that stands in its caller go to its end |

mod bind_arguments;
mod drop_ghosts;
mod fall_through;
pub(crate) mod fold_memory;

pub use bind_arguments::bind_arguments;
pub use drop_ghosts::drop_ghosts;
pub use fall_through::fall_through;
