//! The inverse discrete cosine transform of 8 by 8 coefficients that AV1 adds to a prediction, in
//! plain code: against plain Rust.

use peach_runtime::peach_fn;
use peach_testing::processor::has;

peach_fn! {
    /// `a*x - b*y` and `a*y + b*x`, over 4096, rounded.
    inline fn turn(a: xmm, b: xmm, x: const, y: const) -> (xmm, xmm) {
        let low, high, t, u: xmm;
        movdqa low, a;
        movdqa high, a;
        punpcklwd low, b;
        punpckhwd high, b;
        movdqa t, low;
        movdqa u, high;
        for r in [t, u] { pmaddwd r, i16x8(x, -y, x, -y, x, -y, x, -y); }
        for r in [low, high] { pmaddwd r, i16x8(y, x, y, x, y, x, y, x); }
        for r in [t, u, low, high] { paddd r, i32x4(2048); psrad r, 12; }
        packssdw t, u;
        packssdw low, high;
        return (t, low);
    }

    /// `a + b` and `a - b`.
    inline fn butterfly(a: xmm, b: xmm) -> (xmm, xmm) {
        let d: xmm;
        movdqa d, a;
        paddsw a, b;
        psubsw d, b;
        return (a, d);
    }

    /// Eight transforms of eight values, one in each column.
    inline fn idct(v: [xmm; 8]) -> [xmm; 8] {
        let (t1, t0) = turn(v[0], v[4], 2896, 2896);
        let (t2, t3) = turn(v[2], v[6], 1567, 3784);
        let (a0, a3) = butterfly(t0, t3);
        let (a1, a2) = butterfly(t1, t2);
        let (t4, t7) = turn(v[1], v[7], 799, 4017);
        let (t5, t6) = turn(v[5], v[3], 3406, 2276);
        let (a4, b5) = butterfly(t4, t5);
        let (a7, b6) = butterfly(t7, t6);
        let (a5, a6) = turn(b6, b5, 2896, 2896);
        let (o0, o7) = butterfly(a0, a7);
        let (o1, o6) = butterfly(a1, a6);
        let (o2, o5) = butterfly(a2, a5);
        let (o3, o4) = butterfly(a3, a4);
        return [o0, o1, o2, o3, o4, o5, o6, o7];
    }

    inline fn unpack(low: mnemonic, high: mnemonic, a: xmm, b: xmm) -> (xmm, xmm) {
        let t: xmm;
        movdqa t, a;
        low a, b;
        high t, b;
        return (a, t);
    }

    inline fn transposed(v: [xmm; 8]) -> [xmm; 8] {
        let (a0, a1) = unpack(punpcklwd, punpckhwd, v[0], v[1]);
        let (a2, a3) = unpack(punpcklwd, punpckhwd, v[2], v[3]);
        let (a4, a5) = unpack(punpcklwd, punpckhwd, v[4], v[5]);
        let (a6, a7) = unpack(punpcklwd, punpckhwd, v[6], v[7]);
        let (b0, b1) = unpack(punpckldq, punpckhdq, a0, a2);
        let (b2, b3) = unpack(punpckldq, punpckhdq, a1, a3);
        let (b4, b5) = unpack(punpckldq, punpckhdq, a4, a6);
        let (b6, b7) = unpack(punpckldq, punpckhdq, a5, a7);
        let (c0, c1) = unpack(punpcklqdq, punpckhqdq, b0, b4);
        let (c2, c3) = unpack(punpcklqdq, punpckhqdq, b1, b5);
        let (c4, c5) = unpack(punpcklqdq, punpckhqdq, b2, b6);
        let (c6, c7) = unpack(punpcklqdq, punpckhqdq, b3, b7);
        return [c0, c1, c2, c3, c4, c5, c6, c7];
    }

    // Rows that are any distance apart have no region to be proven in.
    /// Adds the transform of coefficients, column by column, to rows of pixels, and clears them.
    ///
    /// # Safety
    /// There are 8 bytes to be written at the pointer, and in seven more rows.
    #[target_feature(enable = "ssse3")]
    pub unsafe extern "sysv64" fn add_idct_8x8(
        pixels: *mut u8, stride: isize, coefficients: &mut [i16; 64],
    ) {
        let v: [xmm; 8];
        for i in 0..8 { movdqu v[i], [coefficients + 16*i]; }
        let rows = idct(v);
        // Half of it, rounded.
        for r in rows { pmulhrsw r, i16x8(16384); }
        let columns = transposed(rows);
        let w = idct(columns);
        let zero: xmm;
        pxor zero, zero;
        for i in 0..8 { movdqu [coefficients + 16*i], zero; }
        let next: gp64;
        lea next, [stride*3];
        for (r, i) in zip(w, 0..8) {
            pmulhrsw r, i16x8(2048);
            let at = [[pixels], [pixels + stride], [pixels + 2*stride], [pixels + next]][i % 4];
            let t: xmm;
            movq t, at;
            punpcklbw t, zero;
            paddw r, t;
            packuswb r, r;
            movq at, r;
            if i == 3 { lea pixels, [pixels + 4*stride]; }
        }
    }
}

