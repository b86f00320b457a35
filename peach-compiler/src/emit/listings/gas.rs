//! GNU assembler, in Intel syntax. clang reads the same text.
//!
//! Frames are described by `.cfi_…` (ELF and Mach-O) or `.seh_…` (COFF).

use super::frames::Description;
use super::outline::{
    self, Constant, Function, JumpTable, Line, Outline, Prefixed, Reference, SymbolUse,
};
use super::spell::{self, Assembler, Coded, Length, Rule};
use super::{Format, Options, frames, intel};
use crate::abi::{AssemblyFormat, ImageFormat};
use crate::diagnostics::{Code as DiagnosticCode, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::linkage::Symbol;
use crate::emit::objects;
use crate::emit::seh::Fragment;
use crate::emit::unwind::{self, Change};
use crate::ir::{DispSize, Instruction, Mem};
use crate::isa::{Bank, Class, Names, PhysReg, register_name, size_name};
use std::fmt::Write;

/// GNU assembler.
pub(super) const FORMAT: Format = Format { format: AssemblyFormat::Gas, extension: "s", write };

fn write(module: &Module, options: &Options<'_>, diagnostics: &mut Diagnostics) -> String {
    let outline = Outline::of(module);
    for (symbol, span) in outline::symbols(module) {
        check_symbol(symbol, span, diagnostics);
    }
    if options.image == ImageFormat::MsCoff {
        super::refuse_references_to_weak(module, "GNU as", diagnostics);
    }
    let mut writer = Writer { options, outline: &outline, text: String::new() };
    let _ = writeln!(writer.text, "# {}", super::origin(module));
    writer.put("    .intel_syntax noprefix");
    writer.put(writer.text_section());
    for function in &outline.functions {
        writer.function(function);
    }
    writer.constants(&outline);
    if options.image == ImageFormat::Elf {
        if module.is_protected() {
            let align = if module.target.convention.pointer_size == 8 { 3 } else { 2 };
            writer.put("\n    .section .note.gnu.property, \"a\", @note");
            writer.put(format!("    .p2align {align}"));
            writer.put(format!("    .long 4, {}, 5", if align == 3 { 16 } else { 12 }));
            writer.put("    .asciz \"GNU\"");
            // GNU_PROPERTY_X86_FEATURE_1_AND: branch tracking and shadow stack (psABI, 4.1.4).
            writer.put("    .long 0xc0000002, 4, 3");
            writer.put(format!("    .p2align {align}"));
        }
        writer.put("\n    .section .note.GNU-stack, \"\", @progbits");
    }
    writer.text
}

/// A symbol may be quoted, but what ends or escapes a quotation may not be in it.
fn check_symbol(symbol: &str, span: proc_macro2::Span, diagnostics: &mut Diagnostics) {
    // In AT&T syntax, what starts with `$` is a number; `.` is where the assembler is.
    let is_special = symbol.starts_with('$') || symbol == ".";
    if is_special || symbol.contains(['"', '\\']) || symbol.contains(char::is_control) {
        let message = format!("GNU as has no way to write the symbol `{}`", symbol.escape_debug());
        let diagnostic = Diagnostic::new(DiagnosticCode::NotOutsideRust, span, message);
        diagnostics.push(
            diagnostic
                .note(
                    "a symbol cannot contain quotation marks, backslashes or control characters, \
                     start with `$`, or be `.`",
                )
                .help("choose another name with `#[export_name = \"…\"]`"),
        );
    }
}

struct Writer<'a> {
    options: &'a Options<'a>,
    outline: &'a Outline<'a>,
    text: String,
}

