//! Diagnostics as the text of a `compile_error!`, without a line break at its end.

use super::Diagnostic;
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

/// Adds `  = title: body`, the body's own lines aligned after the title.
fn push_line(text: &mut String, title: &str, body: &str) {
    let indent = " ".repeat(title.chars().count() + 6);
    let body = body.trim_end().replace('\n', &format!("\n{indent}"));
    let _ = write!(text, "\n  = {title}: {body}");
}
