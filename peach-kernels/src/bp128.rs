//! Bit packing in the layout of SIMD-BP128 (Lemire and Boytsov, "Decoding billions of integers per
//! second through vectorization", 2015): 128 values of some bits each in vectors of 128 bits, every
//! lane a stream of bits of its own, lowest first.
//!
//! With differences, each value stands as its difference to the value a vector before it, and a
//! seed holds the vector before the first: ascending numbers then need few bits.
//!
//! ```
//! use peach_kernels::bp128::{max_bits32, pack32, unpack32};
//!
//! let input: [u32; 128] = std::array::from_fn(|i| 7 * i as u32);
//! let bits = max_bits32(&input);
//! assert_eq!(bits, 10);
//! let mut packed = [0; 128];
//! assert_eq!(pack32(bits, &input, &mut packed), 40);
//! let mut output = [0; 128];
//! unpack32(bits, &packed, &mut output);
//! assert_eq!(output, input);
//! ```

/// Functions for values of a width, and the kernels of a module for it.
macro_rules! functions {
    (
        $word:ident, $module:ident, $lanes:literal;
        $max_bits:ident, $delta_max_bits:ident, $pack:ident, $unpack:ident, $delta_pack:ident,
        $delta_unpack:ident
    ) => {
        /// The least number of bits that every value fits into.
        pub fn $max_bits(input: &[$word; 128]) -> u32 {
            $module::max_bits(input)
        }

        /// The least number of bits that every difference fits into. `seed` is the vector before
        /// the first.
        pub fn $delta_max_bits(input: &[$word; 128], seed: &[$word; $lanes]) -> u32 {
            $module::delta_max_bits(input, seed)
        }

        /// Packs the lowest `bits` bits of each value, and returns how many words of `output` they
        /// fill, from its first on. The others keep what they hold.
        ///
        /// # Panics
        ///
        /// Where `bits` is more than a word has.
        pub fn $pack(bits: u32, input: &[$word; 128], output: &mut [$word; 128]) -> usize {
            if bits > 0 {
                ($module::KERNELS[bits as usize - 1].pack)(input, output);
            }
            bits as usize * 128 / $word::BITS as usize
        }

        /// Undoes the packing of values.
        ///
        /// # Panics
        ///
        /// Where `bits` is more than a word has.
        pub fn $unpack(bits: u32, input: &[$word; 128], output: &mut [$word; 128]) {
            match bits {
                0 => output.fill(0),
                _ => ($module::KERNELS[bits as usize - 1].unpack)(input, output),
            }
        }

        /// Packs the lowest `bits` bits of each difference, and returns how many words of `output`
        /// they fill. `seed` is the vector before the first, and becomes the last one.
        ///
        /// # Panics
        ///
        /// Where `bits` is more than a word has.
        pub fn $delta_pack(
            bits: u32,
            input: &[$word; 128],
            output: &mut [$word; 128],
            seed: &mut [$word; $lanes],
        ) -> usize {
            match bits {
                0 => seed.copy_from_slice(&input[128 - $lanes..]),
                _ => ($module::KERNELS[bits as usize - 1].delta_pack)(input, output, seed),
            }
            bits as usize * 128 / $word::BITS as usize
        }

        /// Undoes the packing of differences, with the seed that it began with, which becomes the
        /// last vector of `output`.
        ///
        /// # Panics
        ///
        /// Where `bits` is more than a word has.
        pub fn $delta_unpack(
            bits: u32,
            input: &[$word; 128],
            output: &mut [$word; 128],
            seed: &mut [$word; $lanes],
        ) {
            match bits {
                0 => output.as_chunks_mut().0.fill(*seed),
                _ => ($module::KERNELS[bits as usize - 1].delta_unpack)(input, output, seed),
            }
        }
    };
}

functions! {
    u32, of_32_bits, 4;
    max_bits32, delta_max_bits32, pack32, unpack32, delta_pack32, delta_unpack32
}

functions! {
    u64, of_64_bits, 2;
    max_bits64, delta_max_bits64, pack64, unpack64, delta_pack64, delta_unpack64
}

