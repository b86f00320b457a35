//! `local fn`: kernels that call their own code, against plain Rust, in every convention and
//! embedding that runs here.

#![cfg(target_arch = "x86_64")]

use peach_runtime::peach_fn;
use peach_testing::processor::has;

/// The same kernels under a convention, in an embedding.
macro_rules! kernels {
    ($module:ident, $abi:literal, $embed:literal) => {
        mod $module {
            use super::peach_fn;

            peach_fn! {
                local fn mix(a: gp64, b: gp64) -> gp64 {
                    let t: gp64 = a;
                    imul t, b;
                    xor t, a;
                    return t;
                }

                local fn twice(a: gp64) -> (gp64, gp64) {
                    let x = mix(a, a);
                    let y = mix(x, a);
                    return (x, y);
                }

                /// Nested, at two depths, with values that live across.
                #[embed = $embed]
                pub extern $abi fn nested(x: u64, y: u64, z: u64) -> u64 {
                    let a = mix(x, y);
                    add a, z;
                    let (b, c) = twice(a);
                    push b;
                    let d = mix(b, c);
                    pop b;
                    add d, b;
                    add d, x;
                    sub d, y;
                    return d;
                }

                /// Used once: still a call, and pushes nothing.
                #[embed = $embed]
                pub extern $abi fn once(x: u64) -> u64 {
                    let b = mix(x, x);
                    return b;
                }

                local fn sum_of(p: gp64, n: gp64) -> gp64 {
                    let sum: gp64 = 0;
                    test n, n;
                    jz 'end;
                    'next: {
                        add sum, [p];
                        add p, 8;
                        dec n;
                        jnz continue 'next;
                    }
                    'end:
                    return sum;
                }

                /// Slices, proven at each use by itself; arguments are not changed by it.
                #[embed = $embed]
                pub extern $abi fn dot_of_sums(x: &[u64], y: &[u64]) -> u64 {
                    let a = sum_of(x.ptr, x.len);
                    let b = sum_of(y.ptr, y.len);
                    imul a, b;
                    add a, x.len;
                    add a, y.len;
                    return a;
                }

                local fn rotate(v: [gp64; 4], by: gp8) -> [gp64; 4] {
                    let last: gp64 = v[3];
                    v[3] = v[2]; v[2] = v[1]; v[1] = v[0]; v[0] = last;
                    rol v[0], by;
                    return v;
                }

                /// Arrays, a demand for `cl`, use in a loop.
                #[embed = $embed]
                pub extern $abi fn rotations(x: &mut [u64; 4], n: u32) {
                    let v: [gp64; 4];
                    for i in 0..4 { mov v[i], [x + 8*i]; }
                    test n, n;
                    jz 'end;
                    'next: {
                        let w = rotate(v, n.gp8);
                        for (to, from) in zip(v, w) { to = from; }
                        dec n;
                        jnz continue 'next;
                    }
                    'end:
                    for i in 0..4 { mov [x + 8*i], v[i]; }
                }

                local fn reversed(a: gp64) -> gp64 {
                    let bytes: [u8; 8];
                    mov [bytes], a;
                    let low: gp32; let high: gp32;
                    mov low, [bytes]; mov high, [bytes + 4];
                    bswap low; bswap high;
                    mov [bytes + 4], low; mov [bytes], high;
                    mov a, [bytes];
                    return a;
                }

                /// A stack variable of its own, beside those of the kernel.
                #[embed = $embed]
                pub extern $abi fn swapped(x: u64, y: u64) -> u64 {
                    let kept: [u64; 3];
                    mov [kept + 16], y;
                    let a = reversed(x);
                    let b = reversed(y);
                    xor a, b;
                    add a, [kept + 16];
                    return a;
                }

                local fn picked(i: gp64, a: gp64) -> gp64 {
                    const CASES: [label; 3] = ['case[0], 'case[1], 'case[2]];
                    let t: gp64; let to: gp64;
                    lea t, [CASES];
                    // SAFETY: the number is one of those of the cases. Where a jump through a table
                    // leads is not proven.
                    unsafe { movsxd to, dword [t + i*4]; add to, t; jmp to, CASES; }
                    'case[0]: inc a; jmp 'end;
                    'case[1]: add a, a; jmp 'end;
                    'case[2]: neg a;
                    'end:
                    return a;
                }

                /// A jump table in it.
                #[embed = $embed]
                pub extern $abi fn table(x: u64) -> u64 {
                    let sum: gp64 = 0;
                    let i: gp64 = 0;
                    'next: {
                        let y = picked(i, x);
                        add sum, y;
                        inc i;
                        cmp i, 3;
                        jb continue 'next;
                    }
                    i = 2;
                    let again = picked(i, x);
                    add sum, again;
                    return sum;
                }

                local fn halves(v: xmm) -> xmm {
                    let w: xmm = v;
                    movhlps w, v;
                    addps w, v;
                    return w;
                }

                /// Vectors that live across: of the Microsoft convention some are saved.
                #[embed = $embed]
                pub extern $abi fn lanes(x: &[f32; 16], y: &mut [f32; 16]) {
                    let v: [xmm; 4];
                    for i in 0..4 { movups v[i], [x + 16*i]; }
                    for i in 0..4 {
                        let s = halves(v[i]);
                        addps s, v[3];
                        movups [y + 16*i], s;
                    }
                    for i in 0..4 { addps v[0], v[i]; }
                    movups [y], v[0];
                }

                local fn many(a: gp64) -> gp64 {
                    let v: [gp64; 8];
                    for i in 0..8 { lea v[i], [a + i]; }
                    for i in 1..8 { imul v[0], v[i]; }
                    return v[0];
                }

                /// More values than registers.
                #[spill]
                #[embed = $embed]
                pub extern $abi fn spilled(x: u64) -> u64 {
                    let w: [gp64; 10];
                    for i in 0..10 { lea w[i], [x + 3*i]; }
                    let a = many(x);
                    for i in 0..10 { add a, w[i]; }
                    let b = many(a);
                    for i in 0..10 { xor b, w[i]; }
                    return b;
                }

                local fn fixed(a: gp64, b: gp64) -> (gp64, gp64) {
                    mov rax, a;
                    mul b;
                    return (rax, rdx);
                }

                /// Registers by name, which are changed at every use.
                #[embed = $embed]
                pub extern $abi fn products(x: u64, y: u64) -> u64 {
                    let (lo, hi) = fixed(x, y);
                    let (lo2, hi2) = fixed(hi, lo);
                    add lo2, lo;
                    adc hi2, hi;
                    xor lo2, hi2;
                    add lo2, x;
                    return lo2;
                }
            }
        }
    };
}

