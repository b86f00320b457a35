//! Kernels against plain Rust: all lengths, random content, beside pages that cannot be read.

use peach_kernels::{
    base64, bloom, bp128, chacha20, crc, groupvarint, marvin32, memchr, metro, sha256, sip13,
    speck, utf8,
};
use peach_testing::Random;
use peach_testing::guarded::Guarded;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
    (0..len).map(|_| random.bits() as u8).collect()
}

#[test]
fn speck_in_counter_mode() {
    let mut random = Random::new(1);
    for len in (0..600).chain([1023, 1024, 1025, 4096]) {
        let key: [u8; 16] = std::array::from_fn(|_| random.bits() as u8);
        let cipher = speck::Speck128::new(&key);
        let (nonce, counter) = (random.bits(), u64::MAX - random.bits() % 40);
        let data = bytes(&mut random, len);
        let mut expected = data.clone();
        for (i, part) in expected.chunks_mut(16).enumerate() {
            let number = counter.wrapping_add(i as u64);
            let mut block = (u128::from(nonce) << 64 | u128::from(number)).to_le_bytes();
            cipher.encrypt_block(&mut block);
            part.iter_mut().zip(block).for_each(|(byte, key)| *byte ^= key);
        }
        let mut found = data;
        cipher.apply_counter_mode(nonce, counter, &mut found);
        assert_eq!(found, expected, "{len} bytes");
    }
}

#[test]
fn every_tag_of_group_varint() {
    for tag in 0..=255u32 {
        let numbers: [u32; 4] = std::array::from_fn(|i| {
            let len = (tag >> (2 * i) & 3) + 1;
            0x8765_4321 >> (8 * (4 - len))
        });
        // Alone, and before others, which the kernel takes.
        for copies in [1, 2, 9] {
            let numbers = numbers.repeat(copies);
            let mut packed = Vec::new();
            groupvarint::encode(&numbers, &mut packed);
            assert_eq!(packed[0], tag as u8);
            let mut found = vec![0; numbers.len()];
            assert_eq!(groupvarint::decode(&packed, &mut found), Some(packed.len()));
            assert_eq!(found, numbers);
            for len in 0..packed.len() {
                assert_eq!(groupvarint::decode(&packed[..len], &mut found), None, "{len} of {tag}");
            }
        }
    }
}

#[test]
fn group_varint_of_any_length() {
    let mut random = Random::new(2);
    for len in 0..200 {
        let numbers: Vec<u32> =
            (0..len).map(|_| random.bits() as u32 >> (random.bits() % 32)).collect();
        let mut packed = vec![9];
        groupvarint::encode(&numbers, &mut packed);
        let mut found = vec![0; len];
        assert_eq!(groupvarint::decode(&packed[1..], &mut found), Some(packed.len() - 1));
        assert_eq!(found, numbers);
    }
}

/// Parquet's definition, written down once more.
#[test]
fn bloom_filters() {
    const SALT: [u32; 8] = [
        0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947,
        0x5c6bfb31,
    ];
    let mut random = Random::new(3);
    for blocks in [1, 2, 3, 64, 1000] {
        let mut filter = bloom::Bloom::with_blocks(blocks);
        let mut expected = HashSet::new();
        for _ in 0..200 {
            let hash = random.bits();
            filter.insert(hash);
            let block = ((hash >> 32) * blocks as u64) >> 32;
            for (word, salt) in SALT.iter().enumerate() {
                expected.insert((block, word, (hash as u32).wrapping_mul(*salt) >> 27));
            }
            assert!(filter.contains(hash));
        }
        let mut found = HashSet::new();
        for (block, words) in filter.as_blocks().iter().enumerate() {
            for (word, bits) in words.iter().enumerate() {
                found.extend(
                    (0..32).filter(|i| bits >> i & 1 == 1).map(|i| (block as u64, word, i)),
                );
            }
        }
        assert_eq!(found, expected, "{blocks} blocks");
        let hits = (0..1000).filter(|_| filter.contains(random.bits())).count();
        assert!(blocks < 1000 || hits < 10, "{hits} of 1,000 in an almost empty filter");
    }
}

/// Each length's hash differs from the others', and from that of the next seed.
#[test]
fn hashes_use_all_bytes() {
    let mut random = Random::new(4);
    for len in 1..300 {
        let mut data = bytes(&mut random, len);
        let (marvin, metro) = (marvin32::hash(5, &data), metro::hash64(&data, 5));
        let at = random.bits() as usize % len;
        data[at] ^= 1 << (random.bits() % 8);
        assert_ne!(marvin32::hash(5, &data), marvin, "byte {at} of {len}");
        assert_ne!(metro::hash64(&data, 5), metro, "byte {at} of {len}");
    }
}

