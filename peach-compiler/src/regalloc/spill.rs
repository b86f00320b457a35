//! Spilling: which values to keep in memory, and the program that does so.

use super::costs::Frequency;
use crate::analysis::Facts;
use crate::ir::{Function, Reg, VReg};

/// `candidates`, cheapest to keep in memory first.
pub(super) fn by_price(function: &Function, facts: &Facts, candidates: &[VReg]) -> Vec<VReg> {
    let frequency = Frequency::of_blocks(facts);
    let mut prices = vec![0i64; function.vregs.len()];
    for (index, effects) in facts.effects.iter().enumerate() {
        for access in &effects.regs {
            if let Reg::Virtual(vreg) = access.reg {
                prices[vreg.index()] += frequency.of(facts, index);
            }
        }
    }
    let mut sorted: Vec<VReg> =
        candidates.iter().copied().filter(|&vreg| !function[vreg].temporary).collect();
    sorted.sort_by_key(|vreg| (prices[vreg.index()], *vreg));
    sorted
}
