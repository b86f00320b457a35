//! The pages of the language, sentence by sentence: what they promise, run. What they refuse is in
//! `tests/refused/values/sentences.peach`.

#![cfg(target_arch = "x86_64")]

use peach_runtime::peach_fn;
use std::ptr::NonNull;

/// Items in any order, visible to one another, whatever the delimiters.
mod items {
    use super::peach_fn;

    peach_fn!(
        pub fn uses_all(x: u64) -> u64 {
            shift(x);
            add x, T[1];
            add x, LATER;
            let y = doubled(x);
            return y;
        }
        inline fn shift(a: gp64) { shl a, SHIFT; }
        const SHIFT = LATER - 3;
        const LATER: u32 = 5;
        const T: [u8; 3] = [1, 20, 3];
        local fn doubled(a: gp64) -> gp64 { add a, a; return a; }
    );
    peach_fn![
        pub fn brackets() -> u8 {
            return 1;
        }
    ];

    peach_fn! {
        const AT = 1;
        const NESTED: [[u16; 2]; 3] = [[1, 2], [3, 4], [5, 6]];
        const BYTES: [u8; 5] = *b"peach";
        const REPEATED: [f32; 4] = [2.5; 4];
        const SQUARES: [u64; 9] = from_fn(|i| i * i);
        const APART: [u8; 3] align 64 = [7, 8, 9];
        const IS_ON: bool = true;
        const HALF: f64 = 1.0 / 2.0;
        pub fn tables() -> u64 {
            movzx eax, word [NESTED + 4*2 + 2*AT];
            movzx ecx, byte [BYTES + 4];
            add rax, rcx;
            add rax, [SQUARES + 8*8];
            movss xmm0, [REPEATED + 12];
            cvttss2si ecx, xmm0;
            add eax, ecx;
            lea rcx, [APART];
            and ecx, 63;
            add eax, ecx;
            if IS_ON { add eax, SQUARES[3]; }
            add eax, (HALF * 4.0) as u32;
            return rax;
        }
        pub fn indexed(i: u64) -> u64 {
            let t: gp64;
            lea t, [SQUARES];
            and i, 7;
            mov rax, [t + 8*i];
            return rax;
        }
        for B in 1..=3 {
            const TIMES_{B} = B * 100;
            inline fn add_{B}(a: gp64) { add a, TIMES_{B}; }
            /// Adds.
            #[must_use]
            pub fn plus_{B}(x: u64) -> u64 { add_{B}(x); return x; }
        }
    }
}

#[test]
fn items_of_every_kind() {
    assert_eq!(items::uses_all(1), ((1 << 2) + 20 + 5) * 2);
    assert_eq!(items::brackets(), 1);
    assert_eq!(items::tables(), 6 + u64::from(b'h') + 64 + 2 + 9 + 2);
    assert_eq!([0, 3, 7].map(items::indexed), [0, 9, 49]);
    assert_eq!([items::plus_1(1), items::plus_2(1), items::plus_3(1)], [101, 201, 301]);
}

/// Types of arguments and results.
mod types {
    use super::{NonNull, peach_fn};
    peach_fn! {
        pub fn ints(a: i8, b: u16, c: isize, d: bool, e: char) -> i64 {
            movsx rax, a;
            movzx ecx, b; add rax, rcx;
            add rax, c;
            movzx ecx, d; add rax, rcx;
            mov ecx, e; add rax, rcx;
            return rax;
        }
        pub fn pointers(a: *const u8, b: NonNull<u8>, c: Option<&u8>, d: Option<NonNull<u8>>, e: fn(u8) -> u8) -> (usize, usize) {
            test c, c; setz al; test d, d; setz cl; add al, cl; movzx eax, al;
            xor a, b;
            setz al;
            test e, e; setnz cl; add al, cl;
            return (rax, a);
        }
        pub fn same<'a>(x: &'a mut [u8; 2]) -> &'a mut [u8; 2] { return x; }
        pub fn text(s: &str, t: &mut [u16]) -> (usize, usize) { return (s.len, t.len); }
        pub fn floats(a: f64, b: f64) -> (f64, f64) { return (b, a); }
        pub fn small(a: u8, b: i16) -> (u8, i16) { return (a, b); }
        pub fn nothing(_x: u64) {}
        pub fn explicit() -> () { return; }
        pub fn wide(x: i128) -> i128 { neg x.lo; adc x.hi, 0; neg x.hi; return (x.lo, x.hi); }
        pub fn not_zero(x: u64) -> bool { test x, x; setnz al; return al; }
        pub fn constant() -> f32 { return 1.5; }
        pub fn negative() -> i16 { return -300; }
        pub fn overwritten(x: u64, y: u64) -> u64 { mov x, 5; add x, y; return x; }
        pub fn lanes(x: f32) -> u64 { movq rax, x; mov eax, eax; return rax; }
    }
}

