//! Which bytes of stack variables may be read before they are written: a forward analysis.
//!
//! Only accesses at constant offsets are seen. Their ends cut each variable into ranges that are
//! accessed as a whole, so that a variable of any size costs as much as the code that uses it.

use super::Facts;
use super::proof::Access;
use crate::ir::{Base, Function, LocalId, Op, Operand};

/// A read of bytes that may not have been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnwrittenRead {
    /// The instruction.
    pub(super) inst: usize,
    /// Its operand.
    pub(super) operand: usize,
    /// The first such byte.
    pub(super) byte: u64,
}

/// An access to a stack variable at a constant offset, within its bounds.
#[derive(Clone, Copy)]
struct Touch {
    inst: usize,
    operand: usize,
    local: LocalId,
    start: u64,
    end: u64,
    read: bool,
    written: bool,
}

/// The reads of stack variables that some path brings bytes to that it has not written. `computed`
/// are accesses at other places than constant offsets: what they read is the whole variable, and
/// what they write is not known.
pub(super) fn unwritten_reads(
    function: &Function,
    facts: &Facts,
    computed: &[(Access, LocalId)],
) -> Vec<UnwrittenRead> {
    let mut touches = collect(function, facts);
    touches.extend(computed.iter().filter_map(|(access, local)| {
        let mut memory = facts.effects[access.index].memory.iter();
        let is_read = memory.any(|m| m.operand == Some(access.operand) && m.read);
        let end = u64::from(function[*local].size);
        let Access { index: inst, operand } = *access;
        let touch =
            Touch { inst, operand, local: *local, start: 0, end, read: true, written: false };
        (is_read && end > 0).then_some(touch)
    }));
    touches.sort_by_key(|touch| touch.inst);
    if !touches.iter().any(|touch| touch.read) {
        return Vec::new();
    }
    let ranges = Ranges::of(&touches);
    let by_block =
        touches.chunk_by(|a, b| facts.cfg.block_of[a.inst] == facts.cfg.block_of[b.inst]);
    let mut of_block: Vec<&[Touch]> = vec![&[]; facts.cfg.blocks.len()];
    for chunk in by_block {
        of_block[facts.cfg.block_of[chunk[0].inst] as usize] = chunk;
    }
    let at_entry = flow(facts, &ranges, &of_block);
    let mut found = Vec::new();
    for (number, touches) in of_block.iter().enumerate() {
        if !facts.cfg.blocks[number].reachable {
            continue;
        }
        let mut unwritten = at_entry[number].clone();
        for touch in *touches {
            let first = ranges.of_touch(touch).find(|&range| unwritten.contains(range));
            if let (true, Some(range)) = (touch.read, first) {
                let byte = ranges.starts[range].1;
                found.push(UnwrittenRead { inst: touch.inst, operand: touch.operand, byte });
            }
            unwritten.remove_written(touch, &ranges);
        }
    }
    found
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
        starts.sort_unstable();
        starts.dedup();
        Ranges { starts }
    }

    fn of_touch(&self, touch: &Touch) -> std::ops::Range<usize> {
        let at = |byte| self.starts.partition_point(|&start| start < (touch.local, byte));
        at(touch.start)..at(touch.end)
    }
}

/// A set of ranges that may be unwritten.
#[derive(Clone, PartialEq, Eq)]
struct RangeSet(Vec<u64>);

impl RangeSet {
    fn contains(&self, range: usize) -> bool {
        self.0[range / 64] >> (range % 64) & 1 == 1
    }

    fn remove_written(&mut self, touch: &Touch, ranges: &Ranges) {
        if touch.written {
            for range in ranges.of_touch(touch) {
                self.0[range / 64] &= !(1 << (range % 64));
            }
        }
    }
}

/// What may be unwritten at the start of each block.
fn flow(facts: &Facts, ranges: &Ranges, of_block: &[&[Touch]]) -> Vec<RangeSet> {
    let words = ranges.starts.len().div_ceil(64);
    let mut at_entry = vec![RangeSet(vec![0; words]); of_block.len()];
    at_entry[0] = RangeSet(vec![u64::MAX; words]);
    facts.cfg.run_forward(|number, pass_on| {
        let mut state = at_entry[number].clone();
        for touch in of_block[number] {
            state.remove_written(touch, ranges);
        }
        for &succ in &facts.cfg.blocks[number].succs {
            let mut grew = false;
            for (known, new) in at_entry[succ as usize].0.iter_mut().zip(&state.0) {
                grew |= new & !*known != 0;
                *known |= new;
            }
            if grew {
                pass_on(succ);
            }
        }
    });
    at_entry
}
