//! What must be searched: the problem without the nodes that can always be colored last, cut into
//! parts that do not touch.

use super::problem::{COLORS, Problem};
use super::propagation::Part;
use crate::isa::RegSet;
use crate::sorted;
use std::cmp::Reverse;

/// Splits the nodes in those that must be searched and those that can be colored after them, in the
/// order of putting aside.
pub(super) fn reduce(problem: &Problem, domains: &[RegSet]) -> (Vec<bool>, Vec<u32>) {
    let count = problem.len();
    let mut core = vec![true; count];
    let grouped = problem.grouped();
    let rivals = |node: usize, other: u32| !(domains[node] & domains[other as usize]).is_empty();
    let mut degree: Vec<u32> = (0..count)
        .map(|node| {
            problem.neighbors[node].iter().filter(|&&other| rivals(node, other)).count() as u32
        })
        .collect();
    let easy = |node: usize, degree: u32| !grouped[node] && degree < domains[node].len();
    let mut aside: Vec<u32> =
        (0..count as u32).filter(|&node| easy(node as usize, degree[node as usize])).collect();
    for &node in &aside {
        core[node as usize] = false;
    }
    let mut next = 0;
    while let Some(&node) = aside.get(next) {
        next += 1;
        for &other in &problem.neighbors[node as usize] {
            let other_index = other as usize;
            if core[other_index] && rivals(node as usize, other) {
                degree[other_index] -= 1;
                if easy(other_index, degree[other_index]) {
                    core[other_index] = false;
                    aside.push(other);
                }
            }
        }
    }
    (core, aside)
}

/// The connected parts of the core; groups connect their members.
pub(super) fn components(problem: &Problem, core: &[bool]) -> Vec<Vec<u32>> {
    let mut group_mates = vec![Vec::new(); problem.len()];
    for group in &problem.groups {
        for pair in group.windows(2) {
            group_mates[pair[0] as usize].push(pair[1]);
            group_mates[pair[1] as usize].push(pair[0]);
        }
    }
    let mut seen = vec![false; problem.len()];
    let mut components = Vec::new();
    for start in (0..problem.len()).filter(|&node| core[node]) {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut component = vec![start as u32];
        let mut next = 0;
        while let Some(&node) = component.get(next) {
            next += 1;
            let node = node as usize;
            for &other in problem.neighbors[node].iter().chain(&group_mates[node]) {
                if core[other as usize] && !seen[other as usize] {
                    seen[other as usize] = true;
                    component.push(other);
                }
            }
        }
        component.sort_unstable();
        components.push(component);
    }
    components
}

/// The demands on the nodes of one component.
pub(super) fn part_of(
    problem: &Problem,
    domains: &[RegSet],
    cliques: &[Vec<u32>],
    component: &[u32],
) -> Part {
    let mut number = vec![None; problem.len()];
    for (index, &node) in component.iter().enumerate() {
        number[node as usize] = Some(index as u32);
    }
    let numbered = |nodes: &Vec<u32>| -> Vec<u32> {
        nodes.iter().filter_map(|&node| number[node as usize]).collect()
    };
    let neighbors: Vec<Vec<u32>> =
        component.iter().map(|&node| numbered(&problem.neighbors[node as usize])).collect();
    let found = (0..component.len()).map(|node| clique_around(node, &neighbors));
    let cliques = distinct(cliques.iter().map(numbered).chain(found), component.len());
    Part {
        lists: component.iter().map(|&node| domains[node as usize]).collect(),
        neighbors,
        cliques,
        groups: problem.groups.iter().map(numbered).filter(|group| !group.is_empty()).collect(),
    }
}

/// Nodes that all differ, `node` among them: each neighbor that differs from all before it.
fn clique_around(node: usize, neighbors: &[Vec<u32>]) -> Vec<u32> {
    let mut clique = vec![node as u32];
    for &other in &neighbors[node] {
        if clique[1..].iter().all(|member| neighbors[other as usize].contains(member)) {
            clique.push(other);
        }
        // So many can never be satisfied.
        if clique.len() > COLORS {
            break;
        }
    }
    clique
}

/// Those of `cliques` that say more than that two nodes differ, and that are not part of others.
fn distinct(cliques: impl Iterator<Item = Vec<u32>>, count: usize) -> Vec<Vec<u32>> {
    let mut cliques: Vec<Vec<u32>> = cliques.filter(|members| members.len() > 2).collect();
    cliques.iter_mut().for_each(|members| members.sort_unstable());
    sorted::sort(&mut cliques);
    sorted::sort_by_key(&mut cliques, |members| Reverse(members.len()));
    cliques.dedup();
    let mut kept: Vec<Vec<u32>> = Vec::new();
    // Per node, the cliques that it is in.
    let mut kept_of: Vec<Vec<usize>> = vec![Vec::new(); count];
    for members in cliques {
        let is_part = |whole: &Vec<u32>| members.iter().all(|m| whole.binary_search(m).is_ok());
        if kept_of[members[0] as usize].iter().any(|&index| is_part(&kept[index])) {
            continue;
        }
        members.iter().for_each(|&member| kept_of[member as usize].push(kept.len()));
        kept.push(members);
    }
    kept
}

/// Decides what can be decided without loss of generality: registers that are on the same lists can
/// trade places everywhere, so that, of nodes that all differ, one that only has such to choose
/// from may as well get the first that none of the others has got. Members of groups tell all
/// registers apart: their places depend on each other.
pub(super) fn break_symmetry(part: &mut Part) {
    let Some(clique) = part.cliques.iter().max_by_key(|members| members.len()) else { return };
    if !part.groups.is_empty() {
        return;
    }
    let column = |color: usize| part.lists.iter().map(move |list| list.0 >> color & 1);
    let class: [usize; COLORS] = std::array::from_fn(|color| {
        (0..color).find(|&other| column(other).eq(column(color))).unwrap_or(color)
    });
    let mut decided = RegSet::NONE;
    for &node in clique {
        let left = part.lists[node as usize] - decided;
        let mut classes = left.iter().map(|color| class[color as usize]);
        let first = classes.next();
        if classes.all(|class| Some(class) == first)
            && let Some(color) = left.iter().next()
        {
            decided = decided | RegSet::one(color);
            part.lists[node as usize] = RegSet::one(color);
        }
    }
}
