//! Passes from the intermediate representation to itself.
//!
//! | file | what it does |
//! |---|---|
//! | `bind_arguments` | arguments that arrive in memory get loads of their own |
//! | `drop_ghosts` | what only the proof sees goes |
//! | `fold_memory` | a load that is read once becomes an operand |

mod bind_arguments;
mod drop_ghosts;
pub(crate) mod fold_memory;

pub use bind_arguments::bind_arguments;
pub use drop_ghosts::drop_ghosts;
