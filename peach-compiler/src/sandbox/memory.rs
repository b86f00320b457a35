//! Addresses: computed in 32 bits, in the scratch register, and counted from the sandbox's own.
//!
//! `mov` and `lea` change no flags. A register with 32 bits of an address is not touched, so what
//! it holds above them stays too; only string instructions change the registers that they move on.

use super::{Encodings, Padding, Rewriter, memory_operand};
use crate::ir::{Base, Instruction, Mem, Operand, View};
use crate::isa::asm::{self, gp32, gp64};
use crate::isa::{Bank, Class, Effects, PhysReg, gp};

/// Whether the address of `mem` has the sandbox in it: it is counted from `rip` or from the stack.
pub(super) fn holds_sandbox(mem: &Mem<PhysReg>) -> bool {
    match mem.base {
        Base::Rip | Base::Data(_) => true,
        Base::Reg(view) => [gp::RSP, gp::RBP].contains(&view.reg) || view.reg.bank == Bank::Ip,
        _ => false,
    }
}

/// Makes 32-bit registers of an address 64-bit ones: that takes no prefix, and gives the same low
/// half. Whether there were any.
pub(super) fn widen(mem: &mut Mem<PhysReg>) -> bool {
    let mut found = false;
    for view in mem.views_mut().filter(|view| view.class == Class::Gp32) {
        view.class = Class::Gp64;
        found = true;
    }
    found
}

/// Of an instruction that is `fwait` and another one, which then has to be the one next to its
/// address: that other one.
fn without_wait(name: &str, operand: Operand<PhysReg>) -> Option<Instruction<PhysReg>> {
    Some(match name {
        "fsave" => asm::fnsave(operand),
        "fstcw" => asm::fnstcw(operand),
        "fstenv" => asm::fnstenv(operand),
        "fstsw" => asm::fnstsw(operand),
        _ => return None,
    })
}

impl Rewriter<'_> {
    /// Rewrites an instruction with a memory operand. Addresses that are only computed are none.
    pub(super) fn memory(
        &mut self,
        inst: &Instruction<PhysReg>,
        effects: &Effects<PhysReg>,
    ) -> bool {
        let Some((position, mem)) = memory_operand(inst) else { return false };
        let is_number = matches!(inst.mnemonic.name(), "lea" | "nop");
        if is_number || self.stays_inside(mem) {
            return false;
        }
        let mut inst = inst.clone();
        let Operand::Mem(mem) = &mut inst.operands[position] else { return false };
        // `pop [rsp + …]` counts from the stack pointer as it is afterwards (Intel SDM, POP).
        if effects.stack > 0 && mem.base == Base::Reg(View { reg: gp::RSP, class: Class::Gp64 }) {
            mem.disp += i64::from(effects.stack);
        }
        if let Some(other) = without_wait(inst.mnemonic.name(), inst.operands[position].clone()) {
            self.alone(asm::fwait());
            inst = other;
        }
        self.access(&inst, position);
        true
    }

    /// Adds an instruction whose memory operand, the one at `position`, may be anywhere.
    pub(super) fn access(&mut self, inst: &Instruction<PhysReg>, position: usize) {
        let Operand::Mem(mem) = &inst.operands[position] else { return };
        if self.stays_inside(mem) {
            return self.alone(inst.clone());
        }
        let address = self.address(mem);
        let index = View { reg: self.sandbox.scratch, class: Class::Gp64 };
        let base = View { reg: self.sandbox.base, class: Class::Gp64 };
        let sandboxed = Mem {
            size: mem.size,
            broadcast: mem.broadcast,
            index: Some((index, 1)),
            ..Mem::new(Base::Reg(base), 0)
        };
        let mut accessing = inst.clone();
        accessing.operands[position] = Operand::Mem(sandboxed);
        self.group(vec![address, accessing], Padding::Before, Encodings::Any);
    }

    /// Whether an address is in the sandbox as it stands: counted from a register that is, or from
    /// the code, by less than the space around the sandbox.
    fn stays_inside(&self, mem: &Mem<PhysReg>) -> bool {
        match mem.base {
            Base::Reg(View { class: Class::Rip, .. }) | Base::Rip | Base::Data(_) => true,
            Base::Reg(view) => self.is_inside(view.reg) && mem.index.is_none(),
            _ => false,
        }
    }

    /// Brings the low half of an address to the scratch register.
    fn address(&self, mem: &Mem<PhysReg>) -> Instruction<PhysReg> {
        let scratch = self.scratch(Class::Gp32);
        match *mem {
            Mem { base: Base::Reg(only), index: None, disp: 0, disp_const: None, .. }
            | Mem { base: Base::None, index: Some((only, 1)), disp: 0, disp_const: None, .. } => {
                asm::mov(scratch, gp32(only.reg))
            }
            Mem { base, index, disp, disp_const, disp_size, .. } => {
                let mut place = Mem { index, disp_const, disp_size, ..Mem::new(base, disp) };
                widen(&mut place);
                asm::lea(scratch, place)
            }
        }
    }

    /// Rewrites an instruction that goes through `rsi` and `rdi` without saying so.
    pub(super) fn strings(
        &mut self,
        inst: &Instruction<PhysReg>,
        effects: &Effects<PhysReg>,
    ) -> bool {
        let is_implicit = effects.memory.iter().any(|memory| memory.operand.is_none());
        let used = |reg| effects.regs.iter().any(|a| a.reg == reg && !a.read.is_empty());
        if !is_implicit || effects.stack != 0 {
            return false;
        }
        let pointers: Vec<PhysReg> =
            [gp::RSI, gp::RDI].into_iter().filter(|&reg| used(reg)).collect();
        let mut sequence = Vec::new();
        for &reg in &pointers {
            let base = View { reg: self.sandbox.base, class: Class::Gp64 };
            let index = View { reg, class: Class::Gp64 };
            let place = Mem { index: Some((index, 1)), ..Mem::new(Base::Reg(base), 0) };
            sequence.push(truncate(reg));
            sequence.push(asm::lea(gp64(reg), place));
        }
        sequence.push(inst.clone());
        self.exactly(sequence);
        // Pointers are 32 bits again, as others that they may be compared with.
        pointers.iter().for_each(|&reg| self.alone(truncate(reg)));
        true
    }
}

/// Cuts an address down to the 32 bits that addresses have.
pub(super) fn truncate(reg: PhysReg) -> Instruction<PhysReg> {
    asm::mov(gp32(reg), gp32(reg))
}
