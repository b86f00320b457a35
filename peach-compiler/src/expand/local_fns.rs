//! Local functions: expanded once in each version that uses them, and called.
//!
//! The body is expanded where it is first used, into a list of its own. Until it is complete it
//! cannot be used, for its registers are the same at every use.

use super::evaluate::{Evaluated, place};
use super::names::Symbol;
use super::parts::Surroundings;
use super::value::Value;
use super::{Expander, Reported};
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::ir::{Inst, LabelId, LocalFn, LocalFnId, LocalOp, Op, Reg, View};
use crate::syntax::ast::{Call, ClassExpr, Expr, Helper, ParamKind, StatementKind};
use proc_macro2::Span;
use std::collections::HashMap;

/// The local functions of the version at hand.
#[derive(Default)]
pub(super) struct LocalFns {
    by_name: HashMap<Symbol, Expanded>,
    /// By [`LocalFnId`].
    bodies: Vec<Vec<Inst>>,
    /// Those that are being expanded, outermost first.
    open: Vec<Symbol>,
}

/// How far a local function is.
#[derive(Clone)]
enum Expanded {
    /// Its body is being expanded.
    Open,
    Done(Used),
    Failed(Reported),
}

/// What a use has to know.
#[derive(Clone)]
struct Used {
    id: LocalFnId,
    /// One for each parameter.
    params: Vec<Value>,
    /// One for each result.
    results: Vec<Value>,
}

