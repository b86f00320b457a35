//! Listings for other assemblers, one file each, and the list of all of them.
//!
//! In: a [`Module`]. Out: text from which the assembler makes the bytes that we make ourselves. To add
//! an assembler, write its file and name it in [`AssemblyFormat::ALL`].
//!
//! | file | what it knows |
//! |---|---|
//! | `outline` | what every listing consists of, and what it is called |
//! | `frames` | the prologue, as Microsoft's unwinder is told of it |
//! | `spell` | how an instruction is written so that it gets our bytes |
//! | `intel` | where GNU as and LLVM choose others than we do |
//! | `gas`, `masm`, `nasm` | an assembler's syntax |

mod frames;
mod gas;
mod intel;
mod masm;
mod nasm;
mod outline;
mod spell;

use crate::abi::Convention;
use crate::diagnostics::Diagnostics;
use crate::emit::Module;
use crate::emit::listing::Source;
use crate::ir::Origin;
use outline::Line;

/// What an assembler makes of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Linux, the BSDs.
    Elf,
    /// Windows.
    Coff,
    /// macOS.
    MachO,
}

/// What a listing depends on besides the kernels.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What the assembler will make of it. MASM makes COFF alone.
    pub container: Container,
    /// Lines of the source, for comments.
    pub source: Option<&'a Source>,
}

/// An assembler.
#[derive(Debug)]
pub struct AssemblyFormat {
    /// What `-massembly-format=` calls it.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// The extension of its files, without the dot.
    pub extension: &'static str,
    /// The conventions ([`Convention::flag`]) for which it is taken where none is named.
    pub default_of: &'static [&'static str],
    /// Other conventions that its listings can be of.
    pub also_of: &'static [&'static str],
    /// Writes a listing. What cannot be written is an error.
    pub write: fn(&Module, &Options<'_>, &mut Diagnostics) -> String,
}

impl AssemblyFormat {
    /// All of them.
    pub const ALL: &[&'static AssemblyFormat] = &[&gas::FORMAT, &nasm::FORMAT, &masm::FORMAT];

    /// The one that `-massembly-format=` calls `name`.
    pub fn parse(name: &str) -> Option<&'static AssemblyFormat> {
        let mut all = AssemblyFormat::ALL.iter().copied();
        all.find(|format| format.name == name || format.aliases.contains(&name))
    }

    /// Whether it has listings of a convention.
    pub fn supports(&self, convention: &Convention) -> bool {
        self.default_of.contains(&convention.flag) || self.also_of.contains(&convention.flag)
    }

    /// The one that is taken for a convention where none is named.
    pub fn default_of(convention: &Convention) -> Option<&'static AssemblyFormat> {
        let mut all = AssemblyFormat::ALL.iter().copied();
        all.find(|format| format.default_of.contains(&convention.flag))
    }
}

/// What made the listing, and of what.
fn origin(module: &Module) -> String {
    format!("Made by peach {} from {}", env!("CARGO_PKG_VERSION"), module.source)
}

/// Where comments start.
const COMMENT_COLUMN: usize = 56;

/// Puts lines of the source beside the first instruction of each.
struct Comments<'a> {
    source: Option<&'a Source>,
    last: usize,
}

impl<'a> Comments<'a> {
    fn new(source: Option<&'a Source>) -> Self {
        Comments { source, last: 0 }
    }

    /// Appends a line of the listing, with the line of the source that it is made of unless that is
    /// what the line before is made of too.
    fn push(&mut self, text: &mut String, line: &str, of: &Line<'_>, mark: &str) {
        if line.is_empty() {
            return;
        }
        let number = of.item.span.start().line;
        let is_author = matches!(of.item.origin, Origin::Author(_) | Origin::Epilogue(_));
        let source = self.source.and_then(|source| source.line(number));
        match source {
            Some(source) if is_author && number != self.last && !line.contains('\n') => {
                self.last = number;
                let comment = format!("{line:<COMMENT_COLUMN$} {mark} {number}: {source}");
                text.push_str(&comment);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
}
