//! What the kernels of PeachPy's users need, each in a small kernel of its own, run against plain
//! Rust: ChaCha20, AEZ, bit packing, HighwayHash, SipHash and Marvin32, MetroHash and StadtX,
//! Chaskey, Speck, the Bloom index, group varint, NNPACK's matrix products, transforms and
//! activations, Yeppp!.

use peach_runtime::peach_fn;
use peach_testing::processor::{has, runs};

// ChaCha20: helpers over registers, places held in names, aliases, a hand spill in aligned stack
// memory, loops with a way out, `cpuid` and `xgetbv` with their fixed registers, `vzeroall`.
peach_fn! {
    inline fn quarter(a: gp32, b: gp32, c: gp32, d: gp32) {
        add a, b; xor d, a; rol d, 16;
        add c, d; xor b, c; rol b, 12;
        add a, b; xor d, a; rol d, 8;
        add c, d; xor b, c; rol b, 7;
    }
    fn quarter_rounds(state: &mut [u32; 4], rounds: u64) {
        let scratch: [u32; 8] align 32;
        let (slot_a, slot_b) = ([scratch], [scratch + 4]);
        let v: [gp32; 4];
        for (i, r) in zip(0..4, v) { mov r, [state + 4*i]; }
        let (a, tmp) = (v[0], v[3]);
        mov slot_a, a;
        mov slot_b, v[1];
        'rounds: {
            test rounds, rounds;
            jz break 'rounds;
            mov a, slot_a;
            mov v[1], slot_b;
            quarter(a, v[1], v[2], tmp);
            mov slot_a, a;
            mov slot_b, v[1];
            dec rounds;
            jmp continue 'rounds;
        }
        for (i, r) in zip(0..4, v) { mov [state + 4*i], r; }
    }
    #[target_feature(enable = "xsave")]
    fn has_avx() -> bool {
        let supported: gp32;
        mov eax, 1;
        xor ecx, ecx;
        cpuid;
        mov supported, ecx;
        and supported, 0x1800_0000; // OSXSAVE and AVX
        cmp supported, 0x1800_0000;
        jne 'no;
        xor ecx, ecx;
        // SAFETY: OSXSAVE says that it is there. The proof does not know what bits of `cpuid` mean.
        unsafe { xgetbv; }
        not eax;
        test eax, 6;
        setz al;
        return al;
        'no: return false;
    }
    #[target_feature(enable = "avx")]
    fn zeros(out: &mut [f32; 16]) {
        let acc: [ymm; 2];
        vzeroall;
        for (i, r) in zip(0..2, acc) { vmovups [out + 32*i], r; }
    }
}

#[test]
fn chacha20() {
    let mut state = [0x11111111, 0x01020304, 0x9b8d6f43, 0x01234567];
    quarter_rounds(&mut state, 1);
    // RFC 8439, 2.1.1.
    assert_eq!(state, [0xea2a92f4, 0xcb1cf8ce, 0x4581472e, 0x5881c4bb]);
    if runs(has_avx::KERNEL.try_get()) {
        assert_eq!(has_avx(), is_x86_feature_detected!("avx"));
    }
    if runs(zeros::KERNEL.try_get()) {
        let mut out = [1.0; 16];
        zeros(&mut out);
        assert_eq!(out, [0.0; 16]);
    }
}

// AEZ: nine arguments, one of them read late and three times, AES rounds, 256 bytes of scratch.
peach_fn! {
    #[target_feature(enable = "aes")]
    fn nine(a: &[u8; 16], b: &[u8; 16], c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, out: &mut [u8; 16]) -> u64 {
        let scratch: [u8; 256] align 64;
        let v: xmm = [a];
        let t: gp64;
        for r in [c, d, e, f, g] { add r, h; }
        for _ in 0..3 { t = h; add t, t; add c, t; }
        for i in 0..16 { movaps [scratch + 16*i], v; }
        aesenc v, [scratch + 16*15];
        movdqu xmm1, [b];
        pxor v, xmm1;
        movdqu [out], v;
        for r in [d, e, f, g] { add c, r; }
        return c;
    }
}

#[test]
fn aez() {
    if runs(nine::KERNEL.try_get()) {
        let mut out = [0; 16];
        let sum = nine(&[0; 16], &[1; 16], 1, 2, 3, 4, 5, 1000, &mut out);
        assert_eq!(sum, 15 + 5000 + 6000);
        assert_eq!(out, [0x63 ^ 1; 16], "SubBytes of zeros");
    }
}

