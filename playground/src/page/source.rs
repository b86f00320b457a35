//! The source, line by line: what has code, what has none, what is wrong.

use super::colors::Colors;
use super::{escape, syntax};
use peach_build::Message;
use peach_compiler::diagnostics::Severity;
use std::fmt::Write;

/// Every file, line by line. Without colors, nothing is known of the code.
pub(super) fn files<'t>(
    texts: impl Iterator<Item = (&'t str, &'t str)>,
    colors: Option<&Colors>,
    messages: &[Message],
) -> String {
    let mut out = String::new();
    for (file, (name, text)) in texts.enumerate() {
        if file > 0 {
            let _ = writeln!(out, "<h2>{}</h2>", escape(name));
        }
        out.push_str("<ol>\n");
        let mut state = syntax::State::default();
        for (index, text) in text.lines().enumerate() {
            let number = index + 1;
            let text = text.replace('\t', "    ");
            let class = class(file, number, &text, colors, messages);
            let html = syntax::line(&text, &mut state);
            let _ = writeln!(
                out,
                "<li data-line=\"{file}:{number}\" class=\"{class}\"><i>{number}</i>\
                 <code>{html}</code></li>",
            );
        }
        out.push_str("</ol>\n");
    }
    out
}

/// How a line looks: joined with rows by a color, an instruction without code, or in error.
fn class(
    file: usize,
    number: usize,
    text: &str,
    colors: Option<&Colors>,
    messages: &[Message],
) -> String {
    let mut class = match colors.map(|colors| colors.get(file, number)) {
        Some(Some(color)) => format!("joined c{color}"),
        Some(None) if syntax::is_instruction(text) => "dead".to_string(),
        _ => String::new(),
    };
    let is_here = |message: &&Message| {
        message.file == file && (message.start.line..=message.end.line).contains(&number)
    };
    let worst = messages.iter().filter(is_here).map(|message| message.severity);
    match worst.min_by_key(|severity| *severity != Severity::Error) {
        Some(Severity::Error) => class.push_str(" wrong"),
        Some(Severity::Warning) => class.push_str(" doubtful"),
        None => {}
    }
    class
}
