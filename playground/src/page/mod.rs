//! Kernels as one self-contained page: source left, code right, live ranges as bars between them.
//!
//! | part | module |
//! |---|---|
//! | the source, line by line | `source` |
//! | a kernel: summary, stack, rows of code | `kernel` |
//! | live ranges and jumps, as pictures | `picture` |
//! | colors that join lines and rows | `colors` |
//! | what constants hold | `values` |
//! | words, numbers, comments: a span for each | `syntax` |
//! | errors | `messages` |
//!
//! Hovering a line lights up what it became, and the other way round; arrow keys do the same. The
//! page loads nothing from anywhere.

mod colors;
mod kernel;
mod messages;
mod picture;
mod source;
mod syntax;
mod values;

pub use colors::Colors;

use crate::view::Shown;
use peach_build::{Compiled, Platform, Report};
use std::fmt::Write;

/// The style sheets, with what all pages share first.
const STYLE: &str = concat!(include_str!("../../web/listing.css"), include_str!("page.css"));
const SCRIPT: &str = concat!(include_str!("../../web/listing.js"), include_str!("page.js"));

/// The page of kernels.
pub fn page(compiled: &Compiled, shown: &[Shown<'_>], platform: &Platform) -> String {
    let colors = Colors::of(compiled, shown);
    let mut tabs = String::new();
    for (index, shown) in shown.iter().enumerate() {
        let title = escape(&shown.title);
        let _ = write!(
            tabs,
            "<button role=\"tab\" id=\"tab{index}\" data-kernel=\"{index}\" \
             aria-controls=\"kernel{index}\">{title}</button>"
        );
    }
    let warnings = messages::list(&compiled.warnings);
    let kernels = format!("{warnings}{}", sections(compiled, shown, &colors));
    let source = source::files(compiled.texts(), Some(&colors), compiled.warnings.messages());
    document(&compiled.module.source, platform, &tabs, &source, &kernels)
}

/// The page of a file that does not compile: its text, and what is wrong with it.
pub fn error_page(file: &str, text: &str, report: &Report, platform: &Platform) -> String {
    let source = source::files(std::iter::once((file, text)), None, report.messages());
    document(file, platform, "", &source, &messages::list(report))
}

/// The kernels, one section each.
pub fn sections(compiled: &Compiled, shown: &[Shown<'_>], colors: &Colors) -> String {
    let mut out = String::new();
    for (index, shown) in shown.iter().enumerate() {
        kernel::section(&mut out, compiled, shown, index, colors);
    }
    out
}

fn document(file: &str, platform: &Platform, tabs: &str, source: &str, code: &str) -> String {
    let file = escape(file);
    let cpu = platform.cpu.as_deref().unwrap_or("any x86-64");
    let target = escape(&format!("{}, {cpu}", platform.target.convention.title));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{file} – peach</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>{file}</h1><p>{target}</p><nav role=\"tablist\" aria-label=\"Kernels\">{tabs}\
         </nav><button id=\"theme\" title=\"Dark or light\" aria-label=\"Dark or light\">◐</button>\
         </header>\n\
         <main>\n<div class=\"source\" tabindex=\"0\" role=\"region\" aria-label=\"Source\">\n\
         {source}</div>\n\
         <div class=\"code\" tabindex=\"0\" role=\"region\" aria-label=\"Code\">\n{code}</div>\n\
         </main>\n\
         <footer id=\"live\" aria-live=\"polite\">Hover a line, or use the arrow keys.</footer>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
    )
}

/// Text of a page.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(ch),
        }
    }
    out
}
