//! StadtX (Yves Orton, BeagleHash, 2017), a seeded hash of 64 bits for hash tables.
//!
//! ```
//! use peach_kernels::stadtx::State;
//!
//! let state = State::new([0x0001020304050607, 0x08090A0B0C0D0E0F]);
//! assert_eq!(state.hash(b""), 0x0db6608af30c8cc1);
//! ```

use peach_runtime::peach_fn;

/// A seed, scrambled for use.
#[derive(Clone, Debug)]
pub struct State {
    words: [u64; 4],
}

impl State {
    /// The state for a seed of two words.
    pub fn new(seed: [u64; 2]) -> State {
        // The digits of pi, and two primes for each word.
        const PI: [u64; 4] =
            [0x43f6a8885a308d31, 0x3198a2e03707344a, 0x4093822299f31d00, 0x82efa98ec4e6c894];
        const PRIMES: [[u64; 2]; 4] = [
            [0x801178846e899d17, 0xdd51e5d1c9a5a151],
            [0x93a7d6c8c62e4835, 0x803340f36895c2b5],
            [0xbea9344eb7565eeb, 0xcd95d1e509b995cd],
            [0x9999791977e30c13, 0xaab8b6b05abfc6cd],
        ];
        let words = std::array::from_fn(|i| {
            let word = match seed[i % 2] ^ PI[i] {
                0 => 1 << i,
                word => word,
            };
            PRIMES[i].into_iter().fold(word, scramble)
        });
        State { words }
    }

    /// The hash of `data`.
    pub fn hash(&self, data: &[u8]) -> u64 {
        hash(&self.words, data)
    }
}

fn scramble(mut word: u64, prime: u64) -> u64 {
    word ^= word >> 13;
    word ^= word << 35;
    word ^= word >> 30;
    word = word.wrapping_mul(prime);
    word ^= word >> 19;
    word ^= word << 15;
    word ^ word >> 46
}

/// Factors for the length, and, of 32 bits, for the data.
const K: [u64; 4] =
    [0xb89b0f8e1655514f, 0x8c6f736011bd5127, 0x8f29bd94edce7b39, 0x9c1b8e1e9628323f];
const F: [u64; 4] = [0x802910e3, 0x819b13af, 0x91cb27e5, 0xc1a269c1];

