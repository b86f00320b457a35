//! Executable memory on Windows.

use super::Refusal;
use memmap2::{Mmap, MmapMut};

/// Memory that can be written.
#[derive(Debug)]
pub(crate) struct Writable(MmapMut);

/// Memory that can be read and executed.
#[derive(Debug)]
pub(crate) struct Executable(Mmap);

impl Writable {
    /// `len` bytes of zeros, at least one.
    pub(crate) fn new(len: usize) -> Result<Writable, Refusal> {
        let map = MmapMut::map_anon(len.max(1));
        map.map(Writable).map_err(|error| Refusal::new("MapViewOfFile", &error))
    }

    /// Its first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.0.as_ptr().cast_mut()
    }

    /// Its bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Ends the time of writing.
    pub(crate) fn make_executable(self) -> Result<Executable, Refusal> {
        let map = self.0.make_exec();
        map.map(Executable)
            .map_err(|error| Refusal::new("making memory executable with VirtualProtect", &error))
    }
}

impl Executable {
    /// Its first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.0.as_ptr().cast_mut()
    }

    /// Keeps it until the process ends.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}
