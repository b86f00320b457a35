//! From the tree to code: names become slots or values, and types reach what they say something of.

use super::code::{Argument, Block, Closure, Code, Function, Kind, Part, Type, Variable};
use super::names::Names;
use crate::diagnostics::{self, Diagnostic, Place};
use crate::expand::constant;
use crate::expand::evaluate::{Evaluated, place};
use crate::expand::items::Global;
use crate::expand::value::Value;
use crate::expand::{Expander, Reported};
use crate::syntax::ast::{self, Call, ConstBlock, ConstFn, Expr, ExprKind, Name};

/// Why there is no code.
pub(super) enum Obstacle {
    /// It was reported.
    Reported(Reported),
    /// Something in it is not computed, but an operand.
    Operand(Place),
}

impl From<Reported> for Obstacle {
    fn from(reported: Reported) -> Obstacle {
        Obstacle::Reported(reported)
    }
}

pub(super) type Lowered<T> = Result<T, Obstacle>;

impl<'a> Expander<'a, '_> {
    /// The code of a function.
    pub(super) fn lower_function(&mut self, decl: &'a ConstFn) -> Evaluated<Function<'a>> {
        if let Some(reported) = decl.reported {
            return Err(reported);
        }
        let mut names = Names::default();
        let mut params = Vec::with_capacity(decl.params.len());
        for param in &decl.params {
            let ty = self.const_type(&param.ty)?;
            let target = self.declare(&param.pattern, Some(&ty), false, &mut names)?;
            params.push((target, ty));
        }
        let result = self.const_type(&decl.result)?;
        names.result = Some(result.clone());
        let body = match self.lower_block(&decl.body, Some(&result), &mut names) {
            Ok(body) => body,
            Err(Obstacle::Reported(reported)) => return Err(reported),
            Err(Obstacle::Operand(place)) => return Err(self.not_computed(place)),
        };
        Ok(Function { decl, params, result, body, slots: names.slots(), depth: names.deepest })
    }

    /// The code of a closure outside of functions.
    pub(super) fn lower_closure(
        &mut self,
        closure: &'a ast::Closure,
        element: Option<&Type>,
        names: &mut Names<'a>,
    ) -> Lowered<Closure<'a>> {
        let count = names.variables.len();
        let target = self.declare_index(&closure.param, names)?;
        // What leaves the function or a loop around cannot stand in it.
        let (result, loops) = (names.result.take(), std::mem::take(&mut names.loops));
        let body = self.lower(&closure.body, element, names);
        (names.result, names.loops) = (result, loops);
        names.variables.truncate(count);
        Ok(Closure { target, body: body? })
    }

    pub(super) fn not_computed(&mut self, place: Place) -> Reported {
        self.error(
            Diagnostic::new(
                diagnostics::Code::NotConstant,
                place,
                "this is not computed at compile time",
            )
            .note("a `const fn` and its blocks compute with numbers, `bool`, lists and tuples"),
        )
    }

    /// A block, whose names end with it.
    pub(super) fn lower_block(
        &mut self,
        block: &'a ConstBlock,
        ty: Option<&Type>,
        names: &mut Names<'a>,
    ) -> Lowered<Block<'a>> {
        let count = names.variables.len();
        let lowered = self.lower_statements(block, ty, names);
        names.variables.truncate(count);
        lowered
    }

    fn lower_statements(
        &mut self,
        block: &'a ConstBlock,
        ty: Option<&Type>,
        names: &mut Names<'a>,
    ) -> Lowered<Block<'a>> {
        let mut statements = Vec::with_capacity(block.statements.len());
        for statement in &block.statements {
            statements.push(self.lower_statement(statement, names)?);
        }
        let value = match &block.value {
            Some(value) => Some(Box::new(self.lower(value, ty, names)?)),
            None => None,
        };
        Ok(Block { statements, value })
    }

    /// An expression, of which a type may be expected.
    pub(super) fn lower(
        &mut self,
        expr: &'a Expr,
        ty: Option<&Type>,
        names: &mut Names<'a>,
    ) -> Lowered<Code<'a>> {
        self.descend(expr.span.0)?;
        names.depth += 1;
        names.deepest = names.deepest.max(names.depth);
        let kind = self.lower_kind(expr, ty, names);
        names.depth -= 1;
        self.ascend();
        Ok(Code { kind: kind?, expr })
    }

    fn lower_kind(
        &mut self,
        expr: &'a Expr,
        ty: Option<&Type>,
        names: &mut Names<'a>,
    ) -> Lowered<Kind<'a>> {
        let number = |value| Ok(Kind::Value(value));
        match &expr.kind {
            ExprKind::Int(n) | ExprKind::TypedInt(n, _) => number(Value::Int(*n)),
            ExprKind::Bool(b) => number(Value::Bool(*b)),
            ExprKind::Float(_) => number(self.eval(expr)?),
            ExprKind::Name(name) => self.lower_name(expr, name, names),
            ExprKind::Unary(op, a) => Ok(Kind::Unary(*op, Box::new(self.lower(a, ty, names)?))),
            ExprKind::Binary(..) => self.lower_binary(expr, names),
            ExprKind::Cast(a, ty) => {
                let code = self.lower(a, None, names)?;
                Ok(Kind::Cast(*ty, constant::is_literal(a), Box::new(code)))
            }
            ExprKind::Range { start: Some(a), end: Some(b), inclusive } => {
                Ok(Kind::Range(Box::new(self.lower_pair(a, b, names)?), *inclusive))
            }
            ExprKind::Index(list, index) => self.lower_index(list, index, names),
            ExprKind::MethodCall(base, call) => {
                let lent = self.lent_to(base, &call.name, Some(names));
                let base = self.lower(base, None, names)?;
                Ok(Kind::Method(call, lent, Box::new(base), self.lower_all(&call.args, names)?))
            }
            ExprKind::Call(call) => self.lower_call(expr, call, names),
            ExprKind::Tuple(parts) => {
                let mut codes = Vec::with_capacity(parts.len());
                for (at, part) in parts.iter().enumerate() {
                    let ty = match ty {
                        Some(Type::Tuple(types)) => types.get(at),
                        _ => None,
                    };
                    codes.push(self.lower(part, ty, names)?);
                }
                Ok(Kind::Tuple(codes))
            }
            ExprKind::Bracket(parts) => {
                let element = element_type(ty);
                let mut codes = Vec::with_capacity(parts.len());
                for part in parts {
                    codes.push(self.lower(part, element, names)?);
                }
                Ok(Kind::List(codes))
            }
            ExprKind::Repeat(value, count) => {
                let value = self.lower(value, element_type(ty), names)?;
                Ok(Kind::Repeat(Box::new([value, self.lower(count, None, names)?])))
            }
            ExprKind::Bytes(bytes) => {
                number(Value::List(bytes.iter().map(|b| Value::Int((*b).into())).collect()))
            }
            ExprKind::FromFn(closure) => match ty {
                Some(Type::Array(element, length)) => {
                    let closure = self.lower_closure(closure, Some(element), names)?;
                    Ok(Kind::FromFn(Box::new(closure), *length))
                }
                _ => Err(self.list_without_length(expr).into()),
            },
            ExprKind::If(condition, yes, no) => {
                let condition = self.lower(condition, None, names)?;
                let yes = self.lower(yes, ty, names)?;
                Ok(Kind::If(Box::new([condition, yes, self.lower(no, ty, names)?])))
            }
            ExprKind::Block(block) => {
                Ok(Kind::Block(Box::new(self.lower_block(block, ty, names)?)))
            }
            ExprKind::Range { .. } => {
                Err(self.refuse(expr, "a range without an end is only allowed in `x[a..]`").into())
            }
            ExprKind::Str(_)
            | ExprKind::Label(_)
            | ExprKind::Continue(_)
            | ExprKind::Break(_)
            | ExprKind::Field(..)
            | ExprKind::Sized(..)
            | ExprKind::Segment(..)
            | ExprKind::Decorated(..)
            | ExprKind::Rounding(_)
            | ExprKind::Short(_)
            | ExprKind::Near(_)
            | ExprKind::Disp8(_)
            | ExprKind::Disp32(_)
            | ExprKind::RustConst(_)
            | ExprKind::RustSym(_) => Err(Obstacle::Operand(place(expr))),
        }
    }

    fn lower_all(&mut self, exprs: &'a [Expr], names: &mut Names<'a>) -> Lowered<Vec<Code<'a>>> {
        exprs.iter().map(|expr| self.lower(expr, None, names)).collect()
    }

    fn lower_pair(
        &mut self,
        a: &'a Expr,
        b: &'a Expr,
        names: &mut Names<'a>,
    ) -> Lowered<[Code<'a>; 2]> {
        Ok([self.lower(a, None, names)?, self.lower(b, None, names)?])
    }

    fn lower_name(
        &mut self,
        expr: &Expr,
        name: &'a Name,
        names: &mut Names<'a>,
    ) -> Lowered<Kind<'a>> {
        let symbol = self.names.symbol(name);
        if let Some(slot) = names.find(symbol) {
            return Ok(Kind::Slot(slot));
        }
        let value = self.eval_name(name)?;
        match value {
            Value::Table(table) => match table.values() {
                Some(values) => Ok(Kind::Value(Value::List(values.clone()))),
                None => Ok(Kind::Value(Value::Table(table))),
            },
            value if is_computed(&value) => Ok(Kind::Value(value)),
            _ => Err(Obstacle::Operand(place(expr))),
        }
    }

    /// Left to right along the spine, so that long sums need no deep recursion here; that of
    /// evaluation is bounded by what the parser accepts.
    fn lower_binary(&mut self, expr: &'a Expr, names: &mut Names<'a>) -> Lowered<Kind<'a>> {
        let ExprKind::Binary(op, a, b) = &expr.kind else {
            return Err(Obstacle::Operand(place(expr)));
        };
        Ok(Kind::Binary(*op, Box::new(self.lower_pair(a, b, names)?)))
    }

    fn lower_index(
        &mut self,
        list: &'a Expr,
        index: &'a Expr,
        names: &mut Names<'a>,
    ) -> Lowered<Kind<'a>> {
        let ExprKind::Range { start, end, inclusive } = &index.kind else {
            return Ok(Kind::Index(Box::new(self.lower_pair(list, index, names)?)));
        };
        let list = self.lower(list, None, names)?;
        let mut bound = |expr: &'a Option<Box<Expr>>| match expr {
            Some(expr) => self.lower(expr, None, names).map(Some),
            None => Ok(None),
        };
        let (start, end) = (bound(start)?, bound(end)?);
        Ok(Kind::Part(Box::new(Part { list, start, end, inclusive: *inclusive })))
    }

    fn lower_call(
        &mut self,
        expr: &'a Expr,
        call: &'a Call,
        names: &mut Names<'a>,
    ) -> Lowered<Kind<'a>> {
        let symbol = self.names.symbol(&call.name);
        match (&*self.names.text(symbol), call.args.as_slice()) {
            ("isa", _) => return Ok(Kind::Value(self.eval(expr)?)),
            ("len", [list]) => return Ok(Kind::Len(Box::new(self.lower(list, None, names)?))),
            ("bits", [x]) => return Ok(Kind::Bits(Box::new(self.lower(x, None, names)?))),
            ("zip", args) => return Ok(Kind::Zip(self.lower_all(args, names)?)),
            _ => {}
        }
        let Some(Global::ConstFn(decl)) = self.items.by_name.get(&symbol).copied() else {
            return match self.items.by_name.get(&symbol) {
                Some(Global::Helper(_)) => Err(Obstacle::Operand(place(expr))),
                _ if self.names.info(symbol).data.is_some() => Err(Obstacle::Operand(place(expr))),
                _ => Err(self.undefined_function(call, symbol).into()),
            };
        };
        self.check_argument_count(decl, call)?;
        let mut args = Vec::with_capacity(call.args.len());
        for (arg, param) in call.args.iter().zip(&decl.params) {
            let ty = self.const_type(&param.ty)?;
            let mut code = self.lower(arg, Some(&ty), names)?;
            let mut fits = matches!(code.kind, Kind::Slot(slot) if names.ty(slot) == Some(&ty));
            if let Kind::Value(value) = code.kind {
                code.kind = Kind::Value(self.fit(value, &ty, arg)?);
                fits = true;
            }
            args.push(Argument { code, fits });
        }
        Ok(Kind::Call(symbol, call, args))
    }

    /// A variable that is assigned to, or an element of one.
    pub(super) fn lower_variable(
        &mut self,
        expr: &'a Expr,
        names: &mut Names<'a>,
    ) -> Lowered<Variable<'a>> {
        let mut indices = Vec::new();
        let mut base = expr;
        while let ExprKind::Index(list, index) = &base.kind {
            indices.insert(0, self.lower(index, None, names)?);
            base = list;
        }
        let ExprKind::Name(name) = &base.kind else {
            return Err(self
                .refuse(base, "only variables and their elements are assigned to")
                .into());
        };
        let symbol = self.names.symbol(name);
        let Some(slot) = names.find(symbol) else {
            self.eval_name(name)?;
            let message = format!("`{name}` is not a variable of the function");
            return Err(self.refuse(base, &message).into());
        };
        let named = &names.variables[slot];
        let is_first = named.unset && indices.is_empty();
        if !named.mutable && !is_first {
            let place_of_name = named.place;
            let error = Diagnostic::new(
                diagnostics::Code::TypeMismatch,
                place(expr),
                format!("`{name}` is assigned to, but it is not `mut`"),
            );
            let error = error.label(place_of_name.first, "declared here");
            return Err(self.error(error.help(format!("declare it with `let mut {name}`"))).into());
        }
        let ty = named.ty.as_ref().and_then(|ty| ty.element(indices.len())).cloned();
        Ok(Variable { slot, indices, ty, expr })
    }
}

fn element_type(ty: Option<&Type>) -> Option<&Type> {
    match ty {
        Some(Type::Array(element, _)) => Some(element),
        _ => None,
    }
}

/// Whether a value is one that functions compute with.
fn is_computed(value: &Value) -> bool {
    match value {
        Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Range(_) => true,
        Value::List(parts) | Value::Tuple(parts) => parts.iter().all(is_computed),
        _ => false,
    }
}
