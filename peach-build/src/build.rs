//! Kernel files in a build script: compiled, put into a static library, linked.
//!
//! In: files, and the environment that Cargo sets for build scripts. Out: a library and a C header
//! in `OUT_DIR`, and the lines on standard output by which Cargo links it and knows when to run
//! again.
//! Invariant: `#[cfg]` sees what the crate that is built sees.

use crate::archive::{Member, archive};
use crate::compile::Compiled;
use crate::error::Error;
use crate::extensions::Adjustment;
use crate::job::{DEPLOYMENT_TARGET, Job};
use crate::outputs::{Outputs, WriteError};
use crate::target::{Platform, Request};
use peach_compiler::abi::ImageFormat;
use peach_compiler::diagnostics::frame::Palette;
use peach_compiler::emit::reports::declarations;
use peach_compiler::emit::words::Words;
use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};

/// Compiles kernel files for the crate of a build script.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     peach_build::Build::new().file("src/kernels.rs").cpu("haswell").compile("kernels")?;
///     Ok(())
/// }
/// ```
///
/// A kernel is then `extern "C"`, and declared in `OUT_DIR`: for C and C++ in `kernels.h`, called
/// by the file; for Rust in `kernels.rs`, called by the library, with its types, its documentation
/// and what is asked of its callers:
///
/// ```ignore
/// #[cfg(peach_kernels)]
/// include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
/// ```
///
/// Where the crate is built for another architecture than x86-64, nothing is compiled or linked,
/// and `cfg(peach_kernels)` is not set. A panic must not leave a function that a kernel calls back:
/// there is nothing to lead it through the kernel's `extern "C"`, and the process is aborted.
#[derive(Clone, Debug, Default)]
pub struct Build {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    cpu: Option<String>,
    extensions: Vec<String>,
    cfg: Vec<String>,
    mangling: Option<String>,
    debug: Option<bool>,
    function_sections: bool,
    branch_protection: bool,
    target: Option<String>,
    out_dir: Option<PathBuf>,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Library {
    /// The static library.
    pub archive: PathBuf,
    /// The headers that declare its functions: for each kernel file, one of its name.
    pub headers: Vec<PathBuf>,
    /// The Rust declarations of all its functions, for `include!`.
    pub declarations: PathBuf,
    /// Every file that it was made of.
    pub inputs: Vec<PathBuf>,
}

impl Build {
    /// Nothing to compile yet.
    pub fn new() -> Build {
        Build::default()
    }

    /// Adds a kernel file, relative to the crate's directory: a Rust source, or bare kernel items.
    pub fn file(&mut self, path: impl AsRef<Path>) -> &mut Build {
        self.files.push(path.as_ref().to_path_buf());
        self
    }

    /// Adds a directory that is searched for included files.
    pub fn include(&mut self, path: impl AsRef<Path>) -> &mut Build {
        self.directories.push(path.as_ref().to_path_buf());
        self
    }

    /// Names the processor: of each kernel, the first version that it supports is taken.
    pub fn cpu(&mut self, name: &str) -> &mut Build {
        self.cpu = Some(name.to_string());
        self
    }

    /// Adds an extension (`avx2`), or takes one away (`no-avx2`).
    pub fn extension(&mut self, name: &str) -> &mut Build {
        self.extensions.push(name.to_string());
        self
    }

    /// Sets `name` or `name="value"` for `#[cfg]`, next to what Cargo sets.
    pub fn cfg(&mut self, text: &str) -> &mut Build {
        self.cfg.push(text.to_string());
        self
    }

    /// How symbols are made of names: as `-fname-mangling` of the command.
    pub fn mangling(&mut self, template: &str) -> &mut Build {
        self.mangling = Some(template.to_string());
        self
    }

    /// Whether debug information has source lines. Default: as the crate's profile says.
    pub fn debug(&mut self, is_wanted: bool) -> &mut Build {
        self.debug = Some(is_wanted);
        self
    }

    /// Whether each function has a section of its own, so that linkers leave out those that nothing
    /// uses: as `-ffunction-sections` of the command. Default: no.
    pub fn function_sections(&mut self, is_wanted: bool) -> &mut Build {
        self.function_sections = is_wanted;
        self
    }

    /// Whether kernels start with `endbr64`, for processors that track indirect branches: as
    /// `-fcf-protection` of the command. Default: no.
    pub fn branch_protection(&mut self, is_wanted: bool) -> &mut Build {
        self.branch_protection = is_wanted;
        self
    }

    /// The target triple. Default: the crate's.
    pub fn target(&mut self, triple: &str) -> &mut Build {
        self.target = Some(triple.to_string());
        self
    }

    /// Where files are written. Default: `OUT_DIR`.
    pub fn out_dir(&mut self, path: impl AsRef<Path>) -> &mut Build {
        self.out_dir = Some(path.as_ref().to_path_buf());
        self
    }

