//! `return`: the operands that leave the kernel, checked against its result type.

use super::evaluate::{Evaluated, place};
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Machine, Op, ResultKind, ResultValue, ReturnValue, Validity, View};
use crate::isa::{self, Bank};
use crate::syntax::ast::{Element, Expr, ExprKind, Statement};
use proc_macro2::Span;

impl<'a> Expander<'a, '_> {
    /// `return;`, `return x;`, `return (a, b);` in a kernel. (That of a helper never gets here
    /// unless it is where it may not.)
    pub(super) fn return_statement(
        &mut self,
        statement: &'a Statement,
        expr: Option<&'a Expr>,
    ) -> Evaluated<()> {
        let span = statement.span.0;
        if let Some(stream) = self.around.recording {
            return Err(self.error(
                Diagnostic::new(Code::StreamMisuse, span, "a `return` is not allowed in a stream")
                    .label(stream, "the stream")
                    .note("the instructions of a stream are emitted elsewhere, one by one"),
            ));
        }
        if !self.around.calls.is_empty() {
            return Err(self.error(
                Diagnostic::new(
                    Code::BadReturn,
                    span,
                    "`return` in a helper is only allowed at its end",
                )
                .note("it names the results; it does not leave the kernel")
                .help("jump to a label at the end of the helper"),
            ));
        }
        if let Some(reported) = self.result.in_error {
            return Err(reported);
        }
        let values = match (self.output.function.result.clone(), expr) {
            (ResultKind::Unit, None) => Vec::new(),
            (ResultKind::Unit, Some(expr)) => match &expr.kind {
                ExprKind::Tuple(parts) if parts.is_empty() => Vec::new(),
                _ => {
                    return Err(self.error(
                        Diagnostic::new(Code::BadReturn, place(expr), "this kernel has no result")
                            .help("write `return;`, or give the kernel a result type: `-> u64`"),
                    ));
                }
            },
            (ResultKind::Values(_), None) => {
                return Err(self.error(
                    Diagnostic::new(Code::BadReturn, span, "`return` without a value")
                        .note(format!("`{}` has a result type", self.output.function.name)),
                ));
            }
            (ResultKind::Values(wanted), Some(expr)) => self.return_values(&wanted, expr)?,
        };
        let spans = expr.map_or(Vec::new(), |expr| part_spans(expr, values.len()));
        self.emit(Op::Return(values), span, spans);
        Ok(())
    }

    fn return_values(
        &mut self,
        wanted: &[ResultValue],
        expr: &'a Expr,
    ) -> Evaluated<Vec<ReturnValue>> {
        let value = self.eval(expr)?;
        if let [wanted] = wanted {
            return Ok(vec![self.return_value(wanted, value, expr)?]);
        }
        let parts = match value {
            Value::Tuple(parts) if parts.len() == wanted.len() => parts.to_vec(),
            Value::Wide { lo, hi } => vec![Value::Reg(lo), Value::Reg(hi)],
            Value::Int(n) if self.result.is_wide => {
                vec![Value::Int(i128::from(n as u64)), Value::Int(n >> 64)]
            }
            other => {
                return Err(self.error(
                    Diagnostic::new(
                        Code::BadReturn,
                        place(expr),
                        format!("the result is a pair, not {}", other.describe()),
                    )
                    .help("write `return (a, b);`"),
                ));
            }
        };
        let exprs: Vec<&'a Expr> = match &expr.kind {
            ExprKind::Tuple(exprs) if exprs.len() == parts.len() => exprs.iter().collect(),
            _ => vec![expr; parts.len()],
        };
        let mut values = Vec::with_capacity(parts.len());
        for ((wanted, value), expr) in wanted.iter().zip(parts).zip(exprs) {
            values.push(self.return_value(wanted, value, expr)?);
        }
        Ok(values)
    }

    fn return_value(
        &mut self,
        wanted: &ResultValue,
        value: Value,
        expr: &'a Expr,
    ) -> Evaluated<ReturnValue> {
        match value {
            Value::Reg(view) if view.class == wanted.class => Ok(ReturnValue::Reg(view)),
            Value::Reg(view) => Err(self.wrong_register(wanted, view, expr)),
            Value::Bool(b) if wanted.validity == Validity::Bool => {
                Ok(ReturnValue::Imm(i128::from(b)))
            }
            Value::Int(n) if !wanted.vector => self.return_int(wanted, n, expr),
            Value::Float(_) if wanted.vector && wanted.bytes <= 8 => {
                let float = self.typed_float(&value, wanted.bytes, expr)?;
                let literal = super::value::Literal {
                    element: Element::Float { bytes: wanted.bytes },
                    bytes: float.to_bytes(wanted.bytes),
                };
                Ok(ReturnValue::Data(self.literal_data(&literal)))
            }
            Value::Data(literal) if literal.bytes.len() == wanted.bytes as usize => {
                let float = matches!(literal.element, Element::Float { .. });
                match (wanted.vector, wanted.bytes, float) {
                    (true, 16.., _) | (true, _, true) => {
                        Ok(ReturnValue::Data(self.literal_data(&literal)))
                    }
                    (false, _, false) => {
                        let mut bytes = [0; 16];
                        bytes[..literal.bytes.len()].copy_from_slice(&literal.bytes);
                        Ok(ReturnValue::Imm(i128::from_le_bytes(bytes)))
                    }
                    _ => Err(self.wrong_result(wanted, &Value::Data(literal), expr)),
                }
            }
            Value::RustConst(id) if !wanted.vector => Ok(ReturnValue::RustConst(id)),
            other => Err(self.wrong_result(wanted, &other, expr)),
        }
    }

    fn return_int(&mut self, wanted: &ResultValue, n: i128, expr: &Expr) -> Evaluated<ReturnValue> {
        let bits = wanted.bytes * 8;
        let (min, max) = match wanted.validity {
            Validity::Bool => (0, 1),
            Validity::Char => (0, 0x10_FFFF),
            _ => (-(1i128 << (bits - 1)), (1i128 << bits) - 1),
        };
        if (min..=max).contains(&n) {
            return Ok(ReturnValue::Imm(n));
        }
        Err(self.error(
            Diagnostic::new(
                Code::OutOfRange,
                place(expr),
                format!("{n} does not fit in the result type"),
            )
            .note(format!("it takes {min} to {max}")),
        ))
    }

    fn wrong_register(
        &mut self,
        wanted: &ResultValue,
        found: View<crate::ir::Reg>,
        expr: &Expr,
    ) -> Reported {
        let class = wanted.class;
        let error = Diagnostic::new(
            Code::BadReturn,
            place(expr),
            format!(
                "the result needs a register of class `{}`, not `{}`",
                class.name(),
                found.class.name()
            ),
        );
        self.error(if found.class.bank() != class.bank() {
            error.help(match class.bank() {
                Bank::Gp => "move it to a general-purpose register first: `movd`, `movq`, `mov`",
                _ => "move it to a vector register first: `movd`, `movq`",
            })
        } else if found.class.bytes() < class.bytes() {
            error.help("extend it first: `movzx`, `movsx`, `movsxd` or `mov` of 32 bits")
        } else {
            error.help(format!("write `.{}` after it to return its low part", class.name()))
        })
    }

    fn wrong_result(&mut self, wanted: &ResultValue, found: &Value, expr: &Expr) -> Reported {
        let kind = if wanted.vector { "a float or vector" } else { "an integer" };
        let error = Diagnostic::new(
            Code::BadReturn,
            place(expr),
            format!("the result is {kind} of {} bytes, not {}", wanted.bytes, found.describe()),
        );
        self.error(match found {
            Value::Mem(_) => error.help("load it into a register first"),
            Value::Int(_) => error.help("write a float: `return 1.0;`"),
            _ => error
                .note("registers, immediates, float constants and data literals can be returned"),
        })
    }

    /// The end of a kernel without a result is a `return`, where control gets there.
    pub(super) fn fall_off(&mut self, span: Span) {
        if self.output.function.result != ResultKind::Unit || self.status.stopped.is_some() {
            return;
        }
        let mut insts = self.output.function.insts.iter().rev();
        let last = insts.find(|inst| !matches!(inst.op, Op::Ghost(_)));
        let ends = |op: &Op| match op.machine() {
            Some(Machine { inst, selection, .. }) => {
                !isa::effects(inst, selection).control.goes_on()
            }
            None => matches!(op, Op::Return(_)),
        };
        let ended = last.is_some_and(|inst| ends(&inst.op));
        if !ended {
            self.emit(Op::Return(Vec::new()), span, Vec::new());
        }
    }
}

/// The place of each of `count` components.
fn part_spans(expr: &Expr, count: usize) -> Vec<Place> {
    match &expr.kind {
        ExprKind::Tuple(parts) if parts.len() == count => parts.iter().map(place).collect(),
        _ => vec![place(expr); count],
    }
}
