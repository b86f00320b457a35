//! ChaCha20 (RFC 8439), eight or sixteen blocks at a time.
//!
//! ```
//! use peach_kernels::chacha20::ChaCha20;
//!
//! let mut message = *b"attack at dawn";
//! ChaCha20::new(&[7; 32], &[0; 12]).apply_keystream(&mut message);
//! assert_ne!(&message, b"attack at dawn");
//! ChaCha20::new(&[7; 32], &[0; 12]).apply_keystream(&mut message);
//! assert_eq!(&message, b"attack at dawn");
//! ```

use peach_runtime::peach_fn;

/// A key stream. It ends after 2^32 blocks of 64 bytes, when its counter begins anew: a longer
/// message must not be encrypted under one nonce.
#[derive(Clone)]
pub struct ChaCha20 {
    state: [u32; 16],
    /// The block that was begun, and how much of it is used.
    block: [u8; 64],
    used: usize,
}

impl ChaCha20 {
    /// The stream for a key and a nonce, from block 0 on.
    pub fn new(key: &[u8; 32], nonce: &[u8; 12]) -> ChaCha20 {
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        let mut state = [0; 16];
        state[..4].copy_from_slice(&[0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
        for (to, from) in state[4..12].iter_mut().zip(key.as_chunks::<4>().0) {
            *to = word(from);
        }
        for (to, from) in state[13..].iter_mut().zip(nonce.as_chunks::<4>().0) {
            *to = word(from);
        }
        ChaCha20 { state, block: [0; 64], used: 64 }
    }

    /// Goes to the beginning of a block: 1 is where RFC 8439's AEAD begins.
    pub fn seek(&mut self, block: u32) {
        self.state[12] = block;
        self.used = 64;
    }

    /// Encrypts or decrypts: exclusive or with the next bytes of the stream.
    pub fn apply_keystream(&mut self, data: &mut [u8]) {
        let (begun, data) = data.split_at_mut(data.len().min(64 - self.used));
        self.take(begun);
        let whole = data.len() / GROUP * GROUP;
        let (groups, rest) = data.split_at_mut(whole);
        xor_groups(&mut self.state, groups);
        for part in rest.chunks_mut(64) {
            block(&self.state, &mut self.block);
            self.state[12] = self.state[12].wrapping_add(1);
            self.used = 0;
            self.take(part);
        }
    }

    /// Uses up part of the block that was begun.
    fn take(&mut self, data: &mut [u8]) {
        for (byte, key) in data.iter_mut().zip(&self.block[self.used..]) {
            *byte ^= key;
        }
        self.used += data.len();
    }
}

/// The bytes that `xor_groups` takes at a time, in every version.
const GROUP: usize = 1024;

peach_fn! {
    // Sixteen vectors of a word of sixteen blocks each: all of the state in registers.
    const NUMBERS: [u32; 16] = from_fn(|i| i);

    #[target_feature(enable = "avx512f")]
    pub(crate) fn xor_groups(#[secret] state: &mut [u32; 16], #[secret] data: &mut [u8]) {
        let (p, n) = (data.ptr, data.len);
        'groups: {
            sub n, 1024;
            jb break 'groups;
            let x: [zmm; 16];
            for i in 0..16 { vpbroadcastd x[i], dword [state + 4*i]; }
            vpaddd x[12], x[12], [NUMBERS];
            let rounds: gp32 = 10;
            'double_round: {
                for turn in [0, 1] {
                    for turns in [[16, 12], [8, 7]] {
                        for i in 0..4 {
                            const J = 4 + (i + turn) % 4;
                            const K = 8 + (i + 2*turn) % 4;
                            const L = 12 + (i + 3*turn) % 4;
                            vpaddd x[i], x[i], x[J];
                            vpxord x[L], x[L], x[i];
                            vprold x[L], x[L], turns[0];
                            vpaddd x[K], x[K], x[L];
                            vpxord x[J], x[J], x[K];
                            vprold x[J], x[J], turns[1];
                        }
                    }
                }
                dec rounds;
                jnz continue 'double_round;
            }
            for i in 0..16 { vpaddd x[i], x[i], [state + 4*i]{1to16}; }
            vpaddd x[12], x[12], [NUMBERS];
            // Each four words of four blocks in each lane of 128 bits, …
            let y: [zmm; 16];
            for i in (0..16).step_by(4) {
                vpunpckldq y[i], x[i], x[i + 1];
                vpunpckhdq y[i + 1], x[i], x[i + 1];
                vpunpckldq y[i + 2], x[i + 2], x[i + 3];
                vpunpckhdq y[i + 3], x[i + 2], x[i + 3];
                vpunpcklqdq x[i], y[i], y[i + 2];
                vpunpckhqdq x[i + 1], y[i], y[i + 2];
                vpunpcklqdq x[i + 2], y[i + 1], y[i + 3];
                vpunpckhqdq x[i + 3], y[i + 1], y[i + 3];
            }
            // … then the lanes: x[4*g + j] has words 4*g to 4*g + 3 of blocks j, 4 + j, 8 + j, 12 +
            // j.
            for j in 0..4 {
                vshufi32x4 y[0], x[j], x[4 + j], 0x44;
                vshufi32x4 y[1], x[8 + j], x[12 + j], 0x44;
                vshufi32x4 y[2], x[j], x[4 + j], 0xEE;
                vshufi32x4 y[3], x[8 + j], x[12 + j], 0xEE;
                vshufi32x4 y[4], y[0], y[1], 0x88;
                vshufi32x4 y[5], y[0], y[1], 0xDD;
                vshufi32x4 y[6], y[2], y[3], 0x88;
                vshufi32x4 y[7], y[2], y[3], 0xDD;
                for i in 0..4 {
                    let at = [p + 64 * (4*i + j)];
                    vpxord y[4 + i], y[4 + i], at;
                    vmovdqu64 at, y[4 + i];
                }
            }
            add dword [state + 4*12], 16;
            add p, 1024;
            jmp continue 'groups;
        }
    }

