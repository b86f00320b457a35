//! What Microsoft's debuggers read: functions and source lines in CodeView.
//!
//! In: an [`Image`]. Out: sections `.debug$S` of a COFF file, from which linkers make a PDB
//! (<https://github.com/microsoft/microsoft-pdb>, `include/cvinfo.h`; LLVM, "The PDB File Format").
//! Where each function has a section of its own, what is said of it has one, too, so that linkers
//! drop both.

use super::Options;
use super::debug::lines::{self, Row};
use super::draft::{Draft, generic};
use super::image::{Function, Image};
use object::write::{Relocation, Result, SectionId, SymbolId};
use object::{RelocationKind, SectionKind};
use std::collections::HashMap;

/// `CV_SIGNATURE_C13`.
const SIGNATURE: u32 = 4;

/// Kinds of subsections (`DEBUG_S_SUBSECTION_TYPE`).
const SYMBOLS: u32 = 0xF1;
const LINES: u32 = 0xF2;
const STRING_TABLE: u32 = 0xF3;
const FILE_CHECKSUMS: u32 = 0xF4;

/// Kinds of symbols (`SYM_ENUM_e`).
const S_END: u16 = 0x0006;
const S_OBJNAME: u16 = 0x1101;
const S_GPROC32: u16 = 0x1110;
const S_COMPILE3: u16 = 0x113C;

/// `CV_CFL_MASM`, and `CV_CFL_X64`.
const LANGUAGE: u32 = 3;
const MACHINE: u16 = 0xD0;

/// Lines are followed by columns (`CV_LINES_HAVE_COLUMNS`).
const HAVE_COLUMNS: u16 = 1;

/// Describes all functions. The result is what belongs to each, where each has its own section.
pub(super) fn add(draft: &mut Draft, image: &Image, options: &Options) -> Result<Vec<SectionId>> {
    let functions: Vec<Described<'_>> =
        image.functions.iter().enumerate().map(|each| Described::of(image, each)).collect();
    let files = Files::of(&functions, options);
    let mut common = Section::default();
    common.subsection(SYMBOLS, |section| {
        section.symbol(S_OBJNAME, |section| {
            section.u32(0);
            section.text(&image.source_name());
        });
        section.symbol(S_COMPILE3, |section| {
            section.u32(LANGUAGE);
            section.u16(MACHINE);
            // Versions of the front end and of the back end, of which nothing depends.
            (0..8).for_each(|_| section.u16(0));
            section.text(concat!("peach ", env!("CARGO_PKG_VERSION")));
        });
    });
    let mut own = Vec::new();
    for described in &functions {
        if draft.code.are_divided() {
            let mut section = Section::default();
            section.function(described, &files);
            own.push(section.finish(draft, image)?);
        } else {
            common.function(described, &files);
        }
    }
    files.write(&mut common);
    common.finish(draft, image)?;
    Ok(own)
}

/// A function with its lines.
struct Described<'a> {
    index: usize,
    function: &'a Function<'a>,
    rows: Vec<Row<'a>>,
}

impl<'a> Described<'a> {
    fn of(image: &'a Image<'a>, (index, function): (usize, &'a Function<'a>)) -> Described<'a> {
        Described { index, function, rows: lines::rows(image.module, function) }
    }
}

/// The source, and the files that it includes.
struct Files {
    strings: Vec<u8>,
    /// Where the name of each is in `strings`, in order.
    names: Vec<u32>,
    /// Where what is said of each is among the checksums, by its name in the module.
    places: HashMap<String, u32>,
}

impl Files {
    fn of(functions: &[Described<'_>], options: &Options) -> Files {
        let mut files = Files { strings: vec![0], names: Vec::new(), places: HashMap::new() };
        for row in functions.iter().flat_map(|described| &described.rows) {
            files.add(row.file, options.directory.as_deref());
        }
        files
    }

    fn add(&mut self, file: &str, directory: Option<&str>) {
        if self.places.contains_key(file) {
            return;
        }
        // Eight bytes each: a name, no checksum, and what fills the rest.
        self.places.insert(file.to_string(), 8 * self.names.len() as u32);
        self.names.push(self.strings.len() as u32);
        if let Some(directory) = directory.filter(|path| !path.is_empty() && is_relative(file)) {
            self.strings.extend(directory.as_bytes());
            self.strings.push(b'/');
        }
        self.strings.extend(file.bytes().filter(|&byte| byte != 0));
        self.strings.push(0);
    }

    fn write(&self, section: &mut Section) {
        section.subsection(FILE_CHECKSUMS, |section| {
            for &name in &self.names {
                section.u32(name);
                section.u32(0);
            }
        });
        section.subsection(STRING_TABLE, |section| section.bytes.extend(&self.strings));
    }
}

fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '\\']) && path.as_bytes().get(1) != Some(&b':')
}

