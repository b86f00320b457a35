//! Source lines, of no format in particular.
//!
//! In: a function of an image. Out: a row wherever the place in the source changes.

use crate::emit::Module;
use crate::emit::objects::image::Function;
use crate::ir::Origin;
use std::ops::Range;

/// Where the code of a place in the source starts.
pub(in crate::emit::objects) struct Row<'a> {
    /// From the start of the function.
    pub offset: u32,
    /// As the module names it.
    pub file: &'a str,
    /// Counted from 1, as columns are.
    pub line: u32,
    pub column: u32,
    /// The prologue ends here.
    pub starts_body: bool,
    pub is_epilogue: bool,
}

/// The rows of a function, ascending.
pub(in crate::emit::objects) fn rows<'a>(module: &'a Module, function: &Function) -> Vec<Row<'a>> {
    let compiled = &function.source.compiled;
    let (lowered, encoded) = (&compiled.lowered, &compiled.encoded);
    let mut rows = Vec::new();
    let mut last = None;
    for (number, item) in lowered.items.iter().enumerate() {
        let Range { start: offset, end } = encoded.item_range(number);
        let is_body = number >= lowered.frame.prologue_items;
        let start = item.span.start();
        let file = module.file_of(item.span);
        let place = (file, start.line, start.column, is_body);
        if offset == end || last == Some(place) {
            continue;
        }
        rows.push(Row {
            offset,
            file,
            line: start.line as u32,
            column: start.column as u32 + 1,
            starts_body: is_body && last.is_none_or(|(.., was_body)| !was_body),
            is_epilogue: matches!(item.origin, Origin::Epilogue(_)),
        });
        last = Some(place);
    }
    rows
}
