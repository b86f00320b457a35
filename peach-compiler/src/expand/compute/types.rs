//! Types: of what is declared, and whether a value fits.

use super::code::Type;
use crate::diagnostics::{Code, Diagnostic};
use crate::expand::Expander;
use crate::expand::evaluate::{Evaluated, place};
use crate::expand::numbers::{element_name, int_range};
use crate::expand::value::Value;
use crate::syntax::ast::{ConstType, Element, Expr};
use std::rc::Rc;

/// The largest array.
const LENGTH_MAX: i128 = 1 << 24;

impl<'a> Expander<'a, '_> {
    /// What a type means.
    pub(super) fn const_type(&mut self, ty: &'a ConstType) -> Evaluated<Type> {
        Ok(match ty {
            ConstType::Bool => Type::Bool,
            ConstType::Number(element) => Type::Number(*element),
            ConstType::Array(element, length) => {
                let element = self.const_type(element)?;
                let length =
                    self.eval_int_in(length, "the length of the array", (0, LENGTH_MAX))?;
                Type::Array(Rc::new(element), length as usize)
            }
            ConstType::Tuple(parts) => {
                let parts: Vec<Type> =
                    parts.iter().map(|part| self.const_type(part)).collect::<Evaluated<_>>()?;
                Type::Tuple(parts.into())
            }
        })
    }

    /// A value as one of a type; the error is at `expr`, which it is the value of.
    pub(super) fn fit(&mut self, value: Value, ty: &Type, expr: &Expr) -> Evaluated {
        match (ty, &value) {
            (Type::Unknown, _) => Ok(value),
            (Type::Number(Element::Int { bytes, signed }), Value::Int(n)) => {
                let (min, max) = int_range(8 * bytes, *signed);
                if (min..=max).contains(n) {
                    return Ok(value);
                }
                self.typed_int(*n, *bytes, *signed, expr).map(Value::Int)
            }
            (Type::Number(Element::Float { bytes }), Value::Float(float)) => {
                if float.bytes == Some(*bytes) {
                    return Ok(value);
                }
                self.typed_float(&value, *bytes, expr).map(Value::Float)
            }
            (Type::Bool, Value::Bool(_)) => Ok(value),
            (Type::Array(element, length), Value::List(list)) if list.len() == *length => {
                let mut fitted = Vec::with_capacity(list.len());
                for value in list.iter() {
                    fitted.push(self.fit(value.clone(), element, expr)?);
                }
                Ok(Value::List(fitted.into()))
            }
            (Type::Tuple(types), Value::Tuple(values)) if types.len() == values.len() => {
                let mut fitted = Vec::with_capacity(values.len());
                for (value, ty) in values.iter().zip(types.iter()) {
                    fitted.push(self.fit(value.clone(), ty, expr)?);
                }
                Ok(Value::Tuple(fitted.into()))
            }
            (Type::Array(..), Value::Table(table)) => match table.values() {
                Some(values) => self.fit(Value::List(values.clone()), ty, expr),
                None => Err(self.unknown_contents(table, expr)),
            },
            _ => {
                let found = match &value {
                    Value::Tuple(parts) if parts.is_empty() => "no value".to_string(),
                    value => value.describe(),
                };
                let message = format!("expected `{}`, found {found}", type_name(ty));
                let error = Diagnostic::new(Code::TypeMismatch, place(expr), message);
                Err(self.error(match (ty, &value) {
                    (Type::Number(Element::Float { bytes }), Value::Int(n)) => {
                        error.help(format!("write a float, or convert it: `{n} as f{}`", 8 * bytes))
                    }
                    (
                        Type::Number(element @ Element::Int { .. }),
                        Value::Float(_) | Value::Bool(_),
                    ) => error.help(format!("convert it: `… as {}`", element_name(*element))),
                    _ => error,
                }))
            }
        }
    }
}

/// The type as it is written.
pub(in crate::expand) fn type_name(ty: &Type) -> String {
    match ty {
        Type::Unknown => "_".into(),
        Type::Bool => "bool".into(),
        Type::Number(element) => element_name(*element),
        Type::Array(element, length) => format!("[{}; {length}]", type_name(element)),
        Type::Tuple(parts) => {
            let parts: Vec<String> = parts.iter().map(type_name).collect();
            format!("({})", parts.join(", "))
        }
    }
}
