//! Mach-O of 64 bits ("Mach-O" and `mach-o/x86_64/reloc.h` of Apple's headers).
//!
//! Symbols start with an underscore. Each symbol starts a part that the linker may drop or move, so
//! a constant within another has no symbol. Every function has an entry in `__compact_unwind`;
//! those that need more than it can say are described in `__eh_frame`.

use super::draft::{ConstantSymbols, Draft};
use super::frames::{self, Width};
use super::image::{Image, Kind, Relocation, Target};
use super::recorder::Recorded;
use super::{Format, Options, compact, debug};
use crate::abi::ImageFormat;
use object::write::{MachOBuildVersion, Object, RelocationFlags, Result, SectionId, SymbolId};
use object::{Architecture, BinaryFormat, Endianness, SectionFlags, SectionKind, macho};

pub(super) static FORMAT: Format = Format {
    format: ImageFormat::MachO,
    extension: "o",
    has_narrow_pointers: false,
    mergeable: &[4, 8, 16],
    write,
};

/// macOS 11.0, the first that is not called 10.
const VERSION: u32 = 11 << 16;

fn write(image: &Image, options: &Options) -> Result<Vec<u8>> {
    let mut object = Object::new(BinaryFormat::MachO, Architecture::X86_64, Endianness::Little);
    let mut version = MachOBuildVersion::default();
    version.platform = macho::PLATFORM_MACOS;
    version.minos = options.macos.map_or(VERSION, |macos| macos.encoded);
    version.sdk = version.minos;
    object.set_macho_build_version(version);
    object.set_subsections_via_symbols();
    let mut draft = Draft::new(image, object, options.sections, ConstantSymbols::Owners);
    // Descending: the linker of Xcode 15 requires it, and pairs keep their order.
    for relocation in image.relocations.iter().rev() {
        add(&mut draft, image, *relocation)?;
    }
    let needs_more = |index: usize| compact::encoding(&image.functions[index]) == compact::DWARF;
    if let Some(frames) = frames::eh_frame(image, Width::Eight, needs_more) {
        add_frames(&mut draft, image, frames)?;
    }
    add_compact_unwind(&mut draft, image)?;
    if options.debug {
        add_debug(&mut draft, image, options)?;
    }
    draft.object.write()
}

/// A relocation's type, whether it is relative to the instruction, and the length of its field.
fn flags(r_type: u8, r_pcrel: bool, bytes: u8) -> RelocationFlags {
    RelocationFlags::MachO { r_type, r_pcrel, r_length: bytes.ilog2() as u8 }
}

fn put(
    draft: &mut Draft,
    section: SectionId,
    offset: u32,
    symbol: SymbolId,
    addend: i64,
    flags: RelocationFlags,
) -> Result<()> {
    let offset = offset.into();
    draft.relocate(section, object::write::Relocation { offset, symbol, addend, flags })
}

fn add(draft: &mut Draft, image: &Image, relocation: Relocation) -> Result<()> {
    let (section, at) = draft.place(&relocation);
    let (symbol, addend) = match relocation.target {
        // The part that moves with the code is the function, not the section.
        Target::Code(index) => (draft.functions[index], relocation.addend),
        target => {
            let (symbol, distance) = draft.target(image, target);
            (symbol, relocation.addend + distance)
        }
    };
    // The field counts from its own end, whatever follows it.
    let in_field = addend - (relocation.origin - 4);
    match relocation.kind {
        Kind::Absolute => {
            put(draft, section, at, symbol, addend, flags(macho::X86_64_RELOC_UNSIGNED, false, 8))
        }
        Kind::Call => relative(draft, section, at, symbol, in_field, macho::X86_64_RELOC_BRANCH),
        Kind::Lea => {
            let code = draft.object.section_mut(section).data_mut();
            debug_assert_eq!(code[at as usize - 2], 0x8D);
            code[at as usize - 2] = 0x8B;
            relative(draft, section, at, symbol, in_field, macho::X86_64_RELOC_GOT_LOAD)
        }
        Kind::Relative => {
            let r_type = match relocation.origin {
                5 => macho::X86_64_RELOC_SIGNED_1,
                6 => macho::X86_64_RELOC_SIGNED_2,
                8 => macho::X86_64_RELOC_SIGNED_4,
                _ => macho::X86_64_RELOC_SIGNED,
            };
            relative(draft, section, at, symbol, in_field, r_type)
        }
        Kind::Entry { table } => {
            let (start, _) = draft.target(image, Target::Constant(table));
            difference(draft, section, at, symbol, start, addend, 4)
        }
    }
}

