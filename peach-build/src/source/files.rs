//! The files that are read: their names, texts and tokens.
//!
//! Invariants: every token that [`Sources::add`] gives out is of a file that [`Sources::of_span`]
//! finds; texts have no byte order mark and no `#!` line.

use crate::error::Error;
use peach_compiler::diagnostics::{Code, Diagnostic};
use peach_compiler::emit::words::Words;
use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// A file that was read.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Its path, as it was named or found.
    pub(crate) path: PathBuf,
    /// The path for messages.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) text: String,
}

/// All files of a compilation; the first is the one that was named.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<Source>,
    /// By what the tokens call their file.
    by_key: HashMap<String, usize>,
}

impl Sources {
    /// Keeps a file and gives its tokens.
    ///
    /// # Errors
    /// Where the text is not made of tokens, with the place.
    pub(crate) fn add(
        &mut self,
        path: &Path,
        text: String,
    ) -> Result<TokenStream, Box<Diagnostic>> {
        let text = without_preamble(text);
        let parsed = text.parse::<TokenStream>();
        let (key, result) = match parsed {
            Ok(tokens) => (first_span(&tokens).map(|span| span.file()), Ok(tokens)),
            Err(error) => {
                let problem = Diagnostic::new(
                    Code::Syntax,
                    error.span(),
                    "the text cannot be split into tokens here",
                );
                let problem = problem.note(
                    "an unbalanced bracket, an unterminated string or comment, or a character that \
                     is not part of Rust",
                );
                (Some(error.span().file()), Err(Box::new(problem)))
            }
        };
        let name = path.display().to_string();
        self.files.push(Source { path: path.to_path_buf(), name, text });
        if let Some(key) = key {
            self.by_key.insert(key, self.files.len() - 1);
        }
        result
    }

    /// The file that a token is in; the first one for a token that is in none.
    pub(crate) fn of_span(&self, span: Span) -> &Source {
        &self.files[self.index_of(span)]
    }

    /// Its number.
    pub(crate) fn index_of(&self, span: Span) -> usize {
        self.by_key.get(&span.file()).copied().unwrap_or(0)
    }

    /// The names of all files but the first, by what the tokens call them.
    pub(crate) fn included(&self) -> HashMap<String, String> {
        let others = self.by_key.iter().filter(|(_, index)| **index > 0);
        others.map(|(key, index)| (key.clone(), self.files[*index].name.clone())).collect()
    }

    /// Every file, in the order of reading.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }
}

fn first_span(tokens: &TokenStream) -> Option<Span> {
    tokens.clone().into_iter().next().map(|tree| match tree {
        TokenTree::Group(group) => group.span_open(),
        tree => tree.span(),
    })
}

/// A byte order mark goes; a `#!` line, which rustc skips, becomes a comment of the same length, so
/// that no place moves.
fn without_preamble(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    let is_attribute = || text[2..].trim_start().starts_with('[');
    if text.starts_with("#!") && !is_attribute() {
        text.replace_range(..2, "//");
    }
    text
}

/// Reads a source file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory => {
            Error::file(path, "it is a directory, not a file of kernels")
        }
        io::ErrorKind::NotFound => Error::file(path, "no such file"),
        _ => Error::file(path, format_args!("cannot be read: {error}")),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        Error::file(path, format_args!("line {line} is not UTF-8 (byte {valid} of the file)"))
    })
}

/// Where included files are looked for.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The file that was named.
    pub(super) root: PathBuf,
    /// More directories, in order; `None` where no file may be looked at.
    pub(super) directories: Option<Vec<PathBuf>>,
    /// How one more is asked for.
    pub(super) words: Words,
}

impl Search {
    /// The first of `candidates`, paths relative to `directory` or to one of the further
    /// directories, that is a file; or else all places that were looked at.
    ///
    /// Without directories, nothing is looked at.
    pub(super) fn resolve(
        &self,
        directory: &Path,
        candidates: &[PathBuf],
    ) -> Result<PathBuf, Vec<PathBuf>> {
        let mut places = Vec::new();
        let Some(more) = &self.directories else { return Err(places) };
        for directory in std::iter::once(directory).chain(more.iter().map(PathBuf::as_path)) {
            for candidate in candidates {
                let place = directory.join(candidate);
                if place.is_file() {
                    return Ok(place);
                }
                places.push(place);
            }
        }
        Err(places)
    }
}