    /// Compiles the files into the static library `name`, and tells Cargo to link it. For a crate
    /// that Cargo builds for another architecture, there is no library, and there are no
    /// declarations.
    ///
    /// # Errors
    /// With code frames for kernels that are in error, and with what else went wrong; nothing is
    /// written then.
    pub fn compile(&self, name: &str) -> Result<Library, Error> {
        println!("cargo:rustc-check-cfg=cfg(peach_kernels)");
        let library = self.write(name)?;
        let directory = library.archive.parent().unwrap_or(Path::new(""));
        for input in &library.inputs {
            println!("cargo:rerun-if-changed={}", input.display());
        }
        println!("cargo:rerun-if-env-changed={DEPLOYMENT_TARGET}");
        if library.headers.is_empty() {
            return Ok(library);
        }
        println!("cargo:rustc-cfg=peach_kernels");
        println!("cargo:rustc-link-search=native={}", directory.display());
        println!("cargo:rustc-link-lib=static={name}");
        println!("cargo:include={}", directory.display());
        Ok(library)
    }

    /// Writes library and header, and says warnings.
    fn write(&self, name: &str) -> Result<Library, Error> {
        let is_name = |ch: char| ch.is_alphanumeric() || "_-+.".contains(ch);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(Error::Usage(format!("`{name}` is not a valid name for a library")));
        }
        let out_dir = match &self.out_dir {
            Some(path) => path.clone(),
            None => PathBuf::from(variable("OUT_DIR")?),
        };
        if self.target.is_none() && !is_x86_64(&self.triple()?) {
            return self.leave_out(&out_dir, name);
        }
        let (platform, format) = self.platform()?;
        let is_msvc = format == ImageFormat::MsCoff && !self.triple()?.contains("gnu");
        let archive_name = if is_msvc { format!("{name}.lib") } else { format!("lib{name}.a") };
        self.fill(&out_dir, [&archive_name, &format!("{name}.rs")], &platform, format)
    }

    /// What there is for an architecture without kernels: declarations of nothing, for `include!`.
    fn leave_out(&self, out_dir: &Path, name: &str) -> Result<Library, Error> {
        let library = Library {
            archive: out_dir.join(format!("lib{name}.a")),
            headers: Vec::new(),
            declarations: out_dir.join(format!("{name}.rs")),
            inputs: self.files.clone(),
        };
        let mut outputs = Outputs::default();
        let text = format!("// Kernels are for x86-64, and {} is not.\n", self.triple()?);
        outputs.add(&library.declarations, text.into_bytes());
        outputs.write([]).map_err(in_full)?;
        Ok(library)
    }

    /// Compiles everything, then writes.
    fn fill(
        &self,
        out_dir: &Path,
        [archive_name, declarations_name]: [&str; 2],
        platform: &Platform,
        format: ImageFormat,
    ) -> Result<Library, Error> {
        if self.files.is_empty() {
            let text = "no file to compile: name one with `file`";
            return Err(Error::Usage(text.to_string()));
        }
        let mut library = Library {
            archive: out_dir.join(archive_name),
            headers: Vec::new(),
            declarations: out_dir.join(declarations_name),
            inputs: Vec::new(),
        };
        let mut members = Vec::new();
        let mut modules = Vec::new();
        let mut symbols = HashMap::new();
        let mut outputs = Outputs::default();
        for path in &self.files {
            let job = Job {
                debug: self.is_debug(),
                function_sections: self.function_sections,
                mangling: self.mangling.clone(),
                ..Job::default()
            };
            let compiled = job.compile(path, platform, &self.directories, &mut ())?;
            check_symbols(&compiled, &mut symbols)?;
            library.inputs.extend(compiled.inputs().map(Path::to_path_buf));
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let bytes = job.object(&compiled, platform)?;
            members.push(Member { name: format!("{stem}.o"), bytes });
            let (header, warnings) = compiled.header()?;
            let header_path = out_dir.join(format!("{stem}.h"));
            outputs.add(&header_path, header.into_bytes());
            library.headers.push(header_path);
            warn(compiled.warnings.clone().and(&warnings).text(Palette::Plain));
            modules.push(compiled.module);
        }
        let declarations = declarations::declarations(&modules);
        outputs.add(&library.declarations, declarations.into_bytes());
        outputs.add(&library.archive, archive(&members, format)?);
        outputs.write(library.inputs.iter().map(PathBuf::as_path)).map_err(in_full)?;
        Ok(library)
    }

    /// Whether the profile has debugging information, unless it is decided here.
    fn is_debug(&self) -> bool {
        let profile =
            || env::var("DEBUG").is_ok_and(|level| !["false", "0", "none"].contains(&&*level));
        self.debug.unwrap_or_else(profile)
    }

    fn triple(&self) -> Result<String, Error> {
        self.target.clone().map_or_else(|| variable("TARGET"), Ok)
    }

