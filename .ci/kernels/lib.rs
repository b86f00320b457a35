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

    /// In its callers.
    #[embed = "inline"]
    pub fn inlined(x: f64) -> f64 { addsd x, f64(0.5); return x; }
    #[fallback]
    pub fn inlined(x: f64) -> f64 { x + 0.5 }

    /// With a frame and saved registers, in both embeddings.
    pub fn frame(x: u64) -> u64 {
        let frame: [u64; 40];
        let v: [gp64; 11];
        mov [frame], x;
        for i in 0..11 { mov v[i], [frame]; }
        for i in 1..11 { add v[0], v[i]; }
        return v[0];
    }
    #[fallback]
    pub fn frame(x: u64) -> u64 { 11 * x }
    #[embed = "text"]
    pub fn frame_in_text(x: u64) -> u64 {
        let w: [xmm; 12];
        for i in 0..12 { movq w[i], x; }
        for i in 1..12 { paddq w[0], w[i]; }
        movq rax, w[0];
        return rax;
    }
    #[fallback]
    pub fn frame_in_text(x: u64) -> u64 { 12 * x }

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

/// Checks the result of each.
///
/// # Panics
/// If one is wrong.
pub fn assert_all() {
    assert_eq!(length(&[1.0, 2.0]), 2);
    assert_eq!(last(&[3; 4]), &[3; 4]);
    assert_eq!((constant(), address()), (STEP, &raw const PLACE));
    assert_eq!((swap(1, 2), wide(1 << 100)), ((2, 1), 1 << 100));
    assert!(text("x", Some(&1)));
    assert_eq!((add_1(1), add_2(1)), (2, 3));
    assert_eq!((inlined(1.0), frame(2), frame_in_text(3)), (1.5, 22, 36));
    assert_eq!(alternative(), if cfg!(target_arch = "x86_64") { 1 } else { 3 });
    assert_eq!(alone(), 2);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(here(), 1);
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_are_right() {
        super::assert_all();
        assert!(super::all() > 0);
    }

    /// Every kernel has its bytes where it runs, on the system's own convention.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn kernels_can_be_seen() {
        let kernel = &super::frame::KERNEL;
        let abi = if cfg!(windows) { "win64" } else { "sysv64" };
        assert_eq!((kernel.name(), kernel.versions()[0].abi()), ("frame", abi));
        assert!(kernel.is_supported() && kernel.code().len() > 40);
        assert_eq!((kernel.get())(1), 11);
        assert_eq!((super::frame_in_text::KERNEL.get())(1), 12);
    }

    /// All threads at once, so that each may be the first.
    #[test]
    fn threads_have_kernels() {
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(super::assert_all)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Calls each, as any caller does.
pub fn all() -> u64 {
    let sum = length(&[1.0]) as u64 + u64::from(last(&[1; 4])[0]) + u64::from(constant());
    #[cfg(target_arch = "x86_64")]
    let sum = sum + u64::from(here());
    sum + swap(1, 2).0 + wide(3) as u64 + u64::from(text("", None)) + add_1(1) + add_2(2)
        + inlined(1.0) as u64 + frame(1) + frame_in_text(1)
        + u64::from(alternative() + alone()) + u64::from(address().is_null())
}
