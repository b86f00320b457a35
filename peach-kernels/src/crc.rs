//! Cyclic redundancy checks of 32 bits with reflected bits: CRC-32 (ISO 3309; zip, PNG, Ethernet)
//! and CRC-32C (Castagnoli; iSCSI, ext4, SSE4.2's instruction).
//!
//! Long data is folded by carry-less multiplication, 64 or 256 bytes at a time (Gopal, Ozturk,
//! Guilford, Wolrich, Feghali, Dixon and Karakoyunlu, "Fast CRC Computation for Generic Polynomials
//! Using PCLMULQDQ Instruction", Intel, 2009). All constants are computed from the polynomial.
//!
//! ```
//! use peach_kernels::crc::{Crc32, Crc32c};
//!
//! assert_eq!(Crc32::checksum(b"123456789"), 0xCBF4_3926);
//! assert_eq!(Crc32c::checksum(b"123456789"), 0xE306_9283);
//! let mut running = Crc32::new();
//! running.update(b"1234");
//! running.update(b"56789");
//! assert_eq!(running.finish(), 0xCBF4_3926);
//! ```

use peach_runtime::peach_fn;

/// A type with the checksum's running value, and the kernels of its polynomial, given with the
/// highest power's bit left out, highest first.
macro_rules! crc {
    ($(#[$doc:meta])* $name:ident, $module:ident, $polynomial:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            state: u32,
        }

        impl $name {
            /// The checksum of nothing, to be updated.
            pub const fn new() -> $name {
                $name { state: !0 }
            }

            /// Takes in more data.
            pub fn update(&mut self, data: &[u8]) {
                let (folded, rest) = $module::fold(self.state, data);
                self.state = $module::rest(folded, rest);
            }

            /// The checksum of all data so far.
            pub const fn finish(&self) -> u32 {
                !self.state
            }

            /// The checksum of `data`.
            pub fn checksum(data: &[u8]) -> u32 {
                let mut crc = $name::new();
                crc.update(data);
                crc.finish()
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::new()
            }
        }

        pub(crate) mod $module {
            use super::*;

            /// Folds as much of the data as the kernels take: the state after it, and what is left.
            pub fn fold(state: u32, data: &[u8]) -> (u32, &[u8]) {
                if data.len() < 64 {
                    return (state, data);
                }
                let (whole, rest) = data.split_at(data.len() / 16 * 16);
                (blocks(state, whole), rest)
            }

            /// Takes in the last bytes, eight at a time by tables.
            pub fn rest(mut state: u32, data: &[u8]) -> u32 {
                let (words, bytes) = data.as_chunks::<8>();
                for word in words {
                    let word = u64::from_le_bytes(*word) ^ u64::from(state);
                    let byte = |i: usize| (word >> (8 * i)) as usize & 255;
                    state = (0..8).fold(0, |sum, i| sum ^ TABLES[7 - i][byte(i)]);
                }
                for byte in bytes {
                    state = state >> 8 ^ TABLES[0][(state as u8 ^ byte) as usize];
                }
                state
            }

            /// What a byte becomes that is followed by as many zero bytes as its table's number
            /// says.
            static TABLES: [[u32; 256]; 8] = tables(u32::reverse_bits($polynomial));

            peach_fn! {
                // A polynomial of 32 bits times x.
                const fn next(p: u64) -> u64 {
                    let twice = p << 1 & 0xFFFF_FFFF;
                    return if p >> 31 == 1 { twice ^ $polynomial } else { twice };
                }
                // x^n modulo the polynomial, lowest power first, as the multiplication of reflected
                // bits wants it: a bit further to the left.
                const fn power(n: u32) -> u64 {
                    let mut p = 1;
                    for _ in 0..n {
                        p = next(p);
                    }
                    return ((p as u32).reverse_bits() as u64) << 1;
                }
                // The quotient of x^64 by the polynomial: 33 bits, lowest power first.
                const fn quotient() -> u64 {
                    // After the first step of the division x^32 became the rest.
                    let mut rest = $polynomial;
                    let mut q = 1;
                    for _ in 0..32 {
                        q = q << 1 | rest >> 31;
                        rest = next(rest);
                    }
                    return (q as u64).reverse_bits() >> 31;
                }
                const fn modulus() -> u64 {
                    return ((0x1_0000_0000 | $polynomial) as u64).reverse_bits() >> 31;
                }
                // What moves 128 bits over `n` bits: its lower and its upper half.
                const fn mover(n: u32, half: u32) -> u64 {
                    return power(if half == 0 { n + 32 } else { n - 32 });
                }
                const OVER_2048: [u64; 8] = from_fn(|i| mover(2048, i % 2));
                const OVER_512: [u64; 8] = from_fn(|i| mover(512, i % 2));
                const OVER_128: [u64; 2] = from_fn(|i| mover(128, i));
                const SHRINK: [u64; 2] = [power(64), 0];
                const BARRETT: [u64; 2] = [modulus(), quotient()];

                // x moved, and the next bits added.
                inline fn fold(x: xmm, over: xmm, next: operand) {
                    let low: xmm;
                    movdqa low, x;
                    pclmulqdq low, over, 0x00;
                    pclmulqdq x, over, 0x11;
                    pxor x, low;
                    movdqu low, next;
                    pxor x, low;
                }

                // Blocks of sixteen bytes behind what `x` holds, and the remainder of all.
                inline fn finish(x: xmm, p: gp64, n: gp64) -> xmm {
                    let over, t, low: xmm;
                    movdqa over, [OVER_128];
                    'blocks: {
                        sub n, 16;
                        jb break 'blocks;
                        fold(x, over, [p]);
                        add p, 16;
                        jmp continue 'blocks;
                    }
                    // 128 bits to 96, to 64.
                    movdqa t, x;
                    pclmulqdq t, over, 0x10;
                    psrldq x, 8;
                    pxor x, t;
                    pcmpeqd low, low;
                    psrlq low, 32;
                    movdqa t, x;
                    psrldq t, 4;
                    pand x, low;
                    pclmulqdq x, [SHRINK], 0x00;
                    pxor x, t;
                    // Barrett's reduction to 32.
                    movdqa over, [BARRETT];
                    movdqa t, x;
                    pand t, low;
                    pclmulqdq t, over, 0x10;
                    pand t, low;
                    pclmulqdq t, over, 0x00;
                    pxor x, t;
                    psrldq x, 4;
                    return x;
                }

                /// The state after `data`, which is 64 bytes long or more and a multiple of 16.
                #[target_feature(enable = "avx512f,avx512vl,vpclmulqdq,pclmulqdq")]
                pub(crate) fn blocks(state: u32, data: &[u8]) -> u32 {
                    let (p, n) = (data.ptr, data.len);
                    cmp n, 256;
                    jb 'short;
                    let x: [zmm; 4];
                    let over, low: zmm;
                    for i in 0..4 { vmovdqu64 x[i], [p + 64*i]; }
                    vmovd low.xmm, state;
                    vpxorq x[0], x[0], low;
                    vmovdqa64 over, [OVER_2048];
                    add p, 256;
                    sub n, 256;
                    'wide: {
                        sub n, 256;
                        jb break 'wide;
                        for i in 0..4 {
                            vpclmulqdq low, x[i], over, 0x00;
                            vpclmulqdq x[i], x[i], over, 0x11;
                            vpternlogq x[i], low, [p + 64*i], 0x96;
                        }
                        add p, 256;
                        jmp continue 'wide;
                    }
                    add n, 256;
                    vmovdqa64 over, [OVER_512];
                    for i in 1..4 {
                        vpclmulqdq low, x[0], over, 0x00;
                        vpclmulqdq x[0], x[0], over, 0x11;
                        vpternlogq x[0], low, x[i], 0x96;
                    }
                    let sum, part, half: xmm;
                    vmovdqa over.xmm, [OVER_128];
                    sum = x[0].xmm;
                    for i in 1..4 {
                        vextracti32x4 part, x[0], i;
                        vpclmulqdq half, sum, over.xmm, 0x00;
                        vpclmulqdq sum, sum, over.xmm, 0x11;
                        vpternlogq sum, half, part, 0x96;
                    }
                    vzeroupper;
                    let t = finish(sum, p, n);
                    movd state, t;
                    return state;
                    'short:
                    let four: [xmm; 4];
                    let s = short(four, state, p, n);
                    return s;
                }
                #[target_feature(enable = "sse2,pclmulqdq")]
                pub(crate) fn blocks(state: u32, data: &[u8]) -> u32 {
                    let (p, n) = (data.ptr, data.len);
                    let four: [xmm; 4];
                    let s = short(four, state, p, n);
                    return s;
                }
                #[fallback]
                pub(crate) fn blocks(state: u32, data: &[u8]) -> u32 {
                    rest(state, data)
                }

                // Four registers side by side.
                inline fn short(x: [xmm; 4], state: gp32, p: gp64, n: gp64) -> gp32 {
                    let over: xmm;
                    sub n, 64;
                    jb 'none;
                    for i in 0..4 { movdqu x[i], [p + 16*i]; }
                    movd over, state;
                    pxor x[0], over;
                    movdqa over, [OVER_512];
                    add p, 64;
                    'wide: {
                        sub n, 64;
                        jb break 'wide;
                        for i in 0..4 { fold(x[i], over, [p + 16*i]); }
                        add p, 64;
                        jmp continue 'wide;
                    }
                    add n, 64;
                    movdqa over, [OVER_128];
                    for i in 1..4 {
                        let low: xmm;
                        movdqa low, x[0];
                        pclmulqdq low, over, 0x00;
                        pclmulqdq x[0], over, 0x11;
                        pxor x[0], low;
                        pxor x[0], x[i];
                    }
                    let sum = finish(x[0], p, n);
                    movd state, sum;
                    'none:
                    return state;
                }
            }
        }
    };
}

crc! {
    /// CRC-32 of ISO 3309: polynomial 0x04C11DB7, reflected, all ones first and inverted at the
    /// end.
    Crc32, ieee, 0x04C1_1DB7
}

crc! {
    /// CRC-32C of Castagnoli: polynomial 0x1EDC6F41, reflected, all ones first and inverted at the
    /// end.
    Crc32c, castagnoli, 0x1EDC_6F41
}

/// For a polynomial with its lowest power first.
const fn tables(polynomial: u32) -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut i = 0;
        while i < 256 {
            let before = tables[k - 1][i];
            tables[k][i] = before >> 8 ^ tables[0][before as usize & 255];
            i += 1;
        }
        k += 1;
    }
    tables
}