// Bit packing: a family over a constant, compile-time variables and lists, recursion, lists of
// places, negative displacements, a byte as the result.
peach_fn! {
    inline fn or_tree(v: [gp64; 4], from: const, count: const) {
        if count > 1 {
            or_tree(v, from, count / 2);
            or_tree(v, from + count / 2, count - count / 2);
            or v[from], v[from + count / 2];
        }
    }
    for BITS in [1, 7, 64] {
        fn packs_{BITS}(x: &[u64; 4]) -> u8 {
            const MASK = (1 << BITS) - 1;
            let v: [gp64; 4];
            let end: gp64;
            lea end, [x + 32];
            let places = [[x], [x + 8], [x + 16], [end - 8]];
            let mut bit: const = 0;
            let mut order: const = [0];
            while len(order) < 4 {
                order = if len(order) == 1 { [0, 1] } else { [0, 1, 2, 3] };
                bit += 7;
            }
            assert!(bit == 14 && MASK > 0);
            for (r, place) in zip(v, places) { mov r, place; }
            if BITS < 64 { for r in v { let m: gp64; mov m, MASK; and r, m; } }
            or_tree(v, 0, 4);
            xor eax, eax;
            bsr rax, v[0];
            inc rax;
            return rax.gp8;
        }
    }
}

#[test]
fn bit_packing() {
    assert_eq!(packs_7(&[1, 0x1FF, 64, 3]), 7);
    assert_eq!(packs_1(&[1, 2, 4, 8]), 1);
    assert_eq!(packs_64(&[1, 1 << 40, 0, 1]), 41);
}