kernels!(sysv_mapped, "sysv64", "map");
kernels!(sysv_in_text, "sysv64", "text");
kernels!(win_mapped, "win64", "map");
kernels!(win_in_text, "win64", "text");

fn mix(a: u64, b: u64) -> u64 {
    a.wrapping_mul(b) ^ a
}

fn many(a: u64) -> u64 {
    (1..8).fold(a, |product, i| product.wrapping_mul(a.wrapping_add(i)))
}

const NUMBERS: [u64; 5] = [0, 1, 0x8000_0000_0000_0001, u64::MAX, 0x0123_4567_89ab_cdef];

/// Compares the kernels of a module with plain Rust.
macro_rules! compare {
    ($test:ident, $module:ident) => {
        #[test]
        fn $test() {
            for (x, y) in NUMBERS.into_iter().flat_map(|x| NUMBERS.map(|y| (x, y))) {
                let z = x.rotate_left(7) ^ y;
                let a = mix(x, y).wrapping_add(z);
                let (b, c) = (mix(a, a), mix(mix(a, a), a));
                let d = mix(b, c).wrapping_add(b).wrapping_add(x).wrapping_sub(y);
                assert_eq!($module::nested(x, y, z), d);
                assert_eq!($module::once(x), mix(x, x));
                let expected = (x.swap_bytes() ^ y.swap_bytes()).wrapping_add(y);
                assert_eq!($module::swapped(x, y), expected);
                let cases = [x.wrapping_add(1), x.wrapping_add(x), x.wrapping_neg()];
                let sum = cases.into_iter().fold(0, u64::wrapping_add);
                assert_eq!($module::table(x), sum.wrapping_add(x.wrapping_neg()), "{x}");
                let w: Vec<u64> = (0..10).map(|i| x.wrapping_add(3 * i)).collect();
                let a = w.iter().fold(many(x), |a, w| a.wrapping_add(*w));
                assert_eq!($module::spilled(x), w.iter().fold(many(a), |b, w| b ^ w));
                let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
                let p = wide(x, y);
                let q = wide((p >> 64) as u64, p as u64).wrapping_add(p);
                assert_eq!($module::products(x, y), (q as u64 ^ (q >> 64) as u64).wrapping_add(x));
            }
            for (m, n) in [(0, 0), (1, 0), (3, 5), (7, 2)] {
                let (x, y): (Vec<u64>, Vec<u64>) = ((1..=m).collect(), (5..5 + n).collect());
                let product = x.iter().sum::<u64>() * y.iter().sum::<u64>();
                assert_eq!($module::dot_of_sums(&x, &y), product + m + n);
            }
            for n in 0..9 {
                let mut found = [1, 2, 3, u64::MAX / 3];
                let mut expected = found;
                for by in (1..=n).rev() {
                    expected.rotate_right(1);
                    expected[0] = expected[0].rotate_left(by);
                }
                $module::rotations(&mut found, n);
                assert_eq!(found, expected, "{n}");
            }
            let x: [f32; 16] = std::array::from_fn(|i| (i * i) as f32);
            let mut found = [0.0; 16];
            $module::lanes(&x, &mut found);
            for i in 4..16 {
                let high = if i % 4 < 2 { i + 2 } else { i };
                assert_eq!(found[i], x[i] + x[high] + x[12 + i % 4], "{i}");
            }
        }
    };
}