/// The kernels for a width: `$bits` bits in a word, `$lanes` words in a vector, `$vectors` vectors.
macro_rules! kernels {
    (
        $module:ident, $word:ident, $bits:literal, $lanes:literal, $vectors:literal;
        $left:ident $right:ident $add:ident $subtract:ident $mask:ident;
        $($pack:ident $unpack:ident $delta_pack:ident $delta_unpack:ident,)*
    ) => {
        pub(crate) mod $module {
            use peach_runtime::peach_fn;

            type Values = [$word; 128];

            /// What there is for a number of bits.
            pub struct Kernels {
                pub pack: fn(&Values, &mut Values),
                pub unpack: fn(&Values, &mut Values),
                pub delta_pack: fn(&Values, &mut Values, &mut [$word; $lanes]),
                pub delta_unpack: fn(&Values, &mut Values, &mut [$word; $lanes]),
            }

            pub static KERNELS: [Kernels; $bits] = [$(Kernels {
                pack: $pack,
                unpack: $unpack,
                delta_pack: $delta_pack,
                delta_unpack: $delta_unpack,
            },)*];

            peach_fn! {
                for B in 1..=$bits {
                    // Puts the lowest bits of each value to those that wait.
                    inline fn pack_values_{B}(
                        input: gp64,
                        output: gp64,
                        before: xmm,
                        delta: const,
                    ) {
                        let word, value, shifted: xmm;
                        let mut bit: const = 0;
                        let mut written: const = 0;
                        for i in 0..$vectors {
                            movdqu value, [input + 16*i];
                            if delta {
                                movdqa shifted, value;
                                $subtract value, before;
                                movdqa before, shifted;
                            }
                            if B < $bits { pand value, $mask((1 << B) - 1); }
                            if bit == 0 {
                                movdqa word, value;
                            } else {
                                movdqa shifted, value;
                                $left shifted, bit;
                                por word, shifted;
                            }
                            bit += B;
                            if bit >= $bits {
                                movdqu [output + 16*written], word;
                                written += 1;
                                bit -= $bits;
                                if bit > 0 {
                                    movdqa word, value;
                                    $right word, B - bit;
                                }
                            }
                        }
                        assert!($bits * written == B * $vectors, "every bit has its place");
                    }

                    inline fn unpack_values_{B}(
                        input: gp64,
                        output: gp64,
                        before: xmm,
                        delta: const,
                    ) {
                        let value, rest: xmm;
                        for i in 0..$vectors {
                            const FIRST = i * B / $bits;
                            const BIT = i * B % $bits;
                            movdqu value, [input + 16*FIRST];
                            if BIT > 0 { $right value, BIT; }
                            if BIT + B > $bits {
                                movdqu rest, [input + 16*(FIRST + 1)];
                                $left rest, $bits - BIT;
                                por value, rest;
                            }
                            if B < $bits { pand value, $mask((1 << B) - 1); }
                            if delta {
                                $add before, value;
                                movdqu [output + 16*i], before;
                            } else {
                                movdqu [output + 16*i], value;
                            }
                        }
                    }

                    pub(crate) fn pack_{B}(input: &[$word; 128], output: &mut [$word; 128]) {
                        let none: xmm = undefined;
                        pack_values_{B}(input, output, none, false);
                    }
                    #[fallback]
                    pub(crate) fn pack_{B}(input: &[$word; 128], output: &mut [$word; 128]) {
                        pack_plainly(B, input, output);
                    }

                    pub(crate) fn unpack_{B}(input: &[$word; 128], output: &mut [$word; 128]) {
                        let none: xmm = undefined;
                        unpack_values_{B}(input, output, none, false);
                    }
                    #[fallback]
                    pub(crate) fn unpack_{B}(input: &[$word; 128], output: &mut [$word; 128]) {
                        unpack_plainly(B, input, output);
                    }

                    pub(crate) fn delta_pack_{B}(
                        input: &[$word; 128],
                        output: &mut [$word; 128],
                        seed: &mut [$word; $lanes],
                    ) {
                        let before: xmm;
                        movdqu before, [seed];
                        pack_values_{B}(input, output, before, true);
                        movdqu [seed], before;
                    }
                    #[fallback]
                    pub(crate) fn delta_pack_{B}(
                        input: &[$word; 128],
                        output: &mut [$word; 128],
                        seed: &mut [$word; $lanes],
                    ) {
                        let differences = std::array::from_fn(|i| {
                            let before = if i < $lanes { seed[i] } else { input[i - $lanes] };
                            input[i].wrapping_sub(before)
                        });
                        pack_plainly(B, &differences, output);
                        seed.copy_from_slice(&input[128 - $lanes..]);
                    }

                    pub(crate) fn delta_unpack_{B}(
                        input: &[$word; 128],
                        output: &mut [$word; 128],
                        seed: &mut [$word; $lanes],
                    ) {
                        let before: xmm;
                        movdqu before, [seed];
                        unpack_values_{B}(input, output, before, true);
                        movdqu [seed], before;
                    }
                    #[fallback]
                    pub(crate) fn delta_unpack_{B}(
                        input: &[$word; 128],
                        output: &mut [$word; 128],
                        seed: &mut [$word; $lanes],
                    ) {
                        unpack_plainly(B, input, output);
                        for (i, value) in output.iter_mut().enumerate() {
                            let before = &mut seed[i % $lanes];
                            *before = before.wrapping_add(*value);
                            *value = *before;
                        }
                    }
                }

                // The number of bits of the highest one in any lane.
                inline fn highest(all: xmm) -> gp64 {
                    let upper: xmm;
                    pshufd upper, all, 0b11_10_11_10;
                    por all, upper;
                    let bits: gp64;
                    movq bits, all;
                    if $lanes == 4 {
                        let half: gp64;
                        mov half, bits;
                        shr half, 32;
                        or bits.gp32, half.gp32;
                    }
                    test bits, bits;
                    jz 'none;
                    bsr bits, bits;
                    inc bits;
                    'none:
                    return bits;
                }

                pub fn max_bits(input: &[$word; 128]) -> u32 {
                    let all: xmm;
                    movdqu all, [input];
                    for i in 1..$vectors {
                        let value: xmm;
                        movdqu value, [input + 16*i];
                        por all, value;
                    }
                    let bits = highest(all);
                    return bits.gp32;
                }
                #[fallback]
                pub fn max_bits(input: &[$word; 128]) -> u32 {
                    $word::BITS - input.iter().fold(0, |all, value| all | value).leading_zeros()
                }

                pub fn delta_max_bits(input: &[$word; 128], seed: &[$word; $lanes]) -> u32 {
                    let all, before, value, difference: xmm;
                    movdqu before, [seed];
                    pxor all, all;
                    for i in 0..$vectors {
                        movdqu value, [input + 16*i];
                        movdqa difference, value;
                        $subtract difference, before;
                        por all, difference;
                        movdqa before, value;
                    }
                    let bits = highest(all);
                    return bits.gp32;
                }
                #[fallback]
                pub fn delta_max_bits(input: &[$word; 128], seed: &[$word; $lanes]) -> u32 {
                    let before = seed.iter().chain(input);
                    let pairs = input.iter().zip(before);
                    let deltas = pairs.map(|(value, before)| value.wrapping_sub(*before));
                    let all = deltas.fold(0, |all, delta| all | delta);
                    $word::BITS - all.leading_zeros()
                }
            }

            /// Compares every kernel; the module is the `nth` of the file.
            #[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
            pub(crate) fn compare(file: &crate::versions::File, nth: usize) {
                use crate::versions::versions;
                use peach_test::OneArgument as _;
                $(
                    versions!(file, self::$pack [nth], |random| (
                        random.any::<Values>(), random.any::<Values>()
                    ));
                    versions!(file, self::$unpack [nth], |random| (
                        random.any::<Values>(), random.any::<Values>()
                    ));
                    versions!(file, self::$delta_pack [nth], |random| (
                        random.any::<Values>(),
                        random.any::<Values>(),
                        random.any::<[$word; $lanes]>()
                    ));
                    versions!(file, self::$delta_unpack [nth], |random| (
                        random.any::<Values>(),
                        random.any::<Values>(),
                        random.any::<[$word; $lanes]>()
                    ));
                )*
                versions!(file, self::max_bits [nth], |random| random.any::<Values>());
                versions!(file, self::delta_max_bits [nth], |random| (
                    random.any::<Values>(), random.any::<[$word; $lanes]>()
                ));
            }

            fn pack_plainly(bits: usize, input: &Values, output: &mut Values) {
                let words = bits * 128 / $bits;
                output[..words].fill(0);
                for (at, value) in input.iter().enumerate() {
                    let (i, lane) = (at / $lanes, at % $lanes);
                    for bit in 0..bits {
                        let place = i * bits + bit;
                        let word = &mut output[$lanes * (place / $bits) + lane];
                        *word |= (value >> bit & 1) << (place % $bits);
                    }
                }
            }

            fn unpack_plainly(bits: usize, input: &Values, output: &mut Values) {
                for (at, value) in output.iter_mut().enumerate() {
                    let (i, lane) = (at / $lanes, at % $lanes);
                    *value = (0..bits).fold(0, |value, bit| {
                        let place = i * bits + bit;
                        let word = input[$lanes * (place / $bits) + lane];
                        value | (word >> (place % $bits) & 1) << bit
                    });
                }
            }
        }
    };
}

