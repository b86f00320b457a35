//! Kernels as one self-contained page: source left, code right, live ranges as bars between them.
//!
//! Hovering a line lights up what it became, and the other way round; arrow keys do the same. The
//! page loads nothing from anywhere.

use super::{Shown, place, summary};
use peach_build::{Compiled, Platform};
use peach_compiler::emit::reports::anatomy::{Anatomy, Range, Row, RowKind};
use peach_compiler::hex::hex;
use std::fmt::Write;

/// Height of a row and width of a bar's column, as in the style sheet.
const ROW: usize = 20;
const COLUMN: usize = 12;

/// Bytes that a row shows; the others are in its tooltip.
const BYTES_SHOWN: usize = 8;

/// The page.
pub(super) fn page(compiled: &Compiled, shown: &[Shown<'_>], platform: &Platform) -> String {
    let file = escape(&compiled.module.source);
    let cpu = platform.cpu.as_deref().unwrap_or("any x86-64");
    let target = escape(&format!("{}, {cpu}", platform.target.convention.title));
    let mut kernels = String::new();
    let mut tabs = String::new();
    for (index, shown) in shown.iter().enumerate() {
        let title = escape(&shown.title);
        let _ = write!(tabs, "<button role=\"tab\" data-kernel=\"{index}\">{title}</button>");
        kernel(&mut kernels, compiled, shown, index);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{file} – peach</title>\n\
         <style>\n{style}</style>\n</head>\n<body>\n\
         <header><h1>{file}</h1><p>{target}</p><nav role=\"tablist\">{tabs}</nav>\
         <button id=\"theme\" title=\"Dark or light\">◐</button></header>\n\
         <main>\n<div class=\"source\" tabindex=\"0\" aria-label=\"Source\">\n{source}</div>\n\
         <div class=\"code\" tabindex=\"0\" aria-label=\"Code\">\n{kernels}</div>\n</main>\n\
         <footer id=\"live\" aria-live=\"polite\">Hover a line, or use the arrow keys.</footer>\n\
         <script>\n{script}</script>\n</body>\n</html>\n",
        style = include_str!("page.css"),
        script = include_str!("page.js"),
        source = source(compiled),
    )
}

/// Every file, line by line.
fn source(compiled: &Compiled) -> String {
    let mut out = String::new();
    for (index, (name, text)) in compiled.texts().enumerate() {
        if index > 0 {
            let _ = writeln!(out, "<h2>{}</h2>", escape(name));
        }
        out.push_str("<ol>\n");
        for (number, line) in text.lines().enumerate() {
            let number = number + 1;
            let _ = writeln!(
                out,
                "<li data-line=\"{index}:{number}\"><i>{number}</i><code>{}</code></li>",
                escape(&line.replace('\t', "    "))
            );
        }
        out.push_str("</ol>\n");
    }
    out
}

fn kernel(out: &mut String, compiled: &Compiled, shown: &Shown<'_>, index: usize) {
    let anatomy = &shown.anatomy;
    let _ =
        writeln!(out, "<section data-kernel=\"{index}\">\n<h2>{}</h2>\n<dl>", escape(&shown.title));
    for (name, value) in summary(shown) {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    out.push_str("<dt>stack</dt><dd><table class=\"stack\">\n");
    for slot in &anatomy.stack {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{} bytes</td><td>{}</td></tr>",
            escape(&place(slot)),
            slot.size,
            escape(&slot.name)
        );
    }
    out.push_str("</table></dd></dl>\n<div class=\"listing\">\n");
    let head = head_height(anatomy);
    ranges(out, anatomy, head);
    let _ = writeln!(out, "<ol style=\"margin-top:{head}px\">");
    for row in &anatomy.rows {
        push_row(out, compiled, row);
    }
    out.push_str("</ol>\n</div>\n</section>\n");
}

fn push_row(out: &mut String, compiled: &Compiled, row: &Row) {
    let line = format!("{}:{}", compiled.file_of(row.span), row.span.start().line);
    let (class, note, is_linked) = match row.kind {
        RowKind::Author => ("author", "", true),
        RowKind::Label => ("label", "", true),
        RowKind::Prologue => ("frame", "prologue", false),
        RowKind::Epilogue => ("frame", "return", true),
        RowKind::Spill => ("frame", "spill", true),
        RowKind::Data => ("data", "", false),
    };
    let link = if is_linked { format!(" data-line=\"{line}\"") } else { String::new() };
    let all = hex(&row.bytes, " ");
    let bytes = match row.bytes.len() > BYTES_SHOWN {
        true => format!("{} …", hex(&row.bytes[..BYTES_SHOWN - 1], " ")),
        false => all.clone(),
    };
    let offset =
        if row.kind == RowKind::Label { String::new() } else { format!("{:04x}", row.offset) };
    let _ = writeln!(
        out,
        "<li class=\"{class}\"{link}><i>{offset}</i><b title=\"{all}\">{bytes}</b>\
                 <code>{}</code><em>{note}</em></li>",
        escape(&row.text)
    );
}

/// Room for the names above the bars.
fn head_height(anatomy: &Anatomy) -> usize {
    let longest = anatomy.ranges.iter().map(|range| label(range).chars().count()).max();
    8 + 7 * longest.unwrap_or(0)
}

/// The bars, as one picture as high as the rows.
fn ranges(out: &mut String, anatomy: &Anatomy, head: usize) {
    let (width, height) = (COLUMN * anatomy.ranges.len(), ROW * anatomy.rows.len());
    let _ = writeln!(
        out,
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 -{head} {} {}\" aria-hidden=\"true\">",
        width + 8,
        height + head,
        width + 8,
        height + head
    );
    for (column, range) in anatomy.ranges.iter().enumerate() {
        let bank = bank(&range.register);
        let x = COLUMN * column + COLUMN / 2;
        let name = escape(&label(range));
        let _ = write!(out, "<g class=\"{bank}\" data-name=\"{name}\"><title>{name}</title>");
        let _ =
            write!(out, "<text transform=\"translate({} -4) rotate(-90)\">{name}</text>", x + 4);
        for (first, last) in runs(range) {
            let (y, height) = (ROW * first + 2, ROW * (last - first + 1) - 4);
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{y}\" width=\"6\" height=\"{height}\" rx=\"3\" \
                 data-rows=\"{first} {last}\"/>",
                x - 3
            );
        }
        for (row, presence) in range.rows.iter().enumerate() {
            if presence.read || presence.written {
                let class = if presence.written { "write" } else { "read" };
                let _ = write!(
                    out,
                    "<circle class=\"{class}\" cx=\"{x}\" cy=\"{}\" r=\"2\"/>",
                    ROW * row + ROW / 2
                );
            }
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
}

fn label(range: &Range) -> String {
    match range.name == range.register {
        true => range.name.clone(),
        false => format!("{} {}", range.name, range.register),
    }
}

/// Runs of rows on which a register is live: first and last.
fn runs(range: &Range) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (row, presence) in range.rows.iter().enumerate() {
        match runs.last_mut() {
            Some((_, last)) if presence.live && *last + 1 == row => *last = row,
            _ if presence.live => runs.push((row, row)),
            _ => {}
        }
    }
    runs
}

/// The class of a bar, which colors it.
fn bank(register: &str) -> &'static str {
    if register == "memory" {
        "memory"
    } else if ["xmm", "ymm", "zmm", "mm"].iter().any(|name| register.starts_with(name)) {
        "vector"
    } else if register.starts_with('k') {
        "mask"
    } else {
        "general"
    }
}

/// Text of a page.
fn escape(text: &str) -> String {
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
