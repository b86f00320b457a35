//! Every construct of the kernel language, run: the result of each kernel against plain Rust, in
//! the target's own convention and in the Microsoft one.

use peach_testing::processor::runs;
use std::mem::{offset_of, size_of};

/// What `sym` and `const { … }` refer to.
pub static ANSWER: u64 = 42;
/// A constant of the Rust program.
pub const STRIDE: usize = 24;

/// A type with a layout that rustc knows.
#[repr(C)]
pub struct Record {
    /// Not read.
    pub tag: u32,
    /// Read by a kernel.
    pub value: u64,
}

/// Called by a kernel.
pub extern "sysv64" fn triple_sysv64(x: u64) -> u64 {
    3 * x
}

/// Called by a kernel.
pub extern "win64" fn triple_win64(x: u64) -> u64 {
    3 * x
}

macro_rules! kernels {
    ($module:ident, $abi:literal, $first:ident, $triple:ident) => {
        mod $module {
            use peach_runtime::peach_fn;

            peach_fn! {
                const TABLE: [u32; 4] = [10, 20, 30, 40];
                const BYTES: [u8; 5] = *b"peach";
                const MIXED: [f32; 2] = [0.5, -2.0];
                const LANES = 4;
                const TENTH: f32 = 0.1;

                #[target_feature(enable = "sse4.1")]
                pub extern $abi fn dot4(x: &[f32; LANES], y: &[f32; 4]) -> f32 {
                    let v: xmm;
                    movups v, [x];
                    movups xmm2, [y];
                    dpps v, xmm2, 0xF1;
                    return v;
                }

                // As C has it: what a raw pointer leads to is not proven.
                pub unsafe extern $abi fn sum(p: *const u64, n: u64) -> u64 {
                    let total: gp64 = 0;
                    test n, n;
                    jz 'done;
                    'next: {
                        add total, [p];
                        add p, 8;
                        dec n;
                        jnz continue 'next;
                    }
                    'done: return total;
                }

                pub extern $abi fn sum_slice(x: &[u32]) -> u64 {
                    let total: gp64 = 0;
                    let t: gp32;
                    'all: {
                        test x.len, x.len;
                        jz break 'all;
                        mov t, [x.ptr];
                        add total, t.gp64;
                        add x.ptr, 4;
                        dec x.len;
                        jmp continue 'all;
                    }
                    return total;
                }

                pub extern $abi fn table_sum() -> u32 {
                    let t: gp32 = [TABLE];
                    add t, [TABLE + 4*1];
                    add t, TABLE[2];
                    for x in TABLE { add t, x; }
                    add t, len(TABLE);
                    return t;
                }

                pub extern $abi fn table_byte(i: u64) -> u8 {
                    let t: gp64;
                    let r: gp8;
                    lea t, [BYTES];
                    xor r, r;
                    cmp i, len(BYTES);
                    jae 'none;
                    mov r, [t + i];
                    'none: return r;
                }

                pub extern $abi fn wide_sum(a: u128, b: u128) -> u128 {
                    add a.lo, b.lo;
                    adc a.hi, b.hi;
                    return a;
                }

                pub extern $abi fn div_rem(a: u64, b: u64) -> (u64, u64) {
                    // SAFETY: callers know that `b` is not 0, the proof does not.
                    unsafe {
                        rax = a;
                        xor edx, edx;
                        div b;
                    }
                    return (rax, rdx);
                }

                pub extern $abi fn float_pair(a: f32, b: f32) -> (f32, f32) {
                    let s: xmm = a;
                    addss s, b;
                    subss a, b;
                    return (s, a);
                }

                pub extern $abi fn nine(a: u8, b: i16, c: u32, d: i64, e: f32, f: f64, g: u64, h: i8, i: u16) -> i64 {
                    let t: gp64;
                    let u: gp32;
                    movzx u, a;       lea d, [d + u.gp64];
                    movsx t, b;       add d, t;
                    mov u, c;         add d, u.gp64;
                    cvttss2si t, e;   add d, t;
                    cvttsd2si t, f;   add d, t;
                    add d, g;
                    movsx t, h;       add d, t;
                    movzx u, i;       add d, u.gp64;
                    return d;
                }

                pub extern $abi fn constants(which: u32) -> f64 {
                    let x: xmm = f64(0.1);
                    cmp which, 1;
                    jb 'tenth;
                    je 'one;
                    pxor x, x;
                    cvtss2sd x, f32(TENTH);
                    'tenth: return x;
                    'one: return 1.5;
                }

                pub extern $abi fn bits_of() -> u64 {
                    let r: gp64;
                    mov r, bits(1.5);
                    return r;
                }

                pub extern $abi fn parity(x: u64) -> bool {
                    let r: gp8;
                    test x, 1;
                    setnz r;
                    return r;
                }

                pub extern $abi fn yes() -> bool { return true; }

                pub extern $abi fn minus_one() -> i8 { return -1; }

                pub extern $abi fn stack(x: u64) -> u64 {
                    let buf: [u64; 4];
                    let one: u32 align 64;
                    for i in 0..4 { lea rax, [x + i]; mov [buf + 8*i], rax; }
                    mov dword [one], 7;
                    mov rax, [buf];
                    for i in 1..4 { add rax, [buf + 8*i]; }
                    mov ecx, [one];
                    add rax, rcx;
                    return rax;
                }

                pub extern $abi fn shift(x: u64, count: u8) -> u64 {
                    shl x, count;
                    return x;
                }

                pub extern $abi fn dispatch(i: u64) -> u64 {
                    let t: gp64;
                    const CASES: [label; 4] = ['case[0], 'case[1], 'case[2], 'last];
                    and i, 3;
                    lea t, [CASES];
                    movsxd i, dword [t + i*4];
                    add i, t;
                    // SAFETY: `i` is one of the cases. Where a jump through a table leads is not proven.
                    unsafe { jmp i, CASES; }
                    for k in 0..3 { 'case[k]: return k * 10; }
                    'last: return 99;
                }

                pub extern $abi fn scale(dst: &mut [f32; 16], src: &[f32; 16], factor: f32) {
                    let v: [xmm; 4];
                    shufps factor, factor, 0;
                    stream loads { for i in 0..4 { movups v[i], [src + 16*i]; } }
                    stream work { for r in v { mulps r, factor; } }
                    stream stores { for (i, r) in zip(0..4, v) { movups [dst + i*16], r; } }
                    issue loads, 2;
                    issue work;
                    interleave loads, work;
                    emit stores[0];
                    emit stores[1..len(stores)];
                }

                inline fn store(op: mnemonic, p: operand, v: [xmm; 2]) {
                    for i in 0..2 { op [p + 16*i], v[i]; }
                }
                inline fn fetch(p: gp64) -> gp64 {
                    let t: gp64;
                    mov t, [p];
                    add p, 8;
                    return t;
                }
                inline fn power(x: gp64, r: gp64, n: const) {
                    if n > 0 {
                        imul r, x;
                        power(x, r, n - 1);
                    }
                }
                inline fn skip_if_zero(x: gp64, out: label) {
                    test x, x;
                    jnz 'go;
                    jmp out;
                    'go:
                }
                inline fn add_any(r: gp64, m: operand) { add r, m; }

                pub extern $abi fn helpers(dst: &mut [u32; 8], src: &[u64; 3]) -> u64 {
                    let z: [xmm; 3];
                    for r in z { pxor r, r; }
                    pcmpeqd z[1], z[1];
                    store(movups, dst, z[1..3]);
                    let a = fetch(src);
                    let b: gp64 = fetch(src);
                    let r: gp64 = 1;
                    skip_if_zero(a, 'zero);
                    power(a, r, 3);
                    add_any(r, b);
                    add_any(r, [src]);
                    add_any(r, 1000);
                    add_any(r, u64(10000));
                    return r;
                    'zero: return 0;
                }

                // Only rustc knows the offset of a field, and what a symbol's address leads to.
                pub unsafe extern $abi fn rust_constants(r: *const super::Record) -> u64 {
                    let t: gp64 = [r + const { super::offset_of!(super::Record, value) }];
                    add t, const { super::STRIDE };
                    let u: gp64 = const { super::size_of::<super::Record>() as u64 };
                    add t, u;
                    mov u, sym super::ANSWER;
                    add t, [u];
                    return t;
                }

                // What is called is not proven.
                pub unsafe extern $abi fn calls(x: u64) -> u64 {
                    let keep: gp64 = x;
                    $first = x;
                    call sym super::$triple;
                    add rax, keep;
                    return rax;
                }

                pub extern $abi fn pushes(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 {
                    push a;
                    push b;
                    add a, g;
                    pop c;
                    pop d;
                    sub c, d;
                    add a, c;
                    add a, e;
                    add a, f;
                    return a;
                }

                pub extern $abi fn swap_names(a: u64, b: u64) -> u64 {
                    let (a, b) = (b, a);
                    sub a, b;
                    return a;
                }

                pub extern $abi fn while_loop() -> u32 {
                    let r: gp32 = 0;
                    let mut bit: const = 0;
                    while bit < 32 { or r, 1 << bit; bit += 7; }
                    return r;
                }

                pub extern $abi fn high_byte(x: u32) -> u32 {
                    let r: gp32;
                    movzx r, x.gp8h;
                    return r;
                }

                pub extern $abi fn first<'a>(x: &'a u64, _y: &u64) -> &'a u64 { return x; }

                pub extern $abi fn store_all(x: &mut [u16; 8], v: u16) {
                    let t: gp32;
                    movzx t, v;
                    for i in 0..8 { mov [x + 2*i], t.gp16; }
                }

                pub extern $abi fn vector_result(x: f32) -> core::arch::x86_64::__m128 {
                    shufps x, x, 0;
                    addps x, f32x4(1.0, 2.0, 3.0, 4.0);
                    return x;
                }

                #[target_feature(enable = "avx2")]
                pub extern $abi fn eight(x: &[i32; 8]) -> i32 {
                    let v: ymm = [x];
                    vpaddd v, v, i32x8(0, 1, 2, 3, 4, 5, 6, 7);
                    let hi: xmm;
                    vextracti128 hi, v, 1;
                    vpaddd hi, hi, v.xmm;
                    vphaddd hi, hi, hi;
                    vphaddd hi, hi, hi;
                    let r: gp32;
                    vmovd r, hi;
                    return r;
                }

                // The mask is all ones, so the gather is the first write of its destination. Which
                // elements it reads is not proven: the indices are in a vector.
                #[target_feature(enable = "avx2")]
                pub unsafe extern $abi fn gathered(p: *const i32, at: &[i32; 8], rounds: u64) -> i32 {
                    let index: ymm = [at];
                    let ones: ymm;
                    let total: ymm;
                    vpcmpeqd ones, ones, ones;
                    vpxor total, total, total;
                    'round: {
                        let mask: ymm = ones;
                        let v: ymm;
                        vpgatherdd v, [p + 4*index], mask;
                        vpaddd total, total, v;
                        dec rounds;
                        jnz continue 'round;
                    }
                    let high: xmm;
                    vextracti128 high, total, 1;
                    vpaddd high, high, total.xmm;
                    vphaddd high, high, high;
                    vphaddd high, high, high;
                    vmovd eax, high;
                    return eax;
                }

                #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
                pub extern $abi fn masked(x: &[u32; 16], m: u16) -> u32 {
                    let k: k;
                    let wide: gp32; movzx wide, m; kmovw k, wide;
                    let v: zmm;
                    vmovdqu32 v{k}{z}, [x];
                    vpaddd v{k}{z}, v, u32(1){1to16};
                    let h: ymm;
                    vextracti64x4 h, v, 1;
                    vpaddd h, h, v.ymm;
                    let q: xmm;
                    vextracti128 q, h, 1;
                    vpaddd q, q, h.xmm;
                    vphaddd q, q, q;
                    vphaddd q, q, q;
                    let r: gp32;
                    vmovd r, q;
                    return r;
                }

                #[version(enable = "avx2", V = ymm, W = 32)]
                #[version(enable = "avx", V = xmm, W = 16)]
                pub extern $abi fn width() -> u32 {
                    let v: V;
                    vpxor v.xmm, v.xmm, v.xmm;
                    return W;
                }
                #[fallback]
                pub fn width() -> u32 { 0 }

                for B in 1..=3 {
                    pub extern $abi fn times_{B}(x: u64) -> u64 {
                        let r: gp64 = 0;
                        for i in 0..B { add r, x; }
                        return r;
                    }
                }
            }
        }

        #[test]
        fn $module() {
            use $module::*;
            assert_eq!(dot4(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]), 70.0);
            let numbers: Vec<u64> = (1..=100).collect();
            // SAFETY: the pointer is good for 100 numbers.
            assert_eq!(unsafe { sum(numbers.as_ptr(), 100) }, 5050);
            assert_eq!(sum_slice(&[u32::MAX, 2, 3]), u64::from(u32::MAX) + 5);
            assert_eq!(sum_slice(&[]), 0);
            assert_eq!(table_sum(), 10 + 20 + 30 + 100 + 4);
            assert_eq!((0..5).map(table_byte).collect::<Vec<u8>>(), b"peach");
            let (a, b) = (u128::from(u64::MAX) * 3 + 5, u128::MAX / 3);
            assert_eq!(wide_sum(a, b), a.wrapping_add(b));
            assert_eq!(div_rem(1000, 7), (142, 6));
            assert_eq!(float_pair(2.5, 1.0), (3.5, 1.5));
            assert_eq!(nine(200, -3, 5, -100, 2.5, -7.25, 1000, -8, 60000), 200 - 3 + 5 - 100 + 2 - 7 + 1000 - 8 + 60000);
            assert_eq!(constants(0), 0.1);
            assert_eq!(constants(1), 1.5);
            assert_eq!(constants(2), f64::from(0.1f32));
            assert_eq!(bits_of(), 1.5f64.to_bits());
            assert!(parity(3) && !parity(4) && yes());
            assert_eq!(minus_one(), -1);
            assert_eq!(stack(10), 10 + 11 + 12 + 13 + 7);
            assert_eq!(shift(5, 3), 40);
            assert_eq!([0, 1, 2, 3].map(dispatch), [0, 10, 20, 99]);
            let source: [f32; 16] = std::array::from_fn(|i| i as f32);
            let mut target = [0.0f32; 16];
            scale(&mut target, &source, 2.5);
            assert_eq!(target, source.map(|x| x * 2.5));
            let mut out = [7u32; 8];
            let r = helpers(&mut out, &[3, 4, 5]);
            assert_eq!((r, out), (27 + 4 + 5 + 11000, [u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0, 0, 0, 0]));
            assert_eq!(helpers(&mut out, &[0, 4, 5]), 0);
            let record = Record { tag: 1, value: 1000 };
            // SAFETY: a reference to a record.
            let value = unsafe { rust_constants(&record) };
            assert_eq!(value, 1000 + STRIDE as u64 + size_of::<Record>() as u64 + ANSWER);
            assert_eq!((record.tag, offset_of!(Record, value)), (1, 8));
            // SAFETY: the function that it calls is safe.
            assert_eq!(unsafe { calls(14) }, 56);
            assert_eq!(pushes(1, 20, 3, 4, 5, 6, 700), 701 + 19 + 11);
            assert_eq!(swap_names(3, 10), 7);
            assert_eq!(while_loop(), 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28);
            assert_eq!(high_byte(0x12345678), 0x56);
            assert_eq!(*first(&5, &6), 5);
            let mut words = [0; 8];
            store_all(&mut words, 0xABCD);
            assert_eq!(words, [0xABCD; 8]);
            // SAFETY: every bit pattern is four floats.
            let lanes: [f32; 4] = unsafe { std::mem::transmute(vector_result(10.0)) };
            assert_eq!(lanes, [11.0, 12.0, 13.0, 14.0]);
            if runs(eight::KERNEL.try_get()) {
                assert_eq!(eight(&[1, 2, 3, 4, 5, 6, 7, 8]), 36 + 28);
            }
            if runs(gathered::KERNEL.try_get()) {
                let source: Vec<i32> = (0..100).map(|i| i * i).collect();
                let at = [0, 99, 1, 50, 2, 7, 7, 3];
                // SAFETY: all indices are within.
                let total = unsafe { gathered(source.as_ptr(), &at, 3) };
                assert_eq!(total, 3 * at.iter().map(|i| i * i).sum::<i32>());
            }
            if runs(masked::KERNEL.try_get()) {
                let x: [u32; 16] = std::array::from_fn(|i| i as u32);
                assert_eq!(masked(&x, 0b1000_0000_0000_0110), 1 + 2 + 15 + 3);
            }
            assert!([0, 16, 32].contains(&width()));
            assert_eq!((times_1(7), times_2(7), times_3(7)), (7, 14, 21));
        }
    };
}