    // Eight blocks at a time: sixteen vectors in sixteen registers, of which one is always needed
    // to rotate another, so one word waits in memory.
    const LANES: [u32; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

    /// Rotates every lane left, through a third register.
    inline fn rotate(x: ymm, t: ymm, bits: const) {
        vpslld t, x, bits;
        vpsrld x, x, 32 - bits;
        vpor x, x, t;
    }

    inline fn quarter(x: [ymm; 16], i: const, j: const, k: const, l: const, t: ymm) {
        let (a, b, c, d) = (x[i], x[j], x[k], x[l]);
        vpaddd a, a, b;
        vpxor d, d, a;
        vpshufb d, d, u8x32(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
                            2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
        vpaddd c, c, d;
        vpxor b, b, c;
        rotate(b, t, 12);
        vpaddd a, a, b;
        vpxor d, d, a;
        vpshufb d, d, u8x32(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14,
                            3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
        vpaddd c, c, d;
        vpxor b, b, c;
        rotate(b, t, 7);
    }

    /// Eight vectors of one word of eight blocks each become eight words of one block each,
    /// which are added to the message at `p`, 64 bytes apart.
    inline fn transpose_and_xor(x: [ymm; 8], p: gp64, first: const) {
        let y: [ymm; 8];
        for i in (0..8).step_by(2) {
            vpunpckldq y[i], x[i], x[i + 1];
            vpunpckhdq y[i + 1], x[i], x[i + 1];
        }
        for i in (0..8).step_by(4) {
            vpunpcklqdq x[i], y[i], y[i + 2];
            vpunpckhqdq x[i + 1], y[i], y[i + 2];
            vpunpcklqdq x[i + 2], y[i + 1], y[i + 3];
            vpunpckhqdq x[i + 3], y[i + 1], y[i + 3];
        }
        for i in 0..4 {
            for half in 0..2 {
                let at = [p + 64 * (i + 4 * half) + 4 * first];
                vperm2i128 y[i], x[i], x[i + 4], 0x20 + 0x11 * half;
                vpxor y[i], y[i], at;
                vmovdqu at, y[i];
            }
        }
    }

    /// Adds the key stream to whole groups of eight blocks (512 bytes) of `data`, and
    /// advances the block counter, `state[12]`.
    #[target_feature(enable = "avx2")]
    pub(crate) fn xor_groups(#[secret] state: &mut [u32; 16], #[secret] data: &mut [u8]) {
        let (p, n) = (data.ptr, data.len);
        // Words 8 to 15 wait here while words 0 to 7 are transposed; 8 and 11 also during
        // the rounds, in turn.
        let waiting: [u32; 64] align 32;
        'groups: {
            sub n, 512;
            jb break 'groups;
            let x: [ymm; 16];
            let t: ymm;
            vpbroadcastd x[11], dword [state + 4 * 11];
            vmovdqa [waiting + 32 * 3], x[11];
            for i in 0..16 {
                if i != 11 { vpbroadcastd x[i], dword [state + 4 * i]; }
            }
            vpaddd x[12], x[12], [LANES];
            let rounds: gp32 = 10;
            'double_round: {
                quarter(x, 0, 4, 8, 12, t);
                quarter(x, 1, 5, 9, 13, t);
                quarter(x, 2, 6, 10, 14, t);
                vmovdqa [waiting], x[8];
                vmovdqa x[11], [waiting + 32 * 3];
                quarter(x, 3, 7, 11, 15, t);
                quarter(x, 0, 5, 10, 15, t);
                quarter(x, 1, 6, 11, 12, t);
                quarter(x, 3, 4, 9, 14, t);
                vmovdqa [waiting + 32 * 3], x[11];
                vmovdqa x[8], [waiting];
                quarter(x, 2, 7, 8, 13, t);
                dec rounds;
                jnz continue 'double_round;
            }
            // Word 11 is in memory: its register adds the others' first values.
            for i in 0..16 {
                if i != 11 {
                    vpbroadcastd t, dword [state + 4 * i];
                    vpaddd x[i], x[i], t;
                    if i == 12 { vpaddd x[i], x[i], [LANES]; }
                    if i >= 8 { vmovdqa [waiting + 32 * (i - 8)], x[i]; }
                }
            }
            transpose_and_xor(x[0..8], p, 0);
            let y: [ymm; 8];
            for i in 0..8 { vmovdqa y[i], [waiting + 32 * i]; }
            vpbroadcastd t, dword [state + 4 * 11];
            vpaddd y[3], y[3], t;
            transpose_and_xor(y, p, 8);
            add dword [state + 4 * 12], 8;
            add p, 512;
            jmp continue 'groups;
        }
    }
    #[fallback]
    pub(crate) fn xor_groups(state: &mut [u32; 16], data: &mut [u8]) {
        for part in data.as_chunks_mut::<64>().0 {
            let mut bytes = [0; 64];
            plain_block(state, &mut bytes);
            part.iter_mut().zip(bytes).for_each(|(byte, key)| *byte ^= key);
            state[12] = state[12].wrapping_add(1);
        }
    }

    inline fn turn(x: xmm, t: xmm, bits: const) {
        movdqa t, x;
        pslld t, bits;
        psrld x, 32 - bits;
        por x, t;
    }

    /// One block of the stream, row by row.
    pub(crate) fn block(#[secret] state: &[u32; 16], #[secret] to: &mut [u8; 64]) {
        let x: [xmm; 4];
        let t: xmm;
        for i in 0..4 { movdqu x[i], [state + 16*i]; }
        let rounds: gp32 = 10;
        'double_round: {
            for diagonal in [false, true] {
                for turns in [[16, 12], [8, 7]] {
                    paddd x[0], x[1];
                    pxor x[3], x[0];
                    turn(x[3], t, turns[0]);
                    paddd x[2], x[3];
                    pxor x[1], x[2];
                    turn(x[1], t, turns[1]);
                }
                // Each row by its number of places, there and back.
                const BY = if diagonal { [0x93, 0x4E, 0x39] } else { [0x39, 0x4E, 0x93] };
                for i in 1..4 { pshufd x[i], x[i], BY[i - 1]; }
            }
            dec rounds;
            jnz continue 'double_round;
        }
        for i in 0..4 {
            movdqu t, [state + 16*i];
            paddd x[i], t;
            movdqu [to + 16*i], x[i];
        }
    }
    #[fallback]
    pub(crate) fn block(state: &[u32; 16], to: &mut [u8; 64]) {
        plain_block(state, to);
    }
}

fn plain_block(state: &[u32; 16], to: &mut [u8; 64]) {
    fn quarter(x: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
        for (turn_d, turn_b) in [(16, 12), (8, 7)] {
            x[a] = x[a].wrapping_add(x[b]);
            x[d] = (x[d] ^ x[a]).rotate_left(turn_d);
            x[c] = x[c].wrapping_add(x[d]);
            x[b] = (x[b] ^ x[c]).rotate_left(turn_b);
        }
    }
    let mut x = *state;
    for _ in 0..10 {
        for diagonal in [0, 1] {
            for i in 0..4 {
                let at = |row: usize| 4 * row + (i + row * diagonal) % 4;
                quarter(&mut x, at(0), at(1), at(2), at(3));
            }
        }
    }
    for (i, bytes) in to.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *bytes = x[i].wrapping_add(state[i]).to_le_bytes();
    }
}