peach_fn! {
    const K: [u64; 4] = [
        0xb89b0f8e1655514f, 0x8c6f736011bd5127, 0x8f29bd94edce7b39, 0x9c1b8e1e9628323f,
    ];
    const F: [u32; 4] = [0x802910e3, 0x819b13af, 0x91cb27e5, 0xc1a269c1];

    inline fn finish_short(v: [gp64; 4]) {
        xor v[1], v[0];
        ror v[0], 33;
        add v[0], v[1];
        rol v[1], 17;
        xor v[1], v[0];
        rol v[0], 43;
        add v[0], v[1];
        rol v[1], 31;
        sub v[1], v[0];
        rol v[0], 13;
        xor v[0], v[1];
        sub v[1], v[0];
        rol v[0], 41;
        add v[0], v[1];
        rol v[1], 37;
        xor v[1], v[0];
        ror v[0], 39;
        add v[0], v[1];
        ror v[1], 15;
        add v[1], v[0];
        rol v[0], 15;
        xor v[0], v[1];
        ror v[1], 5;
    }

    inline fn finish_long(v: [gp64; 4]) {
        sub v[1], v[2];
        ror v[0], 19;
        sub v[1], v[0];
        ror v[1], 53;
        xor v[3], v[1];
        sub v[0], v[3];
        rol v[3], 43;
        add v[0], v[3];
        ror v[0], 3;
        sub v[3], v[0];
        ror v[2], 43;
        sub v[2], v[3];
        rol v[2], 55;
        xor v[2], v[0];
        sub v[1], v[2];
        ror v[3], 7;
        sub v[3], v[2];
        ror v[2], 31;
        add v[3], v[2];
        sub v[2], v[1];
        ror v[3], 39;
        xor v[2], v[3];
        ror v[3], 17;
        xor v[3], v[2];
        add v[1], v[3];
        ror v[1], 9;
        xor v[2], v[1];
        rol v[2], 24;
        xor v[3], v[2];
        ror v[3], 59;
        ror v[0], 1;
        sub v[0], v[1];
    }

    // The word of the state with the length in it.
    inline fn start(v: gp64, i: const, state: gp64, len: gp64, t: gp64) {
        lea v, [len + i + 1];
        mov t, K[i];
        imul v, t;
        xor v, [state + 8*i];
    }

    // v[i] takes a word of the data.
    inline fn step(v: [gp64; 4], i: const, word: operand, t: gp64) {
        mov t.gp32, F[i];
        imul t, word;
        add v[i], t;
        if i == 0 { rol v[0], 57; xor v[0], v[3]; }
        if i == 1 { rol v[1], 63; xor v[1], v[2]; }
        if i == 2 { ror v[2], 47; add v[2], v[0]; }
        if i == 3 { ror v[3], 11; sub v[3], v[1]; }
    }

    // Adds a byte of the rest, further up.
    inline fn add_byte(v: gp64, p: gp64, at: const, up: const, t: gp64) {
        movzx t.gp32, byte [p + at];
        if up > 0 { shl t, up; }
        add v, t;
    }

    pub(crate) fn hash(state: &[u64; 4], data: &[u8]) -> u64 {
        let (p, n) = (data.ptr, data.len);
        let v: [gp64; 4];
        let t: gp64;
        for i in 0..2 { start(v[i], i, state, n, t); }
        cmp n, 32;
        jae 'long;

        'words: {
            cmp n, 8;
            jb break 'words;
            mov t, K[3];
            imul t, [p];
            add v[0], t;
            ror v[0], 17;
            xor v[0], v[1];
            ror v[1], 53;
            add v[1], v[0];
            add p, 8;
            sub n, 8;
            jmp continue 'words;
        }
        // Each case falls into the next, up to a middle and to the end.
        for i in (1..8).rev() {
            cmp n, i;
            je 'short[i];
        }
        jmp 'short[0];
        'short[7]: add_byte(v[0], p, 6, 32, t);
        'short[6]: add_byte(v[1], p, 5, 48, t);
        'short[5]: add_byte(v[0], p, 4, 16, t);
        'short[4]:
        mov t.gp32, [p];
        add v[1], t;
        jmp 'short_end;
        'short[3]: add_byte(v[0], p, 2, 48, t);
        'short[2]:
        movzx t.gp32, word [p];
        add v[1], t;
        jmp 'short_end;
        'short[1]: add_byte(v[0], p, 0, 0, t);
        'short[0]:
        rol v[1], 32;
        xor v[1], 0xFF;
        'short_end:
        finish_short(v);
        xor v[0], v[1];
        return v[0];

        'long:
        for i in 2..4 { start(v[i], i, state, n, t); }
        'blocks: {
            for i in 0..4 { step(v, i, [p + 8*i], t); }
            add p, 32;
            sub n, 32;
            cmp n, 32;
            jae continue 'blocks;
        }
        let rest: gp64;
        lea rest, [n + 1];
        for i in 0..3 {
            cmp n, 24 - 8*i;
            jb 'behind[i];
            step(v, i, [p], t);
            add p, 8;
            sub n, 8;
            'behind[i]:
        }
        ror v[3], 11;
        sub v[3], v[1];
        mov t, K[3];
        imul rest, t;
        xor v[0], rest;
        for i in (1..8).rev() {
            cmp n, i;
            je 'left[i];
        }
        jmp 'left[0];
        'left[7]: add_byte(v[1], p, 6, 0, t);
        'left[6]:
        movzx t.gp32, word [p + 4];
        add v[2], t;
        mov t.gp32, [p];
        add v[3], t;
        jmp 'left_end;
        'left[5]: add_byte(v[1], p, 4, 0, t);
        'left[4]:
        mov t.gp32, [p];
        add v[2], t;
        jmp 'left_end;
        'left[3]: add_byte(v[3], p, 2, 0, t);
        'left[2]:
        movzx t.gp32, word [p];
        add v[1], t;
        jmp 'left_end;
        'left[1]: add_byte(v[2], p, 0, 0, t);
        'left[0]:
        rol v[3], 32;
        xor v[3], 0xFF;
        'left_end:
        finish_long(v);
        for i in 1..4 { xor v[0], v[i]; }
        return v[0];
    }
    #[fallback]
    pub(crate) fn hash(state: &[u64; 4], data: &[u8]) -> u64 {
        match data.len() {
            0..32 => plain_short(state, data),
            _ => plain_long(state, data),
        }
    }
}

/// Little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))
}

/// The words of the state with the length in them.
fn plain_start(state: &[u64; 4], len: usize) -> [u64; 4] {
    std::array::from_fn(|i| state[i] ^ (len as u64 + i as u64 + 1).wrapping_mul(K[i]))
}

