//! The mapping that the code of a text lives in.

use super::compiler::Image;
use super::signature::Signature;
use crate::memory::{self, INT3, Refusal};
use std::sync::Arc;

/// Every kernel starts a cache line at least.
const ALIGN: usize = 64;

/// The code of all kernels of a text. Dropping it frees the memory.
pub(super) struct Code {
    /// Known to the debuggers; they forget it before the memory is freed.
    #[cfg(feature = "debug")]
    _announced: crate::debug::Announced,
    pages: memory::Code,
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
            #[cfg(feature = "debug")]
            {
                end += crate::debug::room_behind(&image.unwind);
            }
        }
        let mut bytes = vec![INT3; end];
        for (image, &start) in images.iter().zip(&offsets) {
            bytes[start..start + image.bytes.len()].copy_from_slice(&image.bytes);
        }
        let pages = memory::Code::of(&bytes)?;
        let code = Code {
            #[cfg(feature = "debug")]
            _announced: announce(images, &offsets, pages.bytes()),
            pages,
        };
        Ok((Arc::new(code), offsets))
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.pages.bytes()
    }

    /// The kernel at `offset` as a function pointer. `F` must be its type.
    pub(super) fn pointer<F: Signature>(&self, offset: usize) -> F {
        const { assert!(size_of::<F>() == size_of::<*const ()>()) }
        let address = self.bytes().as_ptr().wrapping_add(offset);
        // SAFETY: `F` is a function pointer type, as only those have signatures.
        unsafe { std::mem::transmute_copy(&address) }
    }
}

#[cfg(feature = "debug")]
fn announce(images: &[&Image], offsets: &[usize], code: &[u8]) -> crate::debug::Announced {
    let start = code.as_ptr().expose_provenance();
    let images = images.iter().zip(offsets);
    let mapped = images.map(|(image, &offset)| crate::debug::Mapped {
        name: &image.name,
        unwind: &image.unwind,
        listing: &image.listing,
        address: start + offset,
        len: image.bytes.len(),
    });
    crate::debug::announce(&mapped.collect::<Vec<_>>())
}
