//! From a file to a module: kernels found, compiled, and ready to be written in any format.
//!
//! In: a path and a [`Platform`]. Out: a [`Compiled`].
//! Invariant: there is at least one function.
//! Fails: with all messages for the user, as code frames.

use crate::error::{Error, Report};
use crate::source::{self, Block, Input, Kernels, Seen, Sources};
use crate::target::Platform;
use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics};
use peach_compiler::emit::Module;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Dispatch;
use peach_compiler::isa::Feature;
use peach_compiler::pipeline::{self, Compilation, Observer};
use proc_macro2::Span;
use std::path::{Path, PathBuf};

/// A compiled file.
#[derive(Debug)]
pub struct Compiled {
    /// Its functions.
    pub module: Module,
    /// Warnings.
    pub warnings: Report,
    /// What every pass made, if that was asked for.
    pub passes: Option<String>,
    sources: Sources,
}

impl Compiled {
    /// Every file that was read: the one that was named, then those that it includes.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| source.path.as_path())
    }

    /// Name and text of every file, in the same order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.sources.iter().map(|source| (source.name.as_str(), source.text.as_str()))
    }

    /// Which of the files a token is in.
    pub fn file_of(&self, span: Span) -> usize {
        self.sources.index_of(span)
    }

    /// What an output format refuses, as an error.
    pub(crate) fn error(&self, diagnostics: &Diagnostics) -> Error {
        Error::Source(self.sources.report(diagnostics.iter()))
    }

    /// Code frames for what an output format says of the module.
    ///
    /// # Errors
    /// If any of it is one.
    pub fn judge(&self, diagnostics: &Diagnostics) -> Result<Report, Error> {
        let report = self.sources.report(diagnostics.iter());
        if report.errors() > 0 { Err(Error::Source(report)) } else { Ok(report) }
    }
}

/// Compiles the file at `path`, and what it includes, searched for in `directories` too; `observer`
/// looks on.
///
/// # Errors
/// Where files cannot be read, kernels are in error, or there are none.
pub fn compile(
    path: &Path,
    platform: &Platform,
    directories: &[PathBuf],
    naming: &Naming,
    observer: &mut dyn Observer,
) -> Result<Compiled, Error> {
    let input = Input::File(path, directories);
    compile_input(input, path, platform, Dispatch::None, naming, observer)
}

/// The same, where the program chooses among versions as `dispatch` says.
pub(crate) fn compile_for(
    dispatch: Dispatch,
    path: &Path,
    platform: &Platform,
    directories: &[PathBuf],
    naming: &Naming,
    observer: &mut dyn Observer,
) -> Result<Compiled, Error> {
    let input = Input::File(path, directories);
    compile_input(input, path, platform, dispatch, naming, observer)
}

/// Compiles a text as if it were the file at `path`, which need not exist. Nothing is read: what
/// the text includes is an error.
///
/// # Errors
/// Where kernels are in error, or there are none.
pub fn compile_text(
    path: &Path,
    text: &str,
    platform: &Platform,
    naming: &Naming,
    observer: &mut dyn Observer,
) -> Result<Compiled, Error> {
    let input = Input::Text(path, text);
    compile_input(input, path, platform, Dispatch::None, naming, observer)
}

fn compile_input(
    input: Input<'_>,
    path: &Path,
    platform: &Platform,
    dispatch: Dispatch,
    naming: &Naming,
    observer: &mut dyn Observer,
) -> Result<Compiled, Error> {
    let kernels = source::kernels(input, &platform.configuration, platform.words)?;
    let Kernels { blocks, seen, sources, mut diagnostics } = kernels;
    let mut module = Module::new(path.display().to_string(), platform.target);
    module.included = sources.included();
    module.words = platform.words;
    module.dispatch = dispatch;
    for Block { tokens, modules } in blocks {
        let mut compilation = pipeline::compile_observed(tokens, platform.target, observer);
        diagnostics.append(std::mem::take(&mut compilation.diagnostics));
        leave_out(&mut compilation, platform, &mut diagnostics);
        module.add(compilation, &modules, platform.processor, naming, &mut diagnostics);
    }
    let report = sources.report(diagnostics.iter());
    if report.errors() > 0 {
        return Err(Error::Source(report));
    }
    if module.functions.is_empty() {
        let why = why_none(seen, report.warnings() > 0);
        let frames = if report.warnings() > 0 { format!("\n\n{report}") } else { String::new() };
        return Err(Error::file(
            path,
            format_args!("there is no kernel to compile: {why}{frames}"),
        ));
    }
    Ok(Compiled { module, warnings: report, passes: None, sources })
}

fn why_none(seen: Seen, has_warnings: bool) -> &'static str {
    if has_warnings {
        "all of them are left out: see the warnings"
    } else if seen.configured_out {
        "all are excluded by `#[cfg]` for this target"
    } else if seen.is_rust {
        "no `peach_fn! { … }` was found in this Rust file"
    } else {
        "the file is empty"
    }
}

/// Leaves out versions that need an excluded extension, and kernels of conventions that the
/// target's programs cannot call.
fn leave_out(compilation: &mut Compilation, platform: &Platform, diagnostics: &mut Diagnostics) {
    let target = platform.target.convention;
    let both = [&SYSV64, &WIN64];
    compilation.kernels.retain_mut(|group| {
        let Some(first) = group.versions.first() else {
            return true;
        };
        let (own, name, span) =
            (first.function.convention, &first.function.name, first.function.span);
        if own != target && !both.contains(&target) {
            let message = format!("`{name}` is left out: its convention is {}", own.name);
            let reason = format!("code for {} cannot call it", target.flag);
            diagnostics.push(Diagnostic::new(Code::ForeignConvention, span, message).note(reason));
            return false;
        }
        let name = name.clone();
        let is_excluded = |feature| platform.excluded.contains(&feature);
        group.versions.retain(|version| !version.function.features.iter().any(is_excluded));
        if group.versions.is_empty() {
            let flag =
                |feature: &Feature| platform.words.extension(&format!("no-{}", feature.name()));
            let flags: Vec<String> = platform.excluded.iter().map(flag).collect();
            let message = format!("{} leaves no version of `{name}`", flags.join(" "));
            diagnostics.push(Diagnostic::new(Code::WrongProcessor, span, message));
            return false;
        }
        true
    });
}