impl<'a> Expander<'a, '_> {
    /// A use of a local function: copies, a call, copies. The result is its value, if it has one.
    pub(super) fn use_local_fn(
        &mut self,
        symbol: Symbol,
        local_fn: &'a Helper,
        call: &'a Call,
    ) -> Evaluated<Option<Value>> {
        let span = call.name.span();
        if let Some(stream) = self.around.recording {
            return Err(self.error(
                Diagnostic::new(
                    Code::StreamMisuse,
                    span,
                    "a use of a local function is not allowed in a stream",
                )
                .label(stream, "the stream")
                .note("between its arguments and its call nothing else may be emitted"),
            ));
        }
        let mut args = Vec::with_capacity(call.args.len());
        for (param, expr) in local_fn.params.iter().zip(&call.args) {
            args.push(self.eval_argument(param, expr)?);
        }
        let used = self.local_fn(symbol, local_fn, call)?;
        let frame = self.scopes.enter_frame();
        let mut checked = Vec::with_capacity(args.len());
        for ((param, value), expr) in local_fn.params.iter().zip(args).zip(&call.args) {
            checked.push(self.check_argument(param, value, expr));
        }
        self.scopes.leave_frame(frame);
        for ((param, arg), expr) in used.params.iter().zip(checked).zip(&call.args) {
            self.copy_values(param, &arg?, span, place(expr));
        }
        self.emit(Op::Local(LocalOp::Call, used.id), span, Vec::new());
        let mut values = Vec::with_capacity(used.results.len());
        for result in &used.results {
            let name = format!("result of {}", local_fn.name);
            let value = self.new_alike(result, &name, span);
            self.copy_values(&value, result, span, span.into());
            values.push(value);
        }
        Ok(match values.len() {
            0 => None,
            1 => values.pop(),
            _ => Some(Value::Tuple(values.into())),
        })
    }

    /// The local function, expanded now if this is its first use.
    fn local_fn(
        &mut self,
        symbol: Symbol,
        local_fn: &'a Helper,
        call: &'a Call,
    ) -> Evaluated<Used> {
        match self.local_fns.by_name.get(&symbol) {
            Some(Expanded::Done(used)) => return Ok(used.clone()),
            Some(Expanded::Failed(reported)) => return Err(*reported),
            Some(Expanded::Open) => return Err(self.recursion(symbol, call)),
            None => {}
        }
        self.local_fns.by_name.insert(symbol, Expanded::Open);
        self.local_fns.open.push(symbol);
        let expanded = self.expand_local_fn(local_fn, call);
        self.local_fns.open.pop();
        let state = match &expanded {
            Ok(used) => Expanded::Done(used.clone()),
            Err(reported) => Expanded::Failed(*reported),
        };
        self.local_fns.by_name.insert(symbol, state);
        expanded
    }

    fn recursion(&mut self, symbol: Symbol, call: &Call) -> Reported {
        let open = &self.local_fns.open;
        let first = open.iter().position(|known| *known == symbol).unwrap_or(0);
        let cycle: Vec<String> = open[first..]
            .iter()
            .chain([&symbol])
            .map(|symbol| format!("`{}`", self.names.text(*symbol)))
            .collect();
        let message = match cycle.len() {
            2 => format!("the local function {} calls itself", cycle[0]),
            _ => format!("the local function {} calls itself: {}", cycle[0], cycle.join(", then ")),
        };
        self.error(
            Diagnostic::new(Code::NoEnd, call.name.span(), message)
                .note("its registers are the same at every use, so it cannot be used within itself")
                .help("write a loop; an `inline fn` may call itself as long as constants end it"),
        )
    }

    /// Whether the body of a local function is being expanded.
    pub(super) fn is_in_local_fn(&self) -> bool {
        !self.local_fns.open.is_empty()
    }

    fn expand_local_fn(&mut self, local_fn: &'a Helper, call: &'a Call) -> Evaluated<Used> {
        self.status.failed = self.status.failed.or(local_fn.reported);
        self.skipped.extend(local_fn.skipped.iter().cloned());
        let name = local_fn.name.to_string();
        let entry = self.new_own_label(format!("'{name}"), local_fn.name.span());
        let outer_insts = std::mem::take(&mut self.output.function.insts);
        let around = Surroundings {
            in_version: self.around.in_version,
            in_unsafe: self.output.function.options.unsafe_fn,
            calls: self.around.calls.clone(),
            ..Surroundings::default()
        };
        let outer_around = std::mem::replace(&mut self.around, around);
        let frame = self.scopes.enter_frame();
        let mark = self.scopes.enter();
        self.enter_body_labels();
        self.around.calls.push(call.name.span());
        let expanded = self.local_fn_body(local_fn);
        self.leave_body_labels();
        self.leave_scope(mark);
        self.scopes.leave_frame(frame);
        self.around = outer_around;
        let body = std::mem::replace(&mut self.output.function.insts, outer_insts);
        let (params, results) = expanded?;
        Ok(self.add_local_fn(local_fn, entry, body, params, results))
    }

    /// Parameters, statements, results. Returns the registers of the first and the last.
    fn local_fn_body(&mut self, local_fn: &'a Helper) -> Evaluated<(Vec<Value>, Vec<Value>)> {
        let mut params = Vec::with_capacity(local_fn.params.len());
        for param in &local_fn.params {
            let ParamKind::Class(class) = &param.kind else {
                return Err(self.not_a_register(local_fn, param.name.span()));
            };
            let value = self.new_of_class(class, &param.name.to_string(), param.name.span())?;
            self.check_name(&param.name)?;
            let symbol = self.names.symbol(&param.name);
            self.scopes.declare(symbol, value.clone());
            params.push(value);
        }
        self.remember_parameters(local_fn);
        let returned = self.helper_body(local_fn)?;
        let values = match (returned, local_fn.results.len()) {
            (None, _) => Vec::new(),
            (Some(Value::Tuple(values)), count) if count > 1 => values.to_vec(),
            (Some(value), _) => vec![value],
        };
        let at = returned_at(local_fn);
        let mut results = Vec::with_capacity(values.len());
        for (class, value) in local_fn.results.iter().zip(values) {
            let name = format!("result of {}", local_fn.name);
            let result = self.new_of_class(class, &name, local_fn.name.span())?;
            self.copy_values(&result, &value, at.first, at);
            results.push(result);
        }
        Ok((params, results))
    }

    fn not_a_register(&mut self, local_fn: &Helper, param: Span) -> Reported {
        self.error(
            Diagnostic::new(
                Code::BadSignature,
                param,
                "a parameter of a local function must be a register or an array of registers",
            )
            .label(local_fn.name.span(), "its code stands once, whatever is passed to it")
            .help("name a class, such as `gp64` or `[ymm; 4]`, or write `inline fn`"),
        )
    }

    /// The function gets the body, which [`append_local_fns`](Self::append_local_fns) puts behind
    /// the kernel.
    fn add_local_fn(
        &mut self,
        local_fn: &Helper,
        entry: LabelId,
        statements: Vec<Inst>,
        params: Vec<Value>,
        results: Vec<Value>,
    ) -> Used {
        let id = LocalFnId(self.output.function.local_fns.len() as u32);
        let span = local_fn.name.span();
        let end = returned_at(local_fn).first;
        let of = |op: LocalOp, span: Span| Inst {
            op: Op::Local(op, id),
            span,
            operand_spans: Vec::new(),
            in_unsafe: false,
            inlined: None,
        };
        let mut body = vec![of(LocalOp::Entry, span)];
        body.extend(statements);
        body.push(of(LocalOp::Return, end));
        self.local_fns.bodies.push(body);
        self.output.function.local_fns.push(LocalFn {
            name: local_fn.name.to_string(),
            span,
            entry,
            params: params.iter().flat_map(views).collect(),
            results: results.iter().flat_map(views).collect(),
        });
        Used { id, params, results }
    }

    /// Puts the bodies behind the kernel.
    pub(super) fn append_local_fns(&mut self) {
        let bodies = std::mem::take(&mut self.local_fns.bodies);
        self.output.function.insts.extend(bodies.into_iter().flatten());
    }

    /// New registers of a class.
    fn new_of_class(&mut self, class: &'a ClassExpr, name: &str, span: Span) -> Evaluated {
        let (class, lengths) = self.class_of(class)?;
        Ok(self.new_registers(name, class, &lengths, span))
    }

    /// New registers of the classes that those of `value` have, which no warning names.
    fn new_alike(&mut self, value: &Value, name: &str, span: Span) -> Value {
        match value {
            Value::Reg(view) => {
                let vreg = self.output.new_vreg(name.to_string(), view.class, span);
                self.output.function.vregs[vreg.index()].temporary = true;
                Value::Reg(View { reg: Reg::Virtual(vreg), ..*view })
            }
            Value::List(list) => {
                Value::List(list.iter().map(|value| self.new_alike(value, name, span)).collect())
            }
            other => other.clone(),
        }
    }

    /// Copies registers of equal classes.
    fn copy_values(&mut self, dst: &Value, src: &Value, span: Span, at: Place) {
        for (dst, src) in views(dst).into_iter().zip(views(src)) {
            self.emit(Op::Copy { dst, src }, span, vec![at, at]);
        }
    }
}

/// The registers of a value, in order.
fn views(value: &Value) -> Vec<View<Reg>> {
    match value {
        Value::Reg(view) => vec![*view],
        Value::List(list) => list.iter().flat_map(views).collect(),
        _ => Vec::new(),
    }
}

/// What stands for the end of the body: the operand of its `return`, or the brace.
fn returned_at(local_fn: &Helper) -> Place {
    match local_fn.body.statements.last().map(|statement| &statement.kind) {
        Some(StatementKind::Return(Some(Expr { span: (first, last), .. }))) => {
            Place { first: *first, last: *last }
        }
        _ => local_fn.body.span.1.into(),
    }
}
