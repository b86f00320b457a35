//! What an expression lends to a method that is called on it, or to a `let`: its type, from what is
//! written, before anything is computed.

use super::code::Type;
use super::names::Names;
use crate::expand::items::Global;
use crate::expand::value::Value;
use crate::expand::{Expander, constant};
use crate::syntax::ast::{self, Element, Expr, ExprKind, Name};

impl<'a> Expander<'a, '_> {
    /// The type that an expression lends to a method which is called on it.
    pub(in crate::expand) fn lent_type(
        &mut self,
        expr: &'a Expr,
        method: &Name,
    ) -> Option<Element> {
        self.lent_to(expr, method, None)
    }

    /// A method that depends on the width has it from what is called before it, too: as in Rust,
    /// `(x as u32).wrapping_mul(5).rotate_left(7)`. For any other, that is a whole number.
    pub(super) fn lent_to(
        &mut self,
        expr: &'a Expr,
        method: &Name,
        names: Option<&Names<'a>>,
    ) -> Option<Element> {
        let is_indirect = matches!(expr.kind, ExprKind::MethodCall(..) | ExprKind::Unary(..));
        match is_indirect && !constant::needs_width(&method.to_string()) {
            true => None,
            false => self.lent(expr, 0, names),
        }
    }

    /// The number type of what `indices` indices of an expression lead to.
    fn lent(
        &mut self,
        expr: &'a Expr,
        indices: usize,
        names: Option<&Names<'a>>,
    ) -> Option<Element> {
        match &expr.kind {
            ExprKind::Cast(_, ty) | ExprKind::TypedInt(_, ty) => Some(*ty),
            ExprKind::Unary(_, operand) => self.lent(operand, indices, names),
            ExprKind::MethodCall(base, call) => {
                let ty = self.lent(base, indices, names)?;
                constant::result_type(&call.name.to_string(), ty)
            }
            ExprKind::Index(list, _) => self.lent(list, indices + 1, names),
            ExprKind::Call(call) => {
                let symbol = self.names.symbol(&call.name);
                match self.items.by_name.get(&symbol) {
                    Some(Global::ConstFn(decl)) => number_of(&decl.result, indices),
                    _ => None,
                }
            }
            ExprKind::Name(name) => {
                let symbol = self.names.symbol(name);
                if let Some((names, slot)) =
                    names.and_then(|names| Some((names, names.find(symbol)?)))
                {
                    return names.ty(slot)?.element(indices)?.number();
                }
                if let Some(binding) = self.scopes.get(symbol) {
                    return match &binding.value {
                        Value::Table(table) => Some(table.element),
                        _ => binding.lends,
                    };
                }
                match self.items.by_name.get(&symbol)? {
                    Global::Const(item) => Element::from_name(&item.ty.as_ref()?.to_string()),
                    Global::Table(table) => match &table.element {
                        ast::TableElement::Number(element, _) => Some(*element),
                        ast::TableElement::Label => None,
                    },
                    Global::Helper(_) | Global::ConstFn(_) | Global::Kernel(_) => None,
                }
            }
            _ => None,
        }
    }

    /// What a `let` without `: type` declares has the type of its value, where that is known.
    pub(super) fn inferred(&mut self, expr: &'a Expr, names: &Names<'a>) -> Option<Type> {
        self.lent(expr, 0, Some(names)).map(Type::Number)
    }
}

/// The number type that indices of a type lead to.
fn number_of(ty: &ast::ConstType, indices: usize) -> Option<Element> {
    match (ty, indices) {
        (ast::ConstType::Number(element), 0) => Some(*element),
        (ast::ConstType::Array(element, _), 1..) => number_of(element, indices - 1),
        _ => None,
    }
}
