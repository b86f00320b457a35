//! Exact coloring: a backtracking search that finds an assignment wherever one exists, or proves
//! that none does, within a bound on its work that does not depend on the machine.
//!
//! 1. Where as many nodes are alive together as there are registers, and all but one of them are also
//!    alive together with another, that one and the other must share: [`saturate`](super::saturate)
//!    merges them.
//! 2. Nodes with fewer rivals than registers are put aside; they can always be colored afterwards.
//! 3. What is left falls apart into components, each searched by itself.
//! 4. The search colors the node with the fewest registers left (among those, the one that failed
//!    most often), strikes the register off its neighbors' lists, and follows what is forced.
//! 5. Registers that no list of the component tells apart and that are still unused are
//!    interchangeable: only the first of them is tried.
//! 6. After a number of dead ends it starts over, knowing better which nodes are hard.

use super::problem::{COLORS, Color, Problem, UNCOLORED, group_starts};
use super::saturate::saturate;
use crate::isa::RegSet;

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A complete assignment.
    Found(Vec<Color>),
    /// There is none: not even for these nodes, whatever the others get.
    Impossible(Vec<u32>),
    /// The bound was reached; these nodes are the hard ones.
    GaveUp(Vec<u32>),
}

/// Colors `problem` with registers of `usable` (other registers only for nodes bound to them), or
/// proves that it cannot be done, in at most about `work` steps.
///
/// `cliques` are sets of nodes that all differ from one another; the more of the large ones it is
/// told of, the faster it is.
pub(super) fn search(
    problem: &Problem,
    cliques: &[Vec<u32>],
    usable: RegSet,
    work: u64,
) -> Outcome {
    let merged = match saturate(problem, cliques, usable) {
        Ok(merged) => merged,
        Err(nodes) => return Outcome::Impossible(nodes),
    };
    let original = |nodes: Vec<u32>| -> Vec<u32> {
        (0..problem.len() as u32)
            .filter(|&node| nodes.binary_search(&merged.node_of[node as usize]).is_ok())
            .collect()
    };
    match search_merged(&merged.problem, usable, work) {
        Outcome::Found(colors) => Outcome::Found(merged.expand(&colors)),
        Outcome::Impossible(nodes) => Outcome::Impossible(original(nodes)),
        Outcome::GaveUp(nodes) => Outcome::GaveUp(original(nodes)),
    }
}

fn search_merged(problem: &Problem, usable: RegSet, work: u64) -> Outcome {
    let domains = problem.domains(usable);
    if let Some(empty) = domains.iter().position(|domain| domain.is_empty()) {
        return Outcome::Impossible(vec![empty as u32]);
    }
    let (kernel, aside) = reduce(problem, &domains);
    let mut search = Search::new(problem, domains, &kernel, work);
    for component in components(problem, &kernel) {
        match search.solve(&component) {
            Verdict::Solved => {}
            Verdict::Unsolvable => return Outcome::Impossible(component),
            Verdict::OutOfWork => return Outcome::GaveUp(component),
        }
    }
    for &node in aside.iter().rev() {
        let free = search.free(node);
        let prices = &problem.nodes[node as usize].prices;
        let cheapest = free.iter().min_by_key(|&color| prices[color as usize]);
        // A node is put aside only with more registers than rivals, so one is free.
        let Some(color) = cheapest else { return Outcome::GaveUp(vec![node]) };
        search.colors[node as usize] = color;
    }
    Outcome::Found(search.colors)
}

/// Splits the nodes in those that must be searched and those that can be colored after them, in the
/// order of putting aside.
fn reduce(problem: &Problem, domains: &[RegSet]) -> (Vec<bool>, Vec<u32>) {
    let count = problem.len();
    let mut kernel = vec![true; count];
    let mut grouped = vec![false; count];
    for &member in problem.groups.iter().flatten() {
        grouped[member as usize] = true;
    }
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
        kernel[node as usize] = false;
    }
    let mut next = 0;
    while let Some(&node) = aside.get(next) {
        next += 1;
        for &other in &problem.neighbors[node as usize] {
            let other_index = other as usize;
            if kernel[other_index] && rivals(node as usize, other) {
                degree[other_index] -= 1;
                if easy(other_index, degree[other_index]) {
                    kernel[other_index] = false;
                    aside.push(other);
                }
            }
        }
    }
    (kernel, aside)
}

