//! Which bytes of which registers are live, at the ends of the blocks.
//!
//! `live_in = (live_out − write) ∪ read`, by byte. One register at a time: from each block that
//! reads bytes before writing them, backwards, until blocks that write them. The work is
//! proportional to the size of the result; a register that lives within one block costs nothing.

use super::slots::Slots;
use super::{Cfg, MOST_LIVE};
use crate::ir::Reg;
use crate::isa::{Effects, Lanes};
use crate::sorted;

/// Live bytes at the ends of each block: pairs of register and bytes, sorted by register.
///
/// The stack pointer is left out. Blocks that cannot be reached are treated like all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    /// Before the first instruction of each block.
    pub live_in: Vec<Vec<(Reg, Lanes)>>,
    /// After the last instruction of each block.
    pub live_out: Vec<Vec<(Reg, Lanes)>>,
    /// There are more than [`MOST_LIVE`]: some are missing.
    pub is_incomplete: bool,
}

/// What one block does to one register: bytes read before they are written, bytes written.
#[derive(Clone, Copy)]
struct Summary {
    slot: u32,
    block: u32,
    read_first: Lanes,
    written: Lanes,
}

impl Liveness {
    /// Of code whose instructions have `effects`.
    pub(super) fn of(cfg: &Cfg, effects: &[Effects<Reg>], slots: Slots) -> Liveness {
        let count = cfg.blocks.len();
        let mut liveness = Liveness {
            live_in: vec![Vec::new(); count],
            live_out: vec![Vec::new(); count],
            is_incomplete: false,
        };
        let mut room = MOST_LIVE;
        let mut flow = Flow::new(count);
        let summaries = summarize(cfg, effects, slots);
        for of_register in summaries.chunk_by(|a, b| a.slot == b.slot) {
            if of_register.iter().any(|s| !s.read_first.is_empty()) {
                flow.propagate(cfg, of_register);
                match room.checked_sub(flow.touched.len()) {
                    Some(left) => room = left,
                    None => {
                        liveness.is_incomplete = true;
                        return liveness;
                    }
                }
                flow.collect(slots.reg(of_register[0].slot as usize), &mut liveness);
            }
        }
        liveness
    }
}

/// One summary per block and register that occurs in it, sorted by register.
fn summarize(cfg: &Cfg, effects: &[Effects<Reg>], slots: Slots) -> Vec<Summary> {
    let mut all: Vec<Summary> = Vec::new();
    // Where in `all` the summary of a register in the current block is, if it is not older.
    let mut current = vec![0usize; slots.len()];
    for (number, block) in cfg.blocks.iter().enumerate() {
        let first = all.len();
        for inst in &effects[block.insts()] {
            for access in &inst.regs {
                let Some(slot) = slots.slot(access.reg) else { continue };
                let known = all.get(current[slot]).is_some_and(|s| s.slot == slot as u32);
                if current[slot] < first || !known {
                    current[slot] = all.len();
                    all.push(Summary {
                        slot: slot as u32,
                        block: number as u32,
                        read_first: Lanes::NONE,
                        written: Lanes::NONE,
                    });
                }
                let summary = &mut all[current[slot]];
                summary.read_first |= access.read - summary.written;
                summary.written |= access.write;
            }
        }
    }
    sorted::sort_by_key(&mut all, |s| s.slot);
    all
}

/// The propagation of one register's bytes, with scratch space that is cleaned after each.
struct Flow {
    live_in: Vec<Lanes>,
    live_out: Vec<Lanes>,
    written: Vec<Lanes>,
    touched: Vec<u32>,
    todo: Vec<u32>,
}

impl Flow {
    fn new(blocks: usize) -> Flow {
        Flow {
            live_in: vec![Lanes::NONE; blocks],
            live_out: vec![Lanes::NONE; blocks],
            written: vec![Lanes::NONE; blocks],
            touched: Vec::new(),
            todo: Vec::new(),
        }
    }

    fn propagate(&mut self, cfg: &Cfg, summaries: &[Summary]) {
        for summary in summaries {
            let block = summary.block as usize;
            self.written[block] = summary.written;
            self.live_in[block] = summary.read_first;
            self.touched.push(summary.block);
            if !summary.read_first.is_empty() {
                self.todo.push(summary.block);
            }
        }
        while let Some(block) = self.todo.pop() {
            let live = self.live_in[block as usize];
            for &pred in &cfg.blocks[block as usize].preds {
                let p = pred as usize;
                if self.live_out[p].contains(live) {
                    continue;
                }
                if self.live_in[p].is_empty() && self.live_out[p].is_empty() {
                    self.touched.push(pred);
                }
                self.live_out[p] |= live;
                let through = self.live_out[p] - self.written[p];
                if !self.live_in[p].contains(through) {
                    self.live_in[p] |= through;
                    self.todo.push(pred);
                }
            }
        }
    }

    /// Moves the result out. A block may have been touched twice: the second time it is clean.
    fn collect(&mut self, reg: Reg, liveness: &mut Liveness) {
        while let Some(block) = self.touched.pop() {
            let b = block as usize;
            let live_in = std::mem::take(&mut self.live_in[b]);
            let live_out = std::mem::take(&mut self.live_out[b]);
            self.written[b] = Lanes::NONE;
            if !live_in.is_empty() {
                liveness.live_in[b].push((reg, live_in));
            }
            if !live_out.is_empty() {
                liveness.live_out[b].push((reg, live_out));
            }
        }
    }
}

/// Takes `live`, what is live after an instruction with `effects`, to what is live before it.
pub(super) fn step_back(live: &mut Vec<(Reg, Lanes)>, effects: &Effects<Reg>, slots: Slots) {
    for access in &effects.regs {
        if slots.slot(access.reg).is_none() {
            continue;
        }
        match live.binary_search_by_key(&access.reg, |&(reg, _)| reg) {
            Ok(at) => {
                let lanes = (live[at].1 - access.write) | access.read;
                if lanes.is_empty() {
                    live.remove(at);
                } else {
                    live[at].1 = lanes;
                }
            }
            Err(at) if !access.read.is_empty() => live.insert(at, (access.reg, access.read)),
            Err(_) => {}
        }
    }
}
