//! Branch relaxation: every branch starts short and only ever grows, until all reach.

use super::target;
use crate::ir::{BranchSize, Code, LabelId, Lowered};
use crate::isa::{self, Encoding, FeatureSet};

/// Where every item is.
pub(super) struct Layout {
    /// By item; empty for items that are not instructions.
    pub encodings: Vec<Encoding>,
    /// By item.
    pub offsets: Vec<u32>,
    pub code_len: u32,
    /// The item that defines each label.
    label_items: Vec<usize>,
}

impl Layout {
    /// Where a label is.
    pub fn label_offset(&self, label: LabelId) -> u32 {
        self.offsets.get(self.label_items[label.index()]).copied().unwrap_or(self.code_len)
    }

    /// Computes the offsets from the sizes.
    fn place(&mut self, lowered: &Lowered) {
        let mut at = 0;
        for (index, item) in lowered.items.iter().enumerate() {
            self.offsets[index] = at;
            at = match &item.code {
                Code::Label(_) => at,
                Code::Inst(_) => at + self.encodings[index].bytes.len() as u32,
                Code::Bytes(bytes) => at + bytes.len() as u32,
                Code::Align(align) => at.next_multiple_of(*align),
            };
        }
        self.code_len = at;
    }

    fn reaches(&self, index: usize, label: LabelId) -> bool {
        let end = self.offsets[index] + self.encodings[index].bytes.len() as u32;
        i8::try_from(i64::from(self.label_offset(label)) - i64::from(end)).is_ok()
    }
}

/// Places all items, with `encodings` whose branches are short where they can be.
pub(super) fn relax(lowered: &Lowered, encodings: Vec<Encoding>, features: &FeatureSet) -> Layout {
    let mut label_items = vec![usize::MAX; lowered.label_count];
    for (index, item) in lowered.items.iter().enumerate() {
        if let Code::Label(label) = item.code {
            label_items[label.index()] = index;
        }
    }
    let offsets = vec![0; encodings.len()];
    let mut layout = Layout { encodings, offsets, code_len: 0, label_items };
    let mut short: Vec<(usize, LabelId)> = lowered
        .items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match &item.code {
            Code::Inst(inst) if layout.encodings[index].branch.is_some_and(|f| f.size == 1) => {
                target(inst).map(|label| (index, label))
            }
            _ => None,
        })
        .collect();
    loop {
        layout.place(lowered);
        let before = short.len();
        short.retain(|&(index, label)| {
            layout.reaches(index, label) || !grow(&mut layout, lowered, index, features)
        });
        if short.len() == before {
            return layout;
        }
    }
}

/// Makes a branch long, if there is such a form.
fn grow(layout: &mut Layout, lowered: &Lowered, index: usize, features: &FeatureSet) -> bool {
    let Code::Inst(inst) = &lowered.items[index].code else { return false };
    match isa::encode(inst, features, BranchSize::Near) {
        Ok(near) if near.branch.is_some_and(|field| field.size == 4) => {
            layout.encodings[index] = near;
            true
        }
        _ => false,
    }
}