kernels!(native, "C", rdi, triple_sysv64);
kernels!(sysv64, "sysv64", rdi, triple_sysv64);
kernels!(win64, "win64", rcx, triple_win64);

macro_rules! fragments {
    ($name:ident, $ty:ty, $class:ident, $add:expr, $times:literal, $label:lifetime, $op:ident, $reg:tt, $vis:vis) => {
        peach_runtime::peach_fn![
            #[doc = concat!("Adds ", $times, " times.")]
            $vis fn $name(x: $ty) -> $ty {
                let r: $class = x;
                for _ in 0..$times {
                    $op r, $add * 2;
                }
                test r, r;
                jz $label;
                lea $reg, [r + 4*($add) + $times];
                return $reg;
                $label: return $times;
            }
        ];
    };
}

fragments!(by_fragments, u64, gp64, 1 + 2, 3, 'zero, add, rax, pub(crate));

/// Groups without delimiters, which `macro_rules!` puts around what it substitutes, do not matter.
#[test]
fn fragments_of_macros() {
    assert_eq!(by_fragments(10), 10 + 3 * 6 + 12 + 3);
    assert_eq!(by_fragments(18u64.wrapping_neg()), 3);
}

mod inside {
    peach_runtime::peach_fn!(
        /// The items see what is around them.
        #[must_use]
        pub(super) fn seen(x: &Local) -> u64 {
            // SAFETY: it is a field of the structure. Only rustc knows the offset.
            unsafe { mov rax, [x + const { core::mem::offset_of!(Local, b) }]; }
            return rax;
        }
    );

    #[repr(C)]
    pub(super) struct Local {
        pub(super) a: u8,
        pub(super) b: u64,
    }
}

/// Kernels are in functions and modules, too.
#[test]
fn kernels_inside_of_functions_and_modules() {
    peach_runtime::peach_fn! { fn local(x: u32) -> u32 { lea eax, [x.gp64 + 1]; return eax; } }
    assert_eq!(local(1), 2);
    let local = inside::Local { a: 1, b: 77 };
    assert_eq!(inside::seen(&local) + u64::from(local.a), 78);
}

peach_runtime::peach_fn! {
    // A result of every narrow type, in a register whose upper bits are in disorder.
    for W in [8, 16, 32] {
        fn signed_{W}(x: i64) -> i{W} { return x.gp{W}; }
        fn unsigned_{W}(x: u64) -> u{W} { return x.gp{W}; }
    }
}

macro_rules! arrays {
    ($row:ty, $rows:expr) => {
        peach_runtime::peach_fn! {
            const ROWS = 2 + 1;
            const LAST = 4 * 8 * ROWS - 8;

            /// Both indices are compile-time constants, and all that they reach is known.
            fn transpose(x: &[[f32; 4]; 4], to: &mut [[f32; 4]; 4]) {
                for i in 0..4 {
                    for j in 0..4 {
                        movss xmm0, [x + 16*i + 4*j];
                        movss [to + 16*j + 4*i], xmm0;
                    }
                }
            }

            fn last(x: &[[[u8; 5]; 2]; ROWS]) -> u8 { mov al, [x + 29]; return al; }
            fn last_of_fragments(x: &[$row; $rows]) -> u64 { mov rax, [x + LAST]; return rax; }
            fn same<'a>(x: &'a [[u16; 2]; ROWS]) -> &'a [[u16; 2]; ROWS] { return x; }
            fn count(x: &[[u8; ROWS]], y: &mut [$row]) -> usize {
                lea rax, [x.len + y.len];
                return rax;
            }
        }
    };
}

