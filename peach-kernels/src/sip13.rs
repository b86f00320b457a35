//! SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with one round for
//! each word and three at the end, as the standard library hashes its maps, and with two and four,
//! as first proposed.
//!
//! ```
//! use peach_kernels::sip13::{SipHasher13, hash13};
//! use std::hash::{DefaultHasher, Hasher};
//!
//! let mut hasher = SipHasher13::with_keys(0, 0);
//! hasher.write(b"pe");
//! hasher.write(b"ach");
//! assert_eq!(hasher.finish(), hash13(0, 0, b"peach"));
//! let mut standard = DefaultHasher::new();
//! standard.write(b"peach");
//! assert_eq!(hasher.finish(), standard.finish());
//! ```

use peach_runtime::peach_fn;
use std::hash::Hasher;

/// The kernels for `$c` rounds for every word and `$d` at the end, and a hasher that takes its data
/// piece by piece.
macro_rules! siphash {
    ($hash:ident, $absorb:ident, $hasher:ident, $c:literal, $d:literal, $name:literal) => {
        peach_fn! {
            inline fn round(v: [gp64; 4]) {
                for half in [0, 2] {
                    // (0, 1, 2, 3), then (2, 1, 0, 3): the second half pairs crosswise.
                    let (a, b, c, d) = (v[half], v[1], v[2 - half], v[3]);
                    add a, b;
                    rol b, 13 + 2 * half;
                    xor b, a;
                    rol a, 32;
                    add c, d;
                    rol d, 16 + 5 * half / 2;
                    xor d, c;
                }
            }

            inline fn take(v: [gp64; 4], word: gp64) {
                xor v[3], word;
                for _i in 0..$c { round(v); }
                xor v[0], word;
            }

            // Takes the words at `p`, of which there are `n` bytes, until less than eight are left.
            inline fn take_words(v: [gp64; 4], p: gp64, n: gp64) {
                let word: gp64;
                'words: {
                    sub n, 8;
                    jb break 'words;
                    mov word, [p];
                    add p, 8;
                    take(v, word);
                    jmp continue 'words;
                }
                add n, 8;
            }

            #[doc = concat!($name, " of `data` under the key (`low`, `high`).")]
            pub fn $hash(#[secret] low: u64, #[secret] high: u64, #[secret] data: &[u8]) -> u64 {
                let v: [gp64; 4];
                mov v[0], 0x736f6d6570736575;
                mov v[1], 0x646f72616e646f6d;
                mov v[2], 0x6c7967656e657261;
                mov v[3], 0x7465646279746573;
                xor v[0], low;
                xor v[1], high;
                xor v[2], low;
                xor v[3], high;
                let p, n, last: gp64;
                mov p, data.ptr;
                mov n, data.len;
                take_words(v, p, n);
                // Up to seven bytes are left; the length stands above them.
                mov last, data.len;
                shl last, 56;
                test n, n;
                jz 'none;
                cmp data.len, 8;
                jb 'short;
                // The last eight bytes, of which those that were taken are shifted out.
                let bits: gp64;
                let word: gp64;
                mov word, [p + n - 8];
                mov bits, n;
                shl bits.gp32, 3;
                neg bits.gp32;
                shr word, bits.gp8;
                or last, word;
                jmp 'none;
                'short:
                let sum: gp64;
                xor sum.gp32, sum.gp32;
                'bytes: {
                    shl sum, 8;
                    movzx word.gp32, byte [p + n - 1];
                    or sum, word;
                    dec n;
                    jnz continue 'bytes;
                }
                or last, sum;
                'none:
                take(v, last);
                xor v[2], 0xFF;
                for _i in 0..$d { round(v); }
                xor v[0], v[1];
                xor v[2], v[3];
                xor v[0], v[2];
                return v[0];
            }
            #[fallback]
            pub fn $hash(low: u64, high: u64, data: &[u8]) -> u64 {
                let mut hasher = $hasher::with_keys(low, high);
                hasher.write(data);
                hasher.finish()
            }

            pub(crate) fn $absorb(#[secret] state: &mut [u64; 4], #[secret] data: &[u8]) {
                let v: [gp64; 4];
                for i in 0..4 { mov v[i], [state + 8*i]; }
                take_words(v, data.ptr, data.len);
                for i in 0..4 { mov [state + 8*i], v[i]; }
            }
            #[fallback]
            pub(crate) fn $absorb(state: &mut [u64; 4], data: &[u8]) {
                for word in data.as_chunks::<8>().0 {
                    let word = u64::from_le_bytes(*word);
                    state[3] ^= word;
                    rounds(state, $c);
                    state[0] ^= word;
                }
            }
        }

        #[doc = concat!($name, ", fed piece by piece.")]
        #[derive(Clone)]
        pub struct $hasher {
            state: [u64; 4],
            /// The bytes that do not fill a word yet.
            waiting: [u8; 8],
            len: usize,
        }

        impl $hasher {
            /// A hasher under the key (`low`, `high`).
            pub fn with_keys(low: u64, high: u64) -> $hasher {
                let state = [
                    low ^ 0x736f_6d65_7073_6575,
                    high ^ 0x646f_7261_6e64_6f6d,
                    low ^ 0x6c79_6765_6e65_7261,
                    high ^ 0x7465_6462_7974_6573,
                ];
                $hasher { state, waiting: [0; 8], len: 0 }
            }
        }

        impl Hasher for $hasher {
            fn write(&mut self, mut data: &[u8]) {
                let waiting = self.len % 8;
                self.len = self.len.wrapping_add(data.len());
                if waiting > 0 {
                    let (first, rest) = data.split_at(data.len().min(8 - waiting));
                    self.waiting[waiting..][..first.len()].copy_from_slice(first);
                    if waiting + first.len() < 8 {
                        return;
                    }
                    $absorb(&mut self.state, &self.waiting);
                    data = rest;
                }
                let (words, rest) = data.split_at(data.len() / 8 * 8);
                $absorb(&mut self.state, words);
                self.waiting[..rest.len()].copy_from_slice(rest);
            }

            fn finish(&self) -> u64 {
                let mut state = self.state;
                let mut last = [0; 8];
                last[..self.len % 8].copy_from_slice(&self.waiting[..self.len % 8]);
                last[7] = self.len as u8;
                $absorb(&mut state, &last);
                state[2] ^= 0xFF;
                rounds(&mut state, $d);
                state.into_iter().fold(0, |sum, word| sum ^ word)
            }
        }
    };
}

siphash!(hash13, absorb13, SipHasher13, 1, 3, "SipHash-1-3");
siphash!(hash24, absorb24, SipHasher24, 2, 4, "SipHash-2-4");

fn rounds(v: &mut [u64; 4], count: usize) {
    for _ in 0..count {
        for (a, c, to_b, to_d) in [(0, 2, 13, 16), (2, 0, 17, 21)] {
            v[a] = v[a].wrapping_add(v[1]);
            v[1] = v[1].rotate_left(to_b) ^ v[a];
            v[a] = v[a].rotate_left(32);
            v[c] = v[c].wrapping_add(v[3]);
            v[3] = v[3].rotate_left(to_d) ^ v[c];
        }
    }
}
