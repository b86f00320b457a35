//! Calls: helpers, expanded at each use in a frame of their own, and the functions of the language.

use super::evaluate::{Evaluated, place, quoted};
use super::names::Symbol;
use super::value::Value;
use super::{Expander, Reported, items::Global};
use crate::diagnostics::{Code, Diagnostic, counted};
use crate::ir::{Inlined, InlinedId};
use crate::isa::{Class, Feature, FeatureSet};
use crate::nearest::nearest;
use crate::syntax::ast::{
    Call, ClassExpr, ConstFn, Expr, ExprKind, Helper, HelperParam, ParamKind, StatementKind,
};
use std::rc::Rc;

/// How deep helpers may call helpers.
const DEPTH_MAX: usize = 128;

impl<'a> Expander<'a, '_> {
    /// `f(x)` as a value.
    pub(super) fn eval_call(&mut self, expr: &'a Expr, call: &'a Call) -> Evaluated {
        let symbol = self.names.symbol(&call.name);
        let info = self.names.info(symbol);
        if let Some(shape) = info.data {
            return self.eval_data(expr, call, shape);
        }
        if let Some(function) = self.const_fn(symbol) {
            return self.eval_const_fn(symbol, function, call);
        }
        match &*self.names.text(symbol) {
            "isa" => self.eval_isa(expr, call),
            "bits" => self.eval_bits(expr, call),
            "len" => self.eval_len(expr, call),
            "zip" => self.eval_zip(expr, call),
            _ => match self.expand_helper(symbol, call)? {
                Some(value) => Ok(value),
                None => Err(self.error(
                    Diagnostic::new(
                        Code::TypeMismatch,
                        place(expr),
                        format!("the helper `{}` has no result", call.name),
                    )
                    .help("declare a result, `-> gp64`, and end the helper with `return x;`"),
                )),
            },
        }
    }

    /// `isa("avx2")`.
    fn eval_isa(&mut self, expr: &Expr, call: &'a Call) -> Evaluated {
        let [Expr { kind: ExprKind::Str(name), span }] = call.args.as_slice() else {
            return Err(self.refuse(expr, "`isa` takes the name of an extension: `isa(\"avx2\")`"));
        };
        match Feature::parse(name) {
            Some(feature) => Ok(Value::Bool(self.output.function.features.contains(feature))),
            None => Err(self.unknown_feature(name, span.0, Code::UndefinedName)),
        }
    }

    /// Reports an extension that does not exist.
    pub(super) fn unknown_feature(
        &mut self,
        name: &str,
        span: proc_macro2::Span,
        code: Code,
    ) -> Reported {
        let mut error = Diagnostic::new(code, span, format!("unknown extension `{name}`"));
        let all = FeatureSet::all();
        let near = nearest(name, all.iter().map(Feature::name));
        if !near.is_empty() {
            error = error.help(format!("did you mean {}?", quoted(&near)));
        }
        self.error(error)
    }

    /// The `const fn` of this name.
    fn const_fn(&self, symbol: Symbol) -> Option<&'a ConstFn> {
        match self.items.by_name.get(&symbol) {
            Some(Global::ConstFn(function)) => Some(function),
            _ => None,
        }
    }

    /// Whether a helper has this name.
    pub(super) fn is_helper(&self, symbol: Symbol) -> bool {
        matches!(self.items.by_name.get(&symbol), Some(Global::Helper(_)))
    }

    /// Whether `name(…);` means a call rather than an instruction.
    pub(super) fn is_callable(&self, symbol: Symbol) -> bool {
        let is_alias =
            self.scopes.get(symbol).is_some_and(|b| matches!(b.value, Value::Mnemonic(_)));
        !is_alias
    }

    /// `inline fn` in a body.
    pub(super) fn declare_helper(&mut self, helper: &'a Helper) -> Evaluated<()> {
        self.check_helper_name(&helper.name, "a helper")?;
        let symbol = self.names.symbol(&helper.name);
        let number = self.around.helpers.len();
        self.scopes.declare(symbol, Value::Helper(number));
        // It sees itself, too.
        let surroundings = self.scopes.surroundings();
        self.around.helpers.push((helper, surroundings));
        Ok(())
    }

    /// The helper that a name stands for here, if it is one of a body.
    fn local_helper(&self, symbol: Symbol) -> Option<(&'a Helper, usize)> {
        match self.scopes.get(symbol)?.value {
            Value::Helper(number) => self.around.helpers.get(number).copied(),
            _ => None,
        }
    }

    /// Expands a helper. The result is its value, if it has one.
    pub(super) fn expand_helper(
        &mut self,
        symbol: Symbol,
        call: &'a Call,
    ) -> Evaluated<Option<Value>> {
        let local = self.local_helper(symbol);
        let helper = match (local, self.items.by_name.get(&symbol).copied()) {
            (Some((helper, _)), _) | (None, Some(Global::Helper(helper))) => helper,
            _ => return Err(self.undefined_helper(call, symbol)),
        };
        if self.around.calls.len() >= DEPTH_MAX {
            let message = format!("calls of helpers are nested more than {DEPTH_MAX} deep");
            return Err(self.stop(call.name.span(), &message));
        }
        if call.args.len() != helper.params.len() {
            return Err(self.wrong_count(helper, call));
        }
        if helper.is_local {
            return self.use_local_fn(symbol, helper, call);
        }
        let mut args = Vec::with_capacity(call.args.len());
        for (param, expr) in helper.params.iter().zip(&call.args) {
            args.push(self.eval_argument(param, expr).into());
        }
        self.status.failed = self.status.failed.or(helper.reported);
        self.skipped.extend(helper.skipped.iter().cloned());

        let frame = match local {
            Some((_, surroundings)) => self.scopes.enter_frame_within(surroundings),
            None => self.scopes.enter_frame(),
        };
        let mark = self.scopes.enter();
        self.enter_body_labels();
        for ((param, value), expr) in helper.params.iter().zip(args).zip(&call.args) {
            self.bind_param(param, value, expr);
        }
        self.around.calls.push(call.name.span());
        let outer = self.enter_inlined(helper, call);
        self.remember_parameters(helper);
        let result = self.helper_body(helper);
        self.around.inlined = outer;
        self.around.remembered.pop();
        self.leave_body_labels();
        self.leave_scope(mark);
        self.around.calls.pop();
        self.scopes.leave_frame(frame);
        result
    }

    /// Notes that what follows comes from this use of a helper. The result is the use around it.
    fn enter_inlined(&mut self, helper: &Helper, call: &Call) -> Option<InlinedId> {
        let inlined = &mut self.output.function.inlined;
        let id = InlinedId(inlined.len() as u32);
        let outer = self.around.inlined.replace(id);
        inlined.push(Inlined {
            helper: helper.name.clone(),
            called: call.name.span(),
            parent: outer,
        });
        outer
    }

    fn undefined_helper(&mut self, call: &Call, symbol: Symbol) -> Reported {
        let text = self.names.text(symbol);
        if let Some(reported) = self.was_skipped(&text) {
            return reported;
        }
        let error =
            |message: String| Diagnostic::new(Code::UndefinedName, call.name.span(), message);
        if self.names.info(symbol).mnemonic.is_some() {
            return self.error(error(format!("the instruction `{text}` does not have a \
                value")).help(format!(
                "write it as a statement, with a register for its result: `let t: gp64; {text} t, \
                 …;`"
            )));
        }
        let mut error = error(format!("undefined helper or function `{text}`"));
        if &*text == "old" {
            return self.error(error.help("`old(argument)` is for `invariant` statements alone"));
        }
        if let Some(help) = self.habit_of_name(&text) {
            return self.error(error.help(help));
        }
        let items = match self.suggestions.afford(self.items.by_name.len()) {
            true => self.items.by_name.keys(),
            false => Default::default(),
        };
        let helpers: Vec<Rc<str>> = items
            .filter(|s| self.is_helper(**s) || self.const_fn(**s).is_some())
            .map(|s| self.names.text(*s))
            .collect();
        let builtin = ["isa", "bits", "len", "zip"];
        let near = nearest(&text, helpers.iter().map(|h| &**h).chain(builtin));
        error = match near.is_empty() {
            true => error.help(format!("define it: `inline fn {text}(…) {{ … }}`")),
            false => error.help(format!("did you mean {}?", quoted(&near))),
        };
        self.error(error)
    }

    fn wrong_count(&mut self, helper: &Helper, call: &Call) -> Reported {
        let names: Vec<String> = helper.params.iter().map(|p| p.name.to_string()).collect();
        self.error(
            Diagnostic::new(
                Code::TypeMismatch,
                call.name.span(),
                format!(
                    "`{}` takes {}, but {} {} given",
                    helper.name,
                    counted(helper.params.len(), "argument"),
                    call.args.len(),
                    if call.args.len() == 1 { "is" } else { "are" }
                ),
            )
            .label(helper.name.span(), "the helper")
            .note(format!("its parameters are {}", names.join(", "))),
        )
    }

    pub(super) fn eval_argument(&mut self, param: &'a HelperParam, expr: &'a Expr) -> Evaluated {
        match &param.kind {
            ParamKind::Class(class) if !class.lengths.is_empty() => {
                let (_, lengths) = self.class_of(class)?;
                self.eval_shaped(expr, &lengths)
            }
            ParamKind::Operands(lengths) => {
                let lengths = self.operand_lengths(lengths)?;
                self.eval_shaped(expr, &lengths)
            }
            ParamKind::Const => self.eval_list(expr),
            ParamKind::Mnemonic => match &expr.kind {
                ExprKind::Name(name) => self.eval_mnemonic(name).map(Value::Mnemonic),
                _ => self.eval(expr),
            },
            ParamKind::Class(_) | ParamKind::Operand | ParamKind::Label => self.eval(expr),
        }
    }

    fn operand_lengths(&mut self, lengths: &'a [Expr]) -> Evaluated<Vec<usize>> {
        let mut values = Vec::with_capacity(lengths.len());
        for length in lengths {
            let length = self.eval_int_in(length, "the length of the list", (0, 1 << 16))?;
            values.push(length as usize);
        }
        Ok(values)
    }

    /// Declares a parameter; an argument that does not fit is reported and becomes poison.
    fn bind_param(&mut self, param: &'a HelperParam, value: Value, expr: &'a Expr) {
        let checked = match value {
            Value::Poison(reported) => Err(reported),
            value => self.check_argument(param, value, expr),
        };
        let _: Result<(), Reported> = self.check_name(&param.name);
        let symbol = self.names.symbol(&param.name);
        self.scopes.declare(symbol, checked.into());
    }

    pub(super) fn check_argument(
        &mut self,
        param: &'a HelperParam,
        value: Value,
        expr: &'a Expr,
    ) -> Evaluated {
        let wanted = match (&param.kind, &value) {
            (ParamKind::Class(class), _) => {
                let (class, lengths) = self.class_of(class)?;
                if fits_class(&value, class, &lengths) {
                    return Ok(value);
                }
                describe_class(class, &lengths)
            }
            (ParamKind::Operands(lengths), _) => {
                let lengths = self.operand_lengths(lengths)?;
                if are_operands(&value, &lengths) {
                    return Ok(value);
                }
                let wanted = lengths
                    .iter()
                    .rev()
                    .fold("operand".to_string(), |inner, length| format!("[{inner}; {length}]"));
                format!("`{wanted}`")
            }
            (
                ParamKind::Const,
                Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Range(_),
            )
            | (ParamKind::Label, Value::Label(_))
            | (ParamKind::Mnemonic, Value::Mnemonic(_)) => return Ok(value),
            (ParamKind::Operand, value) if !is_operand(value) => "an operand".into(),
            (ParamKind::Operand, _) => return Ok(value),
            (ParamKind::Const, _) => "a constant".into(),
            (ParamKind::Label, _) => "a label".into(),
            (ParamKind::Mnemonic, _) => "the name of an instruction".into(),
        };
        let mut error = Diagnostic::new(
            Code::TypeMismatch,
            place(expr),
            format!("the parameter `{}` takes {wanted}, not {}", param.name, value.describe()),
        )
        .label(param.name.span(), "the parameter");
        if let (ParamKind::Class(_), Value::Reg(_)) = (&param.kind, &value) {
            error = error.help("write the view that you mean, such as `.gp64` or `.xmm`");
        } else if let ParamKind::Class(_) = &param.kind {
            error = error.help("a parameter `m: operand` also takes memory, immediates and data");
        }
        Err(self.error(error))
    }

    /// The statements of a helper; a `return` at the end gives the value.
    pub(super) fn helper_body(&mut self, helper: &'a Helper) -> Evaluated<Option<Value>> {
        let statements = &helper.body.statements;
        let last = statements.last().map(|s| (&s.kind, s.span.0));
        let (count, returned) = match last {
            Some((StatementKind::Return(value), _)) => (statements.len() - 1, value.as_ref()),
            _ => (statements.len(), None),
        };
        self.block_statements(&helper.body, count);
        if let Some(reported) = self.status.stopped {
            return Err(reported);
        }
        // Its `return` may have been left out.
        if let (Some(reported), None, [_, ..]) = (helper.reported, returned, &*helper.results) {
            return Err(reported);
        }
        match (helper.results.as_slice(), returned) {
            ([], None) => Ok(None),
            ([], Some(expr)) => Err(self.error(
                Diagnostic::new(
                    Code::BadReturn,
                    place(expr),
                    format!("the helper `{}` has no result", helper.name),
                )
                .help("declare it: `-> gp64`"),
            )),
            (_, None) => Err(self.error(
                Diagnostic::new(
                    Code::BadReturn,
                    helper.name.span(),
                    format!("the helper `{}` ends without its result", helper.name),
                )
                .help("`return x;` is its last statement"),
            )),
            ([class], Some(expr)) => {
                let value = match class.lengths.is_empty() {
                    true => self.eval(expr)?,
                    false => self.eval_list(expr)?,
                };
                self.check_result(class, &value, expr)?;
                Ok(Some(value))
            }
            (classes, Some(expr)) => match self.eval(expr)? {
                Value::Tuple(values) if values.len() == classes.len() => {
                    for (class, value) in classes.iter().zip(values.iter()) {
                        self.check_result(class, value, expr)?;
                    }
                    Ok(Some(Value::Tuple(values)))
                }
                other => {
                    let found = other.describe();
                    let wanted = classes.len();
                    Err(self.error(Diagnostic::new(
                        Code::BadReturn,
                        place(expr),
                        format!("the helper returns {wanted} registers, not {found}"),
                    )))
                }
            },
        }
    }

    fn check_result(&mut self, class: &'a ClassExpr, value: &Value, expr: &Expr) -> Evaluated<()> {
        let (class, lengths) = self.class_of(class)?;
        if fits_class(value, class, &lengths) {
            return Ok(());
        }
        let wanted = describe_class(class, &lengths);
        Err(self.error(
            Diagnostic::new(
                Code::BadReturn,
                place(expr),
                format!("the helper returns {wanted}, not {}", value.describe()),
            )
            .note("helpers return registers"),
        ))
    }
}

