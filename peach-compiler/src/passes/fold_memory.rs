//! Makes a value in memory an operand of the instruction that uses it: an argument on the stack or
//! behind a passed address, or a value that is spilled.
//!
//! Accepted only where it provably means the same: the form with memory reads and writes exactly
//! the bytes that the form with the register does, within the value, and does the same to
//! everything else. `movss` between registers merges and from memory clears, `bt` with memory
//! addresses beyond its operand, `insertps` takes its lane from the immediate: all of these differ
//! in their [`Effects`].

use crate::ir::{Instruction, Machine, Mem, Operand, Reg, VReg};
use crate::isa::{self, Access, Bank, Control, Effects, FeatureSet, Lanes};
use crate::sorted;

/// Where a value is in memory.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// The memory.
    pub place: Mem<Reg>,
    /// How long it is.
    pub bytes: u32,
    /// The alignment that it may be relied on to have, if its size is no less: the stack's, or that
    /// of arguments by reference. (That of wider vectors is a promise of the caller.)
    pub align: u32,
    /// Whether it may be changed.
    pub writable: bool,
}

/// `machine` with the register `vreg` replaced by `slot`. `effects` are those of `machine` as it
/// stands.
pub(crate) fn into(
    machine: &Machine,
    effects: &Effects<Reg>,
    vreg: VReg,
    slot: &Slot,
    features: &FeatureSet,
) -> Option<Machine> {
    let reg = Reg::Virtual(vreg);
    let mut places = 0;
    machine.inst.for_each_reg(|named| places += usize::from(named == reg));
    let index =
        machine.inst.operands.iter().position(|o| matches!(o, Operand::Reg(v) if v.reg == reg))?;
    let access = effects.regs.iter().find(|access| access.reg == reg)?;
    let is_written = !(access.write | access.may_write).is_empty();
    // `xchg` with memory is a locked instruction, slower than a load and a store.
    let others_written = effects.regs.iter().any(|a| a.reg != reg && !a.write.is_empty());
    let changes = is_written && (!slot.writable || others_written);
    let touches_memory = effects.memory.iter().any(|memory| !memory.address_only);
    if places != 1 || changes || touches_memory || effects.control != Control::Next {
        return None;
    }
    let Operand::Reg(view) = machine.inst.operands[index] else { return None };
    // A write of 32 bits clears the upper half; eight bytes of memory get a number's sign there.
    if is_written && view.class.bank() == Bank::Gp && access.write != view.class.lanes() {
        return None;
    }
    [None, Some(view.class.bytes()), Some(slot.bytes)].into_iter().find_map(|size| {
        let mut inst = machine.inst.clone();
        inst.operands[index] = Operand::Mem(Mem { size, ..slot.place.clone() });
        let selection = with_memory(&inst, effects, access, slot, features)?;
        Some(Machine { inst, selection, targets: machine.targets })
    })
}

/// The forms of `inst`, which has memory in place of the register `access`, if it does the same as
/// the instruction with `effects`.
fn with_memory(
    inst: &Instruction<Reg>,
    effects: &Effects<Reg>,
    access: &Access<Reg>,
    slot: &Slot,
    features: &FeatureSet,
) -> Option<isa::Selection> {
    let selection = isa::select(inst, features).ok()?;
    let folded = isa::effects(inst, &selection);
    let [memory] = folded.memory.as_slice() else { return None };
    let touched = Lanes::low(memory.bytes.filter(|&touched| touched <= slot.bytes)?);
    let if_done = |done: bool| if done { touched } else { Lanes::NONE };
    let aligned = memory.align <= slot.align;
    let same_bytes = access.read == if_done(memory.read)
        && access.write == if_done(memory.write)
        && access.may_write.is_empty()
        && memory.write == memory.always_written
        && !memory.address_only;
    let is_base = |reg| slot.place.base.view().is_some_and(|base| base.reg == reg);
    let others = |effects: &Effects<Reg>| -> Vec<Access<Reg>> {
        let is_other = |a: &&Access<Reg>| a.reg != access.reg && !is_base(a.reg);
        let mut others: Vec<_> = effects.regs.iter().filter(is_other).copied().collect();
        sorted::sort_by_key(&mut others, |a| a.reg);
        others
    };
    let same = others(effects) == others(&folded)
        && effects.flags_read == folded.flags_read
        && effects.flags_written == folded.flags_written
        && effects.flags_may_write == folded.flags_may_write
        && effects.stack == folded.stack
        && effects.x87 == folded.x87
        && effects.hazard == folded.hazard;
    (aligned && same_bytes && same).then_some(selection)
}
