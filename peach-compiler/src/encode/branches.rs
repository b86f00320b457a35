//! Branch relaxation: every branch starts short and only ever grows, until all reach. (In code
//! without padding, and where that takes too long: [`growth`](super::growth).)
//!
//! Padding is computed on the way: to a multiple of a number, or so that a group of items does not
//! cross the border of a bundle.

use super::target;
use crate::ir::{BranchSize, Code, Group, LabelId, Lowered};
use crate::isa::{self, Encoding, FeatureSet, Field};

/// So many times the code is gone over before branches grow although they might reach in the end.
const SWEEPS: usize = 64;

/// Where every item is.
pub(super) struct Layout {
    /// By item; empty for items that are not instructions.
    pub encodings: Vec<Encoding>,
    /// By item.
    pub offsets: Vec<u32>,
    pub code_len: u32,
    pub(super) kinds: Vec<Kind>,
    /// The size of a bundle.
    pub bundle: u32,
    /// The item that defines each label.
    pub(super) label_items: Vec<usize>,
}

/// What matters of an item.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// So many bytes, for good.
    Fixed(u32),
    /// As many bytes as it takes to the next multiple.
    Align(u32),
    /// As many bytes as it takes to keep the items after it in one bundle.
    Group(Group),
    /// A branch that may still grow.
    Short(u32, LabelId),
}

impl Layout {
    /// Where a label is.
    pub fn label_offset(&self, label: LabelId) -> u32 {
        self.offsets.get(self.label_items[label.index()]).copied().unwrap_or(self.code_len)
    }

    /// Where an item ends.
    pub fn end(&self, index: usize) -> u32 {
        let start = self.offsets[index];
        match self.kinds[index] {
            Kind::Fixed(bytes) | Kind::Short(bytes, _) => start + bytes,
            Kind::Align(align) => start.next_multiple_of(align),
            Kind::Group(group) => start + self.padding(start, index, group),
        }
    }

    /// Gives an instruction that is not a branch another encoding. What is after it stays where it
    /// was.
    pub fn replace(&mut self, index: usize, encoding: Encoding) {
        self.kinds[index] = Kind::Fixed(encoding.bytes.len() as u32);
        self.encodings[index] = encoding;
    }

    /// How much goes between `start` and a group, whose items are after `index`.
    fn padding(&self, start: u32, index: usize, group: Group) -> u32 {
        let items = &self.kinds[index + 1..=index + group.items];
        let size: u32 = items.iter().map(|kind| kind.bytes()).sum();
        let room = start.next_multiple_of(self.bundle) - start;
        if group.at_end {
            (start + size).next_multiple_of(self.bundle) - (start + size)
        } else if size > room {
            room
        } else {
            0
        }
    }

    /// Computes the offsets from the sizes.
    fn place(&mut self) {
        let mut at = 0;
        for index in 0..self.kinds.len() {
            self.offsets[index] = at;
            at = self.end(index);
        }
        self.code_len = at;
    }

    fn sweep_until_all_reach(&mut self, lowered: &Lowered, features: &FeatureSet) {
        if !(0..SWEEPS).all(|_| self.sweep(lowered, features)) {
            return;
        }
        self.grow_by_fear(lowered, features);
    }

    /// Goes over the code once, from its start: what lies after a branch that has to grow moves,
    /// and with it the branches there. Returns whether anything changed.
    ///
    /// Order matters where there is padding, which may take up what a branch grows by. This is the
    /// order of GNU as (`relax_segment` in gas/write.c), so that neither is smaller. Only in front
    /// of a group may something move without growth: by what its branch grew in the sweep before.
    fn sweep(&mut self, lowered: &Lowered, features: &FeatureSet) -> bool {
        let mut changed = false;
        // How far the current item is from where it was before; padding may have shrunk.
        let mut moved = 0u32;
        for index in 0..self.kinds.len() {
            let old_end = self.offsets.get(index + 1).copied().unwrap_or(self.code_len);
            self.offsets[index] = self.offsets[index].wrapping_add(moved);
            if let Kind::Short(_, label) = self.kinds[index]
                && !self.reaches(index, label, moved)
            {
                changed |= self.grow(lowered, index, features);
            }
            moved = self.end(index).wrapping_sub(old_end);
            changed |= moved != 0;
        }
        self.code_len = self.code_len.wrapping_add(moved);
        changed
    }

