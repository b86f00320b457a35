//! What memory may hold, and what functions take and give by value.

use crate::splitmix::SplitMix;
use crate::{Random, Tolerance};

/// A type of values that can be made at random, compared and shown.
///
/// Values that come out of a kernel are bytes until they are proven to be good: a kernel in error
/// may leave what is no value of the type.
///
/// # Safety
/// A value has as many bytes as the type, without padding.
pub unsafe trait Element: Copy + 'static {
    /// Any value, those at the ends of the range more often.
    fn any(random: &mut Random) -> Self;

    /// Whether the bytes found are as good as those expected: the same, unless `tolerance` allows
    /// more.
    fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
        let _ = tolerance;
        found == expected
    }

    /// The value in these bytes, as text.
    fn show(bytes: &[u8]) -> String;
}

/// The bytes of a value.
pub(crate) fn bytes_of<T: Element>(value: &T) -> Vec<u8> {
    bytes_of_all(std::slice::from_ref(value))
}

/// The bytes of a list.
pub(crate) fn bytes_of_all<T: Element>(list: &[T]) -> Vec<u8> {
    // SAFETY: elements have no padding.
    unsafe { std::slice::from_raw_parts(list.as_ptr().cast::<u8>(), size_of_val(list)) }.to_vec()
}

/// The elements in `bytes`, each as text.
pub(crate) fn show_all<T: Element>(bytes: &[u8]) -> Vec<String> {
    bytes.chunks_exact(size_of::<T>().max(1)).map(T::show).collect()
}

/// `bytes` as an array.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("as many bytes as the type has")
}

