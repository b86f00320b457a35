//! Kernels as pages: what `peach show --html` writes, and what the playground shows as one types.
//!
//! | what | module |
//! |---|---|
//! | the kernels of a file, each with all there is to see | [`view`] |
//! | all of them as one self-contained page | [`page`] |
//! | what their loops cost, by llvm-mca or a table made from it | [`cost`] |
//! | the answer to an editor, as JSON | [`answer()`] |
//! | the files that the playground is made of | [`site`] |
//! | what instructions do, a line each | [`words`] |
//! | the functions that a browser calls | `browser`, on WebAssembly alone |
//!
//! The crate does no input or output: the command and the browser do.

mod answer;
#[cfg(target_family = "wasm")]
pub mod browser;
pub mod cost;
pub mod page;
pub mod site;
pub mod view;
pub mod words;

pub use answer::{answer, answer_with};
