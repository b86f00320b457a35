//! NASM.
//!
//! Labels are local to their function (`.next`), and its constants are `function_name`. NASM knows
//! no unwind information.

use super::outline::{
    self, END_OF_CODE, Function, Line, Outline, Prefixed, Reference, SymbolUse, is_relative,
};
use super::spell::{self, Assembler, Coded, Length, Remedy, Rule};
use super::{Format, Options};
use crate::abi::{AssemblyFormat, ImageFormat};
use crate::diagnostics::{Code as DiagnosticCode, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::linkage::Symbol;
use crate::ir::{Base, DispSize, Instruction, Mem};
use crate::isa::{Bank, Class, Feature, Names, PhysReg, register_name};
use std::fmt::Write;

/// NASM.
pub(super) const FORMAT: Format = Format { format: AssemblyFormat::Nasm, extension: "asm", write };

fn write(module: &Module, options: &Options<'_>, diagnostics: &mut Diagnostics) -> String {
    let outline = Outline::of(module);
    for (symbol, span) in outline::symbols(module) {
        check_symbol(symbol, span, diagnostics);
    }
    if options.image != ImageFormat::Elf {
        super::refuse_weak(module, "NASM has no weak symbols but in ELF", diagnostics);
    } else {
        super::refuse_references_to_weak(module, "NASM", diagnostics);
    }
    let mut writer = Writer { options, outline: &outline, text: String::new() };
    let _ = writeln!(writer.text, "; {}", super::origin(module));
    writer.put("    bits 64");
    writer.put("    default rel");
    for external in &outline.externals {
        writer.put(format!("    extern {}", writer.symbol(external.name)));
    }
    writer.put(format!("\n    section .text align={}", outline.code_align()));
    for function in &outline.functions {
        writer.function(function);
    }
    writer.constants(&outline);
    if options.image == ImageFormat::Elf {
        if module.is_protected() {
            let size = module.target.convention.pointer_size;
            writer.put("\n    section .note.gnu.property note alloc noexec nowrite align=8");
            writer.put(format!("    dd 4, {}, 5, 0x554e47", 8 + size));
            // GNU_PROPERTY_X86_FEATURE_1_AND: branch tracking and shadow stack (psABI, 4.1.4).
            writer.put("    dd 0xc0000002, 4, 3");
            writer.put(format!("    align {size}, db 0"));
        }
        writer.put("\n    section .note.GNU-stack noalloc noexec nowrite progbits");
    }
    writer.text
}

/// NASM's identifiers are letters, digits and some signs, and start with a letter, `_` or `?`.
fn check_symbol(symbol: &str, span: proc_macro2::Span, diagnostics: &mut Diagnostics) {
    let is_part = |ch: char| ch.is_ascii_alphanumeric() || "_$#@~.?".contains(ch);
    let is_start = symbol.starts_with(|ch: char| ch.is_ascii_alphabetic() || "_?".contains(ch));
    if !is_start || !symbol.chars().all(is_part) {
        let message = format!("NASM has no way to write the symbol `{symbol}`");
        let diagnostic = Diagnostic::new(DiagnosticCode::NotOutsideRust, span, message);
        diagnostics.push(
            diagnostic
                .note(
                    "a symbol consists of letters, digits and `_ $ # @ ~ . ?`, and starts with a \
                    letter, `_` or `?`",
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

    /// A symbol as the container spells it. `$` says that it is none of NASM's own words.
    fn symbol(&self, name: &str) -> String {
        match self.options.image {
            ImageFormat::MachO => format!("$_{name}"),
            ImageFormat::Elf | ImageFormat::MsCoff => format!("${name}"),
        }
    }

    /// Who sees a symbol of the function that follows.
    fn declare(&mut self, Symbol { name, is_public, is_weak }: Symbol<'_>, size: &str) {
        let symbol = self.symbol(name);
        match self.options.image {
            ImageFormat::Elf => {
                let weak = if is_weak { " weak" } else { "" };
                let visibility = if is_public { "" } else { " hidden" };
                self.put(format!("    global {symbol}:function{weak}{visibility} {size}"));
            }
            ImageFormat::MachO if !is_public => {
                self.put(format!("    global {symbol}:private_extern"));
            }
            ImageFormat::MsCoff | ImageFormat::MachO => self.put(format!("    global {symbol}")),
        }
    }

    fn function(&mut self, function: &Function<'_>) {
        let symbol = self.symbol(&function.source.symbol);
        let align = function.source.compiled.encoded.align;
        self.put(format!("\n    align {align}, db 0xcc"));
        let symbols: Vec<Symbol<'_>> = function.source.symbols().collect();
        for &declared in &symbols {
            let size = format!("({symbol}.{END_OF_CODE} - {symbol})");
            self.declare(declared, &size);
        }
        // Local labels belong to the last symbol before them.
        for alias in symbols.iter().skip(1) {
            self.put(format!("{}:", self.symbol(alias.name)));
        }
        self.put(format!("{symbol}:"));
        let names = Prefixed {
            labels: &function.labels,
            label_prefix: ".",
            data: &function.data,
            data_prefix: "$",
            symbols: function.symbols.iter().map(|name| self.symbol(name)).collect(),
        };
        let mut comments = super::Comments::new(self.options.source);
        for line in function.lines() {
            let text = self.line(function, &line, &names);
            comments.push(&mut self.text, &text, &line, ";");
        }
        self.put(format!(".{END_OF_CODE}:"));
        for table in &function.jump_tables {
            self.put(format!("    align {}, db 0xcc", Function::JUMP_TABLE_ALIGN));
            self.put(format!("${}:", table.name));
            for target in table.targets {
                let label = &function.labels[target.index()];
                self.put(format!("    dd {symbol}.{label} - ${}", table.name));
            }
        }
    }

    fn line(&self, function: &Function<'_>, line: &Line<'_>, names: &dyn Names) -> String {
        spell::item(&Nasm, self.outline, function, line, names, |inst, symbol| {
            self.with_symbol(inst, symbol)
        })
    }

    /// `call sym`, `jmp sym`, `lea r, sym`, `mov r, sym`.
    fn with_symbol(&self, inst: &Instruction<PhysReg>, used: SymbolUse<'_>) -> String {
        let symbol = self.symbol(used.name);
        let by_table = self.options.image == ImageFormat::Elf && !used.is_own;
        let linkage = if by_table { " wrt ..plt" } else { "" };
        match (spell::destination(inst), used.is_relative) {
            (None, _) if inst.is_tail_call() => format!("    jmp near {symbol}{linkage}"),
            (None, _) => format!("    {} {symbol}{linkage}", inst.mnemonic.name()),
            (Some(register), true) => format!("    lea {register}, [rel {symbol}]"),
            (Some(register), false) => format!("    mov {register}, {symbol}"),
        }
    }

    fn constants(&mut self, outline: &Outline<'_>) {
        if outline.constants.is_empty() {
            return;
        }
        let section = match self.options.image {
            ImageFormat::Elf | ImageFormat::MachO => ".rodata",
            ImageFormat::MsCoff => ".rdata",
        };
        self.put(format!("\n    section {section} align={}", outline.constant_align()));
        for constant in &outline.constants {
            self.put(format!("    align {}, db 0", constant.align));
            self.put(format!("${}:", constant.name));
            for row in constant.bytes.chunks(16) {
                self.put(format!("    {}", Nasm.data_bytes(row)));
            }
        }
    }
}

/// The syntax.
struct Nasm;

/// The words for memory of so many bytes.
fn size_word(bytes: u32) -> &'static str {
    match bytes {
        1 => "byte ",
        2 => "word ",
        4 => "dword ",
        8 => "qword ",
        10 => "tword ",
        16 => "oword ",
        32 => "yword ",
        64 => "zword ",
        _ => "",
    }
}

impl Assembler for Nasm {
    fn rules(&self) -> &'static [Rule] {
        RULES
    }

    fn data_bytes(&self, bytes: &[u8]) -> String {
        format!("db {}", spell::hex_list(bytes))
    }

    fn data_distance(&self, name: &str, reference: Reference, behind: usize) -> String {
        format!("dd {name} - $ + {}", reference.addend - 4 - behind as i64).replace("+ -", "- ")
    }

    fn comment(&self) -> &'static str {
        ";"
    }

    /// The length of a displacement is written inside the brackets, and so is the segment. `[rip +
    /// n]` is written as a distance from here.
    fn memory(&self, mem: &Mem<PhysReg>, coded: &Coded<'_>) -> Option<String> {
        let size = mem.size.map_or("", size_word);
        let segment = mem
            .segment
            .map_or(String::new(), |reg| format!("{}:", register_name(reg, Class::Segment)));
        let length = match mem.disp_size {
            Some(DispSize::Disp8) => "byte ",
            Some(DispSize::Disp32) if !is_relative(mem) => "dword ",
            _ => "",
        };
        let mut place = spell::address(mem, coded.names, None);
        if mem.base == Base::Rip && mem.symbol.is_none() {
            place = format!("rel $ + {}", coded.bytes.len() as i64 + mem.disp).replace("+ -", "- ");
        } else if is_relative(mem) {
            place = format!("rel {place}");
        } else if mem.base == Base::None {
            // Without a word, `[rax*2]` becomes `[rax + rax]`, and a number relative to `rip`.
            let word = if mem.index.is_some() { "nosplit" } else { "abs" };
            place = format!("{word} {place}");
        }
        let broadcast = mem.broadcast.map_or(String::new(), |lanes| format!("{{1to{lanes}}}"));
        Some(format!("{size}[{length}{segment}{place}]{broadcast}"))
    }

    /// `mov rax, 1` becomes `mov eax, 1` unless its width is given.
    fn number(&self, value: i128, coded: &Coded<'_>) -> String {
        let is_wide = coded.has_class(Class::Gp64) && coded.memory().is_none();
        match (coded.name(), coded.opcode()) {
            ("mov", [_, 0xc7, ..]) if is_wide => format!("strict dword {value}"),
            ("mov", [_, 0xb8..=0xbf, ..]) if is_wide => format!("strict qword {value}"),
            _ => value.to_string(),
        }
    }

    fn branch(&self, label: &str, length: Length) -> Option<String> {
        Some(match length {
            Length::Only => label.to_string(),
            Length::Short => format!("short {label}"),
            Length::Near | Length::Forced => format!("near {label}"),
        })
    }

    fn relative(&self, distance: i64, coded: &Coded<'_>) -> Option<String> {
        let from_start = distance + coded.bytes.len() as i64;
        let length = match Length::of(coded) {
            Length::Only => "",
            Length::Short => "short ",
            Length::Near | Length::Forced => "near ",
        };
        Some(format!("{length}$ + {from_start}").replace("+ -", "- "))
    }
}

/// What NASM 2.16 does in its own way.
const RULES: &[Rule] = &[
    Rule {
        why: "an instruction of 2025 or later",
        applies: |coded| coded.is_newest(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM does not support it",
        applies: |coded| {
            let is_comparison = |name: &str| name.starts_with("vpcom") && !is_plain_vpcom(name);
            coded.is_one_of(UNKNOWN) || is_comparison(coded.name())
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM 2.16 has bugs in this extension",
        applies: |coded| {
            let extensions = [
                Feature::AVX512FP16,
                Feature::AVXNECONVERT,
                Feature::AVXVNNIINT8,
                Feature::FMA4,
                Feature::AVX512VP2INTERSECT,
            ];
            extensions.into_iter().any(|feature| coded.needs(feature))
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM writes no operands here",
        applies: |coded| coded.has_implied_operands(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "the order of prefixes is NASM's own",
        applies: |coded| coded.prefix_count() > 1,
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM does not support addresses relative to `eip`",
        applies: |coded| {
            let is_eip =
                |base: Base<PhysReg>| matches!(base, Base::Reg(view) if view.class == Class::Eip);
            coded.memory().is_some_and(|mem| is_eip(mem.base))
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "EVEX is chosen where VEX would do",
        applies: |coded| {
            let names =
                ["vpdpbusd", "vpdpbusds", "vpdpwssd", "vpdpwssds", "vpmadd52huq", "vpmadd52luq"];
            coded.is_one_of(&names) && coded.is_vex()
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "a shift by one whose count is not written",
        applies: |coded| {
            let names = ["rcl", "rcr", "rol", "ror", "sal", "sar", "shl", "shr"];
            coded.is_one_of(&names) && coded.inst.operands.len() == 1
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM expects another size for this memory",
        applies: |coded| {
            coded.is_one_of(&[
                "cldemote",
                "clflush",
                "clflushopt",
                "clwb",
                "lgdt",
                "lidt",
                "palignr",
                "pblendvb",
                "pmuludq",
                "prefetch",
                "prefetchw",
                "pshufd",
                "pshufhw",
                "pshuflw",
                "pshufw",
                "psubq",
                "punpcklbw",
                "punpckldq",
                "punpcklwd",
                "sgdt",
                "sidt",
                "vmclear",
                "vmptrld",
                "vmptrst",
                "vmxon",
            ])
        },
        remedy: Remedy::Unsized,
    },
    Rule {
        why: "NASM lacks this form",
        applies: |coded| {
            let is_single = coded.name().starts_with("vcmp") && coded.name().ends_with("ss");
            let odd_memory = matches!(coded.memory().and_then(|mem| mem.size), Some(2 | 6 | 10));
            match coded.name() {
                "cmpsd" | "v4fmaddss" | "v4fnmaddss" => true,
                "call" | "jmp" | "lfs" | "lgs" | "lss" => {
                    coded.memory().is_some_and(|mem| !matches!(mem.size, Some(8)))
                        || coded.has_class(Class::Gp16)
                }
                "movsx" | "movzx" => {
                    let classes: Vec<Class> = coded.registers().map(|view| view.class).collect();
                    classes == [Class::Gp16, Class::Gp16]
                        || odd_memory && classes == [Class::Gp16]
                        || coded.memory().and_then(|mem| mem.size) == Some(4)
                }
                "movsxd" => coded.registers().next().is_none_or(|view| view.class != Class::Gp64),
                _ => is_single && coded.is_vex() && coded.memory().is_some(),
            }
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "a general-purpose register that is wider than what is moved",
        applies: |coded| {
            let names = [
                "extractps",
                "lldt",
                "lmsw",
                "ltr",
                "movd",
                "movmskpd",
                "movmskps",
                "pextrb",
                "pextrw",
                "pinsrb",
                "pinsrw",
                "pmovmskb",
                "sldt",
                "smsw",
                "str",
                "tpause",
                "umwait",
                "verr",
                "verw",
                "vextractps",
                "vmovd",
                "vpextrb",
                "vpextrw",
                "vpinsrb",
                "vpinsrw",
            ];
            coded.is_one_of(&names)
                && coded
                    .registers()
                    .any(|view| view.reg.bank == Bank::Gp && view.class != Class::Gp16)
                && (coded.has_class(Class::Gp64)
                    || !coded.registers().any(|view| view.reg.bank != Bank::Gp))
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "a segment or system register with a general-purpose one",
        applies: |coded| coded.has_class(Class::Segment) && coded.memory().is_none(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "a 64-bit address",
        applies: |coded| {
            let is_far =
                |mem: &Mem<PhysReg>| mem.base == Base::None && i32::try_from(mem.disp).is_err();
            coded.memory().is_some_and(is_far)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM swaps the registers",
        applies: |coded| coded.name() == "xchg" && coded.memory().is_none(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "the store form of the move saves a byte here, and NASM chooses the load form",
        applies: |coded| {
            let names = [
                "vmovapd", "vmovaps", "vmovdqa", "vmovdqu", "vmovq", "vmovsd", "vmovss", "vmovupd",
                "vmovups",
            ];
            let stores = |opcode: &[u8]| match opcode {
                [0xc5, _, byte, ..] => matches!(byte, 0x11 | 0x29 | 0x7f | 0xd6),
                _ => false,
            };
            coded.is_one_of(&names) && coded.memory().is_none() && stores(coded.opcode())
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "EVEX forms with two opcodes",
        applies: |coded| coded.is_one_of(&["vmovq", "vpextrw"]) && coded.is_evex(),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "x87 registers that NASM adds or swaps",
        applies: |coded| coded.has_class(Class::St),
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM encodes `int 3` in two bytes",
        applies: |coded| coded.name() == "int" && coded.bytes.len() == 1,
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM does not support the prefix",
        applies: |coded| coded.inst.prefixes.notrack || coded.inst.prefixes.bnd,
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM expects the rounding mode elsewhere, or does not accept one here",
        applies: |coded| {
            coded.inst.rounding.is_some() && coded.registers().any(|view| view.reg.bank == Bank::Gp)
        },
        remedy: Remedy::Bytes,
    },
    Rule {
        why: "NASM does not accept a broadcast here",
        applies: |coded| {
            let is_broadcast = coded.memory().is_some_and(|mem| mem.broadcast.is_some());
            is_broadcast && coded.is_one_of(&["vpopcntd", "vpopcntq"])
        },
        remedy: Remedy::Bytes,
    },
];

/// `vpcomb` and its like have the predicate as a number, and are known.
fn is_plain_vpcom(name: &str) -> bool {
    let plain =
        ["vpcomb", "vpcomw", "vpcomd", "vpcomq", "vpcomub", "vpcomuw", "vpcomud", "vpcomuq"];
    plain.contains(&name) || name.starts_with("vpcompress")
}

/// What NASM 2.16 does not know, or takes for something else.
#[rustfmt::skip]
const UNKNOWN: &[&str] = &[
    "aesdec128kl", "aesdec256kl", "aesdecwide128kl", "aesdecwide256kl", "aesenc128kl",
    "aesenc256kl", "aesencwide128kl", "aesencwide256kl", "aor", "ccs_encrypt", "ccs_hash",
    "encodekey128", "encodekey256", "enqcmd", "enqcmds", "enterw", "erets", "eretu", "fnsetpm",
    "fsetpm", "getsecq", "hreset", "invlpgb", "invpcid", "leavew", "lkgs", "loadiwkey", "mcommit",
    "movabs", "pbndkb", "pcmpestri64", "pcmpestrm64", "pmulhrw", "popw", "psmash", "ptwrite",
    "pushw", "rdpru", "retw", "rmpquery", "rmpupdate", "seamcall", "seamops", "seamret", "sysexitq",
    "sysretq", "tcmmimfp16ps", "tcmmrlfp16ps", "tdcall", "tdpfp16ps", "tlbsync", "vcvtneps2bf16",
    "vdpbf16ps", "vmgexit", "vp4dpwssd", "vp4dpwssds", "vpcmpestri64", "vpcmpestrm64", "vpdpwsud",
    "vpdpwsuds", "vpdpwusd", "vpdpwusds", "vpdpwuud", "vpdpwuuds", "vpermil2pd", "vpermil2ps",
    "vpperm", "vsha512msg1", "vsha512msg2", "vsha512rnds2", "vsm3msg1", "vsm3msg2", "vsm3rnds2",
    "vsm4key4", "vsm4rnds4", "xsha512",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Mnemonic;

    #[test]
    fn lists_have_names_of_instructions() {
        for name in UNKNOWN {
            let found = Mnemonic::parse(name).unwrap_or_else(|| panic!("`{name}` is misspelled"));
            assert_eq!(found.name(), *name, "an alias is never met");
        }
    }
}
