//! What kernels are compiled for.

use crate::abi::Convention;
use crate::isa::FeatureSet;

/// What kernels are compiled for, as far as they do not say so themselves.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The convention of kernels that name none, or `extern "C"`.
    pub convention: &'static Convention,
    /// The extensions that every kernel may use, implied ones included; a kernel's attributes add
    /// to them.
    pub features: FeatureSet,
    /// Code may hold no absolute address: `mov r64, sym` becomes `lea`.
    pub position_independent: bool,
    /// Callers reserve no shadow space, where the convention has one.
    pub without_shadow: bool,
    /// Indirect branches may only go to `endbr64`, as with `-fcf-protection` of C compilers: every
    /// kernel starts with one.
    pub branch_protection: bool,
    /// Whether `#[embed = "inline"]` code is made. Where there are no callers to put it in, such
    /// kernels are called like others.
    pub inlines: bool,
}

impl Target {
    /// Kernels inside Rust. The generated function calls them through `asm!`, in which it cannot
    /// move the stack pointer: an unwinder would not know of it.
    pub fn in_rust(convention: &'static Convention) -> Target {
        Target { without_shadow: true, inlines: true, ..Target::from(convention) }
    }
}

/// The x86-64 baseline, and absolute addresses: what the runtime maps.
impl From<&'static Convention> for Target {
    fn from(convention: &'static Convention) -> Target {
        Target {
            convention,
            features: FeatureSet::baseline(),
            position_independent: false,
            without_shadow: false,
            branch_protection: false,
            inlines: false,
        }
    }
}
