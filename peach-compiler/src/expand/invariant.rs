//! `invariant`: comparisons of sums of registers, which become ghost code.
//!
//! In: comparisons as the parser found them. Out: an [`Invariant`] each, whose sum is the
//! difference of the two sides. The numbers are whole and nothing wraps around, so that the sides
//! may be taken together.

use super::evaluate::{Evaluated, place};
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Ghost, Invariant, Op, Reg, Term, VReg, VRegInfo, View};
use crate::isa::{Bank, Class, gp};
use crate::syntax::ast::{BinaryOp, Call, Expr, ExprKind, Helper, Statement, UnaryOp};

/// A sum so far.
#[derive(Default)]
struct Sum {
    terms: Vec<(Term, i128, Place)>,
    constant: i128,
}

impl Sum {
    /// A number that is not known.
    fn of(term: Term, place: Place) -> Sum {
        Sum { terms: vec![(term, 1, place)], constant: 0 }
    }

    /// A number that is.
    fn constant(constant: i128) -> Sum {
        Sum { terms: Vec::new(), constant }
    }

    /// `self + factor * other`; `None` if it does not fit.
    fn add(mut self, other: Sum, factor: i128) -> Option<Sum> {
        self.constant = self.constant.checked_add(other.constant.checked_mul(factor)?)?;
        for (term, by, place) in other.terms {
            self.terms.push((term, by.checked_mul(factor)?, place));
        }
        Some(self)
    }
}

