//! `let` and `=`: declarations, names for operands, and the one statement that stands for an
//! instruction of the compiler's choice: a copy, an immediate, a load.

use super::evaluate::{Evaluated, place};
use super::value::{Literal, Value};
use super::{Expander, Reported, constant};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, Instruction, Local, LocalId, Machine, Mem, Op, Operand, Reg, View};
use crate::isa::{self, Bank, Class, Feature, Mnemonic};
use crate::syntax::ast::{BinaryOp, ClassExpr, Element, Expr, ExprKind, Let, LetType, Pattern};
use proc_macro2::Span;

/// The largest stack variable, in bytes.
const LOCAL_BYTES_MAX: i128 = 1 << 24;

/// The most registers in one array.
const ARRAY_MAX: i128 = 4096;

impl<'a> Expander<'a, '_> {
    /// `let …;`
    pub(super) fn let_statement(&mut self, item: &'a Let) -> Evaluated<()> {
        match &item.ty {
            Some(LetType::Memory { element, length }) => self.let_memory(item, *element, length),
            Some(LetType::Class(class)) => self.let_registers(item, class),
            None => {
                let value = match &item.value {
                    Some(expr) => self.eval(expr),
                    None => Err(self.error(
                        Diagnostic::new(
                            Code::Syntax,
                            super::statements::pattern_span(&item.pattern),
                            "a name without a class or a value",
                        )
                        .help("write `let x: gp64;` or `let x = …;`"),
                    )),
                };
                let result = value.as_ref().map(|_| ()).map_err(|reported| *reported);
                self.bind_pattern(&item.pattern, value.unwrap_or(Value::Poison))?;
                result
            }
        }
    }

    /// `let x: gp64;`, `let acc: [ymm; 8];`, `let i: gp32 = 0;`
    fn let_registers(&mut self, item: &'a Let, class: &'a ClassExpr) -> Evaluated<()> {
        // The value is evaluated first: `let x: gp64 = x;` reads the outer `x`.
        let value = item.value.as_ref().map(|expr| self.eval_for(expr, class));
        let Pattern::Name(name) = &item.pattern else {
            let poisoned = self.bind_pattern(&item.pattern, Value::Poison);
            poisoned?;
            let span = super::statements::pattern_span(&item.pattern);
            return Err(self.error(
                Diagnostic::new(Code::TypeMismatch, span, "one class for several names")
                    .help("declare each register in a `let` of its own"),
            ));
        };
        let symbol = self.names.symbol(name);
        let text = self.names.text(symbol);
        let declared = self.class_of(class).and_then(|(class, lengths)| {
            self.check_name(name)?;
            Ok(self.new_registers(&text, class, &lengths, name.span()))
        });
        let target = declared.clone().unwrap_or(Value::Poison);
        if &*text != "_" {
            self.scopes.declare(symbol, target.clone());
        }
        declared?;
        match (value, &item.value) {
            (Some(value), Some(expr)) => {
                let value = value?;
                let target_span = name.span();
                self.assign(&target, value, target_span, expr)
            }
            _ => Ok(()),
        }
    }

    /// A value for a place of this class: `[a]` is a list for an array, memory for a register.
    fn eval_for(&mut self, expr: &'a Expr, class: &'a ClassExpr) -> Evaluated {
        if class.lengths.is_empty() { self.eval(expr) } else { self.eval_list(expr) }
    }

    /// The class and the lengths that a type means.
    pub(super) fn class_of(&mut self, expr: &'a ClassExpr) -> Evaluated<(Class, Vec<usize>)> {
        let symbol = self.names.symbol(&expr.class);
        let class = self.named_class(symbol).or(self.names.info(symbol).class);
        let Some(class) = class else {
            let mut error = Diagnostic::new(
                Code::UndefinedName,
                expr.class.span(),
                format!("`{}` is not a register class", expr.class),
            )
            .note("the classes: gp8, gp16, gp32, gp64, xmm, ymm, zmm, mm, k");
            if Element::from_name(&expr.class.to_string()).is_some() {
                error = error.help("stack variables are scalars or arrays of one dimension");
            }
            return Err(self.error(error));
        };
        let mut lengths = Vec::with_capacity(expr.lengths.len());
        let mut total = 1;
        for length in &expr.lengths {
            let n = self.eval_int_in(length, "the length of the array", (0, ARRAY_MAX))?;
            total *= n;
            if total > ARRAY_MAX {
                return Err(self.error(Diagnostic::new(
                    Code::OutOfRange,
                    place(length),
                    format!("an array of {total} registers; {ARRAY_MAX} are the most"),
                )));
            }
            lengths.push(n as usize);
        }
        Ok((class, lengths))
    }

    /// Fresh registers, nested as the lengths say.
    fn new_registers(&mut self, name: &str, class: Class, lengths: &[usize], span: Span) -> Value {
        match lengths {
            [] => Value::Reg(self.new_vreg(name.to_string(), class, span)),
            [first, rest @ ..] => {
                let elements: Vec<Value> = (0..*first)
                    .map(|i| self.new_registers(&format!("{name}[{i}]"), class, rest, span))
                    .collect();
                Value::List(elements.into())
            }
        }
    }

    /// `let buf: [f32; 16] align 64;`
    fn let_memory(
        &mut self,
        item: &'a Let,
        element: Element,
        length: &'a Option<Expr>,
    ) -> Evaluated<()> {
        let local = self.new_local(item, element, length);
        let result = local.as_ref().map(|_| ()).map_err(|reported| *reported);
        self.bind_pattern(&item.pattern, local.unwrap_or(Value::Poison))?;
        result
    }

    fn new_local(
        &mut self,
        item: &'a Let,
        element: Element,
        length: &'a Option<Expr>,
    ) -> Evaluated {
        let width = element.bytes();
        let count = match length {
            Some(length) => {
                let max = LOCAL_BYTES_MAX / i128::from(width);
                self.eval_int_in(length, "the length of the stack variable", (0, max))? as u32
            }
            None => 1,
        };
        let align = match &item.align {
            Some(expr) => {
                let n = self.eval_int(expr)?;
                match u32::try_from(n) {
                    Ok(align) if align.is_power_of_two() && align <= 4096 => align.max(1),
                    _ => {
                        return Err(self.error(
                            Diagnostic::new(
                                Code::OutOfRange,
                                place(expr),
                                format!("an alignment of {n}"),
                            )
                            .note("stack variables are aligned to a power of two, up to 4096"),
                        ));
                    }
                }
            }
            None => width,
        };
        if let Some(value) = &item.value {
            return Err(self.error(
                Diagnostic::new(
                    Code::TypeMismatch,
                    place(value),
                    "a stack variable has no initial value",
                )
                .help("store to it with instructions: `mov dword [x], 0;`"),
            ));
        }
        let Pattern::Name(name) = &item.pattern else { return Err(Reported) };
        let id = LocalId(self.function.locals.len() as u32);
        self.function.locals.push(Local {
            name: name.to_string(),
            span: name.span(),
            size: width * count,
            align,
        });
        Ok(Value::Local(id))
    }

    /// `x = v;`
    pub(super) fn assign_statement(&mut self, target: &'a Expr, expr: &'a Expr) -> Evaluated<()> {
        if let ExprKind::Name(name) = &target.kind {
            let symbol = self.names.symbol(name);
            if self.scopes.get(symbol).is_some_and(|binding| binding.variable) {
                let value = self.eval_list(expr)?;
                if let Some(binding) = self.scopes.get_mut(symbol) {
                    binding.value = value;
                }
                return Ok(());
            }
        }
        let target_value = self.eval_list(target);
        let value = match &target_value {
            Ok(Value::List(_)) => self.eval_list(expr),
            _ => self.eval(expr),
        };
        let target_value = target_value?;
        self.assign(&target_value, value?, target.span.0, expr)
    }

    /// `n += 1;`, of compile-time variables.
    pub(super) fn assign_op(
        &mut self,
        target: &'a Expr,
        op: BinaryOp,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        let old = self.eval(target)?;
        let ExprKind::Name(name) = &target.kind else {
            return Err(self.not_a_variable(target, &old));
        };
        let symbol = self.names.symbol(name);
        if !self.scopes.get(symbol).is_some_and(|binding| binding.variable) {
            return Err(self.not_a_variable(target, &old));
        }
        let value = self.eval(expr)?;
        let new = constant::binary(op, &old, &value)
            .map_err(|failure| self.no_value(expr, &[(&old, target), (&value, expr)], failure))?;
        if let Some(binding) = self.scopes.get_mut(symbol) {
            binding.value = new;
        }
        Ok(())
    }

    fn not_a_variable(&mut self, target: &Expr, value: &Value) -> Reported {
        let error = Diagnostic::new(
            Code::TypeMismatch,
            place(target),
            format!("{} is not a compile-time variable", value.describe()),
        );
        let error = match value {
            Value::Reg(_) | Value::Mem(_) => error.help("write the instruction: `add x, 1;`"),
            _ => error.help("declare it with `let mut n: const = …;`"),
        };
        self.error(error)
    }

    /// Gives a value to a register or, one by one, to the registers of a list.
    pub(super) fn assign(
        &mut self,
        target: &Value,
        value: Value,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        match (target, value) {
            (Value::Reg(target), value) => self.set_register(*target, value, span, expr),
            (
                Value::List(targets) | Value::Tuple(targets),
                Value::List(values) | Value::Tuple(values),
            ) if targets.len() == values.len() => {
                self.check_overlap(targets, &values, expr)?;
                for (target, value) in targets.iter().zip(values.iter()) {
                    self.assign(target, value.clone(), span, expr)?;
                }
                Ok(())
            }
            (Value::List(targets), value) => {
                let message = format!("{} registers are given {}", targets.len(), value.describe());
                Err(self.refuse(expr, &message))
            }
            (other, _) => {
                let error = Diagnostic::new(
                    Code::TypeMismatch,
                    span,
                    format!("{} cannot be assigned", other.describe()),
                );
                Err(self.error(match other {
                    Value::Mem(_) | Value::Local(_) | Value::Slice { .. } => {
                        error.help("memory is written by instructions: `mov [p], x;`")
                    }
                    Value::Int(_) | Value::Float(_) | Value::Bool(_) => error.help(
                        "compile-time variables are declared with `let mut n: const = 0;`, registers with `let n: gp64 = 0;`",
                    ),
                    _ => error.note("registers and compile-time variables are assigned"),
                }))
            }
        }
    }

    /// The registers of a list are set one after another: none may be read after it was set.
    fn check_overlap(&mut self, targets: &[Value], values: &[Value], expr: &Expr) -> Evaluated<()> {
        let reg = |value: &Value| match value {
            Value::Reg(view) => Some(view.reg),
            _ => None,
        };
        for (at, value) in values.iter().enumerate() {
            let Some(read) = reg(value) else { continue };
            if targets[..at].iter().any(|target| reg(target) == Some(read)) {
                return Err(self.error(
                    Diagnostic::new(
                        Code::TypeMismatch,
                        place(expr),
                        "the registers on both sides overlap: one would be read after it was set",
                    )
                    .help(
                        "copy to other registers first, or exchange names: `let (a, b) = (b, a);`",
                    ),
                ));
            }
        }
        Ok(())
    }

    fn set_register(
        &mut self,
        target: View<Reg>,
        value: Value,
        span: Span,
        expr: &'a Expr,
    ) -> Evaluated<()> {
        match value {
            Value::Reg(source) => self.copy(target, source, span, expr),
            Value::Int(n) if target.class.bank() == Bank::Gp => {
                self.check_fits(n, target.class, expr)?;
                self.emit(Op::SetImm { dst: target, value: n }, span, vec![span, expr.span.0]);
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
                self.emit(Op::Copy { dst, src }, span, vec![span, expr.span.0]);
                Ok(())
            }
            _ => Err(self.bad_assignment(dst, &Value::Reg(src), expr)),
        }
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
                self.emit(Op::Machine(machine), span, vec![span, expr.span.0]);
                Ok(())
            }
            Err(error) => Err(self.select_error(&inst, mnemonic, span, &[expr, expr], error)),
        }
    }
}
