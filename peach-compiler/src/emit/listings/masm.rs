//! MASM (`ml64`), which makes COFF objects for Windows; `llvm-ml -m64` reads the same text.
//!
//! Functions that save registers or lower the stack pointer are `proc frame` with `.pushreg` and
//! the like. Constants precede the code: `llvm-ml` addresses by `rip` only what it has seen. Of two
//! equally long encodings between registers, `ml64` may take the other one.

use super::frames::Description;
use super::outline::{
    self, Function, JumpTable, Line, Outline, Prefixed, Reference, SymbolUse, is_relative,
};
use super::spell::{self, Assembler, Coded, Length, Rule};
use super::{Format, Options, frames, intel};
use crate::abi::AssemblyFormat;
use crate::diagnostics::{Code as DiagnosticCode, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::linkage::Symbol;
use crate::emit::seh::Fragment;
use crate::ir::{Base, Code, Instruction, Mem};
use crate::isa::{Bank, Class, Mnemonic, Names, PhysReg, parse_register, register_name, size_name};
use std::fmt::Write;

/// MASM.
pub(super) const FORMAT: Format = Format { format: AssemblyFormat::Masm, extension: "asm", write };

fn write(module: &Module, options: &Options<'_>, diagnostics: &mut Diagnostics) -> String {
    let outline = Outline::of(module);
    for (symbol, span) in outline::symbols(module) {
        check_symbol(symbol, span, diagnostics);
    }
    super::refuse_weak(module, "MASM has no weak symbols", diagnostics);
    let mut writer = Writer { options, outline: &outline, text: String::new() };
    let _ = writeln!(writer.text, "; {}", super::origin(module));
    for external in &outline.externals {
        let kind = if external.is_called { "proc" } else { "byte" };
        writer.put(format!("extern {} : {kind}", external.name));
    }
    let in_code = outline.functions.iter().any(has_distance);
    if !in_code && !outline.constants.is_empty() {
        let align = outline.constant_align();
        writer.put(format!("\n_RDATA segment align({align}) readonly 'CONST'"));
        writer.constants(&outline);
        writer.put("_RDATA ends");
    }
    let align = writer.align(in_code);
    writer.put(format!("\n_TEXT segment align({align}) 'CODE'"));
    if in_code {
        writer.constants(&outline);
    }
    for function in &outline.functions {
        writer.function(function);
    }
    writer.put("_TEXT ends\nend");
    writer.text
}

/// MASM's identifiers are letters, digits and `_ @ $ ?`, at most 247 of them.
fn check_symbol(symbol: &str, span: proc_macro2::Span, diagnostics: &mut Diagnostics) {
    let is_part = |ch: char| ch.is_ascii_alphanumeric() || "_@$?".contains(ch);
    let is_start = !symbol.starts_with(|ch: char| ch.is_ascii_digit());
    let is_word = is_reserved(&symbol.to_ascii_lowercase());
    let is_name = !symbol.is_empty() && is_start && symbol.chars().all(is_part);
    if !is_name || is_word || symbol.len() > 247 {
        let message = format!("MASM has no way to write the symbol `{symbol}`");
        let diagnostic = Diagnostic::new(DiagnosticCode::NotOutsideRust, span, message);
        diagnostics.push(
            diagnostic
                .note(
                    "a symbol consists of up to 247 letters, digits and `_ @ $ ?`, does not \
                    start with a digit, and is not a reserved word of the assembler",
                )
                .help("choose another name with `#[export_name = \"…\"]`"),
        );
    }
}

/// Whether a name, in lower case, is one of MASM's own: instructions, registers, operators,
/// directives.
fn is_reserved(name: &str) -> bool {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "addr", "align", "and", "assume", "byte", "casemap", "catstr", "comm", "comment", "db",
        "dd", "df", "dq", "dt", "dup", "dw", "dword", "echo", "eiz", "else", "elseif", "end",
        "endif",
        "endm", "endp", "ends", "eq", "equ", "even", "exitm", "extern", "externdef", "far", "for",
        "forc", "fword", "ge", "goto", "group", "gt", "high", "high32", "highword", "if",
        "imagerel", "include", "includelib", "instr", "invoke", "irp", "irpc", "label", "le",
        "length", "lengthof", "local", "low", "low32", "lowword", "lroffset", "lt", "macro", "mask",
        "mmword", "mod", "name", "ne", "near", "not", "offset", "opattr", "option", "or", "org",
        "page", "popcontext", "proc", "proto", "ptr", "public", "purge", "pushcontext", "qword",
        "real10", "real4", "real8", "record", "repeat", "rept", "riz", "sbyte", "sdword", "section",
        "sectionrel", "segment", "short", "shl", "shr", "size", "sizeof", "sizestr", "sqword",
        "struc", "struct", "substr", "subtitle", "sword", "tbyte", "textequ", "this", "title",
        "type", "typedef", "union", "while", "width", "word", "xmmword", "xor", "ymmword",
        "zmmword",
    ];
    WORDS.contains(&name) || Mnemonic::parse(name).is_some() || parse_register(name).is_some()
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

    fn function(&mut self, function: &Function<'_>) {
        let symbol = &function.source.symbol;
        let encoded = &function.source.compiled.encoded;
        let offsets = function.label_offsets();
        let lengths = function.jump_tables.iter().map(|table| padded(table, encoded.align));
        let mut distance: u32 = lengths.clone().sum();
        for (table, length) in function.jump_tables.iter().zip(lengths) {
            self.jump_table(function, table, distance, &offsets);
            distance -= length;
        }
        let frame = Description::of(function.source);
        let has_steps = matches!(frame, Description::Steps(_));
        self.put(format!("\nalign {}", encoded.align));
        for Symbol { name, .. } in function.source.symbols() {
            self.put(format!("public {name}"));
        }
        // Symbols of one place are empty procedures before it.
        for Symbol { name, .. } in function.source.aliases() {
            self.put(format!("{name} proc\n{name} endp"));
        }
        self.put(format!("{symbol} proc{}", if has_steps { " frame" } else { "" }));
        let names = names(function);
        let mut comments = super::Comments::new(self.options.source);
        let mut steps = frame.steps().peekable();
        for (index, line) in function.lines().enumerate() {
            while let Some((_, step)) = steps.next_if(|(at, _)| *at <= index) {
                self.put(format!("    {}", directive(step)));
            }
            let text = self.line(function, &line, &names);
            comments.push(&mut self.text, &text, &line, ";");
        }
        for (_, step) in steps {
            self.put(format!("    {}", directive(step)));
        }
        self.put(format!("{symbol} endp"));
        if let Description::Tables(parts) = &frame {
            self.unwind_tables(function, parts);
        }
    }

    /// Unwind information that no directive can say, as Microsoft's compiler writes it. (`llvm-ml`
    /// 16 has no `imagerel`.)
    fn unwind_tables(&mut self, function: &Function<'_>, parts: &[Fragment]) {
        let symbol = &function.source.symbol;
        self.put("_TEXT ends");
        for (number, Fragment { place, info }) in parts.iter().enumerate() {
            let own = format!("{}_{number}", function.unwind);
            self.put("xdata segment align(4) readonly 'DATA'");
            self.put(format!("{own} {}\nxdata ends", data_bytes(info)));
            self.put("pdata segment align(4) readonly 'DATA'");
            let (start, end) = (place.start, place.end);
            self.put(format!("    dd imagerel {symbol} + {start}, imagerel {symbol} + {end}"));
            self.put(format!("    dd imagerel {own}\npdata ends"));
        }
        self.put(format!("_TEXT segment align({}) 'CODE'", self.align(true)));
    }

    /// A jump table, `distance` bytes before the function. Its entries are numbers: labels are
    /// known within their procedure alone.
    fn jump_table(
        &mut self,
        function: &Function<'_>,
        table: &JumpTable<'_>,
        distance: u32,
        offsets: &[u32],
    ) {
        let align = function.source.compiled.encoded.align;
        self.put(format!("\nalign {align}"));
        let mut name = format!("{} ", table.name);
        for target in table.targets {
            let entry = format!("{name}dd {}", distance + offsets[target.index()]);
            let label = &function.labels[target.index()];
            self.put(format!("{entry:<55} ; {label} - {}", table.name));
            name = "    ".to_string();
        }
        let filler = padded(table, align) - 4 * table.targets.len() as u32;
        if filler > 0 {
            self.put(format!("    {}", data_bytes(&vec![0xcc; filler as usize])));
        }
    }

    fn line(&self, function: &Function<'_>, line: &Line<'_>, names: &dyn Names) -> String {
        spell::item(
            &Masm { function: &function.source.symbol },
            self.outline,
            function,
            line,
            names,
            with_symbol,
        )
    }

    /// The alignment of the code's segment.
    fn align(&self, with_constants: bool) -> u32 {
        let constants = if with_constants { self.outline.constant_align() } else { 1 };
        self.outline.code_align().max(constants)
    }

    /// Constants. They are in the segment of the code where an instruction that is given as data
    /// refers to one: MASM has no distances between segments.
    fn constants(&mut self, outline: &Outline<'_>) {
        for constant in &outline.constants {
            self.put(format!("align {}", constant.align));
            let mut name = format!("{} ", constant.name);
            for row in constant.bytes.chunks(16) {
                self.put(format!("{name}{}", data_bytes(row)));
                name = "    ".to_string();
            }
        }
    }
}

