//! Hashes, ciphers, codecs, searches and checksums, written as assembly kernels behind safe
//! functions.
//!
//! Each module says what its algorithm is and where it was published. The kernels are compiled by
//! `peach_fn!` and chosen by the processor at the first call; every function has a fallback in
//! plain Rust for other processors and other architectures. The kernels are plain: the compiler has
//! proven that they touch nothing but their arguments.
//!
//! | module | what it has |
//! |---|---|
//! | [`base64`] | Base64, standard alphabet: encode, decode |
//! | [`bloom`] | split block Bloom filters, as in Parquet |
//! | [`bp128`] | bit packing of 128 values, SIMD-BP128's layout, 32 and 64 bits |
//! | [`chacha20`] | ChaCha20 |
//! | [`chaskey`] | Chaskey-8, Chaskey-12 |
//! | [`crc`] | CRC-32, CRC-32C |
//! | [`groupvarint`] | group varint: encode, decode |
//! | [`highway`] | HighwayHash-64 |
//! | [`marvin32`] | Marvin32, .NET's keyed hash of strings |
//! | [`memchr`] | the first, the last, the number of a byte |
//! | [`metro`] | MetroHash64 |
//! | [`poly1305`] | Poly1305 |
//! | [`sha256`] | SHA-256 |
//! | [`sip13`] | SipHash-1-3, SipHash-2-4 |
//! | [`speck`] | Speck 128/128: blocks, counter mode |
//! | [`stadtx`] | StadtX, a hash for tables |
//! | [`utf8`] | validation of UTF-8 |
//! | [`vector`] | arithmetic of slices, of all types of numbers, with numbers and with wider results |

#![deny(missing_docs)]

pub mod base64;
pub mod bloom;
pub mod bp128;
pub mod chacha20;
pub mod chaskey;
pub mod crc;
pub mod groupvarint;
pub mod highway;
pub mod marvin32;
pub mod memchr;
pub mod metro;
pub mod poly1305;
pub mod sha256;
pub mod sip13;
pub mod speck;
pub mod stadtx;
pub mod utf8;
pub mod vector;

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod versions;

/// The listing of the package's page is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
