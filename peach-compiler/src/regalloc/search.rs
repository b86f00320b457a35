//! Exact coloring: finds an assignment wherever one exists, or proves that none does, within a
//! bound on its work that does not depend on the machine.
//!
//! 1. Where as many nodes are live at the same time as there are registers, and all but one of them
//!    are also live at the same time as another, that one and the other must share:
//!    [`hall`](super::hall) merges them.
//! 2. Nodes with fewer rivals than registers are put aside; they can always be colored afterwards.
//!    What is left falls apart into components ([`reduce`](super::reduce)), each searched by
//!    itself.
//! 3. The search gives a register to a node with few left, among those that were in the latest
//!    conflicts, and propagates what that implies ([`propagation`](super::propagation)).
//! 4. At a dead end it learns which decisions cannot go together, and goes back to where that could
//!    have been seen; this is how solvers of propositional formulas work (Marques-Silva and
//!    Sakallah, "GRASP", 1999). Every so often it starts over, with what it has learned.

use super::hall::saturate;
use super::problem::{COLORS, Color, Prices, Problem, UNCOLORED};
use super::propagation::{Conflict, Literal, Part, Propagation};
use super::reduce::{break_symmetry, components, part_of, reduce};
use crate::isa::RegSet;
use crate::sorted;
use std::cmp::Reverse;

/// Conflicts in the first run.
const FIRST_RUN: i64 = 32;

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
/// given, the faster it is.
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
    let merged_cliques: Vec<Vec<u32>> = cliques
        .iter()
        .map(|clique| clique.iter().map(|&node| merged.node_of[node as usize]).collect())
        .collect();
    match search_merged(&merged.problem, &merged_cliques, usable, work) {
        Outcome::Found(colors) => Outcome::Found(merged.expand(&colors)),
        Outcome::Impossible(nodes) => Outcome::Impossible(original(nodes)),
        Outcome::GaveUp(nodes) => Outcome::GaveUp(original(nodes)),
    }
}

fn search_merged(problem: &Problem, cliques: &[Vec<u32>], usable: RegSet, work: u64) -> Outcome {
    let domains = problem.domains(usable);
    if let Some(empty) = domains.iter().position(|domain| domain.is_empty()) {
        return Outcome::Impossible(vec![empty as u32]);
    }
    let (core, aside) = reduce(problem, &domains);
    let mut colors = vec![UNCOLORED; problem.len()];
    let mut work = work;
    for component in components(problem, &core) {
        let mut part = part_of(problem, &domains, cliques, &component);
        break_symmetry(&mut part);
        let prices = component.iter().map(|&node| &problem.nodes[node as usize].prices).collect();
        match Search::new(&part, prices).run(&mut work) {
            Verdict::Unsolvable => return Outcome::Impossible(component),
            Verdict::OutOfWork => return Outcome::GaveUp(component),
            Verdict::Solved(found) => {
                for (&node, color) in component.iter().zip(found) {
                    colors[node as usize] = color;
                }
            }
        }
    }
    for &node in aside.iter().rev() {
        let mut free = domains[node as usize];
        for &other in &problem.neighbors[node as usize] {
            if colors[other as usize] != UNCOLORED {
                free = free - RegSet::one(colors[other as usize]);
            }
        }
        let prices = &problem.nodes[node as usize].prices;
        let cheapest = free.iter().min_by_key(|&color| prices[color as usize]);
        // A node is put aside only with more registers than rivals, so one is free.
        let Some(color) = cheapest else { return Outcome::GaveUp(vec![node]) };
        colors[node as usize] = color;
    }
    Outcome::Found(colors)
}

/// What came of one part.
enum Verdict {
    Solved(Vec<Color>),
    Unsolvable,
    OutOfWork,
}

/// The search of one part.
struct Search<'p> {
    propagation: Propagation<'p>,
    prices: Vec<&'p Prices>,
    /// How much each node had to do with recent conflicts.
    activity: Vec<u64>,
    /// What one conflict adds to it.
    increment: u64,
    /// The register that each node had last.
    last: Vec<Color>,
    /// Variables that the analysis of a conflict has met.
    met: Vec<bool>,
}

impl<'p> Search<'p> {
    fn new(part: &'p Part, prices: Vec<&'p Prices>) -> Self {
        let count = part.lists.len();
        Search {
            propagation: Propagation::new(part),
            prices,
            activity: vec![0; count],
            increment: 1 << 8,
            last: vec![UNCOLORED; count],
            met: vec![false; count * COLORS],
        }
    }

