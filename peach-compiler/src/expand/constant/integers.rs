//! Rust's methods of integers. Those that depend on a width have it from the type that an `as`, a
//! suffix or a declaration lends them.

use super::cast::{too_wide, wrap};
use super::{Failure, mismatch};
use crate::diagnostics::Code;
use crate::expand::numbers::{element_name, int_range};
use crate::expand::value::Value;
use crate::syntax::ast::Element;

/// The methods that any integer has.
const PLAIN: &[&str] = &[
    "pow",
    "abs",
    "min",
    "max",
    "clamp",
    "signum",
    "ilog2",
    "ilog10",
    "ilog",
    "isqrt",
    "rem_euclid",
    "div_euclid",
    "div_ceil",
    "next_multiple_of",
    "abs_diff",
    "unsigned_abs",
    "is_power_of_two",
    "next_power_of_two",
    "is_positive",
    "is_negative",
    "midpoint",
];

/// The methods that need a width.
const SIZED: &[&str] = &[
    "rotate_left",
    "rotate_right",
    "swap_bytes",
    "reverse_bits",
    "to_be",
    "to_le",
    "count_ones",
    "count_zeros",
    "leading_zeros",
    "leading_ones",
    "trailing_zeros",
    "trailing_ones",
    "wrapping_add",
    "wrapping_sub",
    "wrapping_mul",
    "wrapping_div",
    "wrapping_rem",
    "wrapping_neg",
    "wrapping_abs",
    "wrapping_pow",
    "wrapping_shl",
    "wrapping_shr",
    "saturating_add",
    "saturating_sub",
    "saturating_mul",
    "saturating_pow",
    "overflowing_add",
    "overflowing_sub",
    "overflowing_mul",
];

/// The type of what a method gives, of an integer of a type.
pub(in crate::expand) fn result_type(name: &str, ty: Element) -> Option<Element> {
    let unsigned = |bytes| Element::Int { bytes, signed: false };
    match (name, ty) {
        ("abs_diff" | "unsigned_abs", Element::Int { bytes, .. }) => Some(unsigned(bytes)),
        _ if name.starts_with("is_") || name.starts_with("overflowing_") => None,
        _ if ["count_", "leading_", "trailing_", "ilog"].iter().any(|p| name.starts_with(p)) => {
            Some(unsigned(4))
        }
        _ => Some(ty),
    }
}

/// Whether a method depends on the width of the integer.
pub(in crate::expand) fn needs_width(name: &str) -> bool {
    SIZED.contains(&name)
}

/// `n.name(args)`. `None` if integers have no such method.
pub(super) fn call(
    name: &str,
    n: i128,
    ty: Option<Element>,
    args: &[Value],
) -> Option<Result<Value, Failure>> {
    let is_sized = SIZED.contains(&name);
    if !is_sized && !PLAIN.contains(&name) {
        return None;
    }
    Some(match ty {
        Some(ty @ Element::Int { bytes, signed }) => {
            let method = Method { name, ty, bits: 8 * bytes, signed };
            method.in_range(n).and_then(|n| match is_sized {
                true => method.sized(n, args),
                false => method.plain(n, args),
            })
        }
        _ if is_sized => Err(mismatch(format!("`{name}` needs to know the width of the integer"))),
        _ => {
            let ty = Element::Int { bytes: 16, signed: true };
            Method { name, ty, bits: 128, signed: true }.plain(n, args)
        }
    })
}

/// A method, and the type of the integer that it is called on.
struct Method<'a> {
    name: &'a str,
    ty: Element,
    bits: u32,
    signed: bool,
}

