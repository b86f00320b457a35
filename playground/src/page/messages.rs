//! Errors and warnings, as a list.

use super::escape;
use peach_build::{Message, Report};
use peach_compiler::diagnostics::Severity;
use std::fmt::Write;

/// The list; nothing where there is nothing to say.
pub(super) fn list(report: &Report) -> String {
    if report.messages().is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul class=\"messages\">\n");
    report.messages().iter().for_each(|message| one(&mut out, message));
    out.push_str("</ul>\n");
    out
}

fn one(out: &mut String, message: &Message) {
    let (class, word) = match message.severity {
        Severity::Error => ("error", "error"),
        Severity::Warning => ("warning", "warning"),
    };
    let (line, column) = (message.start.line, message.start.column + 1);
    let _ = writeln!(
        out,
        "<li class=\"{class}\" data-line=\"{}:{line}\"><b>{word}[{}]</b> line {line}, column \
         {column}: {}",
        message.file,
        message.code,
        escape(&message.text)
    );
    for (place, text) in &message.labels {
        let _ = writeln!(out, "<p>line {}: {}</p>", place.line, escape(text));
    }
    for note in &message.notes {
        let _ = writeln!(out, "<p>{}</p>", escape(note));
    }
    if let Some(help) = &message.help {
        let _ = writeln!(out, "<p class=\"help\">help: {}</p>", escape(help));
    }
    out.push_str("</li>\n");
}
