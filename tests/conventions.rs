//! Every argument and result type in both conventions, against plain Rust.

use peach_runtime::peach_fn;
use peach_testing::processor::has;
use std::arch::x86_64::{
    __m128, __m128d, __m128i, __m256, _mm_cvtss_f32, _mm_set_ps, _mm_set1_epi32, _mm_set1_pd,
    _mm_storeu_ps, _mm256_set1_ps, _mm256_storeu_ps,
};
use std::ptr::NonNull;

/// Defines the same kernels for both conventions, in the modules `sysv` and `win`.
macro_rules! both {
    ($($(#[$attr:meta])* $([$unsafe:ident])? fn $name:ident($($params:tt)*) -> $result:ty { $($body:tt)* })*) => {
        mod sysv {
            use super::*;
            peach_fn! {
                $($(#[$attr])* pub $($unsafe)? extern "sysv64" fn $name($($params)*) -> $result { $($body)* })*
            }
        }
        mod win {
            use super::*;
            peach_fn! {
                $($(#[$attr])* pub $($unsafe)? extern "win64" fn $name($($params)*) -> $result { $($body)* })*
            }
        }
    };
}

/// Calls a kernel of both conventions, through its function and through its pointer.
macro_rules! check {
    ($name:ident($($arg:expr),*) == $expected:expr) => {{
        let expected = $expected;
        let text = stringify!($name($($arg),*));
        assert_eq!(sysv::$name($($arg),*), expected, "sysv64 {text}");
        assert_eq!(win::$name($($arg),*), expected, "win64 {text}");
        assert_eq!((sysv::$name::KERNEL.get())($($arg),*), expected, "sysv64 pointer {text}");
        assert_eq!((win::$name::KERNEL.get())($($arg),*), expected, "win64 pointer {text}");
    }};
}

/// The same for a result that is a pair: a tuple to Rust, a C structure to the pointer.
macro_rules! check_pair {
    ($name:ident($($arg:expr),*) == $expected:expr) => {{
        let expected = $expected;
        let text = stringify!($name($($arg),*));
        assert_eq!(sysv::$name($($arg),*), expected, "sysv64 {text}");
        assert_eq!(win::$name($($arg),*), expected, "win64 {text}");
        let pair = (sysv::$name::KERNEL.get())($($arg),*);
        assert_eq!((pair.0, pair.1), expected, "sysv64 pointer {text}");
        let pair = (win::$name::KERNEL.get())($($arg),*);
        assert_eq!((pair.0, pair.1), expected, "win64 pointer {text}");
    }};
}

both! {
    fn id_u8(a: u8) -> u8 { return a; }
    fn id_i8(a: i8) -> i8 { return a; }
    fn id_u16(a: u16) -> u16 { return a; }
    fn id_i16(a: i16) -> i16 { return a; }
    fn id_u32(a: u32) -> u32 { return a; }
    fn id_i64(a: i64) -> i64 { return a; }
    fn id_usize(a: usize) -> usize { return a; }
    fn id_bool(a: bool) -> bool { return a; }
    fn id_char(a: char) -> char { return a; }
    fn id_f32(a: f32) -> f32 { return a; }
    fn id_f64(a: f64) -> f64 { return a; }
    fn id_u128(a: u128) -> u128 { return (a.lo, a.hi); }
    fn id_ref(a: &u32) -> *const u32 { return a; }
    fn id_non_null(a: NonNull<u8>) -> NonNull<u8> { return a; }
    fn id_option(a: Option<NonNull<u8>>) -> Option<NonNull<u8>> { return a; }
    fn id_fn(a: fn(u8) -> u8) -> fn(u8) -> u8 { return a; }

    fn sum_ints(
        a: u8, b: i8, c: u16, d: i16, e: u32, f: i32, g: u64, h: i64, i: u8, j: i8, k: u16, l: i32
    ) -> i64 {
        let sum: gp64 = h;
        movzx r10d, a; add sum, r10;
        movsx r10, b; add sum, r10;
        movzx r10d, c; add sum, r10;
        movsx r10, d; add sum, r10;
        mov r10d, e; add sum, r10;
        movsxd r10, f; add sum, r10;
        add sum, g;
        movzx r10d, i; add sum, r10;
        movsx r10, j; add sum, r10;
        movzx r10d, k; add sum, r10;
        movsxd r10, l; add sum, r10;
        return sum;
    }

    fn sum_floats(
        a: f64, b: f32, c: f64, d: f32, e: f64, f: f32, g: f64, h: f32, i: f64, j: f32, k: f64
    ) -> f64 {
        let t: xmm;
        cvtss2sd t, b; addsd a, t;
        addsd a, c;
        cvtss2sd t, d; addsd a, t;
        addsd a, e;
        cvtss2sd t, f; addsd a, t;
        addsd a, g;
        cvtss2sd t, h; addsd a, t;
        addsd a, i;
        cvtss2sd t, j; addsd a, t;
        addsd a, k;
        return a;
    }

    fn mixed(a: i32, b: f64, c: u8, d: f32, e: i16, f: f64, g: u64, h: f32) -> f64 {
        let t: xmm;
        cvtsi2sd t, a; addsd b, t;
        movzx r10d, c; cvtsi2sd t, r10d; addsd b, t;
        cvtss2sd t, d; addsd b, t;
        movsx r10d, e; cvtsi2sd t, r10d; addsd b, t;
        addsd b, f;
        cvtsi2sd t, g; addsd b, t;
        cvtss2sd t, h; addsd b, t;
        return b;
    }

    /// The arguments that arrive on the stack are in a loop: they are loaded before it.
    fn stack_in_loop(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> u64 {
        let sum: gp64 = 0;
        'next: {
            add sum, g;
            xor sum, h;
            dec a;
            jnz continue 'next;
        }
        add sum, b; add sum, c; add sum, d; add sum, e; add sum, f;
        return sum;
    }

    /// One path overwrites a stack argument before both read it.
    fn overwritten(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 {
        test a, a;
        jz 'keep;
        mov g, 5;
        'keep:
        add g, b;
        return g;
    }

    fn eighth_f32(a: f32, b: f32, c: f32, d: f32, e: f32, f: f32, g: f32, h: f32, i: f32) -> f32 {
        return i;
    }

    fn wide_on_stack(a: u64, b: u64, c: u64, d: u64, e: u64, f: u128, g: u64, h: u128, i: u8) -> u128 {
        add f.lo, h.lo;
        adc f.hi, h.hi;
        add f.lo, g;
        adc f.hi, 0;
        movzx r10d, i;
        add f.lo, r10;
        adc f.hi, 0;
        return (f.lo, f.hi);
    }

    fn wide_const() -> i128 { return (-5, -1); }
    fn wide_small(a: u64) -> u128 { return (a, 0); }

    fn slices(a: &[u8], b: &[u32], c: &[u64], d: &str) -> usize {
        add a.len, b.len;
        add a.len, c.len;
        add a.len, d.len;
        return a.len;
    }

    fn last_slice(a: &[u8], b: &[u8], c: &[u8], d: &[u8]) -> u8 {
        let t: gp32 = 0;
        test a.len, a.len;
        jz 'none;
        test d.len, d.len;
        jz 'none;
        movzx t, byte [d.ptr + d.len - 1];
        add t.gp8, [a.ptr];
        'none: return t.gp8;
    }

    fn pair_u8(a: u8, b: u8) -> (u8, u8) { return (b, a); }
    fn pair_u8_u16(a: u16, b: u8) -> (u8, u16) { return (b, a); }
    fn pair_u16_u8(a: u8, b: u16) -> (u16, u8) { return (b, a); }
    fn pair_u32(a: u32, b: u32) -> (u32, u32) { return (b, a); }
    fn pair_u32_same(a: u32) -> (u32, u32) { return (a, a); }
    fn pair_u32_in_place(a: u32, b: u32) -> (u32, u32) { mov eax, b; return (a, eax); }
    fn pair_i8_u32(a: u32, b: i8) -> (i8, u32) { return (b, a); }
    fn pair_u64(a: u64, b: u64) -> (u64, u64) { return (b, a); }
    fn pair_u64_u32(a: u32, b: u64) -> (u64, u32) { return (b, a); }
    fn pair_u8_u64(a: u64, b: u8) -> (u8, u64) { return (b, a); }
    fn pair_f32(a: f32, b: f32) -> (f32, f32) { return (b, a); }
    fn pair_f32_same(a: f32) -> (f32, f32) { return (a, a); }
    fn pair_f64(a: f64, b: f64) -> (f64, f64) { return (b, a); }
    fn pair_f32_f64(a: f64, b: f32) -> (f32, f64) { return (b, a); }
    fn pair_f64_f32(a: f32, b: f64) -> (f64, f32) { return (b, a); }
    fn pair_const() -> (u32, i32) { return (7, -7); }
    fn pair_half(a: u32) -> (u32, u32) { return (a, 0x80000001); }
    fn pair_other_half(a: u32) -> (i32, u32) { return (-3, a); }
    fn pair_small_const(a: u8) -> (u8, u8) { return (200, a); }
    fn pair_const_64(a: u64) -> (i64, u64) { return (-2, a); }
    fn pair_large_const(a: u64) -> (u64, u64) { return (0x123456789ABCDEF0, a); }
    fn pair_f32_const(a: f32) -> (f32, f32) { return (1.5, a); }
    fn pair_f32_zero(a: f32) -> (f32, f32) { return (a, 0.0); }
    fn pair_f64_const() -> (f64, f64) { return (-0.5, 0.0); }
    fn pair_args_shift(a: u64, b: f64, c: u64, d: u64, e: u64) -> (u64, u64) {
        add a, c;
        add d, e;
        return (a, d);
    }

    fn imm_i8() -> i8 { return -1; }
    fn imm_i16() -> i16 { return -300; }
    fn imm_u8() -> u8 { return 255; }
    fn imm_i64() -> i64 { return -6000000000; }
    fn imm_u64() -> u64 { return 0xFFFFFFFFFFFFFFFF; }
    fn imm_f32() -> f32 { return 1.25; }
    fn imm_f64() -> f64 { return 0.0; }
    fn negative_zero() -> f64 { return -0.0; }
    fn is_less(a: u64, b: u64) -> bool { xor eax, eax; cmp a, b; setb al; return al; }

    fn m128_identity(a: __m128) -> __m128 { return a; }
    fn m128d_sum(a: __m128d, b: __m128d) -> __m128d { addpd a, b; return a; }
    fn m128i_sum(a: __m128i, b: __m128i) -> __m128i { paddd a, b; return a; }
    fn m128_late(
        a: u64, b: __m128, c: u8, d: __m128, e: __m128, f: __m128, g: f32, h: __m128, i: __m128,
        j: __m128, k: __m128, l: __m128
    ) -> __m128 {
        addps b, d; addps b, e; addps b, f; addps b, h; addps b, i; addps b, j; addps b, k;
        addps b, l;
        return b;
    }
    /// Calls `f` with 0, 1, 2 and 3 words pushed, and adds up how far from aligned the stack was.
    // What is called is not proven.
    [unsafe] fn calls(f: *const u8, n: u64) -> u64 {
        let target: gp64 = f;
        let sum: gp64 = n;
        let local: [u64; 3];
        mov [local + 16], n;
        call target; add sum, rax;
        push sum; call target; add sum, rax;
        push sum; call target; add sum, rax;
        push qword [local + 16]; call target; add sum, rax;
        pop qword [local];
        add sum, [local];
        pop rax;
        pop rax;
        return sum;
    }
    // As above.
    [unsafe] fn realigned_calls(f: *const u8, n: u64, c: u64, d: u64, e: u64, g: u64, h: u64, i: u64) -> u64 {
        let target: gp64 = f;
        let local: [u64; 3] align 256;
        mov [local + 16], n;
        call target; add i, rax;
        push i; call target; add i, rax; pop rax;
        add i, h;
        add i, [local + 16];
        return i;
    }
    fn pop_to_memory(a: u64) -> u64 {
        let x: [u64; 2];
        mov qword [x], 0;
        push a;
        push 5;
        pop qword [x + 8];
        pop qword [x];
        mov a, [x];
        shl a, 8;
        add a, [x + 8];
        return a;
    }
    #[target_feature(enable = "avx")]
    fn m256_late(
        a: __m256, b: __m256, c: __m256, d: __m256, e: __m256, f: __m256, g: __m256, h: __m256,
        i: f32, j: __m256
    ) -> __m256 {
        vaddps a, a, b; vaddps a, a, c; vaddps a, a, d; vaddps a, a, e; vaddps a, a, f;
        vaddps a, a, g; vaddps a, a, h; vaddps a, a, j;
        return a;
    }
    #[target_feature(enable = "avx")]
    fn m256_to_f32(a: __m256) -> f32 { vaddps a, a, a; return a.xmm; }
}

#[test]
fn identities() {
    for a in [0u8, 1, 0x7F, 0x80, 0xFF] {
        check!(id_u8(a) == a);
        check!(id_i8(a as i8) == a as i8);
        check!(id_u16(u16::from(a) * 257) == u16::from(a) * 257);
        check!(id_i16(i16::from(a as i8)) == i16::from(a as i8));
        check!(id_u32(u32::from(a) << 24) == u32::from(a) << 24);
        check!(id_i64(-i64::from(a) << 40) == -i64::from(a) << 40);
        check!(id_usize(usize::from(a)) == usize::from(a));
        check!(id_u128(u128::from(a) << 100 | 5) == u128::from(a) << 100 | 5);
    }
    check!(id_bool(true) == true);
    check!(id_bool(false) == false);
    check!(id_char('a') == 'a');
    check!(id_char('\u{10FFFF}') == '\u{10FFFF}');
    check!(id_f32(1.5) == 1.5);
    check!(id_f64(-2.25e300) == -2.25e300);
}

#[test]
fn pointers() {
    let number = 7u32;
    check!(id_ref(&number) == &raw const number);
    let pointer = NonNull::from(&number).cast::<u8>();
    check!(id_non_null(pointer) == pointer);
    check!(id_option(Some(pointer)) == Some(pointer));
    check!(id_option(None) == None);
    fn twice(a: u8) -> u8 {
        a * 2
    }
    let (a, b) = (sysv::id_fn(twice), win::id_fn(twice));
    assert_eq!((a(4), b(5)), (8, 10));
}

#[test]
fn many_arguments() {
    check!(
        sum_ints(255, -128, 65535, -32768, 7, -7, 1 << 40, -(1 << 41), 200, -100, 60000, i32::MIN)
            == 255 - 128 + 65535 - 32768 - (1i64 << 40) + 200 - 100 + 60000 + i64::from(i32::MIN)
    );
    check!(sum_floats(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0) == 2047.0);
    check!(
        mixed(-5, 0.5, 255, 0.25, -7, 1024.0, 1 << 40, 2048.0)
            == -5.0 + 0.5 + 255.0 + 0.25 - 7.0 + 1024.0 + (1u64 << 40) as f64 + 2048.0
    );
    check!(eighth_f32(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0) == 9.0);
}

#[test]
fn arguments_on_the_stack() {
    let expected = (0..3).fold(0u64, |sum, _| (sum + 11) ^ 13) + 2 + 3 + 4 + 5 + 6;
    check!(stack_in_loop(3, 2, 3, 4, 5, 6, 11, 13) == expected);
    check!(overwritten(0, 2, 0, 0, 0, 0, 100) == 102);
    check!(overwritten(1, 2, 0, 0, 0, 0, 100) == 7);
}

#[test]
fn wide_integers() {
    let (f, h) = (u128::MAX - (7 << 70), (9 << 80) + 5);
    check!(
        wide_on_stack(1, 2, 3, 4, 5, f, 77, h, 200)
            == f.wrapping_add(h).wrapping_add(77).wrapping_add(200)
    );
    check!(wide_const() == -5);
    check!(wide_small(u64::MAX) == u128::from(u64::MAX));
}

#[test]
fn slices_and_strings() {
    let (a, b, c, d) = ([1u8; 3], [2u32; 5], [3u64; 7], "eleven chars");
    assert_eq!(sysv::slices(&a, &b, &c, d), 27);
    assert_eq!(win::slices(&a, &b, &c, d), 27);
    assert_eq!(sysv::last_slice(&[5, 6], &[], &a, &[9, 8, 7]), 12);
    assert_eq!(win::last_slice(&[5, 6], &[], &a, &[9, 8, 7]), 12);
    // SAFETY: each pointer has its length.
    unsafe {
        let pointer = win::last_slice::KERNEL.get();
        let (x, y) = ([5u8, 6], [9u8, 8, 7]);
        assert_eq!(pointer(x.as_ptr(), 2, a.as_ptr(), 0, a.as_ptr(), 3, y.as_ptr(), 3), 12);
        let pointer = sysv::last_slice::KERNEL.get();
        assert_eq!(pointer(x.as_ptr(), 2, a.as_ptr(), 0, a.as_ptr(), 3, y.as_ptr(), 3), 12);
    }
}

#[test]
fn pairs() {
    check_pair!(pair_u8(1, 200) == (200, 1));
    check_pair!(pair_u8_u16(0xABCD, 0xEF) == (0xEF, 0xABCD));
    check_pair!(pair_u16_u8(0xEF, 0xABCD) == (0xABCD, 0xEF));
    check_pair!(pair_u32(1, u32::MAX) == (u32::MAX, 1));
    check_pair!(pair_u32_same(0x87654321) == (0x87654321, 0x87654321));
    check_pair!(pair_u32_in_place(3, 0x87654321) == (3, 0x87654321));
    check_pair!(pair_i8_u32(0x87654321, -3) == (-3, 0x87654321));
    check_pair!(pair_u64(1 << 60, 5) == (5, 1 << 60));
    check_pair!(pair_u64_u32(7, 1 << 60) == (1 << 60, 7));
    check_pair!(pair_u8_u64(1 << 60, 9) == (9, 1 << 60));
    check_pair!(pair_f32(1.5, -2.5) == (-2.5, 1.5));
    check_pair!(pair_f32_same(1.5) == (1.5, 1.5));
    check_pair!(pair_f64(1.5, -2.5) == (-2.5, 1.5));
    check_pair!(pair_f32_f64(1.5, -2.5) == (-2.5, 1.5));
    check_pair!(pair_f64_f32(1.5, -2.5) == (-2.5, 1.5));
    check_pair!(pair_args_shift(1, 9.0, 2, 3, 4) == (3, 7));
}

#[test]
fn pairs_with_constants() {
    check_pair!(pair_const() == (7, -7));
    check_pair!(pair_half(5) == (5, 0x80000001));
    check_pair!(pair_other_half(0x80000001) == (-3, 0x80000001));
    check_pair!(pair_small_const(100) == (200, 100));
    check_pair!(pair_const_64(100) == (-2, 100));
    check_pair!(pair_large_const(100) == (0x123456789ABCDEF0, 100));
    check_pair!(pair_f32_const(-4.0) == (1.5, -4.0));
    check_pair!(pair_f32_zero(-4.0) == (-4.0, 0.0));
    check_pair!(pair_f64_const() == (-0.5, 0.0));
}

#[test]
fn constants() {
    check!(imm_i8() == -1);
    check!(imm_i16() == -300);
    check!(imm_u8() == 255);
    check!(imm_i64() == -6000000000);
    check!(imm_u64() == u64::MAX);
    check!(imm_f32() == 1.25);
    check!(imm_f64() == 0.0);
    check!(is_less(1, 2) == true);
    check!(is_less(2, 2) == false);
    assert_eq!(sysv::negative_zero().to_bits(), (-0.0f64).to_bits());
    assert_eq!(win::negative_zero().to_bits(), (-0.0f64).to_bits());
}

/// Callers extend narrow results: through the function, and through its pointer.
#[test]
fn narrow_results_are_extended_by_the_caller() {
    for x in [-3i8, 3, i8::MIN] {
        let results = [
            sysv::id_i8(x),
            win::id_i8(x),
            sysv::id_i8::KERNEL.get()(x),
            win::id_i8::KERNEL.get()(x),
        ];
        assert_eq!(results.map(i32::from), [i32::from(x); 4]);
    }
}

fn lanes(v: __m128) -> [f32; 4] {
    let mut lanes = [0.0; 4];
    // SAFETY: there is room for four.
    unsafe { _mm_storeu_ps(lanes.as_mut_ptr(), v) };
    lanes
}

#[test]
fn vectors() {
    // SAFETY: SSE2 is there on every x86-64.
    unsafe {
        let v = _mm_set_ps(1.0, 2.0, 3.0, 4.0);
        assert_eq!(lanes(sysv::m128_identity(v)), lanes(v));
        assert_eq!(lanes(win::m128_identity(v)), lanes(v));
        let d = _mm_set1_pd(1.5);
        let sums: [[f64; 2]; 2] = [
            std::mem::transmute::<__m128d, [f64; 2]>(sysv::m128d_sum(d, d)),
            std::mem::transmute::<__m128d, [f64; 2]>(win::m128d_sum(d, d)),
        ];
        assert_eq!(sums, [[3.0; 2]; 2]);
        let i = _mm_set1_epi32(7);
        let sums: [[i32; 4]; 2] = [
            std::mem::transmute::<__m128i, [i32; 4]>(sysv::m128i_sum(i, i)),
            std::mem::transmute::<__m128i, [i32; 4]>(win::m128i_sum(i, i)),
        ];
        assert_eq!(sums, [[14; 4]; 2]);
        let late = [
            sysv::m128_late(1, v, 2, v, v, v, 3.0, v, v, v, v, v),
            win::m128_late(1, v, 2, v, v, v, 3.0, v, v, v, v, v),
        ];
        for sum in late {
            assert_eq!(lanes(sum), [36.0, 27.0, 18.0, 9.0]);
        }
        assert_eq!(_mm_cvtss_f32(sysv::m128_identity(v)), 4.0);
    }
}

#[test]
fn wide_vectors() {
    if !has("avx", is_x86_feature_detected!("avx")) {
        return;
    }
    #[target_feature(enable = "avx")]
    unsafe fn run() {
        // SAFETY: AVX was detected.
        unsafe {
            let v = _mm256_set1_ps(1.5);
            let sums = [
                sysv::m256_late(v, v, v, v, v, v, v, v, 9.0, v),
                win::m256_late(v, v, v, v, v, v, v, v, 9.0, v),
            ];
            for sum in sums {
                let mut lanes = [0.0; 8];
                _mm256_storeu_ps(lanes.as_mut_ptr(), sum);
                assert_eq!(lanes, [13.5; 8]);
            }
            assert_eq!(sysv::m256_to_f32(v), 3.0);
            assert_eq!(win::m256_to_f32(v), 3.0);
        }
    }
    // SAFETY: AVX was detected.
    unsafe { run() }
}

/// Returns how far from aligned the stack is, and overwrites everything that is a callee's to
/// overwrite: the shadow space, volatile registers, the red zone of its caller.
#[unsafe(naked)]
extern "sysv64" fn careless_sysv() {
    std::arch::naked_asm!(
        "lea rax, [rsp + 8]",
        "and eax, 15",
        ".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
        "mov qword ptr [rsp - 8*\\n], -1",
        ".endr",
        ".irp r, rcx,rdx,rsi,rdi,r8,r9,r10,r11",
        "mov \\r, -1",
        ".endr",
        "ret"
    )
}

#[unsafe(naked)]
extern "win64" fn careless_win() {
    std::arch::naked_asm!(
        "lea rax, [rsp + 8]",
        "and eax, 15",
        ".irp n, 1,2,3,4",
        "mov qword ptr [rsp + 8*\\n], -1",
        ".endr",
        ".irp r, rcx,rdx,r8,r9,r10,r11",
        "mov \\r, -1",
        ".endr",
        "ret"
    )
}

#[test]
fn calls_out() {
    let (sysv_target, win_target) = (careless_sysv as *const u8, careless_win as *const u8);
    // SAFETY: the functions called follow the conventions.
    unsafe {
        assert_eq!(sysv::calls(sysv_target, 7), 14);
        assert_eq!(win::calls(win_target, 7), 14);
        assert_eq!(sysv::realigned_calls(sysv_target, 7, 0, 0, 0, 0, 20, 100), 127);
        assert_eq!(win::realigned_calls(win_target, 7, 0, 0, 0, 0, 20, 100), 127);
    }
}

#[test]
fn pushes_disturb_no_local() {
    check!(pop_to_memory(77) == 77 << 8 | 5);
}
