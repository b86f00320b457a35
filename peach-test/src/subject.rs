//! What is tested: the code of every version of a kernel, and its fallback.

use crate::machine::HAS_CODE;
use peach_runtime::Kernel;

/// A calling convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Convention {
    SysV64,
    Win64,
}

impl Convention {
    /// The convention that a version names.
    fn named(name: &str) -> Convention {
        match name {
            "sysv64" => Convention::SysV64,
            "win64" => Convention::Win64,
            _ => panic!("`{name}` is not a convention of Rust programs: `sysv64` or `win64` is"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Convention::SysV64 => "sysv64",
            Convention::Win64 => "win64",
        }
    }
}

/// Machine code with a name.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) label: String,
    pub(crate) convention: Convention,
    pub(crate) entry: *const (),
    pub(crate) len: usize,
}

/// The code of a kernel: what `compare!` and `bench!` call besides the function.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(crate) name: String,
    pub(crate) codes: Vec<Code>,
    pub(crate) fallback: Option<Code>,
    /// Whether the function works on every processor.
    pub(crate) has_fallback: bool,
    /// The versions that are not here, and why.
    pub(crate) left_out: Vec<String>,
}

impl Subject {
    /// All versions of `kernel` that this processor has.
    pub fn of<F: Copy>(kernel: &'static Kernel<F>) -> Subject {
        // SAFETY: a function pointer, as `Kernel` checks.
        let address = |pointer: F| unsafe { std::mem::transmute_copy::<F, *const ()>(&pointer) };
        let mut subject = Subject {
            name: kernel.name().to_string(),
            codes: Vec::new(),
            fallback: None,
            has_fallback: kernel.fallback().is_some(),
            left_out: Vec::new(),
        };
        for (index, version) in kernel.versions().iter().enumerate() {
            let label = match version.extensions() {
                [] => "baseline".to_string(),
                extensions => extensions.join(","),
            };
            let convention = Convention::named(version.abi());
            match kernel.version(index) {
                Ok(pointer) => subject.codes.push(Code {
                    label,
                    convention,
                    entry: address(pointer),
                    len: version.code().len(),
                }),
                Err(error) => {
                    subject.left_out.push(format!("version {label} is left out: {error}"))
                }
            }
            if let Some(pointer) = kernel.fallback().filter(|_| HAS_CODE) {
                let (label, entry) = ("fallback".to_string(), address(pointer));
                subject.fallback = Some(Code { label, convention, entry, len: 0 });
            }
        }
        subject
    }

    /// A kernel on a target that has no code, where the function is the fallback.
    #[cfg(not(target_arch = "x86_64"))]
    #[doc(hidden)]
    pub fn none(name: &str) -> Subject {
        Subject {
            name: name.to_string(),
            codes: Vec::new(),
            fallback: None,
            has_fallback: true,
            left_out: Vec::new(),
        }
    }

    /// The same, and one more version: the kernel compiled for another convention, say.
    ///
    /// # Safety
    /// It is code of that convention with the signature of the kernel, and stays where it is.
    ///
    /// # Panics
    /// If `abi` is neither `sysv64` nor `win64`.
    pub unsafe fn with_code(
        mut self,
        label: &str,
        abi: &str,
        entry: *const (),
        len: usize,
    ) -> Subject {
        let (label, convention) = (label.to_string(), Convention::named(abi));
        self.codes.push(Code { label, convention, entry, len });
        self
    }

    /// Code from elsewhere: an `extern` function, or bytes that were mapped by hand. `abi` is
    /// `sysv64` or `win64`; `len` is how many bytes it has, 0 where that is not known.
    ///
    /// # Safety
    /// It is code of that convention with the signature of the function that it is compared with.
    ///
    /// # Panics
    /// If `abi` is neither `sysv64` nor `win64`.
    pub unsafe fn of_code(name: &str, abi: &str, entry: *const (), len: usize) -> Subject {
        let subject = Subject {
            name: name.to_string(),
            codes: Vec::new(),
            fallback: None,
            has_fallback: false,
            left_out: Vec::new(),
        };
        // SAFETY: as the caller promises.
        unsafe { subject.with_code("given code", abi, entry, len) }
    }
}