arrays!([u64; 4], 3);

/// Arrays of arrays behind references and in slices, with lengths that Rust does not know.
#[test]
fn arrays_of_arrays() {
    // Rust's own constant of that name is another.
    const ROWS: usize = 5;
    let x = [[0.0, 1.0, 2.0, 3.0], [4.0; 4], [5.0; 4], [6.0, 7.0, 8.0, 9.0]];
    let mut to = [[0.0; 4]; 4];
    transpose(&x, &mut to);
    for (i, row) in x.iter().enumerate() {
        assert_eq!(*row, [to[0][i], to[1][i], to[2][i], to[3][i]]);
    }
    let bytes = [[[1; ROWS]; 2], [[2; ROWS]; 2], [[3, 4, 5, 6, 7]; 2]];
    let through_pointer: extern "C" fn(&[[[u8; 5]; 2]; 3]) -> u8 = last::KERNEL.get();
    assert_eq!((last(&bytes), through_pointer(&bytes)), (7, 7));
    assert_eq!(last_of_fragments(&[[1; 4], [2; 4], [3, 4, 5, 6]]), 6);
    let shorts = [[1, 2]; 3];
    assert!(std::ptr::eq(same(&shorts), &shorts));
    assert_eq!(count(&[[0; 3]; 4], &mut [[0; 4]; 9]), 13);
}

/// Callers extend narrow results.
#[test]
fn narrow_results() {
    assert_eq!(i64::from(signed_8(0x1FF)), -1);
    assert_eq!(i64::from(signed_16(0x18000)), -32768);
    assert_eq!(i64::from(signed_32(0x1_8000_0000)), i64::from(i32::MIN));
    assert_eq!(u64::from(unsigned_8(0x1FF)), 255);
    assert_eq!(u64::from(unsigned_16(0x18000)), 0x8000);
    assert_eq!(u64::from(unsigned_32(0x1_8000_0000)), 0x8000_0000);
}