/// One transform, as the specification of AV1 has it (7.13.2.3).
fn plain(x: [i32; 8]) -> [i32; 8] {
    let clip = |x: i32| x.clamp(-32768, 32767);
    let turn = |a: i32, b: i32, x: i32, y: i32| {
        ((a * x - b * y + 2048) >> 12, (a * y + b * x + 2048) >> 12)
    };
    let both = |a: i32, b: i32| (clip(a + b), clip(a - b));
    let (t1, t0) = turn(x[0], x[4], 2896, 2896);
    let (t2, t3) = turn(x[2], x[6], 1567, 3784);
    let ((a0, a3), (a1, a2)) = (both(t0, t3), both(t1, t2));
    let (t4, t7) = turn(x[1], x[7], 799, 4017);
    let (t5, t6) = turn(x[5], x[3], 3406, 2276);
    let ((a4, b5), (a7, b6)) = (both(t4, t5), both(t7, t6));
    let (a5, a6) = turn(b6, b5, 2896, 2896);
    let ((o0, o7), (o1, o6)) = (both(a0, a7), both(a1, a6));
    let ((o2, o5), (o3, o4)) = (both(a2, a5), both(a3, a4));
    [o0, o1, o2, o3, o4, o5, o6, o7]
}

#[test]
fn transforms_are_those_of_plain_rust() {
    if !has("ssse3", is_x86_feature_detected!("ssse3")) {
        return;
    }
    let mut seed = 3u32;
    let mut next = move |limit: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % limit
    };
    for round in 0..500 {
        let range = [3, 40, 2000, 8000][round % 4];
        let mut coefficients: [i16; 64] =
            std::array::from_fn(|_| next(range) as i16 - (range / 2) as i16);
        let stride = 8 + next(9) as usize;
        let mut pixels: Vec<u8> = (0..8 * stride).map(|_| next(256) as u8).collect();
        let mut expected = pixels.clone();
        let rows: [[i32; 8]; 8] = std::array::from_fn(|row| {
            let row = std::array::from_fn(|i| i32::from(coefficients[8 * i + row]));
            plain(row).map(|x| (x + 1) >> 1)
        });
        for column in 0..8 {
            for (row, x) in plain(rows.map(|row| row[column])).into_iter().enumerate() {
                let pixel = &mut expected[row * stride + column];
                *pixel = (i32::from(*pixel) + ((x + 8) >> 4)).clamp(0, 255) as u8;
            }
        }
        // SAFETY: there are eight rows, and the processor has SSSE3.
        unsafe { add_idct_8x8(pixels.as_mut_ptr(), stride as isize, &mut coefficients) };
        assert_eq!(pixels, expected);
        assert_eq!(coefficients, [0; 64]);
    }
}
