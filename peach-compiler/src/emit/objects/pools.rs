//! The sections of constants, as a format has them.
//!
//! In: [`Constants`]. Out: sections of an object file, and where each constant is in them.
//!
//! | format | constants that linkers merge |
//! |---|---|
//! | ELF | `.rodata.cst16`, with `SHF_MERGE` (System V gABI, "Section attributes") |
//! | Mach-O | `__literal16` (`mach-o/loader.h`, `S_16BYTE_LITERALS`) |
//! | COFF | a COMDAT for each, named by its contents, as Microsoft's and LLVM's compilers name it |

use super::constants::{Constants, Section};
use object::write::{Comdat, Object, SectionId, StandardSection, Symbol, SymbolId, SymbolSection};
use object::{
    BinaryFormat, ComdatKind, SectionFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope, elf,
    macho,
};
use std::fmt::Write;

/// The sections, in the order of [`Constants::sections`].
pub(super) struct Pools(Vec<Pool>);

enum Pool {
    /// One for all.
    Whole(SectionId),
    /// One for each entry, and its symbol. No other may be named: the section may be another
    /// object's in the end.
    Entries { entry: u32, sections: Vec<(SectionId, SymbolId)> },
}

impl Pools {
    /// Adds them to `object`.
    pub fn add(constants: &Constants, object: &mut Object<'static>) -> Pools {
        Pools(constants.sections.iter().map(|section| Pool::add(section, object)).collect())
    }

    /// Where a place in a section is.
    pub fn at(&self, section: usize, offset: u32) -> (SectionId, u32) {
        match &self.0[section] {
            Pool::Whole(id) => (*id, offset),
            Pool::Entries { entry, sections } => {
                (sections[(offset / entry) as usize].0, offset % entry)
            }
        }
    }

    /// The symbol that stands for a place in what several objects share, and how far it is from
    /// the place.
    pub fn shared(&self, section: usize, offset: u32) -> Option<(SymbolId, u32)> {
        match &self.0[section] {
            Pool::Whole(_) => None,
            Pool::Entries { entry, sections } => {
                Some((sections[(offset / entry) as usize].1, offset % entry))
            }
        }
    }
}

impl Pool {
    fn add(section: &Section, object: &mut Object<'static>) -> Pool {
        let Section { bytes, align, entry } = section;
        let id = match (entry, object.format()) {
            (None, _) => object.section_id(StandardSection::ReadOnlyData),
            (Some(entry), BinaryFormat::Coff) => {
                let sections = bytes.chunks(*entry as usize);
                let sections = sections.map(|bytes| add_shared(object, bytes)).collect();
                return Pool::Entries { entry: *entry, sections };
            }
            (Some(entry), BinaryFormat::MachO) => add_literals(object, *entry),
            (Some(entry), _) => add_mergeable(object, *entry),
        };
        object.set_section_data(id, bytes.clone(), u64::from(*align));
        Pool::Whole(id)
    }
}

fn add_mergeable(object: &mut Object<'static>, entry: u32) -> SectionId {
    let name = format!(".rodata.cst{entry}").into_bytes();
    let id = object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
    let section = object.section_mut(id);
    section.flags = SectionFlags::Elf { sh_flags: (elf::SHF_ALLOC | elf::SHF_MERGE).into() };
    id
}

fn add_literals(object: &mut Object<'static>, entry: u32) -> SectionId {
    let name = format!("__literal{entry}").into_bytes();
    let id = object.add_section(b"__TEXT".to_vec(), name, SectionKind::ReadOnlyData);
    let flags = match entry {
        4 => macho::S_4BYTE_LITERALS,
        8 => macho::S_8BYTE_LITERALS,
        _ => macho::S_16BYTE_LITERALS,
    };
    object.section_mut(id).flags = SectionFlags::MachO { flags };
    id
}

/// A section that the linker takes once of all objects that have it.
fn add_shared(object: &mut Object<'static>, bytes: &[u8]) -> (SectionId, SymbolId) {
    let section = object.add_section(Vec::new(), b".rdata".to_vec(), SectionKind::ReadOnlyData);
    object.set_section_data(section, bytes.to_vec(), bytes.len() as u64);
    // The section's own symbol comes first, and that of the COMDAT second (Microsoft, "PE format").
    object.section_symbol(section);
    let symbol = object.add_symbol(Symbol {
        name: shared_name(bytes).into_bytes(),
        value: 0,
        size: bytes.len() as u64,
        kind: SymbolKind::Data,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    object.add_comdat(Comdat { kind: ComdatKind::Any, symbol, sections: vec![section] });
    (section, symbol)
}

/// `__xmm@` and the digits of a number that has these bytes.
fn shared_name(bytes: &[u8]) -> String {
    let kind = match bytes.len() {
        ..=8 => "real",
        16 => "xmm",
        32 => "ymm",
        _ => "zmm",
    };
    let mut name = format!("__{kind}@");
    for byte in bytes.iter().rev() {
        let _ = write!(name, "{byte:02x}");
    }
    name
}
