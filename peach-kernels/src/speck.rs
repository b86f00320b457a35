//! Speck 128/128, a block cipher of additions, rotations and exclusive ors (Beaulieu, Shors, Smith,
//! Treatman-Clark, Weeks and Wingers, "The Simon and Speck Families of Lightweight Block Ciphers",
//! 2013), one block at a time and as a stream in counter mode.
//!
//! ```
//! use peach_kernels::speck::Speck128;
//!
//! let cipher = Speck128::new(&[7; 16]);
//! let mut message = *b"attack at dawn";
//! cipher.apply_counter_mode(1, 0, &mut message);
//! assert_ne!(&message, b"attack at dawn");
//! cipher.apply_counter_mode(1, 0, &mut message);
//! assert_eq!(&message, b"attack at dawn");
//! ```

use peach_runtime::peach_fn;

const ROUNDS: usize = 32;

/// Speck with blocks and keys of 128 bits: the 32 round keys.
#[derive(Clone)]
pub struct Speck128 {
    keys: [u64; ROUNDS],
}

impl Speck128 {
    /// The cipher under a key, whose bytes stand as in the authors' implementation guide (2019):
    /// two little-endian words, the first of them the first round key.
    pub fn new(key: &[u8; 16]) -> Speck128 {
        let [low, high] = words(key);
        let mut keys = [0; ROUNDS];
        expand(low, high, &mut keys);
        Speck128 { keys }
    }

    /// Encrypts one block in place: two little-endian words, the paper's `y` and `x`.
    pub fn encrypt_block(&self, block: &mut [u8; 16]) {
        encrypt(&self.keys, block);
    }

    /// Decrypts one block in place.
    pub fn decrypt_block(&self, block: &mut [u8; 16]) {
        decrypt(&self.keys, block);
    }

    /// Encrypts or decrypts `data` by exclusive or with the encrypted blocks (`counter`, `nonce`),
    /// (`counter + 1`, `nonce`), …, each two little-endian words. The counter is taken modulo 2^64.
    ///
    /// A pair of a nonce and a counter must not serve twice under one key.
    pub fn apply_counter_mode(&self, nonce: u64, counter: u64, data: &mut [u8]) {
        let groups = data.len() / GROUP;
        let (whole, rest) = data.split_at_mut(groups * GROUP);
        xor_groups(&self.keys, nonce, counter, whole);
        let mut counter = counter.wrapping_add((groups * GROUP / 16) as u64);
        for part in rest.chunks_mut(16) {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&counter.to_le_bytes());
            block[8..].copy_from_slice(&nonce.to_le_bytes());
            self.encrypt_block(&mut block);
            for (byte, key) in part.iter_mut().zip(block) {
                *byte ^= key;
            }
            counter = counter.wrapping_add(1);
        }
    }
}

/// The bytes that `xor_groups` takes at a time, in every version.
const GROUP: usize = 512;

/// The two words of a block.
fn words(block: &[u8; 16]) -> [u64; 2] {
    let word = |at: usize| u64::from_le_bytes(core::array::from_fn(|i| block[at + i]));
    [word(0), word(8)]
}