/// One bit at a time.
fn plain_crc(polynomial: u32, data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ polynomial.reverse_bits() } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn checksums_of_all_lengths() {
    let mut random = Random::new(5);
    for len in (0..1200).chain([4095, 4096, 10_000]) {
        let data = bytes(&mut random, len);
        assert_eq!(crc::Crc32::checksum(&data), plain_crc(0x04C1_1DB7, &data), "{len} bytes");
        assert_eq!(crc::Crc32c::checksum(&data), plain_crc(0x1EDC_6F41, &data), "{len} bytes");
        let (first, second) = data.split_at(random.below(len + 1));
        let mut crc = crc::Crc32::new();
        crc.update(first);
        crc.update(second);
        assert_eq!(crc.finish(), crc::Crc32::checksum(&data));
    }
}

#[test]
fn searches_for_bytes() {
    let mut random = Random::new(6);
    let mut memory = Guarded::new();
    for len in (0..400).chain([1000, 4000]) {
        for _ in 0..20 {
            // Few or many hits.
            let range = random.pick(&[2, 5, 250]);
            let content: Vec<u8> = (0..len).map(|_| random.below(range) as u8).collect();
            for at_end in [false, true] {
                let start = memory.place(&content, at_end);
                // SAFETY: the place holds `len` bytes until the next one is placed.
                let data = unsafe { std::slice::from_raw_parts(start, len) };
                let needle = random.below(range) as u8;
                let is_it = |byte: &u8| *byte == needle;
                assert_eq!(memchr::memchr(needle, data), data.iter().position(is_it), "{len}");
                assert_eq!(memchr::memrchr(needle, data), data.iter().rposition(is_it), "{len}");
                assert_eq!(memchr::count(needle, data), data.iter().filter(|b| is_it(b)).count());
            }
        }
    }
}

/// By its definition, a bit at a time.
fn plain_base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |i: usize| data.get(i / 8).map_or(0, |byte| byte >> (7 - i % 8) & 1);
    let value = |at: usize| (0..6).fold(0, |value, i| value << 1 | usize::from(bit(6 * at + i)));
    let characters = (data.len() * 8).div_ceil(6);
    (0..data.len().div_ceil(3) * 4)
        .map(|at| if at < characters { ALPHABET[value(at)] as char } else { '=' })
        .collect()
}

#[test]
fn base64_of_all_lengths() {
    let mut random = Random::new(7);
    for len in 0..300 {
        let data = bytes(&mut random, len);
        let text = base64::encode(&data);
        assert_eq!(text, plain_base64(&data));
        assert_eq!(base64::decode(&text).as_ref(), Ok(&data));
        if len == 0 {
            continue;
        }
        // Another byte at any place: refused there, or at the padding that it makes wrong.
        let mut wrong = text.clone().into_bytes();
        let at = random.below(wrong.len());
        wrong[at] = random.bits() as u8;
        match base64::decode(&wrong) {
            Ok(other) => assert_eq!(base64::encode(&other).as_bytes(), wrong),
            Err(error) => assert!(error.position().abs_diff(at) < 4, "{error} for {at} of {len}"),
        }
        let cut = random.below(text.len());
        assert_eq!(base64::decode(&text[..cut]).is_ok(), cut.is_multiple_of(4));
    }
}

#[test]
fn utf8_and_its_mistakes() {
    let mut random = Random::new(8);
    let mut right = 0;
    for _ in 0..60_000 {
        let mut text = String::new();
        let len = random.below(200);
        let ascii = random.one_in(3);
        while text.len() < len {
            let limit = if ascii { 0x80 } else { random.pick(&[0x80, 0x800, 0x1_0000, 0x11_0000]) };
            text.extend(char::from_u32(random.below(limit)));
        }
        let mut data = text.into_bytes();
        for _ in 0..random.below(3usize) {
            let len = data.len();
            let other = random.bits() as u8;
            if let Some(byte) = data.get_mut(random.below(len.max(1))) {
                *byte = random.pick(&[0x80, 0xBF, 0xC0, 0xE0, 0xED, 0xF0, 0xF4, 0xFF, other]);
            }
        }
        data.truncate(random.below(data.len() + 1).max(data.len().saturating_sub(3)));
        let expected = std::str::from_utf8(&data);
        assert_eq!(utf8::is_utf8(&data), expected.is_ok(), "{data:x?}");
        assert_eq!(utf8::from_utf8(&data), expected);
        right += usize::from(expected.is_ok() && data.len() >= 64);
    }
    assert!(right > 5_000, "{right} texts are right");
}

/// The layout of SIMD-BP128, one bit at a time.
fn plain_pack(width: usize, bits: usize, values: &[u64]) -> Vec<u64> {
    let lanes = 128 / width;
    let mut words = vec![0; bits * 128 / width];
    for (at, value) in values.iter().enumerate() {
        for bit in 0..bits {
            let place = at / lanes * bits + bit;
            words[lanes * (place / width) + at % lanes] |= (value >> bit & 1) << (place % width);
        }
    }
    words
}

