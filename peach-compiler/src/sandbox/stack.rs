//! The stack pointer and the frame's base: whatever they get is cut down to 32 bits and put back into
//! the sandbox, before anything else happens.

use super::{Rewriter, inst, register};
use crate::ir::{Instruction, Operand, View};
use crate::isa::{Class, PhysReg, gp};

impl Rewriter<'_> {
    /// Rewrites an instruction that the frame is made or left with.
    pub(super) fn stack(&mut self, index: usize, inst_: &Instruction<PhysReg>) -> bool {
        let name = inst_.mnemonic.name();
        match (name, inst_.operands.as_slice()) {
            ("leave", []) => {
                self.exactly(vec![inst("mov", vec![wide(gp::RSP), wide(gp::RBP)])]);
                self.pop_base(index);
            }
            ("pop", [Operand::Reg(View { reg: gp::RBP, .. })]) => self.pop_base(index),
            ("mov", [Operand::Reg(dst), Operand::Reg(src)])
                if (dst.reg, src.reg) == (gp::RSP, gp::RBP)
                    || (dst.reg, src.reg) == (gp::RBP, gp::RSP) =>
            {
                self.exactly(vec![inst_.clone()]);
            }
            ("and", [Operand::Reg(View { reg: gp::RSP, .. }), Operand::Imm(mask)]) => {
                self.align_stack(inst_, *mask);
            }
            ("add" | "sub" | "lea", [Operand::Reg(View { reg: gp::RSP, .. }), value]) => {
                let moved = inst(name, vec![narrow(gp::RSP), value.clone()]);
                self.put_back(moved, gp::RSP);
            }
            _ => return false,
        }
        true
    }

    /// The masks that a sandbox knows have one byte; others go through the scratch register.
    fn align_stack(&mut self, inst_: &Instruction<PhysReg>, mask: i128) {
        if mask >= -128 {
            return self.exactly(vec![inst_.clone()]);
        }
        let scratch = self.scratch(Class::Gp32);
        self.alone(inst("mov", vec![scratch.clone(), narrow(gp::RSP)]));
        self.alone(inst("and", vec![scratch.clone(), Operand::Imm(mask)]));
        self.put_back(inst("mov", vec![narrow(gp::RSP), scratch]), gp::RSP);
    }

    fn pop_base(&mut self, index: usize) {
        self.alone(inst("pop", vec![self.scratch(Class::Gp64)]));
        // From here on nothing is counted from the base.
        self.follow_cfa(index + 1);
        let restored = inst("mov", vec![narrow(gp::RBP), self.scratch(Class::Gp32)]);
        self.put_back(restored, gp::RBP);
    }

    /// `write` gives `reg` the low half of an address; what is behind it puts it into the sandbox.
    fn put_back(&mut self, write: Instruction<PhysReg>, reg: PhysReg) {
        self.exactly(vec![write, inst("add", vec![wide(reg), self.base()])]);
    }
}

fn wide(reg: PhysReg) -> Operand<PhysReg> {
    register(reg, Class::Gp64)
}

fn narrow(reg: PhysReg) -> Operand<PhysReg> {
    register(reg, Class::Gp32)
}