    /// Whether a short branch reaches, as far as is known in the middle of a sweep: what is ahead
    /// will have moved by `moved`, unless padding between takes it up.
    fn reaches(&self, index: usize, label: LabelId, moved: u32) -> bool {
        let end = self.end(index);
        let mut place = self.label_offset(label);
        let label_item = self.label_items[label.index()];
        if label_item > index {
            let mut ahead = moved.cast_signed();
            // Beyond this nothing is reached, whatever moves.
            if place > end.wrapping_add(1 << 12) {
                return false;
            }
            for kind in &self.kinds[index..label_item] {
                let unit = match kind {
                    Kind::Align(align) => *align,
                    // Often nothing is left of a small move; the next sweep knows.
                    Kind::Group(_) => self.bundle,
                    Kind::Fixed(_) | Kind::Short(..) => continue,
                };
                ahead = ahead / unit.cast_signed() * unit.cast_signed();
            }
            place = place.wrapping_add_signed(ahead);
        }
        i8::try_from(i64::from(place) - i64::from(end)).is_ok()
    }

    /// Makes a branch long, if there is such a form; otherwise its size is fixed.
    pub(super) fn grow(&mut self, lowered: &Lowered, index: usize, features: &FeatureSet) -> bool {
        let Code::Inst(inst) = &lowered.items[index].code else { return false };
        let near = isa::encode(inst, features, BranchSize::Near);
        let near = near.ok().filter(|near| near.branch.is_some_and(|field| field.size == 4));
        let grows = near.is_some();
        if let Some(near) = near {
            self.encodings[index] = near;
        }
        self.kinds[index] = Kind::Fixed(self.encodings[index].bytes.len() as u32);
        grows
    }
}

impl Kind {
    /// The size without padding.
    pub(super) fn bytes(&self) -> u32 {
        match self {
            Kind::Fixed(bytes) | Kind::Short(bytes, _) => *bytes,
            Kind::Align(_) | Kind::Group(_) => 0,
        }
    }
}

/// Places all items, with `encodings` whose branches are short where they can be.
pub(super) fn relax(lowered: &Lowered, encodings: Vec<Encoding>, features: &FeatureSet) -> Layout {
    let mut label_items = vec![usize::MAX; lowered.label_count];
    let mut kinds = Vec::with_capacity(encodings.len());
    for (index, (item, encoding)) in lowered.items.iter().zip(&encodings).enumerate() {
        let bytes = encoding.bytes.len() as u32;
        kinds.push(match &item.code {
            Code::Label(label) => {
                label_items[label.index()] = index;
                Kind::Fixed(0)
            }
            Code::Align(align) => Kind::Align(*align),
            Code::Bytes(raw) => Kind::Fixed(raw.len() as u32),
            Code::Group(group) => Kind::Group(*group),
            Code::Inst(inst) => match (encoding.branch, target(inst)) {
                (Some(Field { size: 1, .. }), Some(label)) => Kind::Short(bytes, label),
                _ => Kind::Fixed(bytes),
            },
        });
    }
    let offsets = vec![0; encodings.len()];
    let bundle = lowered.convention.bundle();
    let mut layout = Layout { encodings, offsets, code_len: 0, kinds, bundle, label_items };
    layout.place();
    if layout.kinds.iter().any(|kind| matches!(kind, Kind::Align(_) | Kind::Group(_))) {
        layout.sweep_until_all_reach(lowered, features);
    } else {
        layout.grow_by_need(lowered, features);
    }
    layout.place();
    layout
}
