//! A source register for which stack memory stands: the instruction must do the same with it.
//!
//! `movss` between registers merges and from memory clears, a store of 64 bits gets the sign of its
//! number where a register of 32 gets zeros: forms of one name differ. So the effects of what
//! is there are worked out anew and compared, access by access, with those of what was written.

use super::stack::{Address, Layout};
use super::{Checked, Refusal};
use crate::ir::{Base, Function, Instruction, Mem, Reg, View};
use crate::isa::{self, Access, Bank, Effects, Lanes, MemAccess, PhysReg, gp};

/// The operand that became memory, and where that is.
pub(super) struct Folded<'a> {
    pub operand: usize,
    pub view: View<Reg>,
    pub mem: &'a Mem<PhysReg>,
    pub slot: Address,
}

impl Folded<'_> {
    /// Accepts `rendering`, whose registers stand for those of the user as `place_of` says, if it
    /// does what `effects` says of the instruction as written.
    pub fn check(
        &self,
        rendering: &Instruction<PhysReg>,
        effects: &Effects<Reg>,
        function: &Function,
        layout: &Layout,
        place_of: impl Fn(Reg) -> Option<PhysReg>,
    ) -> Checked {
        let different = || Refusal::new(format!("memory in `{rendering}` does not do the same"));
        let selection = isa::select(rendering, &function.features).map_err(|_| different())?;
        let done = isa::effects(rendering, &selection);
        let [memory] = done.memory.as_slice() else { return Err(different()) };
        let access = effects.regs.iter().find(|access| access.reg == self.view.reg);
        let same = access.is_some_and(|access| self.is_same_access(memory, access))
            && layout.is_aligned(self.slot, memory.align, function.convention.stack_align)
            && effects.flags_read == done.flags_read
            && effects.flags_written == done.flags_written
            && effects.flags_may_write == done.flags_may_write
            && effects.control == done.control
            && effects.stack == done.stack
            && self.are_same_others(effects, &done, place_of);
        if same { Ok(()) } else { Err(different()) }
    }

    /// Memory is read and written in exactly the bytes in which the register was.
    fn is_same_access(&self, memory: &MemAccess, access: &Access<Reg>) -> bool {
        let Some(bytes) = memory.bytes else { return false };
        let touched = |done: bool| if done { Lanes::low(bytes) } else { Lanes::NONE };
        // A result is as wide as the operand that it is written to. Of a source there may be less
        // in memory than the register has: `pinsrw` takes 16 bits of 32.
        let is_as_wide = self.view.class.bank() != Bank::Gp
            || !memory.write
            || self.view.class.lanes() == Lanes::low(bytes);
        is_as_wide
            && memory.operand == Some(self.operand)
            && self.mem.broadcast.is_none()
            && !memory.address_only
            && memory.write == memory.always_written
            && access.read == touched(memory.read)
            && access.write == touched(memory.write)
            && access.may_write.is_empty()
    }

    /// Every other register is read and written in the same bytes, but for the base of the address.
    fn are_same_others(
        &self,
        effects: &Effects<Reg>,
        done: &Effects<PhysReg>,
        place_of: impl Fn(Reg) -> Option<PhysReg>,
    ) -> bool {
        let mut wanted: Vec<Access<PhysReg>> = Vec::new();
        for access in effects.regs.iter().filter(|access| access.reg != self.view.reg) {
            let Some(reg) = place_of(access.reg) else { return false };
            join(&mut wanted, Access { reg, ..parts(access) });
        }
        let Base::Reg(base) = self.mem.base else { return false };
        join(&mut wanted, Access { reg: base.reg, read: Lanes::low(8), ..NOTHING });
        let mut found: Vec<Access<PhysReg>> = Vec::new();
        done.regs.iter().for_each(|access| join(&mut found, *access));
        join(&mut found, Access { reg: base.reg, read: Lanes::low(8), ..NOTHING });
        found.len() == wanted.len() && found.iter().all(|access| wanted.contains(access))
    }
}

const NOTHING: Access<PhysReg> = Access {
    reg: gp::RAX,
    read: Lanes::NONE,
    write: Lanes::NONE,
    may_write: Lanes::NONE,
    zeroed: Lanes::NONE,
};

fn parts(access: &Access<Reg>) -> Access<PhysReg> {
    let Access { read, write, may_write, zeroed, .. } = *access;
    Access { read, write, may_write, zeroed, ..NOTHING }
}

/// Adds an access; several source registers may be in one place.
fn join(all: &mut Vec<Access<PhysReg>>, access: Access<PhysReg>) {
    match all.iter_mut().find(|known| known.reg == access.reg) {
        None => all.push(access),
        Some(known) => {
            known.read |= access.read;
            known.write |= access.write;
            known.may_write |= access.may_write;
            known.zeroed |= access.zeroed;
        }
    }
}
