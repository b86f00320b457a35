//! Which blocks dominate which, and which lie in loops: what it takes to place the load of an
//! argument.
//!
//! Nodes are the blocks of a [`Cfg`] counted from 1. Node 0 is a place before the first
//! instruction, so that code can be put outside of a loop that starts with the function.

use super::Cfg;
use std::cmp::Ordering;

/// Dominators and cycles.
pub(crate) struct Flow {
    tree: Dominators,
    /// Whether a node can be reached from itself.
    in_cycle: Vec<bool>,
    /// The nearest node at or above each that runs at most once.
    outside: Vec<u32>,
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
        let in_cycle = cycles(&succs, &preds, &sequence);
        let tree = Dominators::of(&succs, &preds);
        let mut outside = vec![0; count];
        for &node in &tree.order {
            outside[node as usize] = match in_cycle[node as usize] {
                true => outside[tree.parent(node) as usize],
                false => node,
            };
        }
        Flow { tree, in_cycle, outside }
    }

    pub fn is_in_cycle(&self, node: u32) -> bool {
        self.in_cycle[node as usize]
    }

    /// The last node that every path to `a` and every path to `b` passes; both are reachable.
    pub fn common_dominator(&self, a: u32, b: u32) -> u32 {
        self.tree.common(a, b)
    }

    /// A number that is smaller for nodes that dominate others.
    pub fn number(&self, node: u32) -> u32 {
        self.tree.number[node as usize]
    }

    /// The nearest node at or above `node` that runs at most once.
    pub fn outside_of_loops(&self, node: u32) -> u32 {
        self.outside[node as usize]
    }
}

/// The tree in which each node hangs below the last one that every path to it passes.
///
/// Nodes are numbered by a depth-first walk: what dominates a node has a smaller number.
struct Dominators {
    /// The nodes by their number; unreachable ones are not in it.
    order: Vec<u32>,
    /// The number of each node.
    number: Vec<u32>,
    /// By number: the number of the parent. 0 has itself.
    parent: Vec<u32>,
    /// By number: the first of the chain that the node is in. Chains follow the largest subtrees,
    /// so that a path to the root has few of them (D. Sleator, R. Tarjan, "A data structure for
    /// dynamic trees", 1983).
    head: Vec<u32>,
}

impl Dominators {
    fn of(succs: &[Vec<u32>], preds: &[Vec<u32>]) -> Dominators {
        let walk = Walk::of(succs);
        let parent = immediate(&walk, preds);
        let head = chains(&parent);
        Dominators { order: walk.order, number: walk.number, parent, head }
    }

    fn parent(&self, node: u32) -> u32 {
        self.order[self.parent[self.number[node as usize] as usize] as usize]
    }

    fn common(&self, a: u32, b: u32) -> u32 {
        let (mut a, mut b) = (self.number[a as usize], self.number[b as usize]);
        loop {
            let (head_a, head_b) = (self.head[a as usize], self.head[b as usize]);
            // The chain that starts later does not hold the common one.
            match head_a.cmp(&head_b) {
                Ordering::Equal => return self.order[a.min(b) as usize],
                Ordering::Greater => a = self.parent[head_a as usize],
                Ordering::Less => b = self.parent[head_b as usize],
            }
        }
    }
}

/// A depth-first walk from node 0.
struct Walk {
    order: Vec<u32>,
    /// By node; `u32::MAX` for those that are not reached.
    number: Vec<u32>,
    /// By number: the number of the node from which it was reached.
    from: Vec<u32>,
}

impl Walk {
    fn of(succs: &[Vec<u32>]) -> Walk {
        let mut walk = Walk { order: vec![0], number: vec![u32::MAX; succs.len()], from: vec![0] };
        walk.number[0] = 0;
        let mut stack = vec![(0u32, 0usize)];
        while let Some((node, next)) = stack.last_mut() {
            let node = *node;
            let Some(&succ) = succs[node as usize].get(*next) else {
                stack.pop();
                continue;
            };
            *next += 1;
            if walk.number[succ as usize] == u32::MAX {
                walk.number[succ as usize] = walk.order.len() as u32;
                walk.order.push(succ);
                walk.from.push(walk.number[node as usize]);
                stack.push((succ, 0));
            }
        }
        walk
    }
}

