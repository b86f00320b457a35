//! Base64 with the standard alphabet and padding (RFC 4648, section 4), 24 bytes at a time after
//! Muła and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (2018).
//!
//! ```
//! use peach_kernels::base64::{decode, encode};
//!
//! assert_eq!(encode(b"foobar"), "Zm9vYmFy");
//! assert_eq!(encode(b"foob"), "Zm9vYg==");
//! assert_eq!(decode("Zm9vYg==").unwrap(), b"foob");
//! assert_eq!(decode("Zm9v*g==").unwrap_err().position(), 4);
//! ```

use peach_runtime::peach_fn;
use std::fmt;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Why a text is not Base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    position: usize,
}

impl Error {
    /// The index of the first byte at which the text cannot be what `encode` writes: a character
    /// outside of the alphabet, padding too early, set bits that no byte has, or the end.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not Base64 from byte {} on", self.position)
    }
}

impl std::error::Error for Error {}

/// The text for `data`, padded to a multiple of four characters.
pub fn encode(data: &[u8]) -> String {
    let mut text = vec![0; data.len().div_ceil(3) * 4];
    let done = encode_wide(data, &mut text);
    let rest = data[done..].chunks(3);
    for (group, to) in rest.zip(text[done / 3 * 4..].as_chunks_mut::<4>().0) {
        let bits = group.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for (i, character) in to.iter_mut().enumerate() {
            *character = match i <= group.len() {
                true => ALPHABET[(bits >> (18 - 6 * i) & 63) as usize],
                false => b'=',
            };
        }
    }
    String::from_utf8(text).expect("the alphabet is ASCII")
}

/// The bytes that `text` stands for.
///
/// # Errors
///
/// Where the text is not exactly what [`encode`] gives for some bytes.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
    let text = text.as_ref();
    // The kernel writes whole vectors.
    let mut data = vec![0; text.len() / 4 * 3 + 8];
    let mut at = decode_wide(text, &mut data);
    let mut len = at / 4 * 3;
    while at < text.len() {
        let (group, bytes) = decode_group(&text[at..], at)?;
        data[len..len + 3].copy_from_slice(&group);
        len += bytes;
        at += 4;
        if bytes < 3 && at < text.len() {
            return Err(Error { position: at });
        }
    }
    data.truncate(len);
    Ok(data)
}

/// The bytes of the four characters at the beginning of `text`, and how many they are.
fn decode_group(text: &[u8], position: usize) -> Result<([u8; 3], usize), Error> {
    let fail = |at: usize| Error { position: position + at };
    let group = text.first_chunk::<4>().ok_or(fail(text.len()))?;
    let padding = match group {
        [_, _, b'=', b'='] => 2,
        [_, _, _, b'='] => 1,
        _ => 0,
    };
    let mut bits = 0;
    for (i, character) in group[..4 - padding].iter().enumerate() {
        let value = ALPHABET.iter().position(|known| known == character).ok_or(fail(i))?;
        bits = bits << 6 | value as u32;
    }
    bits <<= 6 * padding;
    let [_, bytes @ ..] = bits.to_be_bytes();
    if bytes[3 - padding..].iter().any(|&byte| byte != 0) {
        return Err(fail(3 - padding));
    }
    Ok((bytes, 3 - padding))
}

