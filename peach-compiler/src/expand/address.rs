//! Addresses: sums of registers, scaled registers, constants, tables and stack variables in any
//! order, brought into the one form that the machine has: base + index * scale + displacement.
//! Which register is the base is decided in `isa`.

use super::evaluate::{Evaluated, place};
use super::value::{Masked, Value};
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{Base, DispSize, LANES_OPEN, Mem, Reg, RustConstId, RustSymId, View};
use crate::isa::{self, Bank, Class, Misplaced, gp};
use crate::syntax::ast::{BinaryOp, Decoration, DecorationKind, Expr, ExprKind, Name, UnaryOp};
use proc_macro2::Span;
use std::rc::Rc;

/// The terms of an address.
#[derive(Debug, Default)]
struct Sum {
    regs: Vec<Term>,
    disp: i128,
    anchor: Option<(Base<Reg>, Span)>,
    rust_const: Option<RustConstId>,
    symbol: Option<RustSymId>,
}

/// A register times a number, and where it was written.
#[derive(Clone, Copy, Debug)]
struct Term {
    value: isa::Term<Reg>,
    span: Span,
}

impl<'a> Expander<'a, '_> {
    /// `[expr]`.
    pub(super) fn eval_memory(&mut self, expr: &'a Expr) -> Evaluated {
        let sum = self.eval_sum(expr)?;
        let mem = self.resolve_sum(sum, expr)?;
        Ok(Value::Mem(Rc::new(mem)))
    }

    /// The terms of a sum, left to right along the spine.
    fn eval_sum(&mut self, expr: &'a Expr) -> Evaluated<Sum> {
        let mut spine = Vec::new();
        let mut left = expr;
        while let ExprKind::Binary(op @ (BinaryOp::Add | BinaryOp::Sub), a, b) = &left.kind {
            spine.push((*op, &**b));
            left = a;
        }
        let mut sum = self.eval_term(left)?;
        while let Some((op, right)) = spine.pop() {
            let mut other = self.eval_term(right)?;
            if op == BinaryOp::Sub {
                other = self.multiply(other, -1, right)?;
            }
            sum = self.add(sum, other, right)?;
        }
        Ok(sum)
    }

    /// A term: a product, a negation, a sum in parentheses, or a value.
    fn eval_term(&mut self, expr: &'a Expr) -> Evaluated<Sum> {
        match &expr.kind {
            ExprKind::Binary(BinaryOp::Add | BinaryOp::Sub, ..) => self.eval_sum(expr),
            ExprKind::Binary(BinaryOp::Mul, a, b) => {
                let (x, y) = (self.eval_term(a)?, self.eval_term(b)?);
                match (x.constant(), y.constant()) {
                    (_, Some(factor)) => self.multiply(x, factor, expr),
                    (Some(factor), _) => self.multiply(y, factor, expr),
                    _ => Err(self.error(
                        Diagnostic::new(
                            Code::TypeMismatch,
                            place(expr),
                            "an address multiplies registers by constants only",
                        )
                        .help("compute the product with `imul` first"),
                    )),
                }
            }
            ExprKind::Unary(UnaryOp::Neg, a) => {
                let sum = self.eval_term(a)?;
                self.multiply(sum, -1, expr)
            }
            _ => {
                let value = self.eval(expr)?;
                self.term_of(value, expr)
            }
        }
    }

    fn term_of(&mut self, value: Value, expr: &Expr) -> Evaluated<Sum> {
        let mut sum = Sum::default();
        let help = match value {
            Value::Int(n) => {
                sum.disp = n;
                return Ok(sum);
            }
            Value::Reg(view) => {
                let value = isa::Term { view, factor: 1, is_scaled: false };
                sum.regs.push(Term { value, span: expr.span.0 });
                return Ok(sum);
            }
            Value::Table(table) => {
                let data = self.table_data(&table);
                sum.anchor = Some((Base::Data(data), expr.span.0));
                return Ok(sum);
            }
            Value::Jumps(table) => {
                let data = self.jump_data(&table);
                sum.anchor = Some((Base::Data(data), expr.span.0));
                return Ok(sum);
            }
            Value::Local(local) => {
                sum.anchor = Some((Base::Local(local), expr.span.0));
                return Ok(sum);
            }
            Value::RustConst(id) => {
                sum.rust_const = Some(id);
                return Ok(sum);
            }
            Value::RustSym(_) if !self.is_in_text() => {
                return Err(self.symbol_out_of_reach(expr));
            }
            Value::RustSym(id) => {
                sum.anchor = Some((Base::Rip, expr.span.0));
                sum.symbol = Some(id);
                return Ok(sum);
            }
            Value::Slice { .. } => "write `.ptr` after it",
            Value::Mem(_) => "name the register instead of the place in memory: `let q = p;`",
            Value::Data(_) => "a data literal is memory already: write it without brackets",
            Value::Float(_) | Value::Bool(_) => "addresses are made of registers and integers",
            _ => "registers, integers, tables and stack variables make an address",
        };
        let found = value.describe();
        Err(self.error(
            Diagnostic::new(
                Code::TypeMismatch,
                place(expr),
                format!("{found} cannot be part of an address"),
            )
            .help(help),
        ))
    }

    /// Whether the code is in the program's own text, where its items are within reach: the copy of
    /// an inlined kernel is from here on.
    fn is_in_text(&mut self) -> bool {
        let options = &mut self.output.function.options;
        options.in_text |= options.is_copy;
        options.in_text
    }

    /// Mapped code may be further from the program than a displacement reaches.
    fn symbol_out_of_reach(&mut self, expr: &Expr) -> Reported {
        self.error(
            Diagnostic::new(
                Code::TypeMismatch,
                place(expr),
                "mapped code cannot address a Rust item: it may be too far away",
            )
            .help(
                "load the address first, `mov r, sym …`, or write `#[embed = \"text\"]` before \
                 the kernel",
            ),
        )
    }

    fn add(&mut self, mut a: Sum, b: Sum, at: &Expr) -> Evaluated<Sum> {
        a.regs.extend(b.regs);
        a.disp = a.disp.checked_add(b.disp).ok_or_else(|| self.too_far(at))?;
        if a.anchor.is_some() && b.anchor.is_some() {
            let message = "an address has one table, stack variable or `sym` at most";
            return Err(self.refuse(at, message));
        }
        a.anchor = a.anchor.or(b.anchor);
        if a.rust_const.is_some() && b.rust_const.is_some() {
            return Err(self.error(
                Diagnostic::new(
                    Code::TypeMismatch,
                    place(at),
                    "an address has one `const { … }` at most",
                )
                .help("add them inside the braces"),
            ));
        }
        a.rust_const = a.rust_const.or(b.rust_const);
        a.symbol = a.symbol.or(b.symbol);
        if a.rust_const.is_some() && a.symbol.is_some() {
            return Err(self.error(
                Diagnostic::new(
                    Code::TypeMismatch,
                    place(at),
                    "an address has either `sym` or `const { … }`",
                )
                .note("both are filled in by others, in one field")
                .help("load the address first, `lea r, [sym …]`, and add the constant to it"),
            ));
        }
        Ok(a)
    }

    fn multiply(&mut self, mut sum: Sum, factor: i128, at: &Expr) -> Evaluated<Sum> {
        if sum.anchor.is_some() || sum.rust_const.is_some() {
            let what = if sum.anchor.is_some() { "the address of data" } else { "`const { … }`" };
            return Err(self.refuse(at, &format!("in an address, {what} can only be added")));
        }
        sum.disp = sum.disp.checked_mul(factor).ok_or_else(|| self.too_far(at))?;
        for term in &mut sum.regs {
            term.value.factor = term.value.factor.saturating_mul(factor);
            term.value.is_scaled = true;
        }
        Ok(sum)
    }

    fn too_far(&mut self, at: &Expr) -> Reported {
        self.error(
            Diagnostic::new(
                Code::OutOfRange,
                place(at),
                "the constant part of this address does not fit in 64 bits",
            )
            .note("it must be from -9223372036854775808 to 18446744073709551615, modulo 2^64"),
        )
    }

    /// Chooses base and index.
    fn resolve_sum(&mut self, sum: Sum, expr: &Expr) -> Evaluated<Mem<Reg>> {
        for term in &sum.regs {
            self.check_term(*term)?;
        }
        let mut mem = Mem::new(Base::None, 0);
        mem.disp = isa::displacement(sum.disp).ok_or_else(|| self.too_far(expr))?;
        mem.disp_const = sum.rust_const;
        mem.symbol = sum.symbol;
        if let Some((base, _)) = sum.anchor {
            mem.base = base;
        }
        let terms: Vec<isa::Term<Reg>> = sum.regs.iter().map(|term| term.value).collect();
        let placed = isa::place_registers(&terms, sum.anchor.is_some())
            .map_err(|misplaced| self.misplaced(misplaced, &sum))?;
        if let (Some((Base::Data(_) | Base::Rip, _)), Some((index, _))) = (sum.anchor, placed.index)
        {
            let at = sum.regs.iter().find(|term| term.value.view == index);
            return Err(self.table_with_register(at.map_or(expr.span.0, |term| term.span)));
        }
        if let (Some(base), Some((index, _))) = (placed.base, placed.index)
            && base.class.bytes() != index.class.bytes()
            && index.class.bank() == Bank::Gp
        {
            return Err(self.different_widths(base, index, &sum));
        }
        match placed.base {
            Some(View { class: Class::Rip, .. }) => mem.base = Base::Rip,
            Some(view) => mem.base = Base::Reg(view),
            None => {}
        }
        mem.index = placed.index;
        // The stack pointer can only be a base.
        if let (Base::Reg(base), Some((index, 1))) = (mem.base, mem.index)
            && index.reg == Reg::Physical(gp::RSP)
        {
            (mem.base, mem.index) = (Base::Reg(index), Some((base, 1)));
        }
        Ok(mem)
    }

    /// Reports what keeps the registers from being an address.
    fn misplaced(&mut self, misplaced: Misplaced, sum: &Sum) -> Reported {
        match (misplaced, sum.anchor) {
            (
                Misplaced::TooMany(at) | Misplaced::Factor(at, _) | Misplaced::StackPointer(at),
                Some((Base::Data(_) | Base::Rip, _)),
            ) => self.table_with_register(sum.regs[at].span),
            (Misplaced::TooMany(at), _) => self.error(
                Diagnostic::new(
                    Code::TypeMismatch,
                    sum.regs[at].span,
                    "an address has one base and one index at most",
                )
                .help("add the registers with `lea` first"),
            ),
            (Misplaced::Factor(at, factor), _) => self.bad_scale(sum.regs[at], factor),
            (Misplaced::StackPointer(at), _) => self.error(
                Diagnostic::new(
                    Code::RegisterConflict,
                    sum.regs[at].span,
                    "`rsp` cannot be an index",
                )
                .note("it cannot be encoded as an index; it can be a base without a scale"),
            ),
        }
    }

    /// A register of an address: 32 or 64 bits, or a vector as an index.
    fn check_term(&mut self, term: Term) -> Evaluated<()> {
        let class = term.value.view.class;
        let fits = match class.bank() {
            Bank::Gp => matches!(class, Class::Gp32 | Class::Gp64),
            Bank::Vector | Bank::Ip => true,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(self.error(
            Diagnostic::new(
                Code::TypeMismatch,
                term.span,
                format!("a register of class `{}` cannot be part of an address", class.name()),
            )
            .help(
                "addresses are made of 64-bit registers: extend it with `movzx` or `movsxd`, \
                then use its `.gp64`",
            ),
        ))
    }

    /// Reports the narrower of base and index.
    fn different_widths(&mut self, base: View<Reg>, index: View<Reg>, sum: &Sum) -> Reported {
        let (narrow, wide) = match base.class.bytes() < index.class.bytes() {
            true => (base, index),
            false => (index, base),
        };
        let term = sum.regs.iter().find(|term| term.value.view == narrow);
        let at = term.map_or(sum.regs[0].span, |term| term.span);
        let (bits, wide_bits) = (8 * narrow.class.bytes(), 8 * wide.class.bytes());
        let role = if narrow == base { "base" } else { "index" };
        let message = format!(
            "this {role} has {bits} bits, but the other register of the address has {wide_bits}"
        );
        self.error(Diagnostic::new(Code::NoForm, at, message).help(
            "extend it first, with zeros by `mov` to itself as `gp32` or with its sign by \
             `movsxd`, and write its `.gp64`",
        ))
    }

    /// A factor that an index cannot have; the sum, where the register was named several times.
    fn bad_scale(&mut self, term: Term, factor: i128) -> Reported {
        let message = match factor {
            ..=-1 => "an address cannot subtract a register".to_string(),
            1 | 2 | 4 | 8 => "an address can scale one of its registers only".to_string(),
            factor => format!("an index cannot be scaled by {factor}"),
        };
        let note = "an index times 1, 2, 4 or 8 is added to a base, and one register alone can \
            also be times 3, 5 or 9";
        let help = match factor {
            ..=-1 => "negate it with `neg` first".to_string(),
            3 | 5 | 9 => format!("multiply it first: `lea t, [r + r*{}]`", factor - 1),
            _ => "multiply it with `shl`, `lea` or `imul` first".to_string(),
        };
        let error = Diagnostic::new(Code::OutOfRange, term.span, message).note(note).help(help);
        self.error(error)
    }

    fn table_with_register(&mut self, at: Span) -> Reported {
        self.error(
            Diagnostic::new(
                Code::TypeMismatch,
                at,
                "the address of a constant takes no register: it is relative to `rip`",
            )
            .help("load its address first: `let t: gp64; lea t, [TABLE];`, then `[t + i]`"),
        )
    }

    /// `dword [p]`, `xmmword slot`.
    pub(super) fn eval_sized(&mut self, expr: &Expr, bytes: u32, operand: &'a Expr) -> Evaluated {
        let value = self.eval(operand)?;
        self.change_memory(value, operand, "a size must be followed by memory", |this, mem| {
            if mem.size.is_some_and(|size| size != bytes) {
                return Err(this.refuse(expr, "the operand already has another size"));
            }
            mem.size = Some(bytes);
            Ok(())
        })
    }

    /// `fs:[…]`.
    pub(super) fn eval_segment(&mut self, name: &'a Name, operand: &'a Expr) -> Evaluated {
        let segment = match self.eval_name(name)? {
            Value::Reg(View { reg: Reg::Physical(reg), class: Class::Segment }) => reg,
            other => {
                return Err(self.error(
                    Diagnostic::new(
                        Code::TypeMismatch,
                        name.span(),
                        format!("expected a segment register, found {}", other.describe()),
                    )
                    .note("`es`, `cs`, `ss`, `ds`, `fs` and `gs` are the segment registers"),
                ));
            }
        };
        let value = self.eval(operand)?;
        self.change_memory(value, operand, "a segment must be followed by memory", |_, mem| {
            mem.segment = Some(segment);
            Ok(())
        })
    }

    /// `disp8 [p]`, `disp32 [p]`.
    pub(super) fn eval_disp_size(&mut self, expr: &'a Expr) -> Evaluated {
        let (operand, size) = match &expr.kind {
            ExprKind::Disp8(operand) => (operand, DispSize::Disp8),
            ExprKind::Disp32(operand) => (operand, DispSize::Disp32),
            _ => return self.eval(expr),
        };
        let value = self.eval(operand)?;
        self.change_memory(
            value,
            operand,
            "`disp8` and `disp32` must be followed by memory",
            |_, mem| {
                mem.disp_size = Some(size);
                Ok(())
            },
        )
    }

    /// `zmm1{k1}{z}`, `[p]{1to16}`.
    pub(super) fn eval_decorated(
        &mut self,
        operand: &'a Expr,
        decorations: &'a [Decoration],
    ) -> Evaluated {
        let mut value = self.eval(operand)?;
        let mut mask = None;
        let mut zeroing = None;
        for decoration in decorations {
            match &decoration.kind {
                DecorationKind::Mask(expr) => match self.eval(expr)? {
                    Value::Reg(view) if view.class == Class::K && mask.is_none() => {
                        mask = Some(view);
                    }
                    Value::Reg(view) if view.class == Class::K => {
                        return Err(
                            self.bad_decoration(decoration, "an operand can only have one mask")
                        );
                    }
                    other => {
                        let message = format!(
                            "a mask must be a register of class `k`, not {}",
                            other.describe()
                        );
                        return Err(self.error(Diagnostic::new(
                            Code::TypeMismatch,
                            place(expr),
                            message,
                        )));
                    }
                },
                DecorationKind::Zeroing => zeroing = Some(decoration),
                DecorationKind::Broadcast(lanes) => {
                    let lanes = *lanes;
                    value = self.change_memory(
                        value,
                        operand,
                        "only memory can be broadcast",
                        |_, mem| {
                            match lanes {
                                LANES_OPEN => mem.broadcast = mem.broadcast.or(Some(lanes)),
                                lanes => mem.broadcast = Some(lanes),
                            }
                            Ok(())
                        },
                    )?;
                }
                DecorationKind::Rounding(_) => {
                    return Err(self.bad_decoration(
                        decoration,
                        "rounding follows the last register of an instruction, or is a separate \
                         operand",
                    ));
                }
            }
        }
        match (mask, zeroing) {
            (Some(mask), zeroing) => Ok(Value::Masked(Rc::new(Masked {
                operand: value,
                mask,
                zeroing: zeroing.is_some(),
            }))),
            (None, Some(decoration)) => {
                Err(self
                    .bad_decoration(decoration, "`{z}` needs a mask before it, such as `{k1}{z}`"))
            }
            (None, None) => Ok(value),
        }
    }

    fn bad_decoration(&mut self, decoration: &Decoration, message: &str) -> Reported {
        let (first, last) = decoration.span;
        self.error(Diagnostic::new(
            Code::BadDecoration,
            crate::diagnostics::Place { first, last },
            message,
        ))
    }

    /// Applies `change` to a memory operand, under a mask too; a data literal becomes one.
    fn change_memory(
        &mut self,
        value: Value,
        expr: &Expr,
        needs: &str,
        change: impl FnOnce(&mut Self, &mut Mem<Reg>) -> Evaluated<()>,
    ) -> Evaluated {
        let mut mem = match &value {
            Value::Masked(masked) => {
                let mut masked = (**masked).clone();
                masked.operand = self.change_memory(masked.operand, expr, needs, change)?;
                return Ok(Value::Masked(Rc::new(masked)));
            }
            Value::Mem(mem) => (**mem).clone(),
            Value::Data(literal) => Mem::new(Base::Data(self.literal_data(literal)), 0),
            other => {
                let help = match other {
                    Value::Local(_) | Value::Table(_) => "write it in brackets",
                    Value::Reg(_) => "memory is written in brackets: `[p]`",
                    _ => "memory is written in brackets, or as a data literal",
                };
                let message = format!("{needs}, not before {}", other.describe());
                return Err(self
                    .error(Diagnostic::new(Code::BadDecoration, place(expr), message).help(help)));
            }
        };
        change(self, &mut mem)?;
        Ok(Value::Mem(Rc::new(mem)))
    }
}

impl Sum {
    /// The number, if there is nothing else.
    fn constant(&self) -> Option<i128> {
        let plain = self.regs.is_empty() && self.anchor.is_none() && self.rust_const.is_none();
        plain.then_some(self.disp)
    }
}
