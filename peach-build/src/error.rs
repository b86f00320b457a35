//! Why nothing was written, and what else there is to say.

use crate::source::Sources;
use peach_compiler::diagnostics::frame::{self, Palette};
use peach_compiler::diagnostics::{Diagnostic, Severity};
use std::fmt;
use std::path::Path;

/// Why a file did not compile or an output could not be written.
#[derive(Clone)]
pub enum Error {
    /// What was asked for does not exist: a convention, a format, a processor, or two that do not go
    /// together.
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
    errors: usize,
    warnings: usize,
}

impl Report {
    /// What `diagnostics` say of `sources`.
    pub(crate) fn new<'d>(
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
        sources: &Sources,
    ) -> Report {
        let mut report = Report::default();
        for diagnostic in diagnostics {
            report.push(diagnostic, sources);
        }
        report
    }

    fn push(&mut self, diagnostic: &Diagnostic, sources: &Sources) {
        match diagnostic.severity() {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        let file = sources.of_span(diagnostic.place.first);
        let local = in_one_file(diagnostic, sources);
        let frame = |palette| frame::frame(&local, &file.name, &file.text, palette);
        for (text, palette) in [(&mut self.plain, Palette::Plain), (&mut self.ansi, Palette::Ansi)]
        {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&frame(palette));
        }
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
        self.errors += other.errors;
        self.warnings += other.warnings;
        self
    }

    /// The code frames, one below the other, with a line break at the end; nothing if there are none.
    pub fn text(&self, palette: Palette) -> &str {
        match palette {
            Palette::Plain => &self.plain,
            Palette::Ansi => &self.ansi,
        }
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

/// A frame shows one file: labels in others become notes that say where.
fn in_one_file(diagnostic: &Diagnostic, sources: &Sources) -> Diagnostic {
    let mut local = diagnostic.clone();
    let home = sources.of_span(diagnostic.place.first);
    for (span, text) in std::mem::take(&mut local.labels) {
        let file = sources.of_span(span);
        if std::ptr::eq(file, home) {
            local.labels.push((span, text));
        } else {
            let at = span.start();
            local.notes.push(format!("{text}: {}:{}:{}", file.name, at.line, at.column + 1));
        }
    }
    local
}
