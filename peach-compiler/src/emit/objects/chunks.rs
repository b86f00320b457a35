//! The code as one section, or as one for each function (`-ffunction-sections`), of which the
//! linker may drop those that nothing uses.
//!
//! In: an [`Image`]. Out: sections of an object file, and where each place of the image is in them.

use super::image::Image;
use object::BinaryFormat;
use object::write::{Object, SectionId, StandardSection};

/// How code is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sections {
    /// All functions are in one section.
    #[default]
    One,
    /// Each function has a section of its own. (In Mach-O, a linker may drop functions of a section
    /// anyway.)
    PerFunction,
}

/// The sections of the code.
pub(super) struct Chunks {
    /// Where each starts in the image, ascending; at least one.
    chunks: Vec<(u32, SectionId)>,
}

impl Chunks {
    /// Adds them to `object`.
    pub fn add(image: &Image, object: &mut Object<'static>, sections: Sections) -> Chunks {
        let is_divided = sections == Sections::PerFunction
            && object.format() != BinaryFormat::MachO
            && !image.functions.is_empty();
        if !is_divided {
            let text = object.section_id(StandardSection::Text);
            object.set_section_data(text, image.text.bytes.clone(), image.text.align.into());
            return Chunks { chunks: vec![(0, text)] };
        }
        let separator = if object.format() == BinaryFormat::Coff { '$' } else { '.' };
        let kind = object::SectionKind::Text;
        let chunks = image.functions.iter().map(|function| {
            let name = format!(".text{separator}{}", function.symbol).into_bytes();
            let section = object.add_section(Vec::new(), name, kind);
            let bytes = &image.text.bytes[function.offset as usize..function.end as usize];
            object.set_section_data(section, bytes.to_vec(), function.align.into());
            (function.offset, section)
        });
        Chunks { chunks: chunks.collect() }
    }

    /// Whether there is one for each function.
    pub fn are_divided(&self) -> bool {
        self.chunks.len() > 1
    }

    /// The section that a place of the code is in, and where it is there.
    pub fn at(&self, offset: u32) -> (SectionId, u32) {
        let after = self.chunks.partition_point(|&(start, _)| start <= offset);
        let (start, section) = self.chunks[after.saturating_sub(1)];
        (section, offset - start)
    }

    /// All of them, in the order of the image.
    pub fn all(&self) -> impl Iterator<Item = SectionId> {
        self.chunks.iter().map(|&(_, section)| section)
    }

    /// The first one.
    pub fn first(&self) -> SectionId {
        self.chunks[0].1
    }
}
