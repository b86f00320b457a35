//! What is made of a compiled file: every output, in memory.
//!
//! In: a [`Compiled`], the [`Platform`] that it was compiled for. Out: [`Outputs`], to be written.
//! Fails: where the convention has no object files, and with what a format says of the kernels.

use crate::compile::{Compiled, compile};
use crate::error::{Error, Report};
use crate::outputs::Outputs;
use crate::target::Platform;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::objects;
use peach_compiler::pipeline::CompiledFunction;
use std::path::{Path, PathBuf};

/// Which outputs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The object file or the listing.
    pub output: PathBuf,
    /// It is a listing.
    pub is_listing: bool,
    /// The object file tells debuggers source lines.
    pub debug: bool,
}

impl Job {
    /// Compiles the file at `path`; what it includes is searched for in `directories` too.
    ///
    /// # Errors
    /// As [`compile()`](crate::compile()).
    pub fn compile(
        &self,
        path: &Path,
        platform: &Platform,
        directories: &[PathBuf],
    ) -> Result<Compiled, Error> {
        let mangling = |compiled: &CompiledFunction| compiled.function.name.clone();
        compile(path, platform, directories, &mangling)
    }

    /// Makes every output, and says what else there is to be told.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn render(
        &self,
        compiled: &Compiled,
        platform: &Platform,
    ) -> Result<(Outputs, Report), Error> {
        let mut outputs = Outputs::default();
        let diagnostics = Diagnostics::new();
        let main = self.object(compiled, platform)?;
        outputs.add(&self.output, main);
        let report = compiled.judge(&diagnostics)?;
        Ok((outputs, report))
    }

    fn object(&self, compiled: &Compiled, platform: &Platform) -> Result<Vec<u8>, Error> {
        let Some(format) = platform.image_format else {
            let convention = platform.target.convention;
            let listings: Vec<&str> =
                convention.assembly_formats.iter().map(|format| format.flag()).collect();
            return Err(Error::Usage(format!(
                "{} has no object files; it has listings: {} (add -S)",
                convention.flag,
                listings.join(", ")
            )));
        };
        let mut options = objects::Options::new(format);
        options.debug = self.debug;
        options.directory = current_directory();
        objects::write(&compiled.module, &options).map_err(|diagnostics| {
            match compiled.judge(&diagnostics) {
                Err(error) => error,
                Ok(report) => Error::Source(report),
            }
        })
    }
}

fn current_directory() -> Option<String> {
    std::env::current_dir().ok().and_then(|path| path.to_str().map(str::to_string))
}

/// `OUT.d`.
pub fn dependencies_of(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_os_string();
    name.push(".d");
    name.into()
}
