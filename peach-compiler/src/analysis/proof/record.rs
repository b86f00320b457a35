//! What a proof rests on, written down for those who check it by other means.
//!
//! In: a function with its facts. Out: the certificate that the judge was given, and which values
//! it saw for the symbols of each claim, as a [`Record`]. Nothing of this takes part in a proof.

use super::claim::{Certificate, Claim, Rule, value_of};
use super::find;
use super::judge::{self, Companion};
use super::state::State;
use super::world::World;
use crate::analysis::Facts;
use crate::analysis::verify::unsettled;
use crate::ir::{DataId, Function, LocalId, Reg};
use crate::sorted::SortedMap;
use std::ops::Range;

pub use super::access::{Access, Via};
pub use super::decide::Knowledge;
pub use super::linear::{Linear, Symbol, SymbolInfo};
pub use super::state::Slot;
pub use super::world::{Quotient, Site, SiteKind};

/// A proof.
#[derive(Debug, Default)]
pub struct Record {
    /// The symbols that last, by number.
    pub symbols: Vec<SymbolInfo>,
    /// The value of each argument's register on entry.
    pub arguments: Vec<Linear>,
    /// The addresses of stack variables.
    pub locals: Vec<Symbol>,
    /// The addresses of constants.
    pub data: Vec<Symbol>,
    /// What is taken as given on entry.
    pub given: Knowledge,
    /// What is claimed of the blocks where paths meet.
    pub claims: SortedMap<u32, Claimed>,
    /// The edges into these blocks.
    pub edges: Vec<Edge>,
    /// Where the symbols of the judge's walk come from.
    pub made: SortedMap<Symbol, Made>,
    /// Which of them are quotients, and of what.
    pub quotients: SortedMap<Symbol, Quotient>,
    /// The accesses that were asked for.
    pub asked: Vec<Access>,
    /// Those that are not shown to be allowed.
    pub open: Vec<Access>,
    /// Whether the judge found every claim shown.
    pub holds: bool,
}

/// What is claimed of a place.
#[derive(Debug)]
pub struct Claimed {
    /// Symbols that get a value on each edge.
    pub symbols: Vec<Symbol>,
    /// What registers, stack variables and what was pushed hold, modulo 2^64.
    pub values: SortedMap<Slot, Linear>,
    /// Mask registers of which only bits from the first number on and below the second can be set.
    pub masks: SortedMap<Reg, (Linear, Linear)>,
    /// The direction flag is clear.
    pub is_upward: bool,
    /// What holds of the symbols.
    pub knowledge: Knowledge,
}

/// An edge, and the values that the judge gave to the symbols of the claim where it ends.
#[derive(Debug)]
pub struct Edge {
    /// The block that it leaves; `u32::MAX` is the caller.
    pub from: u32,
    /// The block that it enters.
    pub to: u32,
    /// Values for symbols.
    pub values: Vec<(Symbol, Linear)>,
}

/// A symbol that the walk made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where.
    pub site: Site,
    /// Its bounds.
    pub info: SymbolInfo,
}

/// How much of what the search claims is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// What the judge needs to show as many accesses.
    Least,
}

/// Looks for a proof of `function`, as [`verify`](crate::analysis::verify) does, and records it.
pub fn of(function: &Function, facts: &Facts, extent: Extent) -> Record {
    let asked = unsettled(function, facts);
    let mut world = World::new(function, facts);
    let mut certificate = find(&mut world, &asked);
    if extent == Extent::Least {
        shorten(&mut world, &mut certificate, &asked);
    }
    let rules = certificate.iter().map(|(block, claim)| (*block, claim.rules.clone())).collect();
    let mut notes = Notes { rules, edges: Vec::new() };
    let verdict = judge::walk(&mut world, &mut certificate, &asked, Some(&mut notes));
    let locals = (0..function.locals.len()).map(|local| world.local(LocalId(local as u32)));
    let data = (0..function.data.len()).map(|data| world.constant(DataId(data as u32)));
    let made = world.sites.iter().map(|(&symbol, &site)| {
        let info = world.symbols.info(symbol).clone();
        (symbol, Made { site, info })
    });
    Record {
        locals: locals.collect(),
        data: data.collect(),
        made: made.collect(),
        symbols: world.symbols.all_lasting().to_vec(),
        claims: certificate.into_iter().map(|(block, claim)| (block, claimed(claim))).collect(),
        edges: notes.edges,
        quotients: world.quotients,
        open: verdict.open.iter().map(|(access, _)| *access).collect(),
        holds: verdict.failures.is_empty(),
        asked,
        arguments: world.arguments,
        given: world.given,
    }
}

fn claimed(claim: Claim) -> Claimed {
    let Claim { symbols, values, masks, is_upward, knowledge, rules: _ } = claim;
    let masks = masks.into_iter().map(|(reg, bits)| (reg, (bits.first, bits.end))).collect();
    Claimed { symbols, values, masks, is_upward, knowledge }
}

/// Takes out what the judge does without, half of the rest at a time and then less.
fn shorten(world: &mut World<'_>, certificate: &mut Certificate, asked: &[Access]) {
    let mut shown = |certificate: &Certificate| {
        let verdict = judge::walk(world, &mut certificate.clone(), asked, None);
        let missing = verdict.open.len() + verdict.invariants.len();
        verdict.failures.is_empty().then_some(missing)
    };
    let Some(least) = shown(certificate) else { return };
    let count = |certificate: &Certificate| -> usize {
        certificate.values().map(|claim| claim.knowledge.at_least_zero().len()).sum()
    };
    let mut size = count(certificate);
    while size > 0 {
        let mut start = 0;
        while start < count(certificate) {
            let shorter = without(certificate, start..start + size);
            match shown(&shorter) {
                Some(missing) if missing <= least => *certificate = shorter,
                _ => start += size,
            }
        }
        size /= 2;
    }
}

/// `certificate` without the inequalities of these numbers.
fn without(certificate: &Certificate, numbers: Range<usize>) -> Certificate {
    let mut certificate = certificate.clone();
    let mut number = 0;
    for claim in certificate.values_mut() {
        claim.knowledge.retain_at_least_zero(|_| {
            number += 1;
            !numbers.contains(&(number - 1))
        });
    }
    certificate
}

/// Writes down what passes by.
struct Notes {
    /// By the block that an edge enters, and the one that it leaves.
    rules: SortedMap<u32, SortedMap<u32, Vec<(Symbol, Rule)>>>,
    edges: Vec<Edge>,
}

impl Companion for Notes {
    fn missing(&mut self, _: u32, _: &[(u32, State)], _: &mut World<'_>) -> Claim {
        Claim::default()
    }

    fn edge(&mut self, from: u32, to: u32, state: &State, world: &mut World<'_>) {
        let mut state = state.clone();
        let rules = self.rules.get(&to).and_then(|rules| rules.get(&from));
        let values = rules
            .into_iter()
            .flatten()
            .filter_map(|(symbol, rule)| Some((*symbol, value_of(rule, &mut state, world)?)));
        self.edges.push(Edge { from, to, values: values.collect() });
    }

    fn access(&mut self, _: Access, _: &State, _: &mut World<'_>) {}

    fn stated(&mut self, _: &Linear, _: bool, _: &World<'_>) {}
}
