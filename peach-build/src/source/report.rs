//! Diagnostics as code frames of the files that they are about.

use super::files::Sources;
use crate::error::{Message, Report};
use peach_compiler::diagnostics::Diagnostic;
use peach_compiler::diagnostics::frame::frame;

impl Sources {
    /// What `diagnostics` say of these files.
    pub(crate) fn report<'d>(
        &self,
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
    ) -> Report {
        let mut report = Report::default();
        for diagnostic in diagnostics {
            let file = self.of_span(diagnostic.place.first);
            let local = in_one_file(diagnostic, self);
            let message = Message::of(&local, self.index_of(diagnostic.place.first));
            report.add(message, |palette| frame(&local, &file.name, &file.text, palette));
        }
        report
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
