//! Random expressions: operators, `as`, and methods.

use super::random::Random;
use super::rust;
use peach_compiler::expand;
use proc_macro2::TokenStream;

const INTEGERS: [&str; 11] =
    ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "i128"];

/// An expression as the language has it, and as Rust has it: integers are of type `i128` there.
#[derive(Clone)]
struct Twice {
    ours: String,
    rust: String,
}

impl Twice {
    fn same(text: impl Into<String>) -> Twice {
        let text = text.into();
        Twice { ours: text.clone(), rust: text }
    }
}

macro_rules! twice {
    ($ours:literal, $rust:literal) => {
        Twice { ours: format!($ours), rust: format!($rust) }
    };
}

fn integer(random: &mut Random, depth: u32) -> Twice {
    if depth == 0 {
        return literal(random);
    }
    let depth = depth - 1;
    match random.below(12) {
        0..=2 => {
            let (a, b) = (integer(random, depth), integer(random, depth));
            let op = random.pick(&["+", "-", "*", "/", "%", "&", "|", "^", "+", "-"]);
            let (x, y) = (&a.ours, &b.ours);
            let (r, s) = (&a.rust, &b.rust);
            twice!("({x} {op} {y})", "({r} {op} {s})")
        }
        3 => {
            // Without parentheses: precedence is that of Rust.
            let parts: Vec<Twice> = (0..4).map(|_| literal(random)).collect();
            let ops: Vec<&str> =
                (0..3).map(|_| random.pick(&["+", "-", "*", "/", "%", "&", "|", "^"])).collect();
            let join = |text: fn(&Twice) -> &String| {
                let mut whole = text(&parts[0]).clone();
                for (op, part) in ops.iter().zip(&parts[1..]) {
                    whole += &format!(" {op} {}", text(part));
                }
                format!("({whole})")
            };
            Twice { ours: join(|part| &part.ours), rust: join(|part| &part.rust) }
        }
        4 => {
            let a = integer(random, depth);
            let (x, r, by) = (&a.ours, &a.rust, random.below(140));
            let op = random.pick(&["<<", ">>"]);
            twice!("({x} {op} {by})", "({r} {op} {by})")
        }
        5 => {
            let a = integer(random, depth);
            let (x, r, ty) = (&a.ours, &a.rust, random.pick(&INTEGERS));
            let op = random.pick(&["", "-", "!"]);
            twice!("({op}{x} as {ty})", "({op}{r} as {ty} as i128)")
        }
        6 => {
            let a = boolean(random, depth);
            let (b, c) = (integer(random, depth), integer(random, depth));
            let (x, y, z) = (&a.ours, &b.ours, &c.ours);
            let (r, s, t) = (&a.rust, &b.rust, &c.rust);
            twice!("if {x} {{ {y} }} else {{ {z} }}", "(if {r} {{ {s} }} else {{ {t} }})")
                .in_parentheses()
        }
        7 => {
            let (a, is_single) = (any_float(random, depth), random.below(2) == 0);
            let ty = if is_single { "f32" } else { "f64" };
            let (x, r, to) = (&a.ours, &a.rust, random.pick(&INTEGERS));
            twice!("({x} as {ty} as {to})", "({r} as {ty} as {to} as i128)")
        }
        8 => plain_method(random, depth),
        _ => sized_method(random, depth),
    }
}

impl Twice {
    fn in_parentheses(self) -> Twice {
        Twice { ours: format!("({})", self.ours), rust: self.rust }
    }
}

fn literal(random: &mut Random) -> Twice {
    let number = match random.below(4) {
        0 => random.next() as i128 % 10,
        1 => 1 << random.below(64),
        2 => i128::from(random.next() as u32),
        _ => i128::from(random.next() as i64),
    };
    let text = match random.below(3) {
        0 if number >= 0 => format!("{number:#x}"),
        _ => format!("({number})"),
    };
    twice!("{text}", "({text} as i128)")
}

/// A method that any integer has.
fn plain_method(random: &mut Random, depth: u32) -> Twice {
    let (a, b) = (integer(random, depth), integer(random, depth));
    let (x, y, r, s) = (&a.ours, &b.ours, &a.rust, &b.rust);
    // A type of an operand would be lent to the method; the sum is a whole number.
    let (x, r) = (&format!("0 + {x}"), &format!("0 + {r}"));
    let small = random.below(6);
    match random.below(7) {
        0 => twice!("({x}).pow({small})", "({r}).pow({small})"),
        1 => twice!("({x}).abs()", "({r}).abs()"),
        2 => twice!("({x}).ilog2()", "(({r}).ilog2() as i128)"),
        3 => twice!("({x}).rem_euclid({y})", "({r}).rem_euclid({s})"),
        4 => twice!("({x}).div_euclid({y})", "({r}).div_euclid({s})"),
        5 => twice!("({x}).min({y})", "({r}).min({s})"),
        _ => twice!("({x}).max({y}).signum()", "({r}).max({s}).signum()"),
    }
}

