//! Differences of blocks of 16 by 16 pixels, as encoders of video use them: transformed, with the
//! core in a local function, and of one block from four others. Against plain Rust, and against the
//! same code written by hand with a local subroutine, in size too.

use peach_runtime::peach_fn;
use peach_testing::processor::has;

peach_fn! {
    /// `a + b` and `b - a`.
    inline fn butterfly(a: xmm, b: xmm) { paddw a, b; paddw b, b; psubw b, a; }

    inline fn unpack(low: mnemonic, high: mnemonic, a: xmm, b: xmm) -> (xmm, xmm) {
        let t: xmm;
        movdqa t, a;
        low a, b;
        high t, b;
        return (a, t);
    }

    // Rows that are any distance apart have no region to be proven in.
    /// # Safety
    /// There are 16 bytes to be read at both pointers, and in 15 more rows.
    #[target_feature(enable = "ssse3")]
    unsafe extern "sysv64" fn satd_16x16(
        p: *const u8, stride_p: usize, q: *const u8, stride_q: usize,
    ) -> u32 {
        let right_p, right_q: gp64;
        lea right_p, [p + 8];
        lea right_q, [q + 8];
        let sum: xmm;
        pxor sum, sum;
        for column in 0..2 {
            for _ in 0..4 {
                let (next_p, next_q, next) = satd_8x4(p, stride_p, q, stride_q, sum);
                p = next_p; q = next_q; sum = next;
            }
            if column == 0 { p = right_p; q = right_q; }
        }
        pshufd xmm1, sum, 0b1110;
        paddd xmm1, sum;
        pshufd xmm2, xmm1, 1;
        paddd xmm1, xmm2;
        movd eax, xmm1;
        return eax;
    }

    // Rows that are any distance apart have no region to be proven in.
    /// The sums of absolute differences of a block and four others, whose rows are `stride` apart.
    ///
    /// # Safety
    /// There are 16 bytes to be read at each pointer, and in 15 more rows.
    unsafe extern "sysv64" fn sad_x4_16x16(
        block: &[u8; 256], a: *const u8, b: *const u8, c: *const u8, d: *const u8,
        stride: usize, sums: &mut [u32; 4],
    ) {
        let row, t: xmm;
        let sum: [xmm; 4];
        for s in sum { pxor s, s; }
        for y in 0..16 {
            movdqu row, [block + 16*y];
            for (s, p) in zip(sum, [a, b, c, d]) {
                movdqu t, [p + stride*(y % 2)];
                psadbw t, row;
                paddd s, t;
                if y % 2 == 1 && y < 15 { lea p, [p + 2*stride]; }
            }
        }
        // Two halves of each, in every second lane.
        for (s, t) in zip([sum[0], sum[2]], [sum[1], sum[3]]) { psllq t, 32; por s, t; }
        movdqa t, sum[0];
        punpcklqdq t, sum[2];
        punpckhqdq sum[0], sum[2];
        paddd t, sum[0];
        movdqu [sums], t;
    }

    /// Two blocks of 4 by 4, and where the next rows are.
    local fn satd_8x4(
        p: gp64, stride_p: gp64, q: gp64, stride_q: gp64, sum: xmm,
    ) -> (gp64, gp64, xmm) {
        let r: [xmm; 4];
        let zero, t: xmm;
        pxor zero, zero;
        for i in 0..4 {
            // The kernel's caller has promised the rows.
            movq r[i], [p + stride_p*(i % 2)];
            movq t, [q + stride_q*(i % 2)];
            punpcklbw r[i], zero;
            punpcklbw t, zero;
            psubw r[i], t;
            if i % 2 == 1 { lea p, [p + 2*stride_p]; lea q, [q + 2*stride_q]; }
        }
        for (a, b) in zip([r[0], r[2], r[0], r[1]], [r[1], r[3], r[2], r[3]]) { butterfly(a, b); }
        let (a, b) = unpack(punpcklwd, punpckhwd, r[0], r[1]);
        let (c, d) = unpack(punpcklwd, punpckhwd, r[2], r[3]);
        let (a, c) = unpack(punpckldq, punpckhdq, a, c);
        let (b, d) = unpack(punpckldq, punpckhdq, b, d);
        let (a, b) = unpack(punpcklqdq, punpckhqdq, a, b);
        let (c, d) = unpack(punpcklqdq, punpckhqdq, c, d);
        butterfly(a, b);
        butterfly(c, d);
        // The last step adds and subtracts: half of the two absolute values is the greater one.
        for v in [a, b, c, d] { pabsw v, v; }
        pmaxsw a, c;
        pmaxsw b, d;
        paddw a, b;
        pcmpeqw t, t;
        psrlw t, 15;
        pmaddwd a, t;
        paddd sum, a;
        return (p, q, sum);
    }
}

