//! What is made of a compiled file: every output, in memory.
//!
//! In: a [`Compiled`], the [`Platform`] that it was compiled for. Out: [`Outputs`], to be written.
//! Fails: where the convention has no object files, and with what a format says of the kernels.

use crate::compile::{Compiled, compile_for};
use crate::error::{Error, Report};
use crate::outputs::Outputs;
use crate::target::Platform;
use peach_compiler::abi::{Frames, ImageFormat};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::dump::Dump;
use peach_compiler::emit::listings::go::{self, Constraint};
use peach_compiler::emit::mangling::{Naming, Template};
use peach_compiler::emit::module::Dispatch;
use peach_compiler::emit::objects::{MacOs, Sections};
use peach_compiler::emit::reports::listing::Source;
use peach_compiler::emit::reports::{c, json, makefile};
use peach_compiler::emit::{listings, objects};
use peach_compiler::pipeline::{Observer, State, Step};
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};

/// Which outputs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The object file or the listing.
    pub output: PathBuf,
    /// It is a listing.
    pub is_listing: bool,
    /// The object file has source lines for debuggers.
    pub debug: bool,
    /// The object file has a section for each function.
    pub function_sections: bool,
    /// How symbols are made of names; by default, they are the names.
    pub mangling: Option<String>,
    /// Where a header for C and C++ goes.
    pub c_header: Option<PathBuf>,
    /// Where the source in C goes that chooses among the versions of each kernel when the program
    /// runs.
    pub dispatcher: Option<PathBuf>,
    /// Where a description of the functions goes.
    pub json: Option<PathBuf>,
    /// Where the rule for make goes.
    pub dependencies: Option<PathBuf>,
    /// Where the functions go as they are after every pass.
    pub passes: Option<PathBuf>,
    /// Where declarations for Go go.
    pub go_declarations: Option<PathBuf>,
    /// The Go package of the functions.
    pub package: Option<String>,
    /// The builds that files for Go are for, beside the processor: `gc && !purego`. By default,
    /// those without the tag `noasm`.
    pub build_tags: Option<String>,
}

impl Job {
    /// Compiles the file at `path`; what it includes is searched for in `directories` too.
    ///
    /// # Errors
    /// As [`compile()`](crate::compile()), and where the template of symbols is invalid.
    pub fn compile(
        &self,
        path: &Path,
        platform: &Platform,
        directories: &[PathBuf],
        observer: &mut dyn Observer,
    ) -> Result<Compiled, Error> {
        let template = match &self.mangling {
            None if self.dispatcher.is_some() => Template::of_versions(),
            None => Template::default(),
            Some(text) => Template::parse(text).map_err(|error| {
                let option = platform.words.mangling(text);
                Error::Usage(format!("{option}: {error}"))
            })?,
        };
        let naming = Naming { template, processor: platform.cpu.clone() };
        let mut observers =
            Observers { dump: self.passes.as_ref().map(|_| Dump::of_all()), observer };
        let dispatch = self.dispatch(platform)?;
        let mut compiled =
            compile_for(dispatch, path, platform, directories, &naming, &mut observers)?;
        compiled.passes = observers.dump.map(|dump| dump.text().to_string());
        compiled.module.package.clone_from(&self.package);
        compiled.module.build_tags = self.constraint(platform)?;
        Ok(compiled)
    }

    /// Who chooses among versions.
    fn dispatch(&self, platform: &Platform) -> Result<Dispatch, Error> {
        if self.dispatcher.is_none() {
            return Ok(Dispatch::None);
        }
        let refused = |why: String| Err(Error::Usage(format!("-emit-dispatcher: {why}")));
        let convention = platform.target.convention;
        if convention.int_args.is_empty() {
            return refused(format!(
                "a dispatcher is in C, which cannot call functions of {}",
                convention.flag
            ));
        }
        match &platform.cpu {
            None => Ok(Dispatch::InC),
            Some(cpu) => refused(format!(
                "-mcpu={cpu} leaves one version of each kernel, so there is nothing to choose; \
                 leave it out, or take extensions for granted with -mavx2 and the like"
            )),
        }
    }

    fn constraint(&self, platform: &Platform) -> Result<Option<Constraint>, Error> {
        let Some(text) = &self.build_tags else { return Ok(None) };
        let convention = platform.target.convention;
        if convention.frames != Frames::Go {
            return Err(Error::Usage(format!(
                "build tags are not for {}: name a convention of Go with -mabi",
                convention.flag
            )));
        }
        let refused = |why| {
            Error::Usage(format!("-fbuild-tags='{text}': {why}; write it like 'gc && !purego'"))
        };
        Constraint::parse(text).map(Some).map_err(refused)
    }