#[test]
fn types_of_signatures() {
    assert_eq!(types::ints(-1, 2, 3, true, 'A'), -1 + 2 + 3 + 1 + 65);
    let byte = 5u8;
    fn f(x: u8) -> u8 {
        x
    }
    let (_, equal) = types::pointers(&raw const byte, NonNull::from(&byte), None, None, f);
    assert_eq!(equal, 0);
    assert_eq!(types::same(&mut [1, 2]), &mut [1, 2]);
    assert_eq!(types::text("four", &mut [1, 2, 3]), (4, 3));
    assert_eq!((types::floats(1.0, 2.0), types::small(7, -9)), ((2.0, 1.0), (7, -9)));
    types::nothing(1);
    types::explicit();
    for x in [0, 1, -1, i128::MAX, 1 << 64, -(1 << 64)] {
        assert_eq!(types::wide(x), -x);
    }
    assert_eq!((types::not_zero(0), types::not_zero(9), types::constant()), (false, true, 1.5));
    assert_eq!((types::negative(), types::overwritten(1, 2)), (-300, 7));
    assert_eq!(types::lanes(1.0), u64::from(1f32.to_bits()));
}

/// Registers.
mod registers {
    use super::peach_fn;
    peach_fn! {
        pub fn parts(x: u64) -> u64 {
            let acc: [gp64; 8];
            let c: [[gp64; 2]; 3];
            let a, b: gp64 = 1;
            for i in 0..8 { lea acc[i], [x + i]; }
            for i in 0..3 { for j in 0..2 { mov c[i][j], 10*i + j; } }
            rax = 0;
            for r in acc[0..4] { add rax, r; }
            for r in acc[6..] { add rax, r; }
            for r in c[1] { add rax, r; }
            let (first, second) = (b, a);
            add first, 5;
            sub rax, b; add rax, second;
            return rax;
        }
        pub fn swapped(x: u64, y: u64) -> u64 {
            let (x, y) = (y, x);
            sub x, y;
            return x;
        }
        pub fn named(p: &[u64; 4]) -> u64 {
            const N = 2;
            let slot = [p + 8*N];
            let next = [p + 8*(N + 1)];
            let number = 7;
            let place = 'end;
            mov rax, slot;
            add rax, next;
            add rax, number;
            jmp place;
            'end: return rax;
        }
        pub fn views(x: u64) -> u64 {
            let t: gp64 = 0;
            rax = x;
            let low: gp8 = x.gp8;
            movzx t.gp32, low;
            movzx ecx, ah;
            add t, rcx;
            shr rax, 16;
            movzx ecx, ax;
            add t, rcx;
            xor rcx, rcx;
            mov cl, x.gp8h;
            add t, rcx;
            return t;
        }
        pub fn any_value() -> u64 {
            let t: gp64 = undefined;
            let many: [gp64; 3] = undefined;
            let u: gp64 = t;
            xor u, t;
            for m in many { mov rax, m; sub rax, m; add u, rax; }
            return u;
        }
        pub fn strange(r#k0: u64, r#in: u64, r#fn: u64) -> u64 {
            let r#type: gp64 = r#k0;
            add r#type, r#in; add r#type, r#fn;
            return r#type;
        }
        pub fn initialized(p: &[f32; 4], x: u32) -> f32 {
            let v: xmm = [p];
            let i: gp32 = x;
            let w: xmm = f32x4(1.0, 2.0, 3.0, 4.0);
            let n: gp64 = const { 1 + 1 };
            i = n.gp32;
            addps v, w;
            cvtsi2ss v, i;
            return v;
        }
        pub fn shifted(x: u64, count: u8) -> u64 { shl x, count; let n: gp64 = x; return n; }
        pub fn bits(x: u64) -> u64 {
            let at: gp64;
            bsf at, x;
            mov rcx, 64;
            test x, x;
            cmovz at, rcx;
            return at;
        }
        pub fn preserved(x: u64) -> u64 {
            rbx = x; r12 = x; r13 = x; r14 = x; r15 = x; rbp = x;
            add rbx, r12; add rbx, r13; add rbx, r14; add rbx, r15; add rbx, rbp;
            push rbx; push 7; pop rax; pop rcx;
            add rax, rcx;
            return rax;
        }
        pub fn with_cleared(x: u64) -> u64 {
            let a, b: gp64 = x;
            xor b, b;
            sbb a, a;
            sub b, a;
            movq xmm0, x;
            pxor xmm1, xmm1;
            pcmpeqd xmm2, xmm2;
            paddq xmm1, xmm2; paddq xmm0, xmm1;
            movq rax, xmm0;
            add rax, b;
            return rax;
        }
    }
}

