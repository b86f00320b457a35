//! What rustfmt and clippy do not check of the sources.

mod circles;
mod instructions;
mod judge;
mod lengths;
mod modules;
mod reasons;
mod registers;
mod sources;
mod wildcards;
mod words;
