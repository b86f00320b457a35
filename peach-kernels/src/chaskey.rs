//! Chaskey (Mouha, Mennink, Van Herrewege, Watanabe, Preneel and Verbauwhede, "Chaskey: an
//! efficient MAC algorithm for 32-bit microcontrollers", 2014) with 8 rounds, and with 12 for the
//! longer term.
//!
//! ```
//! let key = [0x833D3433, 0x009F389F, 0x2398E64F, 0x417ACF39];
//! assert_eq!(peach_kernels::chaskey::tag(&key, b"")[0], 0x792E8FE5);
//! ```

use peach_runtime::peach_fn;

/// The tag of `data` under `key`: four little-endian words, of which a shorter tag takes the first.
pub fn tag(key: &[u32; 4], data: &[u8]) -> [u32; 4] {
    let mut tag = [0; 4];
    mac(key, data, &mut tag);
    tag
}

/// The same with 12 rounds, Chaskey-12.
pub fn tag_12(key: &[u32; 4], data: &[u8]) -> [u32; 4] {
    let mut tag = [0; 4];
    mac_12(key, data, &mut tag);
    tag
}

macro_rules! chaskey {
    ($name:ident, $rounds:literal) => {
        peach_fn! {
            inline fn permute(v: [gp32; 4]) {
                let rounds: gp32 = $rounds;
                'next: {
                    add v[0], v[1];
                    rol v[1], 5;
                    xor v[1], v[0];
                    rol v[0], 16;
                    add v[2], v[3];
                    rol v[3], 8;
                    xor v[3], v[2];
                    add v[0], v[3];
                    rol v[3], 13;
                    xor v[3], v[0];
                    add v[2], v[1];
                    rol v[1], 7;
                    xor v[1], v[2];
                    rol v[2], 16;
                    dec rounds;
                    jnz continue 'next;
                }
            }

            // Doubles a subkey in the field of 2^128 elements.
            inline fn double(k: [gp32; 4]) {
                let carry: gp32 = k[3];
                sar carry, 31;
                and carry, 0x87;
                for i in (1..4).rev() { shld k[i], k[i - 1], 1; }
                add k[0], k[0];
                xor k[0], carry;
            }

            pub(crate) fn $name(
                #[secret] key: &[u32; 4],
                #[secret] data: &[u8],
                #[secret] tag: &mut [u32; 4],
            ) {
                let (p, n) = (data.ptr, data.len);
                let block: [u32; 4];
                let v: [gp32; 4];
                let k: [gp32; 4];
                for i in 0..4 {
                    mov k[i], [key + 4 * i];
                    v[i] = k[i];
                }
                double(k);
                'blocks: {
                    cmp n, 16;
                    jbe break 'blocks;
                    for i in 0..4 { xor v[i], [p + 4 * i]; }
                    permute(v);
                    add p, 16;
                    sub n, 16;
                    jmp continue 'blocks;
                }
                je 'whole;
                // The last block is filled with a one and zeros.
                double(k);
                for i in 0..4 { mov dword [block + 4 * i], 0; }
                mov byte [block + n], 1;
                let byte: gp32;
                'bytes: {
                    dec n;
                    js break 'bytes;
                    movzx byte, byte [p + n];
                    mov [block + n], byte.gp8;
                    jmp continue 'bytes;
                }
                for i in 0..4 { xor v[i], [block + 4 * i]; }
                jmp 'last;
                'whole:
                for i in 0..4 { xor v[i], [p + 4 * i]; }
                'last:
                for i in 0..4 { xor v[i], k[i]; }
                permute(v);
                for i in 0..4 {
                    xor v[i], k[i];
                    mov [tag + 4 * i], v[i];
                }
            }
            #[fallback]
            pub(crate) fn $name(key: &[u32; 4], data: &[u8], tag: &mut [u32; 4]) {
                *tag = plain(key, data, $rounds);
            }
        }
    };
}

chaskey!(mac, 8);
chaskey!(mac_12, 12);

fn plain(key: &[u32; 4], data: &[u8], rounds: u32) -> [u32; 4] {
    let number =
        |words: [u32; 4]| words.iter().rev().fold(0, |n: u128, &w| n << 32 | u128::from(w));
    let words = |n: u128| [0, 32, 64, 96].map(|shift| (n >> shift) as u32);
    let double = |n: u128| (n << 1) ^ if n >> 127 == 1 { 0x87 } else { 0 };
    let permute = |n: u128| {
        let mut v = words(n);
        for _ in 0..rounds {
            for (a, b, c, d, to_b, to_d) in [(0, 1, 2, 3, 5, 8), (0, 3, 2, 1, 13, 7)] {
                v[a] = v[a].wrapping_add(v[b]);
                v[c] = v[c].wrapping_add(v[d]);
                v[b] = v[b].rotate_left(to_b) ^ v[a];
                v[d] = v[d].rotate_left(to_d) ^ v[c];
                let turned = if b == 1 { a } else { c };
                v[turned] = v[turned].rotate_left(16);
            }
        }
        number(v)
    };
    let whole = data.len().saturating_sub(1) / 16 * 16;
    let key = number(*key);
    let (blocks, rest) = data.split_at(whole);
    let mut n = key;
    for block in blocks.as_chunks::<16>().0 {
        n = permute(n ^ u128::from_le_bytes(*block));
    }
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    let mut subkey = double(key);
    if let Some(end) = last.get_mut(rest.len()) {
        *end = 1;
        subkey = double(subkey);
    }
    words(permute(n ^ u128::from_le_bytes(last) ^ subkey) ^ subkey)
}
