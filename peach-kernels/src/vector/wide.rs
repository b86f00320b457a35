//! Functions of two slices whose results are twice as wide.

use peach_runtime::peach_fn;

/// For each function, the types of elements and results, the instruction that widens elements, how
/// an operation makes `to` of `x` and `y`; the same for one element in plain Rust.
macro_rules! wide {
    ($(
        $name:ident $type:ident $wide:ident $size:literal $widen:ident $what:literal
        |$to:ident, $x:ident, $y:ident| { $($op:tt)* } $plain:expr;
    )*) => {
        pub mod functions {
            $(
                #[doc = concat!("`to[i]` becomes ", $what, ", which does not wrap around.")]
                ///
                /// # Panics
                ///
                /// Where the lengths differ.
                pub fn $name(x: &[$type], y: &[$type], to: &mut [$wide]) {
                    let lengths = [y.len(), to.len()];
                    assert!(lengths == [x.len(); 2], "slices of different lengths");
                    super::kernels::$name(x, y, to);
                }
            )*
        }

        pub(crate) mod kernels {
            use super::peach_fn;

            $(peach_fn! {
                // Bytes of an element, and how many make a vector of results.
                const S = $size;
                const N = 16 / S;

                inline fn operate($to: ymm, $x: ymm, $y: ymm) { $($op)* }
                inline fn operate_once($to: xmm, $x: xmm, $y: xmm) { $($op)* }

                // One element, in the lowest lane.
                inline fn load(v: xmm, from: operand) {
                    if S == 1 { vpxor v, v, v; vpinsrb v, v, from, 0; }
                    if S == 2 { vpxor v, v, v; vpinsrw v, v, from, 0; }
                    if S == 4 { vmovd v, from; }
                }
                inline fn store(to: operand, v: xmm) {
                    if S == 1 { vpextrw to, v, 0; }
                    if S == 2 { vmovd to, v; }
                    if S == 4 { vmovq to, v; }
                }

                #[target_feature(enable = "avx2")]
                pub(crate) fn $name(x: &[$type], y: &[$type], to: &mut [$wide]) {
                    let i, n, left: gp64;
                    mov n, x.len;
                    cmp n, y.len;
                    cmova n, y.len;
                    cmp n, to.len;
                    cmova n, to.len;
                    mov left, n;
                    xor i.gp32, i.gp32;
                    let v, w: [ymm; 2];
                    'twos: {
                        cmp left, 2 * N;
                        jb break 'twos;
                        for k in 0..2 { $widen v[k], [x.ptr + S*i + 16*k]; }
                        for k in 0..2 { $widen w[k], [y.ptr + S*i + 16*k]; }
                        for k in 0..2 { operate(v[k], v[k], w[k]); }
                        for k in 0..2 { vmovdqu [to.ptr + 2*S*i + 32*k], v[k]; }
                        add i, 2 * N;
                        sub left, 2 * N;
                        jmp continue 'twos;
                    }
                    cmp left, N;
                    jb 'few;
                    $widen v[0], [x.ptr + S*i];
                    $widen w[0], [y.ptr + S*i];
                    operate(v[0], v[0], w[0]);
                    vmovdqu [to.ptr + 2*S*i], v[0];
                    add i, N;
                    sub left, N;
                    'few:
                    test left, left;
                    jz 'done;
                    cmp n, N;
                    jb 'elements;
                    // The last vector again has elements that are done: they get the same value.
                    sub n, N;
                    $widen v[0], [x.ptr + S*n];
                    $widen w[0], [y.ptr + S*n];
                    operate(v[0], v[0], w[0]);
                    vmovdqu [to.ptr + 2*S*n], v[0];
                    jmp 'done;
                    'elements:
                    'next: {
                        load(v[0].xmm, [x.ptr + S*i]);
                        load(w[0].xmm, [y.ptr + S*i]);
                        $widen v[0].xmm, v[0].xmm;
                        $widen w[0].xmm, w[0].xmm;
                        operate_once(v[0].xmm, v[0].xmm, w[0].xmm);
                        store([to.ptr + 2*S*i], v[0].xmm);
                        inc i;
                        cmp i, n;
                        jb continue 'next;
                    }
                    'done:
                }
                #[fallback]
                pub(crate) fn $name(x: &[$type], y: &[$type], to: &mut [$wide]) {
                    let plain: fn($wide, $wide) -> $wide = $plain;
                    for ((to, x), y) in to.iter_mut().zip(x).zip(y) {
                        *to = plain((*x).into(), (*y).into());
                    }
                }
            })*
        }
    };
}

wide! {
    widen_add_i8 i8 i16 1 vpmovsxbw "`x[i] + y[i]`"
        |to, x, y| { vpaddw to, x, y; } |x, y| x + y;
    widen_subtract_i8 i8 i16 1 vpmovsxbw "`x[i] - y[i]`"
        |to, x, y| { vpsubw to, x, y; } |x, y| x - y;
    widen_multiply_i8 i8 i16 1 vpmovsxbw "`x[i] * y[i]`"
        |to, x, y| { vpmullw to, x, y; } |x, y| x * y;
    widen_add_u8 u8 u16 1 vpmovzxbw "`x[i] + y[i]`"
        |to, x, y| { vpaddw to, x, y; } |x, y| x + y;
    widen_multiply_u8 u8 u16 1 vpmovzxbw "`x[i] * y[i]`"
        |to, x, y| { vpmullw to, x, y; } |x, y| x * y;
    widen_add_i16 i16 i32 2 vpmovsxwd "`x[i] + y[i]`"
        |to, x, y| { vpaddd to, x, y; } |x, y| x + y;
    widen_subtract_i16 i16 i32 2 vpmovsxwd "`x[i] - y[i]`"
        |to, x, y| { vpsubd to, x, y; } |x, y| x - y;
    widen_multiply_i16 i16 i32 2 vpmovsxwd "`x[i] * y[i]`"
        |to, x, y| { vpmulld to, x, y; } |x, y| x * y;
    widen_add_u16 u16 u32 2 vpmovzxwd "`x[i] + y[i]`"
        |to, x, y| { vpaddd to, x, y; } |x, y| x + y;
    widen_multiply_u16 u16 u32 2 vpmovzxwd "`x[i] * y[i]`"
        |to, x, y| { vpmulld to, x, y; } |x, y| x * y;
    widen_add_i32 i32 i64 4 vpmovsxdq "`x[i] + y[i]`"
        |to, x, y| { vpaddq to, x, y; } |x, y| x + y;
    widen_subtract_i32 i32 i64 4 vpmovsxdq "`x[i] - y[i]`"
        |to, x, y| { vpsubq to, x, y; } |x, y| x - y;
    widen_multiply_i32 i32 i64 4 vpmovsxdq "`x[i] * y[i]`"
        |to, x, y| { vpmuldq to, x, y; } |x, y| x * y;
    widen_add_u32 u32 u64 4 vpmovzxdq "`x[i] + y[i]`"
        |to, x, y| { vpaddq to, x, y; } |x, y| x + y;
    widen_multiply_u32 u32 u64 4 vpmovzxdq "`x[i] * y[i]`"
        |to, x, y| { vpmuludq to, x, y; } |x, y| x * y;
}
