//! Which bytes of stack variables may be read before they are written.
//!
//! Only accesses at constant offsets are seen. Their ends cut each variable into ranges that are
//! accessed as a whole, so that a variable of any size costs as much as the code that uses it.
//!
//! One range at a time: from each block that reads it before writing it, backwards, until blocks
//! that write it. Most are settled without a walk, by a write that every path to the read passes.

use super::dominators::Flow;
use super::proof::{Access, Via};
use super::{Cfg, Facts, MOST_LIVE};
use crate::ir::{Base, Function, LocalId, Op, Operand};
use crate::sorted;
use std::collections::{BTreeSet, HashMap};

/// A read of bytes that may not have been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnwrittenRead {
    /// The instruction.
    pub(super) inst: usize,
    /// Its operand, if it has one.
    pub(super) operand: Option<usize>,
    /// The first such byte.
    pub(super) byte: u64,
}

/// An access to a stack variable at a constant offset, within its bounds.
#[derive(Clone, Copy)]
struct Touch {
    inst: usize,
    operand: Option<usize>,
    local: LocalId,
    start: u64,
    end: u64,
    read: bool,
    written: bool,
}

/// The reads of stack variables that some path brings bytes to that it has not written. `computed`
/// are accesses at other places than constant offsets: what they read is the whole variable, and
/// what they write is not known. `None` if there are more ranges in more blocks than [`MOST_LIVE`].
pub(super) fn unwritten_reads(
    function: &Function,
    facts: &Facts,
    computed: &[(Access, LocalId)],
) -> Option<Vec<UnwrittenRead>> {
    let mut touches = collect(function, facts);
    touches.extend(computed.iter().filter_map(|(access, local)| {
        let mut memory = facts.effects[access.index].memory.iter();
        let is_read = memory.any(|m| Via::of(m) == Some(access.via) && m.read);
        let end = u64::from(function[*local].size);
        let inst = access.index;
        let operand = match access.via {
            Via::Operand(operand) => Some(operand),
            Via::Pointer(_) => None,
        };
        let touch =
            Touch { inst, operand, local: *local, start: 0, end, read: true, written: false };
        (is_read && end > 0).then_some(touch)
    }));
    sorted::sort_by_key(&mut touches, |touch| touch.inst);
    if !touches.iter().any(|touch| touch.read) {
        return Some(Vec::new());
    }
    let ranges = Ranges::of(&touches);
    let by_block =
        touches.chunk_by(|a, b| facts.cfg.block_of[a.inst] == facts.cfg.block_of[b.inst]);
    let mut of_block: Vec<&[Touch]> = vec![&[]; facts.cfg.blocks.len()];
    for chunk in by_block {
        of_block[facts.cfg.block_of[chunk[0].inst] as usize] = chunk;
    }
    let open = open_at_entry(&facts.cfg, &ranges, &of_block)?;
    let mut found = Vec::new();
    for (touches, open) in of_block.iter().zip(open) {
        let mut unwritten: BTreeSet<usize> = open.into_iter().collect();
        for touch in *touches {
            let touched = ranges.of_touch(touch);
            let first = unwritten.range(touched.clone()).next();
            if let (true, Some(&range)) = (touch.read, first) {
                let byte = ranges.starts[range].1;
                found.push(UnwrittenRead { inst: touch.inst, operand: touch.operand, byte });
            }
            while let (true, Some(&range)) =
                (touch.written, unwritten.range(touched.clone()).next())
            {
                unwritten.remove(&range);
            }
        }
    }
    Some(found)
}

fn collect(function: &Function, facts: &Facts) -> Vec<Touch> {
    let mut touches = Vec::new();
    for (index, inst) in function.insts.iter().enumerate() {
        let Op::Machine(machine) = &inst.op else { continue };
        for access in &facts.effects[index].memory {
            let Some(operand) = access.operand else { continue };
            let Some(Operand::Mem(mem)) = machine.inst.operands.get(operand) else { continue };
            let (Base::Local(local), None, None, Some(bytes)) =
                (mem.base, mem.index, mem.disp_const, access.bytes)
            else {
                continue;
            };
            let Ok(start) = u64::try_from(mem.disp) else { continue };
            let end = start + u64::from(bytes);
            if !access.address_only && start < end && end <= u64::from(function[local].size) {
                let (read, written) = (access.read, access.write && access.always_written);
                let operand = Some(operand);
                touches.push(Touch { inst: index, operand, local, start, end, read, written });
            }
        }
    }
    touches
}

/// The ranges that accesses cut the variables into, numbered.
struct Ranges {
    /// Variable and first byte of each; it ends where the next one starts.
    starts: Vec<(LocalId, u64)>,
}

impl Ranges {
    fn of(touches: &[Touch]) -> Ranges {
        let mut starts: Vec<_> =
            touches.iter().flat_map(|t| [(t.local, t.start), (t.local, t.end)]).collect();
        sorted::sort(&mut starts);
        starts.dedup();
        Ranges { starts }
    }

    fn of_touch(&self, touch: &Touch) -> std::ops::Range<usize> {
        let at = |byte| self.starts.partition_point(|&start| start < (touch.local, byte));
        at(touch.start)..at(touch.end)
    }
}