/// A method that depends on a width.
fn sized_method(random: &mut Random, depth: u32) -> Twice {
    let (a, b) = (integer(random, depth), integer(random, depth));
    let ty = random.pick(&INTEGERS);
    let (x, r) = (format!("({} as {ty})", a.ours), format!("({} as {ty})", a.rust));
    let (y, s) = (format!("({} as {ty})", b.ours), format!("({} as {ty})", b.rust));
    let count = random.below(80);
    let name = random.pick(&[
        "rotate_left",
        "rotate_right",
        "wrapping_shl",
        "wrapping_shr",
        "pow",
        "wrapping_pow",
        "saturating_pow",
        "swap_bytes",
        "reverse_bits",
        "count_ones",
        "count_zeros",
        "leading_zeros",
        "leading_ones",
        "trailing_zeros",
        "trailing_ones",
        "wrapping_neg",
        "to_be",
        "ilog10",
        "isqrt",
        "wrapping_add",
        "wrapping_sub",
        "wrapping_mul",
        "wrapping_div",
        "wrapping_rem",
        "saturating_add",
        "saturating_sub",
        "saturating_mul",
        "abs_diff",
        "rem_euclid",
        "div_euclid",
        "min",
        "max",
        "midpoint",
        "overflowing_add",
        "is_power_of_two",
        "next_power_of_two",
        "div_ceil",
        "next_multiple_of",
        "abs",
        "wrapping_abs",
        "unsigned_abs",
        "signum",
    ]);
    let is_signed = ty.starts_with('i');
    match name {
        "rotate_left" | "rotate_right" | "wrapping_shl" | "wrapping_shr" => {
            let chained = if random.below(2) == 0 { ".wrapping_add(1).count_ones()" } else { "" };
            twice!("{x}.{name}({count}){chained}", "({r}.{name}({count}){chained} as i128)")
        }
        "pow" | "wrapping_pow" | "saturating_pow" => {
            let count = count % 9;
            twice!("{x}.{name}({count})", "({r}.{name}({count}) as i128)")
        }
        "overflowing_add" => {
            let part = random.below(2);
            twice!("({x}.{name}({y}).{part} as i64)", "({r}.{name}({s}).{part} as i64 as i128)")
        }
        "is_power_of_two" if !is_signed => {
            twice!("({x}.{name}() as u8)", "({r}.{name}() as i128)")
        }
        "next_power_of_two" if !is_signed => twice!("{x}.{name}()", "({r}.{name}() as i128)"),
        "div_ceil" | "next_multiple_of" if !is_signed => {
            twice!("{x}.{name}({y})", "({r}.{name}({s}) as i128)")
        }
        "abs" | "wrapping_abs" | "unsigned_abs" | "signum" if is_signed => {
            twice!("{x}.{name}()", "({r}.{name}() as i128)")
        }
        "is_power_of_two" | "next_power_of_two" | "div_ceil" | "next_multiple_of" | "abs"
        | "wrapping_abs" | "unsigned_abs" | "signum" => literal(random),
        "swap_bytes" | "reverse_bits" | "count_ones" | "count_zeros" | "leading_zeros"
        | "leading_ones" | "trailing_zeros" | "trailing_ones" | "wrapping_neg" | "to_be"
        | "ilog10" | "isqrt" => twice!("{x}.{name}()", "({r}.{name}() as i128)"),
        _ => twice!("{x}.{name}({y})", "({r}.{name}({s}) as i128)"),
    }
}

fn boolean(random: &mut Random, depth: u32) -> Twice {
    if depth == 0 {
        return Twice::same(random.pick(&["true", "false"]));
    }
    let depth = depth - 1;
    match random.below(4) {
        0 => {
            let (a, b) = (boolean(random, depth), boolean(random, depth));
            let op = random.pick(&["&&", "||", "&", "|", "^", "==", "!="]);
            let (x, y, r, s) = (&a.ours, &b.ours, &a.rust, &b.rust);
            twice!("(({x}) {op} !({y}))", "(({r}) {op} !({s}))")
        }
        1 => {
            let ty = random.pick(&["f32", "f64"]);
            let (a, b) = (float(random, ty, depth), float(random, ty, depth));
            let op = random.pick(&["<", "<=", ">", ">=", "==", "!="]);
            let (x, y, r, s) = (&a.ours, &b.ours, &a.rust, &b.rust);
            twice!("({x} {op} {y})", "({r} {op} {s})")
        }
        _ => {
            let (a, b) = (integer(random, depth), integer(random, depth));
            let op = random.pick(&["<", "<=", ">", ">=", "==", "!="]);
            let (x, y, r, s) = (&a.ours, &b.ours, &a.rust, &b.rust);
            twice!("({x} {op} {y})", "({r} {op} {s})")
        }
    }
}

