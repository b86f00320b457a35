//! Kernels as encoders, decoders and hashes have them, written anew in the language: against plain
//! Rust, published results, and code by hand.
//!
//! Beside the public originals, assembled from their sources, with the same inputs (10,000 random
//! ones each, all results equal) on an x86-64 server; nanoseconds for a call, least of many runs:
//!
//! | kernel | instructions | bytes | original | bytes | ns | ns of the original |
//! |---|---|---|---|---|---|---|
//! | `satd_16x16` | 92 | 379 | x264, `pixel_satd_16x16_ssse3` and what it calls | 608 | 34.5 | 26.9 |
//! | `sad_x4_16x16` | 251 | 1115 | x264, `pixel_sad_x4_16x16_sse2` | 1024 | 10.0 | 10.0 |
//! | `compress` | 459 | 2309 | BLAKE3, `blake3_compress_in_place_sse41` | 448 | 118.5 | 103.3 |
//! | `add_idct_8x8` | 360 | 1967 | dav1d, `inv_txfm_add_dct_dct_8x8_8bpc_ssse3` and what it calls | 1600 | 26.7 | 34.2 |
//!
//! The originals of the last two are loops, or share code between passes; here the rounds
//! and the passes are expanded.

#![cfg(all(target_arch = "x86_64", not(windows)))]

mod blake3;
mod idct;
mod satd;
