//! `invariant`, `old` and `declassify` of fragments: in loops, helpers, unrolled loops, local
//! functions, versions and families.

use peach_runtime::peach_fn;

macro_rules! proven {
    ($name:ident, $keep:ident, $low:ident, $i:ident, $sum:tt, $bound:expr, $zero:literal,
     $old:expr, $length:expr, $all:expr, $pair:tt, $loop:lifetime, $features:literal) => {
        peach_fn! {
            inline fn $keep(a: gp64, n: const) -> gp64 {
                let $i: gp64 = a;
                invariant $i == old(a), a >= n - n, $zero <= a, $i - $zero * $bound == a;
                return $i;
            }
            local fn $low(a: gp64) -> gp64 {
                and a, $bound;
                invariant a <= $bound, -$bound <= -a;
                return a;
            }
            #[version(enable = $features, W = $bound)]
            #[version(W = $bound)]
            fn $name(x: &[u64]) -> u64 {
                let $i, $sum: gp64 = $zero;
                let t: gp64;
                $loop: {
                    invariant $all, $i <= $length, 2 * $i <= W * $length, $old == $length, $pair;
                    invariant $i + ($bound - $bound) >= $zero, $bound - 1 < W, (1 << $bound) > W;
                    cmp $i, x.len;
                    je break $loop;
                    for k in 0..2 { invariant k * $i <= $bound * $length; }
                    mov t, [x.ptr + 8*$i];
                    let kept = $keep(t, $bound);
                    let low = $low(kept);
                    add $sum, low;
                    inc $i;
                    jmp continue $loop;
                }
                return $sum;
            }
        }
    };
}
proven!(
    proven, keep, low, i, sum, 3 + 4, 0, old(x.len), x.len, i <= x.len, (i <= x.len), 'next, "avx2"
);

/// Two pointers of which one moves by `$step`, a kernel for each step.
macro_rules! family {
    ($name:ident, $first:expr, $last:expr, $p:ident, $old:expr, $loop:lifetime) => {
        peach_fn! {
            for STEP in $first..=$last {
                fn $name{STEP}(x: &[u8]) -> u64 {
                    let $p, n, sum, t: gp64 = 0;
                    mov $p, x.ptr;
                    mov n, x.len;
                    shr n, STEP;
                    $loop: {
                        invariant $p + (1 << STEP) * n <= x.ptr + x.len, $p >= $old;
                        test n, n;
                        jz break $loop;
                        movzx t.gp32, byte [$p];
                        add sum, t;
                        inc $p;
                        dec n;
                        test t, 1;
                        jz continue $loop;
                        add $p, (1 << STEP) - $first;
                        jmp continue $loop;
                    }
                    return sum;
                }
            }
        }
    };
}
family!(stepped_, 2 - 1, 1 + 1, p, old(x.ptr), 'next);

macro_rules! declassified {
    ($name:ident, $helper:ident, $x:expr, $view:expr, $half:expr, $array:expr, $element:expr,
     $i:ident, $buffer:tt, $out:lifetime) => {
        peach_fn! {
            inline fn $helper($i: gp64) { declassify $i; }
            local fn shown(a: gp64) -> gp64 { declassify a; return a; }
            fn $name(#[secret] x: u64, #[secret] wide: u128) -> u64 {
                let a: [gp64; 2];
                let $buffer: u64;
                mov a[0], x;
                mov a[1], x;
                mov [$buffer], x;
                declassify $view, $half;
                test x.gp32, wide.lo.gp32;
                jz $out;
                declassify $array;
                declassify $element, $buffer;
                cmp a[0], [$buffer];
                jne $out;
                $helper(wide.hi);
                let y = shown(x);
                declassify $x;
                test y, wide.hi;
                jz $out;
                for $i in 0..2 { declassify a[$i]; test x, a[$i]; jz $out; }
                return y;
                $out: return 0;
            }
        }
    };
}
declassified!(declassified, show, x, x.gp32, wide.lo, a[0..1], a[1], i, buffer, 'out);

#[test]
fn sums() {
    for len in 0..40 {
        let x: Vec<u64> = (0..len).map(|i| i * 37).collect();
        assert_eq!(proven(&x), x.iter().map(|x| x & 7).sum::<u64>());
    }
}

#[test]
fn steps() {
    let expected = |x: &[u8], step: u32| {
        let (mut at, mut sum) = (0, 0);
        for _ in 0..x.len() >> step {
            sum += u64::from(x[at]);
            at += if x[at] & 1 == 1 { 1 << step } else { 1 };
        }
        sum
    };
    for len in 0..40 {
        let x: Vec<u8> = (0..len).map(|i| (i * 7 % 5) as u8).collect();
        assert_eq!((stepped_1(&x), stepped_2(&x)), (expected(&x, 1), expected(&x, 2)), "{len}");
    }
}

#[test]
fn what_is_public() {
    let all = u128::MAX;
    assert_eq!((declassified(3, all), declassified(0, all), declassified(3, 0)), (3, 0, 0));
}
