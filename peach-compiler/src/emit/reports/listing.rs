//! Listings: each instruction with its offset, its bytes, its physical registers and its source
//! line.
//!
//! In: a compiled version, and the source lines as far as they are known. Out: text such as
//!
//! ```text
//! ; src/sum.rs
//! 0000  c5 fc 10 07              vmovups ymm0, [rdi]                     ; 14: vmovups v, [x.ptr];
//! ```
//!
//! An instruction of more than eight bytes takes further rows. The runtime writes the bytes anew
//! that only rustc and the linker know: a row starts with its offset, two spaces, and the bytes.

use crate::compiled::CompiledFunction;
use crate::hex::hex;
use crate::ir::{Code, DataId, Item, LabelId, Origin, RustConstId, RustSymId};
use crate::isa::{Names, instruction_text};
use crate::sorted::SortedMap;
use proc_macro2::{TokenStream, TokenTree};
use std::fmt::Write;

/// How many bytes a row of code has, and one of data.
const CODE_ROW: usize = 8;
const DATA_ROW: usize = 16;

/// The source, line by line, as far as rustc provides it.
#[derive(Debug, Default)]
pub struct Source {
    /// By file, then by number.
    files: SortedMap<String, SortedMap<usize, String>>,
}

impl Source {
    /// The lines of the braces in `tokens`: the bodies of all kernels and helpers, comments
    /// included. (What a macro made has no text of its own.)
    pub fn of(tokens: &TokenStream) -> Source {
        let mut source = Source::default();
        for token in tokens.clone() {
            let TokenTree::Group(group) = token else { continue };
            let open = group.span_open();
            let Some(text) = group.span().source_text() else { continue };
            let lines = source.files.get_or_default(open.file());
            for (index, line) in text.lines().enumerate() {
                lines.insert(open.start().line + index, line.trim().to_string());
            }
        }
        source
    }

    /// The text of a line, counted from 1, if it is known, and kernels are in one file.
    pub fn line(&self, number: usize) -> Option<&str> {
        let mut files = self.files.values();
        let only = files.next().filter(|_| files.next().is_none())?;
        only.get(&number).map(String::as_str)
    }

    fn line_in(&self, file: &str, number: usize) -> Option<&str> {
        let (_, lines) = self.files.iter().find(|(name, _)| *name == file)?;
        lines.get(&number).map(String::as_str)
    }
}

/// The listing of a version.
pub fn listing(compiled: &CompiledFunction, source: &Source) -> String {
    let encoded = &compiled.encoded;
    let mut text = String::new();
    let mut file = String::new();
    for (index, item) in compiled.lowered.items.iter().enumerate() {
        let (start, end) =
            (encoded.offset_of(index) as usize, encoded.offset_of(index + 1) as usize);
        let what = match &item.code {
            // Padding only.
            Code::Group(_) if start == end => continue,
            Code::Group(_) => "nop".to_string(),
            Code::Label(label) => {
                let _ = writeln!(text, "{}:", compiled.label(*label));
                continue;
            }
            Code::Inst(inst) => instruction_text(inst, compiled),
            Code::Align(bytes) => format!("align {bytes}"),
            Code::Bytes(_) => "db".to_string(),
        };
        file_row(item, &mut file, &mut text);
        rows(start, &encoded.bytes[start..end], &what, &note(item, source), &mut text);
    }
    data(compiled, &mut text);
    text
}

/// Names the file that the following lines are of, where it is another one.
fn file_row(item: &Item, current: &mut String, text: &mut String) {
    let file = item.span.file();
    // What was not read from a file has a name in angle brackets.
    let is_known = !file.is_empty() && !file.starts_with('<');
    if is_known && has_line(item) && file != *current {
        let _ = writeln!(text, "; {file}");
        *current = file;
    }
}

/// An item of code: what it is and where it comes from follow its first bytes.
fn rows(start: usize, bytes: &[u8], what: &str, note: &str, text: &mut String) {
    let (first, rest) = bytes.split_at(bytes.len().min(CODE_ROW));
    let row = format!("{start:04x}  {:<24} {what:<40} ; {note}", hex(first, " "));
    text.push_str(row.trim_end());
    text.push('\n');
    for (index, bytes) in rest.chunks(CODE_ROW).enumerate() {
        let _ = writeln!(text, "{:04x}  {}", start + CODE_ROW * (index + 1), hex(bytes, " "));
    }
}

/// The constants after the code.
fn data(compiled: &CompiledFunction, text: &mut String) {
    let offsets = &compiled.encoded.data_offsets;
    for (index, (data, &start)) in compiled.lowered.data.iter().zip(offsets).enumerate() {
        let start = start as usize;
        let Some(bytes) = compiled.encoded.bytes.get(start..start + data.content.len()) else {
            continue;
        };
        for (row, bytes) in bytes.chunks(DATA_ROW).enumerate() {
            let name = if row == 0 { compiled.data(DataId(index as u32)) } else { String::new() };
            let row = format!("{:04x}  {:<48} {name}", start + DATA_ROW * row, hex(bytes, " "));
            text.push_str(row.trim_end());
            text.push('\n');
        }
    }
}

/// Where an item comes from.
fn note(item: &Item, source: &Source) -> String {
    let line = item.span.start().line;
    let text = source.line_in(&item.span.file(), line).unwrap_or_default();
    match item.origin {
        Origin::Author(_) | Origin::Epilogue(_) => format!("{line}: {text}"),
        Origin::Prologue => "prologue".to_string(),
        Origin::Spill(_) => format!("{line}: spill: {text}"),
    }
}

/// Whether an item stems from a line of the source.
fn has_line(item: &Item) -> bool {
    match item.origin {
        Origin::Author(_) | Origin::Epilogue(_) | Origin::Spill(_) => true,
        Origin::Prologue => false,
    }
}

/// The user's names, where there are any.
impl Names for CompiledFunction {
    fn label(&self, id: LabelId) -> String {
        match self.function.labels.get(id.index()) {
            Some(label) => label.name.clone(),
            None => format!("'L{}", id.0),
        }
    }

    fn data(&self, id: DataId) -> String {
        let name = self.lowered.data.get(id.index()).and_then(|data| data.name.clone());
        name.unwrap_or_else(|| format!("data{}", id.0))
    }

    fn rust_const(&self, id: RustConstId) -> String {
        format!("const {{ {} }}", self.lowered.rust_consts[id.index()].tokens)
    }

    fn rust_sym(&self, id: RustSymId) -> String {
        format!("{}", self.lowered.rust_syms[id.index()].tokens)
    }
}