impl Writer<'_> {
    fn put(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn text_section(&self) -> &'static str {
        match self.options.image {
            ImageFormat::Elf | ImageFormat::MsCoff => "    .text",
            ImageFormat::MachO => "    .section __TEXT,__text,regular,pure_instructions",
        }
    }

    fn constant_section(&self) -> &'static str {
        match self.options.image {
            ImageFormat::Elf => "    .section .rodata, \"a\", @progbits",
            ImageFormat::MsCoff => "    .section .rdata, \"dr\"",
            ImageFormat::MachO => "    .section __TEXT,__const",
        }
    }

    /// What keeps a name out of the symbol table.
    fn local_prefix(&self) -> &'static str {
        match self.options.image {
            ImageFormat::Elf | ImageFormat::MsCoff => ".L",
            ImageFormat::MachO => "L",
        }
    }

    /// A symbol as the container spells it.
    fn symbol(&self, name: &str) -> String {
        let prefix = if self.options.image == ImageFormat::MachO { "_" } else { "" };
        let is_plain = |ch: char| ch.is_ascii_alphanumeric() || matches!(ch, '_' | '.' | '$');
        match name.chars().all(is_plain) && !name.starts_with(|ch: char| ch.is_ascii_digit()) {
            true => format!("{prefix}{name}"),
            false => format!("\"{prefix}{name}\""),
        }
    }

    fn function(&mut self, function: &Function<'_>) {
        let symbol = self.symbol(&function.source.symbol);
        let align = function.source.compiled.encoded.align;
        let filler = function.source.convention().filler();
        self.put(format!("\n    .p2align {}, {filler:#x}", align.trailing_zeros()));
        let symbols: Vec<Symbol<'_>> = function.source.symbols().collect();
        symbols.iter().for_each(|symbol| self.declare(*symbol));
        let frame = match self.options.image {
            ImageFormat::MsCoff => Some(Description::of(function.source)),
            ImageFormat::Elf | ImageFormat::MachO => None,
        };
        let start = self.start(function);
        if let Some(Description::Steps(_)) = &frame {
            self.put(format!("    .seh_proc {start}"));
        }
        for symbol in &symbols {
            self.put(format!("{}:", self.symbol(symbol.name)));
        }
        if start != symbol {
            self.put(format!("{start}:"));
        }
        self.code(function, frame.as_ref());
        for symbol in symbols.iter().filter(|_| self.options.image == ImageFormat::Elf) {
            let (symbol, size) =
                (self.symbol(symbol.name), function.source.compiled.encoded.code_len);
            self.put(format!("    .size {symbol}, {size}"));
        }
        // There is nothing but code between the code of a sandbox.
        let apart = function.source.convention().sandbox.is_some();
        if apart && !function.jump_tables.is_empty() {
            self.put(self.constant_section());
        }
        for table in &function.jump_tables {
            self.jump_table(function, table);
        }
        if apart && !function.jump_tables.is_empty() {
            self.put(self.text_section());
        }
    }

    /// What tables of Windows find the code by. A weak symbol may come to be another function's.
    fn start(&self, function: &Function<'_>) -> String {
        let own = function.source.own_symbol();
        match own.is_weak && self.options.image == ImageFormat::MsCoff {
            true => format!("{}{}_start", self.local_prefix(), function.unwind),
            false => self.symbol(own.name),
        }
    }

    /// Who sees a symbol of the function that follows.
    fn declare(&mut self, Symbol { name, is_public, is_weak }: Symbol<'_>) {
        let symbol = self.symbol(name);
        match (is_weak, self.options.image) {
            (true, ImageFormat::Elf | ImageFormat::MsCoff) => {
                self.put(format!("    .weak {symbol}"))
            }
            (true, ImageFormat::MachO) => {
                self.put(format!("    .globl {symbol}\n    .weak_definition {symbol}"));
            }
            (false, _) => self.put(format!("    .globl {symbol}")),
        }
        match self.options.image {
            ImageFormat::Elf if !is_public => self.put(format!("    .hidden {symbol}")),
            ImageFormat::MachO if !is_public => self.put(format!("    .private_extern {symbol}")),
            // Of COFF, only what is named to the linker is exported.
            ImageFormat::Elf | ImageFormat::MsCoff | ImageFormat::MachO => {}
        }
        match self.options.image {
            ImageFormat::Elf => self.put(format!("    .type {symbol}, @function")),
            // External, and a function (Microsoft PE format, "Symbol Table").
            ImageFormat::MsCoff if !is_weak => {
                self.put(format!("    .def {symbol}; .scl 2; .type 32; .endef"));
            }
            ImageFormat::MsCoff | ImageFormat::MachO => {}
        }
    }

    /// The code, with unwind information: by `frame` on Windows, in DWARF elsewhere.
    fn code(&mut self, function: &Function<'_>, frame: Option<&Description>) {
        let compiled = &function.source.compiled;
        let prefix = self.local_prefix();
        let names = Prefixed {
            labels: &function.full_labels,
            label_prefix: prefix,
            data: &function.data,
            data_prefix: prefix,
            symbols: function.symbols.iter().map(|name| self.symbol(name)).collect(),
        };
        let mut comments = super::Comments::new(self.options.source);
        let mut changes = match frame {
            Some(_) => Vec::new(),
            None => unwind::changes(&compiled.lowered, &compiled.encoded),
        };
        changes.reverse();
        let mut steps = frame.into_iter().flat_map(Description::steps).peekable();
        if frame.is_none() {
            self.put("    .cfi_startproc");
        }
        for (index, line) in function.lines().enumerate() {
            while let Some((_, step)) = steps.next_if(|(at, _)| *at <= index) {
                self.put(format!("    {}", seh(step)));
            }
            while let Some((_, change)) = changes.pop_if(|(at, _)| *at <= line.start) {
                self.put(format!("    {}", cfi(change)));
            }
            let text = self.line(function, &line, &names);
            comments.push(&mut self.text, &text, &line, "#");
        }
        for (_, step) in steps {
            self.put(format!("    {}", seh(step)));
        }
        match frame {
            None => self.put("    .cfi_endproc"),
            Some(Description::Leaf) => {}
            Some(Description::Steps(_)) => self.put("    .seh_endproc"),
            Some(Description::Tables(parts)) => self.unwind_tables(function, parts),
        }
    }

    /// Unwind information that no directive can say.
    fn unwind_tables(&mut self, function: &Function<'_>, parts: &[Fragment]) {
        let symbol = self.start(function);
        let prefix = self.local_prefix();
        for (number, Fragment { place, info }) in parts.iter().enumerate() {
            let own = format!("{prefix}{}_{number}", function.unwind);
            self.put("    .section .xdata, \"dr\"\n    .p2align 2");
            self.put(format!("{own}:\n    {}", Gas.data_bytes(info)));
            self.put("    .section .pdata, \"dr\"\n    .p2align 2");
            let (start, end) = (place.start, place.end);
            self.put(format!("    .rva {symbol} + {start}, {symbol} + {end}, {own}"));
        }
        self.put(self.text_section());
    }

    fn line(&self, function: &Function<'_>, line: &Line<'_>, names: &dyn Names) -> String {
        spell::item(&Gas, self.outline, function, line, names, |inst, symbol| {
            self.with_symbol(inst, symbol)
        })
    }

    /// `call sym`, `jmp sym`, `lea r, sym`, `mov r, sym`.
    fn with_symbol(&self, inst: &Instruction<PhysReg>, used: SymbolUse<'_>) -> String {
        let symbol = self.symbol(used.name);
        let text = match (spell::destination(inst), used.is_relative) {
            (None, _) if inst.is_tail_call() => format!("{{disp32}} jmp {symbol}"),
            (None, _) => format!("{} {symbol}", inst.mnemonic.name()),
            (Some(register), true) => format!("lea {symbol}(%rip), %{register}"),
            (Some(register), false) => format!("movabs ${symbol}, %{register}"),
        };
        format!("    {}", in_att_syntax(&text))
    }

    fn jump_table(&mut self, function: &Function<'_>, table: &JumpTable<'_>) {
        let prefix = self.local_prefix();
        self.put(format!("    .p2align {}, 0xcc", Function::JUMP_TABLE_ALIGN.trailing_zeros()));
        self.put(format!("{prefix}{}:", table.name));
        for target in table.targets {
            let label = &function.full_labels[target.index()];
            self.put(format!("    .long {prefix}{label} - {prefix}{}", table.name));
        }
    }

    fn constants(&mut self, outline: &Outline<'_>) {
        let (merged, plain): (Vec<_>, Vec<_>) =
            outline.constants.iter().partition(|constant| self.is_mergeable(constant));
        self.constants_in(self.constant_section(), &plain);
        for &size in self.mergeable() {
            let of_size = |constant: &&&Constant<'_>| constant.bytes.len() as u32 == size;
            let constants: Vec<&Constant<'_>> = merged.iter().filter(of_size).copied().collect();
            self.constants_in(&self.mergeable_section(size), &constants);
        }
    }

    /// The sizes of constants of which the linker keeps one where several are equal. (In COFF, each
    /// would be a section.)
    fn mergeable(&self) -> &'static [u32] {
        match self.options.image {
            ImageFormat::MsCoff => &[],
            image @ (ImageFormat::Elf | ImageFormat::MachO) => objects::Format::of(image).mergeable,
        }
    }

    fn is_mergeable(&self, constant: &Constant<'_>) -> bool {
        let size = constant.bytes.len() as u32;
        let is_sandboxed =
            self.outline.functions.iter().any(|f| f.source.convention().sandbox.is_some());
        let fits = constant.align <= size && self.mergeable().contains(&size);
        fits && !is_sandboxed
    }

    fn mergeable_section(&self, size: u32) -> String {
        match self.options.image {
            ImageFormat::MachO => {
                format!("    .section __TEXT,__literal{size},{size}byte_literals")
            }
            ImageFormat::Elf | ImageFormat::MsCoff => {
                format!("    .section .rodata.cst{size}, \"aM\", @progbits, {size}")
            }
        }
    }

    fn constants_in(&mut self, section: &str, constants: &[&Constant<'_>]) {
        if constants.is_empty() {
            return;
        }
        self.put(format!("\n{section}"));
        for constant in constants {
            // What linkers merge is aligned to its size.
            let align = match self.is_mergeable(constant) {
                true => constant.bytes.len() as u32,
                false => constant.align,
            };
            self.put(format!("    .p2align {}", align.trailing_zeros()));
            self.put(format!("{}{}:", self.local_prefix(), constant.name));
            for row in constant.bytes.chunks(16) {
                self.put(format!("    {}", Gas.data_bytes(row)));
            }
        }
    }
}