#[test]
fn registers_and_names() {
    let sum = |x: u64| x + (x + 1) + (x + 2) + (x + 3) + (x + 6) + (x + 7) + 10 + 11;
    assert_eq!(registers::parts(3), sum(3) - 6 + 1);
    assert_eq!(registers::swapped(3, 10), 7);
    assert_eq!(registers::named(&[1, 2, 30, 400]), 437);
    assert_eq!(registers::views(0x0807_0605_0403_0201), 1 + 2 + 0x0403 + 2);
    assert_eq!(registers::any_value(), 0);
    assert_eq!(registers::strange(1, 2, 3), 6);
    assert_eq!(registers::initialized(&[0.0; 4], 9), 2.0);
    assert_eq!((registers::shifted(1, 5), registers::bits(0), registers::bits(24)), (32, 64, 3));
    assert_eq!(registers::preserved(2), 12 + 7);
    assert_eq!(registers::with_cleared(5), 4);
}

static WORDS: [u16; 4] = [1, 20, 300, 4000];
extern "C" fn plus_one(x: u64) -> u64 {
    x + 1
}
#[repr(C)]
struct Pair {
    _tag: u8,
    value: u64,
}
const LIMIT: u8 = 9;

/// Instructions and operands.
mod operands {
    use super::{LIMIT, Pair, WORDS, peach_fn, plus_one};
    peach_fn! {
        pub fn spelled(x: u64, p: &mut [u64; 4]) -> u64 {
            MOV rax, x; Add rax, 1;
            test rax, rax;
            jz 'zero; je 'zero;
            mov ecx, 3;
            cmovae rcx, rax; cmovnb rcx, rax;
            sal rax, 1;
            lock add qword ptr [p], 1;
            mov QWORD PTR [p + 8], 5;
            add DWORD [p + 16], 3;
            let place = [p + 24];
            inc qword place;
            return rax;
            'zero: return 0;
        }
        pub fn addresses(p: &[u32; 16], i: u64) -> u64 {
            and i, 1;
            const N = 2;
            mov eax, [4*i + p + 4*N];
            add eax, [p + i*4 - 4 + 8];
            add eax, [p + 4*(N*2 + 1)];
            for k in 0..2 { add eax, [p + i*k]; }
            lea rcx, [i*3]; add rax, rcx;
            lea rcx, [i*5 + 1]; add rax, rcx;
            lea rcx, [i*9]; add rax, rcx;
            lea rcx, [i + p + i]; sub rcx, p; add rax, rcx;
            return rax;
        }
        pub fn immediates() -> u64 {
            const N = 3;
            mov eax, 7; add eax, -1; add eax, 0xF1; add eax, N*4 + 1; add eax, b'a';
            mov rcx, bits(1.0f32); add rax, rcx;
            mov rcx, bits(2.0); shr rcx, 32; add rax, rcx;
            movabs rcx, 5; add rax, rcx;
            return rax;
        }
        pub fn constants_of_rust(p: &Pair) -> u64 {
            // SAFETY: it is a field of the structure. Only rustc knows the offset.
            unsafe { mov rax, [p + const { core::mem::offset_of!(Pair, value) }]; }
            add rax, const { size_of::<Pair>() };
            cmp rax, const { LIMIT };
            mov rcx, const { u64::MAX };
            add al, const { LIMIT };
            add rax, rcx;
            return rax;
        }
        pub fn data(p: &mut [f32; 8]) -> u64 {
            movups xmm0, [p];
            addps xmm0, f32x4(1.0, 2.0, 3.0, 4.0);
            mulps xmm0, f32x4(0.5);
            movups [p], xmm0;
            mov rax, u64(1_000_000_000_000);
            lea rcx, i16x8(-1, 2, 3, 4, 5, 6, 7, 8);
            movsx rcx, word [rcx];
            add rax, rcx;
            return rax;
        }
        pub fn symbols(x: u64) -> u64 {
            mov rcx, sym WORDS;
            // SAFETY: the table has four elements, which only rustc knows.
            unsafe { movzx ebx, word [rcx + 6]; }
            if SYSV { rdi = x; } else { rcx = x; }
            // SAFETY: it takes what the registers hold. What is called is not proven.
            unsafe { call sym plus_one; }
            add rax, rbx;
            return rax;
        }
        const SYSV = true;
        pub fn by_pointer(f: extern "sysv64" fn(u64) -> u64, x: u64) -> u64 {
            rax = f; rdi = x;
            // SAFETY: it takes what the registers hold. What is called is not proven.
            unsafe { call rax; }
            return rax;
        }
        pub fn forced(p: &[u64; 2], x: u64) -> u64 {
            mov rax, disp8 [p]; add rax, disp32 [p + 8];
            test x, x;
            jz short 'a; add rax, 1;
            'a: jmp near 'b;
            align 32;
            'b: return rax;
        }
        #[target_feature(enable = "avx512f,avx512vl")]
        pub fn evex(p: &[f32; 16], out: &mut [f32; 16]) {
            vmovups zmm1, [p];
            kxnorw k1, k1, k1;
            mov eax, 0b101; kmovw k2, eax;
            vaddps zmm1{k2}{z}, zmm1, [p]{1to16};
            vmulps zmm1, zmm1, zmm1, {rn-sae};
            evex vaddps xmm2, xmm1, xmm1;
            vcmpltps k3, zmm1, zmm1;
            vmovups [out]{k1}, zmm1;
        }
        pub fn raw() -> u32 {
            mov eax, 1;
            // SAFETY: it is `inc eax` and `nop`. Nothing is known of raw bytes.
            unsafe { db 0xff, 0xc0, b'@', 0x90; }
            return eax;
        }
        pub fn sums(p: &[u8], q: &mut [u8]) -> usize {
            rcx = p.len;
            cmp rcx, q.len; cmova rcx, q.len;
            rsi = p.ptr; rdi = q.ptr;
            rep movsb;
            rax = p.len; cmp rax, q.len; cmova rax, q.len;
            return rax;
        }
    }
}

