//! Listings for other assemblers, one file each, and the list of all of them.
//!
//! In: a [`Module`]. Out: text from which the assembler makes the bytes that we make ourselves. To
//! add an assembler, write its file and name it in [`Format::ALL`].
//!
//! | file | what it knows |
//! |---|---|
//! | `outline` | what every listing consists of, and what it is called |
//! | `frames` | the prologue, as Microsoft's unwinder is told of it |
//! | `spell` | how an instruction is written so that it gets our bytes |
//! | `intel` | where GNU as and LLVM choose others than we do |
//! | `gas`, `masm`, `nasm` | an assembler's syntax |
//! | `go` | the assembler that is unlike all others |

mod frames;
mod gas;
pub mod go;
mod intel;
mod masm;
mod nasm;
mod outline;
mod spell;

use crate::abi::{AssemblyFormat, ImageFormat};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::emit::Module;
use crate::emit::reports::listing::Source;
use crate::ir::Origin;
use outline::Line;
use std::collections::HashSet;

/// What a listing depends on besides the kernels.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The object file that the assembler will make of it, where it makes several kinds.
    pub image: ImageFormat,
    /// Lines of the source, for comments.
    pub source: Option<&'a Source>,
}

/// How listings for an assembler are written.
#[derive(Debug)]
pub struct Format {
    /// Which it is.
    pub format: AssemblyFormat,
    /// The extension of its files, without the dot.
    pub extension: &'static str,
    write: fn(&Module, &Options<'_>, &mut Diagnostics) -> String,
}

impl Format {
    /// All of them.
    pub const ALL: &[&'static Format] = &[&go::FORMAT, &gas::FORMAT, &nasm::FORMAT, &masm::FORMAT];

    /// How listings of `format` are written.
    pub fn of(format: AssemblyFormat) -> Option<&'static Format> {
        Format::ALL.iter().copied().find(|candidate| candidate.format == format)
    }

    /// The listing of a module.
    ///
    /// # Errors
    /// What the assembler has no way to write.
    pub fn write(&self, module: &Module, options: &Options<'_>) -> Result<String, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let text = (self.write)(module, options, &mut diagnostics);
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(text) }
    }
}

/// What made the listing, and of what.
fn origin(module: &Module) -> String {
    let source: String =
        module.source.chars().map(|ch| if ch.is_control() { ' ' } else { ch }).collect();
    format!("Made by peach {} from {}", env!("CARGO_PKG_VERSION"), source.trim_end_matches('\\'))
}

/// Reports weak symbols where an assembler cannot write them.
fn refuse_weak(module: &Module, message: &str, diagnostics: &mut Diagnostics) {
    for function in &module.functions {
        if function.symbols().any(|symbol| symbol.is_weak) {
            let span = function.compiled.function.span;
            let diagnostic = Diagnostic::new(Code::NotOutsideRust, span, message);
            diagnostics.push(
                diagnostic
                    .note("`#[linkage = \"weak\"]` and `#[weak_alias = \"…\"]` make such symbols")
                    .help("write an object file, or a listing for GNU as"),
            );
        }
    }
}

/// Reports references to weak symbols of the same file where an assembler takes them for this
/// file's definition at once, so that the linker has no choice.
fn refuse_references_to_weak(module: &Module, assembler: &str, diagnostics: &mut Diagnostics) {
    let weak: HashSet<&str> = module
        .functions
        .iter()
        .flat_map(|function| function.symbols())
        .filter(|symbol| symbol.is_weak)
        .map(|symbol| symbol.name)
        .collect();
    for (symbol, span) in outline::references(module) {
        if weak.contains(symbol) {
            let message = format!("{assembler} takes no other definition of `{symbol}` here");
            diagnostics.push(
                Diagnostic::new(Code::NotOutsideRust, span, message)
                    .note(
                        "the symbol is weak, and the definition in the same file is taken at once",
                    )
                    .help("write an object file, or put the kernels into two files"),
            );
        }
    }
}

/// Where comments start.
const COMMENT_COLUMN: usize = 56;

/// Puts lines of the source next to the first instruction of each.
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
                // A backslash at the end would take the next line into the comment.
                let source = source.trim_end_matches('\\');
                let comment = format!("{line:<COMMENT_COLUMN$} {mark} {number}: {source}");
                text.push_str(&comment);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
}