std::arch::global_asm!(
    ".macro butterfly a, b",
    "paddw \\a, \\b",
    "paddw \\b, \\b",
    "psubw \\b, \\a",
    ".endm",
    // `\b` is free afterwards.
    ".macro unpack low, high, a, b, t",
    "movdqa \\t, \\a",
    "\\low \\a, \\b",
    "\\high \\t, \\b",
    ".endm",
    ".macro row r, p, q",
    "movq \\r, [\\p]",
    "movq xmm6, [\\q]",
    "punpcklbw \\r, xmm5",
    "punpcklbw xmm6, xmm5",
    "psubw \\r, xmm6",
    ".endm",
    "peach_test_satd_by_hand:",
    "lea r8, [rdi + 8]",
    "lea r9, [rdx + 8]",
    "pxor xmm0, xmm0",
    "call 2f",
    "call 2f",
    "call 2f",
    "call 2f",
    "mov rdi, r8",
    "mov rdx, r9",
    "call 2f",
    "call 2f",
    "call 2f",
    "call 2f",
    "pshufd xmm1, xmm0, 14",
    "paddd xmm1, xmm0",
    "pshufd xmm2, xmm1, 1",
    "paddd xmm1, xmm2",
    "movd eax, xmm1",
    "ret",
    "2:",
    "pxor xmm5, xmm5",
    "row xmm1, rdi, rdx",
    "row xmm2, rdi+rsi, rdx+rcx",
    "lea rdi, [rdi + 2*rsi]",
    "lea rdx, [rdx + 2*rcx]",
    "row xmm3, rdi, rdx",
    "row xmm4, rdi+rsi, rdx+rcx",
    "lea rdi, [rdi + 2*rsi]",
    "lea rdx, [rdx + 2*rcx]",
    "butterfly xmm1, xmm2",
    "butterfly xmm3, xmm4",
    "butterfly xmm1, xmm3",
    "butterfly xmm2, xmm4",
    "unpack punpcklwd, punpckhwd, xmm1, xmm2, xmm5",
    "unpack punpcklwd, punpckhwd, xmm3, xmm4, xmm6",
    "unpack punpckldq, punpckhdq, xmm1, xmm3, xmm2",
    "unpack punpckldq, punpckhdq, xmm5, xmm6, xmm4",
    "unpack punpcklqdq, punpckhqdq, xmm1, xmm5, xmm3",
    "unpack punpcklqdq, punpckhqdq, xmm2, xmm4, xmm6",
    "butterfly xmm1, xmm3",
    "butterfly xmm2, xmm6",
    "pabsw xmm1, xmm1",
    "pabsw xmm2, xmm2",
    "pabsw xmm3, xmm3",
    "pabsw xmm6, xmm6",
    "pmaxsw xmm1, xmm2",
    "pmaxsw xmm3, xmm6",
    "paddw xmm1, xmm3",
    "pcmpeqw xmm5, xmm5",
    "psrlw xmm5, 15",
    "pmaddwd xmm1, xmm5",
    "paddd xmm0, xmm1",
    "ret",
    "peach_test_satd_by_hand_end:",
);

