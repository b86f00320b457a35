//! Methods of compile-time values: `(0..8).rev()`, `x.sqrt()`, `(n as u32).rotate_left(5)`.

use super::evaluate::{Evaluated, place};
use super::value::Value;
use super::{Expander, Reported, constant};
use crate::diagnostics::{Code, Diagnostic};
use crate::syntax::ast::{Call, Element, Expr};

impl<'a> Expander<'a, '_> {
    /// `x.name(args)`.
    pub(super) fn eval_method(&mut self, base: &'a Expr, call: &'a Call) -> Evaluated {
        let value = self.eval_list(base)?;
        let lent = match value {
            Value::Int(_) => self.lent_type(base, &call.name),
            _ => None,
        };
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(self.eval(arg)?);
        }
        self.method_value(value, base, call, lent, &args)
    }

    /// A method of a value, which `base` gave, and to which it lends a type.
    pub(super) fn method_value(
        &mut self,
        value: Value,
        base: &Expr,
        call: &'a Call,
        lent: Option<Element>,
        args: &[Value],
    ) -> Evaluated {
        let name = call.name.to_string();
        match &value {
            Value::Int(_) | Value::Float(_) => {
                return match constant::method(&name, &value, lent, args) {
                    Some(Ok(value)) => Ok(value),
                    Some(Err(failure)) => {
                        Err(self.failed_method(&value, base, call, lent, failure))
                    }
                    None => Err(self.no_method(&value, call)),
                };
            }
            Value::Table(table) if name != "len" => {
                let Some(values) = table.values() else {
                    return Err(self.unknown_contents(table, base));
                };
                return self.list_method(Value::List(values.clone()), call, args);
            }
            _ => {}
        }
        self.list_method(value, call, args)
    }

    /// A method of a list or range.
    fn list_method(&mut self, value: Value, call: &'a Call, args: &[Value]) -> Evaluated {
        match (&*call.name.to_string(), args, value) {
            ("rev", [], Value::Range(range)) => Ok(Value::Range(range.reversed())),
            ("rev", [], Value::List(list)) => Ok(Value::List(list.iter().rev().cloned().collect())),
            ("len", [], Value::List(list)) => Ok(Value::Int(list.len() as i128)),
            ("len", [], Value::Table(table)) => Ok(Value::Int(table.len() as i128)),
            ("step_by", [step], value @ (Value::Range(_) | Value::List(_))) => {
                let step = self.step(step, &call.args[0])?;
                Ok(match value {
                    Value::Range(range) => Value::Range(range.stepped(step as u64)),
                    Value::List(list) => Value::List(list.iter().step_by(step).cloned().collect()),
                    other => other,
                })
            }
            (_, _, value) => Err(self.no_method(&value, call)),
        }
    }

    fn step(&mut self, step: &Value, expr: &Expr) -> Evaluated<usize> {
        match step {
            Value::Int(n) if (1..=i128::from(u32::MAX)).contains(n) => Ok(*n as usize),
            Value::Int(n) => {
                let message = format!("the step is {n}, but must be from 1 to {}", u32::MAX);
                Err(self.error(Diagnostic::new(Code::OutOfRange, place(expr), message)))
            }
            other => Err(self.wrong_constant(expr, "an integer constant", other)),
        }
    }

    /// A method that has no value.
    fn failed_method(
        &mut self,
        value: &Value,
        base: &Expr,
        call: &Call,
        lent: Option<Element>,
        (code, message): constant::Failure,
    ) -> Reported {
        let error = Diagnostic::new(code, call.name.span(), message);
        let needs_width =
            code == Code::TypeMismatch && lent.is_none() && matches!(value, Value::Int(_));
        self.error(match needs_width && constant::needs_width(&call.name.to_string()) {
            true => error
                .label(base.span.0, "a whole number, of no width")
                .help(format!("say which: `(… as u32).{}(…)`", call.name)),
            false => error,
        })
    }

    fn no_method(&mut self, value: &Value, call: &Call) -> Reported {
        let name = call.name.to_string();
        let message = format!("{} has no method `{name}` of this form", value.describe());
        let error = Diagnostic::new(Code::UndefinedName, call.name.span(), message);
        self.error(match value {
            Value::Int(_) => match constant::is_method_of_floats(&name) {
                true => error.help(format!("convert the integer: `(… as f64).{name}(…)`")),
                false => error.note("integers have the methods of Rust's, such as `pow` and `min`"),
            },
            Value::Float(_) => {
                error.note("floats have the methods of Rust's, such as `sqrt`, `cos` and `abs`")
            }
            _ => error.note("ranges and lists have `.rev()`, `.step_by(n)` and `.len()`").help(
                match name.as_str() {
                    "len" | "as_ptr" | "as_mut_ptr" => {
                        "`.len` and `.ptr` of a slice are registers; `len(x)` counts a list or a \
                         table"
                    }
                    _ => "write instructions, or an `inline fn`",
                },
            ),
        })
    }
}