    /// Decides, propagates and learns until all nodes have a register, or cannot, or `work` is
    /// done.
    fn run(&mut self, work: &mut u64) -> Verdict {
        let mut runs = 1;
        let mut conflicts_left = FIRST_RUN;
        let limit = *work;
        loop {
            if let Err(conflict) = self.propagation.propagate() {
                let level = |literal: &Literal| self.propagation.level(*literal);
                let newest = conflict.iter().map(level).max().unwrap_or(0);
                if newest == 0 {
                    return Verdict::Unsolvable;
                }
                self.propagation.backtrack(newest);
                self.learn_from(conflict);
                conflicts_left -= 1;
                continue;
            }
            *work = limit.saturating_sub(self.propagation.steps);
            if *work == 0 {
                return Verdict::OutOfWork;
            }
            if conflicts_left <= 0 {
                runs += 1;
                conflicts_left = FIRST_RUN * luby(runs);
                self.propagation.backtrack(0);
            }
            let Some(node) = self.next_node() else {
                return Verdict::Solved(self.propagation.colors.clone());
            };
            let color = self.favorite(node);
            self.last[node as usize] = color;
            self.propagation.decide(Literal::has(node, color));
        }
    }

    /// A node without a register: of those that had most to do with recent conflicts, the one that
    /// has the fewest left.
    fn next_node(&mut self) -> Option<u32> {
        self.propagation.steps += self.activity.len() as u64 / 4;
        (0..self.activity.len() as u32)
            .filter(|&node| self.propagation.colors[node as usize] == UNCOLORED)
            .min_by_key(|&node| {
                let size = u64::from(self.propagation.list(node).len());
                (Reverse(self.activity[node as usize]), size)
            })
    }

    /// The register that the node had last, or else the cheapest.
    fn favorite(&self, node: u32) -> Color {
        let list = self.propagation.list(node);
        let last = self.last[node as usize];
        if last != UNCOLORED && list.contains(last) {
            return last;
        }
        let prices = self.prices[node as usize];
        list.iter().min_by_key(|&color| prices[color as usize]).expect("no list is empty")
    }

    /// Goes back to where `conflict`, of which a literal is of the newest level, could have been
    /// seen coming, and learns what to do there.
    fn learn_from(&mut self, conflict: Conflict) {
        let clause = self.analyze(conflict);
        let back_to = clause.get(1).map_or(0, |&literal| self.propagation.level(literal));
        self.propagation.backtrack(back_to);
        self.propagation.learn(clause);
        // Later conflicts count for more.
        self.increment += self.increment >> 5;
        if self.increment >> 40 != 0 {
            self.increment >>= 32;
            self.activity.iter_mut().for_each(|activity| *activity >>= 32);
        }
    }

    /// A clause that follows from the demands, that `conflict` violates, and of which only the
    /// first literal is of the newest level: the first unique implication point. The second is of
    /// the newest level of the others.
    fn analyze(&mut self, conflict: Conflict) -> Vec<Literal> {
        let mut older: Vec<Literal> = Vec::new();
        let mut met: Vec<usize> = Vec::new();
        let mut open = 0;
        let mut antecedents = conflict;
        let mut at = self.propagation.trail().len();
        let first = loop {
            for literal in antecedents.drain(..) {
                let literal = self.propagation.origin(literal);
                if self.propagation.level(literal) == 0 || self.met[literal.variable()] {
                    continue;
                }
                self.met[literal.variable()] = true;
                met.push(literal.variable());
                self.activity[literal.node() as usize] += self.increment;
                match self.propagation.level(literal) == self.propagation.decision_level() {
                    true => open += 1,
                    false => older.push(literal),
                }
            }
            at = self.last_met_before(at);
            let literal = self.propagation.trail()[at];
            open -= 1;
            if open == 0 {
                break literal;
            }
            self.propagation.antecedents(literal, &mut antecedents);
            self.propagation.steps += antecedents.len() as u64;
        };
        older.retain(|&literal| !self.is_implied(literal, &mut antecedents));
        met.into_iter().for_each(|variable| self.met[variable] = false);
        sorted::sort_by_key(&mut older, |&literal| Reverse(self.propagation.level(literal)));
        std::iter::once(first).chain(older).map(Literal::negated).collect()
    }

    /// The newest place on the trail before `at` that the analysis has met.
    fn last_met_before(&self, at: usize) -> usize {
        let met = |literal: &Literal| self.met[literal.variable()];
        self.propagation.trail()[..at].iter().rposition(met).expect("a choice, at the latest")
    }

    /// Whether a literal follows from others that the analysis has met.
    fn is_implied(&self, literal: Literal, antecedents: &mut Vec<Literal>) -> bool {
        antecedents.clear();
        self.propagation.antecedents(literal, antecedents);
        !antecedents.is_empty()
            && antecedents.iter().all(|antecedent| {
                self.met[antecedent.variable()] || self.propagation.level(*antecedent) == 0
            })
    }
}

/// How much longer than the first one each run is: 1 1 2 1 1 2 4 … (Luby, Sinclair, Zuckerman,
/// "Optimal speedup of Las Vegas algorithms", 1993).
fn luby(mut run: u32) -> i64 {
    loop {
        let bits = u32::BITS - run.leading_zeros();
        if run == (1 << bits) - 1 {
            return 1 << (bits - 1);
        }
        run -= (1 << (bits - 1)) - 1;
    }
}
