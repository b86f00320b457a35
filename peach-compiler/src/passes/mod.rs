//! Passes from a representation of the program to itself.
//!
//! | file | what it does |
//! |---|---|
//! | `bind_arguments` | arguments that arrive in memory get loads of their own |
//! | `drop_ghosts` | what only the proof sees goes |
//! | `fold_memory` | a load that is read once becomes an operand |
//! | `results_in_place` | results of inlined code leave in the registers of arguments |
//! | `fall_through` | returns of code that stands in its caller go to its end |

mod bind_arguments;
mod drop_ghosts;
mod fall_through;
pub(crate) mod fold_memory;
mod results_in_place;

pub use bind_arguments::bind_arguments;
pub use drop_ghosts::drop_ghosts;
pub use fall_through::fall_through;
pub use results_in_place::results_in_place;
