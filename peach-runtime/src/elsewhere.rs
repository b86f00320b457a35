//! What stands for the arena on targets that are not x86-64: no kernel is made there.

use crate::kernel::Record;
use crate::memory::Refusal;

/// The address of `wanted`, which there is none of.
pub(crate) fn populate(_wanted: &Record) -> Result<*mut (), Refusal> {
    Err(Refusal { call: "executable memory", os_error: 0 })
}
