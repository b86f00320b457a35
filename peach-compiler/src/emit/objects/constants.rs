//! Constants in sections of their own.
//!
//! In: the constants of all functions, and the sizes that the format's linkers merge. Out: each in
//! a section, aligned.
//! Invariants: every constant is there once, and none of up to 64 bytes crosses a cache line. A
//! constant that is part of another has its place there, in the same section.
//!
//! Of equal constants of a mergeable size, in sections of that size, linkers keep one, from
//! whatever objects they come (ELF `SHF_MERGE`; Mach-O literals; COMDATs of COFF).

use crate::encode::data::DataLayout;
use crate::ir::{Data, DataContent};
use std::collections::HashMap;

/// What fits in a cache line does not cross into the next.
const LINE: u32 = 64;

/// All constants, and what they are in.
pub(super) struct Constants {
    /// Some share the same place, or parts of others.
    pub all: Vec<Constant>,
    pub sections: Vec<Section>,
}

/// A constant in one of the sections.
pub(super) struct Constant {
    /// The symbol of its function, and its own name: `sum.TABLE`, `sum.const0`.
    pub name: String,
    /// As an index.
    pub section: usize,
    pub offset: u32,
    pub size: u32,
    /// The constant that contains all of this one, as an index; often itself.
    pub owner: usize,
}

/// A section for constants.
pub(super) struct Section {
    pub bytes: Vec<u8>,
    pub align: u32,
    /// Of what linkers merge: the bytes of each entry.
    pub entry: Option<u32>,
}

impl Constants {
    /// Places constants, each of which has a name. Linkers merge those of the sizes `mergeable`.
    pub fn place(contents: &[&Data], names: Vec<String>, mergeable: &[u32]) -> Constants {
        let size = |index: usize| contents[index].content.len() as u32;
        let mut placed = Constants { all: Vec::new(), sections: Vec::new() };
        for (index, name) in names.into_iter().enumerate() {
            let (section, offset, size) = (0, 0, size(index));
            placed.all.push(Constant { name, section, offset, size, owner: index });
        }
        let Division { merged, plain } = divide(contents, mergeable);
        placed.place_plain(contents, &plain);
        for &entry in mergeable {
            let of_size = |part: &&Part| size(part.owner) == entry;
            placed.place_merged(contents, entry, merged.iter().filter(of_size));
        }
        placed
    }

    /// Adds the section of all that is not merged, if there is any.
    fn place_plain(&mut self, contents: &[&Data], plain: &[usize]) {
        if plain.is_empty() {
            return;
        }
        let data: Vec<Option<&Data>> = plain.iter().map(|&index| Some(contents[index])).collect();
        let layout = DataLayout::place(&data, 0);
        let owners = owners(&data, &layout.offsets);
        let mut bytes = vec![0; layout.end as usize];
        for (number, &index) in plain.iter().enumerate() {
            let start = layout.offsets[number] as usize;
            if let DataContent::Bytes(content) = &contents[index].content {
                bytes[start..start + content.len()].copy_from_slice(content);
            }
            let constant = &mut self.all[index];
            constant.section = self.sections.len();
            constant.offset = layout.offsets[number];
            constant.owner = plain[owners[number]];
        }
        let align = layout.align.max(LINE.min(layout.end.next_power_of_two()));
        self.sections.push(Section { bytes, align, entry: None });
    }

    /// Adds the section of all constants of one size that are merged, if there are any.
    fn place_merged<'p>(
        &mut self,
        contents: &[&Data],
        entry: u32,
        parts: impl Iterator<Item = &'p Part>,
    ) {
        let mut bytes: Vec<u8> = Vec::new();
        let mut places: HashMap<usize, u32> = HashMap::new();
        for &Part { index, owner, distance } in parts {
            let start = *places.entry(owner).or_insert_with(|| {
                let DataContent::Bytes(content) = &contents[owner].content else {
                    unreachable!("only bytes are merged")
                };
                bytes.extend(content);
                bytes.len() as u32 - entry
            });
            let constant = &mut self.all[index];
            constant.section = self.sections.len();
            constant.offset = start + distance;
            constant.owner = owner;
        }
        if !bytes.is_empty() {
            self.sections.push(Section { bytes, align: entry, entry: Some(entry) });
        }
    }
}

/// A constant in another, which may be itself.
struct Part {
    index: usize,
    owner: usize,
    /// From the start of the owner.
    distance: u32,
}

/// Which constants go where.
struct Division {
    merged: Vec<Part>,
    plain: Vec<usize>,
}

/// What has a mergeable size, with all that is part of it, and the rest.
fn divide(contents: &[&Data], mergeable: &[u32]) -> Division {
    let all: Vec<Option<&Data>> = contents.iter().copied().map(Some).collect();
    let DataLayout { offsets, .. } = DataLayout::place(&all, 0);
    let owners = owners(&all, &offsets);
    let mut is_merged: Vec<bool> = contents
        .iter()
        .map(|data| {
            let is_bytes = matches!(data.content, DataContent::Bytes(_));
            is_bytes && mergeable.contains(&(data.content.len() as u32))
        })
        .collect();
    let distance = |index: usize| offsets[index] - offsets[owners[index]];
    // An entry is aligned to its size, and to nothing more.
    for (index, data) in contents.iter().enumerate() {
        let (align, owner) = (data.align.max(1), owners[index]);
        let entry = contents[owner].content.len() as u32;
        is_merged[owner] &= entry.is_multiple_of(align) && distance(index).is_multiple_of(align);
    }
    let mut division = Division { merged: Vec::new(), plain: Vec::new() };
    for (index, &owner) in owners.iter().enumerate() {
        match is_merged[owner] {
            true => division.merged.push(Part { index, owner, distance: distance(index) }),
            false => division.plain.push(index),
        }
    }
    division
}

/// The owner of a constant is the first of the largest ones that contain it.
fn owners(contents: &[Option<&Data>], offsets: &[u32]) -> Vec<usize> {
    let size = |index: usize| contents[index].map_or(0, |data| data.content.len() as u32);
    let end = |index: usize| offsets[index] + size(index);
    let mut order: Vec<usize> = (0..contents.len()).collect();
    order.sort_by_key(|&index| (offsets[index], std::cmp::Reverse(size(index)), index));
    let mut owners = vec![0; contents.len()];
    let mut last: Option<usize> = None;
    for index in order {
        let owner = last.filter(|&owner| end(index) <= end(owner)).unwrap_or(index);
        owners[index] = owner;
        last = Some(owner);
    }
    owners
}
