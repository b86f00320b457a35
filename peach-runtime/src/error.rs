//! Why a kernel cannot run.

use crate::kernel::Version;
use core::fmt;

/// Why a kernel cannot run on this machine.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The CPU supports no version of the kernel.
    #[non_exhaustive]
    Unsupported {
        /// The kernel's name.
        kernel: &'static str,
        /// For each version, in order, the extensions that it needs and this CPU lacks.
        missing: Missing,
    },
    /// The operating system gave no memory for the kernel's code.
    #[non_exhaustive]
    Memory {
        /// The kernel's name.
        kernel: &'static str,
        /// What was asked for: `mmap`, `mprotect to executable`, ….
        refused: &'static str,
        /// The operating system's number for the reason.
        os_error: i32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unsupported { kernel, .. } if cfg!(miri) => {
                write!(f, "kernel `{kernel}` has no `#[fallback]`, and Miri runs no machine code")
            }
            Error::Unsupported { kernel, missing } => unsupported(f, kernel, missing.versions()),
            Error::Memory { kernel, refused: call, os_error } => {
                refused(f, format_args!("the code of kernel `{kernel}`"), call, *os_error)?;
                f.write_str("; with #[embed = \"text\"] a kernel needs no executable mapping")
            }
        }
    }
}

/// As it is displayed: this is what `unwrap`, and a `main` that returns it, print.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What each version of a kernel needs and this CPU lacks.
#[derive(Clone, Copy)]
pub struct Missing(pub(crate) &'static [Version]);

impl Missing {
    /// For each version, in the order of dispatch, the names of the extensions that it needs and
    /// this CPU lacks.
    pub fn versions(
        &self,
    ) -> impl Iterator<Item = impl Iterator<Item = &'static str> + use<>> + use<> {
        self.0.iter().map(Version::lacks)
    }
}

impl PartialEq for Missing {
    fn eq(&self, other: &Missing) -> bool {
        let same =
            |(one, other): (&'static Version, &'static Version)| one.lacks().eq(other.lacks());
        self.0.len() == other.0.len() && self.0.iter().zip(other.0).all(same)
    }
}

impl Eq for Missing {}

impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The names of one version.
        struct Names(&'static Version);
        impl fmt::Debug for Names {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.0.lacks()).finish()
            }
        }
        f.debug_list().entries(self.0.iter().map(Names)).finish()
    }
}

/// Says what this CPU lacks, version by version.
pub(crate) fn unsupported<'n>(
    f: &mut fmt::Formatter<'_>,
    kernel: &str,
    versions: impl Iterator<Item = impl Iterator<Item = &'n str>>,
) -> fmt::Result {
    write!(f, "kernel `{kernel}` cannot run: this CPU lacks ")?;
    let mut count = 0usize;
    for names in versions {
        if count > 0 {
            f.write_str(" (and, for another version, ")?;
        }
        for (index, name) in names.enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(name)?;
        }
        count += 1;
    }
    (1..count).try_for_each(|_| f.write_str(")"))
}

/// Says what the operating system refused, and its reason, if it gave one.
pub(crate) fn refused(
    f: &mut fmt::Formatter<'_>,
    what: impl fmt::Display,
    call: &str,
    os_error: i32,
) -> fmt::Result {
    write!(f, "{what} could not be mapped: {call} failed")?;
    if os_error == 0 {
        return Ok(());
    }
    #[cfg(feature = "std")]
    let reason = std::io::Error::from_raw_os_error(os_error);
    #[cfg(not(feature = "std"))]
    let reason = os_error;
    write!(f, ": {reason}")
}

impl core::error::Error for Error {}
