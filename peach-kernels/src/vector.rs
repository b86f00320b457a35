//! Arithmetic of slices, element by element: the core of Yeppp! (Dukhan, 2012) for Rust.
//!
//! ```
//! use peach_kernels::vector::{add_f32, dot_f64, max_u8};
//!
//! let mut to = [0.0; 3];
//! add_f32(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], &mut to);
//! assert_eq!(to, [5.0, 7.0, 9.0]);
//! assert_eq!(dot_f64(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
//! let mut most = [0; 2];
//! max_u8(&[1, 9], &[5, 2], &mut most);
//! assert_eq!(most, [5, 9]);
//! ```
//!
//! Integers wrap around. A minimum or maximum of floats is the second operand where one of the two
//! is not a number. The order in which sums are added up differs from a loop's, and from processor
//! to processor.
//!
//! All functions panic where slices that belong together differ in length.

use peach_runtime::peach_fn;

/// Functions of two slices into a third: `op` for a vector of 32 bytes, `plain` for one element.
macro_rules! binary {
    ($(
        $name:ident, $kernel:ident, $type:ident, $size:literal, $op:ident, $what:literal,
        $plain:expr;
    )*) => {$(
        #[doc = concat!("`to[i]` becomes ", $what, ".")]
        ///
        /// # Panics
        ///
        /// Where the lengths differ.
        pub fn $name(x: &[$type], y: &[$type], to: &mut [$type]) {
            assert!(x.len() == y.len() && x.len() == to.len(), "slices of different lengths");
            $kernel(x, y, to);
        }

        peach_fn! {
            const S = $size;
            const N = 32 / S;

            // One element, in the lowest lane.
            inline fn load(v: xmm, from: operand) {
                if S == 1 { vpxor v, v, v; vpinsrb v, v, from, 0; }
                if S == 2 { vpxor v, v, v; vpinsrw v, v, from, 0; }
                if S == 4 { vmovd v, from; }
                if S == 8 { vmovq v, from; }
            }
            inline fn store(to: operand, v: xmm) {
                if S == 1 { vpextrb to, v, 0; }
                if S == 2 { vpextrw to, v, 0; }
                if S == 4 { vmovd to, v; }
                if S == 8 { vmovq to, v; }
            }

            #[target_feature(enable = "avx2")]
            pub(crate) fn $kernel(x: &[$type], y: &[$type], to: &mut [$type]) {
                let i, n, left: gp64;
                mov n, x.len;
                cmp n, y.len;
                cmova n, y.len;
                cmp n, to.len;
                cmova n, to.len;
                mov left, n;
                xor i.gp32, i.gp32;
                let v: [ymm; 4];
                'fours: {
                    cmp left, 4 * N;
                    jb break 'fours;
                    for k in 0..4 { vmovdqu v[k], [x.ptr + S*i + 32*k]; }
                    for k in 0..4 { $op v[k], v[k], [y.ptr + S*i + 32*k]; }
                    for k in 0..4 { vmovdqu [to.ptr + S*i + 32*k], v[k]; }
                    add i, 4 * N;
                    sub left, 4 * N;
                    jmp continue 'fours;
                }
                'ones: {
                    cmp left, N;
                    jb break 'ones;
                    vmovdqu v[0], [x.ptr + S*i];
                    $op v[0], v[0], [y.ptr + S*i];
                    vmovdqu [to.ptr + S*i], v[0];
                    add i, N;
                    sub left, N;
                    jmp continue 'ones;
                }
                test left, left;
                jz 'done;
                cmp n, N;
                jb 'elements;
                // The last vector again has elements that are done: they get the same value.
                sub n, N;
                vmovdqu v[0], [x.ptr + S*n];
                $op v[0], v[0], [y.ptr + S*n];
                vmovdqu [to.ptr + S*n], v[0];
                jmp 'done;
                'elements:
                'next: {
                    load(v[0].xmm, [x.ptr + S*i]);
                    load(v[1].xmm, [y.ptr + S*i]);
                    $op v[0].xmm, v[0].xmm, v[1].xmm;
                    store([to.ptr + S*i], v[0].xmm);
                    inc i;
                    cmp i, n;
                    jb continue 'next;
                }
                'done:
            }
            #[fallback]
            pub(crate) fn $kernel(x: &[$type], y: &[$type], to: &mut [$type]) {
                let plain: fn($type, $type) -> $type = $plain;
                for ((to, x), y) in to.iter_mut().zip(x).zip(y) {
                    *to = plain(*x, *y);
                }
            }
        }
    )*};
}

