//! Which values to spill.
//!
//! In: places where more registers are alive than there are. Out: the registers to keep in memory so
//! that no place has too many: those whose uses cost least for the number of places they relieve,
//! a use counting ten times per loop around it.
//!
//! Nothing is given up while a register that lacks a place can still be spilled: where that helps
//! less than hoped for, the next round goes on.

use super::Program;
use super::costs::Frequency;
use super::saturate::hall_violator;
use crate::ir::{Function, InstId, Reg, VReg};
use crate::isa::Bank;

/// A place with too many registers.
struct Crowd {
    alive: Vec<u32>,
    /// Of those, the ones that too few registers are left for.
    violator: Vec<u32>,
    /// Registers that the instructions around the place name: spilling them would relieve it little,
    /// they would be loaded right here.
    named: Vec<u32>,
}

/// The registers of `bank` to spill. `tangled` are those of which one is spilled where every place by
/// itself has registers enough.
pub(super) fn choose(program: &Program<'_>, bank: Bank, tangled: &[VReg]) -> Vec<VReg> {
    let prices = prices(program);
    let mut crowds = crowds(program, bank);
    let mut chosen = Vec::new();
    if crowds.is_empty() {
        let candidates = tangled.iter().filter(|&&v| is_candidate(program.function, v));
        chosen.extend(candidates.min_by_key(|vreg| prices[vreg.index()]));
        return chosen;
    }
    while !crowds.is_empty() {
        let mut relief = vec![0i64; program.function.vregs.len()];
        for crowd in &crowds {
            for vreg in crowd.violator.iter().filter(|vreg| !crowd.named.contains(vreg)) {
                relief[*vreg as usize] += 1;
            }
        }
        let victim = (0..relief.len())
            .filter(|&v| relief[v] > 0 && is_candidate(program.function, VReg(v as u32)))
            .min_by_key(|&v| (prices[v] * 1024 / relief[v], v));
        let Some(victim) = victim else { break };
        chosen.push(VReg(victim as u32));
        crowds.retain_mut(|crowd| crowd.is_crowded_without(victim as u32, program));
    }
    if chosen.is_empty() {
        chosen.extend(last_resort(program.function, &crowds, &prices));
    }
    chosen
}

/// The cheapest register that lacks a place although it is named wherever it does. In memory it needs
/// only what each instruction that names it demands, one at a time, which may be possible where all
/// that its whole life demands is not.
fn last_resort(function: &Function, crowds: &[Crowd], prices: &[i64]) -> Option<VReg> {
    crowds
        .iter()
        .flat_map(|crowd| &crowd.violator)
        .map(|&vreg| VReg(vreg))
        .filter(|&vreg| is_candidate(function, vreg))
        .min_by_key(|vreg| (prices[vreg.index()], vreg.0))
}

impl Crowd {
    fn is_crowded_without(&mut self, victim: u32, program: &Program<'_>) -> bool {
        if self.named.contains(&victim) || !self.alive.contains(&victim) {
            return true;
        }
        self.alive.retain(|&vreg| vreg != victim);
        match hall_violator(&self.alive, &program.demands.allowed) {
            Some(violator) => self.violator = violator,
            None => return false,
        }
        true
    }
}

/// The address of a result in memory can be spilled although the author does not see it.
pub(super) fn is_hidden_pointer(function: &Function, vreg: VReg) -> bool {
    function.hidden_result == Some(vreg)
}

/// Registers that were made to be short-lived cannot be spilled again.
fn is_candidate(function: &Function, vreg: VReg) -> bool {
    !function[vreg].temporary || is_hidden_pointer(function, vreg)
}

/// What the uses of each register cost.
fn prices(program: &Program<'_>) -> Vec<i64> {
    let frequency = Frequency::of_blocks(program.facts);
    let mut prices = vec![0i64; program.function.vregs.len()];
    for (index, effects) in program.facts.effects.iter().enumerate() {
        for access in &effects.regs {
            if let Reg::Virtual(vreg) = access.reg {
                prices[vreg.index()] += frequency.of(program.facts, index);
            }
        }
    }
    prices
}

fn crowds(program: &Program<'_>, bank: Bank) -> Vec<Crowd> {
    let domains = &program.demands.allowed;
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