kernels! {
    of_32_bits, u32, 32, 4, 32;
    pslld psrld paddd psubd u32x4;
    pack_1 unpack_1 delta_pack_1 delta_unpack_1, pack_2 unpack_2 delta_pack_2 delta_unpack_2,
    pack_3 unpack_3 delta_pack_3 delta_unpack_3, pack_4 unpack_4 delta_pack_4 delta_unpack_4,
    pack_5 unpack_5 delta_pack_5 delta_unpack_5, pack_6 unpack_6 delta_pack_6 delta_unpack_6,
    pack_7 unpack_7 delta_pack_7 delta_unpack_7, pack_8 unpack_8 delta_pack_8 delta_unpack_8,
    pack_9 unpack_9 delta_pack_9 delta_unpack_9,
    pack_10 unpack_10 delta_pack_10 delta_unpack_10,
    pack_11 unpack_11 delta_pack_11 delta_unpack_11,
    pack_12 unpack_12 delta_pack_12 delta_unpack_12,
    pack_13 unpack_13 delta_pack_13 delta_unpack_13,
    pack_14 unpack_14 delta_pack_14 delta_unpack_14,
    pack_15 unpack_15 delta_pack_15 delta_unpack_15,
    pack_16 unpack_16 delta_pack_16 delta_unpack_16,
    pack_17 unpack_17 delta_pack_17 delta_unpack_17,
    pack_18 unpack_18 delta_pack_18 delta_unpack_18,
    pack_19 unpack_19 delta_pack_19 delta_unpack_19,
    pack_20 unpack_20 delta_pack_20 delta_unpack_20,
    pack_21 unpack_21 delta_pack_21 delta_unpack_21,
    pack_22 unpack_22 delta_pack_22 delta_unpack_22,
    pack_23 unpack_23 delta_pack_23 delta_unpack_23,
    pack_24 unpack_24 delta_pack_24 delta_unpack_24,
    pack_25 unpack_25 delta_pack_25 delta_unpack_25,
    pack_26 unpack_26 delta_pack_26 delta_unpack_26,
    pack_27 unpack_27 delta_pack_27 delta_unpack_27,
    pack_28 unpack_28 delta_pack_28 delta_unpack_28,
    pack_29 unpack_29 delta_pack_29 delta_unpack_29,
    pack_30 unpack_30 delta_pack_30 delta_unpack_30,
    pack_31 unpack_31 delta_pack_31 delta_unpack_31,
    pack_32 unpack_32 delta_pack_32 delta_unpack_32,
}

