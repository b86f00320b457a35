//! Bit packing: a family of 32 kernels for 1 to 32 bits a value, and 32 that undo them.
//!
//! The layout is vertical: value `4 * i + lane` is the `i`-th of its lane, and each lane is a
//! stream of bits, lowest first, in words 16 bytes apart.
//!
//! `cargo run --release --example bitpack`

use peach_runtime::peach_fn;
use std::time::Instant;

peach_fn! {
    for B in 1..=32 {
        /// Packs the lowest bits of each value into the start of `output`.
        pub fn pack_{B}(input: &[u32; 128], output: &mut [u32; 128]) {
            let word: xmm;
            let value: xmm;
            let shifted: xmm;
            let mut bit: const = 0;
            let mut written: const = 0;
            for i in 0..32 {
                movdqu value, [input + 16 * i];
                if B < 32 { pand value, u32x4((1 << B) - 1); }
                if bit == 0 {
                    movdqa word, value;
                } else {
                    movdqa shifted, value;
                    pslld shifted, bit;
                    por word, shifted;
                }
                bit += B;
                if bit >= 32 {
                    movdqu [output + 16 * written], word;
                    written += 1;
                    bit -= 32;
                    if bit > 0 {
                        movdqa word, value;
                        psrld word, B - bit;
                    }
                }
            }
            assert!(written == B, "every bit has its place");
        }

        /// Undoes the packing.
        pub fn unpack_{B}(input: &[u32; 128], output: &mut [u32; 128]) {
            let value: xmm;
            let rest: xmm;
            for i in 0..32 {
                const FIRST = i * B / 32;
                const BIT = i * B % 32;
                movdqu value, [input + 16 * FIRST];
                if BIT > 0 { psrld value, BIT; }
                if BIT + B > 32 {
                    movdqu rest, [input + 16 * (FIRST + 1)];
                    pslld rest, 32 - BIT;
                    por value, rest;
                }
                if B < 32 { pand value, u32x4((1 << B) - 1); }
                movdqu [output + 16 * i], value;
            }
        }
    }
}

type Kernel = fn(&[u32; 128], &mut [u32; 128]);

/// The kernels by number of bits.
macro_rules! by_bits {
    ($($pack:ident $unpack:ident)*) => {
        const KERNELS: [(Kernel, Kernel); 32] = [$(($pack, $unpack)),*];
    };
}

by_bits! {
    pack_1 unpack_1 pack_2 unpack_2 pack_3 unpack_3 pack_4 unpack_4 pack_5 unpack_5 pack_6 unpack_6
    pack_7 unpack_7 pack_8 unpack_8 pack_9 unpack_9 pack_10 unpack_10 pack_11 unpack_11
    pack_12 unpack_12 pack_13 unpack_13 pack_14 unpack_14 pack_15 unpack_15 pack_16 unpack_16
    pack_17 unpack_17 pack_18 unpack_18 pack_19 unpack_19 pack_20 unpack_20 pack_21 unpack_21
    pack_22 unpack_22 pack_23 unpack_23 pack_24 unpack_24 pack_25 unpack_25 pack_26 unpack_26
    pack_27 unpack_27 pack_28 unpack_28 pack_29 unpack_29 pack_30 unpack_30 pack_31 unpack_31
    pack_32 unpack_32
}

/// The layout, one bit at a time.
fn pack_plainly(bits: usize, input: &[u32; 128]) -> [u32; 128] {
    let mut output = [0; 128];
    for (at, value) in input.iter().enumerate() {
        let (i, lane) = (at / 4, at % 4);
        for bit in 0..bits {
            let place = i * bits + bit;
            output[4 * (place / 32) + lane] |= (value >> bit & 1) << (place % 32);
        }
    }
    output
}

fn main() {
    let mut seed = 1u32;
    for (index, (pack, unpack)) in KERNELS.into_iter().enumerate() {
        let bits = index + 1;
        let input: [u32; 128] = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            seed >> (32 - bits)
        });
        let mut packed = [0; 128];
        pack(&input, &mut packed);
        assert_eq!(packed, pack_plainly(bits, &input), "{bits} bits");
        let mut unpacked = [0; 128];
        unpack(&packed, &mut unpacked);
        assert_eq!(unpacked, input, "{bits} bits");
    }
    let (input, mut output) = ([5; 128], [0; 128]);
    let start = Instant::now();
    for _ in 0..1_000_000 {
        pack_7(std::hint::black_box(&input), &mut output);
    }
    println!(
        "64 kernels agree with plain Rust; pack_7: {:.1} ns per 128 values",
        start.elapsed().as_secs_f64() * 1e3
    );
}

#[test]
fn round_trips() {
    main();
}
