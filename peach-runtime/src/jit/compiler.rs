//! The compiler, called while the program runs.
//!
//! In: text. Out: for each kernel its prototype and the code of the version that this CPU gets.
//! Fails: with the compiler's messages as code frames.
//!
//! The work is done in a thread of its own: the positions of tokens are kept in tables of the
//! thread, which are freed with it.

use super::Error;
use super::prototype::Prototype;
use crate::cpu;
use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::frame::{self, Palette};
use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use peach_compiler::pipeline::{self, CompiledFunction, CompiledGroup};
use peach_compiler::syntax::ast::Embed;
use proc_macro2::{Span, TokenStream, TokenTree};

/// How a frame calls the text.
const FILE: &str = "kernels";

/// Deep enough for any program that the compiler accepts.
const STACK: usize = 16 << 20;

/// The convention of kernels that name none.
static NATIVE: &Convention =
    if cfg!(any(windows, target_os = "uefi", target_os = "cygwin")) { &WIN64 } else { &SYSV64 };

/// What a text compiles to.
pub(super) struct Compiled {
    pub(super) kernels: Vec<CompiledKernel>,
    /// As code frames.
    pub(super) warnings: String,
}

/// A kernel of the text.
pub(super) struct CompiledKernel {
    pub(super) prototype: Prototype,
    /// The version that this CPU gets; or, for each version, the extensions that it lacks.
    pub(super) image: Result<Image, Vec<Vec<&'static str>>>,
}

/// Code to be mapped.
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    pub(super) align: usize,
    #[cfg(feature = "debug")]
    pub(super) name: String,
    /// Its call frame instructions.
    #[cfg(feature = "debug")]
    pub(super) unwind: Vec<u8>,
    #[cfg(feature = "debug")]
    pub(super) listing: String,
}

/// Whether the text may say `unsafe`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Only what is proven is compiled.
    Proven,
    /// The caller answers for the rest.
    Unsafe,
}

/// Compiles all kernels of `text`.
pub(super) fn compile(text: &str, trust: Trust) -> Result<Compiled, Error> {
    let text = text.to_string();
    let thread = std::thread::Builder::new().name("peach jit".to_string()).stack_size(STACK);
    let thread =
        thread.spawn(move || compile_here(&text, trust)).map_err(|error| Error::Memory {
            refused: "starting the compiler's thread",
            os_error: error.raw_os_error().unwrap_or(0),
        })?;
    thread.join().unwrap_or_else(|_| {
        Err(Error::Text {
            frames:
                "the compiler panicked: this is a bug in peach; please report it with the kernels"
                    .to_string(),
        })
    })
}

fn compile_here(text: &str, trust: Trust) -> Result<Compiled, Error> {
    let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
        let message =
            "the text does not consist of Rust tokens: a bracket, a string or a character is wrong \
             here";
        frames([&Diagnostic::new(Code::Syntax, error.span(), message)], text)
    })?;
    let compilation = pipeline::compile(tokens.clone(), NATIVE);
    let mut problems = compilation.diagnostics;
    if trust == Trust::Proven {
        refuse_unsafe(&tokens, &mut problems);
    }
    compilation.kernels.iter().for_each(|group| refuse_program_parts(group, &mut problems));
    if problems.has_errors() {
        return Err(frames(problems.iter(), text));
    }
    let warnings = problems.iter().filter(|d| d.severity() == Severity::Warning);
    let warnings = warnings.map(|d| frame::frame(d, FILE, text, Palette::Plain)).collect();
    let kernels = compilation.kernels.iter().map(|group| CompiledKernel {
        prototype: Prototype::of(group, NATIVE),
        image: image(group, &tokens),
    });
    Ok(Compiled { kernels: kernels.collect(), warnings })
}

/// The messages as code frames.
fn frames<'a>(problems: impl IntoIterator<Item = &'a Diagnostic>, text: &str) -> Error {
    let frames = problems.into_iter().map(|d| frame::frame(d, FILE, text, Palette::Plain));
    Error::Text { frames: frames.collect::<Vec<_>>().join("\n") }
}

