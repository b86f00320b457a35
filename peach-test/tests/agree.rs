//! Kernels without a fault, of every kind of signature: nothing is reported.

#![cfg(target_arch = "x86_64")]

use peach_runtime::peach_fn;
use peach_test::{ByValue, Within, bench, compare};
use std::arch::x86_64::*;
use std::ptr::NonNull;

peach_fn! {
    /// The sum of all elements, modulo 2^32.
    #[version(enable = "avx2", LANES = 8, V = ymm)]
    #[version(enable = "sse2", LANES = 4, V = xmm)]
    pub fn sum(x: &[u32]) -> u32 {
        let total: gp32 = 0;
        'next: {
            test x.len, x.len;
            jz break 'next;
            add total, [x.ptr];
            add x.ptr, 4;
            dec x.len;
            jmp continue 'next;
        }
        if LANES == 8 {
            let v: ymm;
            vpcmpeqd v, v, v;
            let w: xmm;
            vextracti128 w, v, 1;
            let n: gp32;
            vmovd n, w;
            add total, n;
            inc total;
        }
        return total;
    }

    #[fallback]
    pub fn sum(x: &[u32]) -> u32 {
        x.iter().fold(0, |sum, x| sum.wrapping_add(*x))
    }

    /// Turns the bytes around.
    pub fn reverse(x: &mut [u8]) {
        let low: gp64 = x.ptr;
        let high: gp64;
        lea high, [x.ptr + x.len - 1];
        let a, b: gp8;
        // SAFETY: `low` and `high` are in the slice as long as the first is below the second.
        unsafe {
            'next: {
                cmp low, high;
                jae break 'next;
                mov a, [low];
                mov b, [high];
                mov [low], b;
                mov [high], a;
                inc low;
                dec high;
                jmp continue 'next;
            }
        }
    }

    /// The number of bytes.
    #[embed = "text"]
    pub fn count(text: &str) -> usize { return text.len; }

    fn many(a: u8, b: i16, c: i32, d: i64, e: u64, f: u32, g: i8, h: u16, i: f32, j: f64, k: bool) -> i64 {
        movzx eax, a;
        let t: gp64;
        movsx t, b; lea rax, [rax + t*2];
        movsxd t, c; add rax, t;
        add rax, d; sub rax, e;
        mov t.gp32, f; add rax, t;
        movsx t, g; add rax, t;
        movzx t.gp32, h; add rax, t;
        movzx t.gp32, k; add rax, t;
        cvttss2si t, i; xor rax, t;
        cvttsd2si t, j; xor rax, t;
        return rax;
    }

    fn wide(a: i128, b: u64, c: i128, d: u128, e: u64) -> i128 {
        add a.lo, c.lo; adc a.hi, c.hi;
        add a.lo, d.lo; adc a.hi, d.hi;
        add a.lo, b; adc a.hi, 0;
        xor a.lo, e;
        return (a.lo, a.hi);
    }

    fn swap(a: u8, b: u32) -> (u32, u8) { return (b, a); }
    fn swap_floats(a: f32, b: f64) -> (f64, f32) { return (b, a); }
    fn swap_singles(a: f32, b: f32) -> (f32, f32) { return (b, a); }
    fn both(a: i128, b: i64) -> (i64, i64) { return (b, a.hi); }

    fn pick<'a>(x: &'a [u16; 8]) -> &'a u16 { add x, 6; return x; }
    fn change(x: &mut [[f32; 2]; 3], y: f32) { movss [x + 20], y; }
    // What a raw pointer leads to is not proven.
    unsafe fn copy(from: *const u64, to: *mut u64, n: usize) {
        'next: {
            test n, n;
            jz break 'next;
            let t: gp64;
            // SAFETY: the caller promises `n` elements.
            unsafe { mov t, [from]; mov [to], t; }
            add from, 8; add to, 8; dec n;
            jmp continue 'next;
        }
    }
    // What a raw pointer leads to is not proven.
    unsafe fn end(from: *const u8, end: *const u8) -> usize {
        sub end, from;
        mov rax, end;
        return rax;
    }
    fn same(x: NonNull<u64>) -> NonNull<u64> { return x; }
    fn is_there(x: Option<&u64>) -> bool { test x, x; setnz al; return al; }
    fn character(x: char) -> char { return x; }
    fn call(f: extern "C" fn(u64) -> u64, x: u64) -> u64 {
        mov rax, f;
        return rax;
    }
    fn add4(a: __m128, b: __m128) -> __m128 { addps a, b; return a; }
    #[target_feature(enable = "avx")]
    fn add8(a: __m256, b: __m256) -> __m256 { vaddps a, a, b; return a; }
    fn nothing() {}
    fn addresses(x: &[u8; 4]) -> usize { return x; }
}

