//! What the compiler tells the user: one type of message, collected and rendered at the edges.
//!
//! A [`Diagnostic`] is data. The macro renders it as `compile_error!`, the command as a code frame,
//! tests look at its [`Code`]. Stages push into one [`Diagnostics`] and continue as long as what
//! they have makes sense, so that all independent errors of a program are reported in one build.

mod codes;
#[cfg(feature = "frames")]
pub mod frame;
pub mod render;
mod tokens;

pub use codes::Code;
use proc_macro2::{LineColumn, Span};
use std::collections::HashSet;
pub use tokens::diagnostic_tokens;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The program does not compile.
    Error,
    /// The program compiles; the user should know.
    Warning,
}

/// A range of tokens, from the first to the last, inclusive.
///
/// `Span::join` does nothing on stable Rust, so the two ends are kept apart.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where the offending tokens start.
    pub first: Span,
    /// The last of them; equal to `first` for a single token.
    pub last: Span,
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Place { first: span, last: span }
    }
}

impl From<(Span, Span)> for Place {
    fn from((first, last): (Span, Span)) -> Self {
        Place { first, last }
    }
}

/// One message to the user.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Which of the listed kinds it is.
    pub code: Code,
    /// What is wrong, in one sentence without a full stop: what was found.
    pub message: String,
    /// The tokens that cause it.
    pub place: Place,
    /// Other places that matter, each with what it has to do with it ("declared here").
    pub labels: Vec<(Span, String)>,
    /// Why it is so and what would be accepted.
    pub notes: Vec<String>,
    /// A suggested fix.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A message of kind `code` at `place`.
    pub fn new(code: Code, place: impl Into<Place>, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            message: message.into(),
            place: place.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Adds a reason, or what would be accepted.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a suggested fix.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Error or warning: a property of the code.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// "1 value", "2 values".
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The note of a message that should never be seen.
pub(crate) const REPORT_IT: &str = "this is a bug in peach; please report it with the kernel";

/// Proof that an error was reported. Only [`Diagnostics::report`] makes one, so that nothing can be
/// left out of a program because of an error that was never shown.
#[derive(Clone, Copy, Debug)]
pub struct Reported(());

/// What makes two messages the same: kind, text and place.
type MessageKey = (Code, String, LineColumn, LineColumn);

/// The messages of one compilation, in the order they were found.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// What has been said.
    known: HashSet<MessageKey>,
    /// How many errors were pushed, those that had been said before included.
    errors: usize,
}

impl Diagnostics {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message, unless the same was said of the same place: versions and families compile
    /// the same tokens many times.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity() == Severity::Error {
            self.errors += 1;
        }
        let (start, end) = (diagnostic.place.first.start(), diagnostic.place.last.end());
        if self.known.insert((diagnostic.code, diagnostic.message.clone(), start, end)) {
            self.list.push(diagnostic);
        }
    }

    /// Adds an error, and gives the proof of it.
    pub fn report(&mut self, error: Diagnostic) -> Reported {
        assert_eq!(error.severity(), Severity::Error, "a warning stops nothing");
        self.push(error);
        Reported(())
    }

    /// Points at one more place where a message that was pushed holds. Of very many the last says
    /// that there are others.
    pub fn label_again(&mut self, of: &Diagnostic, span: Span, text: &str) {
        const LABELS_MAX: usize = 16;
        let known = self.list.iter_mut().rev().find(|known| {
            known.code == of.code
                && known.message == of.message
                && known.place.first.start() == of.place.first.start()
        });
        let Some(known) = known else { return };
        let is_known = |place: &Span| place.start() == span.start();
        let is_new =
            !is_known(&known.place.first) && !known.labels.iter().any(|(place, _)| is_known(place));
        match known.labels.len() + 1 {
            LABELS_MAX if is_new => known.labels.push((span, format!("{text}; there are others"))),
            ..LABELS_MAX if is_new => known.labels.push((span, text.to_string())),
            _ => {}
        }
    }

    /// How many errors (not warnings) there are so far. A stage compares it before and after to
    /// know whether what it made can be trusted.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether anything is an error.
    pub fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    /// All messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The errors among them, each with the proof that it was reported.
    pub fn reported(&self) -> impl Iterator<Item = (&Diagnostic, Reported)> {
        let errors = self.iter().filter(|known| known.severity() == Severity::Error);
        errors.map(|error| (error, Reported(())))
    }

    /// Puts the messages in the order of the source, whichever stage they are from.
    pub fn put_in_order(&mut self) {
        self.list.sort_by_cached_key(|d| {
            let start = d.place.first.start();
            (start.line, start.column)
        });
    }

    /// Moves all messages of `other` after these.
    pub fn append(&mut self, other: Diagnostics) {
        other.list.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}
