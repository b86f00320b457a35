//! Where far more values are live than there are registers, known without comparing them in pairs.
//!
//! The interference graph of values that are all live at the same time grows with the square of
//! their number. So what cannot be is found first, in time proportional to the program: a place
//! with more than two values per register. (No more than two of them can share one, a value and its
//! copy: to write a third separates it from one of them.) Without `#[spill]` that is the error.
//! With it, [`scan`] chooses values to spill until no place has too many, and the exact steps are
//! left with a graph that is small.

use super::domains::RegisterFile;
use super::interference::BANKS;
use super::spill_choice::{is_candidate, prices};
use crate::analysis::Facts;
use crate::ir::{Function, InstId, Reg, VReg};
use crate::isa::{Bank, Lanes, PhysReg, RegSet};
use std::collections::BTreeSet;

/// More than two values for each register of the largest bank.
const TOO_MANY: usize = 2 * super::problem::COLORS;

/// Places by the number of values that lack a register there, summed over the program: beyond this,
/// choosing the best victims place by place takes too long.
const LONG: usize = 1 << 14;

/// The place where most virtual registers of a bank are live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    /// The instruction before it.
    pub inst: InstId,
    /// Their bank.
    pub bank: Bank,
    /// How many there are.
    pub count: usize,
}

/// What the program requires of one bank.
#[derive(Clone, Copy, Debug)]
struct Demand {
    peak: Peak,
    /// How many values lack a register, summed over all places.
    lacking: usize,
}

/// A place where more virtual registers are live than can share the registers there are.
pub(super) fn impossible(function: &Function, facts: &Facts) -> Option<Peak> {
    let demands = demand(function, facts);
    demands.into_iter().map(|demand| demand.peak).find(|peak| peak.count > TOO_MANY)
}

/// The registers to spill before all else: empty unless the program is large or demands far too
/// much.
pub(super) fn scan(function: &Function, facts: &Facts) -> Vec<VReg> {
    let crowded = |demand: &Demand| demand.peak.count > TOO_MANY || demand.lacking > LONG;
    let banks = demand(function, facts).into_iter().filter(crowded).map(|demand| demand.peak.bank);
    banks.flat_map(|bank| Scan::of(function, facts, bank).run()).collect()
}

/// What the program requires of each bank.
fn demand(function: &Function, facts: &Facts) -> [Demand; BANKS.len()] {
    let registers = RegisterFile::of(function, facts);
    let mut demands =
        BANKS.map(|bank| Demand { peak: Peak { inst: InstId(0), bank, count: 0 }, lacking: 0 });
    let bank_of = |vreg: VReg| function[vreg].class.bank() as usize;
    let mut note = |inst: InstId, alive: &[usize; BANKS.len()]| {
        for (demand, &count) in demands.iter_mut().zip(alive) {
            let offered = registers.of_bank(demand.peak.bank).all().len() as usize;
            demand.lacking += count.saturating_sub(offered);
            if count > demand.peak.count {
                demand.peak = Peak { inst, count, ..demand.peak };
            }
        }
    };
    let mut live = facts.live_set();
    for (number, block) in facts.cfg.blocks.iter().enumerate().filter(|(_, b)| b.reachable) {
        let mut alive = [0; BANKS.len()];
        for &(reg, _) in &facts.liveness.live_out[number] {
            if let Reg::Virtual(vreg) = reg {
                alive[bank_of(vreg)] += 1;
            }
        }
        facts.walk_back(block, &mut live, |inst, live| {
            let mut here = alive;
            for access in &facts.effects[inst.index()].regs {
                let Reg::Virtual(vreg) = access.reg else { continue };
                let after = live.lanes(access.reg);
                let before = (after - access.write) | access.read;
                let is_written = !(access.write | access.may_write).is_empty();
                here[bank_of(vreg)] += usize::from(is_written && after.is_empty());
                alive[bank_of(vreg)] += usize::from(!before.is_empty());
                alive[bank_of(vreg)] -= usize::from(!after.is_empty());
            }
            note(inst, &here);
        });
    }
    demands
}

/// Linear scan (Poletto and Sarkar, "Linear scan register allocation", 1999), from the end of each
/// block to its start: where too many values are live, the one is spilled whose uses cost least for
/// the number of places that it is live at.
struct Scan<'f> {
    function: &'f Function,
    facts: &'f Facts,
    bank: Bank,
    registers: RegSet,
    /// By virtual register: the price of its uses for each place that it is live at.
    keys: Vec<i64>,
    spilled: Vec<bool>,
    /// The values live that can be spilled, the best to spill first.
    alive: BTreeSet<(i64, u32)>,
    /// How many others are live, physical registers included.
    fixed: usize,
}

