//! Diagnostics as code frames, drawn by `annotate-snippets` as rustc's own are.
//!
//! In: a [`Diagnostic`] and the source that its spans point into. Out: text that ends with a line
//! break. Spans that point nowhere (a caller without positions) cost the frame its source lines,
//! nothing else.

use super::{Diagnostic, Severity};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use proc_macro2::LineColumn;
use std::ops::Range;

/// Whether a frame has colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Text alone.
    Plain,
    /// ANSI escapes.
    Ansi,
}

/// A code frame: message, place, the source lines with the offending tokens underlined, notes,
/// help.
pub fn frame(diagnostic: &Diagnostic, file: &str, source: &str, palette: Palette) -> String {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.id());
    let mut group = match snippet(diagnostic, file, source) {
        Some(snippet) => Group::with_title(title).element(snippet),
        None => Group::with_title(title).element(origin(diagnostic, file)),
    };
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.trim_end()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.trim_end()));
    }
    let renderer = match palette {
        Palette::Plain => Renderer::plain(),
        Palette::Ansi => Renderer::styled(),
    };
    renderer.render(&[group]) + "\n"
}

/// The lines of the source with their marks, if the place lies in it.
fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    file: &'a str,
    source: &'a str,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let lines = Lines::of(source);
    let place = diagnostic.place;
    let primary = lines.range(place.first.start(), place.last.end())?;
    let mut snippet =
        Snippet::source(source).path(file).annotation(AnnotationKind::Primary.span(primary));
    for (span, label) in &diagnostic.labels {
        if let Some(range) = lines.range(span.start(), span.end()) {
            snippet = snippet.annotation(AnnotationKind::Context.span(range).label(label));
        }
    }
    Some(snippet)
}

/// The place alone.
fn origin<'a>(diagnostic: &Diagnostic, file: &'a str) -> Origin<'a> {
    let start = diagnostic.place.first.start();
    Origin::path(file).line(start.line).char_column(start.column + 1)
}

/// Where the lines of a source begin and end, in bytes.
struct Lines<'s> {
    source: &'s str,
    lines: Vec<Range<usize>>,
}

impl<'s> Lines<'s> {
    fn of(source: &'s str) -> Lines<'s> {
        let mut start = 0;
        let lines = source.split_inclusive('\n').map(|line| {
            let range = start..start + line.trim_end().len();
            start += line.len();
            range
        });
        Lines { source, lines: lines.collect() }
    }

    /// The bytes between two positions, at least one character.
    fn range(&self, start: LineColumn, end: LineColumn) -> Option<Range<usize>> {
        let first = self.byte(start)?;
        let last = self.byte(end)?;
        let next = self.source[first..].chars().next().map_or(0, char::len_utf8);
        Some(first..last.max(first + next))
    }

    /// Columns count characters; what lies beyond the end of its line is the end.
    fn byte(&self, position: LineColumn) -> Option<usize> {
        let line = self.lines.get(position.line.checked_sub(1)?)?;
        let text = &self.source[line.clone()];
        let column = text.char_indices().nth(position.column).map_or(text.len(), |(at, _)| at);
        Some(line.start + column)
    }
}
