//! Passes from the intermediate representation to itself.
//!
//! | file | what it does |
//! |---|---|
//! | `bind_arguments` | arguments that arrive in memory get loads of their own |
//! | `fold_memory` | a load that is read once becomes an operand |

mod bind_arguments;
pub(crate) mod fold_memory;

pub use bind_arguments::bind_arguments;
