//! What follows from a few decisions, and why: the propagation of a conflict-driven search.
//!
//! In: a [`Part`] of a problem and decisions, [`Literal`] by literal. Out: everything that they
//! imply, on a trail in the order of its assignment, each with a reason, or a [`Conflict`]. What is
//! known are the problem's demands (one register per node, other ones for neighbors, places in
//! groups, sets of nodes that all differ) and [clauses](Propagation::learn) that were learned from
//! conflicts. The latter are watched in two places (Moskewicz et al., "Chaff", 2001).
//! Invariants: a node's list and [`Propagation::value`] always say the same; the antecedents of a
//! literal come before it on the trail.

use super::alldifferent::{Matching, Removal};
use super::problem::{COLORS, Color, UNCOLORED};
use crate::isa::RegSet;
use std::collections::VecDeque;

/// That a node has a register, or that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal(u32);

impl Literal {
    /// `node` has `color`.
    pub fn has(node: u32, color: Color) -> Literal {
        Literal((node * COLORS as u32 + u32::from(color)) << 1)
    }

    /// The opposite.
    pub fn negated(self) -> Literal {
        Literal(self.0 ^ 1)
    }

    /// The node.
    pub fn node(self) -> u32 {
        self.0 >> 1 >> COLORS.trailing_zeros()
    }

    fn color(self) -> Color {
        (self.0 >> 1) as Color % COLORS as Color
    }

    fn is_positive(self) -> bool {
        self.0 & 1 == 0
    }

    /// The number of its variable, which its opposite shares.
    pub fn variable(self) -> usize {
        self.0 as usize >> 1
    }
}

/// Part of a problem, with its nodes numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Per node, the registers that it may get.
    pub lists: Vec<RegSet>,
    /// Per node, those that it must differ from.
    pub neighbors: Vec<Vec<u32>>,
    /// Sets of nodes that all differ.
    pub cliques: Vec<Vec<u32>>,
    /// Nodes that get consecutive registers.
    pub groups: Vec<Vec<u32>>,
}

/// Literals that cannot all hold.
pub(super) type Conflict = Vec<Literal>;

/// Why a literal holds.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// It was decided.
    Decision,
    /// This other one holds.
    Implied(Literal),
    /// The node has no other register left.
    LastLeft,
    /// These nodes of a clique use up some registers: an index of `Propagation::explanations`.
    UsedUp(u32),
    /// The other literals of this clause do not hold.
    Clause(u32),
}

/// A clique with its matching.
struct Clique {
    members: Vec<u32>,
    matching: Matching,
    /// Whether a list of a member was cut since the last look.
    dirty: bool,
}

/// The state.
pub(super) struct Propagation<'p> {
    part: &'p Part,
    cliques: Vec<Clique>,
    /// Per node, the cliques that it is in.
    cliques_of: Vec<Vec<u32>>,
    /// Per node, the groups that it is in and its place there.
    groups_of: Vec<Vec<(u32, usize)>>,
    lists: Vec<RegSet>,
    /// The register of each node that is decided.
    pub colors: Vec<Color>,
    trail: Vec<Literal>,
    /// How far the trail has been propagated.
    propagated: usize,
    /// Where on the trail each decision level starts.
    levels: Vec<usize>,
    /// Per variable on the trail.
    level: Vec<u32>,
    reason: Vec<Reason>,
    /// Antecedents that several literals share, each with the length of the trail when it was
    /// added.
    explanations: Vec<(usize, Vec<Literal>)>,
    clauses: Vec<Vec<Literal>>,
    /// Per literal, the clauses to look at when it ceases to hold.
    watched: Vec<Vec<u32>>,
    dirty: VecDeque<u32>,
    removals: Vec<Removal>,
    /// Steps performed.
    pub steps: u64,
}

