//! Functions of two slices, and of a slice and a number.

use peach_runtime::peach_fn;

/// For each function of a type, how an operation makes `to` of `x` and `y`, with two registers to
/// spare; the same for one element in plain Rust.
macro_rules! binary {
    ($(
        $type:ident $size:literal $load:ident $is_float:literal {$(
            $name:ident $scalar:ident $what:literal
            |$to:ident, $x:ident, $y:ident, $t:ident| { $($op:tt)* } $plain:expr;
        )*}
    )*) => {
        pub mod functions {
            $($(
                #[doc = concat!("`to[i]` becomes ", $what, ", where `y` stands for `y[i]`.")]
                ///
                /// # Panics
                ///
                /// Where the lengths differ.
                pub fn $name(x: &[$type], y: &[$type], to: &mut [$type]) {
                    let lengths = [y.len(), to.len()];
                    assert!(lengths == [x.len(); 2], "slices of different lengths");
                    super::kernels::$name(x, y, to);
                }

                #[doc = concat!("`to[i]` becomes ", $what, ".")]
                ///
                /// # Panics
                ///
                /// Where the lengths differ.
                pub fn $scalar(x: &[$type], y: $type, to: &mut [$type]) {
                    assert!(x.len() == to.len(), "slices of different lengths");
                    super::kernels::$scalar(x, y, to);
                }
            )*)*
        }

        pub(crate) mod kernels {
            use super::{greater, lesser, peach_fn};

            $($(peach_fn! {
                const S = $size;
                const N = 32 / S;

                inline fn operate($to: ymm, $x: ymm, $y: operand, $t: [ymm; 2]) { $($op)* }
                inline fn operate_once($to: xmm, $x: xmm, $y: operand, $t: [xmm; 2]) { $($op)* }

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

                // Of the first `n` elements. Second operands are at `y`, or all are `number`.
                inline fn each(x: gp64, y: gp64, number: ymm, to: gp64, n: gp64, has_slice: const) {
                    let i, left: gp64;
                    mov left, n;
                    xor i.gp32, i.gp32;
                    let v: [ymm; 4];
                    let spare: [ymm; 2] = undefined;
                    let spare_once: [xmm; 2] = undefined;
                    inline fn apply(v: ymm, at: gp64, plus: const) {
                        if has_slice { operate(v, v, [y + S*at + plus], spare); }
                        if !has_slice { operate(v, v, number, spare); }
                    }
                    'fours: {
                        cmp left, 4 * N;
                        jb break 'fours;
                        for k in 0..4 { vmovdqu v[k], [x + S*i + 32*k]; }
                        for k in 0..4 { apply(v[k], i, 32 * k); }
                        for k in 0..4 { vmovdqu [to + S*i + 32*k], v[k]; }
                        add i, 4 * N;
                        sub left, 4 * N;
                        jmp continue 'fours;
                    }
                    'ones: {
                        cmp left, N;
                        jb break 'ones;
                        vmovdqu v[0], [x + S*i];
                        apply(v[0], i, 0);
                        vmovdqu [to + S*i], v[0];
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
                    vmovdqu v[0], [x + S*n];
                    apply(v[0], n, 0);
                    vmovdqu [to + S*n], v[0];
                    jmp 'done;
                    'elements:
                    'next: {
                        load(v[0].xmm, [x + S*i]);
                        if has_slice {
                            load(v[1].xmm, [y + S*i]);
                            operate_once(v[0].xmm, v[0].xmm, v[1].xmm, spare_once);
                        }
                        if !has_slice {
                            operate_once(v[0].xmm, v[0].xmm, number.xmm, spare_once);
                        }
                        store([to + S*i], v[0].xmm);
                        inc i;
                        cmp i, n;
                        jb continue 'next;
                    }
                    'done:
                }

                #[target_feature(enable = "avx2")]
                pub(crate) fn $name(x: &[$type], y: &[$type], to: &mut [$type]) {
                    let n: gp64;
                    mov n, x.len;
                    cmp n, y.len;
                    cmova n, y.len;
                    cmp n, to.len;
                    cmova n, to.len;
                    let none: ymm = undefined;
                    each(x.ptr, y.ptr, none, to.ptr, n, true);
                }
                #[fallback]
                pub(crate) fn $name(x: &[$type], y: &[$type], to: &mut [$type]) {
                    let plain: fn($type, $type) -> $type = $plain;
                    for ((to, x), y) in to.iter_mut().zip(x).zip(y) {
                        *to = plain(*x, *y);
                    }
                }

                #[target_feature(enable = "avx2")]
                pub(crate) fn $scalar(x: &[$type], y: $type, to: &mut [$type]) {
                    let number: ymm;
                    if $is_float { $load number, y; }
                    if !$is_float {
                        if S == 8 { vmovq number.xmm, y.gp64; }
                        if S == 1 { movzx y.gp32, y.gp8; }
                        if S == 2 { movzx y.gp32, y.gp16; }
                        if S < 8 { vmovd number.xmm, y.gp32; }
                        $load number, number.xmm;
                    }
                    let n: gp64;
                    mov n, x.len;
                    cmp n, to.len;
                    cmova n, to.len;
                    each(x.ptr, x.ptr, number, to.ptr, n, false);
                }
                #[fallback]
                pub(crate) fn $scalar(x: &[$type], y: $type, to: &mut [$type]) {
                    let plain: fn($type, $type) -> $type = $plain;
                    for (to, x) in to.iter_mut().zip(x) {
                        *to = plain(*x, y);
                    }
                }
            })*)*
        }
    };
}

