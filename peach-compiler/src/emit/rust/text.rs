//! `#[embed = "text"]`: a version as a naked function in the program's own text section.
//!
//! In: a group. Out: associated functions of the source, under the kernel's name, which debuggers
//! show: `name`, or `name_0`, `name_1`, … where there are several versions.
//!
//! Between the bytes ([`Template`]) are unwinding directives: call frame instructions, or those of
//! Windows.
//!
//! Every function starts at a multiple of its alignment: the directive for that is at its end. On
//! ELF and COFF each function has a section, which it aligns; in Mach-O all kernels share one that
//! holds nothing else, and each aligns the next.

use super::template::Template;
use super::{Context, number, ours, patches, seh, source_name};
use crate::compiled::CompiledFunction;
use crate::emit::seh::Fragment;
use crate::emit::unwind::{self, Change};
use crate::encode::Patch;
use crate::ir::RustTable;
use crate::sorted;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};
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
    let template = Template::new(compiled, private, for_windows);
    let constants = Vec::new();
    let mut assembly = Assembly { kernel, number: index, path, for_windows, template, constants };
    assembly.write();
    let Template { lines, operands, .. } = &assembly.template;
    let constants = &assembly.constants;
    quote_spanned! { ours() =>
        #(#constants)*
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__peach"))]
        #[unsafe(naked)]
        unsafe extern "C" fn #name() {
            #private::core::arch::naked_asm!(#(#lines,)* #(#operands),*)
        }
    }
}

/// The template of a naked function, with its directives.
struct Assembly<'a> {
    kernel: &'a Ident,
    /// Which version it is.
    number: usize,
    /// The function itself.
    path: TokenStream,
    for_windows: bool,
    template: Template<'a>,
    /// The tables that rustc evaluates.
    constants: Vec<TokenStream>,
}

/// What is between the bytes.
enum Event<'a> {
    Line(String),
    StartOfSeh,
    Patch(&'a Patch),
    Table(&'a RustTable),
}

impl Assembly<'_> {
    fn write(&mut self) {
        let compiled = self.template.compiled;
        let (lowered, encoded) = (&compiled.lowered, &compiled.encoded);
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
            self.template.lines.push(".cfi_startproc".to_string());
            let changes = unwind::changes(lowered, encoded).into_iter();
            events
                .extend(changes.map(|(at, change)| (at as usize, Event::Line(directive(change)))));
        }
        let patches = encoded.patches.iter();
        events.extend(patches.map(|patch| (self.template.start_of(patch), Event::Patch(patch))));
        let constants = patches::tables(compiled).into_iter();
        events.extend(constants.map(|(at, table)| (at, Event::Table(table))));
        sorted::sort_by_key(&mut events, |(at, _)| *at);
        for (at, event) in events {
            self.template.bytes_until(at);
            match event {
                Event::Line(line) => self.template.lines.push(line),
                Event::StartOfSeh => self.with_own_name(".seh_proc {}"),
                Event::Patch(patch) => self.template.patch(patch),
                Event::Table(table) => self.table(table),
            }
        }
        self.template.bytes_until(encoded.bytes.len());
        if !self.for_windows {
            self.template.lines.push(".cfi_endproc".to_string());
        }
        let align = encoded.align.max(64).trailing_zeros();
        self.template.lines.push(format!(".p2align {align}, 0xcc"));
        for (number, part) in tables.iter().enumerate() {
            self.unwind_table(number, part);
        }
    }

    /// A table that rustc evaluates: a constant, and operands that are parts of it.
    fn table(&mut self, table: &RustTable) {
        let private = self.template.private;
        let mut name = format_ident!("TABLE_{}_{}", self.number, self.constants.len());
        name.set_span(ours());
        let size = table.count() * table.width as usize;
        let (kernel, source) = (self.kernel, source_name());
        self.template.table(size, &quote_spanned!(ours() => <#kernel::#source>::#name));
        let (size, bytes) = (number(size), patches::table_bytes(table, private));
        self.constants.push(quote_spanned! { ours() =>
            const #name: [#private::core::primitive::u8; #size] = #bytes;
        });
    }

    /// A line in which every `{}` stands for the function.
    fn with_own_name(&mut self, line: &str) {
        let path = &self.path;
        let names = line.matches("{}").count();
        self.template
            .operands
            .extend(std::iter::repeat_n(quote_spanned!(ours() => sym #path), names));
        self.template.lines.push(line.to_string());
    }

    /// `UNWIND_INFO` of a part of the function, and where the part is.
    fn unwind_table(&mut self, number: usize, part: &Fragment) {
        let info: Vec<String> = part.info.iter().map(u8::to_string).collect();
        let Range { start, end } = part.place;
        self.template.lines.push(".pushsection .xdata, \"dr\"\n.p2align 2".to_string());
        self.with_own_name(&format!(
            "{{}}_unwind_{number}:\n.byte {}\n.popsection",
            info.join(", ")
        ));
        self.template.lines.push(".pushsection .pdata, \"dr\"\n.p2align 2".to_string());
        let rows = format!(".rva {{}} + {start}, {{}} + {end}, {{}}_unwind_{number}\n.popsection");
        self.with_own_name(&rows);
    }
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
