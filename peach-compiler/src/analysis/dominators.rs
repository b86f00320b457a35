//! Which blocks dominate which, and which lie in loops: what it takes to place the load of an
//! argument.
//!
//! Nodes are the blocks of a [`Cfg`] counted from 1. Node 0 is a place before the first
//! instruction, so that code can be put outside of a loop that starts with the function.

use super::Cfg;

/// Dominators and cycles.
pub(crate) struct Flow {
    /// The node that every path to a node passes last. Node 0 has itself; unreachable nodes none.
    idom: Vec<Option<u32>>,
    /// Position in the reverse postorder.
    order: Vec<u32>,
    /// Whether a node can be reached from itself.
    in_cycle: Vec<bool>,
}

impl Flow {
    pub fn of(cfg: &Cfg) -> Flow {
        let count = cfg.blocks.len() + 1;
        let mut succs = vec![vec![1]];
        let mut preds = vec![Vec::new(); count];
        for block in &cfg.blocks {
            succs.push(block.succs.iter().map(|succ| succ + 1).collect::<Vec<u32>>());
        }
        for (node, succs) in succs.iter().enumerate() {
            for &succ in succs {
                preds[succ as usize].push(node as u32);
            }
        }
        let sequence: Vec<u32> =
            std::iter::once(0).chain(cfg.order.iter().map(|block| block + 1)).collect();
        let mut order = vec![u32::MAX; count];
        for (position, &node) in sequence.iter().enumerate() {
            order[node as usize] = position as u32;
        }
        let idom = dominators(&preds, &sequence, &order);
        let in_cycle = cycles(&succs, &preds, &sequence);
        Flow { idom, order, in_cycle }
    }

    pub fn is_in_cycle(&self, node: u32) -> bool {
        self.in_cycle[node as usize]
    }

    /// The last node that every path to `a` and every path to `b` passes; both are reachable.
    pub fn common_dominator(&self, a: u32, b: u32) -> u32 {
        common_dominator(&self.idom, &self.order, a, b)
    }

    /// The nearest node at or above `node` that runs at most once.
    pub fn outside_of_loops(&self, mut node: u32) -> u32 {
        while self.in_cycle[node as usize] {
            node = self.idom[node as usize].unwrap_or(0);
        }
        node
    }
}

/// Cooper, Harvey, Kennedy: "A simple, fast dominance algorithm" (2001).
fn dominators(preds: &[Vec<u32>], sequence: &[u32], order: &[u32]) -> Vec<Option<u32>> {
    let mut idom = vec![None; preds.len()];
    idom[0] = Some(0);
    let mut changed = true;
    while changed {
        changed = false;
        for &node in &sequence[1..] {
            let known = preds[node as usize].iter().filter(|pred| idom[**pred as usize].is_some());
            let new = known.copied().reduce(|a, b| common_dominator(&idom, order, a, b));
            changed |= idom[node as usize] != new;
            idom[node as usize] = new;
        }
    }
    idom
}

fn common_dominator(idom: &[Option<u32>], order: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        let later = if order[a as usize] > order[b as usize] { &mut a } else { &mut b };
        *later = idom[*later as usize].unwrap_or(0);
    }
    a
}

/// Kosaraju's components: a node is in a cycle if its component has others, or itself as successor.
fn cycles(succs: &[Vec<u32>], preds: &[Vec<u32>], sequence: &[u32]) -> Vec<bool> {
    let mut in_cycle = vec![false; succs.len()];
    let mut open = vec![false; succs.len()];
    for &node in sequence {
        open[node as usize] = true;
    }
    for &root in sequence {
        if !std::mem::replace(&mut open[root as usize], false) {
            continue;
        }
        let mut members = vec![root];
        let mut at = 0;
        while let Some(&node) = members.get(at) {
            at += 1;
            for &pred in &preds[node as usize] {
                if std::mem::replace(&mut open[pred as usize], false) {
                    members.push(pred);
                }
            }
        }
        let cyclic = members.len() > 1 || succs[root as usize].contains(&root);
        for node in members {
            in_cycle[node as usize] = cyclic;
        }
    }
    in_cycle
}