binary! {
    i8 1 vpbroadcastb false {
        add_i8 add_scalar_i8 "`x[i] + y`"
            |to, x, y, t| { vpaddb to, x, y; } i8::wrapping_add;
        subtract_i8 subtract_scalar_i8 "`x[i] - y`"
            |to, x, y, t| { vpsubb to, x, y; } i8::wrapping_sub;
        multiply_i8 multiply_scalar_i8 "`x[i] * y`"
            |to, x, y, t| {
                vpmullw t[0], x, y;
                vpsrlw t[1], x, 8;
                vmovdqu to, y;
                vpsrlw to, to, 8;
                vpmullw to, to, t[1];
                vpsllw to, to, 8;
                vpsllw t[0], t[0], 8;
                vpsrlw t[0], t[0], 8;
                vpor to, to, t[0];
            } i8::wrapping_mul;
        min_i8 min_scalar_i8 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpminsb to, x, y; } Ord::min;
        max_i8 max_scalar_i8 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vpmaxsb to, x, y; } Ord::max;
    }
    i16 2 vpbroadcastw false {
        add_i16 add_scalar_i16 "`x[i] + y`"
            |to, x, y, t| { vpaddw to, x, y; } i16::wrapping_add;
        subtract_i16 subtract_scalar_i16 "`x[i] - y`"
            |to, x, y, t| { vpsubw to, x, y; } i16::wrapping_sub;
        multiply_i16 multiply_scalar_i16 "`x[i] * y`"
            |to, x, y, t| { vpmullw to, x, y; } i16::wrapping_mul;
        min_i16 min_scalar_i16 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpminsw to, x, y; } Ord::min;
        max_i16 max_scalar_i16 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vpmaxsw to, x, y; } Ord::max;
    }
    i32 4 vpbroadcastd false {
        add_i32 add_scalar_i32 "`x[i] + y`"
            |to, x, y, t| { vpaddd to, x, y; } i32::wrapping_add;
        subtract_i32 subtract_scalar_i32 "`x[i] - y`"
            |to, x, y, t| { vpsubd to, x, y; } i32::wrapping_sub;
        multiply_i32 multiply_scalar_i32 "`x[i] * y`"
            |to, x, y, t| { vpmulld to, x, y; } i32::wrapping_mul;
        min_i32 min_scalar_i32 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpminsd to, x, y; } Ord::min;
        max_i32 max_scalar_i32 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vpmaxsd to, x, y; } Ord::max;
    }
    i64 8 vpbroadcastq false {
        add_i64 add_scalar_i64 "`x[i] + y`"
            |to, x, y, t| { vpaddq to, x, y; } i64::wrapping_add;
        subtract_i64 subtract_scalar_i64 "`x[i] - y`"
            |to, x, y, t| { vpsubq to, x, y; } i64::wrapping_sub;
        multiply_i64 multiply_scalar_i64 "`x[i] * y`"
            |to, x, y, t| {
                // The products of the lower halves, and the lower halves of the crossed ones.
                vpshufd t[0], y, 0b10_11_00_01;
                vpmulld t[0], t[0], x;
                vpsrlq t[1], t[0], 32;
                vpaddd t[0], t[0], t[1];
                vpsllq t[0], t[0], 32;
                vpmuludq to, x, y;
                vpaddq to, to, t[0];
            } i64::wrapping_mul;
        min_i64 min_scalar_i64 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpcmpgtq t[0], x, y; vblendvpd to, x, y, t[0]; } Ord::min;
        max_i64 max_scalar_i64 "the greater of `x[i]` and `y`"
            |to, x, y, t| {
                vpcmpgtq t[0], x, y;
                vmovdqu t[1], y;
                vblendvpd to, t[1], x, t[0];
            } Ord::max;
    }
    u8 1 vpbroadcastb false {
        add_u8 add_scalar_u8 "`x[i] + y`"
            |to, x, y, t| { vpaddb to, x, y; } u8::wrapping_add;
        subtract_u8 subtract_scalar_u8 "`x[i] - y`"
            |to, x, y, t| { vpsubb to, x, y; } u8::wrapping_sub;
        multiply_u8 multiply_scalar_u8 "`x[i] * y`"
            |to, x, y, t| {
                vpmullw t[0], x, y;
                vpsrlw t[1], x, 8;
                vmovdqu to, y;
                vpsrlw to, to, 8;
                vpmullw to, to, t[1];
                vpsllw to, to, 8;
                vpsllw t[0], t[0], 8;
                vpsrlw t[0], t[0], 8;
                vpor to, to, t[0];
            } u8::wrapping_mul;
        min_u8 min_scalar_u8 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpminub to, x, y; } Ord::min;
        max_u8 max_scalar_u8 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vpmaxub to, x, y; } Ord::max;
    }
    u16 2 vpbroadcastw false {
        add_u16 add_scalar_u16 "`x[i] + y`"
            |to, x, y, t| { vpaddw to, x, y; } u16::wrapping_add;
        subtract_u16 subtract_scalar_u16 "`x[i] - y`"
            |to, x, y, t| { vpsubw to, x, y; } u16::wrapping_sub;
        multiply_u16 multiply_scalar_u16 "`x[i] * y`"
            |to, x, y, t| { vpmullw to, x, y; } u16::wrapping_mul;
        min_u16 min_scalar_u16 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpminuw to, x, y; } Ord::min;
        max_u16 max_scalar_u16 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vpmaxuw to, x, y; } Ord::max;
    }
    u32 4 vpbroadcastd false {
        add_u32 add_scalar_u32 "`x[i] + y`"
            |to, x, y, t| { vpaddd to, x, y; } u32::wrapping_add;
        subtract_u32 subtract_scalar_u32 "`x[i] - y`"
            |to, x, y, t| { vpsubd to, x, y; } u32::wrapping_sub;
        multiply_u32 multiply_scalar_u32 "`x[i] * y`"
            |to, x, y, t| { vpmulld to, x, y; } u32::wrapping_mul;
        min_u32 min_scalar_u32 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vpminud to, x, y; } Ord::min;
        max_u32 max_scalar_u32 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vpmaxud to, x, y; } Ord::max;
    }
    u64 8 vpbroadcastq false {
        add_u64 add_scalar_u64 "`x[i] + y`"
            |to, x, y, t| { vpaddq to, x, y; } u64::wrapping_add;
        subtract_u64 subtract_scalar_u64 "`x[i] - y`"
            |to, x, y, t| { vpsubq to, x, y; } u64::wrapping_sub;
        multiply_u64 multiply_scalar_u64 "`x[i] * y`"
            |to, x, y, t| {
                // The products of the lower halves, and the lower halves of the crossed ones.
                vpshufd t[0], y, 0b10_11_00_01;
                vpmulld t[0], t[0], x;
                vpsrlq t[1], t[0], 32;
                vpaddd t[0], t[0], t[1];
                vpsllq t[0], t[0], 32;
                vpmuludq to, x, y;
                vpaddq to, to, t[0];
            } u64::wrapping_mul;
        min_u64 min_scalar_u64 "the lesser of `x[i]` and `y`"
            |to, x, y, t| {
                // As signed numbers, with the highest bits turned over.
                vpcmpeqd t[0], t[0], t[0];
                vpsllq t[0], t[0], 63;
                vpxor t[1], t[0], y;
                vpxor t[0], t[0], x;
                vpcmpgtq t[0], t[0], t[1];
                vblendvpd to, x, y, t[0];
            } Ord::min;
        max_u64 max_scalar_u64 "the greater of `x[i]` and `y`"
            |to, x, y, t| {
                // As signed numbers, with the highest bits turned over.
                vpcmpeqd t[0], t[0], t[0];
                vpsllq t[0], t[0], 63;
                vpxor t[1], t[0], y;
                vpxor t[0], t[0], x;
                vpcmpgtq t[0], t[0], t[1];
                vmovdqu t[1], y;
                vblendvpd to, t[1], x, t[0];
            } Ord::max;
    }
    f32 4 vbroadcastss true {
        add_f32 add_scalar_f32 "`x[i] + y`"
            |to, x, y, t| { vaddps to, x, y; } |x, y| x + y;
        subtract_f32 subtract_scalar_f32 "`x[i] - y`"
            |to, x, y, t| { vsubps to, x, y; } |x, y| x - y;
        multiply_f32 multiply_scalar_f32 "`x[i] * y`"
            |to, x, y, t| { vmulps to, x, y; } |x, y| x * y;
        min_f32 min_scalar_f32 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vminps to, x, y; } lesser;
        max_f32 max_scalar_f32 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vmaxps to, x, y; } greater;
    }
    f64 8 vbroadcastsd true {
        add_f64 add_scalar_f64 "`x[i] + y`"
            |to, x, y, t| { vaddpd to, x, y; } |x, y| x + y;
        subtract_f64 subtract_scalar_f64 "`x[i] - y`"
            |to, x, y, t| { vsubpd to, x, y; } |x, y| x - y;
        multiply_f64 multiply_scalar_f64 "`x[i] * y`"
            |to, x, y, t| { vmulpd to, x, y; } |x, y| x * y;
        min_f64 min_scalar_f64 "the lesser of `x[i]` and `y`"
            |to, x, y, t| { vminpd to, x, y; } lesser;
        max_f64 max_scalar_f64 "the greater of `x[i]` and `y`"
            |to, x, y, t| { vmaxpd to, x, y; } greater;
    }
}

/// As the processor's minimum.
fn lesser<T: PartialOrd>(x: T, y: T) -> T {
    if x < y { x } else { y }
}

/// As the processor's maximum.
fn greater<T: PartialOrd>(x: T, y: T) -> T {
    if x > y { x } else { y }
}
