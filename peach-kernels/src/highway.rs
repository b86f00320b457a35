//! HighwayHash-64 (Alakuijala, Cox and Wassenberg, "Fast keyed hash/pseudo-random function using
//! SIMD multiply and permute", 2016).
//!
//! ```
//! let key = [0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x1716151413121110, 0x1f1e1d1c1b1a1918];
//! assert_eq!(peach_kernels::highway::hash64(&key, &[]), 0x907A56DE22C26E53);
//! ```

use peach_runtime::peach_fn;

peach_fn! {
    const MULTIPLIER_0: [u64; 4] =
        [0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344, 0x243f6a8885a308d3];
    const MULTIPLIER_1: [u64; 4] =
        [0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c, 0x452821e638d01377];

    /// The bytes of two neighboring words, so that the good bits of a product meet the others.
    inline fn zipper_add(a: ymm, b: ymm, t: ymm) {
        vpshufb t, b, u8x32(3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7,
                            3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7);
        vpaddq a, a, t;
    }

    /// Mixes `packet` into the state: v0, v1, and their multipliers.
    inline fn update(state: [ymm; 4], packet: ymm, t: ymm) {
        let (v0, v1, m0, m1) = (state[0], state[1], state[2], state[3]);
        vpaddq v1, v1, m0;
        vpaddq v1, v1, packet;
        vpsrlq t, v0, 32;
        vpmuludq t, t, v1;
        vpxor m0, m0, t;
        vpaddq v0, v0, m1;
        vpsrlq t, v1, 32;
        vpmuludq t, t, v0;
        vpxor m1, m1, t;
        zipper_add(v0, v1, t);
        zipper_add(v1, v0, t);
    }

    /// The hash of `data` under `key`.
    #[target_feature(enable = "avx2")]
    pub fn hash64(key: &[u64; 4], data: &[u8]) -> u64 {
        let (p, n) = (data.ptr, data.len);
        let state: [ymm; 4];
        let packet: ymm;
        let t: ymm;
        vmovdqu packet, [key];
        vmovdqa state[2], [MULTIPLIER_0];
        vmovdqa state[3], [MULTIPLIER_1];
        vpxor state[0], packet, state[2];
        vpshufd packet, packet, 0b10_11_00_01;
        vpxor state[1], packet, state[3];
        'packets: {
            sub n, 32;
            jb break 'packets;
            vmovdqu packet, [p];
            add p, 32;
            update(state, packet, t);
            jmp continue 'packets;
        }
        add n, 32;
        jz 'whole;
        // The number of bytes that are left goes into every half of a word of v0, and by
        // as many bits those of v1 are rotated.
        vmovd t.xmm, n.gp32;
        vpbroadcastd t, t.xmm;
        vpaddq state[0], state[0], t;
        vpsllvd packet, state[1], t;
        let right: ymm;
        vmovdqa right, u32x8(32);
        vpsubd right, right, t;
        vpsrlvd state[1], state[1], right;
        vpor state[1], state[1], packet;
        // Whole words first; then the last four bytes, or three that name up to three.
        let block: [u64; 4] align 32;
        vpxor packet, packet, packet;
        vmovdqa [block], packet;
        let at: gp64 = 0;
        let word: gp32;
        sub n, 4;
        'words: {
            cmp at, n;
            jg break 'words;
            mov word, [p + at];
            mov [block + at], word;
            add at, 4;
            jmp continue 'words;
        }
        add n, 4;
        cmp n, 16;
        jb 'short;
        mov word, [p + n - 4];
        mov [block + 28], word;
        jmp 'filled;
        'short:
        and n.gp32, 3;
        jz 'filled;
        add p, at;
        movzx word, byte [p];
        mov [block + 16], word.gp8;
        movzx word, byte [p + n - 1];
        mov [block + 18], word.gp8;
        shr n.gp32, 1;
        movzx word, byte [p + n];
        mov [block + 17], word.gp8;
        'filled:
        vmovdqa packet, [block];
        update(state, packet, t);
        'whole:
        for _round in 0..4 {
            vpermq packet, state[0], 0b01_00_11_10;
            vpshufd packet, packet, 0b10_11_00_01;
            update(state, packet, t);
        }
        for i in 1..4 { vpaddq state[0].xmm, state[0].xmm, state[i].xmm; }
        let hash: gp64;
        vmovq hash, state[0].xmm;
        return hash;
    }
    #[fallback]
    pub fn hash64(key: &[u64; 4], data: &[u8]) -> u64 {
        let mut state = Plain::new(key);
        let (packets, rest) = data.as_chunks::<32>();
        packets.iter().for_each(|packet| state.update(packet));
        if !rest.is_empty() {
            state.update_rest(rest);
        }
        state.finish()
    }
}