impl<'p> Propagation<'p> {
    /// Nothing decided, nothing propagated. No list is empty.
    pub fn new(part: &'p Part) -> Self {
        let count = part.lists.len();
        let mut cliques_of = vec![Vec::new(); count];
        let mut groups_of = vec![Vec::new(); count];
        for (index, members) in part.cliques.iter().enumerate() {
            members.iter().for_each(|&member| cliques_of[member as usize].push(index as u32));
        }
        for (index, group) in part.groups.iter().enumerate() {
            for (place, &member) in group.iter().enumerate() {
                groups_of[member as usize].push((index as u32, place));
            }
        }
        let clique = |members: &Vec<u32>| Clique {
            members: members.clone(),
            matching: Matching::new(),
            dirty: true,
        };
        let mut propagation = Propagation {
            part,
            cliques: part.cliques.iter().map(clique).collect(),
            cliques_of,
            groups_of,
            lists: part.lists.clone(),
            colors: vec![UNCOLORED; count],
            trail: Vec::new(),
            propagated: 0,
            levels: Vec::new(),
            level: vec![0; count * COLORS],
            reason: vec![Reason::Decision; count * COLORS],
            explanations: Vec::new(),
            clauses: Vec::new(),
            watched: vec![Vec::new(); count * COLORS * 2],
            dirty: (0..part.cliques.len() as u32).collect(),
            removals: Vec::new(),
            steps: 0,
        };
        for (node, list) in part.lists.iter().enumerate().filter(|(_, list)| list.len() == 1) {
            let only = list.0.trailing_zeros() as Color;
            propagation.assign(Literal::has(node as u32, only), Reason::LastLeft);
        }
        propagation
    }

    /// The registers that `node` may still get.
    pub fn list(&self, node: u32) -> RegSet {
        self.lists[node as usize]
    }

    /// The level of decisions: how many there are.
    pub fn decision_level(&self) -> u32 {
        self.levels.len() as u32
    }

    /// The decision level at which `literal` was assigned.
    pub fn level(&self, literal: Literal) -> u32 {
        self.level[literal.variable()]
    }

    /// All assigned literals, in the order of their assignment.
    pub fn trail(&self) -> &[Literal] {
        &self.trail
    }

    /// Decides: opens a level.
    pub fn decide(&mut self, literal: Literal) {
        self.levels.push(self.trail.len());
        self.assign(literal, Reason::Decision);
    }

    /// Goes back to a level: takes back all later decisions, and what they implied.
    pub fn backtrack(&mut self, depth: u32) {
        let Some(&start) = self.levels.get(depth as usize) else { return };
        self.levels.truncate(depth as usize);
        for literal in self.trail.drain(start..).rev() {
            match literal.is_positive() {
                true => self.colors[literal.node() as usize] = UNCOLORED,
                false => {
                    let list = &mut self.lists[literal.node() as usize];
                    *list = *list | RegSet::one(literal.color());
                }
            }
        }
        while self.explanations.last().is_some_and(|(length, _)| *length > start) {
            self.explanations.pop();
        }
        self.propagated = start;
        for clique in self.dirty.drain(..) {
            self.cliques[clique as usize].dirty = false;
        }
    }

    /// Adds a clause, of which all literals but the first do not hold, the second for the shortest
    /// time. The first is implied.
    pub fn learn(&mut self, clause: Vec<Literal>) {
        let first = clause[0];
        let index = self.clauses.len() as u32;
        if let [a, b, ..] = clause[..] {
            self.watched[a.0 as usize].push(index);
            self.watched[b.0 as usize].push(index);
        }
        self.clauses.push(clause);
        self.assign(first, Reason::Clause(index));
    }

    /// Whether `literal` holds, if that is known.
    fn value(&self, literal: Literal) -> Option<bool> {
        let (node, color) = (literal.node() as usize, literal.color());
        if self.colors[node] == color {
            return Some(literal.is_positive());
        }
        (!self.lists[node].contains(color)).then_some(!literal.is_positive())
    }

