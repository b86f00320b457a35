//! Sums, sums of absolute values and of squares, dot products.

use peach_runtime::peach_fn;

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