fn any_float(random: &mut Random, depth: u32) -> Twice {
    let ty = random.pick(&["f32", "f64"]);
    float(random, ty, depth)
}

/// The digits of a float: most have no exact value.
fn digits(random: &mut Random) -> String {
    match random.below(5) {
        0 => format!("{}.0", random.below(1000)),
        1 => format!("{}.{}", random.below(100), random.next()),
        2 => format!("0.{}", random.next()),
        3 => format!("{}.5e{}", random.below(1 << 20), random.below(60) as i32 - 30),
        // Between two `f32`s, as near to the middle as an `f64` can be, or nearer.
        _ => format!("1.00000005960464477539062{}", random.below(1000)),
    }
}

/// A float of a type, without what only `libm` defines.
fn float(random: &mut Random, ty: &str, depth: u32) -> Twice {
    if depth == 0 {
        let digits = digits(random);
        return match random.below(3) {
            0 => Twice::same(format!("({digits} as {ty})")),
            1 => Twice::same(format!("(-{digits} as {ty})")),
            _ => Twice::same(format!("{digits}{ty}")),
        };
    }
    let depth = depth - 1;
    let (a, b) = (float(random, ty, depth), float(random, ty, depth));
    let (x, y, r, s) = (&a.ours, &b.ours, &a.rust, &b.rust);
    let alone = random.pick(&[
        "sqrt",
        "abs",
        "floor",
        "ceil",
        "round",
        "trunc",
        "fract",
        "signum",
        "recip",
        "round_ties_even",
        "to_degrees",
        "to_radians",
    ]);
    match random.below(14) {
        0..=3 => {
            let op = random.pick(&["+", "-", "*", "/", "%"]);
            twice!("({x} {op} {y})", "({r} {op} {s})")
        }
        // A literal without a type takes the other's.
        4 => {
            let digits = digits(random);
            let op = random.pick(&["+", "-", "*", "/"]);
            twice!("({x} {op} {digits})", "({r} {op} {digits})")
        }
        5 => {
            let c = float(random, ty, depth);
            let (z, t) = (&c.ours, &c.rust);
            twice!("({x}).mul_add({y}, {z})", "({r}).mul_add({s}, {t})")
        }
        6 => {
            let name = random.pick(&["copysign", "rem_euclid", "div_euclid"]);
            twice!("({x}).{name}({y})", "({r}).{name}({s})")
        }
        7 => {
            let name = random.pick(&["min", "max"]);
            twice!("({x}).{name}({y} + 0.125)", "({r}).{name}({s} + 0.125)")
        }
        8 => {
            let a = integer(random, depth);
            let (x, r) = (&a.ours, &a.rust);
            twice!("({x} as {ty})", "({r} as {ty})")
        }
        9 => {
            let other = if ty == "f32" { "f64" } else { "f32" };
            let a = float(random, other, depth);
            let (x, r) = (&a.ours, &a.rust);
            twice!("({x} as {ty})", "({r} as {ty})")
        }
        10 => {
            let power = random.below(9) as i32 - 4;
            twice!("({x}).powi({power})", "({r}).powi({power})")
        }
        _ => twice!("({x}).{alone}()", "({r}).{alone}()"),
    }
}

/// The bits of a float; all that are no number are one.
fn bits_of(float: Twice) -> Twice {
    let (x, r) = (&float.ours, &float.rust);
    twice!(
        "(if ({x}).is_nan() {{ -1 }} else {{ ({x}).to_bits() }})",
        "{{ let x = {r}; if x.is_nan() {{ -1 }} else {{ x.to_bits() as i128 }} }}"
    )
}

fn ours(expression: &str) -> Result<i128, String> {
    let tokens: TokenStream = expression.parse().expect("tokens");
    expand::integer(&tokens).map_err(|error| error.message)
}

/// Compares expressions. How many have a value, and how many have none.
fn compare(name: &str, expressions: &[Twice]) -> (usize, usize) {
    let rust: Vec<String> = expressions.iter().map(|both| both.rust.clone()).collect();
    let wanted = rust::values(name, "", &rust);
    let mut failures = Vec::new();
    let mut with_value = 0;
    for (both, wanted) in expressions.iter().zip(&wanted) {
        let found = ours(&both.ours);
        with_value += usize::from(wanted.is_some());
        if found.as_ref().ok() != wanted.as_ref() {
            failures.push(format!("{}\n  here {found:?}, in Rust {wanted:?}", both.ours));
        }
    }
    failures.sort_by_key(String::len);
    failures.truncate(20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    (with_value, expressions.len() - with_value)
}

#[test]
fn random_expressions_of_integers_have_the_values_of_rust() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let expressions: Vec<Twice> = (0..3000)
        .map(|_| {
            let depth = 1 + random.below(3) as u32;
            integer(&mut random, depth)
        })
        .collect();
    let (with_value, without) = compare("integers", &expressions);
    assert!(with_value > 1500 && without > 100, "{with_value} and {without}");
}

