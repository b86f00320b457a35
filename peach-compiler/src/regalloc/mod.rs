//! Register allocation: decides where every virtual register lives.
//!
//! Input: a [`Function`] and its [`Facts`]; neither is changed.
//! Output: an [`Allocation`]: one physical register per virtual register, for its whole lifetime.
//! Invariants: registers live at the same point differ; fixed operands get exactly their register.
//! Untrusted: [`check`](crate::check) replays the result.
//! Fails: E0401 where no assignment exists, E0402 where two values need one fixed register.
//!
//! The steps, each a file:
//!
//! 0. [`pressure`]: whether so many values are live at once that nothing need be tried, and what is
//!    spilled then.
//! 1. [`interference`]: which registers must differ; [`domains`]: which ones each may get.
//! 2. [`costs`]: what each would cost in bytes; [`affinity`]: which moves would vanish;
//!    [`vzeroupper`]: whether the instruction would.
//! 3. [`solve`], bank by bank, with as few registers to save as possible: [`coalesce`] and
//!    [`color`] greedily, improved by [`local_search`]; where that fails, [`search`] exactly:
//!    [`hall`] and [`reduce`] make it smaller, [`propagation`] and [`alldifferent`] find what
//!    decisions imply.
//! 4. [`failure`]: where there is no solution, the proof. With `#[spill]`: [`spill_choice`] chooses
//!    what lives in memory, [`spill`](mod@spill) makes the function that does so, and it starts
//!    over.

mod affinity;
mod alldifferent;
mod coalesce;
mod color;
mod costs;
mod domains;
mod failure;
mod hall;
mod interference;
mod local_search;
mod pressure;
mod problem;
mod propagation;
mod reduce;
mod search;
mod solve;
mod spill;
mod spill_choice;
mod vzeroupper;

use crate::analysis::{Facts, frame_base, needs_frame_base};
use crate::diagnostics::Diagnostic;
use crate::ir::{Allocation, Function, VReg};
use crate::isa::{Bank, PhysReg};
use costs::Frequency;
use domains::Domains;
use interference::{BANKS, Interference};
use problem::{Affinity, Color, Node, Prices, Problem};
pub use spill::Spilled;

/// Why there is no allocation.
#[derive(Debug)]
pub struct Failure {
    /// The message for the user.
    pub diagnostic: Diagnostic,
    /// What to spill, where the function allows it and it would help.
    pub spill: Vec<VReg>,
}

/// Allocates the registers of `function`.
///
/// # Errors
/// Where there is no assignment, the registers that cannot all be placed.
pub fn allocate(function: &Function, facts: &Facts) -> Result<Allocation, Box<Failure>> {
    if needs_frame_base(function) && frame_base(function).is_none() {
        return Err(Box::new(failure::no_base(function)));
    }
    if let Some(peak) = pressure::impossible(function, facts) {
        return Err(Box::new(failure::crowded(function, facts, peak)));
    }
    let mut allocation = Allocation { regs: vec![None; function.vregs.len()] };
    let program = Program::of(function, facts);
    for bank in BANKS {
        program.allocate_bank(bank, &mut allocation)?;
    }
    Ok(allocation)
}

/// Allocates the registers of `function`; where there are too few and it allows spilling, of the
/// function that keeps some of its values in memory.
///
/// # Errors
/// Where there is no assignment, or spilling is not allowed, the registers that cannot all be
/// placed.
pub fn allocate_or_spill(
    function: &Function,
    facts: &Facts,
) -> Result<(Option<Spilled>, Allocation), Box<Failure>> {
    let mut spilled: Option<Spilled> = None;
    if function.options.spill {
        let chosen = pressure::scan(function, facts);
        if !chosen.is_empty() {
            spilled = Some(spill::spill(function, facts, &chosen, None));
        }
    }
    loop {
        let (current, known) = match &spilled {
            Some(spilled) => (&spilled.function, &spilled.facts),
            None => (function, facts),
        };
        match allocate(current, known) {
            Ok(allocation) => return Ok((spilled, allocation)),
            // Every round spills what is not spilled yet, so this ends.
            Err(failure) if failure.spill.is_empty() => return Err(failure),
            Err(failure) => {
                spilled = Some(spill::spill(current, known, &failure.spill, spilled.as_ref()));
            }
        }
    }
}

/// A function with all that allocation knows of it.
struct Program<'f> {
    function: &'f Function,
    facts: &'f Facts,
    interference: Interference,
    domains: Domains,
    prices: Vec<Prices>,
    copies: Vec<affinity::CopyGain>,
}