binary! {
    add_i8, add_bytes, i8, 1, vpaddb, "`x[i] + y[i]`", i8::wrapping_add;
    add_i16, add_words, i16, 2, vpaddw, "`x[i] + y[i]`", i16::wrapping_add;
    add_i32, add_dwords, i32, 4, vpaddd, "`x[i] + y[i]`", i32::wrapping_add;
    add_i64, add_qwords, i64, 8, vpaddq, "`x[i] + y[i]`", i64::wrapping_add;
    add_f32, add_singles, f32, 4, vaddps, "`x[i] + y[i]`", |x, y| x + y;
    add_f64, add_doubles, f64, 8, vaddpd, "`x[i] + y[i]`", |x, y| x + y;
    subtract_i8, subtract_bytes, i8, 1, vpsubb, "`x[i] - y[i]`", i8::wrapping_sub;
    subtract_i16, subtract_words, i16, 2, vpsubw, "`x[i] - y[i]`", i16::wrapping_sub;
    subtract_i32, subtract_dwords, i32, 4, vpsubd, "`x[i] - y[i]`", i32::wrapping_sub;
    subtract_i64, subtract_qwords, i64, 8, vpsubq, "`x[i] - y[i]`", i64::wrapping_sub;
    subtract_f32, subtract_singles, f32, 4, vsubps, "`x[i] - y[i]`", |x, y| x - y;
    subtract_f64, subtract_doubles, f64, 8, vsubpd, "`x[i] - y[i]`", |x, y| x - y;
    multiply_i16, multiply_words, i16, 2, vpmullw, "`x[i] * y[i]`", i16::wrapping_mul;
    multiply_i32, multiply_dwords, i32, 4, vpmulld, "`x[i] * y[i]`", i32::wrapping_mul;
    multiply_f32, multiply_singles, f32, 4, vmulps, "`x[i] * y[i]`", |x, y| x * y;
    multiply_f64, multiply_doubles, f64, 8, vmulpd, "`x[i] * y[i]`", |x, y| x * y;
    min_i8, min_signed_bytes, i8, 1, vpminsb, "the lesser of `x[i]` and `y[i]`", Ord::min;
    min_i16, min_signed_words, i16, 2, vpminsw, "the lesser of `x[i]` and `y[i]`", Ord::min;
    min_i32, min_signed_dwords, i32, 4, vpminsd, "the lesser of `x[i]` and `y[i]`", Ord::min;
    min_u8, min_bytes, u8, 1, vpminub, "the lesser of `x[i]` and `y[i]`", Ord::min;
    min_u16, min_words, u16, 2, vpminuw, "the lesser of `x[i]` and `y[i]`", Ord::min;
    min_u32, min_dwords, u32, 4, vpminud, "the lesser of `x[i]` and `y[i]`", Ord::min;
    min_f32, min_singles, f32, 4, vminps, "the lesser of `x[i]` and `y[i]`", lesser;
    min_f64, min_doubles, f64, 8, vminpd, "the lesser of `x[i]` and `y[i]`", lesser;
    max_i8, max_signed_bytes, i8, 1, vpmaxsb, "the greater of `x[i]` and `y[i]`", Ord::max;
    max_i16, max_signed_words, i16, 2, vpmaxsw, "the greater of `x[i]` and `y[i]`", Ord::max;
    max_i32, max_signed_dwords, i32, 4, vpmaxsd, "the greater of `x[i]` and `y[i]`", Ord::max;
    max_u8, max_bytes, u8, 1, vpmaxub, "the greater of `x[i]` and `y[i]`", Ord::max;
    max_u16, max_words, u16, 2, vpmaxuw, "the greater of `x[i]` and `y[i]`", Ord::max;
    max_u32, max_dwords, u32, 4, vpmaxud, "the greater of `x[i]` and `y[i]`", Ord::max;
    max_f32, max_singles, f32, 4, vmaxps, "the greater of `x[i]` and `y[i]`", greater;
    max_f64, max_doubles, f64, 8, vmaxpd, "the greater of `x[i]` and `y[i]`", greater;
}

/// As the processor's minimum.
fn lesser<T: PartialOrd>(x: T, y: T) -> T {
    if x < y { x } else { y }
}

/// As the processor's maximum.
fn greater<T: PartialOrd>(x: T, y: T) -> T {
    if x > y { x } else { y }
}

