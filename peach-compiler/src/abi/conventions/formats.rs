//! The files that code of a convention can be kept in. Each convention lists its own.

/// An object file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// ELF: Linux, the BSDs.
    Elf,
    /// Microsoft's COFF: Windows.
    MsCoff,
    /// Mach-O: macOS.
    MachO,
}

impl ImageFormat {
    /// All of them.
    pub const ALL: &[ImageFormat] = &[ImageFormat::Elf, ImageFormat::MsCoff, ImageFormat::MachO];

    /// What the command's `-mimage-format=` calls it.
    pub fn flag(self) -> &'static str {
        match self {
            ImageFormat::Elf => "elf",
            ImageFormat::MsCoff => "ms-coff",
            ImageFormat::MachO => "mach-o",
        }
    }

    /// The format that `-mimage-format=` calls `name`.
    pub fn parse(name: &str) -> Option<ImageFormat> {
        ImageFormat::ALL.iter().copied().find(|format| format.flag() == name)
    }
}

/// The assembler that a listing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssemblyFormat {
    /// Go's.
    Go,
    /// GNU as, and LLVM's.
    Gas,
    /// The Netwide Assembler.
    Nasm,
    /// Microsoft's.
    Masm,
}

impl AssemblyFormat {
    /// All of them.
    pub const ALL: &[AssemblyFormat] =
        &[AssemblyFormat::Go, AssemblyFormat::Gas, AssemblyFormat::Nasm, AssemblyFormat::Masm];

    /// What the command's `-massembly-format=` calls it.
    pub fn flag(self) -> &'static str {
        match self {
            AssemblyFormat::Go => "go",
            AssemblyFormat::Gas => "gas",
            AssemblyFormat::Nasm => "nasm",
            AssemblyFormat::Masm => "masm",
        }
    }

    /// The format that `-massembly-format=` calls `name`; `golang` is PeachPy's word for Go's.
    pub fn parse(name: &str) -> Option<AssemblyFormat> {
        let name = if name == "golang" { "go" } else { name };
        AssemblyFormat::ALL.iter().copied().find(|format| format.flag() == name)
    }
}