#[test]
fn slices_and_strings() {
    let summary = compare!(sum, |random| random.vec(0..100));
    assert_eq!(summary.versions.len() + summary.left_out.len(), 2, "{summary:?}");
    compare!(reverse, |x: &mut [u8]| x.reverse(), |random| random.vec(0..100));
    compare!(count, str::len, |random| random.string(0..40));
}

#[test]
fn numbers() {
    compare!(
        many,
        |a, b, c, d, e, f, g, h, i, j, k| {
            let floor = |float: f64| {
                let is_out = !(float >= -(2f64.powi(63)) && float < 2f64.powi(63));
                if is_out { i64::MIN } else { float as i64 }
            };
            let sum = i64::from(a)
                .wrapping_add(2 * i64::from(b))
                .wrapping_add(c.into())
                .wrapping_add(d)
                .wrapping_sub(e as i64)
                .wrapping_add(f.into())
                .wrapping_add(g.into())
                .wrapping_add(h.into())
                .wrapping_add(k.into());
            sum ^ floor(f64::from(i)) ^ floor(j)
        },
        |random| (
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any(),
            random.any()
        )
    );
    compare!(
        wide,
        |a, b, c, d, e| {
            let sum = a.wrapping_add(c).wrapping_add(d as i128).wrapping_add(b.into());
            sum ^ i128::from(e)
        },
        |random| (random.any(), random.any(), random.any(), random.any(), random.any())
    );
    compare!(swap, |a, b| (b, a), |random| (random.any(), random.any()));
    compare!(swap_floats, |a, b| (b, a), |random| (random.any(), random.any()));
    compare!(swap_singles, |a, b| (b, a), |random| (random.any(), random.any()));
    compare!(both, |a, b| (b, (a >> 64) as i64), |random| (random.any(), random.any()));
    compare!(character, |x| x, |random| (random.any(),));
    compare!(nothing, || (), |_| ());
}

#[test]
fn pointers() {
    compare!(pick, |x| &x[3], |random| random.any::<[u16; 8]>());
    compare!(change, |x, y| x[2][1] = y, |random| (random.any::<[[f32; 2]; 3]>(), random.any()));
    // SAFETY: the test gives `n` elements.
    let copy_plainly: unsafe fn(*const u64, *mut u64, usize) =
        |from, to, n| unsafe { std::ptr::copy_nonoverlapping(from, to, n) };
    compare!(copy, copy_plainly, |random| {
        let n = random.range(0..50);
        (random.vec(n), random.vec::<u64>(n), n)
    });
    compare!(end, |from: *const u8, end: *const u8| end as usize - from as usize, |random| {
        let n = random.range(0..50);
        (random.vec::<u8>(n), Within { argument: 0, offset: n })
    });
    compare!(same, |x| x, |random| random.vec(1));
    compare!(is_there, |x| x.is_some(), |random| random.pick(&[None, Some(5)]));
    compare!(addresses, |x| x as *const _ as usize, |random| random.any::<[u8; 4]>());
    extern "C" fn triple(x: u64) -> u64 {
        3 * x
    }
    compare!(call, |f, _| f as usize as u64, |random| {
        (ByValue(triple as extern "C" fn(u64) -> u64), random.any())
    });
}

#[test]
fn vectors() {
    // SAFETY: every processor has these instructions.
    compare!(add4, |a, b| unsafe { _mm_add_ps(a, b) }, |random| (random.any(), random.any()));
    #[target_feature(enable = "avx")]
    fn plainly(a: __m256, b: __m256) -> __m256 {
        _mm256_add_ps(a, b)
    }
    if peach_testing::processor::runs(add8::KERNEL.try_get()) {
        compare!(add8, plainly, |random| (random.any(), random.any()));
    }
}

#[test]
fn times_are_those_of_every_version() {
    let times = bench!(sum, |random| random.vec(1000));
    assert_eq!(times.bytes, 4000);
    assert_eq!(times.times.last().unwrap().version, "fallback");
    assert!(times.times.iter().all(|time| time.cycles > 0.0), "{times}");
    println!("{times}");
}

/// The other tests again, where something else is the processor.
fn emulated(program: &str, arguments: &[&str], skipped: &str) {
    if !peach_testing::tools::have(&[program]) {
        return;
    }
    let output = std::process::Command::new(program)
        .args(arguments)
        .arg(std::env::current_exe().unwrap())
        .args(["--skip", "runs_under", "--skip", skipped])
        .env("PEACH_TEST_CASES", "10")
        .output()
        .unwrap();
    let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("test slices_and_strings ... ok"), "{said}\n{errors}");
}

/// Without an error that Valgrind would report.
#[test]
fn runs_under_valgrind() {
    emulated("valgrind", &["--quiet", "--error-exitcode=9"], "times");
}

#[test]
fn runs_under_qemu() {
    emulated("qemu-x86_64", &["-cpu", "max"], "times");
}