/// Sums over one slice: `step` makes of a vector what is added up.
macro_rules! sums {
    (
        $type:ident, $size:literal, $add:ident, $add_one:ident, $multiply_add:ident,
        $multiply_add_one:ident, $and:ident, $move:ident;
        $sum:ident, $sum_abs:ident, $sum_squares:ident, $dot:ident, $dot_kernel:ident
    ) => {
        peach_fn! {
            const S = $size;
            const N = 32 / S;

            inline fn total(acc: [ymm; 4]) -> xmm {
                $add acc[0], acc[0], acc[1];
                $add acc[2], acc[2], acc[3];
                $add acc[0], acc[0], acc[2];
                let high: xmm;
                vextractf128 high, acc[0], 1;
                $add high, high, acc[0].xmm;
                return high;
            }

            // The lanes of a vector of 128 bits.
            inline fn across(v: xmm) -> xmm {
                let t: xmm;
                vmovhlps t, v, v;
                $add v, v, t;
                if S == 4 { vmovshdup t, v; $add_one v, v, t; }
                return v;
            }

            // All elements but those at the end that fill no vector: `p` and `n` are at them then.
            inline fn vectors(step: mnemonic, p: gp64, n: gp64, acc: [ymm; 4], clear: ymm) {
                for a in acc { vxorps a, a, a; }
                'fours: {
                    sub n, 4 * N;
                    jb break 'fours;
                    for k in 0..4 {
                        if step == $add { $add acc[k], acc[k], [p + 32*k]; }
                        if step == $and {
                            let t: ymm;
                            $and t, clear, [p + 32*k];
                            $add acc[k], acc[k], t;
                        }
                        if step == $multiply_add {
                            let t: ymm;
                            vmovups t, [p + 32*k];
                            $multiply_add acc[k], t, t;
                        }
                    }
                    add p, 4 * 32;
                    jmp continue 'fours;
                }
                add n, 4 * N;
            }

            /// The sum of a slice.
            #[target_feature(enable = "avx")]
            pub fn $sum(x: &[$type]) -> $type {
                let acc: [ymm; 4];
                let none: ymm = undefined;
                vectors($add, x.ptr, x.len, acc, none);
                let v = total(acc);
                let sum = across(v);
                'elements: {
                    dec x.len;
                    js break 'elements;
                    $add_one sum, sum, [x.ptr + S * x.len];
                    jmp continue 'elements;
                }
                return sum;
            }
            #[fallback]
            pub fn $sum(x: &[$type]) -> $type {
                x.iter().fold(0.0, |sum, x| sum + x)
            }

            /// The sum of the absolute values of a slice.
            #[target_feature(enable = "avx")]
            pub fn $sum_abs(x: &[$type]) -> $type {
                let acc: [ymm; 4];
                let clear: ymm;
                if S == 4 { vmovaps clear, u32x8(0x7FFF_FFFF); }
                if S == 8 { vmovapd clear, u64x4(0x7FFF_FFFF_FFFF_FFFF); }
                vectors($and, x.ptr, x.len, acc, clear);
                let v = total(acc);
                let sum = across(v);
                let t: xmm;
                'elements: {
                    dec x.len;
                    js break 'elements;
                    $move t, [x.ptr + S * x.len];
                    $and t, t, clear.xmm;
                    $add_one sum, sum, t;
                    jmp continue 'elements;
                }
                return sum;
            }
            #[fallback]
            pub fn $sum_abs(x: &[$type]) -> $type {
                x.iter().fold(0.0, |sum, x| sum + x.abs())
            }

            /// The sum of the squares of a slice.
            #[target_feature(enable = "avx,fma")]
            pub fn $sum_squares(x: &[$type]) -> $type {
                let acc: [ymm; 4];
                let none: ymm = undefined;
                vectors($multiply_add, x.ptr, x.len, acc, none);
                let v = total(acc);
                let sum = across(v);
                let t: xmm;
                'elements: {
                    dec x.len;
                    js break 'elements;
                    $move t, [x.ptr + S * x.len];
                    $multiply_add_one sum, t, t;
                    jmp continue 'elements;
                }
                return sum;
            }
            #[fallback]
            pub fn $sum_squares(x: &[$type]) -> $type {
                x.iter().fold(0.0, |sum, x| sum + x * x)
            }

            #[target_feature(enable = "avx,fma")]
            pub(crate) fn $dot_kernel(x: &[$type], y: &[$type]) -> $type {
                let acc: [ymm; 4];
                for a in acc { vxorps a, a, a; }
                let n: gp64 = x.len;
                cmp n, y.len;
                cmova n, y.len;
                let (p, q) = (x.ptr, y.ptr);
                'fours: {
                    sub n, 4 * N;
                    jb break 'fours;
                    let t: [ymm; 4];
                    for k in 0..4 { vmovups t[k], [p + 32*k]; }
                    for k in 0..4 { $multiply_add acc[k], t[k], [q + 32*k]; }
                    add p, 4 * 32;
                    add q, 4 * 32;
                    jmp continue 'fours;
                }
                add n, 4 * N;
                let v = total(acc);
                let sum = across(v);
                let t: xmm;
                'elements: {
                    dec n;
                    js break 'elements;
                    $move t, [p + S * n];
                    $multiply_add_one sum, t, [q + S * n];
                    jmp continue 'elements;
                }
                return sum;
            }
            #[fallback]
            pub(crate) fn $dot_kernel(x: &[$type], y: &[$type]) -> $type {
                x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + x * y)
            }
        }

        /// The sum of the products of two slices.
        ///
        /// # Panics
        ///
        /// Where the lengths differ.
        pub fn $dot(x: &[$type], y: &[$type]) -> $type {
            assert!(x.len() == y.len(), "slices of different lengths");
            $dot_kernel(x, y)
        }
    };
}

sums! {
    f32, 4, vaddps, vaddss, vfmadd231ps, vfmadd231ss, vandps, vmovss;
    sum_f32, sum_abs_f32, sum_squares_f32, dot_f32, dot_singles
}
sums! {
    f64, 8, vaddpd, vaddsd, vfmadd231pd, vfmadd231sd, vandpd, vmovsd;
    sum_f64, sum_abs_f64, sum_squares_f64, dot_f64, dot_doubles
}
