//! MetroHash64 (J. Andrew Rogers, 2015), a fast hash without a secret: four chains of
//! multiplications and rotations.
//!
//! ```
//! let text = b"012345678901234567890123456789012345678901234567890123456789012";
//! assert_eq!(peach_kernels::metro::hash64(text, 0).to_le_bytes()[..4], [0x6B, 0x75, 0x3D, 0xAE]);
//! ```

use peach_runtime::peach_fn;

const K0: u64 = 0xD6D0_18F5;
const K1: u64 = 0xA2AA_033B;
const K2: u64 = 0x6299_2FC1;
const K3: u64 = 0x30BC_5B29;

peach_fn! {
    // Two of the factors need a register: an immediate has 31 bits beside its sign.
    const K0 = 0xD6D0_18F5;
    const K1 = 0xA2AA_033B;
    const K2 = 0x6299_2FC1;
    const K3 = 0x30BC_5B29;

    // v ^= rotate(((v + other) * factor) + third, 37) * next, and so on.
    inline fn cross(v: gp64, a: gp64, b: gp64, add_to: gp64, factor: gp64, next: gp64) {
        let t: gp64;
        lea t, [a + b];
        imul t, factor;
        add t, add_to;
        ror t, 37;
        imul t, next;
        xor v, t;
    }

    inline fn absorb(hash: gp64, part: gp64, turn: const, factor: gp64) {
        add hash, part;
        mov part, hash;
        ror part, turn;
        imul part, factor;
        xor hash, part;
    }

    /// The hash of `data` with a seed: the reference's eight bytes as a little-endian number.
    pub fn hash64(data: &[u8], seed: u64) -> u64 {
        let (p, n) = (data.ptr, data.len);
        let f0, f1: gp64;
        mov f0, K0;
        mov f1, K1;
        let hash = seed;
        add hash, K2;
        imul hash, f0;
        cmp n, 32;
        jb 'short;
        let v: [gp64; 4];
        for i in 0..4 { mov v[i], hash; }
        'blocks: {
            let t: gp64;
            for i in 0..4 {
                mov t, [p + 8*i];
                if i == 0 { imul t, f0; }
                if i == 1 { imul t, f1; }
                if i == 2 { imul t, t, K2; }
                if i == 3 { imul t, t, K3; }
                add v[i], t;
                ror v[i], 29;
                add v[i], v[(i + 2) % 4];
            }
            add p, 32;
            sub n, 32;
            cmp n, 32;
            jae continue 'blocks;
        }
        cross(v[2], v[0], v[3], v[1], f0, f1);
        cross(v[3], v[1], v[2], v[0], f1, f0);
        cross(v[0], v[0], v[2], v[3], f0, f1);
        cross(v[1], v[1], v[3], v[2], f1, f0);
        xor v[0], v[1];
        add hash, v[0];
        'short:
        let a, b: gp64;
        cmp n, 16;
        jb 'eight;
        imul a, [p], K2;
        add a, hash;
        ror a, 29;
        imul a, a, K3;
        imul b, [p + 8], K2;
        add b, hash;
        ror b, 29;
        imul b, b, K3;
        let t: gp64;
        mov t, a;
        imul t, f0;
        ror t, 21;
        add t, b;
        xor a, t;
        imul t, b, K3;
        ror t, 21;
        add t, a;
        xor b, t;
        add hash, b;
        add p, 16;
        sub n, 16;
        'eight:
        cmp n, 8;
        jb 'four;
        imul a, [p], K3;
        absorb(hash, a, 55, f1);
        add p, 8;
        sub n, 8;
        'four:
        cmp n, 4;
        jb 'two;
        mov a.gp32, [p];
        imul a, a, K3;
        absorb(hash, a, 26, f1);
        add p, 4;
        sub n, 4;
        'two:
        cmp n, 2;
        jb 'one;
        movzx a.gp32, word [p];
        imul a, a, K3;
        absorb(hash, a, 48, f1);
        add p, 2;
        sub n, 2;
        'one:
        cmp n, 1;
        jb 'end;
        movzx a.gp32, byte [p];
        imul a, a, K3;
        absorb(hash, a, 37, f1);
        'end:
        mov a, hash;
        ror a, 28;
        xor hash, a;
        imul hash, f0;
        mov a, hash;
        ror a, 29;
        xor hash, a;
        return hash;
    }

    #[fallback]
    pub fn hash64(data: &[u8], seed: u64) -> u64 {
        plain(data, seed)
    }
}

fn plain(data: &[u8], seed: u64) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let times = u64::wrapping_mul;
    let mut hash = times(seed.wrapping_add(K2), K0);
    let (blocks, mut rest) = data.as_chunks::<32>();
    if !blocks.is_empty() {
        let mut v = [hash; 4];
        for block in blocks {
            for (i, factor) in [K0, K1, K2, K3].into_iter().enumerate() {
                let part = times(number(&block[8 * i..8 * i + 8]), factor);
                v[i] = v[i].wrapping_add(part).rotate_right(29).wrapping_add(v[(i + 2) % 4]);
            }
        }
        for (to, a, b, c, factor, next) in
            [(2, 0, 3, 1, K0, K1), (3, 1, 2, 0, K1, K0), (0, 0, 2, 3, K0, K1), (1, 1, 3, 2, K1, K0)]
        {
            let sum = times(v[a].wrapping_add(v[b]), factor).wrapping_add(v[c]);
            v[to] ^= times(sum.rotate_right(37), next);
        }
        hash = hash.wrapping_add(v[0] ^ v[1]);
    }
    if let Some((block, after)) = rest.split_first_chunk::<16>() {
        let half = |at: usize| {
            let word = times(number(&block[at..at + 8]), K2);
            times(hash.wrapping_add(word).rotate_right(29), K3)
        };
        let (mut a, mut b) = (half(0), half(8));
        a ^= times(a, K0).rotate_right(21).wrapping_add(b);
        b ^= times(b, K3).rotate_right(21).wrapping_add(a);
        hash = hash.wrapping_add(b);
        rest = after;
    }
    for (len, turn) in [(8, 55), (4, 26), (2, 48), (1, 37)] {
        if let Some((part, after)) = rest.split_at_checked(len) {
            hash = hash.wrapping_add(times(number(part), K3));
            hash ^= times(hash.rotate_right(turn), K1);
            rest = after;
        }
    }
    hash = times(hash ^ hash.rotate_right(28), K0);
    hash ^ hash.rotate_right(29)
}
