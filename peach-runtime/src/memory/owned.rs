//! Executable memory that is freed when its owner is dropped, anywhere.

use super::Refusal;
use memmap2::{Mmap, MmapMut};

/// Code that can be read and executed.
#[derive(Debug)]
pub(crate) enum Code {
    /// In anonymous memory.
    Anonymous(Mmap),
    /// In a file, where anonymous memory may not become executable.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    File(super::Executable),
}

impl Code {
    /// A copy of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Result<Code, Refusal> {
        let failed = |call| move |error: std::io::Error| Refusal::new(call, &error);
        let mut pages = MmapMut::map_anon(bytes.len().max(1)).map_err(failed(MAP))?;
        pages[..bytes.len()].copy_from_slice(bytes);
        let made = pages.make_exec().map(Code::Anonymous).map_err(failed(MAKE_EXECUTABLE));
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let made = made.or_else(|refusal| Code::of_file(bytes).ok_or(refusal));
        made
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn of_file(bytes: &[u8]) -> Option<Code> {
        let file = super::file::SealedFile::of(bytes)?;
        super::Executable::of_file(&file, bytes.len()).map(Code::File)
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Code::Anonymous(pages) => pages,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Code::File(pages) => pages.bytes(),
        }
    }
}

/// The requests, as the systems call them.
const MAP: &str = if cfg!(unix) { "mmap" } else { "MapViewOfFile" };
const MAKE_EXECUTABLE: &str = if cfg!(unix) {
    "making memory executable with mprotect"
} else {
    "making memory executable with VirtualProtect"
};