    /// Puts `literal`, of which nothing is known, on the trail. A node that has one register has no
    /// other.
    fn assign(&mut self, literal: Literal, reason: Reason) {
        let (node, color) = (literal.node() as usize, literal.color());
        self.level[literal.variable()] = self.decision_level();
        self.reason[literal.variable()] = reason;
        self.trail.push(literal);
        if !literal.is_positive() {
            self.lists[node] = self.lists[node] - RegSet::one(color);
            return;
        }
        self.colors[node] = color;
        for other in (self.lists[node] - RegSet::one(color)).iter() {
            self.assign(Literal::has(node as u32, other).negated(), Reason::Implied(literal));
        }
    }

    /// `literal` is implied.
    fn imply(&mut self, literal: Literal, reason: Reason) -> Result<(), Conflict> {
        match self.value(literal) {
            Some(true) => Ok(()),
            None => {
                self.assign(literal, reason);
                Ok(())
            }
            Some(false) => {
                let mut conflict = vec![literal.negated()];
                self.add_antecedents(literal, reason, &mut conflict);
                Err(conflict)
            }
        }
    }

    /// What `literal` follows from alone, at the start of the chain: many literals are often the
    /// work of one.
    pub fn origin(&self, mut literal: Literal) -> Literal {
        while let Reason::Implied(cause) = self.reason[literal.variable()] {
            literal = cause;
        }
        literal
    }

    /// The antecedents of `literal`: what implied it.
    pub fn antecedents(&self, literal: Literal, into: &mut Vec<Literal>) {
        self.add_antecedents(literal, self.reason[literal.variable()], into);
    }

    fn add_antecedents(&self, literal: Literal, reason: Reason, into: &mut Vec<Literal>) {
        match reason {
            Reason::Decision => {}
            Reason::Implied(other) => into.push(other),
            Reason::LastLeft => self.not_among(literal.node(), RegSet::one(literal.color()), into),
            Reason::UsedUp(index) => into.extend(&self.explanations[index as usize].1),
            Reason::Clause(index) => {
                let others = self.clauses[index as usize].iter().filter(|&&l| l != literal);
                into.extend(others.map(|other| other.negated()));
            }
        }
    }

    /// That `node` has only registers of `left`.
    fn not_among(&self, node: u32, left: RegSet, into: &mut Vec<Literal>) {
        let gone = self.part.lists[node as usize] - left;
        into.extend(gone.iter().map(|color| Literal::has(node, color).negated()));
    }

    /// Propagates until nothing more is implied.
    pub fn propagate(&mut self) -> Result<(), Conflict> {
        loop {
            if let Some(&literal) = self.trail.get(self.propagated) {
                self.propagated += 1;
                self.propagate_literal(literal)?;
            } else if let Some(clique) = self.dirty.pop_front() {
                self.cliques[clique as usize].dirty = false;
                self.filter(clique as usize)?;
            } else {
                return Ok(());
            }
        }
    }

    fn propagate_literal(&mut self, literal: Literal) -> Result<(), Conflict> {
        match literal.is_positive() {
            true => self.propagate_register(literal)?,
            false => self.propagate_removal(literal)?,
        }
        self.propagate_groups(literal)?;
        self.propagate_clauses(literal.negated())
    }

    /// No neighbor has the node's register.
    fn propagate_register(&mut self, literal: Literal) -> Result<(), Conflict> {
        let part = self.part;
        let neighbors = &part.neighbors[literal.node() as usize];
        self.steps += neighbors.len() as u64;
        for &neighbor in neighbors {
            let other = Literal::has(neighbor, literal.color());
            self.imply(other.negated(), Reason::Implied(literal))?;
        }
        Ok(())
    }

    /// The node has one register less to choose from.
    fn propagate_removal(&mut self, literal: Literal) -> Result<(), Conflict> {
        let node = literal.node();
        let list = self.lists[node as usize];
        match list.len() {
            0 => {
                let mut conflict = Conflict::new();
                self.not_among(node, RegSet::NONE, &mut conflict);
                return Err(conflict);
            }
            1 => {
                let last = list.0.trailing_zeros() as Color;
                self.imply(Literal::has(node, last), Reason::LastLeft)?;
            }
            _ => {}
        }
        for &clique in &self.cliques_of[node as usize] {
            if !std::mem::replace(&mut self.cliques[clique as usize].dirty, true) {
                self.dirty.push_back(clique);
            }
        }
        Ok(())
    }