impl<'f> Program<'f> {
    fn of(function: &'f Function, facts: &'f Facts) -> Program<'f> {
        let frequency = Frequency::of_blocks(facts);
        let interference = Interference::of(function, facts);
        let mut prices = costs::encoding(function, facts, &frequency);
        let copies = affinity::collect(function, facts, &frequency, &mut prices);
        let domains = Domains::of(function, facts, &interference);
        Program { function, facts, interference, domains, prices, copies }
    }

    fn allocate_bank(&self, bank: Bank, allocation: &mut Allocation) -> Result<(), Box<Failure>> {
        let (problem, vregs) = self.problem(bank);
        if vregs.is_empty() {
            return Ok(());
        }
        let mut number = vec![u32::MAX; self.function.vregs.len()];
        for (node, vreg) in vregs.iter().enumerate() {
            number[vreg.index()] = node as u32;
        }
        let cliques = |size: u32| -> Vec<Vec<u32>> {
            let cliques = self.interference.cliques(self.function, self.facts, bank, size);
            let nodes = |vregs: Vec<u32>| vregs.iter().map(|&v| number[v as usize]).collect();
            cliques.into_iter().map(|(_, vregs)| nodes(vregs)).collect()
        };
        let registers = self.domains.registers(bank);
        // How many certainly are live at the same time matters only if they need registers to save.
        let free = registers.free.len();
        let pressure = match self.interference.most_alive[bank as usize] > free {
            true => cliques(free + 1).iter().map(Vec::len).max().unwrap_or(0) as u32,
            false => 0,
        };
        let solution = match self.solve_clean(bank, &problem, &number) {
            Some(colors) => Ok(colors),
            None => solve::solve(&problem, registers, pressure, &cliques),
        };
        match solution {
            Ok(colors) => {
                for (vreg, &color) in vregs.iter().zip(&colors) {
                    allocation.regs[vreg.index()] = Some(PhysReg::new(bank, color));
                }
                Ok(())
            }
            Err(stuck) => {
                let nodes = stuck.nodes.iter().map(|&node| vregs[node as usize]).collect();
                Err(Box::new(failure::explain(self, bank, nodes, stuck.proven)))
            }
        }
    }

    /// A solution that leaves the upper halves of the first 16 vector registers alone, where that
    /// pays and is easy to find.
    fn solve_clean(&self, bank: Bank, problem: &Problem, number: &[u32]) -> Option<Vec<Color>> {
        let high = match bank {
            Bank::Vector => vzeroupper::to_keep_high(self),
            _ => Vec::new(),
        };
        if high.is_empty() {
            return None;
        }
        let mut problem = problem.clone();
        for vreg in high {
            let allowed = &mut problem.nodes[number[vreg.index()] as usize].allowed;
            *allowed = *allowed - bank.without_evex();
        }
        solve::greedy(&problem, self.domains.registers(bank).free)
    }

    /// The part of the program that concerns one bank, and the virtual registers of its nodes.
    fn problem(&self, bank: Bank) -> (Problem, Vec<VReg>) {
        let vregs: Vec<VReg> = (0..self.function.vregs.len() as u32)
            .map(VReg)
            .filter(|vreg| {
                self.interference.used[vreg.index()] && self.function[*vreg].class.bank() == bank
            })
            .collect();
        let mut number = vec![u32::MAX; self.function.vregs.len()];
        for (node, vreg) in vregs.iter().enumerate() {
            number[vreg.index()] = node as u32;
        }
        let mut problem = Problem::default();
        for vreg in &vregs {
            let neighbors = &self.interference.neighbors[vreg.index()];
            problem.nodes.push(Node {
                allowed: self.domains.allowed[vreg.index()],
                prices: self.prices[vreg.index()],
            });
            problem.neighbors.push(neighbors.iter().map(|&v| number[v as usize]).collect());
        }
        for group in self.domains.groups.iter().filter(|g| self.function[g[0]].class.bank() == bank)
        {
            problem.groups.push(group.iter().map(|vreg| number[vreg.index()]).collect());
        }
        for copy in &self.copies {
            let (a, b) = (number[copy.a.index()], number[copy.b.index()]);
            if a != u32::MAX && b != u32::MAX {
                problem.affinities.push(Affinity { a, b, gain: copy.gain });
            }
        }
        (problem, vregs)
    }
}