/// Bits of which those near the ends of signed and unsigned ranges are as likely as all others,
/// and so are few set ones.
fn telling_bits(source: &mut SplitMix, size: usize) -> u64 {
    let bits = 8 * size as u32;
    let ends = [0, 1, u64::MAX, 1 << (bits - 1), (1 << (bits - 1)) - 1];
    match source.below(4u32) {
        0 => source.below(17u64),
        1 => source.pick(&ends),
        2 => source.bits() >> (64 - bits + source.below(bits)),
        _ => source.bits(),
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        // SAFETY: a number has no padding.
        unsafe impl Element for $integer {
            fn any(random: &mut Random) -> Self {
                random.decide(|source| telling_bits(source, size_of::<$integer>())) as $integer
            }

            fn show(bytes: &[u8]) -> String {
                <$integer>::from_le_bytes(array(bytes)).to_string()
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! wide_integers {
    ($($integer:ty)*) => {$(
        // SAFETY: a number has no padding.
        unsafe impl Element for $integer {
            fn any(random: &mut Random) -> Self {
                let [low, high]: [u64; 2] = random.any();
                <$integer>::from(high) << 64 | <$integer>::from(low)
            }

            fn show(bytes: &[u8]) -> String {
                <$integer>::from_le_bytes(array(bytes)).to_string()
            }
        }
    )*};
}

wide_integers!(i128 u128);

macro_rules! floats {
    ($($float:ident $bits:ident)*) => {$(
        // SAFETY: a number has no padding.
        unsafe impl Element for $float {
            fn any(random: &mut Random) -> Self {
                let special = [0.0, -0.0, 1.0, -1.0, $float::INFINITY, $float::NEG_INFINITY,
                    $float::NAN, $float::MAX, $float::MIN_POSITIVE, $float::EPSILON,
                    $float::from_bits(1)];
                match random.decide(|source| source.below(4)) {
                    0 => random.decide(|source| source.below(100)) as $float,
                    1 => random.decide(|source| source.below(1 << 20)) as $float / 1024.0 - 512.0,
                    2 => random.pick(&special),
                    _ => $float::from_bits(random.bits() as $bits),
                }
            }

            fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
                let value = |bytes| $float::from_le_bytes(array(bytes));
                let [found, expected] = [found, expected].map(value);
                (found.is_nan() && expected.is_nan())
                    || found.to_bits() == expected.to_bits()
                    || tolerance.allows(
                        f64::from(found),
                        f64::from(expected),
                        // As integers, floats of one sign are in order.
                        found.to_bits().abs_diff(expected.to_bits()).into(),
                    )
            }

            fn show(bytes: &[u8]) -> String {
                format!("{:?}", $float::from_le_bytes(array(bytes)))
            }
        }
    )*};
}

floats!(f32 u32 f64 u64);

// SAFETY: one byte.
unsafe impl Element for bool {
    fn any(random: &mut Random) -> Self {
        random.pick(&[false, true])
    }

    fn show(bytes: &[u8]) -> String {
        match bytes {
            [0] => "false".to_string(),
            [1] => "true".to_string(),
            other => format!("{other:?}, which is not a bool"),
        }
    }
}

// SAFETY: four bytes.
unsafe impl Element for char {
    fn any(random: &mut Random) -> Self {
        let end = random.pick(&[0x80u32, 0x800, 0x1_0000, 0x11_0000]);
        char::from_u32(random.decide(|source| source.below(end).into()) as u32 % end)
            .unwrap_or('\u{FFFD}')
    }

    fn show(bytes: &[u8]) -> String {
        let number = u32::from_le_bytes(array(bytes));
        char::from_u32(number)
            .map_or_else(|| format!("{number:#x}, which is not a char"), |it| format!("{it:?}"))
    }
}

// SAFETY: as its elements.
unsafe impl<T: Element, const N: usize> Element for [T; N] {
    fn any(random: &mut Random) -> Self {
        std::array::from_fn(|_| random.any())
    }

    fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
        let size = size_of::<T>().max(1);
        let mut pairs = found.chunks_exact(size).zip(expected.chunks_exact(size));
        pairs.all(|(found, expected)| T::agrees(found, expected, tolerance))
    }

    fn show(bytes: &[u8]) -> String {
        format!("[{}]", show_all::<T>(bytes).join(", "))
    }
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use super::{Element, Random, Tolerance, show_all};
    use std::arch::x86_64::*;

    macro_rules! vectors {
        ($($vector:ident: [$lane:ty; $count:literal])*) => {$(
            // SAFETY: a vector is its lanes.
            unsafe impl Element for $vector {
                fn any(random: &mut Random) -> Self {
                    let lanes: [$lane; $count] = random.any();
                    // SAFETY: all bits make a vector, and the sizes are checked.
                    unsafe { std::mem::transmute(lanes) }
                }

                fn agrees(found: &[u8], expected: &[u8], tolerance: &Tolerance) -> bool {
                    <[$lane; $count]>::agrees(found, expected, tolerance)
                }

                fn show(bytes: &[u8]) -> String {
                    format!("{}({})", stringify!($vector), show_all::<$lane>(bytes).join(", "))
                }
            }
        )*};
    }

    vectors! {
        __m128: [f32; 4] __m128d: [f64; 2] __m128i: [u32; 4]
        __m256: [f32; 8] __m256d: [f64; 4] __m256i: [u32; 8]
        __m512: [f32; 16] __m512d: [f64; 8] __m512i: [u32; 16]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(found: f32, expected: f32, tolerance: Tolerance) -> bool {
        f32::agrees(&found.to_le_bytes(), &expected.to_le_bytes(), &tolerance)
    }

    #[test]
    fn floats_are_the_same_without_a_tolerance() {
        let agrees = |a, b| agrees(a, b, Tolerance::default());
        assert!(agrees(f32::NAN, -f32::NAN) && agrees(f32::INFINITY, f32::INFINITY));
        assert!(!agrees(0.0, -0.0) && !agrees(1.0, 1.0f32.next_up()) && !agrees(1.0, f32::NAN));
    }

    #[test]
    fn floats_are_near_with_one() {
        let ulps = |a: f32, b: f32, ulps| agrees(a, b, Tolerance { ulps, ..Tolerance::default() });
        let next = 1.0f32.next_up();
        assert!(ulps(0.0, -0.0, 1) && ulps(1.0, next, 1) && ulps(f32::MAX, f32::INFINITY, 1));
        assert!(!ulps(1.0, next.next_up(), 1) && !ulps(1.0, -1.0, 100) && !ulps(1.0, f32::NAN, 9));
        let absolute = |a, b| agrees(a, b, Tolerance { absolute: 0.5, ..Tolerance::default() });
        assert!(absolute(1.5, 1.0) && absolute(-0.25, 0.25) && !absolute(1.75, 1.0));
        assert!(!absolute(f32::INFINITY, 1.0) && !absolute(f32::NAN, 1.0));
        let relative = |a, b| agrees(a, b, Tolerance { relative: 0.25, ..Tolerance::default() });
        assert!(relative(125.0, 100.0) && !relative(126.0, 100.0) && !relative(1e-9, 0.0));
        assert!(!relative(1.0, f32::INFINITY) && !relative(f32::NEG_INFINITY, f32::INFINITY));
    }

    #[test]
    fn what_is_no_value_is_shown_as_such() {
        assert_eq!(bool::show(&[2]), "[2], which is not a bool");
        assert_eq!(char::show(&[0, 0, 0x11, 0]), "0x110000, which is not a char");
        assert_eq!(<[[u16; 2]; 2]>::show(&[1, 0, 2, 0, 3, 0, 4, 0]), "[[1, 2], [3, 4]]");
    }
}
