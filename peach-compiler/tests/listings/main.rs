//! Listings are assembled by the assemblers that they are for, and compared with our own bytes.
//!
//! `cargo test` takes every 41st line of the corpus of all forms; `PEACH_CORPUS=full` takes all.

mod assemblers;
mod branches;
mod corpus;
#[path = "../encoding/generate.rs"]
mod generate;
mod kernels;
mod unwinding;
