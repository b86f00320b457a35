//! What rustfmt and clippy do not check of the sources.

mod instructions;
mod words;
