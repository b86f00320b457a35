//! Functions of one slice.

use peach_runtime::peach_fn;

/// For each function of a type, how an operation makes `to` of `x`, with a register to spare; the
/// same for one element in plain Rust.
macro_rules! unary {
    ($(
        $type:ident $size:literal {$(
            $name:ident $what:literal
            |$to:ident, $x:ident, $t:ident| { $($op:tt)* } $plain:expr;
        )*}
    )*) => {
        pub mod functions {
            $($(
                #[doc = concat!("`to[i]` becomes ", $what, ".")]
                ///
                /// # Panics
                ///
                /// Where the lengths differ.
                pub fn $name(x: &[$type], to: &mut [$type]) {
                    assert!(x.len() == to.len(), "slices of different lengths");
                    super::kernels::$name(x, to);
                }
            )*)*
        }

        pub(crate) mod kernels {
            use super::peach_fn;

            $($(peach_fn! {
                const S = $size;
                const N = 32 / S;

                inline fn operate($to: ymm, $x: operand, $t: ymm) { $($op)* }
                inline fn operate_once($to: xmm, $x: operand, $t: xmm) { $($op)* }

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
                pub(crate) fn $name(x: &[$type], to: &mut [$type]) {
                    let i, n, left: gp64;
                    mov n, x.len;
                    cmp n, to.len;
                    cmova n, to.len;
                    mov left, n;
                    xor i.gp32, i.gp32;
                    let v: [ymm; 4];
                    let spare: ymm = undefined;
                    'fours: {
                        cmp left, 4 * N;
                        jb break 'fours;
                        for k in 0..4 { operate(v[k], [x.ptr + S*i + 32*k], spare); }
                        for k in 0..4 { vmovdqu [to.ptr + S*i + 32*k], v[k]; }
                        add i, 4 * N;
                        sub left, 4 * N;
                        jmp continue 'fours;
                    }
                    'ones: {
                        cmp left, N;
                        jb break 'ones;
                        operate(v[0], [x.ptr + S*i], spare);
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
                    operate(v[0], [x.ptr + S*n], spare);
                    vmovdqu [to.ptr + S*n], v[0];
                    jmp 'done;
                    'elements:
                    'next: {
                        load(v[0].xmm, [x.ptr + S*i]);
                        operate_once(v[1].xmm, v[0].xmm, spare.xmm);
                        store([to.ptr + S*i], v[1].xmm);
                        inc i;
                        cmp i, n;
                        jb continue 'next;
                    }
                    'done:
                }
                #[fallback]
                pub(crate) fn $name(x: &[$type], to: &mut [$type]) {
                    let plain: fn($type) -> $type = $plain;
                    for (to, x) in to.iter_mut().zip(x) {
                        *to = plain(*x);
                    }
                }
            })*)*
        }
    };
}

unary! {
    i8 1 {
        negate_i8 "`-x[i]`" |to, x, t| { vpxor to, to, to; vpsubb to, to, x; } i8::wrapping_neg;
        absolute_i8 "the absolute value of `x[i]`, of which that of the least number is itself"
            |to, x, t| { vpabsb to, x; } i8::wrapping_abs;
    }
    i16 2 {
        negate_i16 "`-x[i]`" |to, x, t| { vpxor to, to, to; vpsubw to, to, x; } i16::wrapping_neg;
        absolute_i16 "the absolute value of `x[i]`, of which that of the least number is itself"
            |to, x, t| { vpabsw to, x; } i16::wrapping_abs;
    }
    i32 4 {
        negate_i32 "`-x[i]`" |to, x, t| { vpxor to, to, to; vpsubd to, to, x; } i32::wrapping_neg;
        absolute_i32 "the absolute value of `x[i]`, of which that of the least number is itself"
            |to, x, t| { vpabsd to, x; } i32::wrapping_abs;
    }
    i64 8 {
        negate_i64 "`-x[i]`" |to, x, t| { vpxor to, to, to; vpsubq to, to, x; } i64::wrapping_neg;
        absolute_i64 "the absolute value of `x[i]`, of which that of the least number is itself"
            |to, x, t| {
                vpxor t, t, t;
                vpcmpgtq t, t, x;
                vpxor to, t, x;
                vpsubq to, to, t;
            } i64::wrapping_abs;
    }
    f32 4 {
        negate_f32 "`-x[i]`"
            |to, x, t| { vpcmpeqd t, t, t; vpslld t, t, 31; vxorps to, t, x; } |x| -x;
        absolute_f32 "the absolute value of `x[i]`"
            |to, x, t| { vpcmpeqd t, t, t; vpsrld t, t, 1; vandps to, t, x; } f32::abs;
    }
    f64 8 {
        negate_f64 "`-x[i]`"
            |to, x, t| { vpcmpeqd t, t, t; vpsllq t, t, 63; vxorpd to, t, x; } |x| -x;
        absolute_f64 "the absolute value of `x[i]`"
            |to, x, t| { vpcmpeqd t, t, t; vpsrlq t, t, 1; vandpd to, t, x; } f64::abs;
    }
}