/// Code that is not proven harmless is an error.
fn refuse_unsafe(tokens: &TokenStream, problems: &mut Diagnostics) {
    let Some(span) = first_unsafe(tokens) else { return };
    let message = "the text contains `unsafe`, which `compile` does not accept";
    problems.push(
        Diagnostic::new(Code::NeedsUnsafe, span, message)
            .note(
                "this code is not proven to be memory safe, and no caller has promised that it \
                is",
            )
            .help(
                "write it without `unsafe`, or make the promise: `unsafe { \
                 jit::compile_unsafe(text) }`",
            ),
    );
}

/// Where `unsafe` first allows what is not proven: everywhere but in the type of a function
/// pointer.
fn first_unsafe(tokens: &TokenStream) -> Option<Span> {
    let mut previous = None;
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Group(group) => first_unsafe(&group.stream()),
            TokenTree::Ident(word) if *word == "unsafe" => {
                let is_function = tokens.peek().is_some_and(|next| {
                    matches!(next, TokenTree::Ident(next) if *next == "fn" || *next == "extern")
                });
                let is_type = is_function && matches!(previous, Some(':' | '<' | '>' | ','));
                (!is_type).then(|| word.span())
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        };
        if found.is_some() {
            return found;
        }
        previous = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            TokenTree::Ident(_) | TokenTree::Literal(_) | TokenTree::Group(_) => None,
        };
    }
    None
}

/// What only rustc can compile is an error.
fn refuse_program_parts(group: &CompiledGroup, problems: &mut Diagnostics) {
    let mut refuse = |span: Span, what: &str, why: &str| {
        let message = format!("{what} cannot be compiled at run time: {why}");
        problems.push(Diagnostic::new(Code::NotOutsideRust, span, message));
    };
    if let Some(place) = group.source.decl.conditions.place {
        refuse(place.first, "`#[cfg]`", "it is a question to rustc");
    }
    if let Some(fallback) = &group.source.fallback {
        let span = fallback.signature.name.span();
        refuse(span, "a `#[fallback]`", "its body is Rust");
    }
    match group.source.decl.attrs.embed {
        Some((Embed::Text, span)) => {
            refuse(span, "`#[embed = \"text\"]`", "the program's text section is already complete");
        }
        Some((Embed::Inline, span)) => {
            refuse(span, "`#[embed = \"inline\"]`", "its callers are already complete");
        }
        Some((Embed::Map, _)) | None => {}
    }
    for version in &group.versions {
        for symbol in &version.lowered.rust_syms {
            refuse(
                symbol.span,
                "`sym`",
                "the names of the Rust program are not available at run time; pass its address as \
                 an argument",
            );
        }
        for constant in &version.lowered.rust_consts {
            refuse(
                constant.span,
                "`const { … }`",
                "it is a Rust expression; write its value into the text",
            );
        }
    }
}

/// The code of the version that this CPU gets.
fn image(group: &CompiledGroup, tokens: &TokenStream) -> Result<Image, Vec<Vec<&'static str>>> {
    let needs = |version: &CompiledFunction| version.function.features;
    let has = |version: &&CompiledFunction| cpu::has(needs(version).words());
    let Some(version) = group.versions.iter().find(has) else {
        return Err(group
            .versions
            .iter()
            .map(|v| cpu::lacking(needs(v).words()).collect())
            .collect());
    };
    let _ = tokens;
    Ok(Image {
        bytes: version.encoded.bytes.clone(),
        align: version.encoded.align as usize,
        #[cfg(feature = "debug")]
        name: version.function.name.clone(),
        #[cfg(feature = "debug")]
        unwind: {
            use peach_compiler::emit::unwind;
            unwind::dwarf_program(&unwind::changes(&version.lowered, &version.encoded))
        },
        #[cfg(feature = "debug")]
        listing: {
            use peach_compiler::emit::reports::listing;
            listing::listing(version, &listing::Source::of(tokens))
        },
    })
}
