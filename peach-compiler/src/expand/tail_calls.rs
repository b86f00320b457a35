//! `jmp sym path`: the kernel ends in another function, which returns to the kernel's caller.
//!
//! Out: the jump itself, before which `frame` restores what the kernel has saved. Code that is in
//! its caller has nothing to leave: there it is a call, and a `return` of what that returns.

use super::evaluate::Evaluated;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Instruction, Machine, Op, Reg, ResultKind, ReturnValue, View};
use crate::isa::{self, Mnemonic, PhysReg, Selection, gp};
use crate::syntax::ast::Name;

impl Expander<'_, '_> {
    /// `inst`, a jump to a Rust item.
    pub(super) fn tail_call(
        &mut self,
        inst: Instruction<Reg>,
        selection: Selection,
        name: &Name,
        spans: Vec<Place>,
    ) -> Evaluated<()> {
        if let Some(stream) = self.around.recording {
            return Err(self.error(
                Diagnostic::new(
                    Code::StreamMisuse,
                    name.span(),
                    "a tail call is not allowed in a stream",
                )
                .label(stream, "the stream")
                .note("the instructions of a stream are emitted elsewhere, one by one"),
            ));
        }
        if self.is_in_local_fn() {
            return Err(self.error(
                Diagnostic::new(
                    Code::Refused,
                    name.span(),
                    "a tail call is not allowed in a local function",
                )
                .note(
                    "it leaves the kernel's frame, and the kernel goes on after the local function",
                )
                .help("`call` the function, or jump to it from the kernel"),
            ));
        }
        if !self.output.function.options.inlined {
            let machine = Machine { inst, targets: None, selection };
            self.emit(Op::Machine(machine), name.span(), spans);
            return Ok(());
        }
        let values = self.what_it_returns(name)?;
        let Some(call) = Mnemonic::parse("call") else { return Ok(()) };
        let inst = Instruction { mnemonic: call, ..inst };
        let Ok(selection) = isa::select(&inst, &self.output.function.features) else {
            return Ok(());
        };
        let machine = Machine { inst, targets: None, selection };
        self.emit(Op::Machine(machine), name.span(), spans);
        self.emit(Op::Return(values), name.span(), Vec::new());
        Ok(())
    }

    /// The registers that a function of the kernel's own type returns in.
    fn what_it_returns(&mut self, name: &Name) -> Evaluated<Vec<ReturnValue>> {
        let ResultKind::Values(results) = &self.output.function.result else {
            return Ok(Vec::new());
        };
        match results.as_slice() {
            [result] => {
                let reg = if result.vector { PhysReg::vector(0) } else { gp::RAX };
                let view = View { reg: Reg::Physical(reg), class: result.class };
                Ok(vec![ReturnValue::Reg(view)])
            }
            _ => Err(self.pair_in_caller(name)),
        }
    }

    fn pair_in_caller(&mut self, name: &Name) -> Reported {
        self.error(
            Diagnostic::new(
                Code::Refused,
                name.span(),
                "a kernel that is inlined cannot end in a tail call if its result is a pair",
            )
            .note("its code goes on in its caller, which takes the pair from two registers")
            .help("`call` the function, and `return` what it has returned"),
        )
    }
}
