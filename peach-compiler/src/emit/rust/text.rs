//! `#[embed = "text"]`: a version as a naked function in the program's own text section.
//!
//! In: a group. Out: associated functions of the source, under the kernel's name, which debuggers
//! show: `name`, or `name_0`, `name_1`, … where there are several versions.
//!
//! The bytes are data directives between which are what an assembler has to see: unwinding
//! directives (call frame instructions, or those of Windows), fields with Rust constants, and the
//! instructions that name Rust items, whose encodings have one length each.
//!
//! Every function starts at a multiple of its alignment: the directive for that is at its end. On
//! ELF and COFF each function has a section, which it aligns; in Mach-O all kernels share one that
//! holds nothing else, and each aligns the next.

use super::{Context, ours, patches, seh, source_name};
use crate::compiled::CompiledFunction;
use crate::emit::seh::Fragment;
use crate::emit::unwind::{self, Change};
use crate::encode::{Patch, PatchValue};
use crate::ir::{Code, Operand, RustSym, View};
use crate::isa::{PhysReg, register_name};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};
use std::fmt::Write;
use std::ops::Range;

/// The functions of all versions.
pub(super) fn functions(context: &Context<'_>) -> TokenStream {
    context
        .group
        .versions
        .iter()
        .enumerate()
        .map(|(index, compiled)| function(context, index, compiled))
        .collect()
}

/// What the function of a version is called.
pub(super) fn function_name(context: &Context<'_>, index: usize) -> Ident {
    let mut name = context.decl().signature.name.clone();
    if context.group.versions.len() > 1 {
        name = format_ident!("{name}_{index}");
    }
    name.set_span(ours());
    name
}

/// A version as a naked function. Its type is not that of the kernel: it is only called through the
/// kernel's own pointer type, or by `asm!`.
fn function(context: &Context<'_>, index: usize, compiled: &CompiledFunction) -> TokenStream {
    let name = function_name(context, index);
    let (kernel, source) = (&context.decl().signature.name, source_name());
    let path = quote_spanned!(ours() => <#kernel::#source>::#name);
    let for_windows = context.for_windows();
    let private = context.private;
    let mut assembly = Assembly {
        compiled,
        path,
        private,
        for_windows,
        lines: Vec::new(),
        operands: Vec::new(),
        done: 0,
    };
    assembly.write();
    let (lines, operands) = (&assembly.lines, &assembly.operands);
    quote_spanned! { ours() =>
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__peach"))]
        #[unsafe(naked)]
        unsafe extern "C" fn #name() {
            #private::core::arch::naked_asm!(#(#lines,)* #(#operands),*)
        }
    }
}

/// The template of a naked function, as it grows.
struct Assembly<'a> {
    compiled: &'a CompiledFunction,
    /// The function itself.
    path: TokenStream,
    /// The path of what the runtime has for generated items.
    private: &'a TokenStream,
    for_windows: bool,
    lines: Vec<String>,
    operands: Vec<TokenStream>,
    /// How many bytes of the code the lines stand for.
    done: usize,
}

/// What is between the bytes.
enum Event<'a> {
    Line(String),
    StartOfSeh,
    Patch(&'a Patch),
}

