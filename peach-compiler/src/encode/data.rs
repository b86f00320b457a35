//! Where constants go: after the code, or in a section of their own; aligned, each once.

use crate::ir::{Base, Code, Data, DataContent, Lowered, Operand};
use crate::sorted;
use std::collections::HashMap;

/// What fits in a cache line does not cross into the next.
const LINE: u32 = 64;

/// Where every constant is.
pub(crate) struct DataLayout {
    /// In the order of the constants; `u32::MAX` for those that nothing addresses.
    pub offsets: Vec<u32>,
    /// Where the last one ends.
    pub end: u32,
    /// The largest alignment.
    pub align: u32,
}

impl DataLayout {
    /// Places the constants of `lowered` after `code_len` bytes of code.
    pub fn of(lowered: &Lowered, code_len: u32) -> DataLayout {
        let used = used(lowered);
        let data = lowered.data.iter().zip(used).map(|(data, used)| used.then_some(data));
        DataLayout::place(&data.collect::<Vec<_>>(), code_len)
    }

    /// Places constants from `start` on; `None` stands for one that nothing addresses.
    pub fn place(data: &[Option<&Data>], start: u32) -> DataLayout {
        let align = |id: usize| data[id].map_or(1, |data| data.align.max(1));
        let size = |id: usize| data[id].map_or(0, |data| data.content.len() as u32);
        let mut order: Vec<usize> = (0..data.len()).filter(|&id| data[id].is_some()).collect();
        // What is large goes first: it leaves gaps for the small, and may contain them.
        sorted::sort_by_key(&mut order, |&id| (std::cmp::Reverse((align(id), size(id))), id));
        let largest = order.iter().map(|&id| align(id)).max().unwrap_or(1);

        let mut space = Space { end: start, gaps: Vec::new(), widest: 0 };
        let mut known = Known::of(order.iter().map(|&id| size(id)));
        let mut offsets = vec![u32::MAX; data.len()];
        for id in order {
            let bytes = match data[id].map(|data| &data.content) {
                Some(DataContent::Bytes(bytes)) => Some(bytes.as_slice()),
                _ => None,
            };
            offsets[id] = match bytes.and_then(|bytes| known.find(bytes, align(id))) {
                Some(offset) => offset,
                None => {
                    let offset = space.take(size(id), align(id));
                    if let Some(bytes) = bytes {
                        known.add(bytes, offset);
                    }
                    offset
                }
            };
        }
        DataLayout { offsets, end: space.end, align: largest }
    }
}

fn used(lowered: &Lowered) -> Vec<bool> {
    let mut used = vec![false; lowered.data.len()];
    for item in &lowered.items {
        let Code::Inst(inst) = &item.code else { continue };
        for operand in &inst.operands {
            if let Operand::Mem(mem) = operand
                && let Base::Data(id) = mem.base
            {
                used[id.index()] = true;
            }
        }
    }
    used
}

/// The bytes that are placed already, whole and in parts.
struct Known<'a> {
    places: HashMap<&'a [u8], Vec<u32>>,
    /// The sizes that anything to be placed has: no other parts matter.
    sizes: Vec<u32>,
}

impl<'a> Known<'a> {
    fn of(sizes: impl Iterator<Item = u32>) -> Self {
        let mut sizes: Vec<u32> = sizes.collect();
        sorted::sort(&mut sizes);
        sizes.dedup();
        Known { places: HashMap::new(), sizes }
    }

    fn find(&self, bytes: &[u8], align: u32) -> Option<u32> {
        self.places.get(bytes)?.iter().copied().find(|offset| offset % align == 0)
    }

    fn add(&mut self, bytes: &'a [u8], offset: u32) {
        let len = bytes.len() as u32;
        for &size in self.sizes.iter().filter(|&&size| size > 0 && size <= LINE && size < len) {
            // Parts of literals at their natural places; large tables are not searched.
            for start in (0..=len - size).step_by(size as usize).take_while(|_| len <= LINE) {
                let part = &bytes[start as usize..(start + size) as usize];
                self.places.entry(part).or_default().push(offset + start);
            }
        }
        self.places.entry(bytes).or_default().push(offset);
    }
}

/// Memory that is handed out upwards, and what was left free.
struct Space {
    end: u32,
    gaps: Vec<(u32, u32)>,
    /// No gap is wider.
    widest: u32,
}

impl Space {
    fn take(&mut self, size: u32, align: u32) -> u32 {
        let fitting = |&(start, end): &(u32, u32)| fit(start, size, align) + size <= end;
        if size <= self.widest
            && let Some(index) = self.gaps.iter().position(fitting)
        {
            let (start, end) = self.gaps[index];
            let at = fit(start, size, align);
            let left =
                [(start, at), (at + size, end)].into_iter().filter(|(start, end)| start < end);
            self.gaps.splice(index..=index, left);
            return at;
        }
        let at = fit(self.end, size, align);
        if self.end < at {
            self.gaps.push((self.end, at));
            self.widest = self.widest.max(at - self.end);
        }
        self.end = at + size;
        at
    }
}

/// The first place from `start` on that is aligned and, for what fits in a line, within one.
fn fit(start: u32, size: u32, align: u32) -> u32 {
    let at = start.next_multiple_of(align);
    let crosses = size <= LINE && at % LINE + size > LINE;
    if crosses { at.next_multiple_of(LINE.max(align)) } else { at }
}
