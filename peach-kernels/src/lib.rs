//! Hashes, ciphers, codecs, searches and vector arithmetic, written as assembly kernels behind safe
//! functions.
#![deny(missing_docs)]

pub mod bloom;
pub mod crc;
pub mod groupvarint;
pub mod marvin32;
pub mod memchr;
pub mod metro;
pub mod speck;
