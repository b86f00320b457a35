//! Which values to spill.
//!
//! In: places where more registers are live than there are. Out: the registers to keep in memory so
//! that no place has too many: those whose uses cost least for the number of places they relieve,
//! a use counting ten times per loop around it.
//!
//! Nothing is given up while a register that lacks a place can still be spilled: where that helps
//! less than hoped for, the next round continues.

use super::Program;
use super::costs::Frequency;
use super::hall::hall_violator;
use crate::analysis::Facts;
use crate::ir::{Function, InstId, Reg, VReg};
use crate::isa::Bank;
use std::collections::BTreeSet;

/// A place with too many registers.
struct Crowd {
    alive: Vec<u32>,
    /// Of those, the ones that too few registers are left for.
    violator: Vec<u32>,
    /// Registers that the instructions around the place name: spilling them would relieve it
    /// little, they would be loaded right here.
    named: Vec<u32>,
}

/// The registers of `bank` to spill. `tangled` are those of which one is spilled where every place
/// by itself has registers enough.
pub(super) fn choose(program: &Program<'_>, bank: Bank, tangled: &[VReg]) -> Vec<VReg> {
    let prices = prices(program.function, program.facts);
    let mut crowds = crowds(program, bank);
    let mut chosen = Vec::new();
    if crowds.is_empty() {
        let candidates = tangled.iter().filter(|&&v| is_candidate(program.function, v));
        chosen.extend(candidates.min_by_key(|vreg| prices[vreg.index()]));
        return chosen;
    }
    let mut relief = Relief::of(program, &crowds, &prices);
    while let Some(victim) = relief.best() {
        chosen.push(VReg(victim));
        for index in relief.crowds_around(victim) {
            let crowd = &mut crowds[index as usize];
            if !crowd.named.contains(&victim) {
                relief.forget(crowd);
                crowd.remove(victim, program);
                relief.note(crowd);
            }
        }
    }
    crowds.retain(|crowd| !crowd.violator.is_empty());
    if chosen.is_empty() {
        chosen.extend(last_resort(program.function, &crowds, &prices));
    }
    chosen
}

/// The cheapest register that lacks a place although it is named wherever it does. In memory it
/// needs only what each instruction that names it requires, one at a time, which may be possible
/// where all that its whole lifetime requires is not.
fn last_resort(function: &Function, crowds: &[Crowd], prices: &[i64]) -> Option<VReg> {
    crowds
        .iter()
        .flat_map(|crowd| &crowd.violator)
        .map(|&vreg| VReg(vreg))
        .filter(|&vreg| is_candidate(function, vreg))
        .min_by_key(|vreg| (prices[vreg.index()], vreg.0))
}

impl Crowd {
    /// `victim` is live here no more.
    fn remove(&mut self, victim: u32, program: &Program<'_>) {
        self.alive.retain(|&vreg| vreg != victim);
        self.violator = hall_violator(&self.alive, &program.domains.allowed).unwrap_or_default();
    }
}

/// Of each register, how many places would be relieved if it were spilled.
struct Relief<'p> {
    function: &'p Function,
    prices: &'p [i64],
    places: Vec<i64>,
    /// The price for each place relieved and the register, of those that relieve any.
    order: BTreeSet<(i64, u32)>,
    /// Per register, the crowds that it was live in at first.
    crowds_of: Vec<Vec<u32>>,
}

impl<'p> Relief<'p> {
    fn of(program: &'p Program<'_>, crowds: &[Crowd], prices: &'p [i64]) -> Relief<'p> {
        let count = program.function.vregs.len();
        let mut relief = Relief {
            function: program.function,
            prices,
            places: vec![0; count],
            order: BTreeSet::new(),
            crowds_of: vec![Vec::new(); count],
        };
        for (index, crowd) in crowds.iter().enumerate() {
            crowd.alive.iter().for_each(|&v| relief.crowds_of[v as usize].push(index as u32));
            relief.note(crowd);
        }
        relief
    }

    /// The register whose uses cost least for the places that it relieves.
    fn best(&self) -> Option<u32> {
        self.order.first().map(|&(_, vreg)| vreg)
    }

    fn crowds_around(&mut self, vreg: u32) -> Vec<u32> {
        std::mem::take(&mut self.crowds_of[vreg as usize])
    }

    fn note(&mut self, crowd: &Crowd) {
        self.add(crowd, 1);
    }

    fn forget(&mut self, crowd: &Crowd) {
        self.add(crowd, -1);
    }

    fn add(&mut self, crowd: &Crowd, places: i64) {
        for &vreg in crowd.violator.iter().filter(|vreg| !crowd.named.contains(vreg)) {
            if !is_candidate(self.function, VReg(vreg)) {
                continue;
            }
            let (price, count) = (self.prices[vreg as usize], &mut self.places[vreg as usize]);
            if *count > 0 {
                self.order.remove(&(price * 1024 / *count, vreg));
            }
            *count += places;
            if *count > 0 {
                self.order.insert((price * 1024 / *count, vreg));
            }
        }
    }
}

/// The address of a result in memory can be spilled although it has no name in the source.
pub(super) fn is_hidden_pointer(function: &Function, vreg: VReg) -> bool {
    function.hidden_result == Some(vreg)
}

/// Registers that were made to be short-lived cannot be spilled again, and no instruction moves a
/// tile without its configuration.
pub(super) fn is_candidate(function: &Function, vreg: VReg) -> bool {
    let info = &function[vreg];
    let can_move = info.class.bank() != Bank::Tile;
    can_move && (!info.temporary || is_hidden_pointer(function, vreg))
}

/// What the uses of each register cost.
pub(super) fn prices(function: &Function, facts: &Facts) -> Vec<i64> {
    let frequency = Frequency::of_blocks(facts);
    let mut prices = vec![0i64; function.vregs.len()];
    for (index, effects) in facts.effects.iter().enumerate() {
        for access in &effects.regs {
            if let Reg::Virtual(vreg) = access.reg {
                prices[vreg.index()] += frequency.of(facts, index);
            }
        }
    }
    prices
}

fn crowds(program: &Program<'_>, bank: Bank) -> Vec<Crowd> {
    let domains = &program.domains.allowed;
    let points = program.interference.cliques(program.function, program.facts, bank, 1);
    let mut crowds = Vec::new();
    for (inst, alive) in points {
        let smallest = alive.iter().map(|&vreg| domains[vreg as usize].len()).min();
        if smallest.is_some_and(|smallest| alive.len() <= smallest as usize) {
            continue;
        }
        if let Some(violator) = hall_violator(&alive, domains) {
            crowds.push(Crowd { alive, violator, named: named_around(program, inst) });
        }
    }
    crowds
}

/// The virtual registers that the instruction before a place and the one after it name.
fn named_around(program: &Program<'_>, inst: InstId) -> Vec<u32> {
    let mut named = Vec::new();
    for effects in program.facts.effects.iter().skip(inst.index()).take(2) {
        for access in &effects.regs {
            if let Reg::Virtual(vreg) = access.reg {
                named.push(vreg.0);
            }
        }
    }
    named
}
