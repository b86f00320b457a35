//! ELF, of 64 bits and, for pointers of four bytes, of 32 (System V AMD64 psABI 1.0, chapter 4 and
//! section 11.1).
//!
//! Addresses of functions and data that other files may define are loaded from the global offset
//! table; the linker makes a `lea` of the load where it can (psABI, section B.2).

use super::draft::{ConstantSymbols, Draft, generic};
use super::frames::{self, Width};
use super::image::{Image, Kind, Relocation};
use super::recorder::Recorded;
use super::{Format, Options, debug};
use crate::abi::ImageFormat;
use object::write::{Object, RelocationFlags, Result, SectionId};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationKind, SectionFlags, SectionKind, elf,
};

pub(super) static FORMAT: Format = Format {
    format: ImageFormat::Elf,
    extension: "o",
    has_narrow_pointers: true,
    mergeable: &[4, 8, 16, 32, 64],
    write,
};

fn write(image: &Image, options: &Options) -> Result<Vec<u8>> {
    let architecture = match is_wide(image) {
        true => Architecture::X86_64,
        false => Architecture::X86_64_X32,
    };
    let object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    let mut draft = Draft::new(image, object, options.sections, ConstantSymbols::All);
    for relocation in &image.relocations {
        add(&mut draft, image, *relocation)?;
    }
    if let Some(frames) = frames::eh_frame(image, Width::Four, |_| true) {
        add_frames(&mut draft, frames, image)?;
    }
    if options.debug {
        draft.add_recorded(debug::sections(image, options), RelocationKind::Absolute)?;
    }
    if image.module.is_protected() {
        let both = elf::GNU_PROPERTY_X86_FEATURE_1_IBT | elf::GNU_PROPERTY_X86_FEATURE_1_SHSTK;
        draft.object.add_elf_gnu_property_u32(elf::GNU_PROPERTY_X86_FEATURE_1_AND, both);
    }
    // The code needs no executable stack.
    draft.object.add_section(Vec::new(), b".note.GNU-stack".to_vec(), SectionKind::Other);
    let mut file = draft.object.write()?;
    state_sizes_of_entries(&mut file, if is_wide(image) { &WIDE } else { &NARROW });
    Ok(file)
}

/// Where the headers of a file and of its sections have their fields (gABI, "ELF Header" and
/// "Section Header").
struct Fields {
    /// Bytes of an address, of a size, and of flags.
    word: usize,
    /// In the file's header.
    section_headers: usize,
    section_count: usize,
    /// Bytes of a section's header.
    header: usize,
    align: usize,
    entry_size: usize,
}

const WIDE: Fields = Fields {
    word: 8,
    section_headers: 0x28,
    section_count: 0x3C,
    header: 64,
    align: 48,
    entry_size: 56,
};

const NARROW: Fields = Fields {
    word: 4,
    section_headers: 0x20,
    section_count: 0x30,
    header: 40,
    align: 32,
    entry_size: 36,
};

/// In a section's header, of all files.
const FLAGS: usize = 8;

/// The library has no way to say how large the entries are that linkers merge. Constants are
/// aligned to their size; strings, whose entries are bytes, it knows.
fn state_sizes_of_entries(file: &mut [u8], fields: &Fields) {
    let number = |file: &[u8], at: usize, size: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&file[at..at + size]);
        u64::from_le_bytes(bytes)
    };
    let first = number(file, fields.section_headers, fields.word) as usize;
    let count = number(file, fields.section_count, 2) as usize;
    for header in (0..count).map(|index| first + index * fields.header) {
        let flags = number(file, header + FLAGS, fields.word);
        let has_size = number(file, header + fields.entry_size, fields.word) != 0;
        if flags & u64::from(elf::SHF_MERGE) != 0 && !has_size {
            let align = header + fields.align;
            file.copy_within(align..align + fields.word, header + fields.entry_size);
        }
    }
}

fn is_wide(image: &Image) -> bool {
    image.address_size() == 8
}

fn add(draft: &mut Draft, image: &Image, relocation: Relocation) -> Result<()> {
    let (section, offset) = draft.place(&relocation);
    let field = offset as usize;
    let (symbol, distance) = draft.target(image, relocation.target);
    let addend = relocation.addend + distance - relocation.origin;
    let (r_type, addend) = match relocation.kind {
        Kind::Absolute => (elf::R_X86_64_64, addend + relocation.origin),
        Kind::Relative | Kind::Entry { .. } => (elf::R_X86_64_PC32, addend),
        Kind::Call => (elf::R_X86_64_PLT32, addend),
        Kind::Lea => {
            load_from_table(draft, section, field, is_wide(image));
            (elf::R_X86_64_REX_GOTPCRELX, addend)
        }
    };
    let flags = RelocationFlags::Elf { r_type };
    let offset = offset.into();
    draft.relocate(section, object::write::Relocation { offset, symbol, addend, flags })
}

/// `lea r64, [rip + …]` becomes `mov r64, [rip + …]` (or `mov r32, …` where the table holds four
/// bytes): the same but for the opcode, and REX.W.
fn load_from_table(draft: &mut Draft, section: SectionId, field: usize, wide: bool) {
    let code = draft.object.section_mut(section).data_mut();
    debug_assert_eq!(code[field - 2], 0x8D);
    code[field - 2] = 0x8B;
    if !wide {
        code[field - 3] &= !0x08;
    }
}

fn add_frames(draft: &mut Draft, frames: Recorded, image: &Image) -> Result<()> {
    let name = frames.name.as_bytes().to_vec();
    let section = draft.object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
    let align = image.address_size().into();
    draft.object.set_section_data(section, frames.bytes, align);
    draft.object.section_mut(section).flags = SectionFlags::Elf { sh_flags: elf::SHF_ALLOC.into() };
    for reference in frames.references {
        debug_assert!(reference.is_relative);
        let flags = generic(RelocationKind::Relative, 8 * reference.size);
        let (code, addend) = draft.code.at(reference.addend as u32);
        let symbol = draft.object.section_symbol(code);
        let (offset, addend) = (reference.offset.into(), addend.into());
        draft.relocate(section, object::write::Relocation { offset, symbol, addend, flags })?;
    }
    Ok(())
}
