//! Object files: kernels for any linker.
//!
//! In: a [`Module`] and [`Options`]. Out: the bytes of an object file, the same for the same input.
//! Fails: E0602 where the format has no room for the convention's pointers.
//!
//! | what | module |
//! |---|---|
//! | sections, symbols and relocations of no format in particular | `image` |
//! | which constants share a place | `constants` |
//! | what a debugger and an unwinder read, in DWARF | `debug`, `frames`, by `recorder` |
//! | what Microsoft's debuggers read | `codeview` |
//! | what macOS's unwinder reads | `compact` |
//! | symbols and sections as all formats have them | `draft`, `chunks`, `pools` |
//! | one file per format | `elf`, `coff`, `macho` |
//!
//! To add a format, write its file and name it in [`Format::ALL`].

mod chunks;
mod codeview;
mod coff;
mod compact;
mod constants;
mod debug;
mod draft;
mod elf;
mod frames;
mod image;
mod macho;
mod pools;
mod recorder;

pub use chunks::Sections;

use crate::abi::{Convention, ImageFormat};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::{Module, linkage};
use image::Image;
use proc_macro2::Span;

/// How an object file is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format.
    pub format: ImageFormat,
    /// Debug information has the source line of every instruction.
    pub debug: bool,
    /// Where the path of the source file starts from, for debuggers; `None` leaves it to them.
    pub directory: Option<String>,
    /// How code is divided, so that linkers can leave out what is not used.
    pub sections: Sections,
    /// The first version of macOS that runs the code, for Mach-O files; `None` for 11.0.
    pub macos: Option<MacOs>,
}

/// A version of macOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacOs {
    /// As Mach-O has it: 16 bits, and twice 8 bits.
    encoded: u32,
}

impl MacOs {
    /// Reads `10.13` or `11.2.1`.
    pub fn parse(text: &str) -> Option<MacOs> {
        let mut parts = text.split('.');
        let major: u16 = number(parts.next()?)?.try_into().ok()?;
        let mut minor = || match parts.next() {
            None => Some(0),
            Some(part) => number(part)?.try_into().ok(),
        };
        let (minor, patch): (u8, u8) = (minor()?, minor()?);
        let encoded = u32::from(major) << 16 | u32::from(minor) << 8 | u32::from(patch);
        (parts.next().is_none() && major > 0).then_some(MacOs { encoded })
    }
}

/// Digits alone.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl Options {
    /// An object file without debugging information.
    pub fn new(format: ImageFormat) -> Options {
        Options { format, debug: false, directory: None, sections: Sections::One, macos: None }
    }
}

/// How a format is written.
pub struct Format {
    /// Which it is.
    pub format: ImageFormat,
    /// What its files are called, without the dot.
    pub extension: &'static str,
    /// Whether there are files with pointers of four bytes.
    has_narrow_pointers: bool,
    /// The sizes of constants of which linkers keep one where several are equal, in bytes.
    pub(in crate::emit) mergeable: &'static [u32],
    write: fn(&Image, &Options) -> object::write::Result<Vec<u8>>,
}

impl Format {
    /// All of them.
    pub const ALL: &[&'static Format] = &[&elf::FORMAT, &coff::FORMAT, &macho::FORMAT];

    /// How files of `format` are written.
    pub fn of(format: ImageFormat) -> &'static Format {
        let found = Format::ALL.iter().find(|candidate| candidate.format == format);
        found.expect("every format has a file")
    }

    /// Whether code of a convention can be in such a file. What [`Convention::image_formats`] lists
    /// is usual, and among it; code of other conventions can be called by those who know how.
    pub fn can_hold(&self, convention: &Convention) -> bool {
        self.has_narrow_pointers || convention.pointer_size == 8
    }
}

/// Writes `module` as an object file.
///
/// # Errors
/// As the module says.
pub fn write(module: &Module, options: &Options) -> Result<Vec<u8>, Diagnostics> {
    let format = Format::of(options.format);
    let convention = module.target.convention;
    if !format.can_hold(convention) {
        let message = format!("{} files have no pointers of four bytes", options.format.flag());
        return Err(refusal(module, Code::BadConvention, message, "elf files do"));
    }
    let mut diagnostics = Diagnostics::new();
    module.functions.iter().for_each(|function| linkage::check(function, &mut diagnostics));
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let image = Image::of(module, format.mergeable);
    (format.write)(&image, options).map_err(|error| {
        let message = format!("the object file cannot be written: {error}");
        refusal(module, Code::Internal, message, "this is a bug in peach; please report it")
    })
}

fn refusal(module: &Module, code: Code, message: String, note: &str) -> Diagnostics {
    let first = module.functions.first();
    let span = first.map_or_else(Span::call_site, |first| first.compiled.function.span);
    let mut diagnostics = Diagnostics::new();
    diagnostics.push(Diagnostic::new(code, span, message).note(note));
    diagnostics
}