peach_fn! {
    // The bytes of three in the four places that six bits of them come to.
    const SPREAD: [u8; 32] = from_fn(|i| i % 16 / 4 * 3 + [1, 0, 2, 1][i % 4]);
    // What turns a value into its character: lower case, ten digits, `+`, `/`, upper case.
    const OFFSETS: [i8; 32] = from_fn(|i|
        [71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 65, 0, 0][i % 16]);

    /// Encodes 24 bytes at a time while 28 can be read, and returns how many it encoded.
    #[target_feature(enable = "avx2")]
    pub(crate) fn encode_wide(data: &[u8], text: &mut [u8]) -> usize {
        let spread, offsets: ymm;
        vmovdqa spread, [SPREAD];
        vmovdqa offsets, [OFFSETS];
        let (p, n, q, room) = (data.ptr, data.len, text.ptr, text.len);
        let start: gp64 = n;
        'groups: {
            cmp n, 28;
            jb break 'groups;
            cmp room, 32;
            jb break 'groups;
            let v, high, low, kind: ymm;
            vmovdqu v.xmm, [p];
            vinserti128 v, v, [p + 12], 1;
            vpshufb v, v, spread;
            // In each four bytes b, a, c, b: shifts by multiplication, 16 bits at a time.
            vpand high, v, u32x8(0x0FC0FC00);
            vpmulhuw high, high, u32x8(0x04000040);
            vpand low, v, u32x8(0x003F03F0);
            vpmullw low, low, u32x8(0x01000010);
            vpor v, high, low;
            // 0 for lower case, 1 to 10 for digits, 11 and 12; 13 for upper case.
            vpsubusb kind, v, u8x32(51);
            vmovdqa low, u8x32(26);
            vpcmpgtb low, low, v;
            vpand low, low, u8x32(13);
            vpor kind, kind, low;
            vpshufb kind, offsets, kind;
            vpaddb v, v, kind;
            vmovdqu [q], v;
            add p, 24;
            sub n, 24;
            add q, 32;
            sub room, 32;
            jmp continue 'groups;
        }
        sub start, n;
        return start;
    }
    #[fallback]
    pub(crate) fn encode_wide(_data: &[u8], _text: &mut [u8]) -> usize {
        0
    }

    // A character is outside of the alphabet where the entry of its lower four bits and that of its
    // upper four have a bit in common.
    const LOWER: [u8; 16] = [
        0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
        0x11, 0x11, 0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A,
    ];
    const UPPER: [u8; 16] = [
        0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
        0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    ];
    // What turns a character into its value, by its upper four bits; one less for `/`.
    const BACK: [i8; 16] = [0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0];
    // Three bytes of each four, the highest first.
    const GATHER: [i8; 16] = [2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1];

    /// Decodes 32 characters at a time while all are of the alphabet, and returns how many it
    /// decoded.
    #[target_feature(enable = "avx2")]
    pub(crate) fn decode_wide(text: &[u8], data: &mut [u8]) -> usize {
        let lower, upper, back, gather, order: ymm;
        vbroadcasti128 lower, [LOWER];
        vbroadcasti128 upper, [UPPER];
        vbroadcasti128 back, [BACK];
        vbroadcasti128 gather, [GATHER];
        vmovdqa order, u32x8(0, 1, 2, 4, 5, 6, 7, 7);
        let (p, n, q, room) = (text.ptr, text.len, data.ptr, data.len);
        let start: gp64 = n;
        'groups: {
            cmp n, 32;
            jb break 'groups;
            cmp room, 32;
            jb break 'groups;
            let v, high, low, slash: ymm;
            vmovdqu v, [p];
            vpsrld high, v, 4;
            vpand high, high, u8x32(0x2F);
            vpand low, v, u8x32(0x2F);
            vpcmpeqb slash, v, u8x32(0x2F);
            vpaddb slash, slash, high;
            vpshufb low, lower, low;
            vpshufb high, upper, high;
            vptest low, high;
            jnz break 'groups;
            vpshufb slash, back, slash;
            vpaddb v, v, slash;
            // Six bits to twelve, to twenty-four.
            vpmaddubsw v, v, u32x8(0x01400140);
            vpmaddwd v, v, u32x8(0x00011000);
            vpshufb v, v, gather;
            vpermd v, order, v;
            vmovdqu [q], v;
            add p, 32;
            sub n, 32;
            add q, 24;
            sub room, 24;
            jmp continue 'groups;
        }
        sub start, n;
        return start;
    }
    #[fallback]
    pub(crate) fn decode_wide(_text: &[u8], _data: &mut [u8]) -> usize {
        0
    }
}
