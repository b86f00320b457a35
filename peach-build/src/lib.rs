//! Kernel files compiled outside of Rust.
//!
//! What the `peach` command does, as a library, and a helper for build scripts on top of it
//! ([`Build`]). A file is a Rust source (every `peach_fn!` in it is compiled) or a bare file of
//! kernel items.
//!
//! 1. [`Platform::new`] finds out what is compiled for: convention, formats, processor.
//! 2. [`compile()`] reads the file ([`compile_text`] takes its text), and gives a
//!    `peach_compiler::emit::Module`.
//! 3. The formats of `peach_compiler::emit` make bytes of that.
//! 4. [`Outputs::write`] writes files whole or not at all.
//!
//! [`format()`] is apart from that: it makes the white space of a file regular.

mod archive;
mod build;
mod compile;
mod error;
pub mod extensions;
mod format;
mod job;
mod outputs;
mod source;
mod target;

pub use build::{Build, Library};
pub use compile::{Compiled, compile, compile_text};
pub use error::{Error, Message, Report};
pub use format::{Formatted, Language, format};
pub use job::{Job, dependencies_of};
pub use outputs::{Outputs, WriteError};
pub use source::Configuration;
pub use target::{Platform, Request};

/// The name that `name` was most likely meant for.
pub fn nearest<'t>(name: &str, candidates: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
    peach_compiler::nearest::nearest(name, candidates).into_iter().next()
}

/// The listing of the package's page is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