/// Whether an instruction that refers to a constant is given as data.
fn has_distance(function: &Function<'_>) -> bool {
    let names = names(function);
    function.lines().any(|line| match &line.item.code {
        Code::Inst(inst) if function.reference(&line).is_some() => {
            let inst = &function.with_numbers(inst);
            let reference = function.reference(&line);
            let coded = Coded { inst, bytes: line.bytes, names: &names, reference };
            spell::is_data(&Masm { function: "" }, &coded)
        }
        _ => false,
    })
}

/// What labels and constants of a function are called.
fn names<'a>(function: &'a Function<'_>) -> Prefixed<'a> {
    Prefixed {
        labels: &function.full_labels,
        label_prefix: "",
        data: &function.data,
        data_prefix: "",
        symbols: function.symbols.iter().map(ToString::to_string).collect(),
    }
}

/// The bytes of a jump table, and what fills up a multiple of `align`.
fn padded(table: &JumpTable<'_>, align: u32) -> u32 {
    (4 * table.targets.len() as u32).next_multiple_of(align)
}

/// `call sym`, `jmp sym`, `lea r, sym`, `mov r, offset sym`.
fn with_symbol(inst: &Instruction<PhysReg>, used: SymbolUse<'_>) -> String {
    let symbol = used.name;
    match (spell::destination(inst), used.is_relative) {
        (None, _) => format!("    {} {symbol}", inst.mnemonic.name()),
        (Some(register), true) => format!("    lea {register}, {symbol}"),
        (Some(register), false) => format!("    mov {register}, offset {symbol}"),
    }
}