// HighwayHash, StadtX, SipHash, Marvin32: a state of several registers, helpers that return
// registers and hold labels and loops, jumps by cases that fall through, a tree of jumps by
// recursion.
peach_fn! {
    inline fn update(state: [gp64; 4], m: operand, rounds: const) {
        xor state[3], m;
        for _ in 0..rounds { add state[0], state[1]; rol state[1], 13; xor state[1], state[0]; }
        xor state[0], m;
    }
    inline fn zero_extended(x: gp64) -> gp64 { let t: gp64; movzx t.gp32, x.gp8; return t; }
    inline fn count_bits(x: gp64) -> gp64 {
        let n: gp64 = 0;
        'next: {
            test x, x;
            jz break 'next;
            lea rax, [x - 1];
            and x, rax;
            inc n;
            jmp continue 'next;
        }
        return n;
    }
    fn sip_like(k: &[u64; 2], m: u64) -> u64 {
        let s: [gp64; 4];
        for (r, i) in zip(s, [0, 1, 0, 1]) { mov r, [k + 8*i]; }
        update(s, m, 2);
        update(s, [k + 8], 1);
        update(s, 0, 3);
        xor s[0], s[1];
        xor s[0], s[3];
        return s[0];
    }
    fn bits_of_both(x: u64, y: u64) -> u64 {
        let a = count_bits(x);
        let low = zero_extended(y);
        let b = count_bits(low);
        add a, b;
        return a;
    }
    inline fn tree(n: gp64, from: const, to: const, targets: operand) {
        if to - from == 1 {
            jmp targets[from];
        } else {
            const MIDDLE = (from + to) / 2;
            cmp n, MIDDLE;
            jae 'upper;
            tree(n, from, MIDDLE, targets);
            'upper: tree(n, MIDDLE, to, targets);
        }
    }
    fn by_tree(n: u64) -> u64 {
        cmp n, 5;
        jae 'case[0];
        tree(n, 0, 5, ['case[0], 'case[1], 'case[2], 'case[3], 'case[4]]);
        for i in 0..5 { 'case[i]: return 10 * i + 1; }
    }
    fn tail(x: &[u8; 8], n: u64) -> u64 {
        let sum: gp64 = 0;
        const ENTRY: [label; 9] = ['left[0], 'left[1], 'left[2], 'left[3], 'left[4], 'left[5], 'left[6], 'left[7], 'left[8]];
        let t: gp64;
        cmp n, 8;
        ja 'left[0];
        lea t, [ENTRY];
        movsxd n, dword [t + n*4];
        add n, t;
        // SAFETY: `n` is one of the entries. Where a jump through a table leads is not proven.
        unsafe { jmp n, ENTRY; }
        for i in (1..=8).rev() {
            'left[i]:
            movzx eax, byte [x + i - 1];
            add sum, rax;
        }
        'left[0]: return sum;
    }
}

#[test]
fn hashes() {
    let expected = |k: [u64; 2], m: u64| {
        let mut s = [k[0], k[1], k[0], k[1]];
        for (m, rounds) in [(m, 2), (k[1], 1), (0, 3)] {
            s[3] ^= m;
            for _ in 0..rounds {
                s[0] = s[0].wrapping_add(s[1]);
                s[1] = s[1].rotate_left(13) ^ s[0];
            }
            s[0] ^= m;
        }
        s[0] ^ s[1] ^ s[3]
    };
    assert_eq!(sip_like(&[3, 1 << 63], 0x1234), expected([3, 1 << 63], 0x1234));
    assert_eq!(bits_of_both(0xFF00, 0x107), 8 + 3);
    assert_eq!((0..6).map(by_tree).collect::<Vec<u64>>(), [1, 11, 21, 31, 41, 1]);
    let sums: Vec<u64> = (0..10).map(|n| tail(&[1, 2, 3, 4, 5, 6, 7, 8], n)).collect();
    assert_eq!(sums, [0, 1, 3, 6, 10, 15, 21, 28, 36, 0]);
}

// Chaskey, Speck, the Bloom index, group varint: a helper with a loop used twice, bytes, a key that
// is register, place or number, a store of an immediate, a loop that is left, the address of a
// table of the Rust program.
static MASKS: [u8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

peach_fn! {
    inline fn rounds(x: gp64, n: const) {
        let i: gp8 = n;
        'again: { rol x, 5; add x, n; dec i; jnz continue 'again; }
    }
    fn chaskey_like(x: u64, out: &mut u64, y: u64) -> u64 {
        mov qword [out], -2;
        rounds(x, 8);
        add x, y;
        rounds(x, 12);
        add x, [out];
        add x, y;
        return x;
    }
    inline fn round(x: gp64, y: gp64, key: operand) {
        ror x, 8;
        add x, y;
        xor x, key;
        rol y, 3;
        xor y, x;
    }
    fn speck_like(x: u64, y: u64, key: u64, keys: &[u64; 32]) -> (u64, u64) {
        for i in 0..32 { round(x, y, [keys + 8*i]); }
        round(x, y, key);
        round(x, y, 0x1234);
        return (x, y);
    }
    fn first_common(a: &[u64; 8], b: &[u64; 8]) -> u32 {
        let t: gp64;
        for i in 0..8 {
            mov t, [a + 8*i];
            and t, [b + 8*i];
            jnz 'found[i];
        }
        return 8;
        for i in 0..8 { 'found[i]: return i; }
    }
    #[target_feature(enable = "ssse3")]
    fn swapped(x: &[u8; 16], out: &mut [u8; 16]) {
        let masks: gp64;
        movdqu xmm0, [x];
        mov masks, sym MASKS;
        // SAFETY: there are 16 bytes of masks, which only rustc knows.
        unsafe { movdqu xmm1, [masks]; }
        pshufb xmm0, xmm1;
        movdqu [out], xmm0;
    }
}

#[test]
fn ciphers_and_indices() {
    let rounds = |mut x: u64, n: u64| {
        (0..n).for_each(|_| x = x.rotate_left(5).wrapping_add(n));
        x
    };
    let mut out = 0;
    let expected = rounds(rounds(77, 8).wrapping_add(5), 12).wrapping_sub(2).wrapping_add(5);
    assert_eq!((chaskey_like(77, &mut out, 5), out), (expected, -2_i64 as u64));
    let keys: [u64; 32] = std::array::from_fn(|i| i as u64 * 0x9E37_79B9);
    let (mut x, mut y) = (1_u64, 2_u64);
    for key in keys.into_iter().chain([99, 0x1234]) {
        x = x.rotate_right(8).wrapping_add(y) ^ key;
        y = y.rotate_left(3) ^ x;
    }
    assert_eq!(speck_like(1, 2, 99, &keys), (x, y));
    assert_eq!(first_common(&[1, 2, 4, 8, 0, 0, 0, 0], &[2, 4, 1, 9, 0, 0, 0, 0]), 3);
    assert_eq!(first_common(&[1; 8], &[2; 8]), 8);
    if runs(swapped::KERNEL.try_get()) {
        let mut out = [0; 16];
        swapped(&std::array::from_fn(|i| i as u8), &mut out);
        assert_eq!(out, MASKS);
    }
}

// NNPACK: matrices of registers, transposed at compile time; tails under masks from a table; blocks
// that are left early; registers that change names; stack variables, constants and registers for
// one helper; every second register; instructions chosen by name; floats and whole vectors as
// arguments and results.
peach_fn! {
    const TAILS: [u32; 16] = [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF,
        0xFFFF_FFFF, 0, 0, 0, 0, 0, 0, 0, 0];

    for UPTO in 1..=3 {
        #[target_feature(enable = "avx,fma")]
        // NNPACK hands over pointers without lengths.
        unsafe fn gemm_{UPTO}(k: usize, a: *const f32, b: *const f32, c: &mut [f32; 24]) {
            let acc: [[ymm; UPTO]; 1];
            vzeroall;
            'done: {
                test k, k;
                jz break 'done;
                'step: {
                    prefetcht0 [b + 256];
                    let row: ymm = [b];
                    for (i, r) in zip(0..UPTO, acc[0]) {
                        let x: ymm;
                        vbroadcastss x, [a + 4*i];
                        vfmadd231ps r, x, row;
                    }
                    add a, 4*UPTO;
                    add b, 32;
                    dec k;
                    jnz continue 'step;
                }
            }
            for (i, r) in zip(0..UPTO, acc[0]) { vmovups [c + 32*i], r; }
        }
    }
    #[target_feature(enable = "avx")]
    // As above, and what a mask in a vector enables is not proven.
    unsafe fn sum_upto(x: *const f32, n: usize) -> f32 {
        let mask: ymm;
        let v: ymm;
        lea rax, [TAILS + 32];
        shl n, 2;
        sub rax, n;
        vmovups mask, [rax];
        vmaskmovps v, mask, [x];
        let high: xmm;
        vextractf128 high, v, 1;
        vaddps high, high, v.xmm;
        vhaddps high, high, high;
        vhaddps high, high, high;
        return high;
    }
    inline fn butterfly(op: mnemonic, a: xmm, m: operand) { op a, m; }
    inline fn transpose(m: [[xmm; 2]; 2]) -> [[xmm; 2]; 2] {
        let t = [[m[0][0], m[1][0]], [m[0][1], m[1][1]]];
        return t;
    }
    fn transform(x: &[f32; 16], out: &mut [f32; 16]) {
        let m: [[xmm; 2]; 2];
        let saved: [f32; 4] align 16;
        for (i, r) in zip(0..4, [m[0][0], m[0][1], m[1][0], m[1][1]]) { movups r, [x + 16*i]; }
        movaps [saved], m[0][0];
        let t = transpose(m);
        let (first, second) = (t[0], t[1]);
        butterfly(addps, first[0], first[1]);
        butterfly(subps, second[0], [saved]);
        butterfly(mulps, second[1], f32x4(2.0));
        let (first, second) = (second, first);
        let store = [movups, movaps];
        let op = store[0];
        let all = [first[0], first[1], second[0], second[1]];
        for (i, r) in zip(0..2, all.step_by(2)) { op [out + 32*i], r; }
        for (i, r) in zip(0..2, all[1..].step_by(2)) { op [out + 32*i + 16], r; }
    }
    #[target_feature(enable = "avx")]
    fn scaled(x: core::arch::x86_64::__m256, by: f32) -> core::arch::x86_64::__m256 {
        shuffle(by);
        let wide: ymm;
        vinsertf128 wide, by.ymm, by, 1;
        vmulps x, x, wide;
        return x;
    }
    inline fn shuffle(r: xmm) { vshufps r, r, r, 0; }
    fn relu(x: f32, slope: f32) -> f32 {
        let low: xmm = x;
        mulss low, slope;
        pxor xmm2, xmm2;
        comiss x, xmm2;
        ja 'keep;
        return low;
        'keep: return x;
    }
}

#[test]
fn nnpack() {
    if runs(gemm_3::KERNEL.try_get()) {
        let (a, b): (Vec<f32>, Vec<f32>) =
            ((0..15).map(|i| i as f32).collect(), (0..40).map(|i| 0.5 * i as f32).collect());
        let mut c = [0.0; 24];
        // SAFETY: five steps of three and eight floats.
        unsafe { gemm_3(5, a.as_ptr(), b.as_ptr(), &mut c) };
        let expected = |i: usize| (0..5).map(|k| a[3 * k + i / 8] * b[8 * k + i % 8]).sum::<f32>();
        assert_eq!(c.to_vec(), (0..24).map(expected).collect::<Vec<f32>>());
        // SAFETY: nothing is read.
        unsafe { gemm_1(0, a.as_ptr(), b.as_ptr(), &mut c) };
        assert_eq!(c[..8], [0.0; 8]);
        // SAFETY: nothing is read.
        unsafe { gemm_2(0, a.as_ptr(), b.as_ptr(), &mut c) };
        assert_eq!(c[..16], [0.0; 16]);
        for n in 0..=8 {
            // SAFETY: there are as many.
            let sum = unsafe { sum_upto(a[..n].as_ptr(), n) };
            assert_eq!(sum, (0..n).map(|i| i as f32).sum::<f32>(), "{n}");
        }
    }
    let x: [f32; 16] = std::array::from_fn(|i| i as f32);
    let mut out = [0.0; 16];
    transform(&x, &mut out);
    let row = |f: fn(f32) -> f32| -> Vec<f32> { x[..4].iter().map(|&x| f(x)).collect() };
    assert_eq!(out[..4], row(|x| x + 4.0 - x), "the second column without the first register");
    assert_eq!(out[4..8], row(|x| 2.0 * (x + 12.0)));
    assert_eq!(out[8..12], row(|x| x + x + 8.0));
    assert_eq!(out[12..], row(|x| x + 8.0));
    assert_eq!((relu(-4.0, 0.25), relu(4.0, 0.25)), (-1.0, 4.0));
    if has("avx", is_x86_feature_detected!("avx")) {
        use std::arch::x86_64::{_mm256_set1_ps, _mm256_storeu_ps};
        let mut lanes = [0.0; 8];
        // SAFETY: the processor has AVX, and there are eight floats.
        unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), scaled(_mm256_set1_ps(2.0), 1.5)) };
        assert_eq!(lanes, [3.0; 8]);
    }
}