    /// What the crate is built for.
    fn platform(&self) -> Result<(Platform, ImageFormat), Error> {
        let triple = self.triple()?;
        let (abi, format) = of_triple(&triple)?;
        let flags = self.extensions.iter().map(String::as_str);
        let adjustment = Adjustment::parse_as(Words::Methods, flags).map_err(Error::Usage)?;
        let mut platform = Platform::new(&Request {
            abi: Some(abi),
            image_format: Some(format.flag()),
            assembly_format: None,
            cpu: self.cpu.as_deref(),
            adjustment,
            branch_protection: self.branch_protection,
            cfg: &[],
        })?;
        platform.words = Words::Methods;
        for (name, value) in cargo_configuration(env::vars()) {
            platform.configuration.set(&name, value.as_deref());
        }
        for text in &self.cfg {
            platform.configuration.parse(text).map_err(Error::Usage)?;
        }
        Ok((platform, format))
    }
}

/// Why the outputs were not written.
fn in_full(error: WriteError) -> Error {
    match error {
        WriteError::Failed(error) => error,
        WriteError::BrokenPipe => Error::File(error.to_string()),
    }
}

/// Adds the symbols of a file to those of the files before it, with the place of each. The linker
/// would take whichever it finds first, or refuse both.
fn check_symbols(compiled: &Compiled, symbols: &mut HashMap<String, String>) -> Result<(), Error> {
    for function in &compiled.module.functions {
        let span = function.compiled.function.span;
        let (at, index) = (span.start(), compiled.file_of(span));
        let file = compiled.texts().nth(index).map_or("", |(name, _)| name);
        let place = format!("{file}:{}:{}", at.line, at.column + 1);
        if let Some(first) = symbols.insert(function.symbol.clone(), place.clone()) {
            return Err(Error::File(format!(
                "two functions would have the same symbol `{}`:\n  {first}\n  {place}\nrename one \
                 of the kernels, or give one `#[export_name = \"…\"]`",
                function.symbol
            )));
        }
    }
    Ok(())
}

fn is_x86_64(triple: &str) -> bool {
    triple.starts_with("x86_64")
}

/// Convention and format of a target triple.
fn of_triple(triple: &str) -> Result<(&'static str, ImageFormat), Error> {
    if !is_x86_64(triple) {
        return Err(Error::Usage(format!("kernels are for x86-64, and {triple} is not")));
    }
    let has = |word: &str| triple.contains(word);
    Ok(if has("windows") || has("uefi") || has("cygwin") {
        ("ms", ImageFormat::MsCoff)
    } else if has("apple") {
        ("sysv", ImageFormat::MachO)
    } else if has("gnux32") || has("muslx32") {
        ("x32", ImageFormat::Elf)
    } else {
        ("sysv", ImageFormat::Elf)
    })
}

/// What Cargo says is set for the crate: `CARGO_CFG_…` and `CARGO_FEATURE_…`. The latter have lost
/// their case and their dashes.
fn cargo_configuration(
    variables: impl Iterator<Item = (String, String)>,
) -> Vec<(String, Option<String>)> {
    let mut set = Vec::new();
    for (variable, values) in variables {
        if let Some(name) = variable.strip_prefix("CARGO_CFG_") {
            let name = name.to_lowercase();
            match values.as_str() {
                "" => set.push((name, None)),
                values => set
                    .extend(values.split(',').map(|value| (name.clone(), Some(value.to_string())))),
            }
        } else if let Some(name) = variable.strip_prefix("CARGO_FEATURE_") {
            let name = name.to_lowercase();
            set.push(("feature".to_string(), Some(name.replace('_', "-"))));
            set.push(("feature".to_string(), Some(name)));
        }
    }
    set
}

fn variable(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|_| {
        Error::Usage(format!("{name} is not set: outside of a build script, it must be given"))
    })
}

/// Cargo shows warnings line by line.
fn warn(text: &str) {
    text.lines().for_each(|line| println!("cargo:warning={line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_the_configuration() {
        let variables = [
            ("CARGO_CFG_UNIX", ""),
            ("CARGO_CFG_TARGET_FEATURE", "fxsr,sse2"),
            ("CARGO_FEATURE_MORE_SPEED", "1"),
            ("HOME", "/"),
        ];
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let set = cargo_configuration(variables);
        let has = |name: &str, value: Option<&str>| {
            set.contains(&(name.to_string(), value.map(str::to_string)))
        };
        assert!(has("unix", None) && has("target_feature", Some("sse2")));
        assert!(has("feature", Some("more-speed")) && has("feature", Some("more_speed")));
        assert_eq!(set.len(), 5);
    }

    #[test]
    fn targets_have_their_conventions() {
        assert_eq!(of_triple("x86_64-pc-windows-gnu").expect("right"), ("ms", ImageFormat::MsCoff));
        assert_eq!(of_triple("x86_64-apple-darwin").expect("right"), ("sysv", ImageFormat::MachO));
        assert_eq!(of_triple("x86_64-unknown-freebsd").expect("right"), ("sysv", ImageFormat::Elf));
        assert!(of_triple("aarch64-unknown-linux-gnu").is_err());
    }
}
