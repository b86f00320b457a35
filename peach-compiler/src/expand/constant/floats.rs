//! Rust's methods of floats. All that is not one exact instruction is computed by `libm`, so that a
//! kernel has the same bytes whatever the host.

use super::{Failure, mismatch};
use crate::diagnostics::Code;
use crate::expand::value::{Float, Value};

/// `x.name(args)`. `None` if floats have no such method.
pub(super) fn call(name: &str, x: Float, args: &[Value]) -> Option<Result<Value, Failure>> {
    if let "powi" = name {
        let power = match args {
            [Value::Int(n)] => i32::try_from(*n).ok(),
            _ => None,
        };
        return Some(match (power, x.bytes) {
            (Some(n), Some(4)) => Ok(Value::Float(Float::f32(single::powi(x.single, n)))),
            (Some(n), _) => Ok(Value::Float(Float::f64(double::powi(x.double, n)))),
            (None, _) => Err(mismatch("`powi` takes one integer, an `i32`".into())),
        });
    }
    let mut floats = Vec::with_capacity(args.len());
    let mut bytes = x.bytes;
    for arg in args {
        let Value::Float(float) = arg else {
            let found = arg.describe();
            return known(name)
                .then(|| Err(mismatch(format!("`{name}` takes floats, not {found}"))));
        };
        if bytes.is_some() && float.bytes.is_some() && bytes != float.bytes {
            return Some(Err(mismatch(format!("`{name}` of an `f32` and an `f64`"))));
        }
        bytes = bytes.or(float.bytes);
        floats.push(*float);
    }
    let answer = match bytes {
        Some(4) => {
            let rest: Vec<f32> = floats.iter().map(|float| float.single).collect();
            single::method(name, x.single, &rest)
        }
        _ => {
            let rest: Vec<f64> = floats.iter().map(|float| float.double).collect();
            double::method(name, x.double, &rest)
        }
    };
    match answer {
        Some(Answer::NoSuchRange) => {
            Some(Err((Code::OutOfRange, "the ends of `clamp` are not in order".into())))
        }
        Some(answer) => Some(Ok(answer.value())),
        None => known(name).then(|| {
            let count = args.len();
            Err(mismatch(format!("`{name}` of a float does not take {count} arguments")))
        }),
    }
}

/// Whether floats have a method, with however many arguments.
pub(in crate::expand) fn known(name: &str) -> bool {
    let ones = [1.0; 2];
    (0..=2).any(|count| double::method(name, 1.0, &ones[..count]).is_some())
}

/// What a method gives.
enum Answer {
    Single(f32),
    Double(f64),
    Bits(u64),
    Bool(bool),
    Singles([f32; 2]),
    Doubles([f64; 2]),
    NoSuchRange,
}

impl Answer {
    fn value(self) -> Value {
        let single = |x| Value::Float(Float::f32(x));
        let double = |x| Value::Float(Float::f64(x));
        match self {
            Answer::Single(x) => single(x),
            Answer::Double(x) => double(x),
            Answer::Bits(bits) => Value::Int(bits.into()),
            Answer::Bool(b) => Value::Bool(b),
            Answer::Singles(pair) => Value::Tuple(pair.map(single).into()),
            Answer::Doubles(pair) => Value::Tuple(pair.map(double).into()),
            Answer::NoSuchRange => Value::Bool(false),
        }
    }
}

