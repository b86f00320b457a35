//! An ELF object (System V gABI, chapter 4) that describes code in memory: names, unwinding tables
//! and source lines of kernels that are mapped side by side.
//!
//! In: the kernels, in the order of their addresses. Out: the bytes of an executable without
//! segments.

use super::mapped::Mapped;
use super::{dwarf, lines};

/// The names of the sections, one after the other.
const NAMES: &[u8] = b"\0.text\0.symtab\0.strtab\0.shstrtab\0.eh_frame\0.debug_info\0\
    .debug_abbrev\0.debug_line\0";
const HEADER: usize = 64;
const SECTIONS: u16 = 9;

/// A section's part of the section table, in its order.
struct Section {
    name: usize,
    kind: usize,
    flags: usize,
    address: usize,
    place: (usize, usize),
    link: usize,
    info: usize,
    align: usize,
    entry_size: usize,
}

impl Section {
    /// A section of bytes.
    fn new(name: &str, place: (usize, usize)) -> Section {
        const PROGBITS: usize = 1;
        let name = NAMES.windows(name.len()).position(|part| part == name.as_bytes());
        Section {
            name: name.expect("a name of the list"),
            kind: PROGBITS,
            flags: 0,
            address: 0,
            place,
            link: 0,
            info: 0,
            align: 1,
            entry_size: 0,
        }
    }

    fn write(&self, elf: &mut Vec<u8>) {
        let half = |elf: &mut Vec<u8>, value: usize| elf.extend((value as u32).to_le_bytes());
        let word = |elf: &mut Vec<u8>, value: usize| elf.extend((value as u64).to_le_bytes());
        half(elf, self.name);
        half(elf, self.kind);
        for value in [self.flags, self.address, self.place.0, self.place.1] {
            word(elf, value);
        }
        half(elf, self.link);
        half(elf, self.info);
        word(elf, self.align);
        word(elf, self.entry_size);
    }
}

/// The object; `frames` is the section with the unwinding tables.
pub(super) fn object(kernels: &[Mapped<'_>], frames: &[u8]) -> Vec<u8> {
    const SYMTAB: usize = 2;
    const STRTAB: usize = 3;
    const ALLOCATED: usize = 2;
    const NOBITS: usize = 8;
    const EXECUTABLE: usize = 4;
    let mut contents = Vec::new();
    let mut place = |bytes: &[u8]| {
        contents.resize(usize::next_multiple_of(contents.len(), 8), 0u8);
        let offset = HEADER + contents.len();
        contents.extend(bytes);
        (offset, bytes.len())
    };
    let (symbols, strings) = symbols(kernels);
    let rows: Vec<_> = kernels.iter().map(|kernel| lines::of_listing(kernel.listing)).collect();
    let dwarf = dwarf::sections(kernels, &rows);
    let (symbols, strings) = (place(&symbols), place(&strings));
    let (names, frames) = (place(NAMES), place(frames));
    let [info, abbreviations, lines] =
        [&dwarf.info, &dwarf.abbreviations, &dwarf.lines].map(|x| place(x));
    let table = (HEADER + contents.len()).next_multiple_of(8);
    let range = super::mapped::range(kernels);

    let sections = [
        Section { name: 0, kind: 0, align: 0, ..Section::new(".text", (0, 0)) },
        Section {
            kind: NOBITS,
            flags: ALLOCATED | EXECUTABLE,
            address: range.start,
            align: 64,
            ..Section::new(".text", (HEADER, range.len()))
        },
        // The first symbol that is global is number 1.
        Section {
            kind: SYMTAB,
            link: 3,
            info: 1,
            align: 8,
            entry_size: SYMBOL,
            ..Section::new(".symtab", symbols)
        },
        Section { kind: STRTAB, ..Section::new(".strtab", strings) },
        Section { kind: STRTAB, ..Section::new(".shstrtab", names) },
        // Allocated, as the unwinding tables of an executable are.
        Section { flags: ALLOCATED, align: 8, ..Section::new(".eh_frame", frames) },
        Section::new(".debug_info", info),
        Section::new(".debug_abbrev", abbreviations),
        Section::new(".debug_line", lines),
    ];
    let mut elf = header(table);
    elf.extend(&contents);
    elf.resize(table, 0);
    sections.iter().for_each(|section| section.write(&mut elf));
    elf
}

/// The size of a symbol.
const SYMBOL: usize = 24;

/// The null symbol and a global function in section 1 for each kernel; and their names.
fn symbols(kernels: &[Mapped<'_>]) -> (Vec<u8>, Vec<u8>) {
    const GLOBAL_FUNCTION: u8 = 0x12;
    let (mut symbols, mut names) = (vec![0; SYMBOL], vec![0]);
    for kernel in kernels {
        symbols.extend((names.len() as u32).to_le_bytes());
        symbols.extend([GLOBAL_FUNCTION, 0, 1, 0]);
        symbols.extend((kernel.address as u64).to_le_bytes());
        symbols.extend((kernel.len as u64).to_le_bytes());
        names.extend(kernel.name.bytes().chain([0]));
    }
    (symbols, names)
}

/// The ELF header of an executable for x86-64 without segments.
fn header(section_table: usize) -> Vec<u8> {
    const EXECUTABLE: u16 = 2;
    const X86_64: u16 = 62;
    const NAMES_SECTION: u16 = 4;
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend(EXECUTABLE.to_le_bytes());
    header.extend(X86_64.to_le_bytes());
    header.extend(1u32.to_le_bytes());
    header.extend([0; 16]);
    header.extend((section_table as u64).to_le_bytes());
    header.extend(0u32.to_le_bytes());
    for half in [64, 0, 0, 64, SECTIONS, NAMES_SECTION] {
        header.extend(half.to_le_bytes());
    }
    header
}
