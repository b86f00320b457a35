//! The stack pointer and the frame's base: whatever they get is cut down to 32 bits and put back into
//! the sandbox, before anything else happens.

use super::{Rewriter, make, register};
use crate::ir::{Instruction, Operand, View};
use crate::isa::{Class, PhysReg, gp};

impl Rewriter<'_> {
    /// Rewrites an instruction that the frame is made or left with.
    pub(super) fn stack(&mut self, index: usize, inst: &Instruction<PhysReg>) -> bool {
        let name = inst.mnemonic.name();
        match (name, inst.operands.as_slice()) {
            ("leave", []) => {
                self.exactly(vec![make("mov", vec![wide(gp::RSP), wide(gp::RBP)])]);
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
                let moved = make(name, vec![narrow(gp::RSP), value.clone()]);
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
        self.alone(make("mov", vec![scratch.clone(), narrow(gp::RSP)]));
        self.alone(make("and", vec![scratch.clone(), Operand::Imm(mask)]));
        self.put_back(make("mov", vec![narrow(gp::RSP), scratch]), gp::RSP);
    }

    fn pop_base(&mut self, index: usize) {
        self.alone(make("pop", vec![self.scratch(Class::Gp64)]));
        // From here on nothing is counted from the base.
        self.follow_cfa(index + 1);
        let restored = make("mov", vec![narrow(gp::RBP), self.scratch(Class::Gp32)]);
        self.put_back(restored, gp::RBP);
    }

    /// `write` gives `reg` the low half of an address; what is behind it puts it into the sandbox.
    fn put_back(&mut self, write: Instruction<PhysReg>, reg: PhysReg) {
        self.exactly(vec![write, make("add", vec![wide(reg), self.base()])]);
    }
}

fn wide(reg: PhysReg) -> Operand<PhysReg> {
    register(reg, Class::Gp64)
}

fn narrow(reg: PhysReg) -> Operand<PhysReg> {
    register(reg, Class::Gp32)
}
