//! `bsf` and `bsr`: a source of zero leaves the destination as it is.
//!
//! A destination that something may have written before is an input: it is kept. One that nothing
//! has written has no value to keep, so there the instruction is its first write, with any value if
//! the source is zero. A forward may-analysis finds which bytes are which.

use super::Cfg;
use crate::ir::{Function, Op, Reg};
use crate::isa::{Effects, Lanes};

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

/// `dests` and what is copied to them, directly or by way of others. Sorted.
fn with_sources(function: &Function, mut dests: Vec<Reg>) -> Vec<Reg> {
    loop {
        dests.sort_unstable();
        dests.dedup();
        let is_new = |dst: Reg, src: Reg| {
            dests.binary_search(&dst).is_ok() && dests.binary_search(&src).is_err()
        };
        let sources: Vec<Reg> = function
            .insts
            .iter()
            .filter_map(|inst| match inst.op {
                Op::Copy { dst, src } if is_new(dst.reg, src.reg) => Some(src.reg),
                _ => None,
            })
            .collect();
        if sources.is_empty() {
            return dests;
        }
        dests.extend(sources);
    }
}

/// For each of them, the bytes of its destination that some path to it may have written.
fn written_before(
    function: &Function,
    cfg: &Cfg,
    effects: &[Effects<Reg>],
    followed: &[Reg],
) -> Vec<(usize, Reg, Lanes)> {
    let position = |reg: Reg| followed.binary_search(&reg);
    let mut at_entry = vec![vec![Lanes::NONE; followed.len()]; cfg.blocks.len()];
    for (vreg, _) in function.arriving() {
        if let Ok(at) = position(Reg::Virtual(vreg)) {
            at_entry[0][at] = Lanes::ALL;
        }
    }
    let step = |written: &mut [Lanes], index: usize| {
        for access in &effects[index].regs {
            if let Ok(at) = position(access.reg) {
                written[at] |= access.write | access.may_write;
            }
        }
        // A copy of what has no value gives it none.
        if let Op::Copy { dst, src } = function.insts[index].op
            && let (Ok(at), Ok(from)) = (position(dst.reg), position(src.reg))
        {
            let lanes = src.class.lanes();
            written[at] = (written[at] - lanes) | (written[from] & lanes);
        }
    };
    cfg.run_forward(|number, pass_on| {
        let mut written = at_entry[number].clone();
        cfg.blocks[number].insts().for_each(|index| step(&mut written, index));
        for &succ in &cfg.blocks[number].succs {
            let mut grew = false;
            for (known, new) in at_entry[succ as usize].iter_mut().zip(&written) {
                grew |= !known.contains(*new);
                *known |= *new;
            }
            if grew {
                pass_on(succ);
            }
        }
    });
    let mut found = Vec::new();
    let mut scans = scans(effects).peekable();
    for (block, mut written) in cfg.blocks.iter().zip(at_entry) {
        for index in block.insts() {
            while let Some((_, dest)) = scans.next_if(|(at, _)| *at == index) {
                let at = position(dest).expect("all of them are followed");
                found.push((index, dest, written[at]));
            }
            step(&mut written, index);
        }
    }
    found
}
