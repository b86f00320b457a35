//! Code as the template of an `asm!`, as it grows: the bytes as data directives, and between them
//! what the assembler has to see: fields with Rust constants, and the instructions that name Rust
//! items, whose encodings have one length each.

use super::{number, ours, patches};
use crate::compiled::CompiledFunction;
use crate::encode::{Patch, PatchValue};
use crate::ir::{Code, Operand, RustSym, View};
use crate::isa::{PhysReg, register_name};
use proc_macro2::TokenStream;
use quote::quote_spanned;
use std::fmt::Write;

/// The lines and operands of a template.
pub(super) struct Template<'a> {
    pub(super) compiled: &'a CompiledFunction,
    /// The path of what the runtime has for generated items.
    pub(super) private: &'a TokenStream,
    for_windows: bool,
    pub(super) lines: Vec<String>,
    pub(super) operands: Vec<TokenStream>,
    /// How many bytes of the code the lines stand for.
    done: usize,
}

impl<'a> Template<'a> {
    pub(super) fn new(
        compiled: &'a CompiledFunction,
        private: &'a TokenStream,
        for_windows: bool,
    ) -> Self {
        Template {
            compiled,
            private,
            for_windows,
            lines: Vec::new(),
            operands: Vec::new(),
            done: 0,
        }
    }

    /// Where the part begins that the assembler writes instead of us: the whole instruction that
    /// names a Rust item, or the field of a Rust constant or of a place in a Rust item.
    pub(super) fn start_of(&self, patch: &Patch) -> usize {
        match patch.value {
            PatchValue::Const(..) | PatchValue::Memory(..) => patch.offset as usize,
            _ => self.compiled.encoded.item_offsets[self.item_of(patch)] as usize,
        }
    }

    fn item_of(&self, patch: &Patch) -> usize {
        let offsets = &self.compiled.encoded.item_offsets;
        offsets.partition_point(|&start| start <= patch.offset).saturating_sub(1)
    }

    /// The bytes of a constant array, in pieces as large as an operand can be.
    pub(super) fn table(&mut self, size: usize, constant: &TokenStream) {
        const DIRECTIVES: [(usize, &str); 5] =
            [(16, ".octa"), (8, ".8byte"), (4, ".4byte"), (2, ".2byte"), (1, ".byte")];
        let private = self.private;
        let mut at = 0;
        for (piece, directive) in DIRECTIVES {
            while size - at >= piece {
                self.lines.push(format!("{directive} {{}}"));
                let (offset, length) = (number(at), number(piece));
                self.operands.push(quote_spanned! { ours() =>
                    const #private::word(&#constant, #offset, #length)
                });
                at += piece;
            }
        }
        self.done += size;
    }

    pub(super) fn patch(&mut self, patch: &Patch) {
        match patch.value {
            PatchValue::Const(..) => {
                let value = patches::checked_value(self.compiled, patch, self.private);
                let directive = match patch.size {
                    1 => ".byte",
                    2 => ".2byte",
                    4 => ".4byte",
                    _ => ".8byte",
                };
                self.lines.push(format!("{directive} {{}}"));
                self.operands.push(quote_spanned!(ours() => const #value));
                self.done += usize::from(patch.size);
            }
            PatchValue::Memory(sym, addend) => {
                let addend = addend - i64::from(patch.end - patch.offset);
                let symbol = symbol_operand(&self.compiled.lowered.rust_syms[sym.index()]);
                self.field(format!(".4byte {{}} - . + {addend}"), [symbol]);
            }
            PatchValue::Address(sym) | PatchValue::Relative(sym) => {
                let item = self.item_of(patch);
                let line = match &self.compiled.lowered.items[item].code {
                    Code::Inst(inst) => match inst.operands.first() {
                        Some(Operand::Reg(view)) => self.load_address(*view),
                        _ => format!("{} {{}}", inst.mnemonic.name()),
                    },
                    _ => String::new(),
                };
                self.lines.push(line);
                let symbol = &self.compiled.lowered.rust_syms[sym.index()];
                self.operands.push(symbol_operand(symbol));
                self.done = patch.end as usize;
            }
        }
    }

    /// The instruction that loads an item's address, with a place for its symbol. An item that a
    /// shared library exports is only reached through the global offset table, which COFF does not
    /// have; where it need not be, the linker writes the `lea` back. Both are seven bytes long.
    fn load_address(&self, view: View<PhysReg>) -> String {
        let register = register_name(view.reg, view.class);
        match self.for_windows {
            true => format!("lea {register}, [rip + {{}}]"),
            false => format!("mov {register}, qword ptr [rip + {{}}@GOTPCREL]"),
        }
    }

    /// The bytes from what is done to `end`, as strings of a length that rustc reads fastest.
    pub(super) fn bytes_until(&mut self, end: usize) {
        let chunks = self.compiled.encoded.bytes[self.done..end].chunks(64);
        self.lines.extend(chunks.map(bytes_line));
        self.done = end;
    }

    /// Four bytes that `line` stands for.
    pub(super) fn field(&mut self, line: String, operands: impl IntoIterator<Item = TokenStream>) {
        self.lines.push(line);
        self.operands.extend(operands);
        self.done += 4;
    }
}

/// Bytes as a directive.
pub(super) fn bytes_line(bytes: &[u8]) -> String {
    let mut line = String::with_capacity(16 + 4 * bytes.len());
    line.push_str(".ascii \"");
    for byte in bytes {
        let _ = write!(line, "\\{byte:03o}");
    }
    line.push('"');
    line
}

/// `sym path`, of which errors are shown at the path.
pub(super) fn symbol_operand(symbol: &RustSym) -> TokenStream {
    let path = &symbol.tokens;
    quote_spanned!(ours().located_at(symbol.span) => sym #path)
}