impl<'a> Expander<'a, '_> {
    /// `invariant a <= b, c == d;`
    pub(super) fn invariant_statement(
        &mut self,
        statement: &Statement,
        comparisons: &'a [Expr],
    ) -> Evaluated<()> {
        let span = statement.span.0;
        if let Some(stream) = self.around.recording {
            return Err(self.error(
                Diagnostic::new(
                    Code::StreamMisuse,
                    span,
                    "an `invariant` is not allowed in a stream",
                )
                .label(stream, "the stream")
                .note("the instructions of a stream are emitted elsewhere, one by one")
                .help("state it where they are emitted"),
            ));
        }
        let mut all = Ok(());
        for expr in comparisons {
            match self.comparison(expr) {
                Ok((invariant, mut spans)) => {
                    spans.insert(0, place(expr));
                    self.emit(Op::Ghost(Ghost::Invariant(invariant)), span, spans);
                }
                Err(reported) => all = Err(reported),
            }
        }
        all
    }

    /// A comparison, and the places of its terms.
    fn comparison(&mut self, expr: &'a Expr) -> Evaluated<(Invariant, Vec<Place>)> {
        let ExprKind::Binary(op, left, right) = &expr.kind else {
            return Err(self.no_comparison(expr, "this is not a comparison"));
        };
        // More and less, and by how much more at least.
        let (more, less, strictly) = match op {
            BinaryOp::Lt => (right, left, 1),
            BinaryOp::Le => (right, left, 0),
            BinaryOp::Gt => (left, right, 1),
            BinaryOp::Ge | BinaryOp::Eq => (left, right, 0),
            BinaryOp::Ne => {
                return Err(self.no_comparison(expr, "`!=` is not for invariants"));
            }
            BinaryOp::AndAnd => {
                let error =
                    Diagnostic::new(Code::TypeMismatch, place(expr), "`&&` is not for invariants");
                return Err(self.error(error.help("separate comparisons by commas")));
            }
            BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::Rem
            | BinaryOp::And
            | BinaryOp::Or
            | BinaryOp::Xor
            | BinaryOp::Shl
            | BinaryOp::Shr
            | BinaryOp::OrOr => {
                return Err(self.no_comparison(expr, "this is not a comparison"));
            }
        };
        let (more, less) = (self.sum(more), self.sum(less));
        let sum = more?.add(less?, -1).and_then(|sum| sum.add(Sum::constant(strictly), -1));
        let sum = sum.ok_or_else(|| self.too_large(expr))?;
        let spans = sum.terms.iter().map(|(_, _, place)| *place).collect();
        let terms = sum.terms.into_iter().map(|(term, factor, _)| (term, factor)).collect();
        let is_equation = *op == BinaryOp::Eq;
        Ok((Invariant { terms, constant: sum.constant, is_equation }, spans))
    }

    fn no_comparison(&mut self, expr: &Expr, message: &str) -> Reported {
        self.error(
            Diagnostic::new(Code::TypeMismatch, place(expr), message)
                .note("an invariant compares by `<`, `<=`, `==`, `>=` or `>`")
                .help("write, for example, `invariant i <= x.len;`"),
        )
    }

    fn too_large(&mut self, expr: &Expr) -> Reported {
        let message = "the numbers of this invariant do not fit in 128 bits";
        self.error(Diagnostic::new(Code::ConstantOverflow, place(expr), message))
    }

    /// A sum of registers and constants, left to right along the spine.
    fn sum(&mut self, expr: &'a Expr) -> Evaluated<Sum> {
        let mut spine = Vec::new();
        let mut left = expr;
        while let ExprKind::Binary(op @ (BinaryOp::Add | BinaryOp::Sub), a, b) = &left.kind {
            spine.push((if *op == BinaryOp::Add { 1 } else { -1 }, &**b));
            left = a;
        }
        let mut sum = self.product(left)?;
        for (sign, right) in spine.into_iter().rev() {
            self.descend(right.span.0)?;
            let other = self.sum(right);
            self.ascend();
            sum = sum.add(other?, sign).ok_or_else(|| self.too_large(expr))?;
        }
        Ok(sum)
    }

    /// A part of a sum.
    fn product(&mut self, expr: &'a Expr) -> Evaluated<Sum> {
        match &expr.kind {
            ExprKind::Unary(UnaryOp::Neg, operand) => {
                let sum = self.product(operand)?;
                Sum::default().add(sum, -1).ok_or_else(|| self.too_large(expr))
            }
            ExprKind::Binary(BinaryOp::Mul, a, b) => {
                self.descend(expr.span.0)?;
                let (a, b) = (self.sum(a), self.sum(b));
                self.ascend();
                let (a, b) = (a?, b?);
                let (sum, factor) = match (a.terms.is_empty(), b.terms.is_empty()) {
                    (_, true) => (a, b.constant),
                    (true, false) => (b, a.constant),
                    (false, false) => return Err(self.not_linear(expr, "a product of registers")),
                };
                Sum::default().add(sum, factor).ok_or_else(|| self.too_large(expr))
            }
            ExprKind::Binary(BinaryOp::Add | BinaryOp::Sub, ..) => self.sum(expr),
            ExprKind::Binary(_, a, b) => {
                let is_constant = self.is_constant(a) && self.is_constant(b);
                match is_constant {
                    true => self.term(expr),
                    false => Err(self.not_linear(expr, "more than a sum of registers")),
                }
            }
            ExprKind::Call(call) if self.is_word(&call.name, "old") => self.old(expr, call),
            _ => self.term(expr),
        }
    }

    /// Whether an operand of an operator names no registers: those are what the error is about.
    fn is_constant(&mut self, expr: &'a Expr) -> bool {
        match &expr.kind {
            ExprKind::Unary(_, a) => self.is_constant(a),
            ExprKind::Binary(_, a, b) => self.is_constant(a) && self.is_constant(b),
            ExprKind::Name(_) | ExprKind::Field(..) | ExprKind::Index(..) => {
                !matches!(self.eval(expr), Ok(Value::Reg(_)))
            }
            ExprKind::Call(call) => !self.is_word(&call.name, "old"),
            _ => true,
        }
    }

    fn not_linear(&mut self, expr: &Expr, what: &str) -> Reported {
        self.error(
            Diagnostic::new(Code::TypeMismatch, place(expr), format!("{what} in an invariant"))
                .note("it adds and subtracts 64-bit registers, each with a constant factor")
                .help("put the value in a register of its own, and name that"),
        )
    }

    /// A register of 64 bits, or a constant.
    fn term(&mut self, expr: &'a Expr) -> Evaluated<Sum> {
        match self.eval(expr)? {
            Value::Int(number) => Ok(Sum::constant(number)),
            Value::Reg(view) => {
                self.check_number(expr, view)?;
                Ok(Sum::of(Term::Reg(view.reg), place(expr)))
            }
            other => Err(self.no_term(expr, &other)),
        }
    }

    fn check_number(&mut self, expr: &Expr, view: View<Reg>) -> Evaluated<()> {
        if view.class != Class::Gp64 {
            return Err(self.no_term(expr, &Value::Reg(view)));
        }
        if view.reg != Reg::Physical(gp::RSP) {
            return Ok(());
        }
        let message = "the stack pointer in an invariant";
        Err(self.error(
            Diagnostic::new(Code::TypeMismatch, place(expr), message)
                .note("the compiler chooses its value"),
        ))
    }

    fn no_term(&mut self, expr: &Expr, found: &Value) -> Reported {
        let error = Diagnostic::new(
            Code::TypeMismatch,
            place(expr),
            format!("an invariant cannot name {}", found.describe()),
        )
        .note("it compares 64-bit registers, `old(argument)` and integer constants");
        self.error(match found {
            Value::Reg(view) if view.class.bank() == Bank::Gp => {
                error.help("extend it in a register of its own (`mov` of 32 bits, `movzx`)")
            }
            Value::Slice { .. } => error.help("write its `.ptr` or `.len`"),
            Value::Wide { .. } => error.help("write its `.lo` or `.hi`"),
            Value::Local(_) | Value::Table(_) | Value::Mem(_) => {
                error.help("put its address in a register: `lea p, […];`")
            }
            _ => error,
        })
    }

    /// `old(a)`: an argument as it arrived, a parameter as it was where the helper is expanded.
    fn old(&mut self, expr: &'a Expr, call: &'a Call) -> Evaluated<Sum> {
        let [of] = call.args.as_slice() else {
            return Err(self.refuse(expr, "`old` takes one argument of the kernel: `old(x.len)`"));
        };
        let view = match self.eval(of)? {
            Value::Int(number) => return Ok(Sum::constant(number)),
            Value::Reg(view) => view,
            other => return Err(self.no_term(of, &other)),
        };
        self.check_number(of, view)?;
        let remembered = self.around.remembered.last().into_iter().flatten();
        let ghost = remembered.filter(|(reg, _)| *reg == view.reg).map(|(_, ghost)| *ghost).next();
        if let Some(ghost) = ghost {
            return Ok(Sum::of(Term::Reg(Reg::Virtual(ghost)), place(of)));
        }
        let arg = match view.reg {
            Reg::Virtual(vreg) => self.output.function[vreg].arg,
            Reg::Physical(_) => None,
        };
        if let Some(arg) = arg.filter(|&arg| self.output.function[arg].bytes == 8) {
            return Ok(Sum::of(Term::Arg(arg), place(of)));
        }
        let (what, help) = match self.around.calls.is_empty() {
            true => {
                ("an argument of 64 bits", "copy the value to a register of its own, and name that")
            }
            false => ("a parameter of the helper", "pass it to the helper"),
        };
        Err(self.error(
            Diagnostic::new(Code::TypeMismatch, place(of), format!("this is not {what}"))
                .note("`old` is a value as it was when it arrived")
                .help(help),
        ))
    }

    /// Where a helper is expanded: remembers the parameters that its invariants want the old values
    /// of.
    pub(super) fn remember_parameters(&mut self, helper: &'a Helper) {
        let mut remembered = Vec::new();
        if helper.body.has_invariants() {
            for param in &helper.params {
                let symbol = self.names.symbol(&param.name);
                let mut views = Vec::new();
                if let Some(binding) = self.scopes.get(symbol) {
                    wide_registers(&binding.value, &mut views);
                }
                for reg in views {
                    let ghost = self.ghost(format!("old({})", param.name), param.name.span());
                    self.emit(
                        Op::Ghost(Ghost::Remember { ghost, reg }),
                        helper.name.span(),
                        Vec::new(),
                    );
                    remembered.push((reg, ghost));
                }
            }
        }
        self.around.remembered.push(remembered);
    }

    /// A register for the proof alone.
    fn ghost(&mut self, name: String, span: proc_macro2::Span) -> VReg {
        let vregs = &mut self.output.function.vregs;
        vregs.push(VRegInfo { name, class: Class::Gp64, span, arg: None, temporary: true });
        VReg(vregs.len() as u32 - 1)
    }
}

/// The registers of 64 bits that a parameter stands for.
fn wide_registers(value: &Value, registers: &mut Vec<Reg>) {
    match value {
        Value::Reg(View { reg, class: Class::Gp64 }) => registers.push(*reg),
        Value::List(parts) | Value::Tuple(parts) => {
            parts.iter().for_each(|part| wide_registers(part, registers));
        }
        Value::Slice { ptr, len } => registers.extend([ptr.reg, len.reg]),
        Value::Wide { lo, hi } => registers.extend([lo.reg, hi.reg]),
        _ => {}
    }
}
