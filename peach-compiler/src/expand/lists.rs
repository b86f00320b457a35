//! Lists: what is evaluated where one is wanted, elements and parts of lists, `len` and `zip`.

use super::evaluate::{Evaluated, place};
use super::items::Global;
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic};
use crate::syntax::ast::{Call, Expr, ExprKind};
use std::rc::Rc;

/// The longest list that `[e; N]` makes.
const LENGTH_MAX: i128 = 1 << 24;

impl<'a> Expander<'a, '_> {
    /// The value where a list is wanted: `[x]` is a list of one, not memory.
    pub(super) fn eval_list(&mut self, expr: &'a Expr) -> Evaluated {
        match &expr.kind {
            ExprKind::Bracket(parts) => {
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    values.push(match part.kind {
                        ExprKind::Bracket(_) if self.is_memory(part) => self.eval(part)?,
                        ExprKind::Bracket(_) => self.eval_list(part)?,
                        _ => self.eval(part)?,
                    });
                }
                Ok(Value::List(values.into()))
            }
            ExprKind::Repeat(value, count) => {
                let value = self.eval_list(value)?;
                let expr = count;
                let count = self.eval_int(count)?;
                self.repeated(value, count, expr)
            }
            ExprKind::Bytes(bytes) => {
                Ok(Value::List(bytes.iter().map(|b| Value::Int((*b).into())).collect()))
            }
            ExprKind::If(condition, yes, no) => match self.eval_bool(condition)? {
                true => self.eval_list(yes),
                false => self.eval_list(no),
            },
            _ => self.eval(expr),
        }
    }

    /// Whether brackets in a list are a place in memory: something in them is an address.
    fn is_memory(&mut self, expr: &'a Expr) -> bool {
        match &expr.kind {
            ExprKind::Bracket(parts) => match parts.as_slice() {
                [part] => !matches!(part.kind, ExprKind::Bracket(_)) && self.has_address(part),
                _ => false,
            },
            _ => false,
        }
    }

    fn has_address(&mut self, expr: &'a Expr) -> bool {
        match &expr.kind {
            ExprKind::Binary(_, a, b) => self.has_address(a) || self.has_address(b),
            ExprKind::Unary(_, a) | ExprKind::Field(a, _) | ExprKind::Index(a, _) => {
                self.has_address(a)
            }
            ExprKind::RustConst(_) => true,
            ExprKind::Name(name) => {
                let symbol = self.names.symbol(name);
                match self.scopes.get(symbol) {
                    Some(binding) => holds_address(&binding.value),
                    None => {
                        self.names.info(symbol).register.is_some()
                            || matches!(self.items.by_name.get(&symbol), Some(Global::Table(_)))
                    }
                }
            }
            _ => false,
        }
    }

    /// The value where an array of these lengths is wanted, outermost first.
    pub(super) fn eval_shaped(&mut self, expr: &'a Expr, lengths: &[usize]) -> Evaluated {
        match (&expr.kind, lengths) {
            (ExprKind::FromFn(closure), _) => self.eval_from_fn(closure, lengths, expr),
            (ExprKind::Bracket(parts), [_, rest @ ..]) if !rest.is_empty() => {
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    values.push(self.eval_shaped(part, rest)?);
                }
                Ok(Value::List(values.into()))
            }
            (ExprKind::Repeat(value, count), [_, rest @ ..]) => {
                let value = match rest.is_empty() {
                    true => self.eval(value)?,
                    false => self.eval_shaped(value, rest)?,
                };
                let expr = count;
                let count = self.eval_int(count)?;
                self.repeated(value, count, expr)
            }
            (ExprKind::If(condition, yes, no), _) => match self.eval_bool(condition)? {
                true => self.eval_shaped(yes, lengths),
                false => self.eval_shaped(no, lengths),
            },
            (_, []) => self.eval(expr),
            _ => self.eval_list(expr),
        }
    }

    /// The same with the elements of a table as a list.
    pub(super) fn eval_elements(&mut self, expr: &'a Expr) -> Evaluated {
        match self.eval_list(expr)? {
            Value::Table(table) => match table.values() {
                Some(values) => Ok(Value::List(values.clone())),
                None => Err(self.unknown_contents(&table, expr)),
            },
            value => Ok(value),
        }
    }

    /// `[value; count]`.
    pub(super) fn repeated(&mut self, value: Value, count: i128, expr: &Expr) -> Evaluated {
        if !(0..=LENGTH_MAX).contains(&count) {
            let message = format!("a list of {count} elements");
            let error = Diagnostic::new(Code::OutOfRange, place(expr), message);
            return Err(self.error(error.note(format!("lists have at most {LENGTH_MAX}"))));
        }
        self.spend(count as usize, place(expr))?;
        Ok(Value::List(std::iter::repeat_n(value, count as usize).collect()))
    }

    /// `x[i]`, `x[a..b]`, `t.0`.
    pub(super) fn eval_index(&mut self, base: &'a Expr, index: &'a Expr) -> Evaluated {
        let value = self.eval_list(base)?;
        let len = match &value {
            Value::List(list) | Value::Tuple(list) => list.len(),
            Value::Table(table) => table.len(),
            Value::Range(range) => usize::try_from(range.count).unwrap_or(usize::MAX),
            other => return Err(self.no_elements(other, base)),
        };
        let Some((from, to)) = self.eval_bounds(index, len)? else {
            let at = self.eval_int(index)?;
            return self.element_of(&value, at, base, index);
        };
        match value {
            Value::List(list) => Ok(Value::List(list[from..to].into())),
            Value::Table(table) => match table.values() {
                Some(values) => Ok(Value::List(values[from..to].into())),
                None => Err(self.unknown_contents(&table, base)),
            },
            other => {
                let found = other.describe();
                Err(self.refuse(base, &format!("{found} has no parts")))
            }
        }
    }

    /// An element of a value, which `base` and `index` gave.
    pub(super) fn element_of(
        &mut self,
        value: &Value,
        at: i128,
        base: &Expr,
        index: &Expr,
    ) -> Evaluated {
        let list = match value {
            Value::List(list) | Value::Tuple(list) => list,
            Value::Table(table) => match table.values() {
                Some(values) => values,
                None => return Err(self.unknown_contents(table, base)),
            },
            Value::Range(range) => match u64::try_from(at) {
                Ok(at) if at < range.count => return Ok(Value::Int(range.get(at))),
                _ => return Err(self.beyond(at, range.count as usize, index)),
            },
            other => return Err(self.no_elements(other, base)),
        };
        match usize::try_from(at).ok().and_then(|at| list.get(at)) {
            Some(Value::Poison(reported)) => Err(*reported),
            Some(element) => Ok(element.clone()),
            None => Err(self.beyond(at, list.len(), index)),
        }
    }

    fn no_elements(&mut self, value: &Value, base: &Expr) -> Reported {
        let message = format!("{} has no elements", value.describe());
        let error = Diagnostic::new(Code::TypeMismatch, place(base), message);
        self.error(error.help(match value {
            Value::Local(_) | Value::Reg(_) | Value::Slice { .. } => {
                "memory is addressed in bytes, within the brackets: `[x + 4*i]`"
            }
            _ => "lists, arrays of registers and tables have elements",
        }))
    }

    fn beyond(&mut self, at: i128, len: usize, index: &Expr) -> Reported {
        self.error(Diagnostic::new(
            Code::OutOfRange,
            place(index),
            format!("the index is {at}, but there are {len} elements"),
        ))
    }

    /// The ends of a part, if `index` is a range: `a..b`, `a..`, `..b`, `..=b`, or a named range.
    pub(super) fn eval_bounds(
        &mut self,
        index: &'a Expr,
        len: usize,
    ) -> Evaluated<Option<(usize, usize)>> {
        let (from, to) = match &index.kind {
            ExprKind::Range { start, end, inclusive } => {
                let from = match start {
                    Some(start) => self.eval_int(start)?,
                    None => 0,
                };
                let to = match end {
                    Some(end) => self.eval_int(end)?.saturating_add(i128::from(*inclusive)),
                    None => len as i128,
                };
                (from, to)
            }
            ExprKind::Name(_) => match self.eval(index)? {
                Value::Range(range) if range.step == 1 => {
                    (range.first, range.first + i128::from(range.count))
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.check_part(from, to, len, index).map(Some)
    }

    /// The ends of a part of a list.
    pub(super) fn check_part(
        &mut self,
        from: i128,
        to: i128,
        len: usize,
        index: &Expr,
    ) -> Evaluated<(usize, usize)> {
        if from < 0 || from > to || to > len as i128 {
            return Err(self.error(Diagnostic::new(
                Code::OutOfRange,
                place(index),
                format!("the part {from}..{to} is not within the {len} elements"),
            )));
        }
        Ok((from as usize, to as usize))
    }

    /// `len(x)`, of lists, tables and streams.
    pub(super) fn eval_len(&mut self, expr: &'a Expr, call: &'a Call) -> Evaluated {
        let [arg] = call.args.as_slice() else {
            return Err(self.refuse(expr, "`len` takes one list, table or stream"));
        };
        let value = self.eval_list(arg)?;
        self.length_of(&value, arg)
    }

    /// The same of a value.
    pub(super) fn length_of(&mut self, value: &Value, expr: &Expr) -> Evaluated {
        let len = match value {
            Value::List(list) | Value::Tuple(list) => list.len(),
            Value::Range(range) => return Ok(Value::Int(i128::from(range.count))),
            Value::Table(table) => table.len(),
            Value::Jumps(table) => table.labels.len(),
            Value::Stream(stream) => self.stream_len(*stream),
            other => {
                let message = format!("{} has no length", other.describe());
                let error = Diagnostic::new(Code::TypeMismatch, place(expr), message);
                return Err(self.error(match other {
                    Value::Slice { .. } => error.help(
                        "the length of a slice is only known at run time: it is in the \
                            register `.len`",
                    ),
                    _ => error.note("lists, arrays of registers, tables and streams have one"),
                }));
            }
        };
        Ok(Value::Int(len as i128))
    }

    /// `zip(a, b)`: pairs, as many as the shorter one has.
    pub(super) fn eval_zip(&mut self, expr: &'a Expr, call: &'a Call) -> Evaluated {
        let mut values = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            values.push(self.eval_elements(arg)?);
        }
        let exprs: Vec<&Expr> = call.args.iter().collect();
        self.zip(values, &exprs, expr)
    }

    /// The same of values.
    pub(super) fn zip(&mut self, values: Vec<Value>, exprs: &[&Expr], expr: &Expr) -> Evaluated {
        let mut columns = Vec::with_capacity(values.len());
        for (value, arg) in values.into_iter().zip(exprs) {
            columns.push(match value {
                Value::List(list) => list,
                Value::Range(range) => {
                    let count = usize::try_from(range.count).unwrap_or(usize::MAX);
                    self.spend(count, place(arg))?;
                    (0..range.count).map(|i| Value::Int(range.get(i))).collect()
                }
                other => {
                    let found = other.describe();
                    return Err(
                        self.refuse(arg, &format!("`zip` takes lists and ranges, not {found}"))
                    );
                }
            });
        }
        if columns.len() < 2 {
            return Err(self.refuse(expr, "`zip` takes two lists or more"));
        }
        let count = columns.iter().map(|c| c.len()).min().unwrap_or(0);
        self.spend(count, place(expr))?;
        let row =
            |i: usize| Value::Tuple(columns.iter().map(|c: &Rc<[Value]>| c[i].clone()).collect());
        Ok(Value::List((0..count).map(row).collect()))
    }
}

/// Whether a value is what addresses are made of.
fn holds_address(value: &Value) -> bool {
    match value {
        Value::List(parts) | Value::Tuple(parts) => parts.first().is_some_and(holds_address),
        Value::Reg(_)
        | Value::Slice { .. }
        | Value::Local(_)
        | Value::Table(_)
        | Value::Jumps(_)
        | Value::RustConst(_) => true,
        _ => false,
    }
}
