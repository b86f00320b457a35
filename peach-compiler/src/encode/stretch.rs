//! Padding before bundles is replaced by longer encodings of the instructions before it, as far
//! as they have any: so that no decode slot is spent on a nop.
//!
//! Input: a [`Layout`] whose branches all reach. Output: the same, of the same length. Only
//! instructions between the last label, branch or border and the padding grow, so that no label
//! moves and no distance changes but those of operands relative to `rip`, which are filled in
//! later. Those do not grow.

use super::branches::Layout;
use super::target;
use crate::ir::{Code, Group, Instruction, Lowered, Operand};
use crate::isa::{self, Encoding, FeatureSet, PhysReg};

/// Takes up the padding in front of all groups.
pub(super) fn stretch(layout: &mut Layout, lowered: &Lowered, features: &FeatureSet) {
    if lowered.convention.sandbox.is_none() {
        return;
    }
    let fixed = fixed(lowered);
    for (index, item) in lowered.items.iter().enumerate() {
        if !matches!(item.code, Code::Group(_)) {
            continue;
        }
        let start = layout.offsets[index];
        let border = start.next_multiple_of(layout.bundle);
        let mut room = layout.end(index).min(border) - start;
        let in_bundle = |at: usize| layout.offsets[at] >= start / layout.bundle * layout.bundle;
        let free = (0..index).rev().take_while(|&at| in_bundle(at) && !fixed[at]);
        for at in free.collect::<Vec<_>>() {
            let Code::Inst(inst) = &lowered.items[at].code else { continue };
            if is_filled_in_later(&layout.encodings[at]) {
                continue;
            }
            let length = layout.encodings[at].bytes.len();
            let longer = isa::longer_encodings(inst, features);
            let best = longer
                .into_iter()
                .filter(|other| (length + 1..=length + room as usize).contains(&other.bytes.len()));
            let Some(best) = best.max_by_key(|other| other.bytes.len()) else { continue };
            let grown = (best.bytes.len() - length) as u32;
            room -= grown;
            layout.replace(at, best);
            for later in &mut layout.offsets[at + 1..=index] {
                *later += grown;
            }
        }
    }
}

/// Listings name what goes there, and their assemblers choose the encoding.
fn is_filled_in_later(encoding: &Encoding) -> bool {
    encoding.disp.is_some() || encoding.imm.is_some()
}

/// The items that keep their place and their bytes.
fn fixed(lowered: &Lowered) -> Vec<bool> {
    let mut fixed = vec![false; lowered.items.len()];
    for (index, item) in lowered.items.iter().enumerate() {
        match &item.code {
            Code::Label(_) | Code::Align(_) | Code::Bytes(_) => fixed[index] = true,
            Code::Inst(inst) => fixed[index] |= branches(inst),
            Code::Group(Group { items, exact: true, .. }) => {
                fixed[index + 1..=index + items].fill(true);
            }
            Code::Group(_) => {}
        }
    }
    fixed
}

fn branches(inst: &Instruction<PhysReg>) -> bool {
    target(inst).is_some() || inst.operands.iter().any(|o| matches!(o, Operand::Relative(_)))
}