const MULTIPLIER: [[u64; 4]; 2] = [
    [0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344, 0x243f6a8885a308d3],
    [0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c, 0x452821e638d01377],
];

/// The state in plain Rust.
struct Plain {
    v: [[u64; 4]; 2],
    m: [[u64; 4]; 2],
}

impl Plain {
    fn new(key: &[u64; 4]) -> Plain {
        let turned = key.map(|word| word.rotate_left(32));
        let with = |words: &[u64; 4], m: [u64; 4]| std::array::from_fn(|i| words[i] ^ m[i]);
        Plain { v: [with(key, MULTIPLIER[0]), with(&turned, MULTIPLIER[1])], m: MULTIPLIER }
    }

    fn update(&mut self, packet: &[u8; 32]) {
        let (words, _) = packet.as_chunks::<8>();
        self.mix(std::array::from_fn(|i| u64::from_le_bytes(words[i])));
    }

    fn mix(&mut self, packet: [u64; 4]) {
        let [v0, v1] = &mut self.v;
        let [m0, m1] = &mut self.m;
        let product = |a: u64, b: u64| (a & 0xFFFF_FFFF) * (b >> 32);
        for i in 0..4 {
            v1[i] = v1[i].wrapping_add(m0[i]).wrapping_add(packet[i]);
            m0[i] ^= product(v1[i], v0[i]);
            v0[i] = v0[i].wrapping_add(m1[i]);
            m1[i] ^= product(v0[i], v1[i]);
        }
        zipper(v0, v1);
        zipper(v1, v0);
    }

    fn update_rest(&mut self, rest: &[u8]) {
        let n = rest.len();
        for word in &mut self.v[0] {
            *word = word.wrapping_add((n as u64) << 32 | n as u64);
        }
        for word in &mut self.v[1] {
            let half = |bits: u64| u64::from((bits as u32).rotate_left(n as u32));
            *word = half(*word >> 32) << 32 | half(*word);
        }
        let (words, last) = rest.split_at(n & !3);
        let mut packet = [0; 32];
        packet[..words.len()].copy_from_slice(words);
        if n & 16 != 0 {
            packet[28..].copy_from_slice(&rest[n - 4..]);
        } else if let [first, ..] = *last {
            packet[16] = first;
            packet[17] = last[last.len() / 2];
            packet[18] = last[last.len() - 1];
        }
        self.update(&packet);
    }

    fn finish(mut self) -> u64 {
        for _ in 0..4 {
            let [a, b, c, d] = self.v[0];
            self.mix([c, d, a, b].map(|word| word.rotate_left(32)));
        }
        let sum = |of: &[[u64; 4]; 2]| of[0][0].wrapping_add(of[1][0]);
        sum(&self.v).wrapping_add(sum(&self.m))
    }
}

/// Adds the bytes of `from`'s words, two by two, in the order of the specification.
fn zipper(to: &mut [u64; 4], from: &[u64; 4]) {
    const ORDER: [usize; 16] = [3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7];
    for pair in [0, 2] {
        let both = u128::from(from[pair + 1]) << 64 | u128::from(from[pair]);
        let bytes = both.to_le_bytes();
        let mixed = u128::from_le_bytes(ORDER.map(|at| bytes[at]));
        to[pair] = to[pair].wrapping_add(mixed as u64);
        to[pair + 1] = to[pair + 1].wrapping_add((mixed >> 64) as u64);
    }
}
