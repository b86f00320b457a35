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
//! | [`crc`] | CRC-32, CRC-32C |
//! | [`groupvarint`] | group varint: encode, decode |
//! | [`marvin32`] | Marvin32, .NET's keyed hash of strings |
//! | [`memchr`] | the first, the last, the number of a byte |
//! | [`metro`] | MetroHash64 |
//! | [`speck`] | Speck 128/128: blocks, counter mode |
//! | [`utf8`] | validation of UTF-8 |

#![deny(missing_docs)]

pub mod base64;
pub mod bloom;
pub mod crc;
pub mod groupvarint;
pub mod marvin32;
pub mod memchr;
pub mod metro;
pub mod speck;
pub mod utf8;
