//! Whether a narrow result is already extended where it is returned.
//!
//! Callers may rely on 32 bits of an integer result, and on 64 of a pointer with 32. Where a returned
//! register is known to hold them, the return reads all of them, which keeps them alive, and nothing
//! has to be added.

use super::Cfg;
use crate::ir::{Function, Mem, Op, Operand, Reg, ResultKind, ReturnValue};
use crate::isa::{Access, Class, Effects, Lanes};

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
        let known = match ty.signed {
            true => is_sign_extended(function, cfg, effects, at, view.reg, ty.bytes),
            false => {
                are_zero(function, cfg, effects, at, view.reg, extended - Lanes::low(ty.bytes))
            }
        };
        if known && let Some(access) = access_of(&mut effects[at], view.reg) {
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

/// Whether the low 4 bytes of `reg` are its low `bytes` bytes, sign-extended, before instruction
/// `at`: its last writer in the block is a `movsx` that says so.
fn is_sign_extended(
    function: &Function,
    cfg: &Cfg,
    effects: &[Effects<Reg>],
    at: usize,
    reg: Reg,
    bytes: u32,
) -> bool {
    let start = cfg.blocks[cfg.block_of[at] as usize].start as usize;
    let writes = |i: &usize| {
        let mut accesses = effects[*i].regs.iter().filter(|a| a.reg == reg);
        accesses.any(|a| (a.write | a.may_write).intersects(Lanes::low(4)))
    };
    let Some(writer) = (start..at).rev().find(writes) else { return false };
    let Op::Machine(machine) = &function.insts[writer].op else { return false };
    let [Operand::Reg(dst), src] = machine.inst.operands.as_slice() else { return false };
    let source_bytes = match src {
        Operand::Reg(view) if view.class != Class::Gp8h => view.class.bytes(),
        Operand::Mem(Mem { size: Some(size), .. }) => *size,
        _ => return false,
    };
    machine.inst.mnemonic.name() == "movsx"
        && dst.reg == reg
        && dst.class.bytes() >= 4
        && source_bytes == bytes
}
