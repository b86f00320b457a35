//! Kernels for C and C++.
//!
//! In: a [`Module`](crate::emit::Module). Out: texts in C.
//!
//! | file | what it holds |
//! |---|---|
//! | `header` | the header: what it includes, its macros, every declaration |
//! | `dispatcher` | the source that chooses a version of a kernel when the program runs |
//! | `detection` | how that asks the processor what it has |
//! | `prototype` | the declaration of one function, with its documentation |
//! | `types` | Rust's types as C writes them |
//! | `names` | names that C and C++ take |

mod detection;
mod dispatcher;
mod header;
pub(in crate::emit) mod names;
mod prototype;
pub mod types;

pub use dispatcher::dispatcher;
pub use header::header;
pub(crate) use prototype::doc_text;