/// A step of the prologue as a directive.
fn directive(step: frames::Step) -> String {
    match step {
        frames::Step::Push(reg) => format!(".pushreg {}", register_name(reg, Class::Gp64)),
        frames::Step::Save(reg, at) if reg.bank == Bank::Gp => {
            format!(".savereg {}, {at}", register_name(reg, Class::Gp64))
        }
        frames::Step::Save(reg, at) => {
            format!(".savexmm128 {}, {at}", register_name(reg, Class::Xmm))
        }
        frames::Step::Lower(bytes) => format!(".allocstack {bytes}"),
        frames::Step::SetBase(reg) => format!(".setframe {}, 0", register_name(reg, Class::Gp64)),
        frames::Step::End => ".endprolog".to_string(),
    }
}

/// A line of data.
fn data_bytes(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes.iter().map(|byte| format!("0{byte:02x}h")).collect();
    format!("db {}", words.join(", "))
}

/// The syntax, in a function.
struct Masm<'a> {
    function: &'a str,
}

impl Assembler for Masm<'_> {
    fn rules(&self) -> &'static [Rule] {
        intel::RULES
    }

    fn data_bytes(&self, bytes: &[u8]) -> String {
        data_bytes(bytes)
    }

    /// Both are in the segment of the code: see [`Writer::constants`].
    fn data_distance(&self, name: &str, reference: Reference, _: usize) -> String {
        let distance = reference.addend - i64::from(reference.end);
        format!("dd {name} - {} + {distance}", self.function).replace("+ -", "- ")
    }

    fn comment(&self) -> &'static str {
        ";"
    }

    fn register(&self, view: crate::ir::View<PhysReg>) -> String {
        match view.reg.bank {
            Bank::X87 => format!("st({})", view.reg.num),
            _ => register_name(view.reg, view.class),
        }
    }

    /// A symbol alone is addressed by `rip`; there is no other way to say so.
    fn memory(&self, mem: &Mem<PhysReg>, coded: &Coded<'_>) -> Option<String> {
        let by_number = mem.base == Base::Rip && mem.symbol.is_none()
            || matches!(mem.base, Base::Reg(view) if view.class == Class::Eip);
        if by_number {
            return None;
        }
        // A symbol has a size of its own, that of what is defined there.
        let own = is_relative(mem).then(|| coded.memory_size()).flatten();
        let size = mem.size.or(own).and_then(size_name);
        let size = size.map_or(String::new(), |name| format!("{name} ptr "));
        let segment = mem
            .segment
            .map_or(String::new(), |reg| format!("{}:", register_name(reg, Class::Segment)));
        let broadcast = mem.broadcast.map_or(String::new(), |lanes| format!("{{1to{lanes}}}"));
        let place = spell::address(mem, coded.names, None);
        match mem.base {
            Base::Data(_) | Base::Rip => Some(format!("{size}{place}{broadcast}")),
            _ => Some(format!("{size}{segment}[{place}]{broadcast}")),
        }
    }

    fn branch(&self, label: &str, length: Length) -> Option<String> {
        match length {
            Length::Only | Length::Near => Some(label.to_string()),
            Length::Short => Some(format!("short {label}")),
            Length::Forced => None,
        }
    }

    fn relative(&self, _: i64, _: &Coded<'_>) -> Option<String> {
        None
    }
}
