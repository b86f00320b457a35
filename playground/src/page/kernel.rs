//! One kernel: what is to be said of it, its stack, and the rows of its code.

use super::colors::{Colors, line_of};
use super::{escape, picture, syntax, values};
use crate::cost::{Costs, InstructionCost, LEFT_OUT};
use crate::view::{Shown, place, summary};
use crate::words;
use peach_build::Compiled;
use peach_compiler::emit::reports::anatomy::{Anatomy, Row, RowKind};
use peach_compiler::emit::reports::detail::{Detail, Use};
use peach_compiler::hex::hex;
use peach_compiler::isa::{Flags, Lanes};
use std::fmt::Write;

/// Height of a line, as in the style sheet.
pub(super) const LINE: usize = 20;
/// Bytes in a line of a row; a row has as many lines as it needs.
const BYTES: usize = 8;

/// Where each row starts, in pixels, and where the last one ends.
pub(super) fn tops(anatomy: &Anatomy) -> Vec<usize> {
    let mut tops = vec![0];
    for row in &anatomy.rows {
        tops.push(tops[tops.len() - 1] + LINE * row.bytes.len().div_ceil(BYTES).max(1));
    }
    tops
}

/// The kernel of this number.
pub(super) fn section(
    out: &mut String,
    compiled: &Compiled,
    shown: &Shown<'_>,
    index: usize,
    colors: &Colors,
) {
    let anatomy = &shown.anatomy;
    let title = escape(&shown.title);
    let _ = writeln!(
        out,
        "<section id=\"kernel{index}\" data-kernel=\"{index}\" role=\"tabpanel\" \
         aria-label=\"{title}\">\n<h2>{title}</h2>\n<dl>"
    );
    for (name, value) in summary(shown) {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    stack(out, anatomy);
    out.push_str("</dl>\n");
    if let Some(costs) = &shown.costs {
        loops(out, costs);
    }
    out.push_str("<div class=\"listing\">\n");
    let tops = tops(anatomy);
    picture::heads(out, anatomy);
    out.push_str("<div class=\"body\">\n");
    picture::ranges(out, anatomy, &tops);
    picture::jumps(out, anatomy, &tops);
    out.push_str("<ol>\n");
    for (number, row) in anatomy.rows.iter().enumerate() {
        let cost = shown.costs.as_ref().and_then(|costs| costs.of_row(number));
        push_row(out, compiled, anatomy, row, (colors, cost));
    }
    out.push_str("</ol>\n</div>\n</div>\n</section>\n");
}

fn stack(out: &mut String, anatomy: &Anatomy) {
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
    out.push_str("</table></dd>\n");
}

/// What the loops cost, and what that suggests.
fn loops(out: &mut String, costs: &Costs) {
    let _ = writeln!(
        out,
        "<div class=\"costs\"><p>Loops on {}, by {} ({LEFT_OUT}):</p>",
        escape(&costs.cpu),
        escape(&costs.model)
    );
    for one in &costs.loops {
        let _ = writeln!(out, "<p><code>{}</code> {}</p>", escape(&one.label), escape(&one.text()));
    }
    if costs.loops.is_empty() {
        out.push_str("<p>There is no loop.</p>\n");
    }
    out.push_str("</div>\n");
}

fn push_row(
    out: &mut String,
    compiled: &Compiled,
    anatomy: &Anatomy,
    row: &Row,
    (colors, cost): (&Colors, Option<&InstructionCost>),
) {
    let (mut class, origin) = match row.kind {
        RowKind::Author => ("author".to_string(), ""),
        RowKind::Label => ("label".to_string(), ""),
        RowKind::Prologue => ("frame".to_string(), "prologue"),
        RowKind::Epilogue => ("frame".to_string(), "return"),
        RowKind::Spill => ("frame".to_string(), "spill"),
        RowKind::Data => ("data".to_string(), ""),
    };
    let mut attributes = String::new();
    if let Some((file, line)) = line_of(compiled, row) {
        let _ = write!(attributes, " data-line=\"{file}:{line}\"");
        if let Some(color) = colors.get(file, line) {
            let _ = write!(class, " c{color}");
        }
    }
    if let Some(detail) = &row.detail {
        describe(&mut attributes, detail);
    }
    if let Some(cost) = cost {
        let _ = write!(attributes, " data-cost=\"{}\"", escape(&cost.text()));
        class.push_str(if cost.is_in_chain { " chain" } else { "" });
    }
    let offset = match row.kind {
        RowKind::Label => String::new(),
        _ => format!("{:04x}", row.offset),
    };
    let lines: Vec<String> = row.bytes.chunks(BYTES).map(|bytes| hex(bytes, " ")).collect();
    let _ = writeln!(
        out,
        "<li class=\"{class}\"{attributes}><i>{offset}</i><b>{}</b><code>{}</code>\
         <em>{}</em></li>",
        lines.join("\n"),
        syntax::instruction(&row.text),
        escape(&note(anatomy, row, origin)),
    );
}

/// What is at the end of a row: the value of its constant, or where the row comes from.
fn note(anatomy: &Anatomy, row: &Row, origin: &str) -> String {
    let constant = match row.kind {
        RowKind::Data => Some(row),
        _ => row.data.and_then(|index| anatomy.rows.get(index)),
    };
    match constant {
        Some(constant) => format!("{} {origin}", values::of(&constant.bytes)).trim_end().into(),
        None => origin.to_string(),
    }
}

/// What the script shows of an instruction when a row is hovered.
fn describe(out: &mut String, detail: &Detail) {
    let does = words::of(detail.mnemonic).unwrap_or_default();
    let _ = write!(
        out,
        " data-does=\"{}\" data-form=\"{}\" data-uses=\"{}\"",
        escape(&format!("{}: {does}", detail.mnemonic)),
        escape(&detail.form),
        escape(&effects(detail))
    );
}

/// `reads rdi 0–7, memory (32 bytes); writes ymm0 0–31, CF ZF`.
fn effects(detail: &Detail) -> String {
    let memory = match detail.memory.bytes {
        Some(bytes) => format!("memory ({bytes} bytes)"),
        None => "memory".to_string(),
    };
    let read = detail.uses.iter().filter(|used| !used.read.is_empty());
    let read = read.map(|used| format!("{} {}", used.register, span(used.read)));
    let written = detail.uses.iter().filter(|used| !used.written.is_empty()).map(written);
    let side = |mut parts: Vec<String>, touches: bool, flags: Flags| {
        parts.extend(touches.then(|| memory.clone()));
        parts.extend((!flags.is_empty()).then(|| flag_names(flags)));
        parts.join(", ")
    };
    let reads = side(read.collect(), detail.memory.read, detail.flags_read);
    let writes = side(written.collect(), detail.memory.written, detail.flags_written);
    let parts = [("reads", reads), ("writes", writes)];
    let parts = parts.iter().filter(|(_, what)| !what.is_empty());
    parts.map(|(verb, what)| format!("{verb} {what}")).collect::<Vec<_>>().join("; ")
}

/// `ymm0 0–31 (clears 32–63)`: what a register gets.
fn written(used: &Use) -> String {
    let cleared = Lanes(used.written.0 & used.zeroed.0);
    let set = Lanes(used.written.0 & !used.zeroed.0);
    match (set.is_empty(), cleared.is_empty()) {
        (false, false) => {
            format!("{} {} (clears {})", used.register, span(set), span(cleared))
        }
        (true, _) => format!("{} {} (clears)", used.register, span(cleared)),
        _ => format!("{} {}", used.register, span(set)),
    }
}

/// Bytes of a register: `0–7`, or several such runs.
fn span(lanes: Lanes) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for byte in (0..64).filter(|byte| lanes.0 >> byte & 1 == 1) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == byte => *last = byte,
            _ => runs.push((byte, byte)),
        }
    }
    let text = |(first, last): (u32, u32)| match first == last {
        true => format!("byte {first}"),
        false => format!("{first}–{last}"),
    };
    runs.into_iter().map(text).collect::<Vec<_>>().join(" and ")
}

fn flag_names(flags: Flags) -> String {
    let all = [
        (Flags::CF, "CF"),
        (Flags::PF, "PF"),
        (Flags::AF, "AF"),
        (Flags::ZF, "ZF"),
        (Flags::SF, "SF"),
        (Flags::OF, "OF"),
        (Flags::DF, "DF"),
    ];
    let set = all.iter().filter(|(flag, _)| flags.0 & flag.0 != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}
