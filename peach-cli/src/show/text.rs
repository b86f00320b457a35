//! A kernel as text: summary, stack frame, then the listing with a column per live register.
//!
//! ```text
//!  ┌──── rdi   a
//!  │ ┌── rsi   b
//!  ┼ ┴   0000  01 f7        add edi, esi       4
//! ```
//!
//! A line runs down a column where the register is live; a tick marks where it is read or written.

use peach_compiler::emit::reports::anatomy::{Anatomy, Presence, Row, RowKind};
use peach_compiler::hex::hex;
use peach_playground::cost::{Costs, LEFT_OUT};
use peach_playground::view::{Shown, place, summary};
use std::fmt::Write;

/// The signs that columns are drawn with.
struct Signs {
    corner: &'static str,
    edge: &'static str,
    through: &'static str,
    /// First and last row, between rows, first, last, alone; of rows that touch the register.
    middle: &'static str,
    first: &'static str,
    last: &'static str,
    alone: &'static str,
}

const BOX: Signs =
    Signs {
        corner: "┌", edge: "─", through: "│", middle: "┼", first: "┬", last: "┴", alone: "─"
    };

const ASCII: Signs =
    Signs { corner: ".", edge: "-", through: "|", middle: "+", first: "+", last: "+", alone: "-" };

/// Bytes on a line of the listing.
const BYTES_PER_LINE: usize = 8;

/// All kernels, one below the other.
pub(super) fn all(shown: &[Shown<'_>], is_ascii: bool) -> String {
    let signs = if is_ascii { &ASCII } else { &BOX };
    let texts: Vec<String> = shown.iter().map(|shown| one(shown, signs)).collect();
    texts.join("\n")
}

fn one(shown: &Shown<'_>, signs: &Signs) -> String {
    let mut text = format!("{}\n", shown.title);
    for (name, value) in summary(shown) {
        let _ = writeln!(text, "  {name:<12}{value}");
    }
    stack(&mut text, &shown.anatomy);
    text.push('\n');
    listing(&mut text, &shown.anatomy, signs);
    if let Some(costs) = &shown.costs {
        text.push('\n');
        loops(&mut text, &shown.anatomy, costs);
    }
    text
}

/// What the loops cost, each instruction with its share.
fn loops(text: &mut String, anatomy: &Anatomy, costs: &Costs) {
    let _ = writeln!(text, "loops on {}, by {}; {LEFT_OUT}", costs.cpu, costs.model);
    if costs.loops.is_empty() {
        text.push_str("  there is no loop\n");
    }
    for one in &costs.loops {
        let _ = writeln!(text, "  {}: {}", one.label, one.text());
        for row in &one.instructions {
            let share = costs.of_row(*row).map_or(String::new(), |cost| cost.text());
            let row = &anatomy.rows[*row];
            let _ = writeln!(text, "    {:04x}  {:<42} {share}", row.offset, row.text);
        }
    }
}

fn stack(text: &mut String, anatomy: &Anatomy) {
    for (index, slot) in anatomy.stack.iter().enumerate() {
        let title = if index == 0 { "stack" } else { "" };
        let _ = writeln!(
            text,
            "  {title:<12}{:<14} {:>4} bytes  {}",
            place(slot),
            slot.size,
            slot.name
        );
    }
}

fn listing(text: &mut String, anatomy: &Anatomy, signs: &Signs) {
    let count = anatomy.ranges.len();
    for (column, range) in anatomy.ranges.iter().enumerate() {
        let before = format!("{} ", signs.through).repeat(column);
        let line = signs.edge.repeat(2 * (count - column) - 1);
        let name = if range.name == range.register { "" } else { &range.name };
        let head = format!(" {before}{}{line} {:<7} {name}", signs.corner, range.register);
        let _ = writeln!(text, "{}", head.trim_end());
    }
    for (index, row) in anatomy.rows.iter().enumerate() {
        let column = |rows: &[Presence]| sign(rows, index, signs);
        let columns: Vec<&str> = anatomy.ranges.iter().map(|range| column(&range.rows)).collect();
        let between = |rows: &[Presence]| match rows.get(index + 1) {
            Some(next) if next.live && rows[index].live => signs.through,
            _ => " ",
        };
        let rest: Vec<&str> = anatomy.ranges.iter().map(|range| between(&range.rows)).collect();
        push_row(text, row, &columns.join(" "), &rest.join(" "));
    }
}

/// How a register's column looks on a row.
fn sign(rows: &[Presence], index: usize, signs: &Signs) -> &'static str {
    let is_live = |index: Option<usize>| index.and_then(|i| rows.get(i)).is_some_and(|p| p.live);
    let here = rows[index];
    if !here.live {
        return " ";
    }
    if !here.read && !here.written {
        return signs.through;
    }
    match (is_live(index.checked_sub(1)), is_live(Some(index + 1))) {
        (true, true) => signs.middle,
        (false, true) => signs.first,
        (true, false) => signs.last,
        (false, false) => signs.alone,
    }
}

/// A row, and more lines for bytes that do not fit.
fn push_row(text: &mut String, row: &Row, columns: &str, rest: &str) {
    let line = row.span.start().line;
    let note = match row.kind {
        RowKind::Author | RowKind::Epilogue => line.to_string(),
        RowKind::Spill => format!("{line} spill"),
        RowKind::Prologue => "prologue".to_string(),
        RowKind::Label | RowKind::Data => String::new(),
    };
    let is_label = row.kind == RowKind::Label;
    let mut chunks = row.bytes.chunks(BYTES_PER_LINE);
    let first = hex(chunks.next().unwrap_or(&[]), " ");
    let line = match is_label {
        true => format!(" {columns}  {:>4}  {:<23}  {}", "", "", row.text),
        false => format!(" {columns}  {:04x}  {first:<23}    {:<42} {note}", row.offset, row.text),
    };
    let _ = writeln!(text, "{}", line.trim_end());
    for (index, chunk) in chunks.enumerate() {
        let offset = row.offset + BYTES_PER_LINE * (index + 1);
        let _ = writeln!(text, " {rest}  {offset:04x}  {}", hex(chunk, " "));
    }
}