    /// Builds every output, and returns further messages.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn render(
        &self,
        compiled: &Compiled,
        platform: &Platform,
    ) -> Result<(Outputs, Report), Error> {
        let mut outputs = Outputs::default();
        let mut warnings = Report::default();
        let main = match self.is_listing {
            true => self.listing(compiled, platform)?,
            false => self.object(compiled, platform)?,
        };
        outputs.add(&self.output, main);
        if let Some(path) = &self.c_header {
            let (text, said) = compiled.header()?;
            outputs.add(path, text.into_bytes());
            warnings = warnings.and(&said);
        }
        if let Some(path) = &self.dispatcher {
            // What C cannot call is told of the header, too.
            let mut diagnostics = Diagnostics::new();
            let text = c::dispatcher(&compiled.module, &mut diagnostics);
            compiled.judge(&diagnostics)?;
            outputs.add(path, text.into_bytes());
        }
        if let Some(path) = &self.json {
            let text = json::metadata(&compiled.module, platform.cpu.as_deref());
            outputs.add(path, text.into_bytes());
        }
        if let Some(path) = &self.go_declarations {
            let (text, said) = self.declarations(compiled)?;
            outputs.add(path, text.into_bytes());
            warnings = warnings.and(&said);
        }
        if let (Some(path), Some(text)) = (&self.passes, &compiled.passes) {
            outputs.add(path, text.clone().into_bytes());
        }
        if let Some(path) = &self.dependencies {
            outputs.add(path, self.rule(compiled)?.into_bytes());
        }
        Ok((outputs, warnings))
    }

    /// The object file.
    ///
    /// # Errors
    /// Where the convention has none, and with what the format says of the kernels.
    pub fn object(&self, compiled: &Compiled, platform: &Platform) -> Result<Vec<u8>, Error> {
        let Some(format) = platform.image_format else {
            let convention = platform.target.convention;
            let listings: Vec<&str> =
                convention.assembly_formats.iter().map(|format| format.flag()).collect();
            return Err(Error::Usage(format!(
                "{} does not have object files; it has listings: {} (add -S)",
                convention.flag,
                listings.join(", ")
            )));
        };
        let mut options = objects::Options::new(format);
        options.debug = self.debug;
        if self.function_sections {
            options.sections = self.sections(compiled)?;
        }
        options.directory = current_directory();
        if format == ImageFormat::MachO {
            options.macos = deployment_target()?;
        }
        objects::write(&compiled.module, &options).map_err(|problems| compiled.error(&problems))
    }

    /// A section for each function.
    fn sections(&self, compiled: &Compiled) -> Result<Sections, Error> {
        let convention = compiled.module.target.convention;
        match convention.frames {
            Frames::Go => Err(Error::Usage(format!(
                "-ffunction-sections is not for {}: Go's linker leaves out functions by itself",
                convention.flag
            ))),
            _ => Ok(Sections::PerFunction),
        }
    }

    fn listing(&self, compiled: &Compiled, platform: &Platform) -> Result<Vec<u8>, Error> {
        let format = platform.assembly_format;
        let Some(format) = listings::Format::of(format) else {
            return Err(Error::Usage(format!("there are no listings for {}", format.flag())));
        };
        let source = source_of(compiled);
        let image = platform.image_format.unwrap_or(platform.native_image_format());
        let options = listings::Options { image, source: source.as_ref() };
        let text = format.write(&compiled.module, &options);
        text.map(String::into_bytes).map_err(|problems| compiled.error(&problems))
    }

    /// Declarations for Go, and further messages.
    fn declarations(&self, compiled: &Compiled) -> Result<(String, Report), Error> {
        let convention = compiled.module.target.convention;
        if convention.frames != Frames::Go {
            let text = format!("declarations for Go are not available for {}", convention.flag);
            return Err(Error::Usage(format!("{text}: choose a convention of Go with -mabi")));
        }
        let Some(package) = &self.package else {
            return Err(Error::Usage(
                "declarations for Go need a package: add -fpackage".to_string(),
            ));
        };
        let mut diagnostics = Diagnostics::new();
        let text = go::declarations(&compiled.module, package, &mut diagnostics);
        Ok((text, compiled.judge(&diagnostics)?))
    }

    /// The rule for make.
    fn rule(&self, compiled: &Compiled) -> Result<String, Error> {
        let text = |path: &Path| {
            let text = path.to_str().map(str::to_string);
            text.ok_or_else(|| {
                Error::file(path, "make has no way to write a name that is not UTF-8")
            })
        };
        let inputs = compiled.inputs().map(text).collect::<Result<Vec<String>, Error>>()?;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Ok(makefile::dependencies(&text(&self.output)?, &inputs, true))
    }
}

impl Compiled {
    /// A header for C and C++, and further messages.
    ///
    /// # Errors
    /// Where C cannot call a kernel.
    pub fn header(&self) -> Result<(String, Report), Error> {
        let mut diagnostics = Diagnostics::new();
        let text = c::header(&self.module, &mut diagnostics);
        Ok((text, self.judge(&diagnostics)?))
    }
}

/// The observer, and the dump of all passes.
struct Observers<'o> {
    dump: Option<Dump>,
    observer: &'o mut dyn Observer,
}

impl Observer for Observers<'_> {
    fn after(&mut self, step: Step, state: State<'_>) {
        if let Some(dump) = &mut self.dump {
            dump.after(step, state);
        }
        self.observer.after(step, state);
    }
}

/// The lines of the source, for comments. Kernels of several files have lines of one number.
fn source_of(compiled: &Compiled) -> Option<Source> {
    let mut texts = compiled.texts();
    match (texts.next(), texts.next()) {
        (Some((_, text)), None) => Some(Source::of(&text.parse::<TokenStream>().ok()?)),
        _ => None,
    }
}

/// The first version of macOS that is to run the code, as Apple's tools and rustc are told of it.
fn deployment_target() -> Result<Option<MacOs>, Error> {
    let Ok(text) = std::env::var(DEPLOYMENT_TARGET) else { return Ok(None) };
    match MacOs::parse(&text) {
        Some(version) => Ok(Some(version)),
        None => Err(Error::Usage(format!(
            "{DEPLOYMENT_TARGET}={text}: expected a version of macOS, such as 11.0"
        ))),
    }
}

/// The variable of the environment that names it.
pub(crate) const DEPLOYMENT_TARGET: &str = "MACOSX_DEPLOYMENT_TARGET";

fn current_directory() -> Option<String> {
    std::env::current_dir().ok().and_then(|path| path.to_str().map(str::to_string))
}

/// Where the rule for make goes, if nothing is said: `OUT.d`.
pub fn dependencies_of(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_os_string();
    name.push(".d");
    name.into()
}
