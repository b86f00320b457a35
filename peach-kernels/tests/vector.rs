//! Arithmetic of slices against plain Rust, at all lengths around those of vectors.

use peach_kernels::vector::*;
use peach_testing::Random;

fn lengths() -> impl Iterator<Item = usize> {
    (0..300).chain([1000, 1023])
}

/// Numbers of a type: small ones and extremes.
trait Number: Copy + PartialEq + std::fmt::Debug {
    fn random(random: &mut Random) -> Self;
}

macro_rules! numbers {
    ($($type:ident)*) => {$(
        impl Number for $type {
            fn random(random: &mut Random) -> $type {
                random.bits() as $type
            }
        }
    )*};
}

numbers! { i8 i16 i32 i64 u8 u16 u32 u64 }

macro_rules! floats {
    ($($type:ident)*) => {$(
        impl Number for $type {
            fn random(random: &mut Random) -> $type {
                match random.below(20) {
                    0 => $type::NAN,
                    1 => $type::INFINITY,
                    2 => 0.0,
                    3 => -0.0,
                    _ => (random.bits() as i16).into(),
                }
            }
        }
    )*};
}

floats! { f32 f64 }

fn slice<T: Number>(random: &mut Random, len: usize) -> Vec<T> {
    (0..len).map(|_| T::random(random)).collect()
}

/// Equal bit by bit, but for numbers that are none.
fn check<T: Number>(
    name: &str,
    kernel: fn(&[T], &[T], &mut [T]),
    plain: impl Fn(T, T) -> T,
    zero: T,
) {
    let mut random = Random::new(20);
    for len in lengths() {
        let (x, y) = (slice(&mut random, len), slice(&mut random, len));
        let mut to = vec![zero; len];
        kernel(&x, &y, &mut to);
        for ((x, y), to) in x.into_iter().zip(y).zip(to) {
            let expected = plain(x, y);
            let text = |value: T| format!("{value:?}");
            assert_eq!(text(to), text(expected), "{name}({x:?}, {y:?}) of {len}");
        }
    }
}

macro_rules! all {
    ($($name:ident $scalar:ident $zero:literal $plain:expr;)*) => {$(
        check(stringify!($name), $name, $plain, $zero);
        check(
            stringify!($scalar),
            |x, y, to| {
                let number = y.first().copied().unwrap_or($zero);
                $scalar(x, number, to);
                // What every element is to be made of.
                let mut again = vec![$zero; x.len()];
                $name(x, &vec![number; x.len()], &mut again);
                let text = |numbers: &[_]| format!("{numbers:?}");
                assert_eq!(text(to), text(&again), "{} with {number:?}", stringify!($scalar));
                $name(x, y, to);
            },
            $plain,
            $zero,
        );
    )*};
}

#[test]
fn of_two_slices_and_with_numbers() {
    all! {
        add_i8 add_scalar_i8 0 i8::wrapping_add;
        subtract_i8 subtract_scalar_i8 0 i8::wrapping_sub;
        multiply_i8 multiply_scalar_i8 0 i8::wrapping_mul;
        min_i8 min_scalar_i8 0 i8::min;
        max_i8 max_scalar_i8 0 i8::max;
        add_i16 add_scalar_i16 0 i16::wrapping_add;
        subtract_i16 subtract_scalar_i16 0 i16::wrapping_sub;
        multiply_i16 multiply_scalar_i16 0 i16::wrapping_mul;
        min_i16 min_scalar_i16 0 i16::min;
        max_i16 max_scalar_i16 0 i16::max;
        add_i32 add_scalar_i32 0 i32::wrapping_add;
        subtract_i32 subtract_scalar_i32 0 i32::wrapping_sub;
        multiply_i32 multiply_scalar_i32 0 i32::wrapping_mul;
        min_i32 min_scalar_i32 0 i32::min;
        max_i32 max_scalar_i32 0 i32::max;
        add_i64 add_scalar_i64 0 i64::wrapping_add;
        subtract_i64 subtract_scalar_i64 0 i64::wrapping_sub;
        multiply_i64 multiply_scalar_i64 0 i64::wrapping_mul;
        min_i64 min_scalar_i64 0 i64::min;
        max_i64 max_scalar_i64 0 i64::max;
        add_u8 add_scalar_u8 0 u8::wrapping_add;
        subtract_u8 subtract_scalar_u8 0 u8::wrapping_sub;
        multiply_u8 multiply_scalar_u8 0 u8::wrapping_mul;
        min_u8 min_scalar_u8 0 u8::min;
        max_u8 max_scalar_u8 0 u8::max;
        add_u16 add_scalar_u16 0 u16::wrapping_add;
        subtract_u16 subtract_scalar_u16 0 u16::wrapping_sub;
        multiply_u16 multiply_scalar_u16 0 u16::wrapping_mul;
        min_u16 min_scalar_u16 0 u16::min;
        max_u16 max_scalar_u16 0 u16::max;
        add_u32 add_scalar_u32 0 u32::wrapping_add;
        subtract_u32 subtract_scalar_u32 0 u32::wrapping_sub;
        multiply_u32 multiply_scalar_u32 0 u32::wrapping_mul;
        min_u32 min_scalar_u32 0 u32::min;
        max_u32 max_scalar_u32 0 u32::max;
        add_u64 add_scalar_u64 0 u64::wrapping_add;
        subtract_u64 subtract_scalar_u64 0 u64::wrapping_sub;
        multiply_u64 multiply_scalar_u64 0 u64::wrapping_mul;
        min_u64 min_scalar_u64 0 u64::min;
        max_u64 max_scalar_u64 0 u64::max;
        add_f32 add_scalar_f32 0.0 |x, y| x + y;
        subtract_f32 subtract_scalar_f32 0.0 |x, y| x - y;
        multiply_f32 multiply_scalar_f32 0.0 |x, y| x * y;
        min_f32 min_scalar_f32 0.0 |x, y| if x < y { x } else { y };
        max_f32 max_scalar_f32 0.0 |x, y| if x > y { x } else { y };
        add_f64 add_scalar_f64 0.0 |x, y| x + y;
        subtract_f64 subtract_scalar_f64 0.0 |x, y| x - y;
        multiply_f64 multiply_scalar_f64 0.0 |x, y| x * y;
        min_f64 min_scalar_f64 0.0 |x, y| if x < y { x } else { y };
        max_f64 max_scalar_f64 0.0 |x, y| if x > y { x } else { y };
    }
}