/// The connected parts of the kernel; groups connect their members.
fn components(problem: &Problem, kernel: &[bool]) -> Vec<Vec<u32>> {
    let mut group_mates = vec![Vec::new(); problem.len()];
    for group in &problem.groups {
        for pair in group.windows(2) {
            group_mates[pair[0] as usize].push(pair[1]);
            group_mates[pair[1] as usize].push(pair[0]);
        }
    }
    let mut seen = vec![false; problem.len()];
    let mut components = Vec::new();
    for start in (0..problem.len()).filter(|&node| kernel[node]) {
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
                if kernel[other as usize] && !seen[other as usize] {
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

/// What came of one component or one run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Solved,
    Unsolvable,
    OutOfWork,
}

/// A choice that can be taken back.
struct Choice {
    node: u32,
    /// Registers of the node not tried yet.
    untried: RegSet,
    /// How long the trail was before the choice.
    trail: usize,
}

struct Search<'p> {
    problem: &'p Problem,
    /// Per node, the groups it is in.
    groups_of: Vec<Vec<u32>>,
    kernel: &'p [bool],
    domains: Vec<RegSet>,
    colors: Vec<Color>,
    /// How often a node's list ran empty.
    failures: Vec<u32>,
    /// Lists as they were before they were cut, newest last; a color is taken back with its list.
    trail: Vec<(u32, RegSet)>,
    /// How many nodes have each register.
    uses: [u32; COLORS],
    /// Registers with the same number are on the same lists of the component.
    twin_class: [u8; COLORS],
    work_left: u64,
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem, domains: Vec<RegSet>, kernel: &'p [bool], work: u64) -> Self {
        let mut groups_of = vec![Vec::new(); problem.len()];
        for (index, group) in problem.groups.iter().enumerate() {
            for &member in group {
                groups_of[member as usize].push(index as u32);
            }
        }
        Search {
            problem,
            groups_of,
            kernel,
            domains,
            colors: vec![UNCOLORED; problem.len()],
            failures: vec![0; problem.len()],
            trail: Vec::new(),
            uses: [0; COLORS],
            twin_class: [0; COLORS],
            work_left: work,
        }
    }

    /// Colors one component, in runs of growing length.
    fn solve(&mut self, component: &[u32]) -> Verdict {
        self.twin_class = twin_classes(self.problem, &self.domains, component);
        self.uses = [0; COLORS];
        self.trail.clear();
        let mut dead_ends = 64;
        loop {
            match self.run(component, dead_ends) {
                Some(verdict) => return verdict,
                None => dead_ends += dead_ends / 2,
            }
        }
    }

    /// One run; `None` if it met `dead_ends` of them and should start over.
    fn run(&mut self, component: &[u32], mut dead_ends: u64) -> Option<Verdict> {
        let mut choices: Vec<Choice> = Vec::new();
        if !self.follow_forced(component) {
            self.undo(0);
            return Some(Verdict::Unsolvable);
        }
        loop {
            let Some(node) = self.next_node(component) else { return Some(Verdict::Solved) };
            let untried = self.without_twins(self.domains[node as usize]);
            choices.push(Choice { node, untried, trail: self.trail.len() });
            loop {
                let Some(choice) = choices.last_mut() else { return Some(Verdict::Unsolvable) };
                let Some(color) = cheapest(self.problem, choice.node, choice.untried) else {
                    let trail = choice.trail;
                    self.undo(trail);
                    choices.pop();
                    if let Some(last) = choices.last() {
                        let trail = last.trail;
                        self.undo(trail);
                    }
                    continue;
                };
                choice.untried = choice.untried - RegSet::one(color);
                let (node, trail) = (choice.node, choice.trail);
                if self.assign(node, color) {
                    break;
                }
                self.undo(trail);
                if self.work_left == 0 {
                    return Some(Verdict::OutOfWork);
                }
                dead_ends -= 1;
                if dead_ends == 0 {
                    self.undo(0);
                    return None;
                }
            }
        }
    }

    /// The node without a color that has the fewest registers left.
    fn next_node(&mut self, component: &[u32]) -> Option<u32> {
        self.work_left = self.work_left.saturating_sub(component.len() as u64 / 4);
        component
            .iter()
            .copied()
            .filter(|&node| self.colors[node as usize] == UNCOLORED)
            .min_by_key(|&node| {
                let index = node as usize;
                // Registers per failure, so that hard nodes come early even with a few more.
                let size = u64::from(self.domains[index].len());
                (size << 16) / u64::from(1 + self.failures[index])
            })
    }

    /// Of registers that cannot be told apart, only one.
    fn without_twins(&self, domain: RegSet) -> RegSet {
        let mut kept = RegSet::NONE;
        let mut classes = 0u32;
        for color in domain.iter() {
            let class = 1 << self.twin_class[color as usize];
            if self.uses[color as usize] > 0 {
                kept = kept | RegSet::one(color);
            } else if classes & class == 0 {
                classes |= class;
                kept = kept | RegSet::one(color);
            }
        }
        kept
    }

    /// Colors the nodes that have one register left before anything is chosen.
    fn follow_forced(&mut self, component: &[u32]) -> bool {
        for &node in component {
            if self.colors[node as usize] == UNCOLORED
                && self.domains[node as usize].len() == 1
                && !self.assign(node, lowest(self.domains[node as usize]))
            {
                return false;
            }
        }
        true
    }

    /// Gives `node` a register and follows what is forced by that. False at a dead end; the caller
    /// takes it back.
    fn assign(&mut self, node: u32, color: Color) -> bool {
        if !self.cut(node, RegSet::one(color)) {
            return false;
        }
        let mut forced = vec![node];
        while let Some(node) = forced.pop() {
            if self.colors[node as usize] != UNCOLORED {
                continue;
            }
            let color = lowest(self.domains[node as usize]);
            self.trail.push((node, self.domains[node as usize]));
            self.colors[node as usize] = color;
            self.uses[color as usize] += 1;
            if !self.spread(node, color, &mut forced) {
                return false;
            }
        }
        true
    }

    /// Tells neighbors and group members of the node's color.
    fn spread(&mut self, node: u32, color: Color, forced: &mut Vec<u32>) -> bool {
        let problem = self.problem;
        let neighbors = &problem.neighbors[node as usize];
        self.work_left = self.work_left.saturating_sub(1 + neighbors.len() as u64);
        for &other in neighbors {
            if !self.kernel[other as usize] || !self.domains[other as usize].contains(color) {
                continue;
            }
            if !self.cut(other, self.domains[other as usize] - RegSet::one(color)) {
                return false;
            }
            if self.domains[other as usize].len() == 1 {
                forced.push(other);
            }
        }
        for index in 0..self.groups_of[node as usize].len() {
            let group = &problem.groups[self.groups_of[node as usize][index] as usize];
            let starts = group_starts(group, &self.domains);
            for (offset, &member) in group.iter().enumerate() {
                let fits = self.domains[member as usize] & RegSet(starts.0 << offset);
                if !self.cut(member, fits) {
                    return false;
                }
                if fits.len() == 1 {
                    forced.push(member);
                }
            }
        }
        true
    }

    /// Cuts the list of `node` down to `domain`. False if nothing is left.
    fn cut(&mut self, node: u32, domain: RegSet) -> bool {
        let old = self.domains[node as usize];
        if domain.is_empty() {
            self.failures[node as usize] += 1;
            return false;
        }
        if old != domain {
            self.trail.push((node, old));
            self.domains[node as usize] = domain;
        }
        true
    }

    /// Takes back everything down to a length of the trail.
    fn undo(&mut self, length: usize) {
        while self.trail.len() > length {
            let Some((node, domain)) = self.trail.pop() else { return };
            // An entry that does not change the list records that the color was set.
            if self.domains[node as usize] == domain && self.colors[node as usize] != UNCOLORED {
                self.uses[self.colors[node as usize] as usize] -= 1;
                self.colors[node as usize] = UNCOLORED;
            }
            self.domains[node as usize] = domain;
        }
    }

    /// The registers of the node's list that no colored neighbor has.
    fn free(&self, node: u32) -> RegSet {
        let mut free = self.domains[node as usize];
        for &other in &self.problem.neighbors[node as usize] {
            let color = self.colors[other as usize];
            if color != UNCOLORED {
                free = free - RegSet::one(color);
            }
        }
        free
    }
}

/// Numbers the registers so that two have the same number if they are on the same lists. Members of
/// groups tell all registers apart: their places depend on each other.
fn twin_classes(problem: &Problem, domains: &[RegSet], component: &[u32]) -> [u8; COLORS] {
    let mut classes = [0u8; COLORS];
    let grouped = problem.groups.iter().flatten().any(|member| component.contains(member));
    if grouped {
        for (color, class) in classes.iter_mut().enumerate() {
            *class = color as u8;
        }
        return classes;
    }
    for (color, class) in (0..COLORS).zip(&mut classes) {
        let same = |other: usize| {
            component.iter().all(|&node| {
                let domain = domains[node as usize].0;
                domain >> color & 1 == domain >> other & 1
            })
        };
        *class = (0..color).find(|&other| same(other)).unwrap_or(color) as u8;
    }
    classes
}

fn lowest(domain: RegSet) -> Color {
    domain.0.trailing_zeros() as Color
}

fn cheapest(problem: &Problem, node: u32, domain: RegSet) -> Option<Color> {
    let prices = &problem.nodes[node as usize].prices;
    domain.iter().min_by_key(|&color| prices[color as usize])
}
