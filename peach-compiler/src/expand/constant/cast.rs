//! `as`, with Rust's meaning (Rust reference, "Type cast expressions").

use super::{Failure, mismatch};
use crate::diagnostics::Code;
use crate::expand::numbers::element_name;
use crate::expand::value::{Float, Value};
use crate::syntax::ast::{Element, Expr, ExprKind, UnaryOp};

/// `value as ty`. The value of a literal is rounded once.
pub(in crate::expand) fn cast(
    value: &Value,
    ty: Element,
    is_literal: bool,
) -> Result<Value, Failure> {
    match (value, ty) {
        (Value::Int(n), Element::Int { .. }) => wrap(*n, ty).map(Value::Int),
        (Value::Bool(b), Element::Int { .. }) => Ok(Value::Int(i128::from(*b))),
        (Value::Int(n), Element::Float { bytes: 4 }) => Ok(Value::Float(Float::f32(*n as f32))),
        (Value::Int(n), Element::Float { .. }) => Ok(Value::Float(Float::f64(*n as f64))),
        (Value::Float(f), Element::Int { .. }) => to_integer(*f, ty).map(Value::Int),
        (Value::Float(f), Element::Float { bytes }) => {
            Ok(Value::Float(to_float(*f, bytes, is_literal)))
        }
        _ => {
            let (found, name) = (value.describe(), element_name(ty));
            Err(mismatch(format!("{found} cannot be converted to `{name}`")))
        }
    }
}

/// The low bits of a number, as a type has them.
pub(in crate::expand) fn wrap(n: i128, ty: Element) -> Result<i128, Failure> {
    let Element::Int { bytes, signed } = ty else {
        return Err(mismatch(format!("`{}` is not an integer type", element_name(ty))));
    };
    let unused = 128 - 8 * bytes;
    match (signed, unused) {
        (true, unused) => Ok(n << unused >> unused),
        (false, 0) if n < 0 => Err(too_wide(ty)),
        (false, 0) => Ok(n),
        (false, unused) => Ok(n & (i128::MAX >> (unused - 1))),
    }
}

/// Numbers of `u128` from 2^127 on are none of the language.
pub(super) fn too_wide(ty: Element) -> Failure {
    let message = format!("the `{}` does not fit in a constant", element_name(ty));
    (Code::ConstantOverflow, message)
}

/// Rounded toward zero; what is too large becomes the largest number, and no number 0.
fn to_integer(f: Float, ty: Element) -> Result<i128, Failure> {
    let Element::Int { bytes, signed } = ty else { return Err(too_wide(ty)) };
    // Every `f32` is an `f64`.
    let x = if f.bytes == Some(4) { f64::from(f.single) } else { f.double };
    Ok(match (bytes, signed) {
        (1, true) => (x as i8).into(),
        (2, true) => (x as i16).into(),
        (4, true) => (x as i32).into(),
        (8, true) => (x as i64).into(),
        (_, true) => x as i128,
        (1, false) => (x as u8).into(),
        (2, false) => (x as u16).into(),
        (4, false) => (x as u32).into(),
        (8, false) => (x as u64).into(),
        (_, false) => i128::try_from(x as u128).map_err(|_| too_wide(ty))?,
    })
}

fn to_float(f: Float, bytes: u32, is_literal: bool) -> Float {
    match (f.bytes, bytes) {
        (Some(4), 4) => f,
        (None, 4) if is_literal => f.typed(4),
        (_, 4) => Float::f32(f.double as f32),
        (Some(4), _) => Float::f64(f64::from(f.single)),
        (_, _) => Float::f64(f.double),
    }
}

/// Whether the value of an expression is a literal, whose sign does not count.
pub(in crate::expand) fn is_literal(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Float(_) => true,
        ExprKind::Unary(UnaryOp::Neg, operand) => is_literal(operand),
        _ => false,
    }
}
