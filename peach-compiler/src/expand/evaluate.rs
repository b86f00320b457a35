//! Evaluation: expressions of the tree to [`Value`]s.
//!
//! Every function returns `Err(Reported)` once an error has been reported, or where a name stands
//! for something that already was in error; callers pass it up to the statement, which is left out.

use super::value::{Float, Range, Value};
use super::{Expander, Reported, constant};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Reg, View};
use crate::isa::{Bank, Class};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, FloatLiteral, Name, UnaryOp};
use std::rc::Rc;

/// What messages call a truth value.
pub(super) const CONDITION: &str = "a condition";

/// What to write instead of a condition that a register decides.
pub(super) const BRANCH: &str = "conditions are decided when the kernel is compiled; at run time, \
    compare and branch: `cmp x, 1; jne 'over; …; 'over:`";

/// What to write instead of a `for` that a register counts.
pub(super) const LOOP: &str =
    "write a loop of instructions: `'next: { …; dec n; jnz continue 'next; }`";

/// A value, unless an error was reported.
pub(super) type Evaluated<T = Value> = Result<T, Reported>;

impl<'a> Expander<'a, '_> {
    /// What `expr` stands for as an operand. `[…]` with one element is a place in memory.
    pub(super) fn eval(&mut self, expr: &'a Expr) -> Evaluated {
        self.descend(expr.span.0)?;
        let value = self.eval_kind(expr);
        self.ascend();
        value
    }

    fn eval_kind(&mut self, expr: &'a Expr) -> Evaluated {
        match &expr.kind {
            ExprKind::Int(n) | ExprKind::TypedInt(n, _) => Ok(Value::Int(*n)),
            ExprKind::Float(literal) => self.eval_float(expr, literal),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Str(_) => Err(self.refuse(expr, "a string is not an operand")),
            ExprKind::Name(name) => self.eval_name(name),
            ExprKind::Label(label) => self.eval_label(label, None).map(Value::Label),
            ExprKind::Continue(label) => self.eval_block_end(label, false).map(Value::Label),
            ExprKind::Break(label) => self.eval_block_end(label, true).map(Value::Label),
            ExprKind::Short(_) | ExprKind::Near(_) => self.eval_sized_label(expr),
            ExprKind::Unary(op, operand) => {
                let value = self.eval(operand)?;
                constant::unary(*op, &value)
                    .map_err(|f| self.no_value(expr, &[(&value, operand)], f))
            }
            ExprKind::Binary(..) => self.eval_binary(expr),
            ExprKind::Range { start, end, inclusive } => {
                self.eval_range(expr, start.as_deref(), end.as_deref(), *inclusive)
            }
            ExprKind::Index(base, index) => self.eval_index(base, index),
            ExprKind::Field(base, name) => self.eval_field(base, name),
            ExprKind::Call(call) => self.eval_call(expr, call),
            ExprKind::MethodCall(base, call) => self.eval_method(base, call),
            ExprKind::Tuple(parts) => Ok(Value::Tuple(self.eval_all(parts)?)),
            ExprKind::Bracket(parts) if parts.len() == 1 => self.eval_memory(&parts[0]),
            ExprKind::Bracket(parts) => Ok(Value::List(self.eval_all(parts)?)),
            ExprKind::Sized(bytes, operand) => self.eval_sized(expr, *bytes, operand),
            ExprKind::Segment(name, operand) => self.eval_segment(name, operand),
            ExprKind::Disp8(_) | ExprKind::Disp32(_) => self.eval_disp_size(expr),
            ExprKind::Decorated(operand, decorations) => self.eval_decorated(operand, decorations),
            ExprKind::Rounding(rounding) => Ok(Value::Rounding(*rounding)),
            ExprKind::RustConst(tokens) => {
                Ok(Value::RustConst(self.output.rust_const(tokens, expr.span.0)))
            }
            ExprKind::RustSym(tokens) => {
                Ok(Value::RustSym(self.output.rust_sym(tokens, expr.span.0)))
            }
            ExprKind::If(condition, yes, no) => match self.eval_bool(condition)? {
                true => self.eval(yes),
                false => self.eval(no),
            },
            ExprKind::Cast(operand, ty) => {
                let value = self.eval(operand)?;
                constant::cast(&value, *ty, constant::is_literal(operand))
                    .map_err(|f| self.no_value(expr, &[(&value, operand)], f))
            }
            ExprKind::Repeat(..) | ExprKind::Bytes(_) => self.eval_list(expr),
            ExprKind::FromFn(_) => Err(self.list_without_length(expr)),
            ExprKind::Block(block) => self.eval_block(block, expr),
        }
    }

    pub(super) fn eval_all(&mut self, exprs: &'a [Expr]) -> Evaluated<Rc<[Value]>> {
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            values.push(self.eval(expr)?);
        }
        Ok(values.into())
    }

    /// An integer constant.
    pub(super) fn eval_int(&mut self, expr: &'a Expr) -> Evaluated<i128> {
        match self.eval(expr)? {
            Value::Int(n) => Ok(n),
            other => Err(self.wrong_constant(expr, "an integer constant", &other)),
        }
    }

    /// An integer constant from `min` to `max`.
    pub(super) fn eval_int_in(
        &mut self,
        expr: &'a Expr,
        what: &str,
        (min, max): (i128, i128),
    ) -> Evaluated<i128> {
        let n = self.eval_int(expr)?;
        if (min..=max).contains(&n) {
            return Ok(n);
        }
        Err(self.error(Diagnostic::new(
            Code::OutOfRange,
            place(expr),
            format!("{what} is {n}, but must be from {min} to {max}"),
        )))
    }

    /// A truth value.
    pub(super) fn eval_bool(&mut self, expr: &'a Expr) -> Evaluated<bool> {
        match self.eval(expr)? {
            Value::Bool(b) => Ok(b),
            other => Err(self.wrong_constant(expr, CONDITION, &other)),
        }
    }

    fn eval_float(&mut self, expr: &Expr, literal: &FloatLiteral) -> Evaluated {
        let Some(float) = Float::parse(&literal.text, None) else {
            return Err(self.refuse(expr, "not a float literal"));
        };
        let float = literal.suffix.map_or(float, |bytes| float.typed(bytes));
        if float.double.is_infinite() {
            return Err(self.error(
                Diagnostic::new(
                    Code::OutOfRange,
                    place(expr),
                    "the float is too large for its type",
                )
                .help("write infinity as its bits: `u32(0x7F800000)`"),
            ));
        }
        Ok(Value::Float(float))
    }

    /// `a + b + c`: left to right along the spine, so that long sums need no deep recursion.
    fn eval_binary(&mut self, expr: &'a Expr) -> Evaluated {
        let mut spine = Vec::new();
        let mut left = expr;
        while let ExprKind::Binary(op, a, b) = &left.kind {
            spine.push((*op, left, [&**a, &**b]));
            left = a;
        }
        let mut value = self.eval(left)?;
        while let Some((op, whole, [left, right])) = spine.pop() {
            match (op, &value) {
                (BinaryOp::AndAnd, Value::Bool(false)) | (BinaryOp::OrOr, Value::Bool(true)) => {}
                _ => {
                    let other = self.eval(right)?;
                    value = constant::binary(op, &value, &other)
                        .map_err(|f| self.no_value(whole, &[(&value, left), (&other, right)], f))?;
                }
            }
        }
        Ok(value)
    }

    /// Reports that an operation on constants has no value.
    pub(super) fn no_value(
        &mut self,
        expr: &Expr,
        operands: &[(&Value, &Expr)],
        (code, message): constant::Failure,
    ) -> Reported {
        let mut error = Diagnostic::new(code, place(expr), message);
        for (value, operand) in operands {
            let help = match value {
                Value::Reg(_) | Value::Local(_) | Value::Mem(_) if is_condition(expr) => BRANCH,
                Value::Reg(_) | Value::Local(_) | Value::Mem(_) => {
                    "use instructions to compute with registers and memory; addresses are written \
                     in brackets: `[p + 8*i]`"
                }
                Value::RustConst(_) => {
                    "rustc evaluates `const { … }` after expansion: do the whole computation \
                     inside the braces"
                }
                _ => continue,
            };
            error.code = Code::NotConstant;
            error.message = format!("{} is not known at compile time", value.describe());
            error.place = place(operand);
            error = error.help(help);
            break;
        }
        self.error(error)
    }

    fn eval_range(
        &mut self,
        expr: &'a Expr,
        start: Option<&'a Expr>,
        end: Option<&'a Expr>,
        inclusive: bool,
    ) -> Evaluated {
        let (Some(start), Some(end)) = (start, end) else {
            return Err(self.refuse(
                expr,
                "a range without an end is only allowed in `x[a..]` and `issue s, ..`",
            ));
        };
        let start = self.eval_end(start)?;
        let mut stop = self.eval_end(end)?;
        if inclusive {
            stop = stop.saturating_add(1);
        }
        Ok(Value::Range(Range::new(start, stop)))
    }

    /// An end of a range. A register is what a loop at run time counts with.
    fn eval_end(&mut self, expr: &'a Expr) -> Evaluated<i128> {
        match self.eval(expr)? {
            Value::Int(n) => Ok(n),
            Value::Reg(_) => Err(self.error(
                Diagnostic::new(
                    Code::NotConstant,
                    place(expr),
                    "the ends of a range are constants, not registers",
                )
                .note("`for` is unrolled when the kernel is compiled")
                .help(LOOP),
            )),
            other => Err(self.wrong_constant(expr, "an integer constant", &other)),
        }
    }

    /// `x.ptr`, `n.gp32`, `acc.xmm`.
    fn eval_field(&mut self, base: &'a Expr, field: &'a Name) -> Evaluated {
        let value = self.eval(base)?;
        let symbol = self.names.symbol(field);
        let text = self.names.text(symbol);
        match (&value, &*text) {
            (Value::Slice { ptr, .. }, "ptr") => return Ok(Value::Reg(*ptr)),
            (Value::Slice { len, .. }, "len") => return Ok(Value::Reg(*len)),
            (Value::Wide { lo, .. }, "lo") => return Ok(Value::Reg(*lo)),
            (Value::Wide { hi, .. }, "hi") => return Ok(Value::Reg(*hi)),
            _ => {}
        }
        let class = match &*text {
            "gp8h" => Some(Class::Gp8h),
            _ => self.names.info(symbol).class.or_else(|| self.named_class(symbol)),
        };
        match class {
            Some(class) => self.view(&value, class, field),
            None => {
                let error = Diagnostic::new(
                    Code::UndefinedName,
                    field.span(),
                    format!("{} has no field `{text}`", value.describe()),
                );
                Err(self.error(match fields_of(&value) {
                    Some(fields) => error.note(format!("it has {fields}")),
                    None => error,
                }))
            }
        }
    }

    /// Another view of a register, or of every register of an array.
    fn view(&mut self, value: &Value, class: Class, field: &Name) -> Evaluated {
        match value {
            Value::List(list) => {
                let mut views = Vec::with_capacity(list.len());
                for element in list.iter() {
                    views.push(self.view(element, class, field)?);
                }
                Ok(Value::List(views.into()))
            }
            Value::Reg(view) if view.class.bank() == class.bank() => {
                let beyond = matches!(view.reg, Reg::Physical(reg) if reg.num > 3);
                if class == Class::Gp8h && beyond {
                    return Err(self.error(
                        Diagnostic::new(
                            Code::TypeMismatch,
                            field.span(),
                            "this register has no high byte",
                        )
                        .note("the high bytes are `ah`, `bh`, `ch` and `dh`"),
                    ));
                }
                Ok(Value::Reg(View { reg: view.reg, class }))
            }
            other => {
                let mut error = Diagnostic::new(
                    Code::TypeMismatch,
                    field.span(),
                    format!("{} has no view `{}`", other.describe(), class.name()),
                );
                if let Some(fields) = fields_of(other) {
                    error = error.note(format!("it has {fields}"));
                }
                Err(self.error(error))
            }
        }
    }

    /// Reports that a constant of one kind is needed where another value stands.
    pub(super) fn wrong_constant(&mut self, expr: &Expr, wanted: &str, found: &Value) -> Reported {
        let is_constant = matches!(
            found,
            Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Range(_) | Value::List(_)
        );
        let code = if is_constant { Code::TypeMismatch } else { Code::NotConstant };
        let error = Diagnostic::new(
            code,
            place(expr),
            format!("expected {wanted}, found {}", found.describe()),
        );
        let error = match found {
            Value::RustConst(_) => error.note(
                "`const { … }` is evaluated by rustc, after expansion: it can only be an immediate \
                 or a displacement of full width",
            ),
            Value::Reg(_) if wanted == CONDITION => error.help(BRANCH),
            Value::Reg(_) => {
                error.help("compile-time variables are declared with `let mut n: const = 0;`")
            }
            _ => error,
        };
        self.error(error)
    }

    /// Reports mismatched kinds.
    pub(super) fn refuse(&mut self, expr: &Expr, message: &str) -> Reported {
        self.error(Diagnostic::new(Code::TypeMismatch, place(expr), message))
    }
}

/// Whether an expression can only be true or false.
fn is_condition(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Unary(UnaryOp::Not, _) => true,
        ExprKind::Binary(op, ..) => matches!(
            op,
            BinaryOp::Eq
                | BinaryOp::Ne
                | BinaryOp::Lt
                | BinaryOp::Le
                | BinaryOp::Gt
                | BinaryOp::Ge
                | BinaryOp::AndAnd
                | BinaryOp::OrOr
        ),
        _ => false,
    }
}

/// The tokens of an expression.
pub(super) fn place(expr: &Expr) -> Place {
    Place { first: expr.span.0, last: expr.span.1 }
}

/// "`a`, `b` or `c`".
pub(super) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The fields of a value, for an error message.
fn fields_of(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Slice { .. } => "`.ptr` and `.len`",
        Value::Wide { .. } => "`.lo` and `.hi`",
        Value::Reg(view) => match view.class.bank() {
            Bank::Gp => "`.gp8`, `.gp8h`, `.gp16`, `.gp32` and `.gp64`",
            Bank::Vector => "`.xmm`, `.ymm` and `.zmm`",
            _ => return None,
        },
        _ => return None,
    })
}