kernels! {
    of_64_bits, u64, 64, 2, 64;
    psllq psrlq paddq psubq u64x2;
    pack_1 unpack_1 delta_pack_1 delta_unpack_1, pack_2 unpack_2 delta_pack_2 delta_unpack_2,
    pack_3 unpack_3 delta_pack_3 delta_unpack_3, pack_4 unpack_4 delta_pack_4 delta_unpack_4,
    pack_5 unpack_5 delta_pack_5 delta_unpack_5, pack_6 unpack_6 delta_pack_6 delta_unpack_6,
    pack_7 unpack_7 delta_pack_7 delta_unpack_7, pack_8 unpack_8 delta_pack_8 delta_unpack_8,
    pack_9 unpack_9 delta_pack_9 delta_unpack_9,
    pack_10 unpack_10 delta_pack_10 delta_unpack_10,
    pack_11 unpack_11 delta_pack_11 delta_unpack_11,
    pack_12 unpack_12 delta_pack_12 delta_unpack_12,
    pack_13 unpack_13 delta_pack_13 delta_unpack_13,
    pack_14 unpack_14 delta_pack_14 delta_unpack_14,
    pack_15 unpack_15 delta_pack_15 delta_unpack_15,
    pack_16 unpack_16 delta_pack_16 delta_unpack_16,
    pack_17 unpack_17 delta_pack_17 delta_unpack_17,
    pack_18 unpack_18 delta_pack_18 delta_unpack_18,
    pack_19 unpack_19 delta_pack_19 delta_unpack_19,
    pack_20 unpack_20 delta_pack_20 delta_unpack_20,
    pack_21 unpack_21 delta_pack_21 delta_unpack_21,
    pack_22 unpack_22 delta_pack_22 delta_unpack_22,
    pack_23 unpack_23 delta_pack_23 delta_unpack_23,
    pack_24 unpack_24 delta_pack_24 delta_unpack_24,
    pack_25 unpack_25 delta_pack_25 delta_unpack_25,
    pack_26 unpack_26 delta_pack_26 delta_unpack_26,
    pack_27 unpack_27 delta_pack_27 delta_unpack_27,
    pack_28 unpack_28 delta_pack_28 delta_unpack_28,
    pack_29 unpack_29 delta_pack_29 delta_unpack_29,
    pack_30 unpack_30 delta_pack_30 delta_unpack_30,
    pack_31 unpack_31 delta_pack_31 delta_unpack_31,
    pack_32 unpack_32 delta_pack_32 delta_unpack_32,
    pack_33 unpack_33 delta_pack_33 delta_unpack_33,
    pack_34 unpack_34 delta_pack_34 delta_unpack_34,
    pack_35 unpack_35 delta_pack_35 delta_unpack_35,
    pack_36 unpack_36 delta_pack_36 delta_unpack_36,
    pack_37 unpack_37 delta_pack_37 delta_unpack_37,
    pack_38 unpack_38 delta_pack_38 delta_unpack_38,
    pack_39 unpack_39 delta_pack_39 delta_unpack_39,
    pack_40 unpack_40 delta_pack_40 delta_unpack_40,
    pack_41 unpack_41 delta_pack_41 delta_unpack_41,
    pack_42 unpack_42 delta_pack_42 delta_unpack_42,
    pack_43 unpack_43 delta_pack_43 delta_unpack_43,
    pack_44 unpack_44 delta_pack_44 delta_unpack_44,
    pack_45 unpack_45 delta_pack_45 delta_unpack_45,
    pack_46 unpack_46 delta_pack_46 delta_unpack_46,
    pack_47 unpack_47 delta_pack_47 delta_unpack_47,
    pack_48 unpack_48 delta_pack_48 delta_unpack_48,
    pack_49 unpack_49 delta_pack_49 delta_unpack_49,
    pack_50 unpack_50 delta_pack_50 delta_unpack_50,
    pack_51 unpack_51 delta_pack_51 delta_unpack_51,
    pack_52 unpack_52 delta_pack_52 delta_unpack_52,
    pack_53 unpack_53 delta_pack_53 delta_unpack_53,
    pack_54 unpack_54 delta_pack_54 delta_unpack_54,
    pack_55 unpack_55 delta_pack_55 delta_unpack_55,
    pack_56 unpack_56 delta_pack_56 delta_unpack_56,
    pack_57 unpack_57 delta_pack_57 delta_unpack_57,
    pack_58 unpack_58 delta_pack_58 delta_unpack_58,
    pack_59 unpack_59 delta_pack_59 delta_unpack_59,
    pack_60 unpack_60 delta_pack_60 delta_unpack_60,
    pack_61 unpack_61 delta_pack_61 delta_unpack_61,
    pack_62 unpack_62 delta_pack_62 delta_unpack_62,
    pack_63 unpack_63 delta_pack_63 delta_unpack_63,
    pack_64 unpack_64 delta_pack_64 delta_unpack_64,
}
