//! What debuggers read of the source: DWARF, version 4 (dwarfstd.org), for mapped kernels.
//!
//! In: the kernels and the lines of each. Out: a compilation unit with a function for each, and a
//! program that gives lines to addresses.

use super::lines::Row;
use super::mapped::Mapped;
use std::collections::BTreeMap;

/// The contents of the sections.
pub(super) struct Sections {
    pub(super) info: Vec<u8>,
    pub(super) abbreviations: Vec<u8>,
    pub(super) lines: Vec<u8>,
}

/// The number of each file, from 1.
type Files<'l> = BTreeMap<&'l str, usize>;

pub(super) fn sections(kernels: &[Mapped<'_>], rows: &[Vec<Row<'_>>]) -> Sections {
    let mut files = Files::new();
    for row in rows.iter().flatten() {
        let next = files.len() + 1;
        files.entry(row.file).or_insert(next);
    }
    Sections {
        info: info(kernels, rows, &files),
        abbreviations: abbreviations(),
        lines: lines(kernels, rows, &files),
    }
}

// DWARF 4, 7.5.4 and 7.5.5: tags, attributes, forms.
const COMPILE_UNIT: u8 = 0x11;
const SUBPROGRAM: u8 = 0x2E;
const NAME: u8 = 0x03;
const STMT_LIST: u8 = 0x10;
const LOW_PC: u8 = 0x11;
const HIGH_PC: u8 = 0x12;
const LANGUAGE: u8 = 0x13;
const DECL_FILE: u8 = 0x3A;
const DECL_LINE: u8 = 0x3B;
const EXTERNAL: u8 = 0x3F;
const ADDR: u8 = 0x01;
const DATA2: u8 = 0x05;
const DATA8: u8 = 0x07;
const STRING: u8 = 0x08;
const UDATA: u8 = 0x0F;
const SEC_OFFSET: u8 = 0x17;
const FLAG_PRESENT: u8 = 0x19;

/// The unit (1), functions with a line (2), and those without (3).
fn abbreviations() -> Vec<u8> {
    let declarations: [(u8, bool, &[u8]); 3] = [
        (
            COMPILE_UNIT,
            true,
            &[NAME, STRING, LANGUAGE, DATA2, STMT_LIST, SEC_OFFSET, LOW_PC, ADDR, HIGH_PC, DATA8],
        ),
        (
            SUBPROGRAM,
            false,
            &[
                NAME,
                STRING,
                LOW_PC,
                ADDR,
                HIGH_PC,
                DATA8,
                EXTERNAL,
                FLAG_PRESENT,
                DECL_FILE,
                UDATA,
                DECL_LINE,
                UDATA,
            ],
        ),
        (SUBPROGRAM, false, &[NAME, STRING, LOW_PC, ADDR, HIGH_PC, DATA8, EXTERNAL, FLAG_PRESENT]),
    ];
    let mut section = Vec::new();
    for (code, (tag, has_children, attributes)) in (1..).zip(declarations) {
        section.extend([code, tag, u8::from(has_children)]);
        section.extend(attributes);
        section.extend([0, 0]);
    }
    section.push(0);
    section
}

/// One compilation unit.
fn info(kernels: &[Mapped<'_>], rows: &[Vec<Row<'_>>], files: &Files<'_>) -> Vec<u8> {
    const ASSEMBLER: u16 = 0x8001;
    let range = super::mapped::range(kernels);
    let mut unit = Vec::new();
    unit.extend(4u16.to_le_bytes());
    unit.extend(0u32.to_le_bytes());
    unit.push(8);
    unit.push(1);
    string(&mut unit, "kernels");
    unit.extend(ASSEMBLER.to_le_bytes());
    unit.extend(0u32.to_le_bytes());
    unit.extend((range.start as u64).to_le_bytes());
    unit.extend((range.len() as u64).to_le_bytes());
    for (kernel, rows) in kernels.iter().zip(rows) {
        let first = rows.first();
        unit.push(if first.is_some() { 2 } else { 3 });
        string(&mut unit, kernel.name);
        unit.extend((kernel.address as u64).to_le_bytes());
        unit.extend((kernel.len as u64).to_le_bytes());
        if let Some(first) = first {
            unsigned(&mut unit, files[first.file]);
            unsigned(&mut unit, first.line);
        }
    }
    unit.push(0);
    with_length(unit)
}

