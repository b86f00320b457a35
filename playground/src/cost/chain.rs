//! The chain of results that an iteration of a loop waits for.
//!
//! In: the instructions of a loop, and how many cycles each takes from its operands to its result.
//! Out: the cycles that an iteration takes if nothing but results is waited for, and the
//! instructions of the longest chain from one iteration to the next.
//! Left out: results that go through memory.

use peach_compiler::emit::reports::detail::{Detail, Use};
use peach_compiler::isa::{Bank, Lanes, PhysReg};

/// Cycles from an instruction's operands to its result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    /// From a register that an address is computed from.
    pub address: u32,
    /// From the others, which are not needed before the memory operand has been read.
    pub data: u32,
}

/// What a loop waits for.
#[derive(Debug, PartialEq)]
pub(super) struct Chain {
    /// Cycles an iteration.
    pub cycles: f64,
    /// For each instruction, whether it is part of the chain.
    pub members: Vec<bool>,
}

/// Iterations that are followed. Chains that take several iterations to come back to their start
/// take one, two, three, four, five or six as a rule, of which half of this is a multiple.
const ITERATIONS: usize = 120;

/// An instruction's need for the result of another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Edge {
    from: usize,
    /// Whether the result is that of the iteration before.
    is_carried: bool,
    is_address: bool,
}

/// Part of a register with the instruction that wrote it last: an index over two iterations.
struct Written {
    place: Place,
    lanes: u64,
    by: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Register(PhysReg),
    Flags,
}

/// The longest chain of a loop of these instructions.
pub(super) fn longest(details: &[&Detail], latencies: &[Latency]) -> Chain {
    let edges = edges(details);
    let count = details.len();
    // When each result is there, and whose result it waited for.
    let mut done: Vec<u32> = Vec::with_capacity(ITERATIONS * count);
    let mut waited: Vec<Option<usize>> = Vec::with_capacity(ITERATIONS * count);
    for index in 0..ITERATIONS * count {
        let start = index - index % count;
        let latency = latencies[index % count];
        let arrivals = edges[index % count].iter().filter_map(|edge| {
            let from = (start + edge.from).checked_sub(if edge.is_carried { count } else { 0 })?;
            let cycles = if edge.is_address { latency.address } else { latency.data };
            Some((done[from] + cycles, from))
        });
        let last = arrivals.max_by_key(|(cycle, _)| *cycle);
        done.push(last.map_or(latency.address, |(cycle, _)| cycle));
        waited.push(last.map(|(_, from)| from));
    }
    let end_of = |iteration: usize| {
        let results = &done[iteration * count..][..count];
        results.iter().copied().max().unwrap_or(0)
    };
    let half = ITERATIONS / 2;
    let cycles = end_of(ITERATIONS - 1) - end_of(ITERATIONS - 1 - half);
    Chain { cycles: f64::from(cycles) / half as f64, members: members(&done, &waited, count) }
}

/// The instructions that the last result waited for, but for how the chain starts and ends.
fn members(done: &[u32], waited: &[Option<usize>], count: usize) -> Vec<bool> {
    let mut members = vec![false; count];
    let inner = done.len() / 4..done.len() * 3 / 4;
    let last = done.len() - count..done.len();
    let mut next = last.max_by_key(|index| done[*index]);
    while let Some(index) = next {
        members[index % count] |= inner.contains(&index);
        next = waited[index];
    }
    members
}

/// Whose results each instruction needs, once the loop has come round.
fn edges(details: &[&Detail]) -> Vec<Vec<Edge>> {
    let count = details.len();
    let mut written: Vec<Written> = Vec::new();
    let mut edges = Vec::new();
    for (index, detail) in details.iter().chain(details).enumerate() {
        if index >= count {
            edges.push(needs(detail, &written, count));
        }
        let registers =
            detail.uses.iter().map(|used| (Place::Register(used.physical), used.written.0));
        let flags = (Place::Flags, u64::from(detail.flags_written.0));
        for (place, lanes) in registers.chain([flags]).filter(|(_, lanes)| *lanes != 0) {
            written.iter_mut().filter(|old| old.place == place).for_each(|old| old.lanes &= !lanes);
            written.retain(|old| old.lanes != 0);
            written.push(Written { place, lanes, by: index });
        }
    }
    edges
}

fn needs(detail: &Detail, written: &[Written], count: usize) -> Vec<Edge> {
    let registers = detail.uses.iter().map(|used| {
        (Place::Register(used.physical), read(used), used.in_address && detail.memory.read)
    });
    let flags = (Place::Flags, u64::from(detail.flags_read.0), false);
    let mut edges = Vec::new();
    for (place, lanes, is_address) in registers.chain([flags]) {
        for old in written.iter().filter(|old| old.place == place && old.lanes & lanes != 0) {
            edges.push(Edge { from: old.by % count, is_carried: old.by < count, is_address });
        }
    }
    edges
}

/// The bytes that are waited for. A write of 8 or 16 bits of a general-purpose register is a merge
/// with the rest of it (Intel's optimization manual, "Partial Register Stalls"; AMD's, "Partial
/// Register Writes").
fn read(used: &Use) -> u64 {
    let is_merged = used.physical.bank == Bank::Gp
        && !used.written.is_empty()
        && !used.written.contains(Lanes::low(4));
    if is_merged { Lanes::low(8).0 } else { used.read.0 }
}
