//! The mapping that the code of a text lives in.

use super::compiler::Image;
use super::signature::Signature;
use crate::memory::{Mapping, Refusal};
use std::sync::Arc;

/// Every kernel starts a cache line at least.
const ALIGN: usize = 64;

/// What fills the space between kernels: a jump that goes astray stops there.
const INT3: u8 = 0xCC;

/// The code of all kernels of a text. Dropping it frees the memory.
pub(super) struct Code {
    /// Known to the debuggers; they forget it before the memory is freed.
    #[cfg(feature = "debug")]
    _announced: Vec<crate::debug::Announced>,
    mapping: Mapping,
}

impl Code {
    /// Maps the images, and gives the offset of each.
    pub(super) fn map(images: &[&Image]) -> Result<(Arc<Code>, Vec<usize>), Refusal> {
        let mut offsets = Vec::new();
        let mut end = 0;
        for image in images {
            let start = usize::next_multiple_of(end, image.align.max(ALIGN));
            offsets.push(start);
            end = start + image.bytes.len();
        }
        let mut mapping = Mapping::new(end)?;
        let bytes = mapping.bytes_mut();
        bytes.fill(INT3);
        for (image, &start) in images.iter().zip(&offsets) {
            bytes[start..start + image.bytes.len()].copy_from_slice(&image.bytes);
        }
        mapping.make_executable()?;
        let code = Code {
            #[cfg(feature = "debug")]
            _announced: announce(images, &offsets, &mapping),
            mapping,
        };
        Ok((Arc::new(code), offsets))
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    /// The kernel at `offset` as a function pointer. `F` must be its type.
    pub(super) fn pointer<F: Signature>(&self, offset: usize) -> F {
        const { assert!(size_of::<F>() == size_of::<*const ()>()) }
        let address = self.mapping.base().wrapping_add(offset);
        // SAFETY: `F` is a function pointer type, as only those have signatures.
        unsafe { std::mem::transmute_copy(&address) }
    }
}

#[cfg(feature = "debug")]
fn announce(
    images: &[&Image],
    offsets: &[usize],
    mapping: &Mapping,
) -> Vec<crate::debug::Announced> {
    let entry = |offset: usize| mapping.base().wrapping_add(offset).cast_const().cast();
    let images = images.iter().zip(offsets);
    images
        .map(|(image, &offset)| {
            crate::debug::announce(&image.name, &image.unwind, entry(offset), image.bytes.len())
        })
        .collect()
}
