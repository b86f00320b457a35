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

numbers! { i8 i16 i32 i64 u8 u16 u32 }

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
    ($($name:ident $zero:literal $plain:expr;)*) => {
        $(check(stringify!($name), $name, $plain, $zero);)*
    };
}

#[test]
fn of_two_slices() {
    all! {
        add_i8 0 i8::wrapping_add;
        add_i16 0 i16::wrapping_add;
        add_i32 0 i32::wrapping_add;
        add_i64 0 i64::wrapping_add;
        add_f32 0.0 |x, y| x + y;
        add_f64 0.0 |x, y| x + y;
        subtract_i8 0 i8::wrapping_sub;
        subtract_i16 0 i16::wrapping_sub;
        subtract_i32 0 i32::wrapping_sub;
        subtract_i64 0 i64::wrapping_sub;
        subtract_f32 0.0 |x, y| x - y;
        subtract_f64 0.0 |x, y| x - y;
        multiply_i16 0 i16::wrapping_mul;
        multiply_i32 0 i32::wrapping_mul;
        multiply_f32 0.0 |x, y| x * y;
        multiply_f64 0.0 |x, y| x * y;
        min_i8 0 i8::min;
        min_i16 0 i16::min;
        min_i32 0 i32::min;
        min_u8 0 u8::min;
        min_u16 0 u16::min;
        min_u32 0 u32::min;
        min_f32 0.0 |x, y| if x < y { x } else { y };
        min_f64 0.0 |x, y| if x < y { x } else { y };
        max_i8 0 i8::max;
        max_i16 0 i16::max;
        max_i32 0 i32::max;
        max_u8 0 u8::max;
        max_u16 0 u16::max;
        max_u32 0 u32::max;
        max_f32 0.0 |x, y| if x > y { x } else { y };
        max_f64 0.0 |x, y| if x > y { x } else { y };
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
