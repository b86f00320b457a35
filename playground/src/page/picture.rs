//! What is drawn beside the rows: live ranges as bars, jumps as arrows.

use super::escape;
use super::kernel::LINE;
use peach_compiler::emit::reports::anatomy::{Anatomy, Range};
use std::fmt::Write;

/// Width of a bar's column.
const COLUMN: usize = 15;
/// Width of an arrow's column.
const LANE: usize = 9;
/// Arrows beside one another; more share the outermost column.
const LANES: usize = 8;

/// The names above the bars, each upright in its own column.
pub(super) fn heads(out: &mut String, anatomy: &Anatomy) {
    let longest = anatomy.ranges.iter().map(|range| label(range).chars().count()).max();
    let Some(longest) = longest else { return };
    let (width, height) = (COLUMN * anatomy.ranges.len(), 10 + 7 * longest);
    let _ = writeln!(
        out,
        "<div class=\"heads\"><svg width=\"{width}\" height=\"{height}\" aria-hidden=\"true\">"
    );
    for (column, range) in anatomy.ranges.iter().enumerate() {
        let x = COLUMN * column + COLUMN / 2 + 4;
        let (bank, name) = (bank(&range.register), escape(&label(range)));
        let _ = writeln!(
            out,
            "<text class=\"{bank}\" data-range=\"{column}\" transform=\"translate({x} {}) \
             rotate(-90)\">{name}</text>",
            height - 4
        );
    }
    out.push_str("</svg></div>\n");
}

/// The bars, as one picture as high as the rows.
pub(super) fn ranges(out: &mut String, anatomy: &Anatomy, tops: &[usize]) {
    let (width, height) = (COLUMN * anatomy.ranges.len(), tops[tops.len() - 1]);
    let _ = writeln!(
        out,
        "<svg class=\"ranges\" width=\"{width}\" height=\"{height}\" aria-hidden=\"true\">"
    );
    for (column, range) in anatomy.ranges.iter().enumerate() {
        let x = COLUMN * column + COLUMN / 2;
        let (bank, name) = (bank(&range.register), escape(&label(range)));
        let _ = write!(
            out,
            "<g class=\"{bank}\" data-name=\"{name}\" data-range=\"{column}\">\
             <title>{name}</title>"
        );
        for (first, last) in runs(range) {
            let (y, height) = (tops[first] + 2, tops[last + 1] - tops[first] - 4);
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{y}\" width=\"6\" height=\"{height}\" rx=\"3\" \
                 data-rows=\"{first} {last}\"/>",
                x - 3
            );
        }
        dots(out, range, "read", x, tops);
        dots(out, range, "write", x, tops);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
}

/// A dot on each row that reads, or writes, the register: one path of lines without length, whose
/// ends are round. (An element for each would be most of a page.)
fn dots(out: &mut String, range: &Range, class: &str, x: usize, tops: &[usize]) {
    let is_of_class = |row: &usize| match class {
        "write" => range.rows[*row].written,
        _ => range.rows[*row].read && !range.rows[*row].written,
    };
    let mut rows = (0..range.rows.len()).filter(is_of_class).peekable();
    if rows.peek().is_some() {
        let _ = write!(out, "<path class=\"{class}\" d=\"");
        rows.for_each(|row| {
            let _ = write!(out, "M{x} {}h0", tops[row] + LINE / 2);
        });
        out.push_str("\"/>");
    }
}

/// A jump: the row it is on, the row it goes to, the column it is drawn in (0 is next to the code).
struct Jump {
    from: usize,
    to: usize,
    lane: usize,
}

/// Arrows from jumps to their labels. Short ones are next to the code, and none crosses another of
/// its column.
pub(super) fn jumps(out: &mut String, anatomy: &Anatomy, tops: &[usize]) {
    let jumps = placed(anatomy);
    let lanes = jumps.iter().map(|jump| jump.lane + 1).max().unwrap_or(0);
    if lanes == 0 {
        return;
    }
    let (width, height) = (LANE * (lanes + 1), tops[tops.len() - 1]);
    let _ = writeln!(
        out,
        "<svg class=\"jumps\" width=\"{width}\" height=\"{height}\" aria-hidden=\"true\">"
    );
    for Jump { from, to, lane } in jumps {
        let class = if to <= from { "back" } else { "ahead" };
        let x = width - LANE * (lane + 1);
        let (start, end) = (tops[from] + LINE / 2, tops[to] + LINE / 2);
        let edge = width - 1;
        let _ = writeln!(
            out,
            "<path class=\"{class}\" data-from=\"{from}\" data-to=\"{to}\" \
             d=\"M{edge} {start}H{x}V{end}H{edge}m-4 -3l4 3l-4 3\"/>"
        );
    }
    out.push_str("</svg>\n");
}

fn placed(anatomy: &Anatomy) -> Vec<Jump> {
    let rows = anatomy.rows.iter().enumerate();
    let mut jumps: Vec<Jump> =
        rows.filter_map(|(from, row)| Some(Jump { from, to: row.target?, lane: 0 })).collect();
    jumps.sort_by_key(|jump| (jump.from.abs_diff(jump.to), jump.from));
    for index in 0..jumps.len() {
        let span = |jump: &Jump| (jump.from.min(jump.to), jump.from.max(jump.to));
        let (first, last) = span(&jumps[index]);
        let is_taken = |lane: &usize| {
            jumps[..index].iter().any(|other| {
                let (other_first, other_last) = span(other);
                // Jumps to one label may meet there.
                other.lane == *lane
                    && first <= other_last
                    && other_first <= last
                    && other.to != jumps[index].to
            })
        };
        let free = (0..LANES).find(|lane| !is_taken(lane));
        jumps[index].lane = free.unwrap_or(LANES - 1);
    }
    jumps
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