#[test]
fn of_one_slice() {
    let mut random = Random::new(23);
    macro_rules! all {
        ($($name:ident $zero:literal $plain:expr;)*) => {$(
            for len in lengths() {
                let x = slice(&mut random, len);
                let mut to = vec![$zero; len];
                $name(&x, &mut to);
                for (x, to) in x.into_iter().zip(to) {
                    let expected = $plain(x);
                    let name = stringify!($name);
                    assert_eq!(format!("{to:?}"), format!("{expected:?}"), "{name}({x:?}) of {len}");
                }
            }
        )*};
    }
    all! {
        negate_i8 0 i8::wrapping_neg;
        absolute_i8 0 i8::wrapping_abs;
        negate_i16 0 i16::wrapping_neg;
        absolute_i16 0 i16::wrapping_abs;
        negate_i32 0 i32::wrapping_neg;
        absolute_i32 0 i32::wrapping_abs;
        negate_i64 0 i64::wrapping_neg;
        absolute_i64 0 i64::wrapping_abs;
        negate_f32 0.0 |x: f32| -x;
        absolute_f32 0.0 f32::abs;
        negate_f64 0.0 |x: f64| -x;
        absolute_f64 0.0 f64::abs;
    }
}

#[test]
fn with_wider_results() {
    let mut random = Random::new(24);
    macro_rules! all {
        ($($name:ident $type:ident $wide:ident $plain:expr;)*) => {$(
            for len in lengths() {
                let (x, y) = (slice::<$type>(&mut random, len), slice::<$type>(&mut random, len));
                let mut to = vec![0; len];
                $name(&x, &y, &mut to);
                let plain: fn($wide, $wide) -> $wide = $plain;
                for ((x, y), to) in x.into_iter().zip(y).zip(to) {
                    let name = stringify!($name);
                    assert_eq!(to, plain(x.into(), y.into()), "{name}({x}, {y}) of {len}");
                }
            }
        )*};
    }
    all! {
        widen_add_i8 i8 i16 |x, y| x + y;
        widen_subtract_i8 i8 i16 |x, y| x - y;
        widen_multiply_i8 i8 i16 |x, y| x * y;
        widen_add_u8 u8 u16 |x, y| x + y;
        widen_multiply_u8 u8 u16 |x, y| x * y;
        widen_add_i16 i16 i32 |x, y| x + y;
        widen_subtract_i16 i16 i32 |x, y| x - y;
        widen_multiply_i16 i16 i32 |x, y| x * y;
        widen_add_u16 u16 u32 |x, y| x + y;
        widen_multiply_u16 u16 u32 |x, y| x * y;
        widen_add_i32 i32 i64 |x, y| x + y;
        widen_subtract_i32 i32 i64 |x, y| x - y;
        widen_multiply_i32 i32 i64 |x, y| x * y;
        widen_add_u32 u32 u64 |x, y| x + y;
        widen_multiply_u32 u32 u64 |x, y| x * y;
    }
}

/// Whole numbers, of which sums are exact in any order.
#[test]
fn sums() {
    let mut random = Random::new(21);
    for len in lengths() {
        let x: Vec<i16> = (0..len).map(|_| random.bits() as i8 as i16).collect();
        let y: Vec<i16> = (0..len).map(|_| random.bits() as i8 as i16).collect();
        let (single, other): (Vec<f32>, Vec<f32>) =
            x.iter().zip(&y).map(|(&x, &y)| (f32::from(x), f32::from(y))).unzip();
        let (double, another): (Vec<f64>, Vec<f64>) =
            x.iter().zip(&y).map(|(&x, &y)| (f64::from(x), f64::from(y))).unzip();
        let total = |term: fn(f64, f64) -> f64| -> f64 {
            double.iter().zip(&another).map(|(&x, &y)| term(x, y)).sum()
        };
        for (single, double, expected) in [
            (sum_f32(&single), sum_f64(&double), total(|x, _| x)),
            (sum_abs_f32(&single), sum_abs_f64(&double), total(|x, _| x.abs())),
            (sum_squares_f32(&single), sum_squares_f64(&double), total(|x, _| x * x)),
            (dot_f32(&single, &other), dot_f64(&double, &another), total(|x, y| x * y)),
        ] {
            assert_eq!(f64::from(single), expected, "{len} elements");
            assert_eq!(double, expected, "{len} elements");
        }
    }
}

#[test]
#[should_panic(expected = "slices of different lengths")]
fn lengths_must_agree() {
    add_i8(&[1], &[1, 2], &mut [0]);
}
