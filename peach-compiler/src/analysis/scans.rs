//! `bsf` and `bsr`: a source of zero leaves the destination as it is.
//!
//! A destination that something may have written before is an input: it is kept. One that nothing
//! has written has no value to keep, so there the instruction is its first write, with any value if
//! the source is zero. A forward may-analysis finds which bytes are which.

use super::access::given_at;
use super::dominators::Flow;
use super::{Cfg, MOST_LIVE};
use crate::ir::{Function, Op, Reg};
use crate::isa::{Effects, Lanes};
use crate::sorted::{SortedMap, SortedSet};

/// Lets such instructions write the bytes of their destination that nothing may have written
/// before.
pub(super) fn complete_scans(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
    let followed = with_sources(function, scans(effects).map(|(_, dest)| dest).collect());
    if followed.is_empty() {
        return;
    }
    for (index, dest, written) in written_before(function, cfg, effects, &followed) {
        for access in effects[index].regs.iter_mut().filter(|access| access.reg == dest) {
            access.write |= access.may_write - written;
            access.may_write = access.may_write & written;
        }
    }
}

/// The instructions in question, with their destinations.
fn scans(effects: &[Effects<Reg>]) -> impl Iterator<Item = (usize, Reg)> {
    effects.iter().enumerate().filter(|(_, effects)| effects.settles).flat_map(
        |(index, effects)| {
            let kept = effects.regs.iter().filter(|access| !access.may_write.is_empty());
            kept.map(move |access| (index, access.reg))
        },
    )
}

/// `dests` and what is copied to them, directly or by way of others.
fn with_sources(function: &Function, mut dests: Vec<Reg>) -> SortedSet<Reg> {
    if dests.is_empty() {
        return SortedSet::new();
    }
    let mut copied: SortedMap<Reg, Vec<Reg>> = SortedMap::new();
    for inst in &function.insts {
        if let Op::Copy { dst, src } = inst.op {
            copied.get_or_default(dst.reg).push(src.reg);
        }
    }
    let mut all = SortedSet::new();
    while let Some(reg) = dests.pop() {
        if all.insert(reg) {
            dests.extend(copied.remove(&reg).unwrap_or_default());
        }
    }
    all
}

/// The bytes of registers that may have been written, of those of which some may.
type Written = SortedMap<Reg, Lanes>;

/// For each of them, the bytes of its destination that some path to it may have written: all of
/// them where more would have to be followed than [`MOST_LIVE`].
fn written_before(
    function: &Function,
    cfg: &Cfg,
    effects: &[Effects<Reg>],
    followed: &SortedSet<Reg>,
) -> Vec<(usize, Reg, Lanes)> {
    let lasting = leave_their_blocks(cfg, effects, followed);
    let mut at_entry = vec![Written::new(); cfg.blocks.len()];
    let arriving = function.arriving().into_iter().map(|(vreg, _)| Reg::Virtual(vreg));
    at_entry[0].extend(arriving.filter(|reg| followed.contains(reg)).map(|reg| (reg, Lanes::ALL)));
    for &entry in &cfg.entries {
        let given = given_at(function, cfg, entry).into_iter();
        let given = given.filter(|reg| followed.contains(reg)).map(|reg| (reg, Lanes::ALL));
        at_entry[entry as usize].extend(given);
    }
    let step = |written: &mut Written, index: usize| {
        for access in &effects[index].regs {
            let lanes = access.write | access.may_write;
            if !lanes.is_empty() && followed.contains(&access.reg) {
                *written.get_or_insert(access.reg, Lanes::NONE) |= lanes;
            }
        }
        // A copy of what has no value gives it none.
        if let Op::Copy { dst, src } = function.insts[index].op
            && followed.contains(&dst.reg)
            && followed.contains(&src.reg)
        {
            let (lanes, from) = (src.class.lanes(), of(written, src.reg));
            let all = (of(written, dst.reg) - lanes) | (from & lanes);
            written.insert(dst.reg, all);
        }
    };
    let mut room = MOST_LIVE;
    cfg.run_forward(|number, pass_on| {
        if room == 0 {
            return;
        }
        let mut written = at_entry[number].clone();
        cfg.blocks[number].insts().for_each(|index| step(&mut written, index));
        written.retain(|reg, lanes| !lanes.is_empty() && lasting.contains(reg));
        for &succ in &cfg.blocks[number].succs {
            let known = &mut at_entry[succ as usize];
            let before = known.len();
            let mut grew = false;
            for (&reg, &new) in &written {
                let old = known.get_or_insert(reg, Lanes::NONE);
                grew |= !old.contains(new);
                *old |= new;
            }
            room = room.saturating_sub(known.len() - before);
            if grew {
                pass_on(succ);
            }
        }
    });
    if room == 0 {
        return scans(effects).map(|(index, dest)| (index, dest, Lanes::ALL)).collect();
    }
    let mut found = Vec::new();
    let mut scans = scans(effects).peekable();
    for (block, mut written) in cfg.blocks.iter().zip(at_entry) {
        for index in block.insts() {
            while let Some((_, dest)) = scans.next_if(|(at, _)| *at == index) {
                found.push((index, dest, of(&written, dest)));
            }
            step(&mut written, index);
        }
    }
    found
}

fn of(written: &Written, reg: Reg) -> Lanes {
    written.get(&reg).copied().unwrap_or(Lanes::NONE)
}

/// Those that are used in more than one block, or in a loop.
fn leave_their_blocks(
    cfg: &Cfg,
    effects: &[Effects<Reg>],
    followed: &SortedSet<Reg>,
) -> SortedSet<Reg> {
    let flow = Flow::of(cfg);
    let mut first: SortedMap<Reg, u32> = SortedMap::new();
    let mut lasting = SortedSet::new();
    for (effects, &block) in effects.iter().zip(&cfg.block_of) {
        for access in effects.regs.iter().filter(|access| followed.contains(&access.reg)) {
            let is_elsewhere = *first.get_or_insert(access.reg, block) != block;
            if is_elsewhere || flow.is_in_cycle(block + 1) {
                lasting.insert(access.reg);
            }
        }
    }
    lasting
}