peach_fn! {
    inline fn round(x: gp64, y: gp64, key: operand) {
        ror x, 8;
        add x, y;
        xor x, key;
        rol y, 3;
        xor y, x;
    }

    /// The round keys: the key schedule is the round itself, under the number of the round.
    pub(crate) fn expand(#[secret] low: u64, #[secret] high: u64, #[secret] keys: &mut [u64; 32]) {
        for i in 0..31 {
            mov [keys + 8*i], low;
            round(high, low, i);
        }
        mov [keys + 8*31], low;
    }
    #[fallback]
    pub(crate) fn expand(low: u64, high: u64, keys: &mut [u64; 32]) {
        let (mut x, mut y) = (high, low);
        for (i, key) in keys.iter_mut().enumerate() {
            *key = y;
            (x, y) = plain_round(x, y, i as u64);
        }
    }

    pub(crate) fn encrypt(#[secret] keys: &[u64; 32], #[secret] block: &mut [u8; 16]) {
        let x, y: gp64;
        mov y, [block];
        mov x, [block + 8];
        for i in 0..32 { round(x, y, [keys + 8*i]); }
        mov [block], y;
        mov [block + 8], x;
    }
    #[fallback]
    pub(crate) fn encrypt(keys: &[u64; 32], block: &mut [u8; 16]) {
        let [mut y, mut x] = words(block);
        for key in keys {
            (x, y) = plain_round(x, y, *key);
        }
        block[..8].copy_from_slice(&y.to_le_bytes());
        block[8..].copy_from_slice(&x.to_le_bytes());
    }

    pub(crate) fn decrypt(#[secret] keys: &[u64; 32], #[secret] block: &mut [u8; 16]) {
        let x, y: gp64;
        mov y, [block];
        mov x, [block + 8];
        for i in (0..32).rev() {
            xor y, x;
            ror y, 3;
            xor x, [keys + 8*i];
            sub x, y;
            rol x, 8;
        }
        mov [block], y;
        mov [block + 8], x;
    }
    #[fallback]
    pub(crate) fn decrypt(keys: &[u64; 32], block: &mut [u8; 16]) {
        let [mut y, mut x] = words(block);
        for key in keys.iter().rev() {
            y = (y ^ x).rotate_right(3);
            x = (x ^ key).wrapping_sub(y).rotate_left(8);
        }
        block[..8].copy_from_slice(&y.to_le_bytes());
        block[8..].copy_from_slice(&x.to_le_bytes());
    }

    // The number of the block in each 64-bit lane: `vpunpcklqdq` and `vpunpckhqdq` of vectors of
    // low and high words give blocks in order.
    const LANES: [u64; 8] = [0, 4, 1, 5, 2, 6, 3, 7];
    const HALF: [u64; 4] = [0, 2, 1, 3];
    // Turns each 64-bit lane right by a byte.
    const TURN: [u8; 32] = from_fn(|i| i / 8 % 2 * 8 + (i + 1) % 8);

    inline fn wide_round(x: ymm, y: ymm, key: ymm, turn: ymm) {
        let t: ymm;
        vpshufb x, x, turn;
        vpaddq x, x, y;
        vpxor x, x, key;
        vpsrlq t, y, 61;
        vpsllq y, y, 3;
        vpor y, y, t;
        vpxor y, y, x;
    }

    // Thirty-two blocks side by side, four vectors of low words and four of high ones.
    #[target_feature(enable = "avx512f")]
    pub(crate) fn xor_groups(
        #[secret] keys: &[u64; 32],
        nonce: u64,
        counter: u64,
        #[secret] data: &mut [u8],
    ) {
        let numbers, high: zmm;
        vpbroadcastq numbers, counter;
        vpaddq numbers, numbers, [LANES];
        vpbroadcastq high, nonce;
        let (p, n) = (data.ptr, data.len);
        'groups: {
            sub n, 512;
            jb break 'groups;
            let x, y: [zmm; 4];
            for i in 0..4 {
                x[i] = high;
                y[i] = numbers;
                vpaddq numbers, numbers, u64x8(8);
            }
            let k: gp64;
            xor k.gp32, k.gp32;
            'rounds: {
                for i in 0..4 {
                    vprorq x[i], x[i], 8;
                    vpaddq x[i], x[i], y[i];
                    vpxorq x[i], x[i], [keys + 8*k]{1to8};
                    vprolq y[i], y[i], 3;
                    vpxorq y[i], y[i], x[i];
                }
                inc k;
                cmp k, 32;
                jb continue 'rounds;
            }
            for i in 0..4 {
                let blocks: zmm;
                vpunpcklqdq blocks, y[i], x[i];
                vpunpckhqdq y[i], y[i], x[i];
                vpxorq blocks, blocks, [p + 128*i];
                vpxorq y[i], y[i], [p + 128*i + 64];
                vmovdqu64 [p + 128*i], blocks;
                vmovdqu64 [p + 128*i + 64], y[i];
            }
            add p, 512;
            jmp continue 'groups;
        }
    }
    // Sixteen blocks side by side.
    #[target_feature(enable = "avx2")]
    pub(crate) fn xor_groups(
        #[secret] keys: &[u64; 32],
        nonce: u64,
        counter: u64,
        #[secret] data: &mut [u8],
    ) {
        let numbers, high, key, turn: ymm;
        vmovq numbers.xmm, counter;
        vpbroadcastq numbers, numbers.xmm;
        vpaddq numbers, numbers, [HALF];
        vmovq high.xmm, nonce;
        vpbroadcastq high, high.xmm;
        vmovdqa turn, [TURN];
        let (p, n) = (data.ptr, data.len);
        'groups: {
            sub n, 256;
            jb break 'groups;
            let x, y: [ymm; 4];
            for i in 0..4 {
                x[i] = high;
                y[i] = numbers;
                vpaddq numbers, numbers, u64x4(4);
            }
            let k: gp64;
            xor k.gp32, k.gp32;
            'rounds: {
                vpbroadcastq key, [keys + 8*k];
                for i in 0..4 { wide_round(x[i], y[i], key, turn); }
                inc k;
                cmp k, 32;
                jb continue 'rounds;
            }
            for i in 0..4 {
                let blocks: ymm;
                vpunpcklqdq blocks, y[i], x[i];
                vpunpckhqdq y[i], y[i], x[i];
                vpxor blocks, blocks, [p + 64*i];
                vpxor y[i], y[i], [p + 64*i + 32];
                vmovdqu [p + 64*i], blocks;
                vmovdqu [p + 64*i + 32], y[i];
            }
            add p, 256;
            jmp continue 'groups;
        }
    }
    #[fallback]
    pub(crate) fn xor_groups(keys: &[u64; 32], nonce: u64, counter: u64, data: &mut [u8]) {
        for (i, block) in data.chunks_exact_mut(16).enumerate() {
            let (mut x, mut y) = (nonce, counter.wrapping_add(i as u64));
            for key in keys {
                (x, y) = plain_round(x, y, *key);
            }
            let stream = y.to_le_bytes().into_iter().chain(x.to_le_bytes());
            for (byte, key) in block.iter_mut().zip(stream) {
                *byte ^= key;
            }
        }
    }
}

fn plain_round(x: u64, y: u64, key: u64) -> (u64, u64) {
    let x = x.rotate_right(8).wrapping_add(y) ^ key;
    (x, y.rotate_left(3) ^ x)
}
