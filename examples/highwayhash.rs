//! HighwayHash-64 (Alakuijala, Cox and Wassenberg, "Fast keyed hash/pseudo-random function using SIMD
//! multiply and permute", 2016) with AVX2: the state is four vectors in an array that helpers take and
//! change; what does not fill a packet is put together on the stack.
//!
//! `cargo run --release --example highwayhash`

use peach_runtime::peach_fn;
use std::time::Instant;

/// The same kernel for a convention.
macro_rules! highwayhash {
    ($name:ident, $abi:literal) => {
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
            pub extern $abi fn $name(key: &[u64; 4], data: &[u8]) -> u64 {
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
        }
    };
}

highwayhash!(highwayhash, "C");
highwayhash!(highwayhash_win64, "win64");

/// The hashes of 0, 1, … under the key 00 01 … 1f, by length: the vectors of the authors' own test.
const EXPECTED: [u64; 65] = [
    0x907A56DE22C26E53,
    0x7EAB43AAC7CDDD78,
    0xB8D0569AB0B53D62,
    0x5C6BEFAB8A463D80,
    0xF205A46893007EDA,
    0x2B8A1668E4A94541,
    0xBD4CCC325BEFCA6F,
    0x4D02AE1738F59482,
    0xE1205108E55F3171,
    0x32D2644EC77A1584,
    0xF6E10ACDB103A90B,
    0xC3BBF4615B415C15,
    0x243CC2040063FA9C,
    0xA89A58CE65E641FF,
    0x24B031A348455A23,
    0x40793F86A449F33B,
    0xCFAB3489F97EB832,
    0x19FE67D2C8C5C0E2,
    0x04DD90A69C565CC2,
    0x75D9518E2371C504,
    0x38AD9B1141D3DD16,
    0x0264432CCD8A70E0,
    0xA9DB5A6288683390,
    0xD7B05492003F028C,
    0x205F615AEA59E51E,
    0xEEE0C89621052884,
    0x1BFC1A93A7284F4F,
    0x512175B5B70DA91D,
    0xF71F8976A0A2C639,
    0xAE093FEF1F84E3E7,
    0x22CA92B01161860F,
    0x9FC7007CCF035A68,
    0xA0C964D9ECD580FC,
    0x2C90F73CA03181FC,
    0x185CF84E5691EB9E,
    0x4FC1F5EF2752AA9B,
    0xF5B7391A5E0A33EB,
    0xB9B84B83B4E96C9C,
    0x5E42FE712A5CD9B4,
    0xA150F2F90C3F97DC,
    0x7FA522D75E2D637D,
    0x181AD0CC0DFFD32B,
    0x3889ED981E854028,
    0xFB4297E8C586EE2D,
    0x6D064A45BB28059C,
    0x90563609B3EC860C,
    0x7AA4FCE94097C666,
    0x1326BAC06B911E08,
    0xB926168D2B154F34,
    0x9919848945B1948D,
    0xA2A98FC534825EBE,
    0xE9809095213EF0B6,
    0x582E5483707BC0E9,
    0x086E9414A88A6AF5,
    0xEE86B98D20F6743D,
    0xF89B7FF609B1C0A7,
    0x4C7D9CC19E22C3E8,
    0x9A97005024562A6F,
    0x5DD41CF423E6EBEF,
    0xDF13609C0468E227,
    0x6E0DA4F64188155A,
    0xB755BA4B50D7D4A1,
    0x887A3484647479BD,
    0xAB8EEBE9BF2139A0,
    0x75542C5D4CD2A6FF,
];

fn main() {
    if !highwayhash::KERNEL.is_supported() {
        return println!("this processor has no AVX2");
    }
    let key = [0x0706050403020100, 0x0f0e0d0c0b0a0908, 0x1716151413121110, 0x1f1e1d1c1b1a1918];
    let data: Vec<u8> = (0..64).collect();
    for (len, expected) in EXPECTED.into_iter().enumerate() {
        assert_eq!(highwayhash(&key, &data[..len]), expected, "{len} bytes");
        assert_eq!(highwayhash_win64(&key, &data[..len]), expected, "win64, {len} bytes");
    }
    let long = vec![7; 1 << 20];
    let start = Instant::now();
    let hash = highwayhash(&key, &long);
    let speed = long.len() as f64 / start.elapsed().as_secs_f64() / 1e9;
    println!("HighwayHash of a mebibyte: {hash:016x}, {speed:.2} GB/s");
    println!("{} bytes of code", highwayhash::KERNEL.code().len());
}

#[test]
fn published_vectors() {
    peach_testing::processor::runs(highwayhash::KERNEL.try_get());
    main();
}
