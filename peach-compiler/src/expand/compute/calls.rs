//! Calls of a `const fn`, and `from_fn`, from where operands are evaluated.

use super::code::{Function, Target, Type};
use super::lower::Obstacle;
use super::names::Names;
use super::run::Exit;
use crate::diagnostics::{Code, Diagnostic, counted};
use crate::expand::evaluate::{Evaluated, place};
use crate::expand::items::Global;
use crate::expand::names::Symbol;
use crate::expand::value::Value;
use crate::expand::{Expander, Reported};
use crate::nearest::nearest;
use crate::syntax::ast::{self, Call, ConstBlock, ConstFn, Expr};
use proc_macro2::Span;
use std::rc::Rc;

/// The longest list that `from_fn` makes.
const LENGTH_MAX: usize = 1 << 24;

impl<'a> Expander<'a, '_> {
    /// `f(x)`, of a `const fn`.
    pub(in crate::expand) fn eval_const_fn(
        &mut self,
        symbol: Symbol,
        decl: &'a ConstFn,
        call: &'a Call,
    ) -> Evaluated {
        self.check_argument_count(decl, call)?;
        let mut args = Vec::with_capacity(call.args.len());
        for (arg, param) in call.args.iter().zip(&decl.params) {
            let ty = self.const_type(&param.ty)?;
            let value = self.eval_shaped(arg, &ty.lengths())?;
            args.push(self.fit(value, &ty, arg)?);
        }
        self.call_function(symbol, call.name.span(), args)
    }

    pub(super) fn check_argument_count(&mut self, decl: &ConstFn, call: &Call) -> Evaluated<()> {
        if decl.params.len() == call.args.len() {
            return Ok(());
        }
        let message = format!(
            "`{}` takes {}, but {} {} given",
            decl.name,
            counted(decl.params.len(), "argument"),
            call.args.len(),
            if call.args.len() == 1 { "is" } else { "are" }
        );
        let error = Diagnostic::new(Code::TypeMismatch, call.name.span(), message);
        Err(self.error(error.label(decl.name.span(), "the function")))
    }

    /// Brings arguments to the types of their parameters.
    pub(super) fn fit_arguments(
        &mut self,
        symbol: Symbol,
        call: &'a Call,
        values: &mut [Value],
        misfits: &[usize],
    ) -> Evaluated<()> {
        let function = self.function(symbol, call.name.span())?;
        for &at in misfits {
            let value = std::mem::replace(&mut values[at], Value::Undefined);
            values[at] = self.fit(value, &function.params[at].1, &call.args[at])?;
        }
        Ok(())
    }

    /// Runs a function on arguments of its types.
    pub(super) fn call_function(
        &mut self,
        symbol: Symbol,
        at: Span,
        args: Vec<Value>,
    ) -> Evaluated {
        let function = self.function(symbol, at)?;
        self.spend(1, at)?;
        if !self.limits.descend_by(function.depth + 1) {
            return Err(self.stop(at, "calls are nested too deeply"));
        }
        let base = self.compute.base;
        let start = self.compute.slots.len();
        self.compute.slots.resize(start + function.slots, Value::Undefined);
        self.compute.base = start;
        self.around.functions.push(at);
        let result = self.run_function(&function, args);
        self.around.functions.pop();
        self.compute.slots.truncate(start);
        self.compute.base = base;
        self.limits.ascend_by(function.depth + 1);
        result
    }

    fn run_function(&mut self, function: &Function<'a>, args: Vec<Value>) -> Evaluated {
        for ((target, _), arg) in function.params.iter().zip(args) {
            self.set(target, arg)?;
        }
        let value = match self.run_block(&function.body) {
            Ok(value) => value,
            // Where it is returned, it was brought to its type.
            Err(Exit::Return(value)) => return Ok(value),
            Err(Exit::Reported(reported)) => return Err(reported),
            Err(Exit::Break(_) | Exit::Continue(_)) => {
                return Err(self.internal(function.decl.name.span(), "a loop was left twice"));
            }
        };
        match &function.body.value {
            Some(code) => self.fit(value, &function.result, code.expr),
            None if function.result == Type::Tuple([].into()) => Ok(value),
            None => Err(self.missing_result(function.decl.name.span(), &function.result)),
        }
    }

    pub(super) fn missing_result(&mut self, at: Span, result: &Type) -> Reported {
        let name = super::types::type_name(result);
        let message = format!("the function ends here without its result, of type `{name}`");
        let error = Diagnostic::new(Code::BadReturn, at, message);
        self.error(error.help("its last expression without a semicolon is its result, or `return`"))
    }

    /// The code of a function in the version at hand.
    fn function(&mut self, symbol: Symbol, at: Span) -> Evaluated<Rc<Function<'a>>> {
        match self.compute.functions.get(&symbol) {
            Some(Ok(function)) => return Ok(Rc::clone(function)),
            Some(Err(reported)) => return Err(*reported),
            None => {}
        }
        let Some(Global::ConstFn(decl)) = self.items.by_name.get(&symbol).copied() else {
            return Err(self.internal(at, "a function is not among the items"));
        };
        let frame = self.scopes.enter_frame();
        let calls = std::mem::take(&mut self.around.calls);
        let function = self.lower_function(decl).map(Rc::new);
        self.around.calls = calls;
        self.scopes.leave_frame(frame);
        self.compute.functions.insert(symbol, function.clone());
        function
    }

    /// A function that no version calls is checked anyway.
    pub(in crate::expand) fn check_function(&mut self, symbol: Symbol, decl: &ConstFn) {
        let _: Evaluated<_> = self.function(symbol, decl.name.span());
    }

    pub(super) fn undefined_function(&mut self, call: &Call, symbol: Symbol) -> Reported {
        let text = self.names.text(symbol);
        if let Some(reported) = self.was_skipped(&text) {
            return reported;
        }
        let message = format!("undefined function `{text}`");
        let error = Diagnostic::new(Code::UndefinedName, call.name.span(), message);
        let symbols = self.items.by_name.iter();
        let functions: Vec<Rc<str>> = symbols
            .filter(|(_, global)| matches!(global, Global::ConstFn(_)))
            .map(|(symbol, _)| self.names.text(*symbol))
            .collect();
        let near = nearest(&text, functions.iter().map(|name| &**name));
        self.error(match near.first() {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("define it: `const fn {text}(…) -> … {{ … }}`")),
        })
    }

    /// The list that `from_fn` makes, of lists of these lengths.
    pub(in crate::expand) fn eval_from_fn(
        &mut self,
        closure: &'a ast::Closure,
        lengths: &[usize],
        expr: &Expr,
    ) -> Evaluated {
        let [length, rest @ ..] = lengths else {
            return Err(self.list_without_length(expr));
        };
        if *length > LENGTH_MAX {
            return Err(self.stop(place(expr), "the list is too long"));
        }
        self.spend(*length, place(expr))?;
        let mut names = Names::default();
        let element = shape(rest);
        match self.lower_closure(closure, element.as_ref(), &mut names) {
            Ok(lowered) => {
                let base = self.compute.base;
                let start = self.compute.slots.len();
                self.compute.slots.resize(start + names.slots(), Value::Undefined);
                self.compute.base = start;
                let list = self.run_from_fn(&lowered, *length);
                self.compute.slots.truncate(start);
                self.compute.base = base;
                list.map_err(|exit| self.left(exit, expr))
            }
            Err(Obstacle::Reported(reported)) => Err(reported),
            Err(Obstacle::Operand(_)) => self.list_of_operands(closure, *length, rest),
        }
    }

    /// The same of registers and memory, which are not computed.
    fn list_of_operands(
        &mut self,
        closure: &'a ast::Closure,
        length: usize,
        rest: &[usize],
    ) -> Evaluated {
        let mut values = Vec::with_capacity(length);
        for index in 0..length {
            let mark = self.scopes.enter();
            let value = match self.bind_pattern(&closure.param, Value::Int(index as i128)) {
                Ok(()) if rest.is_empty() => self.eval(&closure.body),
                Ok(()) => self.eval_shaped(&closure.body, rest),
                Err(reported) => Err(reported),
            };
            self.leave_scope(mark);
            values.push(value?);
        }
        Ok(Value::List(values.into()))
    }

    pub(in crate::expand) fn list_without_length(&mut self, expr: &Expr) -> Reported {
        self.error(
            Diagnostic::new(
                Code::TypeMismatch,
                place(expr),
                "how many elements this `from_fn` makes is not known here",
            )
            .note("as in Rust, the type that is declared for the list gives its length")
            .help("name it first: `const LIST: [u32; 8] = from_fn(|i| …);`"),
        )
    }

    /// `{ let x = …; e }` among operands.
    pub(in crate::expand) fn eval_block(
        &mut self,
        block: &'a ConstBlock,
        expr: &Expr,
    ) -> Evaluated {
        let mut names = Names::default();
        let code = match self.lower_block(block, None, &mut names) {
            Ok(code) => code,
            Err(Obstacle::Reported(reported)) => return Err(reported),
            Err(Obstacle::Operand(place)) => return Err(self.not_computed(place)),
        };
        let base = self.compute.base;
        let start = self.compute.slots.len();
        self.compute.slots.resize(start + names.slots(), Value::Undefined);
        self.compute.base = start;
        let value = self.run_block(&code);
        self.compute.slots.truncate(start);
        self.compute.base = base;
        value.map_err(|exit| self.left(exit, expr))
    }

    /// What no value came of.
    fn left(&mut self, exit: Exit, expr: &Expr) -> Reported {
        match exit {
            Exit::Reported(reported) => reported,
            Exit::Return(_) | Exit::Break(_) | Exit::Continue(_) => {
                self.internal(place(expr), "a block was left in an unexpected way")
            }
        }
    }

    /// Gives a value to what a pattern names.
    pub(super) fn set(&mut self, target: &Target, value: Value) -> Evaluated<()> {
        match (target, value) {
            (Target::Nothing, _) => Ok(()),
            (Target::Slot(slot), value) => {
                let at = self.compute.base + slot;
                self.compute.slots[at] = value;
                Ok(())
            }
            (Target::Parts(parts, _), Value::Tuple(values) | Value::List(values))
                if parts.len() == values.len() =>
            {
                for (part, value) in parts.iter().zip(values.iter()) {
                    self.set(part, value.clone())?;
                }
                Ok(())
            }
            (Target::Parts(parts, place), value) => Err(self.error(Diagnostic::new(
                Code::TypeMismatch,
                *place,
                format!("{} names are bound to {}", parts.len(), value.describe()),
            ))),
        }
    }
}

/// Arrays of these lengths, of numbers of which nothing is known.
fn shape(lengths: &[usize]) -> Option<Type> {
    lengths.iter().rev().fold(None, |element, length| {
        Some(Type::Array(Rc::new(element.unwrap_or(Type::Unknown)), *length))
    })
}
