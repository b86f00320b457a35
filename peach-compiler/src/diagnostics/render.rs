//! Diagnostics as text: for `compile_error!`, and as a code frame for the command.
//!
//! In: a [`Diagnostic`], and for a frame the source that its spans point into. Out: text without a
//! line break at its end (compile errors) or with one (frames).
//! Invariants: spans that point nowhere (a caller without positions) cost the frame its source lines,
//! nothing else.

use super::{Diagnostic, Severity};
use proc_macro2::{LineColumn, Span};
use std::fmt::Write;

/// The text of a `compile_error!`: stable Rust gives macros no notes, so they are lines of it.
pub fn text(diagnostic: &Diagnostic) -> String {
    let mut text = format!("{} [{}]", diagnostic.message, diagnostic.code.id());
    for (span, label) in &diagnostic.labels {
        push_line(&mut text, &format!("line {}", span.start().line), label);
    }
    for note in &diagnostic.notes {
        push_line(&mut text, "note", note);
    }
    if let Some(help) = &diagnostic.help {
        push_line(&mut text, "help", help);
    }
    text
}

/// Adds `  = title: body`, the body's own lines aligned behind the title.
fn push_line(text: &mut String, title: &str, body: &str) {
    let indent = " ".repeat(title.chars().count() + 6);
    let body = body.trim_end().replace('\n', &format!("\n{indent}"));
    let _ = write!(text, "\n  = {title}: {body}");
}

/// Whether a frame has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Text alone.
    Plain,
    /// ANSI escapes.
    Ansi,
}

impl Palette {
    fn paint(self, ink: Ink, text: &str) -> String {
        match self {
            Palette::Plain => text.to_string(),
            Palette::Ansi => format!("\x1b[{}m{text}\x1b[0m", ink.escape()),
        }
    }
}

/// What a colour means.
#[derive(Clone, Copy)]
enum Ink {
    Error,
    Warning,
    Frame,
    Strong,
}

impl Ink {
    fn escape(self) -> &'static str {
        match self {
            Ink::Error => "1;31",
            Ink::Warning => "1;33",
            Ink::Frame => "1;34",
            Ink::Strong => "1",
        }
    }
}

/// A code frame: message, place, the source lines with the guilty tokens underlined, notes, help.
pub fn frame(diagnostic: &Diagnostic, file: &str, source: &str, palette: Palette) -> String {
    let (title, ink) = match diagnostic.severity() {
        Severity::Error => ("error", Ink::Error),
        Severity::Warning => ("warning", Ink::Warning),
    };
    let head = palette.paint(ink, &format!("{title}[{}]", diagnostic.code.id()));
    let message = palette.paint(Ink::Strong, &format!(": {}", diagnostic.message));
    let mut out = format!("{head}{message}\n");

    let marks = marks(diagnostic, ink);
    let last_line = marks.iter().map(|mark| mark.line).max().unwrap_or(1);
    let frame = Frame { gutter: last_line.to_string().len(), palette };
    let start = diagnostic.place.first.start();
    let arrow = palette.paint(Ink::Frame, "-->");
    let blank = " ".repeat(frame.gutter);
    let _ = writeln!(out, "{blank}{arrow} {file}:{}:{}", start.line, start.column + 1);

    let lines: Vec<&str> = source.lines().collect();
    frame.source(&mut out, &marks, &lines);
    if !diagnostic.notes.is_empty() || diagnostic.help.is_some() {
        let _ = writeln!(out, "{}", frame.edge("", "|"));
    }
    for note in &diagnostic.notes {
        frame.remark(&mut out, "note", note);
    }
    if let Some(help) = &diagnostic.help {
        frame.remark(&mut out, "help", help);
    }
    out
}

/// A part of one line that is underlined.
struct Mark<'d> {
    line: usize,
    start: usize,
    /// Behind the last column; `None` is the end of the line.
    end: Option<usize>,
    sign: char,
    ink: Ink,
    label: &'d str,
}

/// The place, which comes first on its line, and the labels; by line.
fn marks(diagnostic: &Diagnostic, ink: Ink) -> Vec<Mark<'_>> {
    let place = diagnostic.place;
    let mut marks = vec![mark(place.first.start(), place.last.end(), '^', ink, "")];
    for (span, label) in &diagnostic.labels {
        marks.push(mark_span(*span, label));
    }
    marks.sort_by_key(|mark| mark.line);
    marks
}

fn mark_span(span: Span, label: &str) -> Mark<'_> {
    mark(span.start(), span.end(), '-', Ink::Frame, label)
}

fn mark(start: LineColumn, end: LineColumn, sign: char, ink: Ink, label: &str) -> Mark<'_> {
    let end = (end.line == start.line).then_some(end.column.max(start.column + 1));
    Mark { line: start.line, start: start.column, end, sign, ink, label }
}

/// The frame's left edge.
struct Frame {
    /// How wide the line numbers are.
    gutter: usize,
    palette: Palette,
}

impl Frame {
    fn edge(&self, number: &str, bar: &str) -> String {
        self.palette.paint(Ink::Frame, &format!("{number:>width$} {bar}", width = self.gutter))
    }

    /// The source lines that have marks, with the marks below each.
    fn source(&self, out: &mut String, marks: &[Mark<'_>], lines: &[&str]) {
        let empty = self.edge("", "|");
        let _ = writeln!(out, "{empty}");
        let mut shown = 0;
        for mark in marks {
            let Some(line) = mark.line.checked_sub(1).and_then(|index| lines.get(index)) else {
                continue;
            };
            if mark.line != shown {
                if shown != 0 && mark.line > shown + 1 {
                    let _ = writeln!(out, "{}", self.palette.paint(Ink::Frame, "..."));
                }
                shown = mark.line;
                let edge = self.edge(&mark.line.to_string(), "|");
                let _ = writeln!(out, "{edge} {}", line.replace('\t', "    ").trim_end());
            }
            let underline = self.palette.paint(mark.ink, &underline(mark, line));
            let _ = writeln!(out, "{empty} {}{underline}", indent(line, mark.start));
        }
    }

    fn remark(&self, out: &mut String, title: &str, body: &str) {
        let mut lines = body.trim_end().lines();
        let edge = self.edge("", "=");
        let first = lines.next().unwrap_or("");
        let _ = writeln!(out, "{edge} {}: {first}", self.palette.paint(Ink::Strong, title));
        for line in lines {
            let _ = writeln!(out, "{}{line}", " ".repeat(self.gutter + title.len() + 5));
        }
    }
}

/// Blanks as wide as the first `columns` characters of `line`.
fn indent(line: &str, columns: usize) -> String {
    line.chars().take(columns).map(|ch| if ch == '\t' { "    " } else { " " }).collect()
}

fn underline(mark: &Mark<'_>, line: &str) -> String {
    let end = mark.end.unwrap_or_else(|| line.trim_end().chars().count());
    let signs = mark.sign.to_string().repeat(end.saturating_sub(mark.start).max(1));
    if mark.label.is_empty() { signs } else { format!("{signs} {}", mark.label) }
}
