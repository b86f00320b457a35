//! Evaluation of code.

use super::code::{Argument, Block, Closure, Code, Kind, Part, Statement, Target, Variable};
use crate::diagnostics::{Code as ErrorCode, Diagnostic};
use crate::expand::evaluate::{CONDITION, Evaluated, place};
use crate::expand::names::Symbol;
use crate::expand::value::{Range, Value};
use crate::expand::{Expander, Reported, constant};
use crate::syntax::ast::{BinaryOp, Call, Expr};
use std::rc::Rc;

/// Why evaluation does not go on behind an expression or statement.
pub(super) enum Exit {
    Reported(Reported),
    /// How many loops within the one that ends.
    Break(usize),
    Continue(usize),
    Return(Value),
}

impl From<Reported> for Exit {
    fn from(reported: Reported) -> Exit {
        Exit::Reported(reported)
    }
}

pub(super) type Ran<T = Value> = Result<T, Exit>;

impl<'a> Expander<'a, '_> {
    /// The value of an expression. (Its frame is small: it calls itself for every level.)
    pub(super) fn run(&mut self, code: &Code<'a>) -> Ran {
        match &code.kind {
            Kind::Value(value) => Ok(value.clone()),
            Kind::Slot(slot) => self.run_slot(*slot, code),
            Kind::Unary(..) => self.run_unary(code),
            Kind::Binary(op, operands) => self.run_binary(code, *op, operands),
            Kind::Cast(..) => self.run_cast(code),
            Kind::Range(ends, inclusive) => self.run_range(ends, *inclusive),
            Kind::Index(parts) => self.run_index(parts),
            Kind::Part(part) => self.run_part(part, code),
            Kind::Method(..) => self.run_method(code),
            Kind::Call(symbol, call, args) => self.run_call(*symbol, call, args),
            Kind::Len(list) => {
                let value = self.run(list)?;
                Ok(self.length_of(&value, list.expr)?)
            }
            Kind::Bits(x) => {
                let value = self.run(x)?;
                Ok(self.bits_of(&value, x.expr)?)
            }
            Kind::Zip(lists) => {
                let values = self.run_all(lists)?;
                let exprs: Vec<&Expr> = lists.iter().map(|list| list.expr).collect();
                Ok(self.zip(values, &exprs, code.expr)?)
            }
            Kind::List(parts) => Ok(Value::List(self.run_all(parts)?.into())),
            Kind::Tuple(parts) => Ok(Value::Tuple(self.run_all(parts)?.into())),
            Kind::Repeat(parts) => self.run_repeat(parts),
            Kind::FromFn(closure, length) => {
                self.spend(*length, place(code.expr))?;
                self.run_from_fn(closure, *length)
            }
            Kind::If(parts) => match self.run_condition(&parts[0])? {
                true => self.run(&parts[1]),
                false => self.run(&parts[2]),
            },
            Kind::Block(block) => self.run_block(block),
        }
    }

    fn run_all(&mut self, codes: &[Code<'a>]) -> Ran<Vec<Value>> {
        let mut values = Vec::with_capacity(codes.len());
        for code in codes {
            values.push(self.run(code)?);
        }
        Ok(values)
    }

    fn run_slot(&mut self, slot: usize, code: &Code<'a>) -> Ran {
        match &self.compute.slots[self.compute.base + slot] {
            Value::Undefined => {
                let message = "the variable is read before it has a value";
                Err(self.refuse(code.expr, message).into())
            }
            value => Ok(value.clone()),
        }
    }

    fn run_unary(&mut self, code: &Code<'a>) -> Ran {
        let Kind::Unary(op, operand) = &code.kind else { return self.run(code) };
        let value = self.run(operand)?;
        match constant::unary(*op, &value) {
            Ok(value) => Ok(value),
            Err(failure) => {
                Err(self.no_value(code.expr, &[(&value, operand.expr)], failure).into())
            }
        }
    }

    fn run_binary(&mut self, code: &Code<'a>, op: BinaryOp, operands: &[Code<'a>; 2]) -> Ran {
        let [a, b] = operands;
        let left = self.run(a)?;
        if let (BinaryOp::AndAnd, Value::Bool(false)) | (BinaryOp::OrOr, Value::Bool(true)) =
            (op, &left)
        {
            return Ok(left);
        }
        let right = self.run(b)?;
        match constant::binary(op, &left, &right) {
            Ok(value) => Ok(value),
            Err(failure) => {
                let operands = [(&left, a.expr), (&right, b.expr)];
                Err(self.no_value(code.expr, &operands, failure).into())
            }
        }
    }

    fn run_cast(&mut self, code: &Code<'a>) -> Ran {
        let Kind::Cast(ty, is_literal, operand) = &code.kind else { return self.run(code) };
        let value = self.run(operand)?;
        match constant::cast(&value, *ty, *is_literal) {
            Ok(value) => Ok(value),
            Err(failure) => {
                Err(self.no_value(code.expr, &[(&value, operand.expr)], failure).into())
            }
        }
    }

    fn run_condition(&mut self, code: &Code<'a>) -> Ran<bool> {
        match self.run(code)? {
            Value::Bool(b) => Ok(b),
            other => Err(self.wrong_constant(code.expr, CONDITION, &other).into()),
        }
    }

    fn run_int(&mut self, code: &Code<'a>) -> Ran<i128> {
        match self.run(code)? {
            Value::Int(n) => Ok(n),
            other => Err(self.wrong_constant(code.expr, "an integer constant", &other).into()),
        }
    }

    fn run_range(&mut self, ends: &[Code<'a>; 2], inclusive: bool) -> Ran {
        let (start, end) = (self.run_int(&ends[0])?, self.run_int(&ends[1])?);
        Ok(Value::Range(Range::new(start, end.saturating_add(i128::from(inclusive)))))
    }

    fn run_index(&mut self, parts: &[Code<'a>; 2]) -> Ran {
        let [list, index] = parts;
        let value = self.run(list)?;
        let at = self.run_int(index)?;
        Ok(self.element_of(&value, at, list.expr, index.expr)?)
    }

    fn run_part(&mut self, part: &Part<'a>, code: &Code<'a>) -> Ran {
        let Value::List(list) = self.run(&part.list)? else {
            return Err(self.refuse(part.list.expr, "only lists have parts").into());
        };
        let from = match &part.start {
            Some(start) => self.run_int(start)?,
            None => 0,
        };
        let to = match &part.end {
            Some(end) => self.run_int(end)?.saturating_add(i128::from(part.inclusive)),
            None => list.len() as i128,
        };
        let (from, to) = self.check_part(from, to, list.len(), code.expr)?;
        Ok(Value::List(list[from..to].into()))
    }

    fn run_method(&mut self, code: &Code<'a>) -> Ran {
        let Kind::Method(call, lent, base, args) = &code.kind else { return self.run(code) };
        let value = self.run(base)?;
        let args = self.run_all(args)?;
        Ok(self.method_value(value, base.expr, call, *lent, &args)?)
    }

    fn run_call(&mut self, symbol: Symbol, call: &'a Call, args: &[Argument<'a>]) -> Ran {
        let mut values = Vec::with_capacity(args.len());
        let mut misfits = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            values.push(self.run(&arg.code)?);
            if !arg.fits {
                misfits.push(at);
            }
        }
        if !misfits.is_empty() {
            self.fit_arguments(symbol, call, &mut values, &misfits)?;
        }
        Ok(self.call_function(symbol, call.name.span(), values)?)
    }

    fn run_repeat(&mut self, parts: &[Code<'a>; 2]) -> Ran {
        let [value, count] = parts;
        let expr = count.expr;
        let value = self.run(value)?;
        let count = self.run_int(count)?;
        Ok(self.repeated(value, count, expr)?)
    }

    pub(super) fn run_from_fn(&mut self, closure: &Closure<'a>, length: usize) -> Ran {
        let mut values = Vec::with_capacity(length);
        for index in 0..length {
            self.set(&closure.target, Value::Int(index as i128))?;
            values.push(self.run(&closure.body)?);
        }
        Ok(Value::List(values.into()))
    }

    /// The statements of a block, and its value.
    pub(super) fn run_block(&mut self, block: &Block<'a>) -> Ran {
        for statement in &block.statements {
            self.run_statement(statement)?;
        }
        match &block.value {
            Some(value) => self.run(value),
            None => Ok(Value::Tuple(Rc::from([]))),
        }
    }

    fn run_statement(&mut self, statement: &Statement<'a>) -> Ran<()> {
        match statement {
            Statement::Let(target, ty, Some(value)) => {
                let mut new = self.run(value)?;
                if let Some(ty) = ty {
                    new = self.fit(new, ty, value.expr)?;
                }
                Ok(self.set(target, new)?)
            }
            Statement::Let(target, _, None) => {
                self.unset(target);
                Ok(())
            }
            Statement::Assign(variable, value) => {
                let new = self.run(value)?;
                self.assign_variable(variable, new, value.expr)
            }
            Statement::AssignParts(variables, value) => self.run_destructuring(variables, value),
            Statement::AssignOp(variable, op, value) => self.run_update(variable, *op, value),
            Statement::Expr(code) => self.run(code).map(|_| ()),
            Statement::While(condition, body) => {
                while self.run_condition(condition)? {
                    self.spend(1, place(condition.expr))?;
                    if self.run_turn(body)? {
                        break;
                    }
                }
                Ok(())
            }
            Statement::Loop(body, at) => loop {
                self.spend(1, *at)?;
                if self.run_turn(body)? {
                    return Ok(());
                }
            },
            Statement::For(..) => self.run_for(statement),
            Statement::Break(depth) => Err(Exit::Break(*depth)),
            Statement::Continue(depth) => Err(Exit::Continue(*depth)),
            Statement::Return(None, _) => Err(Exit::Return(Value::Tuple(Rc::from([])))),
            Statement::Return(Some(value), ty) => {
                let result = self.run(value)?;
                Err(Exit::Return(self.fit(result, ty, value.expr)?))
            }
            Statement::Assert(condition, message) => match self.run_condition(condition)? {
                true => Ok(()),
                false => Err(self.failed_assertion(condition.expr, message).into()),
            },
        }
    }

    /// A turn of a loop. Whether it was the last one.
    fn run_turn(&mut self, body: &Block<'a>) -> Ran<bool> {
        match self.run_block(body) {
            Ok(_) | Err(Exit::Continue(0)) => Ok(false),
            Err(Exit::Break(0)) => Ok(true),
            Err(Exit::Break(depth)) => Err(Exit::Break(depth - 1)),
            Err(Exit::Continue(depth)) => Err(Exit::Continue(depth - 1)),
            Err(exit) => Err(exit),
        }
    }

    fn run_for(&mut self, statement: &Statement<'a>) -> Ran<()> {
        let Statement::For(target, list, body) = statement else { return Ok(()) };
        let values = self.run(list)?;
        let count = match &values {
            Value::Range(range) => range.count,
            Value::List(list) => list.len() as u64,
            other => {
                let message = format!("`for` cannot iterate over {}", other.describe());
                return Err(self.refuse(list.expr, &message).into());
            }
        };
        for turn in 0..count {
            self.spend(1, place(list.expr))?;
            let element = match &values {
                Value::List(list) => list[turn as usize].clone(),
                Value::Range(range) => Value::Int(range.get(turn)),
                _ => Value::Undefined,
            };
            self.set(target, element)?;
            if self.run_turn(body)? {
                break;
            }
        }
        Ok(())
    }

    fn run_destructuring(
        &mut self,
        variables: &[Option<Variable<'a>>],
        value: &Code<'a>,
    ) -> Ran<()> {
        let new = self.run(value)?;
        match &new {
            Value::Tuple(parts) | Value::List(parts) if parts.len() == variables.len() => {
                for (variable, part) in variables.iter().zip(parts.iter()) {
                    if let Some(variable) = variable {
                        self.assign_variable(variable, part.clone(), value.expr)?;
                    }
                }
                Ok(())
            }
            other => {
                let message =
                    format!("{} variables are set to {}", variables.len(), other.describe());
                Err(self.refuse(value.expr, &message).into())
            }
        }
    }

    /// `x += e`.
    fn run_update(&mut self, variable: &Variable<'a>, op: BinaryOp, value: &Code<'a>) -> Ran<()> {
        let right = self.run(value)?;
        let indices = self.run_indices(variable)?;
        let left = self.variable(variable, &indices)?.clone();
        if let Value::Undefined = left {
            let message = "the variable is read before it has a value";
            return Err(self.refuse(variable.expr, message).into());
        }
        let new = match constant::binary(op, &left, &right) {
            Ok(new) => new,
            Err(failure) => {
                let operands = [(&left, variable.expr), (&right, value.expr)];
                return Err(self.no_value(value.expr, &operands, failure).into());
            }
        };
        self.store(variable, &indices, new, value.expr)
    }

    fn assign_variable(&mut self, variable: &Variable<'a>, new: Value, expr: &Expr) -> Ran<()> {
        let indices = self.run_indices(variable)?;
        self.store(variable, &indices, new, expr)
    }

    fn store(
        &mut self,
        variable: &Variable<'a>,
        indices: &[(i128, &'a Expr)],
        new: Value,
        expr: &Expr,
    ) -> Ran<()> {
        let new = match &variable.ty {
            Some(ty) => self.fit(new, ty, expr)?,
            None => new,
        };
        *self.variable(variable, indices)? = new;
        Ok(())
    }

    fn run_indices(&mut self, variable: &Variable<'a>) -> Ran<Vec<(i128, &'a Expr)>> {
        let mut indices = Vec::with_capacity(variable.indices.len());
        for index in &variable.indices {
            indices.push((self.run_int(index)?, index.expr));
        }
        Ok(indices)
    }

    /// Where a variable or an element of it is.
    fn variable(
        &mut self,
        variable: &Variable<'a>,
        indices: &[(i128, &'a Expr)],
    ) -> Evaluated<&mut Value> {
        // What is wrong is found first: the place itself is borrowed.
        let mut value = &self.compute.slots[self.compute.base + variable.slot];
        for (at, expr) in indices {
            let Value::List(list) = value else {
                let found = value.describe();
                return Err(self.refuse(variable.expr, &format!("{found} has no elements")));
            };
            match usize::try_from(*at).ok().and_then(|at| list.get(at)) {
                Some(element) => value = element,
                None => {
                    let len = list.len();
                    return Err(self.error(Diagnostic::new(
                        ErrorCode::OutOfRange,
                        place(expr),
                        format!("the index is {at}, but there are {len} elements"),
                    )));
                }
            }
        }
        let mut value = &mut self.compute.slots[self.compute.base + variable.slot];
        for (at, _) in indices {
            // A list that others hold is copied here.
            match value {
                Value::List(list) => value = &mut Rc::make_mut(list)[*at as usize],
                _ => break,
            }
        }
        Ok(value)
    }

    /// `let x;`
    fn unset(&mut self, target: &Target) {
        match target {
            Target::Nothing => {}
            Target::Slot(slot) => {
                let at = self.compute.base + slot;
                self.compute.slots[at] = Value::Undefined;
            }
            Target::Parts(parts, _) => parts.iter().for_each(|part| self.unset(part)),
        }
    }
}