    /// The other members of the node's groups are where the node is, or not, with it.
    fn propagate_groups(&mut self, literal: Literal) -> Result<(), Conflict> {
        let part = self.part;
        for index in 0..self.groups_of[literal.node() as usize].len() {
            let (group, place) = self.groups_of[literal.node() as usize][index];
            for (other_place, &other) in part.groups[group as usize].iter().enumerate() {
                let color = usize::from(literal.color()) + other_place;
                // Lists hold only registers that leave room for the whole group.
                let Some(color) = color.checked_sub(place).filter(|&color| color < COLORS) else {
                    continue;
                };
                if other == literal.node() {
                    continue;
                }
                let with_it = Literal::has(other, color as Color);
                let with_it = if literal.is_positive() { with_it } else { with_it.negated() };
                self.imply(with_it, Reason::Implied(literal))?;
            }
        }
        Ok(())
    }

    /// `failed` does not hold any longer: clauses that watch it need another literal to watch.
    fn propagate_clauses(&mut self, failed: Literal) -> Result<(), Conflict> {
        let mut watching = std::mem::take(&mut self.watched[failed.0 as usize]);
        self.steps += watching.len() as u64;
        let mut at = 0;
        let mut outcome = Ok(());
        while at < watching.len() && outcome.is_ok() {
            let index = watching[at];
            let clause = &self.clauses[index as usize];
            let other = if clause[0] == failed { clause[1] } else { clause[0] };
            let next = match self.value(other) {
                Some(true) => None,
                _ => (2..clause.len()).find(|&next| self.value(clause[next]) != Some(false)),
            };
            if let Some(next) = next {
                let clause = &mut self.clauses[index as usize];
                clause[0] = other;
                clause[1] = clause[next];
                clause[next] = failed;
                self.watched[clause[1].0 as usize].push(index);
                watching.swap_remove(at);
                continue;
            }
            outcome = self.imply(other, Reason::Clause(index));
            at += 1;
        }
        self.watched[failed.0 as usize] = watching;
        outcome
    }

    /// Removes registers that no way to satisfy a clique uses.
    fn filter(&mut self, clique: usize) -> Result<(), Conflict> {
        let Clique { members, matching, .. } = &mut self.cliques[clique];
        let mut lists = [RegSet::NONE; COLORS + 1];
        let count = members.len().min(COLORS + 1);
        for (list, &member) in lists.iter_mut().zip(members.iter()) {
            *list = self.lists[member as usize];
        }
        self.steps += count as u64;
        let mut removals = std::mem::take(&mut self.removals);
        removals.clear();
        if let Err(used_up) = matching.filter(&lists[..count], &mut removals) {
            return Err(self.confined_to(clique, used_up));
        }
        let mut last = RegSet::NONE;
        for &Removal { node, color, used_up } in &removals {
            if used_up != last {
                last = used_up;
                let antecedents = self.confined_to(clique, used_up);
                self.explanations.push((self.trail.len() + 1, antecedents));
            }
            let literal = Literal::has(self.cliques[clique].members[node], color).negated();
            let reason = Reason::UsedUp(self.explanations.len() as u32 - 1);
            self.imply(literal, reason)?;
        }
        self.removals = removals;
        Ok(())
    }

    /// That members of a clique have only registers of `used_up`, those that do.
    fn confined_to(&self, clique: usize, used_up: RegSet) -> Vec<Literal> {
        let mut antecedents = Vec::new();
        for &member in &self.cliques[clique].members {
            if (self.lists[member as usize] - used_up).is_empty() {
                self.not_among(member, used_up, &mut antecedents);
            }
        }
        antecedents
    }
}
