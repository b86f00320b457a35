//! Jumps, calls and returns to addresses that are known only at run time: they go to the start of a
//! bundle of the sandbox, and nowhere else.

use super::{Rewriter, make, register};
use crate::ir::{Cfa, Instruction, Mem, Operand, View};
use crate::isa::{Class, Control, Effects, PhysReg, gp};

impl Rewriter<'_> {
    /// Rewrites an instruction that leaves for an address of run time, or calls.
    pub(super) fn control(
        &mut self,
        index: usize,
        inst: &Instruction<PhysReg>,
        effects: &Effects<PhysReg>,
    ) -> bool {
        match (inst.mnemonic.name(), effects.control, inst.operands.first()) {
            ("ret", ..) => self.leave(index),
            (_, Control::Call, Some(Operand::Reg(_) | Operand::Mem(_)))
            | (_, Control::IndirectJump, Some(_)) => self.indirect(inst),
            // The return address is the start of a bundle.
            (_, Control::Call, _) => self.group(vec![inst.clone()], true, true),
            _ => return false,
        }
        true
    }

    fn leave(&mut self, index: usize) {
        let cfa = self.cfa.last().map(|&(_, cfa)| cfa);
        self.alone(make("pop", vec![self.scratch(Class::Gp64)]));
        self.set_cfa(Cfa { reg: gp::RSP, offset: 0 });
        self.go("jmp");
        // What follows is reached from elsewhere.
        cfa.into_iter().for_each(|cfa| self.set_cfa(cfa));
        self.follow_cfa(index + 1);
    }

    /// The target goes to the scratch register first, so that its own register stays what it is.
    fn indirect(&mut self, inst: &Instruction<PhysReg>) {
        let target = match &inst.operands[0] {
            Operand::Reg(view) => register(view.reg, Class::Gp32),
            Operand::Mem(mem) => Operand::Mem(Mem { size: Some(4), ..mem.clone() }),
            other => other.clone(),
        };
        let fetch = make("mov", vec![self.scratch(Class::Gp32), target]);
        match super::memory_operand(&fetch) {
            Some((position, _)) => self.access(&fetch, position),
            None => self.alone(fetch),
        }
        self.go(inst.mnemonic.name());
    }

    /// `jmp` or `call` to the bundle whose address is in the scratch register.
    fn go(&mut self, name: &str) {
        let scratch = |class| self.scratch(class);
        let align = Operand::Imm(-i128::from(self.sandbox.bundle));
        let sequence = vec![
            make("and", vec![scratch(Class::Gp32), align]),
            make("add", vec![scratch(Class::Gp64), self.base()]),
            make(name, vec![Operand::Reg(View { reg: self.sandbox.scratch, class: Class::Gp64 })]),
        ];
        self.group(sequence, name == "call", true);
    }
}
