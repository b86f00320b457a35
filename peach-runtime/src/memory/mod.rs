//! Memory that is written once and then runs.
//!
//! Out: a [`Writable`] mapping, which becomes an [`Executable`] one; or, for the `jit`, a `Code`,
//! which is both steps at once. No mapping is writable and executable at one time. Fails with a
//! [`Refusal`].
//!
//! The arena lies near the program (`near`), which takes the system's own calls; every other
//! mapping is made by memmap2.

#[cfg(all(
    feature = "std",
    any(target_os = "linux", target_os = "android"),
    target_arch = "x86_64"
))]
mod file;
#[cfg(all(feature = "std", unix, target_arch = "x86_64"))]
mod near;
#[cfg(all(
    feature = "std",
    any(feature = "jit", target_arch = "x86_64"),
    not(all(any(unix, windows), target_arch = "x86_64"))
))]
mod none;
#[cfg(all(feature = "jit", any(unix, windows), target_arch = "x86_64"))]
mod owned;
#[cfg(all(feature = "std", windows, target_arch = "x86_64"))]
mod windows;

#[cfg(all(feature = "std", unix, target_arch = "x86_64"))]
pub(crate) use near::{Executable, Writable};
#[cfg(all(feature = "jit", not(all(any(unix, windows), target_arch = "x86_64"))))]
pub(crate) use none::Code;
#[cfg(all(feature = "std", not(any(unix, windows)), target_arch = "x86_64"))]
pub(crate) use none::{Executable, Writable};
#[cfg(all(feature = "jit", any(unix, windows), target_arch = "x86_64"))]
pub(crate) use owned::Code;
#[cfg(all(feature = "std", windows, target_arch = "x86_64"))]
pub(crate) use windows::{Executable, Writable};

/// What fills the space between kernels: a jump that goes astray stops there.
#[cfg(all(feature = "std", any(feature = "jit", target_arch = "x86_64")))]
pub(crate) const INT3: u8 = 0xCC;

/// What the operating system would not do.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Which request.
    pub(crate) call: &'static str,
    /// Its reason.
    pub(crate) os_error: i32,
}

impl Refusal {
    #[cfg(all(feature = "std", any(unix, windows), target_arch = "x86_64"))]
    fn new(call: &'static str, error: &std::io::Error) -> Refusal {
        Refusal { call, os_error: error.raw_os_error().unwrap_or(0) }
    }
}
