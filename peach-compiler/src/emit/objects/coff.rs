//! Microsoft's COFF ("PE format" on learn.microsoft.com).
//!
//! A relocation of a rip-relative field says by its type how many bytes of the instruction follow,
//! and has its addend in the field. Functions with a frame are listed in `.pdata`, with what the
//! unwinder has to know in `.xdata`.

use super::draft::{ConstantSymbols, Draft, generic};
use super::image::{Function, Image, Kind, Relocation};
use super::{Format, Options, codeview, debug};
use crate::abi::ImageFormat;
use crate::emit::seh;
use object::write::{Comdat, Object, RelocationFlags, Result, SectionId};
use object::{Architecture, BinaryFormat, ComdatKind, Endianness, RelocationKind, SectionKind, pe};
use std::collections::HashMap;
use std::ops::Range;

pub(super) static FORMAT: Format = Format {
    format: ImageFormat::MsCoff,
    extension: "obj",
    has_narrow_pointers: false,
    mergeable: &[4, 8, 16, 32, 64],
    write,
};

fn write(image: &Image, options: &Options) -> Result<Vec<u8>> {
    let object = Object::new(BinaryFormat::Coff, Architecture::X86_64, Endianness::Little);
    let mut draft = Draft::new(image, object, options.sections, ConstantSymbols::All);
    for relocation in &image.relocations {
        add(&mut draft, image, *relocation)?;
    }
    let described = match options.debug {
        true => codeview::add(&mut draft, image, options)?,
        false => Vec::new(),
    };
    add_unwind_tables(&mut draft, image, &described)?;
    if options.debug {
        draft.add_recorded(debug::sections(image, options), RelocationKind::SectionOffset)?;
    }
    draft.object.write()
}

fn add(draft: &mut Draft, image: &Image, relocation: Relocation) -> Result<()> {
    let (section, offset) = draft.place(&relocation);
    let (symbol, distance) = draft.target(image, relocation.target);
    let addend = relocation.addend + distance;
    let (flags, addend) = match relocation.kind {
        Kind::Absolute => (generic(RelocationKind::Absolute, 64), addend),
        Kind::Relative | Kind::Call | Kind::Lea | Kind::Entry { .. } => {
            // Bytes of the instruction after the field, which only the types of code can express.
            let behind = u16::try_from(relocation.origin - 4).unwrap_or(0).min(5);
            let typ = pe::IMAGE_REL_AMD64_REL32 + behind;
            (RelocationFlags::Coff { typ }, addend - relocation.origin)
        }
    };
    let offset = offset.into();
    draft.relocate(section, object::write::Relocation { offset, symbol, addend, flags })
}

/// `.pdata` and `.xdata`: of all functions, or, where each has a section of its own, of each. What
/// belongs to one function, `described` too, is one COMDAT, which linkers keep or drop as a whole.
fn add_unwind_tables(draft: &mut Draft, image: &Image, described: &[SectionId]) -> Result<()> {
    if !draft.code.are_divided() {
        return add_tables_of(draft, &image.functions).map(|_| ());
    }
    for (index, function) in image.functions.iter().enumerate() {
        let tables = add_tables_of(draft, std::slice::from_ref(function))?;
        // A weak symbol is no section's, so it cannot stand for one.
        if function.source.own_symbol().is_weak {
            continue;
        }
        let mut sections = vec![draft.code.at(function.offset).0];
        sections.extend(tables.into_iter().flatten());
        sections.extend(described.get(index));
        for &section in &sections {
            draft.object.section_symbol(section);
        }
        let (kind, symbol) = (ComdatKind::NoDuplicates, draft.functions[index]);
        draft.object.add_comdat(Comdat { kind, symbol, sections });
    }
    Ok(())
}

/// The tables of some functions, if any has a frame. Equal descriptions are one.
fn add_tables_of(draft: &mut Draft, functions: &[Function<'_>]) -> Result<Option<[SectionId; 2]>> {
    let mut infos: Vec<u8> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut entries = Vec::new();
    for function in functions {
        let compiled = &function.source.compiled;
        for fragment in seh::fragments(&compiled.lowered, &compiled.encoded) {
            let info = *known.entry(fragment.info).or_insert_with_key(|info| {
                infos.extend(info);
                infos.len() - info.len()
            });
            let Range { start, end } = fragment.place;
            entries.push((function, [start, end], info));
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let xdata = add_table(draft, ".xdata", infos);
    let pdata = add_table(draft, ".pdata", vec![0; 12 * entries.len()]);
    for (number, (function, [start, end], info)) in entries.into_iter().enumerate() {
        let (code, base) = draft.code.at(function.offset);
        let fields = [(code, base + start), (code, base + end), (xdata, info as u32)];
        for (field, (section, address)) in fields.into_iter().enumerate() {
            let symbol = draft.object.section_symbol(section);
            let relocation = object::write::Relocation {
                offset: 12 * number as u64 + 4 * field as u64,
                symbol,
                addend: address.into(),
                flags: generic(RelocationKind::ImageOffset, 32),
            };
            draft.relocate(pdata, relocation)?;
        }
    }
    Ok(Some([xdata, pdata]))
}

fn add_table(draft: &mut Draft, name: &str, bytes: Vec<u8>) -> SectionId {
    let name = name.as_bytes().to_vec();
    let section = draft.object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
    draft.object.set_section_data(section, bytes, 4);
    section
}
