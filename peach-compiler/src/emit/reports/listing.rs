//! Listings: each instruction with its offset, its bytes, its physical registers and its source line.
//!
//! In: a compiled version, and the source lines as far as they are known. Out: text such as
//!
//! ```text
//! 0000  c5 fc 10 07           vmovups ymm0, [rdi]            ; 14: vmovups v, [x.ptr];
//! ```

use crate::compiled::CompiledFunction;
use crate::hex::hex;
use crate::ir::{Code, DataId, Item, LabelId, Origin, RustConstId, RustSymId};
use crate::isa::{Names, instruction_text};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The author's source, line by line, as far as rustc tells it.
#[derive(Debug, Default)]
pub struct Source {
    lines: BTreeMap<usize, String>,
}

impl Source {
    /// The lines of the braces in `tokens`: the bodies of all kernels and helpers, comments included.
    /// (What a macro made has no text of its own.)
    pub fn of(tokens: &TokenStream) -> Source {
        let mut lines = BTreeMap::new();
        for token in tokens.clone() {
            let TokenTree::Group(group) = token else { continue };
            let first = group.span_open().start().line;
            let Some(text) = group.span().source_text() else { continue };
            for (index, line) in text.lines().enumerate() {
                lines.insert(first + index, line.trim().to_string());
            }
        }
        Source { lines }
    }

    /// The text of a line, counted from 1, if it is known.
    pub fn line(&self, number: usize) -> Option<&str> {
        self.lines.get(&number).map(String::as_str)
    }
}

/// The listing of a version.
pub fn listing(compiled: &CompiledFunction, source: &Source) -> String {
    let encoded = &compiled.encoded;
    let mut text = String::new();
    for (index, item) in compiled.lowered.items.iter().enumerate() {
        let start = encoded.item_offsets[index] as usize;
        let end = match encoded.item_offsets.get(index + 1) {
            Some(&next) => next as usize,
            None => encoded.code_len,
        };
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
        let bytes = hex(&encoded.bytes[start..end], " ");
        let line = format!("{start:04x}  {bytes:<24} {what:<40} ; {}", note(item, source));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    data(compiled, &mut text);
    text
}

/// The constants behind the code.
fn data(compiled: &CompiledFunction, text: &mut String) {
    let offsets = &compiled.encoded.data_offsets;
    for (index, (data, &start)) in compiled.lowered.data.iter().zip(offsets).enumerate() {
        let start = start as usize;
        let Some(bytes) = compiled.encoded.bytes.get(start..start + data.content.len()) else {
            continue;
        };
        for (row, bytes) in bytes.chunks(16).enumerate() {
            let name = if row == 0 { compiled.data(DataId(index as u32)) } else { String::new() };
            let _ = writeln!(text, "{:04x}  {:<48} {name}", start + 16 * row, hex(bytes, " "));
        }
    }
}

/// Where an item comes from.
fn note(item: &Item, source: &Source) -> String {
    let line = item.span.start().line;
    let text = source.lines.get(&line).map_or("", String::as_str);
    match item.origin {
        Origin::Author(_) | Origin::Epilogue(_) => format!("{line}: {text}"),
        Origin::Prologue => "prologue".to_string(),
        Origin::Spill(_) => format!("{line}: spill: {text}"),
    }
}

/// The author's names, where there are any.
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