unsafe extern "sysv64" {
    fn peach_test_satd_by_hand(p: *const u8, sp: usize, q: *const u8, sq: usize) -> u32;
    fn peach_test_satd_by_hand_end();
}

/// By the definition: the Hadamard transform of every 4 by 4 block of differences.
fn plain(p: &[u8], stride_p: usize, q: &[u8], stride_q: usize) -> u32 {
    let mut sum = 0;
    for block in 0..16 {
        let (y, x) = (block / 4 * 4, block % 4 * 4);
        let mut d = [[0i32; 4]; 4];
        for (i, row) in d.iter_mut().enumerate() {
            for (j, d) in row.iter_mut().enumerate() {
                let at = |stride: usize| (y + i) * stride + x + j;
                *d = i32::from(p[at(stride_p)]) - i32::from(q[at(stride_q)]);
            }
        }
        for _ in 0..2 {
            let rows =
                d.map(|[a, b, c, d]| [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d]);
            d = std::array::from_fn(|i| std::array::from_fn(|j| rows[j][i]));
        }
        sum += d.iter().flatten().map(|d| d.unsigned_abs()).sum::<u32>() / 2;
    }
    sum
}

#[test]
fn differences_are_those_of_plain_rust_and_of_code_by_hand() {
    if !has("ssse3", is_x86_feature_detected!("ssse3")) {
        return;
    }
    let mut seed = 1u32;
    let mut next = |limit: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % limit
    };
    for round in 0..200 {
        let (stride_p, stride_q) = (16 + next(20) as usize, 16 + next(20) as usize);
        let mut pixels = |stride: usize| -> Vec<u8> {
            let extreme = |pixel: u32| if pixel.is_multiple_of(2) { 0 } else { 255 };
            let all = (0..16 * stride).map(|_| next(256));
            all.map(|pixel| if round % 2 == 0 { extreme(pixel) } else { pixel as u8 }).collect()
        };
        let (p, q) = (pixels(stride_p), pixels(stride_q));
        let expected = plain(&p, stride_p, &q, stride_q);
        // SAFETY: there are 16 rows of 16 pixels, and the processor has SSSE3.
        let (ours, by_hand) = unsafe {
            (
                satd_16x16(p.as_ptr(), stride_p, q.as_ptr(), stride_q),
                peach_test_satd_by_hand(p.as_ptr(), stride_p, q.as_ptr(), stride_q),
            )
        };
        assert_eq!((ours, by_hand), (expected, expected));
    }
}

#[test]
fn sums_of_differences_are_those_of_plain_rust() {
    let mut seed = 5u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u8
    };
    for stride in [16, 17, 40] {
        let block: [u8; 256] = std::array::from_fn(|_| next());
        let others: [Vec<u8>; 4] =
            std::array::from_fn(|_| (0..16 * stride).map(|_| next()).collect());
        let expected = others.each_ref().map(|other| {
            let at = |i: usize| other[i / 16 * stride + i % 16];
            (0..256).map(|i| u32::from(block[i].abs_diff(at(i)))).sum::<u32>()
        });
        let [a, b, c, d] = others.each_ref().map(|other| other.as_ptr());
        let mut sums = [0; 4];
        // SAFETY: there are 16 rows of 16 pixels.
        unsafe { sad_x4_16x16(&block, a, b, c, d, stride, &mut sums) };
        assert_eq!(sums, expected);
    }
}

#[test]
fn local_functions_cost_no_more_than_subroutines_by_hand() {
    let start = peach_test_satd_by_hand as *const () as usize;
    let by_hand = peach_test_satd_by_hand_end as *const () as usize - start;
    let ours = satd_16x16::KERNEL.code().len();
    println!("satd_16x16: {ours} bytes, {by_hand} by hand");
    assert!(ours * 100 <= by_hand * 105, "{ours} bytes, {by_hand} by hand");
}
