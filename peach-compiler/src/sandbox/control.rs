//! Jumps, calls and returns to addresses that are known only at run time: they go to the start of a
//! bundle of the sandbox, and nowhere else.

use super::{Encodings, Padding, Rewriter};
use crate::ir::{Cfa, Instruction, Mem, Operand};
use crate::isa::asm::{self, gp32};
use crate::isa::{Class, Control, Effects, PhysReg, gp};

/// How control leaves for an address of run time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Jump,
    Call,
}

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
            | (_, Control::IndirectJump, Some(_)) => self.indirect(inst, effects),
            // The return address is the start of a bundle.
            (_, Control::Call, _) => {
                self.group(vec![inst.clone()], Padding::ToEnd, Encodings::Exact);
            }
            _ => return false,
        }
        true
    }

    fn leave(&mut self, index: usize) {
        let cfa = self.cfa.last().map(|&(_, cfa)| cfa);
        self.alone(asm::pop(self.scratch(Class::Gp64)));
        self.set_cfa(Cfa { reg: gp::RSP, offset: 0 });
        self.go(Leaving::Jump);
        // What follows is reached from elsewhere.
        cfa.into_iter().for_each(|cfa| self.set_cfa(cfa));
        self.follow_cfa(index + 1);
    }

    /// The target goes to the scratch register first, so that its own register stays what it is.
    fn indirect(&mut self, inst: &Instruction<PhysReg>, effects: &Effects<PhysReg>) {
        let is_call = effects.control == Control::Call;
        let leaving = if is_call { Leaving::Call } else { Leaving::Jump };
        let target = match &inst.operands[0] {
            Operand::Reg(view) => Operand::Reg(gp32(view.reg)),
            Operand::Mem(mem) => Operand::Mem(Mem { size: Some(4), ..mem.clone() }),
            other => other.clone(),
        };
        let fetch = asm::mov(self.scratch(Class::Gp32), target);
        match super::memory_operand(&fetch) {
            Some((position, _)) => self.access(&fetch, position),
            None => self.alone(fetch),
        }
        self.go(leaving);
    }

    /// `jmp` or `call` to the bundle whose address is in the scratch register.
    fn go(&mut self, leaving: Leaving) {
        let target = self.scratch(Class::Gp64);
        // The return address is the start of a bundle.
        let (last, padding) = match leaving {
            Leaving::Jump => (asm::jmp(target), Padding::Before),
            Leaving::Call => (asm::call(target), Padding::ToEnd),
        };
        let align = -i128::from(self.sandbox.bundle);
        let sequence = vec![
            asm::and(self.scratch(Class::Gp32), align),
            asm::add(self.scratch(Class::Gp64), self.base()),
            last,
        ];
        self.group(sequence, padding, Encodings::Exact);
    }
}