/// T. Lengauer, R. Tarjan, "A fast algorithm for finding dominators in a flowgraph" (1979), with
/// simple linking: n log n. By number.
fn immediate(walk: &Walk, preds: &[Vec<u32>]) -> Vec<u32> {
    let count = walk.order.len();
    let mut semi: Vec<u32> = (0..count as u32).collect();
    let mut idom = vec![0; count];
    let mut forest = Forest { above: vec![None; count], best: (0..count as u32).collect() };
    let mut bucket: Vec<Vec<u32>> = vec![Vec::new(); count];
    for node in (1..count as u32).rev() {
        for &pred in &preds[walk.order[node as usize] as usize] {
            let pred = walk.number[pred as usize];
            if pred != u32::MAX {
                let lowest = semi[forest.best(pred, &semi) as usize];
                semi[node as usize] = semi[node as usize].min(lowest);
            }
        }
        bucket[semi[node as usize] as usize].push(node);
        let from = walk.from[node as usize];
        forest.above[node as usize] = Some(from);
        for below in std::mem::take(&mut bucket[from as usize]) {
            let best = forest.best(below, &semi);
            let is_lower = semi[best as usize] < semi[below as usize];
            idom[below as usize] = if is_lower { best } else { from };
        }
    }
    for node in 1..count {
        if idom[node] != semi[node] {
            idom[node] = idom[idom[node] as usize];
        }
    }
    idom
}

/// The part of the walk's tree that is linked already, with compressed paths.
struct Forest {
    above: Vec<Option<u32>>,
    /// The node with the least semidominator from this one up to below the root.
    best: Vec<u32>,
}

impl Forest {
    fn best(&mut self, node: u32, semi: &[u32]) -> u32 {
        let mut path = Vec::new();
        let mut at = node;
        while let Some(above) =
            self.above[at as usize].filter(|a| self.above[*a as usize].is_some())
        {
            path.push(at);
            at = above;
        }
        // The last one is linked to a root, or is one: what it has is right.
        let mut upper = at;
        for &lower in path.iter().rev() {
            let candidate = self.best[upper as usize];
            if semi[candidate as usize] < semi[self.best[lower as usize] as usize] {
                self.best[lower as usize] = candidate;
            }
            self.above[lower as usize] = self.above[upper as usize];
            upper = lower;
        }
        self.best[node as usize]
    }
}

/// The first node of each node's chain, from the parents.
fn chains(parent: &[u32]) -> Vec<u32> {
    let mut size = vec![1u32; parent.len()];
    let mut largest = vec![None; parent.len()];
    for node in (1..parent.len()).rev() {
        let above = parent[node] as usize;
        size[above] += size[node];
        if largest[above].is_none_or(|other: usize| size[other] < size[node]) {
            largest[above] = Some(node);
        }
    }
    let mut head: Vec<u32> = (0..parent.len() as u32).collect();
    for node in 1..parent.len() {
        let above = parent[node] as usize;
        if largest[above] == Some(node) {
            head[node] = head[above];
        }
    }
    head
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph with this many nodes.
    fn random_graph(count: usize, seed: u64) -> Vec<Vec<u32>> {
        let mut random = peach_testing::Random::new(seed);
        let mut next = |below: usize| random.below(below);
        (0..count)
            .map(|node| {
                let edges = next(4);
                let mut near = |_| ((node + next(9)).saturating_sub(3) % count) as u32;
                let mut succs: Vec<u32> = (0..edges).map(&mut near).collect();
                succs.extend((node + 1 < count && edges < 3).then_some(node as u32 + 1));
                succs.sort_unstable();
                succs.dedup();
                succs
            })
            .collect()
    }

    /// What is reached from node 0 without passing `avoided`.
    fn reached(succs: &[Vec<u32>], avoided: Option<u32>) -> Vec<bool> {
        let mut reached = vec![false; succs.len()];
        let mut todo = vec![0];
        while let Some(node) = todo.pop() {
            if Some(node) != avoided && !std::mem::replace(&mut reached[node as usize], true) {
                todo.extend(&succs[node as usize]);
            }
        }
        reached
    }

    #[test]
    fn dominators_are_what_every_path_passes() {
        for seed in 0..200 {
            let count = 2 + seed as usize % 40;
            let succs = random_graph(count, seed);
            let mut preds = vec![Vec::new(); count];
            for (node, succs) in succs.iter().enumerate() {
                succs.iter().for_each(|succ| preds[*succ as usize].push(node as u32));
            }
            let tree = Dominators::of(&succs, &preds);
            let reachable = reached(&succs, None);
            let without: Vec<Vec<bool>> =
                (0..count as u32).map(|node| reached(&succs, Some(node))).collect();
            let nodes: Vec<u32> = (0..count as u32).filter(|n| reachable[*n as usize]).collect();
            for &a in &nodes {
                for &b in &nodes {
                    let both = |by: &u32| {
                        let without = &without[*by as usize];
                        !without[a as usize] && !without[b as usize]
                    };
                    // The last of those that all paths to both pass is passed by the others.
                    let last = nodes.iter().copied().filter(both).max_by_key(|node| {
                        let passes = |by: &&u32| !without[**by as usize][*node as usize];
                        nodes.iter().filter(passes).count()
                    });
                    assert_eq!(Some(tree.common(a, b)), last, "graph {seed}: {a} and {b}");
                }
            }
        }
    }
}