/// A change of the unwinding rules as a directive.
fn cfi(change: Change) -> String {
    let name = |reg: PhysReg| register_name(reg, Class::Gp64);
    match change {
        Change::Cfa(cfa) => format!(".cfi_def_cfa {}, {}", name(cfa.reg), cfa.offset),
        Change::Saved(reg, at) => format!(".cfi_offset {}, {at}", name(reg)),
        Change::Restored(reg) => format!(".cfi_restore {}", name(reg)),
    }
}

/// A step of the prologue as a directive.
fn seh(step: frames::Step) -> String {
    match step {
        frames::Step::Push(reg) => format!(".seh_pushreg {}", register_name(reg, Class::Gp64)),
        frames::Step::Save(reg, at) if reg.bank == Bank::Gp => {
            format!(".seh_savereg {}, {at}", register_name(reg, Class::Gp64))
        }
        frames::Step::Save(reg, at) => {
            format!(".seh_savexmm {}, {at}", register_name(reg, Class::Xmm))
        }
        frames::Step::Lower(bytes) => format!(".seh_stackalloc {bytes}"),
        frames::Step::SetBase(reg) => {
            format!(".seh_setframe {}, 0", register_name(reg, Class::Gp64))
        }
        frames::Step::End => ".seh_endprologue".to_string(),
    }
}

