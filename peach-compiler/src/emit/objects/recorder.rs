//! What `gimli` writes, with the places that a linker fills in.

use super::image::Image;
use gimli::write::{Address, EndianVec, RelocateWriter, Relocation, RelocationTarget, Writer};
use gimli::{LittleEndian, SectionId};

/// A section that describes the code.
pub(super) struct Recorded {
    /// Its name in ELF.
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub references: Vec<Reference>,
    /// Whether it consists of strings that end with zero.
    pub is_strings: bool,
}

/// A field that the linker fills in.
pub(super) struct Reference {
    pub offset: u32,
    /// Bytes of the field.
    pub size: u8,
    /// The section that it counts from, by its name in ELF; `None` is the code.
    pub to: Option<&'static str>,
    /// The distance from the start of that section.
    pub addend: i64,
    /// Whether the address is relative to the field.
    pub is_relative: bool,
}

/// Writes a section.
#[derive(Clone)]
pub(super) struct Recorder {
    writer: EndianVec<LittleEndian>,
    relocations: Vec<Relocation>,
}

impl Recorder {
    pub fn new() -> Recorder {
        Recorder { writer: EndianVec::new(LittleEndian), relocations: Vec::new() }
    }

    /// What was written.
    pub fn finish(&self, id: SectionId, image: &Image) -> Recorded {
        let reference = |relocation: &Relocation| {
            let (to, base) = match relocation.target {
                RelocationTarget::Symbol(function) => (None, image.functions[function].offset),
                RelocationTarget::Section(section) => (Some(section.name()), 0),
            };
            Reference {
                offset: relocation.offset as u32,
                size: relocation.size,
                to,
                addend: relocation.addend + i64::from(base),
                is_relative: relocation.eh_pe.is_some(),
            }
        };
        Recorded {
            name: id.name(),
            bytes: self.writer.slice().to_vec(),
            references: self.relocations.iter().map(reference).collect(),
            is_strings: matches!(id, SectionId::DebugStr | SectionId::DebugLineStr),
        }
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.writer.len() == 0
    }
}

impl RelocateWriter for Recorder {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.writer
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.writer
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }
}

/// A place in the code of a function, by the function's index.
pub(super) fn in_function(function: usize, offset: u32) -> Address {
    Address::Symbol { symbol: function, addend: offset.into() }
}
