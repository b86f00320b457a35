//! The colors that join lines of the source with the rows that they became.
//!
//! In: kernels. Out: a small number for each line that has code. Neighboring lines have different
//! numbers, and a line has the same one in every version.

use crate::view::Shown;
use peach_build::Compiled;
use peach_compiler::emit::reports::anatomy::{Row, RowKind};
use std::collections::BTreeMap;

/// How many colors there are, as in the style sheet.
const COUNT: usize = 8;

/// A color for each line that has code.
#[derive(Clone, Debug, Default)]
pub struct Colors(BTreeMap<(usize, usize), usize>);

impl Colors {
    /// Of the lines that `shown` stem from.
    pub fn of(compiled: &Compiled, shown: &[Shown<'_>]) -> Colors {
        let rows = shown.iter().flat_map(|shown| &shown.anatomy.rows);
        let mut lines: BTreeMap<(usize, usize), usize> =
            rows.filter_map(|row| Some((line_of(compiled, row)?, 0))).collect();
        lines.values_mut().enumerate().for_each(|(index, color)| *color = index % COUNT);
        Colors(lines)
    }

    /// The color of a line of a file, if the line has code.
    pub fn get(&self, file: usize, line: usize) -> Option<usize> {
        self.0.get(&(file, line)).copied()
    }

    /// Every line with its color: file, line, color.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.0.iter().map(|((file, line), color)| (*file, *line, *color))
    }
}

/// The file and the line that a row stems from: those of the frame and of constants from none.
pub(super) fn line_of(compiled: &Compiled, row: &Row) -> Option<(usize, usize)> {
    match row.kind {
        RowKind::Prologue | RowKind::Data => None,
        _ => Some((compiled.file_of(row.span), row.span.start().line)),
    }
}
