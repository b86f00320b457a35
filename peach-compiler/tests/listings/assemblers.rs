//! The assemblers, and what is in the objects that they make.

use object::{Object, ObjectSection, ObjectSymbol, macho};
use peach_compiler::abi::{AssemblyFormat, ImageFormat};
use peach_compiler::emit::Module;
use peach_compiler::emit::listings::{Format, Options};
use peach_compiler::emit::reports::listing::Source;
use peach_testing::tools::have;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::process::Command;

/// An assembler, for a format and a container.
#[derive(Clone, Copy, Debug)]
pub struct Assembler {
    pub format: AssemblyFormat,
    image: ImageFormat,
    command: &'static [&'static str],
    /// What comes before the name of the object.
    output: &'static [&'static str],
}

pub const GNU: Assembler = Assembler {
    format: AssemblyFormat::Gas,
    image: ImageFormat::Elf,
    command: &["as", "--64"],
    output: &["-o"],
};
pub const GNU_X32: Assembler = Assembler {
    format: AssemblyFormat::Gas,
    image: ImageFormat::Elf,
    command: &["as", "--x32"],
    output: &["-o"],
};
pub const CLANG: Assembler = Assembler {
    format: AssemblyFormat::Gas,
    image: ImageFormat::Elf,
    command: &["clang", "--target=x86_64-linux-gnu", "-c", "-x", "assembler"],
    output: &["-o"],
};
pub const NASM: Assembler = Assembler {
    format: AssemblyFormat::Nasm,
    image: ImageFormat::Elf,
    command: &["nasm", "-f", "elf64"],
    output: &["-o"],
};
pub const LLVM_ML: Assembler = Assembler {
    format: AssemblyFormat::Masm,
    image: ImageFormat::MsCoff,
    command: &["llvm-ml-16", "-m64", "/c"],
    output: &["/Fo"],
};

pub const MINGW: Assembler = Assembler {
    format: AssemblyFormat::Gas,
    image: ImageFormat::MsCoff,
    command: &["x86_64-w64-mingw32-as"],
    output: &["-o"],
};
pub const CLANG_COFF: Assembler = Assembler {
    format: AssemblyFormat::Gas,
    image: ImageFormat::MsCoff,
    command: &["clang", "--target=x86_64-w64-windows-gnu", "-c", "-x", "assembler"],
    output: &["-o"],
};
pub const CLANG_MACHO: Assembler = Assembler {
    format: AssemblyFormat::Gas,
    image: ImageFormat::MachO,
    command: &["clang", "--target=x86_64-apple-macos11", "-c", "-x", "assembler"],
    output: &["-o"],
};
pub const NASM_COFF: Assembler = Assembler {
    format: AssemblyFormat::Nasm,
    image: ImageFormat::MsCoff,
    command: &["nasm", "-f", "win64"],
    output: &["-o"],
};
pub const NASM_MACHO: Assembler = Assembler {
    format: AssemblyFormat::Nasm,
    image: ImageFormat::MachO,
    command: &["nasm", "-f", "macho64"],
    output: &["-o"],
};

pub const ALL: [Assembler; 9] =
    [GNU, CLANG, NASM, MINGW, CLANG_COFF, CLANG_MACHO, NASM_COFF, NASM_MACHO, LLVM_ML];

/// What an assembler says of a listing.
pub enum Answer {
    /// The object's bytes.
    Object(Vec<u8>),
    /// The lines, counted from 1, that it refuses, each with the first message.
    Errors(Vec<(usize, String)>),
}

impl Assembler {
    pub fn name(&self) -> &'static str {
        self.command[0]
    }

    /// Whether the tool is there: see [`have`].
    pub fn is_available(&self) -> bool {
        have(&[self.name()])
    }

    /// The listing of a module for the assembler.
    pub fn listing(&self, module: &Module, source: Option<&Source>) -> String {
        let format = Format::of(self.format).expect("a format");
        let options = Options { image: self.image, source };
        format.write(module, &options).unwrap_or_else(|diagnostics| {
            let errors: Vec<&String> = diagnostics.iter().map(|d| &d.message).collect();
            panic!("{errors:?}")
        })
    }

    pub fn assemble(&self, text: &str) -> Answer {
        let directory = scratch();
        let (input, object) = (directory.join("listing.s"), directory.join("listing.o"));
        std::fs::write(&input, text).expect("a scratch file");
        let output = Command::new(self.name())
            .args(&self.command[1..])
            .args(self.output)
            .arg(&object)
            .arg(&input)
            .output()
            .expect("the assembler runs");
        let messages = String::from_utf8_lossy(&output.stderr);
        let errors = errors(&messages);
        let answer = match (output.status.success(), errors.is_empty()) {
            (true, true) => Answer::Object(std::fs::read(&object).expect("an object")),
            (_, false) => Answer::Errors(errors),
            (false, true) => {
                panic!("{}: {messages}{}", self.name(), String::from_utf8_lossy(&output.stdout))
            }
        };
        let _ = std::fs::remove_dir_all(&directory);
        answer
    }
}

/// Reads `listing.s:12: Error: …` and `listing.s:12:5: error: …`.
fn errors(messages: &str) -> Vec<(usize, String)> {
    let mut seen = BTreeSet::new();
    let mut errors = Vec::new();
    for message in messages.lines() {
        let Some((_, rest)) = message.split_once("listing.s:") else { continue };
        let number = rest.split(':').next().and_then(|number| number.parse().ok());
        // NASM ends some of its errors with a panic.
        let is_error = ["error", "Error", "panic"].iter().any(|word| message.contains(word));
        let Some(number) = number.filter(|_| is_error) else { continue };
        if seen.insert(number) {
            errors.push((number, rest.to_string()));
        }
    }
    errors
}

