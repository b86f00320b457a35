//! What stands for the arena and the registry on targets that are not x86-64: no kernel is made
//! there.

/// No code is mapped.
pub(crate) mod arena {
    use crate::kernel::{Arena, Record};
    use crate::memory::Refusal;

    /// The address of `wanted`, which there is none of.
    pub(crate) fn populate(_wanted: &Record) -> Result<*mut (), Refusal> {
        Err(Refusal { call: "executable memory", os_error: 0 })
    }

    /// The address of this code, which there is none of.
    pub(crate) fn map_one(_code: &'static Arena) -> Result<*mut (), Refusal> {
        Err(Refusal { call: "executable memory", os_error: 0 })
    }
}

/// There are no kernels.
#[cfg(feature = "debug")]
pub(crate) mod registry {
    use crate::kernel::Record;

    pub(crate) fn kernels() -> impl Iterator<Item = &'static Record> {
        std::iter::empty()
    }
}
