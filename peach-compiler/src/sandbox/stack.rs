//! The stack pointer and the frame's base: whatever they get is cut down to 32 bits and put back
//! into the sandbox, before anything else happens.

use super::Rewriter;
use crate::ir::{Instruction, Operand, View};
use crate::isa::asm::{self, gp32, gp64};
use crate::isa::{Class, PhysReg, gp};

impl Rewriter<'_> {
    /// Rewrites an instruction that the frame is made or left with.
    pub(super) fn stack(&mut self, index: usize, inst: &Instruction<PhysReg>) -> bool {
        let name = inst.mnemonic.name();
        match (name, inst.operands.as_slice()) {
            ("leave", []) => {
                self.exactly(vec![asm::mov(gp64(gp::RSP), gp64(gp::RBP))]);
                self.pop_base(index);
            }
            ("pop", [Operand::Reg(View { reg: gp::RBP, .. })]) => self.pop_base(index),
            ("mov", [Operand::Reg(dst), Operand::Reg(src)])
                if (dst.reg, src.reg) == (gp::RSP, gp::RBP)
                    || (dst.reg, src.reg) == (gp::RBP, gp::RSP) =>
            {
                self.exactly(vec![inst.clone()]);
            }
            ("and", [Operand::Reg(View { reg: gp::RSP, .. }), Operand::Imm(mask)]) => {
                self.align_stack(inst, *mask);
            }
            ("add" | "sub" | "lea", [Operand::Reg(View { reg: gp::RSP, .. }), value]) => {
                let moved = Instruction::new(
                    inst.mnemonic,
                    vec![Operand::Reg(gp32(gp::RSP)), value.clone()],
                );
                self.put_back(moved, gp::RSP);
            }
            _ => return false,
        }
        true
    }

    /// The masks that a sandbox knows have one byte; others go through the scratch register.
    fn align_stack(&mut self, inst: &Instruction<PhysReg>, mask: i128) {
        if mask >= -128 {
            return self.exactly(vec![inst.clone()]);
        }
        let scratch = self.scratch(Class::Gp32);
        self.alone(asm::mov(scratch, gp32(gp::RSP)));
        self.alone(asm::and(scratch, mask));
        self.put_back(asm::mov(gp32(gp::RSP), scratch), gp::RSP);
    }

    fn pop_base(&mut self, index: usize) {
        self.alone(asm::pop(self.scratch(Class::Gp64)));
        // From here on nothing is counted from the base.
        self.follow_cfa(index + 1);
        let restored = asm::mov(gp32(gp::RBP), self.scratch(Class::Gp32));
        self.put_back(restored, gp::RBP);
    }

    /// `write` gives `reg` the low half of an address; what is after it puts it into the sandbox.
    fn put_back(&mut self, write: Instruction<PhysReg>, reg: PhysReg) {
        self.exactly(vec![write, asm::add(gp64(reg), self.base())]);
    }
}
