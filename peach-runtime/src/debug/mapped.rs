//! A kernel in memory, as the formats that tell of it see it.

/// A kernel in memory.
pub(crate) struct Mapped<'a> {
    pub(crate) name: &'a str,
    /// Its call frame instructions.
    pub(crate) unwind: &'a [u8],
    pub(crate) listing: &'a str,
    pub(crate) address: usize,
    pub(crate) len: usize,
}

/// How many bytes behind a kernel must not be another one's: perf takes its unwinding table to be
/// mapped there.
pub(crate) fn room_behind(unwind: &[u8]) -> usize {
    /// The entries without the instructions, filled up, and the index.
    const TABLE: usize = 88;
    TABLE + unwind.len()
}

/// From the first kernel to the end of the last one.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn range(kernels: &[Mapped<'_>]) -> std::ops::Range<usize> {
    match kernels {
        [] => 0..0,
        [first, ..] => {
            let last = &kernels[kernels.len() - 1];
            first.address..last.address + last.len
        }
    }
}

impl Mapped<'_> {
    /// Its bytes.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(super) fn bytes(&self) -> &[u8] {
        let start = std::ptr::with_exposed_provenance(self.address);
        // SAFETY: who announces a kernel has mapped it, and keeps it while this lives.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}