/// The methods of one of the two types.
macro_rules! methods {
    (
        $module:ident, $float:ident, $one:ident, $pair:ident, $degrees:expr;
        $($name:literal => $function:ident,)*
    ) => {
        mod $module {
            use super::Answer;
            use std::$float::consts::PI;

            pub(super) fn method(name: &str, x: $float, rest: &[$float]) -> Option<Answer> {
                Some(match rest {
                    [] => alone(name, x)?,
                    [y] => Answer::$one(with_one(name, x, *y)?),
                    [y, z] if name == "mul_add" => Answer::$one(fma(x, *y, *z)),
                    [min, max] if name == "clamp" => match min <= max {
                        true if x < *min => Answer::$one(*min),
                        true if x > *max => Answer::$one(*max),
                        true => Answer::$one(x),
                        false => Answer::NoSuchRange,
                    },
                    _ => return None,
                })
            }

            fn alone(name: &str, x: $float) -> Option<Answer> {
                Some(match name {
                    "to_bits" => Answer::Bits(x.to_bits().into()),
                    "is_nan" => Answer::Bool(x.is_nan()),
                    "is_finite" => Answer::Bool(x.is_finite()),
                    "is_infinite" => Answer::Bool(x.is_infinite()),
                    "is_sign_negative" => Answer::Bool(x.is_sign_negative()),
                    "is_sign_positive" => Answer::Bool(x.is_sign_positive()),
                    "sin_cos" => Answer::$pair([sin(x), cos(x)]),
                    _ => Answer::$one(number(name, x)?),
                })
            }

            fn number(name: &str, x: $float) -> Option<$float> {
                Some(match name {
                    $($name => $function(x),)*
                    "abs" => x.abs(),
                    "recip" => 1.0 / x,
                    "fract" => x - trunc(x),
                    "signum" if x.is_nan() => x,
                    "signum" => (1.0 as $float).copysign(x),
                    "to_degrees" => x * $degrees,
                    "to_radians" => x * (PI / 180.0),
                    _ => return None,
                })
            }

            fn with_one(name: &str, x: $float, y: $float) -> Option<$float> {
                Some(match name {
                    "powf" => pow(x, y),
                    "atan2" => atan2(x, y),
                    "hypot" => hypot(x, y),
                    "log" => ln(x) / ln(y),
                    "copysign" => x.copysign(y),
                    // Of equal numbers the first, also of zeros with different signs.
                    "min" => if x.is_nan() || y < x { y } else { x },
                    "max" => if x.is_nan() || y > x { y } else { x },
                    "rem_euclid" => {
                        let rest = x % y;
                        if rest < 0.0 { rest + y.abs() } else { rest }
                    }
                    "div_euclid" => {
                        let quotient = trunc(x / y);
                        match x % y < 0.0 {
                            false => quotient,
                            true if y > 0.0 => quotient - 1.0,
                            true => quotient + 1.0,
                        }
                    }
                    _ => return None,
                })
            }

            /// By squaring, from the lowest bit of the exponent, as rustc's own runtime does it.
            pub(super) fn powi(x: $float, n: i32) -> $float {
                let (mut square, mut left, mut power) = (x, n.unsigned_abs(), 1.0);
                loop {
                    if left & 1 == 1 {
                        power *= square;
                    }
                    left >>= 1;
                    if left == 0 {
                        return if n < 0 { 1.0 / power } else { power };
                    }
                    square *= square;
                }
            }

            use super::names::$module::*;
        }
    };
}

/// The functions of `libm`, by one name for both types.
mod names {
    pub(super) mod single {
        pub(in super::super) use libm::{
            acosf as acos, acoshf as acosh, asinf as asin, asinhf as asinh, atan2f as atan2,
            atanf as atan, atanhf as atanh, cbrtf as cbrt, ceilf as ceil, cosf as cos,
            coshf as cosh, exp2f as exp2, expf as exp, expm1f as exp_m1, floorf as floor,
            fmaf as fma, hypotf as hypot, log1pf as ln_1p, log2f as log2, log10f as log10,
            logf as ln, powf as pow, rintf as round_ties_even, roundf as round, sinf as sin,
            sinhf as sinh, sqrtf as sqrt, tanf as tan, tanhf as tanh, truncf as trunc,
        };
    }
    pub(super) mod double {
        pub(in super::super) use libm::{
            acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, ceil, cos, cosh, exp, exp2,
            expm1 as exp_m1, floor, fma, hypot, log as ln, log1p as ln_1p, log2, log10, pow,
            rint as round_ties_even, round, sin, sinh, sqrt, tan, tanh, trunc,
        };
    }
}

macro_rules! both {
    ($($name:literal => $function:ident,)*) => {
        // The factor for degrees of `f32` is rounded once, as in Rust.
        methods!(single, f32, Single, Singles, 57.295_78; $($name => $function,)*);
        methods!(double, f64, Double, Doubles, (180.0 / PI); $($name => $function,)*);
    };
}

both! {
    "sqrt" => sqrt, "cbrt" => cbrt, "sin" => sin, "cos" => cos, "tan" => tan, "asin" => asin,
    "acos" => acos, "atan" => atan, "sinh" => sinh, "cosh" => cosh, "tanh" => tanh,
    "asinh" => asinh, "acosh" => acosh, "atanh" => atanh, "exp" => exp, "exp2" => exp2,
    "exp_m1" => exp_m1, "ln" => ln, "ln_1p" => ln_1p, "log2" => log2, "log10" => log10,
    "floor" => floor, "ceil" => ceil, "round" => round, "round_ties_even" => round_ties_even,
    "trunc" => trunc,
}