impl Assembly<'_> {
    fn write(&mut self) {
        let (lowered, encoded) = (&self.compiled.lowered, &self.compiled.encoded);
        let mut events: Vec<(usize, Event<'_>)> = Vec::new();
        let mut tables = Vec::new();
        if self.for_windows {
            match seh::Description::of(lowered, encoded) {
                seh::Description::Tables(parts) => tables = parts,
                seh::Description::Directives(directives) => {
                    events.extend(directives.into_iter().map(|(at, directive)| match directive {
                        seh::Directive::Start => (at as usize, Event::StartOfSeh),
                        seh::Directive::Line(line) => (at as usize, Event::Line(line)),
                    }));
                }
            }
        } else {
            self.lines.push(".cfi_startproc".to_string());
            let changes = unwind::changes(lowered, encoded).into_iter();
            events
                .extend(changes.map(|(at, change)| (at as usize, Event::Line(directive(change)))));
        }
        let patches = encoded.patches.iter();
        events.extend(patches.map(|patch| (self.start_of(patch), Event::Patch(patch))));
        events.sort_by_key(|(at, _)| *at);
        for (at, event) in events {
            self.bytes_until(at);
            match event {
                Event::Line(line) => self.lines.push(line),
                Event::StartOfSeh => self.with_own_name(".seh_proc {}"),
                Event::Patch(patch) => self.patch(patch),
            }
        }
        self.bytes_until(encoded.bytes.len());
        if !self.for_windows {
            self.lines.push(".cfi_endproc".to_string());
        }
        let align = encoded.align.max(64).trailing_zeros();
        self.lines.push(format!(".p2align {align}, 0xcc"));
        for (number, part) in tables.iter().enumerate() {
            self.unwind_table(number, part);
        }
    }

    /// A line in which every `{}` stands for the function.
    fn with_own_name(&mut self, line: &str) {
        let path = &self.path;
        let names = line.matches("{}").count();
        self.operands.extend(std::iter::repeat_n(quote_spanned!(ours() => sym #path), names));
        self.lines.push(line.to_string());
    }

    /// `UNWIND_INFO` of a part of the function, and where the part is.
    fn unwind_table(&mut self, number: usize, part: &Fragment) {
        let info: Vec<String> = part.info.iter().map(u8::to_string).collect();
        let Range { start, end } = part.place;
        self.lines.push(".pushsection .xdata, \"dr\"\n.p2align 2".to_string());
        self.with_own_name(&format!(
            "{{}}_unwind_{number}:\n.byte {}\n.popsection",
            info.join(", ")
        ));
        self.lines.push(".pushsection .pdata, \"dr\"\n.p2align 2".to_string());
        let rows = format!(".rva {{}} + {start}, {{}} + {end}, {{}}_unwind_{number}\n.popsection");
        self.with_own_name(&rows);
    }

    /// Where the part begins that the assembler writes instead of us: the whole instruction that
    /// names a Rust item, or the field of a Rust constant.
    fn start_of(&self, patch: &Patch) -> usize {
        match patch.value {
            PatchValue::Const(..) => patch.offset as usize,
            _ => self.compiled.encoded.item_offsets[self.item_of(patch)] as usize,
        }
    }

    fn item_of(&self, patch: &Patch) -> usize {
        let offsets = &self.compiled.encoded.item_offsets;
        offsets.partition_point(|&start| start <= patch.offset).saturating_sub(1)
    }

    fn patch(&mut self, patch: &Patch) {
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
    fn bytes_until(&mut self, end: usize) {
        for chunk in self.compiled.encoded.bytes[self.done..end].chunks(64) {
            let mut line = String::with_capacity(16 + 4 * chunk.len());
            line.push_str(".ascii \"");
            for byte in chunk {
                let _ = write!(line, "\\{byte:03o}");
            }
            line.push('"');
            self.lines.push(line);
        }
        self.done = end;
    }
}

/// `sym path`, of which errors are shown at the path.
pub(super) fn symbol_operand(symbol: &RustSym) -> TokenStream {
    let path = &symbol.tokens;
    quote_spanned!(ours().located_at(symbol.span) => sym #path)
}

fn directive(change: Change) -> String {
    match change {
        Change::Cfa(cfa) => {
            format!(".cfi_def_cfa {}, {}", unwind::dwarf_number(cfa.reg), cfa.offset)
        }
        Change::Saved(reg, at) => format!(".cfi_offset {}, {at}", unwind::dwarf_number(reg)),
        Change::Restored(reg) => format!(".cfi_restore {}", unwind::dwarf_number(reg)),
    }
}
