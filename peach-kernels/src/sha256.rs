//! SHA-256 (FIPS 180-4) with the processor's SHA extensions.
//!
//! ```
//! use peach_kernels::sha256::Sha256;
//!
//! let digest = Sha256::digest(b"abc");
//! assert_eq!(digest[..4], [0xBA, 0x78, 0x16, 0xBF]);
//! let mut running = Sha256::new();
//! running.update(b"a");
//! running.update(b"bc");
//! assert_eq!(running.finalize(), digest);
//! ```

use peach_runtime::peach_fn;

/// A message that is taken in piece by piece.
#[derive(Clone)]
pub struct Sha256 {
    state: [u32; 8],
    /// The bytes that do not fill a block yet.
    waiting: [u8; 64],
    len: u64,
}

/// The first 32 bits of the fractional parts of the square roots of the first eight primes.
const INITIAL: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

impl Sha256 {
    /// An empty message.
    pub const fn new() -> Sha256 {
        Sha256 { state: INITIAL, waiting: [0; 64], len: 0 }
    }

    /// The digest of `message`.
    pub fn digest(message: &[u8]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(message);
        hasher.finalize()
    }

    /// Takes in more of the message.
    pub fn update(&mut self, mut data: &[u8]) {
        let waiting = (self.len % 64) as usize;
        self.len = self.len.wrapping_add(data.len() as u64);
        if waiting > 0 {
            let (first, rest) = data.split_at(data.len().min(64 - waiting));
            self.waiting[waiting..][..first.len()].copy_from_slice(first);
            if waiting + first.len() < 64 {
                return;
            }
            compress(&mut self.state, &self.waiting);
            data = rest;
        }
        let (blocks, rest) = data.split_at(data.len() / 64 * 64);
        compress(&mut self.state, blocks);
        self.waiting[..rest.len()].copy_from_slice(rest);
    }

    /// The digest of the whole message.
    pub fn finalize(mut self) -> [u8; 32] {
        let bits = self.len.wrapping_mul(8);
        let waiting = (self.len % 64) as usize;
        let mut last = [0; 128];
        last[..waiting].copy_from_slice(&self.waiting[..waiting]);
        last[waiting] = 0x80;
        let end = if waiting < 56 { 64 } else { 128 };
        last[end - 8..end].copy_from_slice(&bits.to_be_bytes());
        compress(&mut self.state, &last[..end]);
        let mut digest = [0; 32];
        for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *to = word.to_be_bytes();
        }
        digest
    }
}

impl Default for Sha256 {
    fn default() -> Sha256 {
        Sha256::new()
    }
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
pub(crate) const ROUND: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

peach_fn! {
    const K: [u32; 64] align 16 = const { ROUND };

    /// Takes the whole blocks of 64 bytes at the start of `data` into `state`.
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(crate) fn compress(state: &mut [u32; 8], data: &[u8]) {
        let (p, n) = (data.ptr, data.len);
        let t: xmm;
        let abef: xmm;
        let cdgh: xmm;
        // The instructions expect the words as (a, b, e, f) and (c, d, g, h), highest
        // first.
        movdqu t, [state];
        movdqu cdgh, [state + 16];
        pshufd t, t, 0xB1;
        pshufd cdgh, cdgh, 0x1B;
        movdqa abef, t;
        palignr abef, cdgh, 8;
        pblendw cdgh, t, 0xF0;
        'blocks: {
            sub n, 64;
            jb break 'blocks;
            let old: [xmm; 2];
            old[0] = abef;
            old[1] = cdgh;
            let m: [xmm; 4];
            let w: xmm;
            for g in 0..16 {
                let (m0, m1) = (m[g % 4], m[(g + 1) % 4]);
                let (m2, m3) = (m[(g + 2) % 4], m[(g + 3) % 4]);
                if g < 4 {
                    movdqu m0, [p + 16 * g];
                    pshufb m0, u8x16(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
                } else {
                    sha256msg1 m0, m1;
                    movdqa t, m3;
                    palignr t, m2, 4;
                    paddd m0, t;
                    sha256msg2 m0, m3;
                }
                movdqa w, [K + 16 * g];
                paddd w, m0;
                sha256rnds2 cdgh, abef, w;
                pshufd w, w, 0x0E;
                sha256rnds2 abef, cdgh, w;
            }
            paddd abef, old[0];
            paddd cdgh, old[1];
            add p, 64;
            jmp continue 'blocks;
        }
        pshufd abef, abef, 0x1B;
        pshufd cdgh, cdgh, 0xB1;
        movdqa t, abef;
        pblendw t, cdgh, 0xF0;
        palignr cdgh, abef, 8;
        movdqu [state], t;
        movdqu [state + 16], cdgh;
    }
    #[fallback]
    pub(crate) fn compress(state: &mut [u32; 8], data: &[u8]) {
        for block in data.as_chunks::<64>().0 {
            compress_plainly(state, block);
        }
    }
}

fn compress_plainly(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut w = [0u32; 64];
    for (word, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let mix = |x: u32, a, b, c| x.rotate_right(a) ^ x.rotate_right(b) ^ c;
    for i in 16..64 {
        let (early, late) = (w[i - 15], w[i - 2]);
        w[i] = w[i - 16]
            .wrapping_add(mix(early, 7, 18, early >> 3))
            .wrapping_add(w[i - 7])
            .wrapping_add(mix(late, 17, 19, late >> 10));
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (word, constant) in w.into_iter().zip(ROUND) {
        let first = h
            .wrapping_add(mix(e, 6, 11, e.rotate_right(25)))
            .wrapping_add((e & f) ^ (!e & g))
            .wrapping_add(constant)
            .wrapping_add(word);
        let second = mix(a, 2, 13, a.rotate_right(22)).wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(more);
    }
}
