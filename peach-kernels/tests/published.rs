//! The test vectors that the algorithms' authors published.

use peach_kernels::{base64, crc, marvin32, metro, speck};

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal digits"))
        .collect()
}

/// The paper's appendix C, Speck 128/128: its words stand with the most significant byte first.
#[test]
fn speck_128_128() {
    let bytes = |high: u64, low: u64| {
        let words = u128::from(high) << 64 | u128::from(low);
        words.to_le_bytes()
    };
    let cipher = speck::Speck128::new(&bytes(0x0f0e0d0c0b0a0908, 0x0706050403020100));
    let mut block = bytes(0x6c61766975716520, 0x7469206564616d20);
    cipher.encrypt_block(&mut block);
    assert_eq!(block, bytes(0xa65d985179783265, 0x7860fedf5c570d18));
    cipher.decrypt_block(&mut block);
    assert_eq!(block, bytes(0x6c61766975716520, 0x7469206564616d20));
}

/// .NET's MarvinTests: both halves, of which the hash is the exclusive or.
#[test]
fn marvin() {
    const SEEDS: [u64; 3] = [0x4FB61A001BDBCC, 0x804FB61A001BDBCC, 0x804FB61A801BDBCC];
    const VECTORS: [(usize, &str, u64); 30] = [
        (0, "", 0x30ED35C100CD3C7D),
        (0, "af", 0x48E73FC77D75DDC1),
        (0, "e70f", 0xB5F6E1FC485DBFF8),
        (0, "37f495", 0xF0B07C789B8CF7E8),
        (0, "8642dc59", 0x7008F2E87E9CF556),
        (0, "153fb79826", 0xE6C08C6DA2AFA997),
        (0, "0932e6246c47", 0x6F04BF1A5EA24060),
        (0, "ab427ea8d10fc7", 0xE11847E4F0678C41),
        (1, "", 0x10A9D5D3996FD65D),
        (1, "af", 0x68201F91960EBF91),
        (1, "e70f", 0x64B581631F6AB378),
        (1, "37f495", 0xE1F2DFA6E5131408),
        (1, "8642dc59", 0x36289D9654FB49F6),
        (1, "153fb79826", 0x0A06114B13464DBD),
        (1, "0932e6246c47", 0xD6DD5E40AD1BC2ED),
        (1, "ab427ea8d10fc7", 0xE203987DBA252FB3),
        (2, "00", 0xA37FB0DA2ECAE06C),
        (2, "ff", 0xFECEF370701AE054),
        (2, "00ff", 0xA638E75700048880),
        (2, "ff00", 0xBDFB46D969730E2A),
        (2, "ff00ff", 0x9D8577C0FE0D30BF),
        (2, "00ff00", 0x4F9FBDDE15099497),
        (2, "00ff00ff", 0x24EAA279D9A529CA),
        (2, "ff00ff00", 0xD3BEC7726B057943),
        (2, "ff00ff00ff", 0x920B62BBCA3E0B72),
        (2, "00ff00ff00", 0x1D7DDF9DFDF3C1BF),
        (2, "00ff00ff00ff", 0xEC21276A17E821A5),
        (2, "ff00ff00ff00", 0x6911A53CA8C12254),
        (2, "ff00ff00ff00ff", 0xFDFD187B1D3CE784),
        (2, "00ff00ff00ff00", 0x71876F2EFB1B0EE8),
    ];
    for (seed, text, both) in VECTORS {
        let expected = (both >> 32) as u32 ^ both as u32;
        assert_eq!(marvin32::hash(SEEDS[seed], &from_hex(text)), expected, "{text}");
    }
}

/// The reference implementation's `test_seed_0` and `test_seed_1`.
#[test]
fn metrohash() {
    let text = b"012345678901234567890123456789012345678901234567890123456789012";
    let expected = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
    let zero = expected([0x6B, 0x75, 0x3D, 0xAE, 0x06, 0x70, 0x4B, 0xAD]);
    let one = expected([0x3B, 0x0D, 0x48, 0x1C, 0xF4, 0xB9, 0xB8, 0xDF]);
    assert_eq!(metro::hash64(text, 0), zero);
    assert_eq!(metro::hash64(text, 1), one);
}

/// The check values of well-known CRC algorithms, and RFC 3720's examples (appendix B.4).
#[test]
fn checksums() {
    assert_eq!(crc::Crc32::checksum(b""), 0);
    assert_eq!(crc::Crc32::checksum(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc::Crc32::checksum(b"The quick brown fox jumps over the lazy dog"), 0x414F_A339);
    assert_eq!(crc::Crc32c::checksum(b"123456789"), 0xE306_9283);
    assert_eq!(crc::Crc32c::checksum(&[0; 32]), 0x8A91_36AA);
    assert_eq!(crc::Crc32c::checksum(&[0xFF; 32]), 0x62A8_AB43);
    let ascending: Vec<u8> = (0..32).collect();
    assert_eq!(crc::Crc32c::checksum(&ascending), 0x46DD_794E);
}

/// RFC 4648, section 10.
#[test]
fn base64_texts() {
    for (data, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64::encode(data.as_bytes()), text);
        assert_eq!(base64::decode(text).expect("it is"), data.as_bytes());
    }
}
