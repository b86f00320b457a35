//! Moves that vanish if registers are chosen well: copies, arguments that stay where they arrive,
//! results that are computed where they leave.

use super::costs::{BYTE, Frequency};
use super::problem::Prices;
use crate::abi::ResultPlace;
use crate::analysis::Facts;
use crate::ir::{Function, Op, Reg, ReturnValue, VReg};
use crate::isa::PhysReg;

/// What a register move counts for, in bytes: more than all that encodings can save. Users want no
/// instruction that is not needed, even where it would shorten others.
const MOVE: i64 = 1_000_000;

/// A copy between two virtual registers and what it costs if they differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct CopyGain {
    /// One end.
    pub a: VReg,
    /// The other.
    pub b: VReg,
    /// Weighed bytes.
    pub gain: i64,
}

/// Collects the copies between virtual registers, and makes the physical registers that values
/// come from or go to cheaper for them.
pub(super) fn collect(
    function: &Function,
    facts: &Facts,
    frequency: &Frequency,
    prices: &mut [Prices],
) -> Vec<CopyGain> {
    let mut copies = Vec::new();
    let mut prefer = |vreg: VReg, reg: PhysReg, gain: i64| {
        if function[vreg].class.bank() == reg.bank {
            prices[vreg.index()][reg.num as usize] -= gain;
        }
    };
    let live = facts.liveness.live_in.first().into_iter().flatten();
    let live: Vec<Reg> = live.map(|&(reg, _)| reg).collect();
    for (vreg, arrival) in function.arriving() {
        if live.contains(&Reg::Virtual(vreg)) {
            // A move is as long here as at the return, but here everything waits for it.
            prefer(vreg, arrival, MOVE * BYTE + 1);
        }
    }
    for (index, inst) in function.insts.iter().enumerate() {
        let gain = MOVE * frequency.of(facts, index);
        match &inst.op {
            Op::Copy { dst, src } => match (dst.reg, src.reg) {
                (Reg::Virtual(a), Reg::Virtual(b)) if a != b => {
                    copies.push(CopyGain { a, b, gain })
                }
                (Reg::Virtual(vreg), Reg::Physical(reg))
                | (Reg::Physical(reg), Reg::Virtual(vreg)) => prefer(vreg, reg, gain),
                _ => {}
            },
            Op::Return(values) => {
                let ResultPlace::Regs(places) = &function.placement.result else { continue };
                for (value, &place) in values.iter().zip(places) {
                    if let ReturnValue::Reg(view) = value
                        && let Reg::Virtual(vreg) = view.reg
                    {
                        prefer(vreg, place, gain);
                    }
                }
            }
            Op::Label(_)
            | Op::Machine(_)
            | Op::SetImm { .. }
            | Op::Undefined { .. }
            | Op::LoadArg { .. }
            | Op::Local(..)
            | Op::Align(_)
            | Op::Ghost(_)
            | Op::Bytes(_) => {}
        }
    }
    copies
}
