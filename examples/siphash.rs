//! SipHash (Aumasson and Bernstein, 2012) with any number of rounds, as a family of kernels: the
//! rounds are a helper, the tail a jump table.
//!
//! `cargo run --release --example siphash`

use peach_runtime::peach_fn;
use std::hash::{DefaultHasher, Hasher};
use std::time::Instant;

/// `$c` rounds for every word, `$d` at the end.
macro_rules! siphash {
    ($name:ident, $abi:literal, $c:literal, $d:literal) => {
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

            inline fn absorb(v: [gp64; 4], m: gp64, rounds: const) {
                xor v[3], m;
                for _i in 0..rounds { round(v); }
                xor v[0], m;
            }

            /// The hash of `data` under the key (`low`, `high`).
            pub extern $abi fn $name(low: u64, high: u64, data: &[u8]) -> u64 {
                let (p, n) = (data.ptr, data.len);
                let v: [gp64; 4];
                let m: gp64;
                mov v[0], 0x736f6d6570736575;
                mov v[1], 0x646f72616e646f6d;
                mov v[2], 0x6c7967656e657261;
                mov v[3], 0x7465646279746573;
                xor v[0], low;
                xor v[1], high;
                xor v[2], low;
                xor v[3], high;
                let last: gp64 = n;
                shl last, 56;
                'words: {
                    sub n, 8;
                    jb break 'words;
                    mov m, [p];
                    add p, 8;
                    absorb(v, m, $c);
                    jmp continue 'words;
                }
                // Up to seven bytes are left: each case falls into the next.
                const TAIL: [label; 8] = ['left[0], 'left[1], 'left[2], 'left[3], 'left[4], 'left[5], 'left[6], 'left[7]];
                let table: gp64;
                let target: gp64;
                add n, 8;
                lea table, [TAIL];
                movsxd target, dword [table + n * 4];
                add target, table;
                // SAFETY: the table leads to the case of `n`, which is below 8, and there are `n` bytes
                // left. Where a jump through a table leads is not proven, nor what holds there.
                unsafe {
                    jmp target, TAIL;
                    for i in (1..8).rev() {
                        'left[i]:
                        movzx m.gp32, byte [p + i - 1];
                        if i > 1 { shl m, 8 * (i - 1); }
                        or last, m;
                    }
                }
                'left[0]:
                absorb(v, last, $c);
                xor v[2], 0xFF;
                for _i in 0..$d { round(v); }
                xor v[0], v[1];
                xor v[2], v[3];
                xor v[0], v[2];
                return v[0];
            }
        }
    };
}

siphash!(siphash13, "C", 1, 3);
siphash!(siphash13_win64, "win64", 1, 3);
siphash!(siphash24, "sysv64", 2, 4);
siphash!(siphash24_win64, "win64", 2, 4);

/// SipHash-2-4 of 0, 1, … under the key 00 01 … 0f: the first values of the paper's reference
/// implementation (vectors.h), as little-endian numbers.
const SIPHASH_2_4: [u64; 4] =
    [0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d];

fn main() {
    let (low, high) = (0x0706050403020100, 0x0f0e0d0c0b0a0908);
    let data: Vec<u8> = (0..=255).collect();
    for (len, expected) in SIPHASH_2_4.into_iter().enumerate() {
        assert_eq!(siphash24(low, high, &data[..len]), expected, "SipHash-2-4 of {len} bytes");
        assert_eq!(siphash24_win64(low, high, &data[..len]), expected, "win64, {len} bytes");
    }
    // The appendix of the paper: fifteen bytes.
    assert_eq!(siphash24(low, high, &data[..15]), 0xa129ca6149be45e5);
    assert_eq!(siphash24_win64(low, high, &data[..15]), 0xa129ca6149be45e5);
    for len in 0..data.len() {
        // The standard library's hasher is SipHash-1-3 with a key of zeros.
        let mut hasher = DefaultHasher::new();
        hasher.write(&data[..len]);
        let expected = hasher.finish();
        assert_eq!(siphash13(0, 0, &data[..len]), expected, "SipHash-1-3 of {len} bytes");
        assert_eq!(siphash13_win64(0, 0, &data[..len]), expected, "win64, {len} bytes");
    }
    let long = vec![7; 1 << 20];
    let start = Instant::now();
    let hash = siphash13(low, high, &long);
    let speed = long.len() as f64 / start.elapsed().as_secs_f64() / 1e9;
    println!("SipHash-1-3 of a mebibyte: {hash:016x}, {speed:.2} GB/s");
    println!("{} bytes of code", siphash13::KERNEL.code().len());
}

#[test]
fn published_vectors() {
    main();
}