/// Whether a value can stand as an operand.
fn is_operand(value: &Value) -> bool {
    !matches!(value, Value::Mnemonic(_) | Value::Class(_) | Value::Stream(_) | Value::Helper(_))
}

/// Whether a value is a list of operands of these lengths.
fn are_operands(value: &Value, lengths: &[usize]) -> bool {
    match (value, lengths) {
        (value, []) => is_operand(value),
        (Value::List(list), [first, rest @ ..]) => {
            list.len() == *first && list.iter().all(|element| are_operands(element, rest))
        }
        _ => false,
    }
}

/// Whether a value is a register of a class, or an array of them of these lengths.
fn fits_class(value: &Value, class: Class, lengths: &[usize]) -> bool {
    match (value, lengths) {
        (Value::Reg(view), []) => view.class == class,
        (Value::List(list), [first, rest @ ..]) => {
            list.len() == *first && list.iter().all(|element| fits_class(element, class, rest))
        }
        _ => false,
    }
}

fn describe_class(class: Class, lengths: &[usize]) -> String {
    match lengths {
        [] => format!("a register of class `{}`", class.name()),
        lengths => {
            let mut text = class.name().to_string();
            for length in lengths.iter().rev() {
                text = format!("[{text}; {length}]");
            }
            format!("`{text}`")
        }
    }
}
