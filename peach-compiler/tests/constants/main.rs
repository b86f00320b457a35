//! What is computed at compile time, against the same text compiled by rustc.
//!
//! Random expressions and functions are written twice: as the language has them and as Rust has
//! them, where the whole numbers of the language are `i128`. Every value has to be the same, bit by
//! bit; where Rust panics, the compiler has to report an error.

mod expressions;
mod functions;
mod random;
mod rust;
mod tables;
