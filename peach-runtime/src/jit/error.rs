//! Why text did not become a function.

use crate::memory::Refusal;
use std::fmt;

/// Why text did not become a function.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text is in error.
    #[non_exhaustive]
    Text {
        /// The messages, each with the lines of the text that it is about.
        frames: String,
    },
    /// The text has no kernel, or several.
    #[non_exhaustive]
    NotOne {
        /// Their names.
        kernels: Vec<String>,
    },
    /// There is no kernel of the name.
    #[non_exhaustive]
    NoSuchKernel {
        /// What was asked for.
        name: String,
        /// What there is.
        kernels: Vec<String>,
    },
    /// The function pointer type is not that of the kernel.
    #[non_exhaustive]
    Signature {
        /// The kernel's name.
        kernel: String,
        /// Its type.
        has: String,
        /// The type that was asked for.
        asked: String,
        /// Where they differ.
        difference: String,
    },
    /// The CPU supports no version of the kernel.
    #[non_exhaustive]
    Unsupported {
        /// The kernel's name.
        kernel: String,
        /// For each version, in order, the extensions that it needs and this CPU lacks.
        missing: Vec<Vec<&'static str>>,
    },
    /// The operating system gave no memory for the code.
    #[non_exhaustive]
    Memory {
        /// What was asked for: `mmap`, `making memory executable with mprotect`, ….
        refused: &'static str,
        /// The operating system's number for the reason.
        os_error: i32,
    },
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Memory { refused: refusal.call, os_error: refusal.os_error }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Text { frames } => f.write_str(frames.trim_end()),
            Error::NotOne { kernels } if kernels.is_empty() => {
                f.write_str("the text has no kernel: write one with `fn name(…) { … }`")
            }
            Error::NotOne { kernels } => write!(
                f,
                "the text has {} kernels ({}); compile it as a `Library` and ask for each by its \
                 name",
                kernels.len(),
                quoted(kernels)
            ),
            Error::NoSuchKernel { name, kernels } => {
                write!(f, "unknown kernel `{name}`; the text has {}", quoted(kernels))
            }
            Error::Signature { kernel, has, asked, difference } => write!(
                f,
                "kernel `{kernel}` does not have the requested type: {difference}\n  the kernel is \
                 {has}\n  requested was {asked}"
            ),
            Error::Unsupported { kernel, missing } => {
                let versions = missing.iter().map(|names| names.iter().copied());
                crate::error::unsupported(f, kernel, versions)
            }
            Error::Memory { refused, os_error } => {
                crate::error::refused(f, "the code of the kernels", refused, *os_error)
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

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}

impl std::error::Error for Error {}