fn plain_short(state: &[u64; 4], data: &[u8]) -> u64 {
    let mut v = plain_start(state, data.len());
    let (words, rest) = data.as_chunks::<8>();
    for word in words {
        v[0] = v[0].wrapping_add(u64::from_le_bytes(*word).wrapping_mul(K[3]));
        v[0] = v[0].rotate_right(17) ^ v[1];
        v[1] = v[1].rotate_right(53).wrapping_add(v[0]);
    }
    let add = |to: &mut u64, byte: usize, up: u32| {
        *to = to.wrapping_add(rest.get(byte).map_or(0, |&byte| u64::from(byte) << up));
    };
    match rest.len() {
        4.. => {
            add(&mut v[0], 6, 32);
            add(&mut v[1], 5, 48);
            add(&mut v[0], 4, 16);
            v[1] = v[1].wrapping_add(number(&rest[..4]));
        }
        2.. => {
            add(&mut v[0], 2, 48);
            v[1] = v[1].wrapping_add(number(&rest[..2]));
        }
        _ => {
            add(&mut v[0], 0, 0);
            v[1] = v[1].rotate_left(32) ^ 0xFF;
        }
    }
    v[1] ^= v[0];
    v[0] = v[0].rotate_right(33);
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17);
    v[1] ^= v[0];
    v[0] = v[0].rotate_left(43);
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(31);
    v[1] = v[1].wrapping_sub(v[0]);
    v[0] = v[0].rotate_left(13);
    v[0] ^= v[1];
    v[1] = v[1].wrapping_sub(v[0]);
    v[0] = v[0].rotate_left(41);
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(37);
    v[1] ^= v[0];
    v[0] = v[0].rotate_right(39);
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_right(15);
    v[1] = v[1].wrapping_add(v[0]);
    v[0] = v[0].rotate_left(15);
    v[0] ^= v[1];
    v[1] = v[1].rotate_right(5);
    v[0] ^ v[1]
}

fn plain_long(state: &[u64; 4], data: &[u8]) -> u64 {
    let mut v = plain_start(state, data.len());
    let step = |v: &mut [u64; 4], i: usize, word: &[u8; 8]| {
        v[i] = v[i].wrapping_add(u64::from_le_bytes(*word).wrapping_mul(F[i]));
        v[i] = match i {
            0 => v[0].rotate_left(57) ^ v[3],
            1 => v[1].rotate_left(63) ^ v[2],
            2 => v[2].rotate_right(47).wrapping_add(v[0]),
            _ => v[3].rotate_right(11).wrapping_sub(v[1]),
        };
    };
    let (blocks, end) = data.as_chunks::<32>();
    for block in blocks {
        block.as_chunks().0.iter().enumerate().for_each(|(i, word)| step(&mut v, i, word));
    }
    let (words, rest) = end.as_chunks::<8>();
    (3 - words.len()..).zip(words).for_each(|(i, word)| step(&mut v, i, word));
    v[3] = v[3].rotate_right(11).wrapping_sub(v[1]);
    v[0] ^= (end.len() as u64 + 1).wrapping_mul(K[3]);
    let mut add = |to: usize, from: usize, to_end: usize| {
        let bytes = &rest[from.min(rest.len())..to_end.min(rest.len())];
        v[to] = v[to].wrapping_add(number(bytes));
    };
    match rest.len() {
        6.. => {
            add(1, 6, 7);
            add(2, 4, 6);
            add(3, 0, 4);
        }
        4.. => {
            add(1, 4, 5);
            add(2, 0, 4);
        }
        2.. => {
            add(3, 2, 3);
            add(1, 0, 2);
        }
        _ => {
            add(2, 0, 1);
            v[3] = v[3].rotate_left(32) ^ 0xFF;
        }
    }
    v[1] = v[1].wrapping_sub(v[2]);
    v[0] = v[0].rotate_right(19);
    v[1] = v[1].wrapping_sub(v[0]);
    v[1] = v[1].rotate_right(53);
    v[3] ^= v[1];
    v[0] = v[0].wrapping_sub(v[3]);
    v[3] = v[3].rotate_left(43);
    v[0] = v[0].wrapping_add(v[3]);
    v[0] = v[0].rotate_right(3);
    v[3] = v[3].wrapping_sub(v[0]);
    v[2] = v[2].rotate_right(43);
    v[2] = v[2].wrapping_sub(v[3]);
    v[2] = v[2].rotate_left(55);
    v[2] ^= v[0];
    v[1] = v[1].wrapping_sub(v[2]);
    v[3] = v[3].rotate_right(7);
    v[3] = v[3].wrapping_sub(v[2]);
    v[2] = v[2].rotate_right(31);
    v[3] = v[3].wrapping_add(v[2]);
    v[2] = v[2].wrapping_sub(v[1]);
    v[3] = v[3].rotate_right(39);
    v[2] ^= v[3];
    v[3] = v[3].rotate_right(17);
    v[3] ^= v[2];
    v[1] = v[1].wrapping_add(v[3]);
    v[1] = v[1].rotate_right(9);
    v[2] ^= v[1];
    v[2] = v[2].rotate_left(24);
    v[3] ^= v[2];
    v[3] = v[3].rotate_right(59);
    v[0] = v[0].rotate_right(1);
    v[0] = v[0].wrapping_sub(v[1]);
    v[0] ^ v[1] ^ v[2] ^ v[3]
}