/// A rip-relative field that holds `in_field` before it is relocated. The object library counts
/// from the end of the instruction, by the type, which makes up for what is subtracted here.
fn relative(
    draft: &mut Draft,
    section: SectionId,
    offset: u32,
    symbol: SymbolId,
    in_field: i64,
    r_type: u8,
) -> Result<()> {
    let counted = match r_type {
        macho::X86_64_RELOC_SIGNED_1 => 5,
        macho::X86_64_RELOC_SIGNED_2 => 6,
        macho::X86_64_RELOC_SIGNED_4 => 8,
        _ => 4,
    };
    put(draft, section, offset, symbol, in_field - counted, flags(r_type, true, 4))
}

/// A field that holds `symbol + addend - subtracted`: two relocations, of which the one that
/// subtracts comes first.
fn difference(
    draft: &mut Draft,
    section: SectionId,
    offset: u32,
    symbol: SymbolId,
    subtracted: SymbolId,
    addend: i64,
    bytes: u8,
) -> Result<()> {
    let subtract = flags(macho::X86_64_RELOC_SUBTRACTOR, false, bytes);
    put(draft, section, offset, subtracted, 0, subtract)?;
    put(draft, section, offset, symbol, addend, flags(macho::X86_64_RELOC_UNSIGNED, false, bytes))
}

/// One entry of 32 bytes per function: its address, its size, its encoding, no handler, no data for
/// one.
fn add_compact_unwind(draft: &mut Draft, image: &Image) -> Result<()> {
    if image.functions.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::new();
    for function in &image.functions {
        entries.extend(0u64.to_le_bytes());
        entries.extend(function.size.to_le_bytes());
        entries.extend(compact::encoding(function).to_le_bytes());
        entries.extend([0; 16]);
    }
    let (segment, name) = (b"__LD".to_vec(), b"__compact_unwind".to_vec());
    let section = draft.object.add_section(segment, name, SectionKind::Other);
    draft.object.set_section_data(section, entries, 8);
    draft.object.section_mut(section).flags = SectionFlags::MachO { flags: macho::S_ATTR_DEBUG };
    for index in (0..image.functions.len()).rev() {
        let symbol = draft.functions[index];
        let address = flags(macho::X86_64_RELOC_UNSIGNED, false, 8);
        put(draft, section, 32 * index as u32, symbol, 0, address)?;
    }
    Ok(())
}

/// `__eh_frame`. The distance from a field to its function is in the field, without relocations, as
/// linkers know it from LLVM. It directly follows code and constants.
fn add_frames(draft: &mut Draft, image: &Image, mut frames: Recorded) -> Result<()> {
    let sections = image.constants.sections.iter();
    let end = sections.fold(image.text.bytes.len(), |end, section| {
        end.next_multiple_of(section.align as usize) + section.bytes.len()
    });
    let start = end.next_multiple_of(8) as i64;
    for reference in &frames.references {
        let field = reference.offset as usize;
        let distance = reference.addend - (start + i64::from(reference.offset));
        frames.bytes[field..field + 8].copy_from_slice(&distance.to_le_bytes());
    }
    let (segment, name) = (b"__TEXT".to_vec(), b"__eh_frame".to_vec());
    let section = draft.object.add_section(segment, name, SectionKind::ReadOnlyData);
    draft.object.set_section_data(section, frames.bytes, 8);
    let attributes =
        macho::S_ATTR_NO_TOC | macho::S_ATTR_STRIP_STATIC_SYMS | macho::S_ATTR_LIVE_SUPPORT;
    draft.object.section_mut(section).flags =
        SectionFlags::MachO { flags: macho::S_COALESCED | attributes };
    Ok(())
}

/// Offsets from one section for debuggers to another are as they are: the linker leaves these
/// sections where they are.
fn add_debug(draft: &mut Draft, image: &Image, options: &Options) -> Result<()> {
    for mut recorded in debug::sections(image, options) {
        for reference in recorded.references.iter().filter(|reference| reference.to.is_some()) {
            let (start, size) = (reference.offset as usize, usize::from(reference.size));
            let value = reference.addend.to_le_bytes();
            recorded.bytes[start..start + size].copy_from_slice(&value[..size]);
        }
        let name = recorded.name.replace('.', "__").into_bytes();
        let section = draft.object.add_section(b"__DWARF".to_vec(), name, SectionKind::Debug);
        draft.object.set_section_data(section, recorded.bytes, 1);
        let symbol = draft.object.section_symbol(draft.code.first());
        for reference in recorded.references.iter().filter(|reference| reference.to.is_none()) {
            let address = flags(macho::X86_64_RELOC_UNSIGNED, false, reference.size);
            put(draft, section, reference.offset, symbol, reference.addend, address)?;
        }
    }
    Ok(())
}
