//! BLAKE3's compression function with its rounds unrolled at compile time, in plain code: against
//! plain Rust, and against published hashes.

use peach_runtime::peach_fn;
use peach_testing::processor::has;

peach_fn! {
    const IV: [u32; 4] align 16 = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A];
    const PERMUTATION: [u8; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

    /// Which word of the message a round takes at a place.
    const fn scheduled(round: u32, place: u32) -> u32 {
        let mut at = place;
        for _ in 0..round { at = PERMUTATION[at] as u32; }
        return at;
    }

    /// Every second word of the schedule, from a place on.
    inline fn message(m: xmm, block: gp64, round: const, place: const) {
        movd m, [block + 4*scheduled(round, place)];
        for i in 1..4 { pinsrd m, [block + 4*scheduled(round, place + 2*i)], i; }
    }

    inline fn rotate(v: xmm, t: xmm, by: const) {
        movdqa t, v;
        psrld v, by;
        pslld t, 32 - by;
        por v, t;
    }

    /// The quarter rounds of four columns.
    inline fn mix(v: [xmm; 4], t: xmm, block: gp64, round: const, place: const) {
        for (i, by) in zip(0..2, [12, 7]) {
            message(t, block, round, place + i);
            paddd v[0], t;
            paddd v[0], v[1];
            pxor v[3], v[0];
            if i == 0 {
                pshuflw v[3], v[3], 0b10_11_00_01;
                pshufhw v[3], v[3], 0b10_11_00_01;
            } else {
                pshufb v[3], u8x16(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
            }
            paddd v[2], v[3];
            pxor v[1], v[2];
            rotate(v[1], t, by);
        }
    }

    /// Each row by another number of columns: diagonals become columns.
    inline fn turn(v: [xmm; 4], by: const) {
        for (r, i) in zip(v[1..4], by) { pshufd r, r, i; }
    }

    /// The chaining value after a block.
    #[target_feature(enable = "sse4.1")]
    pub fn compress(cv: &mut [u32; 8], block: &[u8; 64], counter: u64, len: u32, flags: u32) {
        let v: [xmm; 4];
        let t: xmm;
        movups v[0], [cv];
        movups v[1], [cv + 16];
        movaps v[2], [IV];
        movq v[3], counter;
        pinsrd v[3], len, 2;
        pinsrd v[3], flags, 3;
        for round in 0..7 {
            mix(v, t, block, round, 0);
            turn(v, [0b00_11_10_01, 0b01_00_11_10, 0b10_01_00_11]);
            mix(v, t, block, round, 8);
            turn(v, [0b10_01_00_11, 0b01_00_11_10, 0b00_11_10_01]);
        }
        pxor v[0], v[2];
        pxor v[1], v[3];
        movups [cv], v[0];
        movups [cv + 16], v[1];
    }
}

const FULL_IV: [u32; 8] = [
    0x6A09_E667,
    0xBB67_AE85,
    0x3C6E_F372,
    0xA54F_F53A,
    0x510E_527F,
    0x9B05_688C,
    0x1F83_D9AB,
    0x5BE0_CD19,
];

/// As the specification has it.
fn plain(cv: &mut [u32; 8], block: &[u8; 64], counter: u64, len: u32, flags: u32) {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut m: [u32; 16] =
        std::array::from_fn(|i| u32::from_le_bytes(block[4 * i..4 * i + 4].try_into().unwrap()));
    let mut v = [0u32; 16];
    v[..8].copy_from_slice(cv);
    v[8..12].copy_from_slice(&FULL_IV[..4]);
    v[12..].copy_from_slice(&[counter as u32, (counter >> 32) as u32, len, flags]);
    for _ in 0..7 {
        for i in 0..8 {
            let [a, b, c, d] = match i {
                0..4 => [i, 4 + i, 8 + i, 12 + i],
                _ => [i - 4, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4],
            };
            for (half, [one, other]) in [[16, 12], [8, 7]].into_iter().enumerate() {
                v[a] = v[a].wrapping_add(v[b]).wrapping_add(m[2 * i + half]);
                v[d] = (v[d] ^ v[a]).rotate_right(one);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = (v[b] ^ v[c]).rotate_right(other);
            }
        }
        m = PERMUTATION.map(|i| m[i]);
    }
    for i in 0..8 {
        cv[i] = v[i] ^ v[8 + i];
    }
}

#[test]
fn hashes_are_the_published_ones_and_those_of_plain_rust() {
    if !has("sse4.1", is_x86_feature_detected!("sse4.1")) {
        return;
    }
    // The hash of a message of one block: it starts and ends its chunk, and is the root.
    let hash = |text: &[u8]| {
        let (mut cv, mut block) = (FULL_IV, [0; 64]);
        block[..text.len()].copy_from_slice(text);
        compress(&mut cv, &block, 0, text.len() as u32, 1 | 2 | 8);
        cv.map(|word| format!("{:08x}", word.swap_bytes())).concat()
    };
    assert_eq!(hash(b""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    assert_eq!(hash(b"abc"), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    let mut seed = 7u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 24
    };
    for _ in 0..500 {
        let block: [u8; 64] = std::array::from_fn(|_| next() as u8);
        let mut ours: [u32; 8] = std::array::from_fn(|_| next() as u32);
        let mut theirs = ours;
        let (counter, len, flags) = (next() << 8, next() as u32, next() as u32);
        compress(&mut ours, &block, counter, len, flags);
        plain(&mut theirs, &block, counter, len, flags);
        assert_eq!(ours, theirs);
    }
}