/// What a block does to a range first: reads it before any write, or writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    range: usize,
    block: u32,
    is_write: bool,
}

/// The numbers that have not been taken out: each that has leads to one after it.
#[derive(Default)]
struct Left(HashMap<usize, usize>);

impl Left {
    /// Takes out what is left of `range`, and calls `visit` for each.
    fn take(&mut self, range: std::ops::Range<usize>, mut visit: impl FnMut(usize)) {
        let mut at = self.first(range.start);
        while at < range.end {
            self.0.insert(at, at + 1);
            visit(at);
            at = self.first(at + 1);
        }
    }

    /// The first number from `at` on that is left, with path halving.
    fn first(&mut self, mut at: usize) -> usize {
        while let Some(&next) = self.0.get(&at) {
            if let Some(&after) = self.0.get(&next) {
                self.0.insert(at, after);
            }
            at = next;
        }
        at
    }
}

/// The events of all blocks, by range.
fn events(cfg: &Cfg, ranges: &Ranges, of_block: &[&[Touch]]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    for (number, touches) in of_block.iter().enumerate().filter(|(n, _)| cfg.blocks[*n].reachable) {
        let block = number as u32;
        let (mut untouched, mut unwritten) = (Left::default(), Left::default());
        for touch in *touches {
            if touch.read {
                untouched.take(ranges.of_touch(touch), |range| {
                    events.push(Event { range, block, is_write: false });
                });
            }
            if touch.written {
                untouched.take(ranges.of_touch(touch), |_| {});
                unwritten.take(ranges.of_touch(touch), |range| {
                    events.push(Event { range, block, is_write: true });
                });
            }
        }
        if events.len() > MOST_LIVE {
            return None;
        }
    }
    sorted::sort(&mut events);
    Some(events)
}

/// By block: the ranges that it reads before writing them, and that some path brings there
/// unwritten. `None` if that takes too many steps.
fn open_at_entry(cfg: &Cfg, ranges: &Ranges, of_block: &[&[Touch]]) -> Option<Vec<Vec<usize>>> {
    let flow = Flow::of(cfg);
    let mut open = vec![Vec::new(); of_block.len()];
    let mut walk = Walk::new(cfg);
    for of_range in events(cfg, ranges, of_block)?.chunk_by(|a, b| a.range == b.range) {
        let writes = || of_range.iter().filter(|event| event.is_write);
        let early = writes().min_by_key(|event| flow.number(event.block + 1));
        let is_settled = |read: u32| {
            early.is_some_and(|write| {
                write.block != read
                    && flow.common_dominator(write.block + 1, read + 1) == write.block + 1
            })
        };
        let reads = of_range.iter().filter(|event| !event.is_write && !is_settled(event.block));
        let reads: Vec<u32> = reads.map(|event| event.block).collect();
        for block in walk.unwritten(&reads, writes().map(|event| event.block))? {
            open[block as usize].push(of_range[0].range);
        }
    }
    Some(open)
}

/// Walks over the blocks, with scratch space that is cleaned after each.
struct Walk<'a> {
    cfg: &'a Cfg,
    writes: Vec<bool>,
    wanted: Vec<bool>,
    reached: Vec<bool>,
    /// How many more steps are taken.
    room: usize,
}

impl<'a> Walk<'a> {
    fn new(cfg: &'a Cfg) -> Walk<'a> {
        let none = || vec![false; cfg.blocks.len()];
        Walk { cfg, writes: none(), wanted: none(), reached: none(), room: MOST_LIVE }
    }

    /// Those of `reads` that can be reached from the entry without passing one of `writes`.
    fn unwritten(
        &mut self,
        reads: &[u32],
        writes: impl Iterator<Item = u32> + Clone,
    ) -> Option<Vec<u32>> {
        if reads.is_empty() {
            return Some(Vec::new());
        }
        let cfg = self.cfg;
        writes.clone().for_each(|block| self.writes[block as usize] = true);
        reads.iter().for_each(|block| self.wanted[*block as usize] = true);
        let mut above = reads.to_vec();
        let mut next = 0;
        while let Some(&block) = above.get(next) {
            next += 1;
            for &pred in &cfg.blocks[block as usize].preds {
                let at = pred as usize;
                if !self.writes[at] && !std::mem::replace(&mut self.wanted[at], true) {
                    above.push(pred);
                }
            }
        }
        let mut below: Vec<u32> = self.wanted[0].then_some(0).into_iter().collect();
        below.iter().for_each(|entry| self.reached[*entry as usize] = true);
        let mut next = 0;
        while let Some(&block) = below.get(next) {
            next += 1;
            let is_written = self.writes[block as usize];
            for &succ in cfg.blocks[block as usize].succs.iter().filter(|_| !is_written) {
                let at = succ as usize;
                if self.wanted[at] && !std::mem::replace(&mut self.reached[at], true) {
                    below.push(succ);
                }
            }
        }
        let found = reads.iter().copied().filter(|read| self.reached[*read as usize]).collect();
        writes.for_each(|block| self.writes[block as usize] = false);
        above.iter().for_each(|block| self.wanted[*block as usize] = false);
        below.iter().for_each(|block| self.reached[*block as usize] = false);
        self.room = self.room.checked_sub(above.len())?;
        Some(found)
    }
}