/// The line number program (6.2), a sequence for each kernel.
fn lines(kernels: &[Mapped<'_>], rows: &[Vec<Row<'_>>], files: &Files<'_>) -> Vec<u8> {
    // Shortest instruction 1, operations in one 1, rows are statements, lines from -5 on in ranges
    // of 14 (special opcodes are not used), 12 standard opcodes with these numbers of operands.
    const PARAMETERS: [u8; 6] = [1, 1, 1, 0xFB, 14, 13];
    const OPERANDS: [u8; 12] = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
    let mut header = Vec::new();
    header.extend(PARAMETERS);
    header.extend(OPERANDS);
    header.push(0);
    let mut names: Vec<_> = files.iter().map(|(name, number)| (number, name)).collect();
    names.sort();
    for (_, name) in names {
        string(&mut header, name);
        header.extend([0, 0, 0]);
    }
    header.push(0);
    let mut program = 4u16.to_le_bytes().to_vec();
    program.extend((header.len() as u32).to_le_bytes());
    program.extend(header);
    for (kernel, rows) in kernels.iter().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
        sequence(&mut program, kernel, rows, files);
    }
    with_length(program)
}

/// The lines of a kernel: the first one from its very start.
fn sequence(program: &mut Vec<u8>, kernel: &Mapped<'_>, rows: &[Row<'_>], files: &Files<'_>) {
    const COPY: u8 = 1;
    const ADVANCE_PC: u8 = 2;
    const ADVANCE_LINE: u8 = 3;
    const SET_FILE: u8 = 4;
    const SET_ADDRESS: [u8; 3] = [0, 9, 2];
    const END_SEQUENCE: [u8; 3] = [0, 1, 1];
    program.extend(SET_ADDRESS);
    program.extend((kernel.address as u64).to_le_bytes());
    let (mut offset, mut line, mut file) = (0, 1, 1);
    for (index, row) in rows.iter().enumerate() {
        let at = if index == 0 { 0 } else { row.offset };
        if files[row.file] != file {
            file = files[row.file];
            program.push(SET_FILE);
            unsigned(program, file);
        }
        program.push(ADVANCE_LINE);
        signed(program, row.line as i64 - line);
        program.push(ADVANCE_PC);
        unsigned(program, at - offset);
        program.push(COPY);
        (offset, line) = (at, row.line as i64);
    }
    program.push(ADVANCE_PC);
    unsigned(program, kernel.len.saturating_sub(offset));
    program.extend(END_SEQUENCE);
}

/// The contents after their length.
fn with_length(contents: Vec<u8>) -> Vec<u8> {
    let mut section = (contents.len() as u32).to_le_bytes().to_vec();
    section.extend(contents);
    section
}

fn string(section: &mut Vec<u8>, text: &str) {
    section.extend(text.bytes().chain([0]));
}

/// LEB128 (7.6).
fn unsigned(section: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        section.push(value as u8 | 0x80);
        value >>= 7;
    }
    section.push(value as u8);
}

/// Signed LEB128.
fn signed(section: &mut Vec<u8>, mut value: i64) {
    while !(-0x40..0x40).contains(&value) {
        section.push(value as u8 | 0x80);
        value >>= 7;
    }
    section.push(value as u8 & 0x7F);
}

#[cfg(test)]
mod tests {
    use super::{signed, unsigned};

    /// The examples of the standard, figures 22 and 23.
    #[test]
    fn numbers_are_leb128() {
        let of = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            write(&mut bytes);
            bytes
        };
        for (value, bytes) in
            [(2, &[2][..]), (127, &[127]), (128, &[0x80, 1]), (12857, &[57 + 0x80, 100])]
        {
            assert_eq!(of(&|out| unsigned(out, value)), bytes);
        }
        for (value, bytes) in [
            (2, &[2][..]),
            (-2, &[0x7E]),
            (127, &[0xFF, 0]),
            (-127, &[0x81, 0x7F]),
            (-129, &[0xFF, 0x7E]),
        ] {
            assert_eq!(of(&|out| signed(out, value)), bytes);
        }
    }
}
