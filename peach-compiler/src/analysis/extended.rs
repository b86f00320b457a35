//! Whether a pointer of 32 bits is already extended where it is returned.
//!
//! Callers may rely on zeros above it (System V AMD64 psABI 1.0, section 10.1). Where a returned
//! register is known to hold them, the return reads all of them, which keeps them alive, and nothing
//! has to be added.

use super::Cfg;
use crate::ir::{Function, Op, Reg, ResultKind, ReturnValue};
use crate::isa::{Access, Effects, Lanes};

/// Adds to the effects of returns the bytes that extend what they return.
pub(super) fn complete_returns(function: &Function, cfg: &Cfg, effects: &mut [Effects<Reg>]) {
    let ResultKind::Values(types) = &function.result else { return };
    let [ty] = types.as_slice() else { return };
    if ty.vector || ty.bytes >= ty.extended {
        return;
    }
    let extended = Lanes::low(ty.extended);
    for at in 0..function.insts.len() {
        let Op::Return(values) = &function.insts[at].op else { continue };
        let [ReturnValue::Reg(view)] = values.as_slice() else { continue };
        let above = extended - Lanes::low(ty.bytes);
        if are_zero(function, cfg, effects, at, view.reg, above)
            && let Some(access) = access_of(&mut effects[at], view.reg)
        {
            access.read |= extended;
        }
    }
}

fn access_of(effects: &mut Effects<Reg>, reg: Reg) -> Option<&mut Access<Reg>> {
    effects.regs.iter_mut().find(|access| access.reg == reg)
}

/// Whether `lanes` of `reg` are zero before instruction `at`, on every path.
fn are_zero(
    function: &Function,
    cfg: &Cfg,
    effects: &[Effects<Reg>],
    at: usize,
    reg: Reg,
    lanes: Lanes,
) -> bool {
    let blocks = &cfg.blocks;
    let mut asked: Vec<(u32, Reg, Lanes)> = Vec::new();
    let mut open = vec![(cfg.block_of[at], at, reg, lanes)];
    while let Some((block, end, reg, lanes)) = open.pop() {
        let start = blocks[block as usize].start as usize;
        match scan(function, effects, start..end, reg, lanes) {
            Scan::Zero => {}
            Scan::Other => return false,
            Scan::Copied(at, src, lanes) => open.push((block, at, src, lanes)),
            Scan::Start(_) if block == 0 => return false,
            Scan::Start(lanes) => {
                for &pred in &blocks[block as usize].preds {
                    if !asked.contains(&(pred, reg, lanes)) {
                        asked.push((pred, reg, lanes));
                        open.push((pred, blocks[pred as usize].end as usize, reg, lanes));
                    }
                }
            }
        }
    }
    true
}

/// What a walk backwards through a block finds.
enum Scan {
    /// All of the bytes are zero.
    Zero,
    /// One of them may not be.
    Other,
    /// They are those of another register before an instruction.
    Copied(usize, Reg, Lanes),
    /// The block does not write these.
    Start(Lanes),
}

fn scan(
    function: &Function,
    effects: &[Effects<Reg>],
    range: std::ops::Range<usize>,
    reg: Reg,
    mut lanes: Lanes,
) -> Scan {
    for at in range.rev() {
        let Some(access) = effects[at].regs.iter().find(|a| a.reg == reg) else { continue };
        if !(access.write | access.may_write).intersects(lanes) {
            continue;
        }
        let zeroed = access.zeroed & access.write;
        let left = (access.write & lanes) - zeroed;
        if let Op::Copy { dst, src } = function.insts[at].op
            && !left.is_empty()
            && dst.class.lanes().contains(left)
            && !access.may_write.intersects(lanes)
            && (lanes - access.write).is_empty()
        {
            return Scan::Copied(at, src.reg, left);
        }
        if !left.is_empty() || access.may_write.intersects(lanes) {
            return Scan::Other;
        }
        lanes = lanes - zeroed;
        if lanes.is_empty() {
            return Scan::Zero;
        }
    }
    Scan::Start(lanes)
}