#[test]
fn instructions_and_operands() {
    let mut p = [1, 2, 3, 4];
    assert_eq!(operands::spelled(4, &mut p), 10);
    assert_eq!(p, [2, 5, 6, 5]);
    let x: [u32; 16] = std::array::from_fn(|i| 100 * i as u32);
    for i in 0..2u64 {
        let k = i as usize;
        let sum = u64::from(x[k + 2] + x[k + 1] + x[5]);
        let bytes: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
        let at = |n: usize| u64::from(u32::from_le_bytes(bytes[n..n + 4].try_into().unwrap()));
        let expected = (sum + at(0) + at(k)) & 0xffff_ffff;
        assert_eq!(operands::addresses(&x, i), expected + 3 * i + 5 * i + 1 + 9 * i + 2 * i);
    }
    let floats = u64::from(1f32.to_bits()) + (2f64.to_bits() >> 32);
    assert_eq!(operands::immediates(), 7 - 1 + 0xF1 + 13 + 97 + floats + 5);
    assert_eq!(operands::constants_of_rust(&Pair { _tag: 0, value: 5 }), 5 + 16 + 9 - 1);
    let mut floats = [1.0; 8];
    assert_eq!(operands::data(&mut floats), 1_000_000_000_000 - 1);
    assert_eq!(floats[..5], [1.0, 1.5, 2.0, 2.5, 1.0]);
    if cfg!(unix) {
        assert_eq!(operands::symbols(7), 4008);
    }
    extern "sysv64" fn triple(x: u64) -> u64 {
        3 * x
    }
    assert_eq!(operands::by_pointer(triple, 5), 15);
    assert_eq!(operands::forced(&[3, 4], 1), 8);
    if operands::evex::KERNEL.is_supported() {
        let mut out = [9.0; 16];
        // SAFETY: the processor has the extensions.
        operands::evex(&[2.0; 16], &mut out);
        assert_eq!(out[..4], [16.0, 0.0, 16.0, 0.0]);
    }
    assert_eq!(operands::raw(), 2);
    let mut to = [0; 3];
    assert_eq!(operands::sums(&[1, 2, 3, 4], &mut to), 3);
    assert_eq!(to, [1, 2, 3]);
}

