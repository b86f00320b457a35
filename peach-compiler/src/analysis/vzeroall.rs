//! Which virtual registers a `vzeroall` writes: it zeroes physical ones, and the allocator decides
//! which those are.

use super::access::{given_at, write};
use super::slots::Slots;
use super::{Cfg, Liveness, liveness};
use crate::ir::{Function, Reg};
use crate::isa::{Access, Bank, Constraints, Effects, Lanes};

/// Gives every `vzeroall` its virtual registers: those that are read later and that nothing has
/// written yet get their first write here, and live in 0 to 15. Other live ones cannot be
/// there, since it writes all of these. Returns whether there is any `vzeroall`.
pub(super) fn complete(
    function: &Function,
    cfg: &Cfg,
    liveness: &Liveness,
    effects: &mut [Effects<Reg>],
    constraints: &mut [Constraints<Reg>],
) -> bool {
    let places: Vec<usize> = (0..effects.len()).filter(|&i| is_vzeroall(&effects[i])).collect();
    for (at, &entry) in cfg.entries.iter().enumerate() {
        let start = cfg.blocks[entry as usize].start as usize;
        let next = cfg.entries.get(at + 1);
        let end = next.map_or(effects.len(), |&next| cfg.blocks[next as usize].start as usize);
        let within = places.iter().copied().filter(|place| (start..end).contains(place)).collect();
        complete_part(function, cfg, liveness, entry, within, (effects, constraints));
    }
    !places.is_empty()
}

/// The same, of the places of the kernel itself or of one local function, which begins at `entry`.
fn complete_part(
    function: &Function,
    cfg: &Cfg,
    liveness: &Liveness,
    entry: u32,
    places: Vec<usize>,
    (effects, constraints): (&mut [Effects<Reg>], &mut [Constraints<Reg>]),
) {
    if places.is_empty() {
        return;
    }
    let given = given_at(function, cfg, entry);
    let mut unwritten: Vec<Reg> = liveness.live_in[entry as usize]
        .iter()
        .map(|&(reg, _)| reg)
        .filter(|&reg| match reg {
            Reg::Virtual(v) => {
                let is_vector = function[v].class.bank() == Bank::Vector;
                is_vector && function[v].arg.is_none() && !given.contains(&reg)
            }
            Reg::Physical(_) => false,
        })
        .collect();
    let slots = Slots::of(function);
    let mut done = cfg.blocks[entry as usize].start as usize;
    for place in places {
        for access in effects[done..place].iter().flat_map(|e| &e.regs) {
            if !(access.write | access.may_write).is_empty() {
                unwritten.retain(|&reg| reg != access.reg);
            }
        }
        done = place;
        let live = live_after(place, cfg, liveness, effects, slots);
        for (reg, _) in live.into_iter().filter(|(reg, _)| unwritten.contains(reg)) {
            effects[place].regs.push(Access { zeroed: Lanes::ALL, ..write(reg, Lanes::ALL) });
            constraints[place].allowed.push((reg, Bank::Vector.without_evex()));
        }
    }
}

/// Whether it is `vzeroall`: the only instruction that zeroes so many registers in full.
fn is_vzeroall(effects: &Effects<Reg>) -> bool {
    effects.regs.len() >= 16 && effects.regs.iter().all(|a| a.zeroed == Lanes::ALL)
}

/// What is live after instruction `place`.
fn live_after(
    place: usize,
    cfg: &Cfg,
    liveness: &Liveness,
    effects: &[Effects<Reg>],
    slots: Slots,
) -> Vec<(Reg, Lanes)> {
    let number = cfg.block_of[place] as usize;
    let mut live = liveness.live_out[number].clone();
    for index in (place + 1..cfg.blocks[number].end as usize).rev() {
        liveness::step_back(&mut live, &effects[index], slots);
    }
    live
}
