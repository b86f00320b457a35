//! Statements of a `const fn`, to code.

use super::code::{Statement, Type};
use super::lower::Lowered;
use super::names::Names;
use crate::diagnostics::{Code, Diagnostic, Place};
use crate::expand::Expander;
use crate::syntax::ast::{ConstBlock, ConstStatement, Expr, ExprKind, Name};

impl<'a> Expander<'a, '_> {
    pub(super) fn lower_statement(
        &mut self,
        statement: &'a ConstStatement,
        names: &mut Names<'a>,
    ) -> Lowered<Statement<'a>> {
        Ok(match statement {
            ConstStatement::Let { pattern, ty, value } => {
                let declared = ty.as_ref().map(|ty| self.const_type(ty)).transpose()?;
                let code = match value {
                    Some(value) => Some(self.lower(value, declared.as_ref(), names)?),
                    None => None,
                };
                let inferred = match (&declared, value) {
                    (None, Some(value)) => self.inferred(value, names),
                    _ => None,
                };
                let known = declared.as_ref().or(inferred.as_ref());
                let target = self.declare(pattern, known, value.is_none(), names)?;
                Statement::Let(target, declared, code)
            }
            ConstStatement::Assign(place, value) => self.lower_assignment(place, value, names)?,
            ConstStatement::AssignOp(place, op, value) => {
                let variable = self.lower_variable(place, names)?;
                Statement::AssignOp(variable, *op, self.lower(value, None, names)?)
            }
            ConstStatement::Expr(expr) => Statement::Expr(self.lower(expr, None, names)?),
            ConstStatement::While(label, condition, body) => {
                let condition = self.lower(condition, None, names)?;
                names.loops.push(label.as_ref());
                let body = self.lower_block(body, None, names);
                names.loops.pop();
                Statement::While(condition, body?)
            }
            ConstStatement::Loop(label, body, (first, last)) => {
                names.loops.push(label.as_ref());
                let body = self.lower_block(body, None, names);
                names.loops.pop();
                Statement::Loop(body?, Place { first: *first, last: *last })
            }
            ConstStatement::For(label, pattern, list, body) => {
                let list = self.lower(list, None, names)?;
                let (count, target) = self.declare_in_loop(pattern, names)?;
                let body = self.lower_turn(label.as_ref(), body, names);
                names.forget(count);
                Statement::For(target, list, body?)
            }
            ConstStatement::Break(label, at) => {
                Statement::Break(self.loop_depth(label.as_ref(), *at, names)?)
            }
            ConstStatement::Continue(label, at) => {
                Statement::Continue(self.loop_depth(label.as_ref(), *at, names)?)
            }
            ConstStatement::Return(value, at) => {
                let Some(result) = names.result.clone() else {
                    let message = "`return` is for the body of a `const fn`";
                    let error = Diagnostic::new(Code::BadReturn, *at, message);
                    return Err(self.error(error).into());
                };
                let value = match value {
                    Some(value) => Some(self.lower(value, Some(&result), names)?),
                    None if result == Type::Tuple([].into()) => None,
                    None => return Err(self.missing_result(*at, &result).into()),
                };
                Statement::Return(value, result)
            }
            ConstStatement::Assert(condition, message) => {
                Statement::Assert(self.lower(condition, None, names)?, message)
            }
        })
    }

    fn lower_turn(
        &mut self,
        label: Option<&'a Name>,
        body: &'a ConstBlock,
        names: &mut Names<'a>,
    ) -> Lowered<super::code::Block<'a>> {
        names.loops.push(label);
        let body = self.lower_block(body, None, names);
        names.loops.pop();
        body
    }

    /// `x = e`, `x[i] = e`, `(a, b) = (b, a)`, `_ = e`.
    fn lower_assignment(
        &mut self,
        place: &'a Expr,
        value: &'a Expr,
        names: &mut Names<'a>,
    ) -> Lowered<Statement<'a>> {
        let (ExprKind::Tuple(parts) | ExprKind::Bracket(parts)) = &place.kind else {
            let is_nothing = matches!(&place.kind, ExprKind::Name(name) if name == "_");
            if is_nothing {
                return Ok(Statement::Expr(self.lower(value, None, names)?));
            }
            let variable = self.lower_variable(place, names)?;
            let value = self.lower(value, variable.ty.as_ref(), names)?;
            return Ok(Statement::Assign(variable, value));
        };
        let mut variables = Vec::with_capacity(parts.len());
        for part in parts {
            let is_nothing = matches!(&part.kind, ExprKind::Name(name) if name == "_");
            variables.push(match is_nothing {
                true => None,
                false => Some(self.lower_variable(part, names)?),
            });
        }
        Ok(Statement::AssignParts(variables, self.lower(value, None, names)?))
    }
}