/// Labels and blocks.
mod labels {
    use super::peach_fn;
    peach_fn! {
        pub fn sum(p: &[u64]) -> u64 {
            let sum: gp64 = 0;
            let n: gp64 = p.len;
            let q: gp64 = p.ptr;
            test n, n;
            jz 'end;
            'next: {
                add sum, [q];
                add q, 8;
                dec n;
                jnz continue 'next;
            }
            'end: return sum;
        }
        pub fn first_zero(p: &[u8; 8]) -> u64 {
            xor eax, eax;
            'search: {
                for i in 0..8 { cmp byte [p + i], 0; je break 'search; inc eax; }
            }
            return rax;
        }
        pub fn scoped(x: u64) -> u64 {
            { '_a: test x, 1; jz 'b; add x, 10; jmp 'b; 'b: }
            { 'a: test x, 2; jz 'b; add x, 2; jmp 'a; 'b: }
            return x;
        }
        pub fn in_branches(x: u64) -> u64 {
            const HAS = true;
            test x, x;
            jz 'zero;
            if HAS { add x, 1; jmp 'end; 'zero: mov x, 50; }
            'end: return x;
        }
        pub fn indexed(x: u64) -> u64 {
            for i in 0..3 { cmp x, i; je 'case[i]; }
            return 99;
            { 'case[0]: return 10; }
            for i in 1..3 { 'case[i]: return 10 + i; }
        }
        pub fn by_table(i: u64) -> u64 {
            const CASES: [label; 4] = ['a, 'b, 'c, 'd];
            let t: gp64;
            and i, 3;
            // SAFETY: `i` is one of the cases. Where a jump through a table leads is not proven.
            unsafe { lea t, [CASES]; movsxd i, dword [t + i*4]; add i, t; jmp i, CASES; }
            'a: return 1;
            'b: return 20;
            'c: return 300;
            'd: return 4000;
        }
    }
}

#[test]
fn labels_and_blocks() {
    assert_eq!((labels::sum(&[]), labels::sum(&[1, 20, 300])), (0, 321));
    assert_eq!(labels::first_zero(&[1, 2, 0, 4, 5, 6, 7, 8]), 2);
    assert_eq!(labels::first_zero(&[1; 8]), 8);
    assert_eq!((labels::scoped(4), labels::scoped(5)), (4, 17));
    assert_eq!((labels::in_branches(0), labels::in_branches(1)), (50, 2));
    assert_eq!([0, 1, 2, 3].map(labels::indexed), [10, 11, 12, 99]);
    assert_eq!([0, 1, 2, 3].map(labels::by_table), [1, 20, 300, 4000]);
}

/// Compile time.
mod compile_time {
    use super::peach_fn;
    peach_fn! {
        const fn crc(i: u32) -> u32 {
            let mut c = i;
            for _ in 0..8 { c = if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 }; }
            return c;
        }
        const fn gcd(a: u64, b: u64) -> u64 {
            let mut x = a;
            let mut y = b;
            while y != 0 { let t = x % y; x = y; y = t; }
            x
        }
        const fn collatz(n: u32) -> u32 {
            let mut n = n;
            let mut steps = 0;
            loop {
                if n == 1 { break; }
                n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
                steps += 1;
            }
            steps
        }
        const fn pair(k: u32) -> [u32; 2] { [k, k * k] }
        const CRC: [u32; 256] = from_fn(|i| crc(i));
        const TWIDDLES: [[f32; 2]; 8] = from_fn(|k| [(TAU * k as f64 / 8.0).cos(), (TAU * k as f64 / 8.0).sin()]);
        const PAIRS: [[u32; 2]; 4] = from_fn(|k| pair(k as u32));
        pub fn crc_of(i: u8) -> u32 {
            let t: gp64;
            lea t, [CRC];
            movzx eax, i;
            mov eax, [t + 4*rax];
            return eax;
        }
        pub fn twiddle() -> f32 { movss xmm0, [TWIDDLES + 8*3 + 4]; return xmm0; }
        pub fn functions() -> u64 {
            mov rax, gcd(48, 36) + collatz(6) as u64 + PAIRS[3][1] as u64;
            return rax;
        }
        pub fn casts() -> i64 {
            mov rax, (255 as u8) + 1;
            add rax, 300 as u8;
            add rax, (200 as u8) as i8;
            add rax, 2.9 as i32;
            add rax, (1 as u32).rotate_left(5);
            add rax, (0x1234 as u16).swap_bytes();
            add rax, (7 as u8).count_ones() + (1 as u32).leading_zeros() + (8 as u64).trailing_zeros();
            add rax, 3.pow(4) + (-5).abs() + 9.min(4) + 9.max(12) + 1000.ilog2() + (-7).rem_euclid(4);
            add rax, (0xFFFF_FFFF as u32).wrapping_mul(3) as i32;
            return rax;
        }
        pub fn floats(out: &mut [f64; 8]) {
            let all: const = [2.0.sqrt(), 2.0.exp2(), 3.0.powi(3), 2.5.floor(), (-1.5).abs(), PI.sin(), 2.0.mul_add(3.0, 1.0), 7.0.min(2.0)];
            for i in 0..8 { mov rax, bits(all[i]); mov [out + 8*i], rax; }
        }
        inline fn store(op: mnemonic, p: operand, v: [xmm; 4]) {
            for i in 0..4 { op [p + 16*i], v[i]; }
        }
        inline fn fetch(p: gp64) -> gp64 { let t: gp64; mov t, [p]; add p, 8; return t; }
        inline fn both(m: [operand; 2], to: gp64) { mov to, m[0]; add to, m[1]; }
        inline fn two(a: gp64) -> (gp64, gp64) { let b: gp64; lea b, [a + 1]; return (a, b); }
        inline fn unless(a: gp64, out: label) { test a, a; jz out; 'inner: dec a; jnz 'inner; }
        inline fn count(n: const, to: gp64) { if n > 0 { add to, n; count(n - 1, to); } }
        pub fn helpers(x: &[u64; 4], out: &mut [u32; 16]) -> u64 {
            let p: gp64 = x;
            let a = fetch(p);
            let b = fetch(p);
            let c: gp64;
            both([[x + 16], [x + 24]], c);
            add a, b; add a, c;
            let (d, e) = two(a);
            add d, e;
            count(4, d);
            let n: gp64 = 3;
            unless(n, 'end);
            let v: [xmm; 4];
            for i in 0..4 { let t: gp32; mov t, i; movd v[i], t; }
            store(movups, out, v);
            'end: return d;
        }
        pub fn loops(x: u64) -> u64 {
            rax = x;
            for i in (0..8).rev().step_by(3) { add rax, i; }
            for i in 0..=7 { add rax, i; }
            for (a, b) in zip([4, 2, 1], [1, 1, 1]) { add rax, a * b; }
            for op in [add, sub] { op rax, 5; }
            for (op, n) in zip([add, xor], [3, 1]) {
                if op == xor { op rax, n; } else { op rax, 100*n; }
            }
            let mut bit: const = 0;
            while bit < 20 { add rax, bit; bit += 7; }
            const HALF = 8 / 2;
            assert!(HALF % 2 == 0, "even");
            if HALF == 3 {
                ud2;
            } else if isa("avx512vl") {
                ud2;
            } else if isa("sse2") {
                add rax, 1000;
            } else {
                ud2;
            }
            const OP = if HALF == 4 { add } else { sub };
            OP rax, 1;
            inline fn again(n: const) { OP rax, n; }
            again(HALF);
            for m in [[rsp_free], [rsp_free]] { add rax, len(m); }
            return rax;
        }
        const rsp_free = 1;
    }
}

#[test]
fn compile_time() {
    let crc =
        |i: u32| (0..8).fold(i, |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 });
    for i in [0, 1, 77, 255] {
        assert_eq!(compile_time::crc_of(i), crc(u32::from(i)));
    }
    assert_eq!(compile_time::twiddle(), (std::f64::consts::TAU * 3.0 / 8.0).sin() as f32);
    assert_eq!(compile_time::functions(), 12 + 8 + 9);
    let counts = i64::from(7u8.count_ones() + 1u32.leading_zeros() + 8u64.trailing_zeros());
    let maths = 81 + 5 + 4 + 12 + 9 + 1;
    let wrapped = i64::from(0xFFFF_FFFFu32.wrapping_mul(3) as i32);
    assert_eq!(compile_time::casts(), 256 + 44 - 56 + 2 + 32 + 0x3412 + counts + maths + wrapped);
    let mut out = [0.0; 8];
    compile_time::floats(&mut out);
    let expected = [2f64.sqrt(), 4.0, 27.0, 2.0, 1.5, std::f64::consts::PI.sin(), 7.0, 2.0];
    assert_eq!(out, expected);
    let mut lanes = [9; 16];
    assert_eq!(compile_time::helpers(&[1, 2, 3, 4], &mut lanes), 10 + 11 + 10);
    assert_eq!(lanes, [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    let x = 7 + 4 + 1 + 28 + 7;
    assert_eq!(compile_time::loops(0), ((x + 300) ^ 1) + 21 + 1000 + 1 + 4 + 2);
}

/// Streams, and memory of the kernel's own.
mod streams {
    use super::peach_fn;
    peach_fn! {
        pub fn all(p: &[f32; 32], q: &mut [f32; 32]) {
            let v: [xmm; 8];
            stream loads { for i in 0..8 { movups v[i], [p + 16*i]; } }
            stream work { for i in 0..8 { addps v[i], v[i]; } }
            stream stores { for i in 0..8 { movups [q + 16*i], v[i]; } }
            assert!(len(loads) == 8 && len(work) == 8, "one each");
            issue loads;
            issue loads, 2;
            emit work[0];
            emit work[1..3];
            issue loads, ..;
            issue work, 3;
            interleave work 1, stores 2;
        }
        pub fn variables(x: u64) -> u64 {
            let buf: [u64; 16];
            let one: u16;
            let deep: [[u32; 4]; 2] align 32;
            let page: [u8; 64] align 4096;
            for i in 0..16 { mov [buf + 8*i], x; add x, 1; }
            mov word [one], 7;
            for i in 0..8 { mov dword [deep + 4*i], i; }
            lea rcx, [page]; and ecx, 4095;
            lea rdx, [deep]; and edx, 31;
            mov rax, [buf + 8*15];
            movzx esi, word [one];
            add rax, rsi;
            mov esi, [deep + 16*1 + 4*3];
            add rax, rsi; add rax, rcx; add rax, rdx;
            mov byte [page + 63], 1;
            return rax;
        }
    }
}

#[test]
fn streams_and_variables() {
    let x: [f32; 32] = std::array::from_fn(|i| i as f32);
    let mut y = [0.0; 32];
    streams::all(&x, &mut y);
    // `emit` consumes nothing, so the first three are doubled twice; the last is stored before it is.
    let times = |lane: usize| [4.0, 4.0, 4.0, 2.0, 2.0, 2.0, 2.0, 1.0][lane / 4];
    let expected: [f32; 32] = std::array::from_fn(|i| x[i] * times(i));
    assert_eq!(y, expected);
    assert_eq!(streams::variables(100), 115 + 7 + 7);
}
