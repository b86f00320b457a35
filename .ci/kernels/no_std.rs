//! Kernels without the standard library: in text and inline, with fallbacks for other processors.
#![no_std]
#![deny(warnings)]
#![forbid(unsafe_code)]

use peach_runtime::peach_fn;

peach_fn! {
    #[embed = "text"]
    pub fn add(a: u64, b: u64) -> u64 { add a, b; return a; }
    #[fallback]
    pub fn add(a: u64, b: u64) -> u64 { a.wrapping_add(b) }

    /// Dispatched by processor.
    #[embed = "text"]
    #[version(enable = "bmi2", N = 1)]
    #[version(N = 2)]
    pub fn which(x: &[u8]) -> usize { add x.len, N; return x.len; }
    #[fallback]
    pub fn which(x: &[u8]) -> usize { x.len() }

    #[embed = "inline"]
    pub fn difference(a: u32, b: u32) -> u32 { sub a, b; return a; }
    #[fallback]
    pub fn difference(a: u32, b: u32) -> u32 { a.wrapping_sub(b) }
}

/// Calls each, as any caller does.
pub fn all() -> u64 {
    add(1, 2) + which(&[1]) as u64 + u64::from(difference(3, 1))
}
