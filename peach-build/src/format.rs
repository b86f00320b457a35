//! Files of kernels with regular white space.
//!
//! In: a path, or standard input. Out: [`Formatted`], the text before and after; nothing is
//! written. Fails where the file cannot be read or is not made of tokens, as compiling it would.

use crate::error::Error;
use crate::source::{Sources, read};
use peach_compiler::format;
use std::io::Read;
use std::path::Path;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust: only what is inside of `peach_fn!` is formatted.
    Rust,
    /// Kernel items.
    Kernels,
}

impl Language {
    /// That of a file, by its name: `.rs` or `.peach`.
    pub fn of(path: &Path) -> Option<Language> {
        match path.extension()?.to_str()? {
            "rs" => Some(Language::Rust),
            "peach" => Some(Language::Kernels),
            _ => None,
        }
    }
}

/// A file's text, and what it is when it is formatted.
#[derive(Clone, Debug)]
pub struct Formatted {
    /// As it was read.
    pub before: String,
    /// As it is to be.
    pub after: String,
}

impl Formatted {
    /// The number, from 1 on, of the first line that is not as it is to be; nothing where all are.
    pub fn first_difference(&self) -> Option<usize> {
        if self.before == self.after {
            return None;
        }
        let lines = self.before.split('\n').zip(self.after.split('\n'));
        Some(1 + lines.take_while(|(before, after)| before == after).count())
    }
}

/// Formats a file; `-` is standard input.
///
/// # Errors
/// [`Error::File`] where it cannot be read, [`Error::Source`] where its text is not made of tokens.
pub fn format(path: &Path, language: Language) -> Result<Formatted, Error> {
    let before = match path.as_os_str() == "-" {
        true => standard_input()?,
        false => read(path)?,
    };
    let mut sources = Sources::default();
    if let Err(problem) = sources.add(path, before.clone()) {
        return Err(Error::Source(sources.report([&*problem])));
    }
    let formatted = match language {
        Language::Rust => format::rust(&before),
        Language::Kernels => format::kernels(&before),
    };
    let after = formatted.map_err(|problem| {
        let line = 1 + before[..problem.at.start].matches('\n').count();
        Error::file(path, format_args!("line {line}: {}", problem.message))
    })?;
    Ok(Formatted { before, after })
}

fn standard_input() -> Result<String, Error> {
    let mut text = String::new();
    let result = std::io::stdin().lock().read_to_string(&mut text);
    result.map_err(|error| Error::file(Path::new("standard input"), error))?;
    Ok(text)
}