/// A section as it grows.
struct Section {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

/// What the linker fills in.
struct Field {
    offset: u32,
    /// Of the function whose place it is.
    function: usize,
    kind: RelocationKind,
}

impl Default for Section {
    fn default() -> Section {
        Section { bytes: SIGNATURE.to_le_bytes().to_vec(), fields: Vec::new() }
    }
}

impl Section {
    /// A function, and its lines.
    fn function(&mut self, described: &Described<'_>, files: &Files) {
        let Described { index, function, rows } = described;
        self.subsection(SYMBOLS, |section| {
            section.symbol(S_GPROC32, |section| {
                // What is around it, its end and the next one, which linkers fill in.
                (0..3).for_each(|_| section.u32(0));
                section.u32(function.size);
                let body = rows.iter().find(|row| row.starts_body).map_or(0, |row| row.offset);
                let epilogue = rows.iter().find(|row| row.is_epilogue).map(|row| row.offset);
                section.u32(body);
                section.u32(epilogue.unwrap_or(function.size));
                // No type.
                section.u32(0);
                section.place_of(*index);
                section.bytes.push(0);
                section.text(&function.source.symbol);
            });
            section.symbol(S_END, |_| {});
        });
        self.subsection(LINES, |section| {
            section.place_of(*index);
            section.u16(HAVE_COLUMNS);
            section.u32(function.size);
            for rows in rows.chunk_by(|a, b| a.file == b.file) {
                section.u32(files.places[rows[0].file]);
                section.u32(rows.len() as u32);
                section.u32(12 + 12 * rows.len() as u32);
                for row in rows {
                    section.u32(row.offset);
                    // The highest bit: a statement starts here.
                    section.u32(row.line & 0x00FF_FFFF | 1 << 31);
                }
                for row in rows {
                    section.u16(u16::try_from(row.column).unwrap_or(0));
                    section.u16(0);
                }
            }
        });
    }

    fn subsection(&mut self, kind: u32, write: impl FnOnce(&mut Section)) {
        self.u32(kind);
        let length = self.bytes.len();
        self.u32(0);
        write(self);
        let size = (self.bytes.len() - length - 4) as u32;
        self.bytes[length..length + 4].copy_from_slice(&size.to_le_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// A record, whose length is not counted.
    fn symbol(&mut self, kind: u16, write: impl FnOnce(&mut Section)) {
        let length = self.bytes.len();
        self.u16(0);
        self.u16(kind);
        write(self);
        let size = (self.bytes.len() - length - 2) as u16;
        self.bytes[length..length + 2].copy_from_slice(&size.to_le_bytes());
    }

    /// Where a function is in its section, and which section that is.
    fn place_of(&mut self, function: usize) {
        for (kind, size) in [(RelocationKind::SectionOffset, 4), (RelocationKind::SectionIndex, 2)]
        {
            self.fields.push(Field { offset: self.bytes.len() as u32, function, kind });
            self.bytes.extend(&[0; 4][..size]);
        }
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend(text.bytes().filter(|&byte| byte != 0));
        self.bytes.push(0);
    }

    fn finish(self, draft: &mut Draft, image: &Image) -> Result<SectionId> {
        let name = b".debug$S".to_vec();
        let id = draft.object.add_section(Vec::new(), name, SectionKind::Debug);
        draft.object.set_section_data(id, self.bytes, 4);
        for Field { offset, function, kind } in self.fields {
            let (symbol, place) = place_of(draft, image, function);
            let (bits, addend) = match kind {
                RelocationKind::SectionIndex => (16, 0),
                _ => (32, place),
            };
            let flags = generic(kind, bits);
            draft.relocate(id, Relocation { offset: offset.into(), symbol, addend, flags })?;
        }
        Ok(id)
    }
}

/// The symbol that a function is found by, and how far it is from it. A weak symbol may come to be
/// another function's.
fn place_of(draft: &mut Draft, image: &Image, index: usize) -> (SymbolId, i64) {
    let function = &image.functions[index];
    if !function.source.own_symbol().is_weak {
        return (draft.functions[index], 0);
    }
    let (section, place) = draft.code.at(function.offset);
    (draft.object.section_symbol(section), place.into())
}
