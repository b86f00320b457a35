//! Microsoft's COFF ("PE format" on learn.microsoft.com).
//!
//! A relocation of a rip-relative field says by its type how many bytes of the instruction follow,
//! and has its addend in the field. Functions with a frame are listed in `.pdata`, with what the
//! unwinder has to know in `.xdata`.

use super::draft::{ConstantSymbols, Draft, generic};
use super::image::{Image, Kind, Place, Relocation};
use super::{Format, Options, debug};
use crate::abi::ImageFormat;
use crate::emit::seh;
use object::write::{Object, RelocationFlags, Result, SectionId};
use object::{Architecture, BinaryFormat, Endianness, RelocationKind, SectionKind, pe};
use std::collections::HashMap;
use std::ops::Range;

pub(super) static FORMAT: Format =
    Format { format: ImageFormat::MsCoff, extension: "obj", has_narrow_pointers: false, write };

fn write(image: &Image, options: &Options) -> Result<Vec<u8>> {
    let object = Object::new(BinaryFormat::Coff, Architecture::X86_64, Endianness::Little);
    let mut draft = Draft::new(image, object, ConstantSymbols::All);
    for relocation in &image.relocations {
        add(&mut draft, image, *relocation)?;
    }
    add_unwind_tables(&mut draft, image)?;
    if options.debug {
        draft.add_recorded(debug::sections(image, options), RelocationKind::SectionOffset)?;
    }
    draft.object.write()
}

fn add(draft: &mut Draft, image: &Image, relocation: Relocation) -> Result<()> {
    let section = match relocation.place {
        Place::Text => draft.text,
        Place::Data => draft.data.expect("there are constants"),
    };
    let (symbol, offset) = draft.target(image, relocation.target);
    let addend = relocation.addend + offset;
    let (flags, addend) = match relocation.kind {
        Kind::Absolute => (generic(RelocationKind::Absolute, 64), addend),
        Kind::Relative | Kind::Call | Kind::Lea | Kind::Entry { .. } => {
            // Bytes of the instruction after the field, which only the types of code can express.
            let behind = u16::try_from(relocation.origin - 4).unwrap_or(0).min(5);
            let typ = pe::IMAGE_REL_AMD64_REL32 + behind;
            (RelocationFlags::Coff { typ }, addend - relocation.origin)
        }
    };
    let offset = relocation.offset.into();
    draft.relocate(section, object::write::Relocation { offset, symbol, addend, flags })
}

/// `.pdata` and `.xdata`. Equal descriptions are one.
fn add_unwind_tables(draft: &mut Draft, image: &Image) -> Result<()> {
    let mut infos: Vec<u8> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut entries = Vec::new();
    for function in &image.functions {
        let compiled = &function.source.compiled;
        for fragment in seh::fragments(&compiled.lowered, &compiled.encoded) {
            let info = *known.entry(fragment.info).or_insert_with_key(|info| {
                infos.extend(info);
                infos.len() - info.len()
            });
            let Range { start, end } = fragment.place;
            let [start, end] = [start, end].map(|at| function.offset + at);
            entries.push([start as usize, end as usize, info]);
        }
    }
    if entries.is_empty() {
        return Ok(());
    }
    let xdata = add_table(draft, ".xdata", infos);
    let pdata = add_table(draft, ".pdata", vec![0; 12 * entries.len()]);
    for (number, entry) in entries.iter().enumerate() {
        for (field, &address) in entry.iter().enumerate() {
            let section = if field == 2 { xdata } else { draft.text };
            let symbol = draft.object.section_symbol(section);
            let relocation = object::write::Relocation {
                offset: 12 * number as u64 + 4 * field as u64,
                symbol,
                addend: address as i64,
                flags: generic(RelocationKind::ImageOffset, 32),
            };
            draft.relocate(pdata, relocation)?;
        }
    }
    Ok(())
}

fn add_table(draft: &mut Draft, name: &str, bytes: Vec<u8>) -> SectionId {
    let name = name.as_bytes().to_vec();
    let section = draft.object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
    draft.object.set_section_data(section, bytes, 4);
    section
}
