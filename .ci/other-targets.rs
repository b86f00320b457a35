//! Kernels of each kind, with fallbacks, for targets that have no x86-64 processor or another system.
#![deny(warnings)]
#![forbid(unsafe_code)]

use peach_runtime::peach_fn;

/// What only kernels use.
const STEP: u32 = 7;
static PLACE: u32 = 3;

peach_fn! {
    /// With versions and slices.
    #[version(enable = "avx2", W = 8)]
    #[version(W = 4)]
    #[must_use]
    pub fn length(x: &[f32]) -> usize { return x.len; }
    #[fallback]
    pub fn length(x: &[f32]) -> usize { x.len() }

    /// In the text section, with a reference.
    #[embed = "text"]
    pub fn last<'a>(x: &'a [u32; 4]) -> &'a [u32; 4] { return x; }
    #[fallback]
    pub fn last<'a>(x: &'a [u32; 4]) -> &'a [u32; 4] { x }

    /// With items of the program.
    pub fn constant() -> u32 { mov eax, const { STEP }; return eax; }
    #[fallback]
    pub fn constant() -> u32 { STEP }
    pub fn address() -> *const u32 { mov rax, sym PLACE; return rax; }
    #[fallback]
    pub fn address() -> *const u32 { &raw const PLACE }

    /// Pairs, wide integers, text and pointers.
    pub fn swap(x: u64, y: u64) -> (u64, u64) { return (y, x); }
    #[fallback]
    pub fn swap(x: u64, y: u64) -> (u64, u64) { (y, x) }
    pub fn wide(x: u128) -> u128 { return (x.lo, x.hi); }
    #[fallback]
    pub fn wide(x: u128) -> u128 { x }
    pub fn text(x: &str, y: Option<&u8>) -> bool { return true; }
    #[fallback]
    pub fn text(_: &str, _: Option<&u8>) -> bool { true }

    for B in 1..=2 {
        pub fn add_{B}(x: u64) -> u64 { add x, B; return x; }
        #[fallback]
        pub fn add_{B}(x: u64) -> u64 { x + B }
    }

    #[cfg(target_arch = "x86_64")]
    pub fn alternative() -> u32 { return 1; }
    #[cfg(not(target_arch = "x86_64"))]
    pub fn alternative() -> u32 { return 2; }
    #[fallback]
    pub fn alternative() -> u32 { 3 }

    // Where there is no kernel, the fallback is all that there is.
    #[cfg(any())]
    pub fn alone() -> u32 { return 1; }
    #[fallback]
    pub fn alone() -> u32 { 2 }

    #[cfg(target_arch = "x86_64")]
    pub fn here() -> u32 { return 1; }
}

/// Calls each, as any caller does.
pub fn all() -> u64 {
    let sum = length(&[1.0]) as u64 + u64::from(last(&[1; 4])[0]) + u64::from(constant());
    #[cfg(target_arch = "x86_64")]
    let sum = sum + u64::from(here());
    sum + swap(1, 2).0 + wide(3) as u64 + u64::from(text("", None)) + add_1(1) + add_2(2)
        + u64::from(alternative() + alone()) + u64::from(address().is_null())
}
