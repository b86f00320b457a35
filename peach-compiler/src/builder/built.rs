//! Functions that are built: registers allocated, framed, checked, encoded.
//!
//! In: a [`Builder`]'s function and a convention. Out: [`Built`].
//! Fails: as for a kernel in text.

use super::{Builder, Result, refusal};
use crate::diagnostics::{Code, Diagnostics};
use crate::emit::Module;
use crate::emit::reports::listing::{self, Source};
use crate::expand;
use crate::ir::{LocalOp, Op, Operand};
use crate::isa;
use crate::pipeline::{self, CompiledFunction, Target};
use crate::syntax::ast;

impl Builder {
    /// The function for a convention: registers allocated, framed, checked, encoded.
    ///
    /// # Errors
    /// As for a kernel in text: what is read was not written, there are too few registers, …
    pub fn build(&self, target: impl Into<Target>) -> Result<Built> {
        self.check_labels()?;
        let mut function = expand::declare(&self.decl, target)?;
        let body = self.function.clone();
        function.vregs = body.vregs;
        function.labels = body.labels;
        function.data = body.data;
        function.locals = body.locals;
        function.insts = body.insts;
        if !function.insts.last().is_some_and(|inst| ends(&inst.op)) {
            return Err(refusal(
                Code::MissingReturn,
                "the function does not end in a return or a jump".to_string(),
            ));
        }
        let mut diagnostics = Diagnostics::new();
        let usage = &mut Default::default();
        match pipeline::compile_function(function, usage, &mut diagnostics, &mut ()) {
            Some(compiled) => Ok(Built { decl: self.decl.clone(), compiled }),
            None => Err(diagnostics),
        }
    }

    /// Every label that is used is placed exactly once.
    fn check_labels(&self) -> Result<()> {
        for inst in &self.function.insts {
            let Op::Machine(machine) = &inst.op else { continue };
            for operand in &machine.inst.operands {
                let Operand::Label(branch) = operand else { continue };
                if self.places(branch.label) != 1 {
                    let name = &self.function[branch.label].name;
                    let message = format!("the label `{name}` is used but never placed");
                    return Err(refusal(Code::UndefinedLabel, message));
                }
            }
        }
        Ok(())
    }
}

/// A function for one convention.
#[derive(Clone, Debug)]
pub struct Built {
    /// Signature, attributes, documentation.
    pub decl: ast::Kernel,
    /// All stages of it.
    pub compiled: CompiledFunction,
}

impl Built {
    /// Its code, without its constants.
    pub fn code(&self) -> &[u8] {
        &self.compiled.encoded.bytes[..self.compiled.encoded.code_len]
    }

    /// Its code with offsets, bytes and physical registers.
    pub fn listing(&self) -> String {
        listing::listing(&self.compiled, &Source::default())
    }

    /// Adds it to a module, under its name or what `#[export_name]` says.
    ///
    /// # Errors
    /// If the module has a function of this symbol.
    pub fn add_to(self, module: &mut Module) -> Result<()> {
        let mut diagnostics = Diagnostics::new();
        module.push(self.decl, self.compiled, &mut diagnostics);
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(()) }
    }
}

/// Whether nothing runs past it.
fn ends(op: &Op) -> bool {
    match op {
        Op::Return(_) => true,
        Op::Local(op, _) => matches!(op, LocalOp::Return),
        Op::Machine(machine) => !isa::effects(&machine.inst, &machine.selection).control.goes_on(),
        Op::Label(_)
        | Op::Copy { .. }
        | Op::SetImm { .. }
        | Op::Undefined { .. }
        | Op::LoadArg { .. }
        | Op::Align(_)
        | Op::Ghost(_)
        | Op::Bytes(_) => false,
    }
}