/// A line with a symbol, in AT&T syntax, where any name may stand: in Intel's, `and` or `rax` would
/// be what they are.
fn in_att_syntax(line: &str) -> String {
    format!(".att_syntax prefix\n    {line}\n    .intel_syntax noprefix")
}

/// The syntax.
struct Gas;

impl Assembler for Gas {
    fn rules(&self) -> &'static [Rule] {
        intel::RULES
    }

    fn data_bytes(&self, bytes: &[u8]) -> String {
        format!(".byte {}", spell::hex_list(bytes))
    }

    fn data_distance(&self, name: &str, reference: Reference, behind: usize) -> String {
        let line = format!(".long {name} - . + {}", reference.addend - 4 - behind as i64);
        let line = line.replace("+ -", "- ");
        match reference.place {
            outline::Anchor::Data(_) => line,
            outline::Anchor::Symbol(_) => in_att_syntax(&line),
        }
    }

    fn comment(&self) -> &'static str {
        "#"
    }

    fn register(&self, view: crate::ir::View<PhysReg>) -> String {
        match view.reg.bank {
            Bank::X87 => format!("st({})", view.reg.num),
            _ => register_name(view.reg, view.class),
        }
    }

    /// A symbol that may be a word of Intel syntax is written among the bytes. No word starts with
    /// an underscore, which Mach-O puts before each symbol; and Mach-O has no relocation of data
    /// for the distance of one that is elsewhere.
    fn memory(&self, mem: &Mem<PhysReg>, coded: &Coded<'_>) -> Option<String> {
        if mem.symbol.is_some_and(|id| !coded.names.rust_sym(id).starts_with('_')) {
            return None;
        }
        let size =
            mem.size.and_then(size_name).map_or(String::new(), |name| format!("{name} ptr "));
        let segment = mem
            .segment
            .map_or(String::new(), |reg| format!("{}:", register_name(reg, Class::Segment)));
        let broadcast = mem.broadcast.map_or(String::new(), |lanes| format!("{{1to{lanes}}}"));
        Some(format!(
            "{size}{segment}[{}]{broadcast}",
            spell::address(mem, coded.names, Some("rip"))
        ))
    }

    fn branch(&self, label: &str, _: Length) -> Option<String> {
        Some(label.to_string())
    }

    fn relative(&self, distance: i64, _: &Coded<'_>) -> Option<String> {
        Some(format!("1f{distance:+}\n1:"))
    }

    fn forced_displacement(&self, size: DispSize) -> &'static str {
        match size {
            DispSize::Disp8 => "{disp8} ",
            DispSize::Disp32 => "{disp32} ",
        }
    }

    fn forced_branch(&self) -> &'static str {
        "{disp32} "
    }
}
