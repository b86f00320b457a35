//! SHA-256 (FIPS 180-4) with the SHA extensions: the fixed operand `xmm0` is allocated, not
//! written.
//!
//! `cargo run --release --example sha256`

use peach_runtime::peach_fn;
use std::time::Instant;

/// The same kernel for a convention.
macro_rules! compress {
    ($name:ident, $abi:literal) => {
        peach_fn! {
            // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
            const K: [u32; 64] align 16 = [
                0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
                0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
                0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
                0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
                0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
                0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
                0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
                0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
            ];

            /// Takes the whole blocks of 64 bytes at the start of `data` into `state`.
            #[target_feature(enable = "sha,sse4.1,ssse3")]
            pub extern $abi fn $name(state: &mut [u32; 8], data: &[u8]) {
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
                        let (m0, m1, m2, m3) = (m[g % 4], m[(g + 1) % 4], m[(g + 2) % 4], m[(g + 3) % 4]);
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
        }
    };
}

compress!(compress, "C");
compress!(compress_sysv64, "sysv64");
compress!(compress_win64, "win64");

/// The first 32 bits of the fractional parts of the square roots of the first eight primes.
const INITIAL: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/// The digest of `message`, with `compress` for the blocks.
fn sha256(message: &[u8], compress: fn(&mut [u32; 8], &[u8])) -> String {
    let mut state = INITIAL;
    let whole = message.len() / 64 * 64;
    compress(&mut state, &message[..whole]);
    let mut tail = message[whole..].to_vec();
    tail.push(0x80);
    tail.resize((tail.len() + 8).next_multiple_of(64) - 8, 0);
    tail.extend((message.len() as u64 * 8).to_be_bytes());
    compress(&mut state, &tail);
    state.iter().map(|word| format!("{word:08x}")).collect()
}

/// Messages and digests of FIPS 180-4's examples, and of the empty message.
const VECTORS: [(&str, &str); 3] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
];

fn main() {
    if !compress::KERNEL.is_supported() {
        return println!("this processor has no SHA extensions");
    }
    for (message, digest) in VECTORS {
        for compress in [compress, compress_sysv64, compress_win64] {
            assert_eq!(sha256(message.as_bytes(), compress), digest, "{message:?}");
        }
    }
    let million = vec![b'a'; 1_000_000];
    let start = Instant::now();
    let digest = sha256(&million, compress);
    let speed = million.len() as f64 / start.elapsed().as_secs_f64() / 1e9;
    assert_eq!(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    println!("{digest}  a million times `a`, {speed:.2} GB/s");
    println!("{} bytes of code and constants", compress::KERNEL.code().len());
}

#[test]
fn published_vectors() {
    peach_testing::processor::runs(compress::KERNEL.try_get());
    main();
}
