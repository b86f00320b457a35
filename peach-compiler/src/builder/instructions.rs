//! The instructions of a function under construction: appended, inspected, changed.
//!
//! In: instructions by name, with operands. Out: the [`Builder`]'s function with them.
//! Fails: where no form of the instruction takes the operands, at once.

use super::{Builder, Register, Result, refusal, refused};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Inst, Instruction, Machine, Op, Operand, Reg, ResultKind, ReturnValue};
use crate::isa::{BadAddress, Mnemonic, SelectError, select, take_implied};
use proc_macro2::Span;

impl Builder {
    /// Appends an instruction.
    ///
    /// # Errors
    /// If there is no instruction of this name, or none with these operands, or it needs an
    /// extension that the signature's attributes do not name.
    pub fn emit(
        &mut self,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand<Reg>>,
    ) -> Result<()> {
        let inst = instruction(mnemonic, operands)?;
        self.emit_instruction(inst)
    }

    /// Appends an instruction with prefixes, a mask or a rounding mode.
    ///
    /// # Errors
    /// As [`emit`](Builder::emit).
    pub fn emit_instruction(&mut self, inst: Instruction<Reg>) -> Result<()> {
        let op = self.machine(inst)?;
        self.push(op);
        Ok(())
    }

    /// Appends a copy between registers of one class, which costs nothing where both get the same
    /// one.
    ///
    /// # Errors
    /// If the classes differ.
    pub fn copy(&mut self, dst: Register, src: Register) -> Result<()> {
        if dst.class != src.class {
            let (to, from) = (dst.class.name(), src.class.name());
            let message = format!("cannot copy `{from}` to `{to}`: the classes differ");
            return Err(refusal(Code::TypeMismatch, message));
        }
        self.push(Op::Copy { dst, src });
        Ok(())
    }

    /// Appends a return with these values: none, one, or two for a pair.
    ///
    /// # Errors
    /// If they are not as many as the result has.
    pub fn finish(&mut self, values: impl IntoIterator<Item = ReturnValue>) -> Result<()> {
        let values: Vec<ReturnValue> = values.into_iter().collect();
        check_result(&self.function.result, &values)?;
        self.push(Op::Return(values));
        Ok(())
    }

    /// The instructions so far, in order.
    pub fn instructions(&self) -> &[Inst] {
        &self.function.insts
    }

    /// An instruction as text.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn text(&self, index: usize) -> String {
        self.function.inst_text(&self.function.insts[index])
    }

    /// Replaces an instruction.
    ///
    /// # Errors
    /// As [`emit`](Builder::emit), or if there are fewer.
    pub fn replace(
        &mut self,
        index: usize,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand<Reg>>,
    ) -> Result<()> {
        self.check_index(index, self.function.insts.len())?;
        let op = self.machine(instruction(mnemonic, operands)?)?;
        self.function.insts[index].op = op;
        Ok(())
    }

    /// Puts an instruction before another one.
    ///
    /// # Errors
    /// As [`emit`](Builder::emit), or if there are fewer.
    pub fn insert(
        &mut self,
        index: usize,
        mnemonic: &str,
        operands: impl IntoIterator<Item = Operand<Reg>>,
    ) -> Result<()> {
        self.check_index(index, self.function.insts.len() + 1)?;
        let op = self.machine(instruction(mnemonic, operands)?)?;
        let inst = self.inst(op);
        self.function.insts.insert(index, inst);
        Ok(())
    }

    /// Takes an instruction away.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn remove(&mut self, index: usize) -> Result<Inst> {
        self.check_index(index, self.function.insts.len())?;
        Ok(self.function.insts.remove(index))
    }

    pub(super) fn push(&mut self, op: Op) {
        let inst = self.inst(op);
        self.function.insts.push(inst);
    }

    fn inst(&self, op: Op) -> Inst {
        let in_unsafe = self.decl.unsafety.is_some();
        Inst { op, span: self.function.span, operand_spans: Vec::new(), in_unsafe, inlined: None }
    }

    fn machine(&self, mut inst: Instruction<Reg>) -> Result<Op> {
        let selected =
            take_implied(&mut inst).and_then(|()| select(&inst, &self.function.features));
        match selected {
            Ok(selection) => Ok(Op::Machine(Machine { inst, targets: None, selection })),
            Err(error) => {
                let message = format!("`{}`: {error}", inst.mnemonic.name());
                Err(refusal(code_of(&error), message))
            }
        }
    }

    fn check_index(&self, index: usize, end: usize) -> Result<()> {
        match index < end {
            true => Ok(()),
            false => {
                let message = format!(
                    "there is no instruction {index}: the function has {}",
                    self.function.insts.len()
                );
                Err(refusal(Code::OutOfRange, message))
            }
        }
    }
}

/// An instruction by its name, without prefixes and decorations.
///
/// # Errors
/// If there is none of this name.
pub fn instruction(
    mnemonic: &str,
    operands: impl IntoIterator<Item = Operand<Reg>>,
) -> Result<Instruction<Reg>> {
    let Some(found) = Mnemonic::parse(mnemonic) else {
        let nearest: Vec<String> =
            Mnemonic::nearest(mnemonic).iter().map(|name| format!("`{name}`")).collect();
        let diagnostic = Diagnostic::new(
            Code::UnknownMnemonic,
            Span::call_site(),
            format!("unknown instruction `{mnemonic}`"),
        );
        return Err(refused(match nearest.is_empty() {
            true => diagnostic,
            false => diagnostic.help(format!("did you mean {}?", nearest.join(", "))),
        }));
    };
    Ok(Instruction::new(found, operands.into_iter().collect()))
}

/// The code of the error for users.
fn code_of(error: &SelectError) -> Code {
    match error {
        SelectError::BadAddress { problem: BadAddress::Displacement { .. }, .. } => {
            Code::OutOfRange
        }
        SelectError::NoForm { .. } | SelectError::BadAddress { .. } => Code::NoForm,
        SelectError::MissingExtension(_) => Code::MissingExtension,
        SelectError::AmbiguousSize { .. } => Code::AmbiguousSize,
        SelectError::OutOfRange { .. } => Code::OutOfRange,
        SelectError::BadDecoration { .. } => Code::BadDecoration,
        SelectError::RegisterConflict { .. } => Code::RegisterConflict,
        SelectError::Refused { .. } => Code::Refused,
    }
}

/// Whether the values fit the result type.
fn check_result(result: &ResultKind, values: &[ReturnValue]) -> Result<()> {
    let wanted = if let ResultKind::Values(wanted) = result { wanted.as_slice() } else { &[] };
    if wanted.len() != values.len() {
        let message = format!("the result has {} parts, not {}", wanted.len(), values.len());
        return Err(refusal(Code::BadReturn, message));
    }
    for (wanted, value) in wanted.iter().zip(values) {
        let bits = wanted.bytes * 8;
        let fits = match value {
            ReturnValue::Reg(view) => view.class == wanted.class,
            ReturnValue::Imm(value) => {
                !wanted.vector && (-(1i128 << (bits - 1))..1i128 << bits).contains(value)
            }
            ReturnValue::Data(_) => wanted.vector,
            ReturnValue::RustConst(_) => !wanted.vector,
        };
        if !fits {
            let class = wanted.class.name();
            let what = if wanted.vector { "a constant" } else { "a number" };
            let message = format!("the result is a `{class}` register, or {what} of {bits} bits");
            return Err(refusal(Code::BadReturn, message));
        }
    }
    Ok(())
}
