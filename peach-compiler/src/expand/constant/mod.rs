//! Arithmetic on compile-time values, with Rust's meaning: what would panic in Rust is an error.

mod cast;
mod floats;
mod integers;

pub(super) use cast::{cast, is_literal};
pub(super) use floats::known as is_method_of_floats;
pub(super) use integers::{needs_width, result_type};

use super::value::{Float, Value};
use crate::diagnostics::Code;
use crate::syntax::ast::{BinaryOp, Element, UnaryOp};

/// Why an operation has no value: the kind of error, and what is wrong.
pub(super) type Failure = (Code, String);

/// `-x`, `!x`.
pub(super) fn unary(op: UnaryOp, value: &Value) -> Result<Value, Failure> {
    Ok(match (op, value) {
        (UnaryOp::Neg, Value::Int(n)) => Value::Int(n.checked_neg().ok_or_else(overflow)?),
        (UnaryOp::Neg, Value::Float(f)) => {
            Value::Float(Float { single: -f.single, double: -f.double, bytes: f.bytes })
        }
        (UnaryOp::Not, Value::Int(n)) => Value::Int(!n),
        (UnaryOp::Not, Value::Bool(b)) => Value::Bool(!b),
        _ => {
            let symbol = if op == UnaryOp::Neg { "-" } else { "!" };
            return Err(mismatch(format!("`{symbol}` does not apply to {}", value.describe())));
        }
    })
}

/// `a + b` and the rest. (`&&` and `||` are evaluated by the caller, which may skip `b`.)
pub(super) fn binary(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Failure> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => ints(op, *a, *b),
        (Value::Float(a), Value::Float(b)) => floats(op, *a, *b),
        (Value::Bool(a), Value::Bool(b)) => bools(op, *a, *b),
        (Value::Mnemonic(a), Value::Mnemonic(b)) if op == BinaryOp::Eq => Ok(Value::Bool(a == b)),
        (Value::Mnemonic(a), Value::Mnemonic(b)) if op == BinaryOp::Ne => Ok(Value::Bool(a != b)),
        _ => Err(mismatch(format!(
            "`{}` does not apply to {} and {}",
            symbol(op),
            a.describe(),
            b.describe()
        ))),
    }
}

/// `value.name(args)`, of a number that has the type `ty`, where that is known. `None` if there is
/// no such method.
pub(super) fn method(
    name: &str,
    value: &Value,
    ty: Option<Element>,
    args: &[Value],
) -> Option<Result<Value, Failure>> {
    match value {
        Value::Int(n) => integers::call(name, *n, ty, args),
        Value::Float(x) => floats::call(name, *x, args),
        _ => None,
    }
}

fn ints(op: BinaryOp, a: i128, b: i128) -> Result<Value, Failure> {
    if matches!(op, BinaryOp::Div | BinaryOp::Rem) && b == 0 {
        return Err((Code::ConstantOverflow, "division by zero".into()));
    }
    let shift = || {
        u32::try_from(b).ok().filter(|b| *b < 128).ok_or_else(|| {
            (Code::ConstantOverflow, format!("shift by {b}: constants have 128 bits"))
        })
    };
    let number = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Div => a.checked_div(b),
        BinaryOp::Rem => a.checked_rem(b),
        BinaryOp::And => Some(a & b),
        BinaryOp::Or => Some(a | b),
        BinaryOp::Xor => Some(a ^ b),
        BinaryOp::Shl => Some(a << shift()?),
        BinaryOp::Shr => Some(a >> shift()?),
        _ => return compare(op, &a, &b),
    };
    number.map(Value::Int).ok_or_else(overflow)
}

fn floats(op: BinaryOp, a: Float, b: Float) -> Result<Value, Failure> {
    if let (Some(x), Some(y)) = (a.bytes, b.bytes)
        && x != y
    {
        return Err(mismatch(format!("`{}` of an `f32` and an `f64`", symbol(op))));
    }
    let bytes = a.bytes.or(b.bytes);
    let (single, double) = match op {
        BinaryOp::Add => (a.single + b.single, a.double + b.double),
        BinaryOp::Sub => (a.single - b.single, a.double - b.double),
        BinaryOp::Mul => (a.single * b.single, a.double * b.double),
        BinaryOp::Div => (a.single / b.single, a.double / b.double),
        BinaryOp::Rem => (a.single % b.single, a.double % b.double),
        _ if bytes == Some(4) => return compare(op, &a.single, &b.single),
        _ => return compare(op, &a.double, &b.double),
    };
    let result = Float { single, double, bytes };
    Ok(Value::Float(bytes.map_or(result, |bytes| result.typed(bytes))))
}

fn bools(op: BinaryOp, a: bool, b: bool) -> Result<Value, Failure> {
    Ok(Value::Bool(match op {
        BinaryOp::And | BinaryOp::AndAnd => a & b,
        BinaryOp::Or | BinaryOp::OrOr => a | b,
        BinaryOp::Xor => a ^ b,
        _ => return compare(op, &a, &b),
    }))
}

fn compare<T: PartialOrd>(op: BinaryOp, a: &T, b: &T) -> Result<Value, Failure> {
    Ok(Value::Bool(match op {
        BinaryOp::Eq => a == b,
        BinaryOp::Ne => a != b,
        BinaryOp::Lt => a < b,
        BinaryOp::Le => a <= b,
        BinaryOp::Gt => a > b,
        BinaryOp::Ge => a >= b,
        _ => return Err(mismatch(format!("`{}` does not apply to these values", symbol(op)))),
    }))
}

fn overflow() -> Failure {
    (Code::ConstantOverflow, "the result does not fit in 128 bits".into())
}

fn mismatch(message: String) -> Failure {
    (Code::TypeMismatch, message)
}

/// The operator as written.
fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Xor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::AndAnd => "&&",
        BinaryOp::OrOr => "||",
    }
}
