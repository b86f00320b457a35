//! What follows from nodes that are live at the same time, before anything is tried.
//!
//! Nodes that are live at the same time need a register each, so their lists must offer them
//! (Hall's condition): where a matching fails, that is a proof that there is no assignment. Where
//! they need every register that their lists offer, a node that is live at the same time as all but
//! one of them must share with that one; such pairs are merged, which leaves next to nothing to
//! search in straight-line code that uses every register.

use super::coalesce::{Coalesced, Merger};
use super::problem::{COLORS, Problem};
use crate::isa::RegSet;
use std::collections::HashMap;

/// Merges what must share a register.
///
/// # Errors
/// Nodes that cannot all get a register.
pub(super) fn saturate(
    problem: &Problem,
    cliques: &[Vec<u32>],
    usable: RegSet,
) -> Result<Coalesced, Vec<u32>> {
    let domains = problem.domains(usable);
    if let Some(empty) = domains.iter().position(|domain| domain.is_empty()) {
        return Err(vec![empty as u32]);
    }
    let mut saturated: Vec<(u32, Vec<u32>)> = Vec::new();
    for clique in cliques {
        if let Some(violator) = hall_violator(clique, &domains) {
            return Err(violator);
        }
        let union = clique.iter().fold(0, |set, &node| set | domains[node as usize].0);
        if union.count_ones() as usize == clique.len() {
            saturated.push((union, clique.clone()));
        }
    }
    let mut merger = Merger::new(problem, usable);
    while merge_forced(&mut merger, &mut saturated)? {}
    Ok(merger.finish())
}

/// One round of merging. Whether anything was merged.
fn merge_forced(
    merger: &mut Merger<'_>,
    saturated: &mut Vec<(u32, Vec<u32>)>,
) -> Result<bool, Vec<u32>> {
    for (_, clique) in saturated.iter_mut() {
        for node in clique.iter_mut() {
            *node = merger.find(*node);
        }
        clique.sort_unstable();
    }
    saturated.sort_unstable();
    saturated.dedup();
    let mut merged = false;
    // Who completes these nodes to one register each of this set?
    let mut completed_by: HashMap<(u32, Vec<u32>), u32> = HashMap::new();
    for (union, clique) in saturated.iter() {
        for (index, &node) in clique.iter().enumerate() {
            let mut rest = clique.clone();
            rest.remove(index);
            let first = *completed_by.entry((*union, rest)).or_insert(node);
            let (a, b) = (merger.find(first), merger.find(node));
            if a == b || merger.is_grouped(a) || merger.is_grouped(b) {
                continue;
            }
            if !merger.unite(a, b) {
                let mut nodes = clique.clone();
                nodes.push(first);
                return Err(nodes);
            }
            merged = true;
        }
    }
    Ok(merged)
}

/// Nodes of `clique` whose lists together offer fewer registers than there are nodes.
pub(super) fn hall_violator(clique: &[u32], domains: &[RegSet]) -> Option<Vec<u32>> {
    let mut holder: [Option<u32>; COLORS] = [None; COLORS];
    for &node in clique {
        if let Some(reached) = augment(node, domains, &mut holder) {
            let mut violator: Vec<u32> =
                reached.iter().filter_map(|color| holder[color as usize]).collect();
            violator.push(node);
            violator.sort_unstable();
            return Some(violator);
        }
    }
    None
}

/// Finds a register for `node`, moving others where needed. If there is none: the registers that
/// were within reach, all held.
fn augment(node: u32, domains: &[RegSet], holder: &mut [Option<u32>; COLORS]) -> Option<RegSet> {
    // Breadth first over registers; `via[c]` is the node that wants to move to register `c`.
    let mut via = [node; COLORS];
    let mut seen = RegSet::NONE;
    let mut queue = vec![node];
    let mut next = 0;
    while let Some(&wanting) = queue.get(next) {
        next += 1;
        for color in (domains[wanting as usize] - seen).iter() {
            seen = seen | RegSet::one(color);
            via[color as usize] = wanting;
            if let Some(held_by) = holder[color as usize] {
                queue.push(held_by);
                continue;
            }
            let mut color = color as usize;
            loop {
                let mover = via[color];
                let left = holder.iter().position(|&held| held == Some(mover));
                holder[color] = Some(mover);
                match left {
                    Some(left) => {
                        holder[left] = None;
                        color = left;
                    }
                    None => return None,
                }
            }
        }
    }
    Some(seen)
}