pub fn scratch() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("peach-listings-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a scratch directory");
    directory
}

/// What an object file holds.
pub struct Contents<'a> {
    file: object::File<'a>,
    text: object::SectionIndex,
    places: HashMap<String, u64>,
}

/// What a field of the code refers to.
#[derive(Debug, PartialEq, Eq)]
pub enum Referent {
    /// A place in a section: its number, and how far into it.
    Place(usize, u64),
    /// A symbol that another object defines.
    Symbol(String),
}

impl<'a> Contents<'a> {
    pub fn of(object: &'a [u8]) -> Contents<'a> {
        let file = object::File::parse(object).expect("an object file");
        let text = file.section_by_name(".text").or_else(|| file.section_by_name("__text"));
        let text = text.expect("code").index();
        let defined = file.symbols().filter(|symbol| symbol.section_index() == Some(text));
        let places = defined.map(|symbol| (name(&file, &symbol), symbol.address())).collect();
        Contents { file, text, places }
    }

    /// Where a symbol of the code is.
    pub fn place(&self, symbol: &str) -> u64 {
        self.places[symbol]
    }

    pub fn text_index(&self) -> usize {
        self.text.0
    }

    /// The bytes of a section from a place on.
    pub fn bytes(&self, section: usize, at: u64) -> &'a [u8] {
        let section = self.file.section_by_index(object::SectionIndex(section)).expect("a section");
        section.data().expect("data").get(at as usize..).unwrap_or_default()
    }

    /// The code from a symbol on.
    pub fn code(&self, symbol: &str) -> &'a [u8] {
        self.bytes(self.text.0, self.place(symbol))
    }

    /// What the field at `at` in the code, of an instruction that ends at `end`, refers to.
    pub fn referent(&self, at: u64, end: u64) -> Referent {
        let section = self.file.section_by_index(self.text).expect("code");
        let field = &section.data().expect("data")[at as usize..at as usize + 4];
        let in_place = i64::from(i32::from_le_bytes(field.try_into().expect("four bytes")));
        let found: Vec<object::Relocation> =
            section.relocations().filter(|(offset, _)| *offset == at).map(|(_, r)| r).collect();
        let relocation = match found.as_slice() {
            [] => return Referent::Place(self.text.0, end.wrapping_add_signed(in_place)),
            [only] => only,
            // Mach-O: what is subtracted, and from what.
            [subtrahend, minuend] => {
                let here = (section.address() + end).wrapping_add_signed(in_place);
                let distance = self.address(minuend).wrapping_sub(self.address(subtrahend));
                return self.section_at(here.wrapping_add(distance));
            }
            _ => panic!("{} relocations at one place", found.len()),
        };
        let implicit = if relocation.has_implicit_addend() { in_place } else { 0 };
        // Mach-O: what follows the field is subtracted in it, too (`mach-o/x86_64/reloc.h`).
        let behind = match relocation.flags() {
            object::RelocationFlags::MachO { r_type: macho::X86_64_RELOC_SIGNED_1, .. } => 1,
            object::RelocationFlags::MachO { r_type: macho::X86_64_RELOC_SIGNED_2, .. } => 2,
            object::RelocationFlags::MachO { r_type: macho::X86_64_RELOC_SIGNED_4, .. } => 4,
            _ => 0,
        };
        let addend = relocation.addend() + implicit + (end - at) as i64 + behind;
        let index = match relocation.target() {
            object::RelocationTarget::Symbol(index) => index,
            // Mach-O: the distance as it is in the object, whose sections have addresses.
            object::RelocationTarget::Section(_) => {
                return self.section_at((section.address() + end).wrapping_add_signed(in_place));
            }
            target => panic!("a relocation of {target:?}"),
        };
        let symbol = self.file.symbol_by_index(index).expect("a symbol");
        match symbol.section_index() {
            None => Referent::Symbol(name(&self.file, &symbol)),
            Some(section) => {
                let start = self.file.section_by_index(section).expect("a section").address();
                let place = (symbol.address() - start).wrapping_add_signed(addend);
                Referent::Place(section.0, place)
            }
        }
    }
}

impl Contents<'_> {
    /// The address that a relocation is of. (That of a section is in its place.)
    fn address(&self, relocation: &object::Relocation) -> u64 {
        match relocation.target() {
            object::RelocationTarget::Symbol(index) => {
                self.file.symbol_by_index(index).expect("a symbol").address()
            }
            _ => 0,
        }
    }

    /// The place that an address of the object is.
    fn section_at(&self, address: u64) -> Referent {
        let mut sections = self.file.sections();
        let found = sections.find(|section| {
            (section.address()..section.address() + section.size()).contains(&address)
        });
        let section = found.expect("a section");
        Referent::Place(section.index().0, address - section.address())
    }
}

/// A symbol's name without what Mach-O puts before it.
fn name(file: &object::File<'_>, symbol: &object::Symbol<'_, '_>) -> String {
    let name = symbol.name().expect("a name");
    let prefix = if file.format() == object::BinaryFormat::MachO { "_" } else { "" };
    name.strip_prefix(prefix).unwrap_or(name).to_string()
}