impl<'f> Scan<'f> {
    fn of(function: &'f Function, facts: &'f Facts, bank: Bank) -> Scan<'f> {
        let prices = prices(function, facts);
        let lengths = lengths(function, facts);
        let keys = prices.iter().zip(lengths).map(|(price, length)| price * 1024 / length.max(1));
        Scan {
            function,
            facts,
            bank,
            registers: RegisterFile::of(function, facts).of_bank(bank).all(),
            keys: keys.collect(),
            spilled: vec![false; function.vregs.len()],
            alive: BTreeSet::new(),
            fixed: 0,
        }
    }

    fn run(mut self) -> Vec<VReg> {
        let mut live = self.facts.live_set();
        let blocks = &self.facts.cfg.blocks;
        for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.reachable) {
            self.alive.clear();
            self.fixed = 0;
            for &(reg, _) in &self.facts.liveness.live_out[number] {
                self.becomes_alive(reg);
            }
            self.facts.walk_back(block, &mut live, |inst, live| {
                self.relieve(inst, |reg| live.lanes(reg));
                for access in &self.facts.effects[inst.index()].regs {
                    let after = live.lanes(access.reg);
                    let before = (after - access.write) | access.read;
                    match (before.is_empty(), after.is_empty()) {
                        (true, false) => self.ceases_to_be(access.reg),
                        (false, true) => self.becomes_alive(access.reg),
                        _ => {}
                    }
                }
            });
        }
        let spilled = self.spilled.iter().enumerate().filter(|(_, spilled)| **spilled);
        spilled.map(|(vreg, _)| VReg(vreg as u32)).collect()
    }

    /// Spills until there are registers for what lives through an instruction and for what it
    /// names: a spilled register that it names needs one, too.
    fn relieve(&mut self, inst: InstId, live: impl Fn(Reg) -> Lanes) {
        let named: Vec<Reg> =
            self.facts.effects[inst.index()].regs.iter().map(|access| access.reg).collect();
        let is_extra = |reg: &&Reg| match **reg {
            Reg::Virtual(vreg) => {
                self.is_of_bank(**reg) && (live(**reg).is_empty() || self.spilled[vreg.index()])
            }
            Reg::Physical(_) => self.is_of_bank(**reg) && live(**reg).is_empty(),
        };
        let fixed = self.fixed + named.iter().filter(is_extra).count();
        while self.alive.len() + fixed > self.registers.len() as usize {
            let victim = self.alive.iter().find(|(_, v)| !named.contains(&Reg::Virtual(VReg(*v))));
            let Some(&victim) = victim else { return };
            self.alive.remove(&victim);
            self.spilled[victim.1 as usize] = true;
        }
    }

    fn is_of_bank(&self, reg: Reg) -> bool {
        match reg {
            Reg::Virtual(vreg) => self.function[vreg].class.bank() == self.bank,
            Reg::Physical(PhysReg { bank, num }) => {
                bank == self.bank && self.registers.contains(num)
            }
        }
    }

    fn becomes_alive(&mut self, reg: Reg) {
        match reg {
            _ if !self.is_of_bank(reg) => {}
            Reg::Virtual(vreg) if self.spilled[vreg.index()] => {}
            Reg::Virtual(vreg) if is_candidate(self.function, vreg) => {
                self.alive.insert((self.keys[vreg.index()], vreg.0));
            }
            _ => self.fixed += 1,
        }
    }

    fn ceases_to_be(&mut self, reg: Reg) {
        match reg {
            _ if !self.is_of_bank(reg) => {}
            Reg::Virtual(vreg) if self.spilled[vreg.index()] => {}
            Reg::Virtual(vreg) if is_candidate(self.function, vreg) => {
                self.alive.remove(&(self.keys[vreg.index()], vreg.0));
            }
            _ => self.fixed -= 1,
        }
    }
}

/// At how many places each virtual register is live.
fn lengths(function: &Function, facts: &Facts) -> Vec<i64> {
    let mut lengths = vec![0; function.vregs.len()];
    // An interval adds where it ends and takes away where it starts.
    let mut add = |reg: Reg, places: i64| {
        if let Reg::Virtual(vreg) = reg {
            lengths[vreg.index()] += places;
        }
    };
    let mut live = facts.live_set();
    for (number, block) in facts.cfg.blocks.iter().enumerate() {
        facts.liveness.live_out[number].iter().for_each(|&(reg, _)| add(reg, block.end.into()));
        facts.walk_back(block, &mut live, |inst, live| {
            for access in &facts.effects[inst.index()].regs {
                let after = live.lanes(access.reg);
                let before = (after - access.write) | access.read;
                match (before.is_empty(), after.is_empty()) {
                    (true, false) => add(access.reg, -i64::from(inst.0)),
                    (false, true) => add(access.reg, inst.0.into()),
                    _ => {}
                }
            }
        });
        facts.liveness.live_in[number]
            .iter()
            .for_each(|&(reg, _)| add(reg, -i64::from(block.start)));
    }
    lengths
}

/// The virtual registers that are live at a peak.
pub(super) fn alive_at(function: &Function, facts: &Facts, peak: Peak) -> Vec<VReg> {
    let mut alive = Vec::new();
    let number = facts.cfg.block_of[peak.inst.index()] as usize;
    facts.walk_back(&facts.cfg.blocks[number], &mut facts.live_set(), |inst, live| {
        if inst != peak.inst {
            return;
        }
        let written = |vreg: VReg| {
            let mut accesses = facts.effects[inst.index()].regs.iter();
            accesses.any(|a| a.reg == Reg::Virtual(vreg) && !(a.write | a.may_write).is_empty())
        };
        let of_bank = |vreg: &VReg| function[*vreg].class.bank() == peak.bank;
        let vregs = (0..function.vregs.len() as u32).map(VReg).filter(of_bank);
        let is_alive = |&v: &VReg| !live.lanes(Reg::Virtual(v)).is_empty() || written(v);
        alive = vregs.filter(is_alive).collect();
    });
    alive
}
