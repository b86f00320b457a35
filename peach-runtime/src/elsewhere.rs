//! What stands for the arena and the registry where no code is mapped: without the standard
//! library, and on targets that are not x86-64, where no kernel is made.

/// No code is mapped.
pub(crate) mod arena {
    use crate::kernel::{Arena, Record};
    use crate::memory::Refusal;

    const CALL: &str = if cfg!(feature = "std") {
        "asking for executable memory, which this system does not give,"
    } else {
        "asking for executable memory, which takes the feature `std` of `peach-runtime`,"
    };

    const NOTHING: Refusal = Refusal { call: CALL, os_error: 0 };

    /// The address of `wanted`, which there is none of.
    pub(crate) fn populate(_wanted: &Record) -> Result<*mut (), Refusal> {
        Err(NOTHING)
    }

    /// The address of this code, which there is none of.
    pub(crate) fn map_one(_code: &'static Arena) -> Result<*mut (), Refusal> {
        Err(NOTHING)
    }
}

/// Declares the static of a kernel: nothing looks for it.
#[cfg(target_arch = "x86_64")]
#[doc(hidden)]
#[macro_export]
macro_rules! __peach_kernel {
    ($($declaration:tt)*) => { $($declaration)* };
}

/// There are no kernels.
#[cfg(feature = "debug")]
pub(crate) mod registry {
    use crate::kernel::Record;

    pub(crate) fn kernels() -> impl Iterator<Item = &'static Record> {
        core::iter::empty()
    }
}