compare!(sysv_kernels_that_are_mapped, sysv_mapped);
compare!(sysv_kernels_in_text, sysv_in_text);
compare!(win_kernels_that_are_mapped, win_mapped);
compare!(win_kernels_in_text, win_in_text);

peach_fn! {
    local fn add_all(acc: [ymm; 2], p: gp64) -> [ymm; 2] {
        for i in 0..2 { vpaddd acc[i], acc[i], [p + 32*i]; }
        return acc;
    }

    /// Upper halves are written in the local function alone.
    #[target_feature(enable = "avx2")]
    fn sum_avx2(x: &[u32; 48]) -> u32 {
        let acc: [ymm; 2];
        for a in acc { vpxor a, a, a; }
        for i in 0..3 {
            let p: gp64;
            lea p, [x + 64*i];
            let next = add_all(acc, p);
            for (a, n) in zip(acc, next) { a = n; }
        }
        vpaddd acc[0], acc[0], acc[1];
        let t: xmm;
        vextracti128 t, acc[0], 1;
        vpaddd t, t, acc[0].xmm;
        vpshufd xmm1, t, 0b1110;
        vpaddd t, t, xmm1;
        vpshufd xmm1, t, 1;
        vpaddd t, t, xmm1;
        let sum: gp32;
        vmovd sum, t;
        return sum;
    }
}

#[test]
fn wide_vectors_are_passed_and_cleared() {
    if !has("avx2", is_x86_feature_detected!("avx2")) {
        return;
    }
    let x: [u32; 48] = std::array::from_fn(|i| (i as u32).wrapping_mul(0x9e37_79b9));
    assert_eq!(sum_avx2(&x), x.iter().copied().fold(0, u32::wrapping_add));
}

/// A local function and its uses from fragments of a macro.
macro_rules! from_fragments {
    ($name:ident, $local:ident, $class:ident, $arg:expr, $result:ident, $body:tt) => {
        peach_fn! {
            local fn $local(a: $class) -> $class $body
            fn $name(x: u64) -> u64 { let $result = $local($arg); return $result; }
        }
    };
}

from_fragments!(by_macro, in_macro, gp64, x, y, {
    lea a, [a + a*2];
    return a;
});

#[test]
fn fragments_of_macros_are_invisible() {
    assert_eq!(by_macro(14), 42);
}

/// Families, versions and constants.
mod generated {
    use super::peach_fn;

    peach_fn! {
        const STEP: u64 = 3;

        for N in 1..=3 {
            local fn scaled_{N}(a: V) -> V {
                for _ in 0..N { add a, STEP; }
                return a;
            }

            #[version(enable = "sse4.1", V = gp64)]
            #[version(V = gp64)]
            pub fn add_{N}(x: u64) -> u64 {
                let a = scaled_{N}(x);
                let b = scaled_{N}(a);
                return b;
            }
        }
    }
}

#[test]
fn families_and_versions_have_their_own() {
    assert_eq!(generated::add_1(10), 16);
    assert_eq!(generated::add_2(10), 22);
    assert_eq!(generated::add_3(10), 28);
}

peach_fn! {
    local fn cubed(a: gp64) -> gp64 {
        let t: gp64 = a;
        imul t, a;
        imul t, a;
        return t;
    }

    /// In its caller: control goes on behind the local function.
    #[embed = "inline"]
    fn sum_of_cubes(x: u64, y: u64) -> u64 {
        let a = cubed(x);
        let b = cubed(y);
        test a, a;
        jz 'zero;
        add a, b;
        return a;
        'zero:
        return b;
    }
}

#[test]
fn code_in_its_caller_has_local_functions() {
    for (x, y) in [(0, 5), (1, 2), (3, 4), (7, 0)] {
        assert_eq!(sum_of_cubes(x, y), x * x * x + y * y * y);
    }
}