impl Method<'_> {
    /// A number of the type.
    fn in_range(&self, n: i128) -> Result<i128, Failure> {
        let (min, max) = int_range(self.bits, self.signed);
        match (min..=max).contains(&n) {
            true => Ok(n),
            false => {
                let name = element_name(self.ty);
                Err((Code::OutOfRange, format!("{n} does not fit in `{name}`")))
            }
        }
    }

    /// A result, which has to fit as in Rust.
    fn result(&self, n: Option<i128>) -> Result<Value, Failure> {
        let (min, max) = int_range(self.bits, self.signed);
        match n.filter(|n| (min..=max).contains(n)) {
            Some(n) => Ok(Value::Int(n)),
            None => Err((
                Code::ConstantOverflow,
                match self.bits {
                    128 => "the result does not fit in 128 bits".into(),
                    _ => format!("the result does not fit in `{}`", element_name(self.ty)),
                },
            )),
        }
    }

    fn one(&self, args: &[Value]) -> Result<i128, Failure> {
        match args {
            [Value::Int(n)] => self.in_range(*n),
            _ => Err(self.wrong_arguments("one integer")),
        }
    }

    fn two(&self, args: &[Value]) -> Result<(i128, i128), Failure> {
        match args {
            [Value::Int(a), Value::Int(b)] => Ok((self.in_range(*a)?, self.in_range(*b)?)),
            _ => Err(self.wrong_arguments("two integers")),
        }
    }

    fn none(&self, args: &[Value]) -> Result<(), Failure> {
        match args {
            [] => Ok(()),
            _ => Err(self.wrong_arguments("no arguments")),
        }
    }

    /// A count of bits, or an exponent: a `u32`.
    fn count(&self, args: &[Value]) -> Result<u32, Failure> {
        match args {
            [Value::Int(n)] => u32::try_from(*n)
                .map_err(|_| (Code::OutOfRange, format!("{n} does not fit in `u32`"))),
            _ => Err(self.wrong_arguments("one integer")),
        }
    }

    fn wrong_arguments(&self, wanted: &str) -> Failure {
        mismatch(format!("`{}` of an integer takes {wanted}", self.name))
    }

    /// The divisor that the argument is.
    fn divisor(&self, args: &[Value]) -> Result<i128, Failure> {
        match self.one(args)? {
            0 => Err((Code::ConstantOverflow, "division by zero".into())),
            n => Ok(n),
        }
    }

    /// Methods whose result is the same number whatever the width.
    fn plain(&self, n: i128, args: &[Value]) -> Result<Value, Failure> {
        match self.name {
            "pow" => self.result(n.checked_pow(self.count(args)?)),
            "min" => Ok(Value::Int(n.min(self.one(args)?))),
            "max" => Ok(Value::Int(n.max(self.one(args)?))),
            "clamp" => match self.two(args)? {
                (min, max) if min <= max => Ok(Value::Int(n.clamp(min, max))),
                (min, max) => {
                    Err((Code::OutOfRange, format!("`clamp` from {min} to {max}, which is less")))
                }
            },
            "rem_euclid" => self.result(n.checked_rem_euclid(self.divisor(args)?)),
            "div_euclid" => self.result(n.checked_div_euclid(self.divisor(args)?)),
            "div_ceil" => {
                let d = self.divisor(args)?;
                let quotient = n.checked_div(d);
                let rounds_up = n % d != 0 && (n < 0) == (d < 0);
                self.result(quotient.map(|q| q + i128::from(rounds_up)))
            }
            "next_multiple_of" => {
                let d = self.divisor(args)?;
                let rest = n.checked_rem_euclid(d.checked_abs().unwrap_or(d)).unwrap_or(0);
                let up = match (rest, d < 0) {
                    (0, _) => Some(n),
                    (rest, true) => n.checked_sub(rest),
                    (rest, false) => n.checked_add(d - rest),
                };
                self.result(up)
            }
            "midpoint" => {
                let other = self.one(args)?;
                // Rounded towards zero, without a sum that overflows.
                let floor = (n & other) + ((n ^ other) >> 1);
                let is_odd = (n ^ other) & 1 == 1;
                Ok(Value::Int(floor + i128::from(is_odd && floor < 0)))
            }
            "abs_diff" => {
                let other = self.one(args)?;
                let difference = n.max(other).checked_sub(n.min(other));
                difference.map(Value::Int).ok_or_else(|| too_wide(self.ty))
            }
            "ilog" => {
                let base = self.one(args)?;
                let log = n.checked_ilog(base).ok_or_else(|| self.no_logarithm(n))?;
                Ok(Value::Int(log.into()))
            }
            _ => {
                self.none(args)?;
                self.plain_alone(n)
            }
        }
    }

    fn plain_alone(&self, n: i128) -> Result<Value, Failure> {
        match self.name {
            "abs" => self.result(n.checked_abs()),
            "signum" => Ok(Value::Int(n.signum())),
            "is_positive" => Ok(Value::Bool(n > 0)),
            "is_negative" => Ok(Value::Bool(n < 0)),
            "is_power_of_two" => Ok(Value::Bool(n > 0 && n.count_ones() == 1)),
            "next_power_of_two" => {
                let power = u128::try_from(n).unwrap_or(0).checked_next_power_of_two();
                self.result(power.and_then(|power| i128::try_from(power).ok()))
            }
            "unsigned_abs" => {
                let magnitude = i128::try_from(n.unsigned_abs()).map_err(|_| too_wide(self.ty))?;
                Ok(Value::Int(magnitude))
            }
            "isqrt" => match n.checked_isqrt() {
                Some(root) => Ok(Value::Int(root)),
                None => Err((Code::ConstantOverflow, format!("{n} has no square root"))),
            },
            _ => {
                let log = if self.name == "ilog2" { n.checked_ilog2() } else { n.checked_ilog10() };
                Ok(Value::Int(log.ok_or_else(|| self.no_logarithm(n))?.into()))
            }
        }
    }

    fn no_logarithm(&self, n: i128) -> Failure {
        (Code::ConstantOverflow, format!("{n} has no logarithm"))
    }

    /// Methods that depend on the width.
    fn sized(&self, n: i128, args: &[Value]) -> Result<Value, Failure> {
        if let Some(operation) = self.name.strip_prefix("wrapping_") {
            return self.wrapping(operation, n, args);
        }
        if let Some(operation) = self.name.strip_prefix("saturating_") {
            return self.saturating(operation, n, args);
        }
        if let Some(operation) = self.name.strip_prefix("overflowing_") {
            let exact = self.exact(operation, n, args)?;
            let Value::Int(wrapped) = self.wrapping(operation, n, args)? else {
                return Err(too_wide(self.ty));
            };
            let parts = [Value::Int(wrapped), Value::Bool(exact != Some(wrapped))];
            return Ok(Value::Tuple(parts.into()));
        }
        if let "rotate_left" | "rotate_right" = self.name {
            let by = self.count(args)? % self.bits;
            let left = if self.name == "rotate_left" { by } else { (self.bits - by) % self.bits };
            return self.of_bits(rotated(self.to_bits(n), left, self.bits));
        }
        self.none(args)?;
        let bits = self.to_bits(n);
        let unused = 128 - self.bits;
        let count = match self.name {
            "swap_bytes" | "to_be" => return self.of_bits(bits.swap_bytes() >> unused),
            "reverse_bits" => return self.of_bits(bits.reverse_bits() >> unused),
            "to_le" => return Ok(Value::Int(n)),
            "count_ones" => bits.count_ones(),
            "count_zeros" => self.bits - bits.count_ones(),
            "leading_zeros" => bits.leading_zeros() - unused,
            "leading_ones" => (bits << unused).leading_ones(),
            "trailing_zeros" => bits.trailing_zeros().min(self.bits),
            _ => bits.trailing_ones(),
        };
        Ok(Value::Int(count.into()))
    }

    fn to_bits(&self, n: i128) -> u128 {
        n as u128 & (u128::MAX >> (128 - self.bits))
    }

    fn of_bits(&self, bits: u128) -> Result<Value, Failure> {
        match (self.bits, self.signed, i128::try_from(bits)) {
            (128, false, Err(_)) => Err(too_wide(self.ty)),
            _ => wrap(bits as i128, self.ty).map(Value::Int),
        }
    }

    fn wrapping(&self, operation: &str, n: i128, args: &[Value]) -> Result<Value, Failure> {
        let bits = match operation {
            "add" => n.wrapping_add(self.one(args)?),
            "sub" => n.wrapping_sub(self.one(args)?),
            "mul" => n.wrapping_mul(self.one(args)?),
            "div" => n.wrapping_div(self.divisor(args)?),
            "rem" => n.wrapping_rem(self.divisor(args)?),
            "pow" => n.wrapping_pow(self.count(args)?),
            "shl" => n << (self.count(args)? % self.bits),
            "shr" => n >> (self.count(args)? % self.bits),
            _ => {
                self.none(args)?;
                if operation == "neg" { n.wrapping_neg() } else { n.wrapping_abs() }
            }
        };
        self.of_bits(self.to_bits(bits))
    }

    /// The exact result, if 128 bits hold it.
    fn exact(&self, operation: &str, n: i128, args: &[Value]) -> Result<Option<i128>, Failure> {
        Ok(match operation {
            "add" => n.checked_add(self.one(args)?),
            "sub" => n.checked_sub(self.one(args)?),
            "mul" => n.checked_mul(self.one(args)?),
            _ => n.checked_pow(self.count(args)?),
        })
    }

    fn saturating(&self, operation: &str, n: i128, args: &[Value]) -> Result<Value, Failure> {
        let (min, max) = int_range(self.bits, self.signed);
        let exact = self.exact(operation, n, args)?;
        let is_negative = match (operation, args) {
            ("add", _) => n < 0,
            ("pow", [Value::Int(times)]) => n < 0 && times % 2 != 0,
            ("sub", [Value::Int(other)]) => *other > 0,
            ("mul", [Value::Int(other)]) => (n < 0) != (*other < 0),
            _ => false,
        };
        let beyond = if is_negative { min } else { max };
        Ok(Value::Int(exact.unwrap_or(beyond).clamp(min, max)))
    }
}

fn rotated(bits: u128, left: u32, width: u32) -> u128 {
    match left {
        0 => bits,
        left => (bits << left | bits >> (width - left)) & (u128::MAX >> (128 - width)),
    }
}