#[test]
fn random_expressions_of_floats_have_the_bits_of_rust() {
    let mut random = Random(0xC2B2_AE3D_27D4_EB4F);
    let expressions: Vec<Twice> = (0..2000)
        .map(|_| {
            let depth = random.below(4) as u32;
            bits_of(any_float(&mut random, depth))
        })
        .collect();
    let (with_value, _) = compare("floats", &expressions);
    assert!(with_value > 1000, "{with_value}");
}

/// The functions that no instruction computes: their last bit is that of `libm`, and another
/// library may round to the neighbor.
#[test]
fn functions_of_floats_are_those_of_rust() {
    let mut random = Random(0x1656_67B1_9E37_79F9);
    let mut expressions = Vec::new();
    for name in [
        "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh",
        "atanh", "exp", "exp2", "exp_m1", "ln", "ln_1p", "log2", "log10", "cbrt",
    ] {
        for ty in ["f32", "f64"] {
            for _ in 0..20 {
                let x = match name {
                    "asin" | "acos" | "atanh" => format!("0.{}{ty}", random.next()),
                    "acosh" => format!("1.{}{ty}", random.next()),
                    _ => format!("{}.{}{ty}", random.below(30), random.next()),
                };
                expressions.push((ty, Twice::same(format!("{x}.{name}()"))));
            }
        }
    }
    for name in ["powf", "atan2", "hypot", "log"] {
        for ty in ["f32", "f64"] {
            for _ in 0..20 {
                let (x, y) = (random.below(20) + 1, random.below(9) + 2);
                let text = format!("{x}.{}{ty}.{name}({y}.25{ty})", random.next());
                expressions.push((ty, Twice::same(text)));
            }
        }
    }
    let bits: Vec<Twice> = expressions.iter().map(|(_, both)| bits_of(both.clone())).collect();
    let rust: Vec<String> = bits.iter().map(|both| both.rust.clone()).collect();
    let wanted = rust::values("functions_of_floats", "", &rust);
    for ((both, (_, text)), wanted) in bits.iter().zip(&expressions).zip(wanted) {
        let (found, wanted) = (ours(&both.ours).expect("a value"), wanted.expect("a value"));
        assert!((found - wanted).abs() <= 2, "{}: {found:#x}, {wanted:#x}", text.ours);
    }
}

#[test]
fn constants_of_rust_take_the_type_of_their_place() {
    for (expression, wanted) in [
        ("PI.to_bits()", i128::from(std::f64::consts::PI.to_bits())),
        ("(TAU as f32).to_bits()", std::f32::consts::TAU.to_bits().into()),
        ("(PI * 2.0f32).to_bits()", (std::f32::consts::PI * 2.0).to_bits().into()),
        ("(TAU / 3.0).to_bits()", i128::from((std::f64::consts::TAU / 3.0).to_bits())),
    ] {
        assert_eq!(ours(expression), Ok(wanted), "{expression}");
    }
}

#[test]
fn a_type_is_lent_to_a_method_and_to_nothing_else() {
    for (expression, wanted) in [
        ("(255 as u8) + 1", 256),
        ("(300 as u8)", 44),
        ("(0xFF as u8).rotate_left(4) + 1", 256),
        ("1u8.wrapping_sub(2)", 255),
        ("(-1i8).leading_ones()", 8),
        ("!(0 as u8)", -1),
        ("(1 as u32).rotate_right(1) >> 31", 1),
        ("-1 as u8 as i8", -1),
        ("2 as u8 * 3 + 1", 7),
    ] {
        assert_eq!(ours(expression), Ok(wanted), "{expression}");
    }
    for (expression, wanted) in [
        ("5.count_ones()", "`count_ones` needs to know the width of the integer"),
        ("(1 + 1).rotate_left(3)", "`rotate_left` needs to know the width of the integer"),
        ("(200 as u8).pow(2)", "the result does not fit in `u8`"),
        ("(200 as u8).wrapping_add(300)", "300 does not fit in `u8`"),
        ("1.0f32 + 1.0f64", "`+` of an `f32` and an `f64`"),
        ("5.sqrt()", "the integer 5 has no method `sqrt` of this form"),
        ("1.5 as bool", "expected a number type after `as`, found `bool`"),
        ("(-1 as u128)", "the `u128` does not fit in a constant"),
    ] {
        assert_eq!(ours(expression), Err(wanted.to_string()), "{expression}");
    }
}
