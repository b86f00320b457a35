//! `x = v`, the one statement that stands for an instruction of the compiler's choice (or none): a
//! copy, an immediate, a data literal, a load.

use super::evaluate::{Evaluated, place};
use super::value::{Literal, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Instruction, Machine, Mem, Op, Operand, Reg, View};
use crate::isa::{self, Bank, Class, Feature, Mnemonic};
use crate::syntax::ast::{Element, Expr};
use proc_macro2::Span;

impl<'a> Expander<'a, '_> {
    /// Gives a value to one register.
    pub(super) fn set_register(
        &mut self,
        target: View<Reg>,
        value: Value,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        match value {
            Value::Reg(source) => self.copy(target, source, span, expr),
            Value::Undefined => {
                self.emit(Op::Undefined { dst: target }, span, vec![span.into()]);
                Ok(())
            }
            Value::Int(n) if target.class.bank() == Bank::Gp => {
                self.check_fits(n, target.class, expr)?;
                self.emit(
                    Op::SetImm { dst: target, value: n },
                    span,
                    vec![span.into(), place(expr)],
                );
                Ok(())
            }
            Value::Data(literal) => self.load_literal(target, &literal, span, expr),
            Value::Float(float) if float.bytes.is_some() && target.class == Class::Xmm => {
                let bytes = float.bytes.unwrap_or(8);
                let element = Element::Float { bytes };
                let literal = Literal { element, bytes: float.to_bytes(bytes) };
                self.load_literal(target, &literal, span, expr)
            }
            Value::Mem(mem) => self.load(target, &mem, span, expr),
            Value::RustConst(id) if target.class.bank() == Bank::Gp => {
                self.emit_machine("mov", target, Operand::RustConst(id), span, expr)
            }
            Value::RustSym(id) if target.class == Class::Gp64 => {
                self.emit_machine("mov", target, Operand::RustSym(id), span, expr)
            }
            other => Err(self.bad_assignment(target, &other, expr)),
        }
    }

    fn bad_assignment(&mut self, target: View<Reg>, value: &Value, expr: &Expr) -> Reported {
        let class = target.class.name();
        let error = Diagnostic::new(
            Code::TypeMismatch,
            place(expr),
            format!("a register of class `{class}` cannot be set to {}", value.describe()),
        );
        let help = match value {
            Value::Int(_) if target.class.bank() == Bank::Vector => {
                "write a data literal, `u32x4(1)`, or zero it with `pxor x, x`".to_string()
            }
            Value::Int(_) => "move it through a general-purpose register".into(),
            Value::Float(_) => "write its type: `f32(1.5)` or `f64(1.5)`".into(),
            Value::Slice { .. } => "write `.ptr` or `.len` behind it".into(),
            Value::Wide { .. } => "write `.lo` or `.hi` behind it".into(),
            Value::Local(_) | Value::Table(_) => {
                "load from it with `[x]`, or take its address with `lea`".into()
            }
            Value::Label(_) => "take its address with `lea`".into(),
            _ => "registers are set to registers of the same class, immediates, data literals and memory".into(),
        };
        self.error(error.help(help))
    }

    fn copy(
        &mut self,
        dst: View<Reg>,
        src: View<Reg>,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        if dst.class != src.class {
            let mut error = Diagnostic::new(
                Code::TypeMismatch,
                place(expr),
                format!(
                    "a register of class `{}` cannot be set to one of class `{}`",
                    dst.class.name(),
                    src.class.name()
                ),
            );
            error = if dst.class.bank() == src.class.bank() && dst.class != Class::Gp8h {
                error.help(format!(
                    "write the view that is meant, such as `.{}` behind the value, or an instruction that extends",
                    dst.class.name()
                ))
            } else {
                error.help("write the instruction that moves it: `movd`, `movq`, `kmovq`, `mov`, …")
            };
            return Err(self.error(error));
        }
        match dst.class {
            Class::Gp8h => self.emit_machine("mov", dst, Operand::Reg(src), span, expr),
            Class::Gp8
            | Class::Gp16
            | Class::Gp32
            | Class::Gp64
            | Class::Xmm
            | Class::Ymm
            | Class::Zmm
            | Class::Mmx
            | Class::K => {
                self.check_copy_exists(dst.class, expr)?;
                self.emit(Op::Copy { dst, src }, span, vec![span.into(), place(expr)]);
                Ok(())
            }
            _ => Err(self.bad_assignment(dst, &Value::Reg(src), expr)),
        }
    }

    /// The move that a copy may become must be enabled.
    fn check_copy_exists(&mut self, class: Class, expr: &Expr) -> Evaluated<()> {
        let needed = match class {
            Class::Ymm => "avx",
            Class::Zmm | Class::K => "avx512f",
            _ => return Ok(()),
        };
        let Some(feature) = Feature::parse(needed) else { return Ok(()) };
        if self.function.features.contains(feature) {
            return Ok(());
        }
        let what = format!("a copy of a `{}` register", class.name());
        let error = self.missing_extension(expr.span.0, &what, &[vec![feature]]);
        Err(self.report_missing(error))
    }

    /// An immediate fits a register as a signed or as an unsigned number.
    fn check_fits(&mut self, n: i128, class: Class, expr: &Expr) -> Evaluated<()> {
        let bits = class.bytes() * 8;
        let (min, max) = (-(1i128 << (bits - 1)), (1i128 << bits) - 1);
        if (min..=max).contains(&n) {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(
                Code::OutOfRange,
                place(expr),
                format!("{n} does not fit in a register of class `{}`", class.name()),
            )
            .note(format!("it holds {min} to {max}")),
        ))
    }

    /// A load of the class's width.
    fn load(
        &mut self,
        target: View<Reg>,
        mem: &Mem<Reg>,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        let width = match target.class {
            Class::K => mem.size.unwrap_or(8),
            class => class.bytes(),
        };
        let mnemonic = self.load_mnemonic(target.class, width);
        let (Some(mnemonic), true) = (mnemonic, mem.size.is_none_or(|size| size == width)) else {
            let found = mem.size.map_or(String::new(), |size| format!("{size} bytes of "));
            return Err(self.error(
                Diagnostic::new(
                    Code::TypeMismatch,
                    place(expr),
                    format!(
                        "a register of class `{}` cannot be set to {found}memory",
                        target.class.name()
                    ),
                )
                .help("write the instruction that loads or extends: `movzx`, `movss`, `movd`, …"),
            ));
        };
        let mem = Mem { size: Some(width), ..mem.clone() };
        self.emit_machine(mnemonic, target, Operand::Mem(mem), span, expr)
    }

    /// The instruction that loads `width` bytes into a register of a class.
    fn load_mnemonic(&self, class: Class, width: u32) -> Option<&'static str> {
        Some(match (class, width) {
            (Class::Gp8 | Class::Gp8h | Class::Gp16 | Class::Gp32 | Class::Gp64, _) => "mov",
            (Class::Xmm, 16) if !self.has_avx() => "movups",
            (Class::Xmm | Class::Ymm | Class::Zmm, _) => "vmovups",
            (Class::Mmx, 8) => "movq",
            (Class::K, 1) => "kmovb",
            (Class::K, 2) => "kmovw",
            (Class::K, 4) => "kmovd",
            (Class::K, 8) => "kmovq",
            _ => return None,
        })
    }

    fn has_avx(&self) -> bool {
        Feature::parse("avx").is_some_and(|avx| self.function.features.contains(avx))
    }

    /// A data literal in a register: one of the register's width, or a scalar in an xmm register.
    fn load_literal(
        &mut self,
        target: View<Reg>,
        literal: &Literal,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        let width = literal.bytes.len() as u32;
        let float = matches!(literal.element, Element::Float { .. });
        let avx = self.has_avx();
        let mnemonic = match (target.class, width, float) {
            (Class::Xmm, 4, true) => Some(if avx { "vmovss" } else { "movss" }),
            (Class::Xmm, 8, true) => Some(if avx { "vmovsd" } else { "movsd" }),
            (Class::Xmm, 4, false) => Some(if avx { "vmovd" } else { "movd" }),
            (Class::Xmm, 8, false) => Some(if avx { "vmovq" } else { "movq" }),
            (Class::K, ..) => self.load_mnemonic(Class::K, width),
            (class, ..) if class.bytes() == width => self.load_mnemonic(class, width),
            _ => None,
        };
        let Some(mnemonic) = mnemonic else {
            let message = format!(
                "a register of class `{}` holds {} bytes, the data literal has {width}",
                target.class.name(),
                target.class.bytes()
            );
            return Err(self.refuse(expr, &message));
        };
        let mut mem = Mem::new(Base::Data(self.literal_data(literal)), 0);
        mem.size = Some(width);
        self.emit_machine(mnemonic, target, Operand::Mem(mem), span, expr)
    }

    /// An instruction of the compiler's choice.
    fn emit_machine(
        &mut self,
        mnemonic: &str,
        target: View<Reg>,
        source: Operand<Reg>,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        let Some(name) = Mnemonic::parse(mnemonic) else {
            return Err(self.error(Diagnostic::new(
                Code::Internal,
                span,
                format!("the instruction `{mnemonic}` is missing from the table"),
            )));
        };
        let inst = Instruction::new(name, vec![Operand::Reg(target), source]);
        match isa::select(&inst, &self.function.features) {
            Ok(selection) => {
                let machine = Machine { inst, targets: None, selection };
                self.emit(Op::Machine(machine), span, vec![span.into(), place(expr)]);
                Ok(())
            }
            Err(error) => Err(self.select_error(&inst, mnemonic, span, &[expr, expr], error)),
        }
    }
}
