//! From a file to the kernels in it.
//!
//! In: a path, the configuration to evaluate `#[cfg]` in, directories to search. Out: [`Kernels`]:
//! the contents of every `peach_fn!`, or the whole of a bare kernel file, and every file that was
//! read.
//! Invariants: tokens keep their places, and [`Sources`] knows which file each is in.
//! Fails: where a file cannot be read or is not UTF-8, at the token that names it.

mod cfg;
mod configure;
mod files;
mod find;
mod macros;
mod report;
mod split;

pub use cfg::Configuration;
pub(crate) use files::{Sources, read};

use crate::error::Error;
use files::Search;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::words::Words;
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};

/// The kernels of a file.
#[derive(Debug)]
pub(crate) struct Kernels {
    /// The contents of each `peach_fn!`, in source order.
    pub(crate) blocks: Vec<Block>,
    /// What was seen on the way.
    pub(crate) seen: Seen,
    /// The files.
    pub(crate) sources: Sources,
    /// The messages so far.
    pub(crate) diagnostics: Diagnostics,
}

/// The contents of a `peach_fn!`.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) tokens: TokenStream,
    /// The modules that it is in, the outermost first.
    pub(crate) modules: Vec<String>,
}

/// What there was besides the chosen kernels: why a file may seem to have none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Some `#[cfg]` was false of something with kernels in it.
    pub(crate) configured_out: bool,
    /// It was read as Rust, not as a bare kernel file.
    pub(crate) is_rust: bool,
}

/// Where the text with the kernels comes from.
#[derive(Clone, Copy)]
pub(crate) enum Input<'i> {
    /// A file, which may include others, searched for in these directories too.
    File(&'i Path, &'i [PathBuf]),
    /// A text with the name of a file. No file is read, nor looked for.
    Text(&'i Path, &'i str),
}

/// Finds the kernels of the input, and of the files that it includes.
pub(crate) fn kernels(
    input: Input<'_>,
    configuration: &Configuration,
    words: Words,
) -> Result<Kernels, Error> {
    let mut sources = Sources::default();
    let (path, text, directories) = match input {
        Input::File(path, directories) => (path, read(path)?, Some(directories.to_vec())),
        Input::Text(path, text) => (path, text.to_string(), None),
    };
    let mut diagnostics = Diagnostics::new();
    let tokens = match sources.add(path, text) {
        Ok(tokens) => tokens,
        Err(problem) => return Err(Error::Source(sources.report([&*problem]))),
    };
    let search = Search { root: path.to_path_buf(), directories, words };
    let (blocks, seen) = find::find(tokens, configuration, &search, &mut sources, &mut diagnostics);
    Ok(Kernels { blocks, seen, sources, diagnostics })
}