macro_rules! packs_every_width {
    (
        $test:ident, $word:ident, $lanes:literal; $max:ident $delta_max:ident $pack:ident
        $unpack:ident $delta_pack:ident $delta_unpack:ident
    ) => {
        #[test]
        fn $test() {
            use bp128::{$delta_max, $delta_pack, $delta_unpack, $max, $pack, $unpack};
            let mut random = Random::new(9);
            for bits in 0..=$word::BITS {
                let mask = if bits == 0 { 0 } else { $word::MAX >> ($word::BITS - bits) };
                let values: [$word; 128] = std::array::from_fn(|_| random.bits() as $word & mask);
                let numbers = |values: &[$word]| -> Vec<u64> {
                    values.iter().map(|&value| value.into()).collect()
                };
                let used = values.iter().fold(0, |all, value| all | value);
                assert_eq!($max(&values), $word::BITS - used.leading_zeros());
                let mut packed = [7; 128];
                let words = $pack(bits, &values, &mut packed);
                let expected = plain_pack($word::BITS as usize, bits as usize, &numbers(&values));
                assert_eq!(numbers(&packed[..words]), expected, "{bits} bits");
                assert!(packed[words..].iter().all(|&word| word == 7), "{bits} bits");
                let mut output = [0; 128];
                $unpack(bits, &packed, &mut output);
                assert_eq!(output, values, "{bits} bits");

                // The same as differences.
                let seed: [$word; $lanes] = std::array::from_fn(|_| random.bits() as $word);
                let mut sums = seed;
                let ascending: [$word; 128] = std::array::from_fn(|i| {
                    let sum = &mut sums[i % $lanes];
                    *sum = sum.wrapping_add(values[i]);
                    *sum
                });
                assert_eq!($delta_max(&ascending, &seed), $word::BITS - used.leading_zeros());
                let (mut packed, mut running) = ([7; 128], seed);
                assert_eq!($delta_pack(bits, &ascending, &mut packed, &mut running), words);
                assert_eq!(numbers(&packed[..words]), expected, "{bits} bits of differences");
                assert_eq!(running, sums);
                running = seed;
                $delta_unpack(bits, &packed, &mut output, &mut running);
                assert_eq!(output, ascending, "{bits} bits of differences");
                assert_eq!(running, sums);
            }
        }
    };
}

packs_every_width! {
    packs_every_width_of_32, u32, 4;
    max_bits32 delta_max_bits32 pack32 unpack32 delta_pack32 delta_unpack32
}

packs_every_width! {
    packs_every_width_of_64, u64, 2;
    max_bits64 delta_max_bits64 pack64 unpack64 delta_pack64 delta_unpack64
}

#[test]
fn chacha20_in_pieces() {
    let mut random = Random::new(10);
    for len in (0..300).chain([1023, 1024, 1025, 2048, 5000]) {
        let key: [u8; 32] = std::array::from_fn(|_| random.bits() as u8);
        let nonce: [u8; 12] = std::array::from_fn(|_| random.bits() as u8);
        let start = random.pick(&[0, 1, u32::MAX - 3]);
        let data = bytes(&mut random, len);
        // A block at a time: the other kernel.
        let mut expected = data.clone();
        for (i, part) in expected.chunks_mut(64).enumerate() {
            let mut cipher = chacha20::ChaCha20::new(&key, &nonce);
            cipher.seek(start.wrapping_add(i as u32));
            cipher.apply_keystream(part);
        }
        let mut cipher = chacha20::ChaCha20::new(&key, &nonce);
        cipher.seek(start);
        let mut found = data;
        let (first, second) = found.split_at_mut(random.below(len + 1));
        cipher.apply_keystream(first);
        cipher.apply_keystream(second);
        assert_eq!(found, expected, "{len} bytes from block {start}");
    }
}

#[test]
fn digests_in_pieces() {
    let mut random = Random::new(11);
    for len in 0..400 {
        let data = bytes(&mut random, len);
        let (first, second) = data.split_at(random.below(len + 1));
        let mut running = sha256::Sha256::new();
        running.update(first);
        running.update(second);
        assert_eq!(running.finalize(), sha256::Sha256::digest(&data), "{len} bytes");
    }
}

#[test]
fn siphash_is_the_standard_library_s() {
    let mut random = Random::new(12);
    for len in 0..300 {
        let data = bytes(&mut random, len);
        let mut standard = DefaultHasher::new();
        standard.write(&data);
        assert_eq!(sip13::hash13(0, 0, &data), standard.finish(), "{len} bytes");
        let (low, high) = (random.bits(), random.bits());
        let (first, second) = data.split_at(random.below(len + 1));
        let mut one = sip13::SipHasher13::with_keys(low, high);
        let mut two = sip13::SipHasher24::with_keys(low, high);
        for part in [first, second] {
            one.write(part);
            two.write(part);
        }
        assert_eq!(one.finish(), sip13::hash13(low, high, &data), "{len} bytes");
        assert_eq!(two.finish(), sip13::hash24(low, high, &data), "{len} bytes");
    }
}
