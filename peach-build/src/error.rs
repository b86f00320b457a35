//! Why nothing was written, and what else there is to say.

use peach_compiler::diagnostics::frame::Palette;
use peach_compiler::diagnostics::{Diagnostic, Severity};
use proc_macro2::LineColumn;
use std::fmt;
use std::path::Path;

/// Why a file did not compile or an output could not be written.
#[derive(Clone)]
pub enum Error {
    /// What was asked for does not exist: a convention, a format, a processor, or two that do not
    /// go together.
    Usage(String),
    /// A file cannot be read or written.
    File(String),
    /// The kernels are in error.
    Source(Report),
}

impl Error {
    /// A failed operation on a file.
    pub(crate) fn file(path: &Path, what: impl fmt::Display) -> Error {
        Error::File(format!("{}: {what}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::File(text) => f.write_str(text),
            Error::Source(report) => write!(f, "{report}"),
        }
    }
}

/// As it is displayed: this is what `unwrap`, and the `main` of a build script, print.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// Errors and warnings about the kernels, as code frames.
#[derive(Clone, Debug, Default)]
pub struct Report {
    plain: String,
    ansi: String,
    messages: Vec<Message>,
    errors: usize,
    warnings: usize,
}

/// One error or warning, for programs that show it in their own way.
#[derive(Clone, Debug)]
pub struct Message {
    /// How bad it is.
    pub severity: Severity,
    /// Its code: `E0201`.
    pub code: &'static str,
    /// What is wrong.
    pub text: String,
    /// The file that it is about, in the order of [`Compiled::texts`](crate::Compiled::texts).
    pub file: usize,
    /// Where the offending tokens start: lines count from 1, columns from 0, in characters.
    pub start: LineColumn,
    /// Where they end, exclusive.
    pub end: LineColumn,
    /// Other lines that matter, each with what it has to do with it.
    pub labels: Vec<(LineColumn, String)>,
    /// Why it is so, and what would be accepted.
    pub notes: Vec<String>,
    /// A suggested fix.
    pub help: Option<String>,
}

impl Message {
    pub(crate) fn of(diagnostic: &Diagnostic, file: usize) -> Message {
        Message {
            severity: diagnostic.severity(),
            code: diagnostic.code.id(),
            text: diagnostic.message.clone(),
            file,
            start: diagnostic.place.first.start(),
            end: diagnostic.place.last.end(),
            labels: diagnostic
                .labels
                .iter()
                .map(|(span, text)| (span.start(), text.clone()))
                .collect(),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
        }
    }
}

impl Report {
    /// Adds an error or a warning, drawn once for each palette.
    pub(crate) fn add(&mut self, message: Message, frame: impl Fn(Palette) -> String) {
        match message.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        for (text, palette) in [(&mut self.plain, Palette::Plain), (&mut self.ansi, Palette::Ansi)]
        {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&frame(palette));
        }
        self.messages.push(message);
    }

    /// These, then others.
    #[must_use]
    pub fn and(mut self, other: &Report) -> Report {
        for (text, more) in [(&mut self.plain, &other.plain), (&mut self.ansi, &other.ansi)] {
            if !text.is_empty() && !more.is_empty() {
                text.push('\n');
            }
            text.push_str(more);
        }
        self.messages.extend(other.messages.iter().cloned());
        self.errors += other.errors;
        self.warnings += other.warnings;
        self
    }

    /// The code frames, one below the other, with a line break at the end; nothing if there are
    /// none.
    pub fn text(&self, palette: Palette) -> &str {
        match palette {
            Palette::Plain => &self.plain,
            Palette::Ansi => &self.ansi,
        }
    }

    /// The same, one by one.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.warnings
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain)
    }
}
