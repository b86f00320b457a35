//! Why a kernel cannot run.

use std::{fmt, io};

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
        missing: Vec<Vec<&'static str>>,
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
            Error::Unsupported { kernel, missing } => unsupported(f, kernel, missing),
            Error::Memory { kernel, refused: call, os_error } => {
                refused(f, &format!("the code of kernel `{kernel}`"), call, *os_error)?;
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

/// Says what this CPU lacks, version by version.
pub(crate) fn unsupported(
    f: &mut fmt::Formatter<'_>,
    kernel: &str,
    missing: &[Vec<&'static str>],
) -> fmt::Result {
    write!(f, "kernel `{kernel}` cannot run: this CPU lacks ")?;
    let versions: Vec<String> = missing.iter().map(|names| names.join(", ")).collect();
    f.write_str(&versions.join(" (and, for another version, "))?;
    f.write_str(&")".repeat(versions.len().saturating_sub(1)))
}

/// Says what the operating system refused, and its reason.
pub(crate) fn refused(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    call: &str,
    os_error: i32,
) -> fmt::Result {
    let reason = io::Error::from_raw_os_error(os_error);
    write!(f, "{what} could not be mapped: {call} failed: {reason}")
}

impl std::error::Error for Error {}