// Yeppp!: columns of instructions as streams, a pipeline of prologue, steady state and epilogue
// made by index, opcodes by element type, alignment, a constant result after a label.
peach_fn! {
    for TYPE in 0..2 {
        // Yeppp! hands over pointers and one length.
        unsafe fn add_arrays_{TYPE}(x: *const u8, y: *const u8, z: *mut u8, rounds: usize) -> u32 {
            const UNROLL = 3;
            let add = [paddd, paddq];
            let op = add[TYPE];
            let a: [xmm; UNROLL];
            let b: [xmm; UNROLL];
            stream loads {
                for i in 0..UNROLL { movdqu a[i], [x + 16*i]; movdqu b[i], [y + 16*i]; }
            }
            stream sums { for i in 0..UNROLL { op a[i], b[i]; } }
            stream stores { for i in 0..UNROLL { movdqu [z + 16*i], a[i]; } }
            test rounds, rounds;
            jz 'nothing;
            align 16;
            'round: {
                for step in 0..UNROLL + 2 {
                    if step < UNROLL { emit loads[2*step..2*step + 2]; }
                    if step >= 1 && step <= UNROLL { emit sums[step - 1]; }
                    if step >= 2 { emit stores[step - 2]; }
                }
                for p in [x, y, z] { add p, 16*UNROLL; }
                dec rounds;
                jnz continue 'round;
            }
            return 0;
            'nothing: return 1;
        }
    }
}

#[test]
fn yeppp() {
    let (x, y): (Vec<u32>, Vec<u32>) =
        ((0..24).collect(), (0..24).map(|i| u32::MAX - 2 * i).collect());
    let mut z = vec![0_u32; 24];
    let (px, py, pz) = (x.as_ptr().cast(), y.as_ptr().cast(), z.as_mut_ptr().cast());
    // SAFETY: two rounds of three times 16 bytes.
    assert_eq!(unsafe { add_arrays_0(px, py, pz, 2) }, 0);
    assert!(z.iter().enumerate().all(|(i, &z)| z == x[i].wrapping_add(y[i])));
    // SAFETY: as before, and nothing.
    assert_eq!(unsafe { (add_arrays_1(px, py, pz, 2), add_arrays_1(px, py, pz, 0)) }, (0, 1));
    let long = |v: &[u32], i: usize| u64::from(v[2 * i]) | u64::from(v[2 * i + 1]) << 32;
    assert!((0..12).all(|i| long(&z, i) == long(&x, i).wrapping_add(long(&y, i))));
}
