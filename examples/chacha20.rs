//! ChaCha20 (RFC 8439) with AVX2, eight blocks at a time: sixteen vectors of state in sixteen
//! registers, of which one is always needed to rotate another, so one word waits in memory.
//!
//! `cargo run --release --example chacha20`

use peach_runtime::peach_fn;
use std::time::Instant;

/// The same kernel for a convention.
macro_rules! xor_blocks {
    ($name:ident, $abi:literal) => {
        peach_fn! {
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
            pub extern $abi fn $name(state: &mut [u32; 16], data: &mut [u8]) {
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
        }
    };
}

xor_blocks!(xor_blocks, "C");
xor_blocks!(xor_blocks_win64, "win64");

/// The state for a key, a nonce and a block counter (RFC 8439, 2.3).
fn initial(key: &[u8; 32], nonce: &[u8; 12], counter: u32) -> [u32; 16] {
    let bytes = [b"expand 32-byte k".as_slice(), key, &counter.to_le_bytes(), nonce].concat();
    let word = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().expect("4 bytes"));
    std::array::from_fn(word)
}

/// One block of key stream, in plain Rust.
fn block(state: &[u32; 16]) -> [u8; 64] {
    fn quarter(x: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
        for (rotate_d, rotate_b) in [(16, 12), (8, 7)] {
            x[a] = x[a].wrapping_add(x[b]);
            x[d] = (x[d] ^ x[a]).rotate_left(rotate_d);
            x[c] = x[c].wrapping_add(x[d]);
            x[b] = (x[b] ^ x[c]).rotate_left(rotate_b);
        }
    }
    let mut x = *state;
    for _ in 0..10 {
        for i in 0..4 {
            quarter(&mut x, i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(&mut x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    let mut bytes = [0; 64];
    for (i, chunk) in bytes.chunks_mut(4).enumerate() {
        chunk.copy_from_slice(&x[i].wrapping_add(state[i]).to_le_bytes());
    }
    bytes
}

type Kernel = fn(&mut [u32; 16], &mut [u8]);

/// Encrypts or decrypts `data`: whole groups with `kernel`, what is left in plain Rust.
fn apply(mut state: [u32; 16], data: &mut [u8], kernel: Option<Kernel>) {
    let whole = kernel.map_or(0, |_| data.len() / 512 * 512);
    if let Some(kernel) = kernel {
        kernel(&mut state, &mut data[..whole]);
    }
    for chunk in data[whole..].chunks_mut(64) {
        for (byte, key) in chunk.iter_mut().zip(block(&state)) {
            *byte ^= key;
        }
        state[12] = state[12].wrapping_add(1);
    }
}

/// RFC 8439, 2.3.2: the key stream of one block, its first sixteen bytes.
fn check_published(kernel: Option<Kernel>) {
    let key = std::array::from_fn(|i| i as u8);
    let mut stream = [0; 512];
    apply(initial(&key, &[0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0], 1), &mut stream, kernel);
    let expected = [
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71,
        0xc4,
    ];
    assert_eq!(stream[..16], expected);
}

fn check(kernel: Kernel) {
    check_published(Some(kernel));
    let key = std::array::from_fn(|i| (i * 11) as u8);
    let nonce = std::array::from_fn(|i| (i * 29) as u8);
    for counter in [0, 1, u32::MAX - 3] {
        for len in [0, 1, 511, 512, 513, 1024, 4096 + 77] {
            let message: Vec<u8> = (0..len).map(|i| (i * 31) as u8).collect();
            let (mut fast, mut slow) = (message.clone(), message);
            apply(initial(&key, &nonce, counter), &mut fast, Some(kernel));
            apply(initial(&key, &nonce, counter), &mut slow, None);
            assert_eq!(fast, slow, "{len} bytes from block {counter}");
        }
    }
}

fn main() {
    check_published(None);
    if !xor_blocks::KERNEL.is_supported() {
        return println!("this processor has no AVX2");
    }
    check(xor_blocks);
    check(xor_blocks_win64);
    let mut data = vec![0; 1 << 20];
    let state = initial(&[7; 32], &[9; 12], 1);
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            apply(state, &mut data, Some(xor_blocks));
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    let speed = data.len() as f64 / best / 1e9;
    println!("ChaCha20: {speed:.2} GB/s, {} bytes of code", xor_blocks::KERNEL.code().len());
}

#[test]
fn equals_plain_rust() {
    peach_testing::processor::runs(xor_blocks::KERNEL.try_get());
    main();
}
