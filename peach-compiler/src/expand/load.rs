//! `x = v`, the one statement that stands for an instruction of the compiler's choice (or none): a
//! copy, an immediate, a data literal, a load.

use super::evaluate::{Evaluated, place};
use super::value::{Literal, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Instruction, Machine, Mem, Op, Operand, Reg, View};
use crate::isa::asm::{self, SseEncoding};
use crate::isa::{self, Bank, Class, Feature};
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
                self.emit_machine(asm::mov(target, Operand::RustConst(id)), span, expr)
            }
            Value::RustSym(id) if target.class == Class::Gp64 => {
                self.emit_machine(asm::mov(target, Operand::RustSym(id)), span, expr)
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
            Value::Slice { .. } => "write `.ptr` or `.len` after it".into(),
            Value::Wide { .. } => "write `.lo` or `.hi` after it".into(),
            Value::Local(_) | Value::Table(_) => {
                "load from it with `[x]`, or take its address with `lea`".into()
            }
            Value::Label(_) => "take its address with `lea`".into(),
            _ => "a register can be set to a register of the same class, an immediate, a data \
                literal or memory"
                .into(),
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
                    "write the view that you mean, such as `.{}` after the value, or an \
                     instruction that extends it",
                    dst.class.name()
                ))
            } else {
                error.help("write the instruction that moves it: `movd`, `movq`, `kmovq`, `mov`, …")
            };
            return Err(self.error(error));
        }
        match dst.class {
            Class::Gp8h => self.emit_machine(asm::mov(dst, src), span, expr),
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
        let feature = match class {
            Class::Ymm => Feature::AVX,
            Class::Zmm | Class::K => Feature::AVX512F,
            _ => return Ok(()),
        };
        if self.output.function.features.contains(feature) {
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
        let loaded = self.load_whole(target, Mem { size: Some(width), ..mem.clone() }, width);
        let (Some(inst), true) = (loaded, mem.size.is_none_or(|size| size == width)) else {
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
        self.emit_machine(inst, span, expr)
    }

    /// The instruction that loads `width` bytes, all that a register holds; masks have several
    /// widths.
    fn load_whole(&self, target: View<Reg>, mem: Mem<Reg>, width: u32) -> Option<Instruction<Reg>> {
        Some(match (target.class, width) {
            (Class::Gp8 | Class::Gp8h | Class::Gp16 | Class::Gp32 | Class::Gp64, _) => {
                asm::mov(target, mem)
            }
            (Class::Xmm, _) => self.sse().movups(target, mem),
            (Class::Ymm | Class::Zmm, _) => SseEncoding::Vex.movups(target, mem),
            (Class::Mmx, 8) => asm::mmx_movq(target, mem),
            (Class::K, 1) => asm::kmovb(target, mem),
            (Class::K, 2) => asm::kmovw(target, mem),
            (Class::K, 4) => asm::kmovd(target, mem),
            (Class::K, 8) => asm::kmovq(target, mem),
            (Class::Mmx | Class::K, _)
            | (Class::Tmm | Class::Segment | Class::Control | Class::Debug, _)
            | (Class::St | Class::Eip | Class::Rip, _) => return None,
        })
    }

    fn sse(&self) -> SseEncoding {
        match self.output.function.features.contains(Feature::AVX) {
            true => SseEncoding::Vex,
            false => SseEncoding::Legacy,
        }
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
        let data = Mem::new(Base::Data(self.literal_data(literal)), 0);
        let mem = Mem { size: Some(width), ..data };
        let sse = self.sse();
        let loaded = match (target.class, width, float) {
            (Class::Xmm, 4, true) => Some(sse.movss(target, mem)),
            (Class::Xmm, 8, true) => Some(sse.movsd(target, mem)),
            (Class::Xmm, 4, false) => Some(sse.movd(target, mem)),
            (Class::Xmm, 8, false) => Some(sse.movq(target, mem)),
            (class, ..) if class == Class::K || class.bytes() == width => {
                self.load_whole(target, mem, width)
            }
            _ => None,
        };
        let Some(inst) = loaded else {
            let message = format!(
                "a register of class `{}` holds {} bytes, the data literal has {width}",
                target.class.name(),
                target.class.bytes()
            );
            return Err(self.refuse(expr, &message));
        };
        self.emit_machine(inst, span, expr)
    }

    /// An instruction of the compiler's choice.
    fn emit_machine(
        &mut self,
        inst: Instruction<Reg>,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        match isa::select(&inst, &self.output.function.features) {
            Ok(selection) => {
                let machine = Machine { inst, targets: None, selection };
                self.emit(Op::Machine(machine), span, vec![span.into(), place(expr)]);
                Ok(())
            }
            Err(error) => {
                let name = inst.mnemonic.name();
                Err(self.select_error(&inst, name, span, &[expr, expr], error))
            }
        }
    }
}
