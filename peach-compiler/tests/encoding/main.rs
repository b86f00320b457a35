//! Every form of the tables times the shapes of its operands, against other assemblers, byte by
//! byte.
//!
//! `cargo test` takes every thirteenth line of the corpus; `PEACH_CORPUS=full` takes all.
//! `PEACH_SEED=number` gives other random instructions.

mod addresses;
mod corpus;
mod differences;
mod disassembly;
mod front_ends;
mod generate;
mod go;
mod immediates;
mod implied;
mod lines;
mod meaning;
mod newer;
mod oracle;
mod own;
mod random;
mod rustc;
mod variants;

/// Whether this run takes the whole corpus.
fn is_full() -> bool {
    std::env::var("PEACH_CORPUS").is_ok_and(|value| value == "full")
}
