//! `peach show FILE [KERNEL]`: what kernels become, for reading.
//!
//! | what | where |
//! |---|---|
//! | again and again, as files change | `again` |
//! | one kernel as text, live ranges in columns | `text` |
//! | all of them as a page | `peach_playground::page` |

mod again;
mod text;

use crate::compile::platform;
use crate::mca::Mca;
use crate::messages;
use crate::options::Matches;
use crate::watch::Watch;
use peach_build::{Compiled, Error, Outputs, Platform, Report, WriteError};
use peach_playground::cost::{CPUS, Costs, Predictor, Table};
use peach_playground::page;
use peach_playground::view::{self, Shown};
use std::path::{Path, PathBuf};

/// Shows the kernels of a file.
pub fn run(matches: &Matches) -> messages::Result {
    match matches.has("--watch") {
        true => again::run(matches),
        false => once(matches, &mut Vec::new()),
    }
}

/// Shows them once; `inputs` gets the files that were read, as far as they are known.
fn once(matches: &Matches, inputs: &mut Vec<PathBuf>) -> messages::Result {
    let platform = platform(matches)?;
    let file = matches.path("FILE").unwrap_or_default();
    let output = matches.path("-o").unwrap_or("-".into());
    let mut watch = Watch::new(&[])?;
    let directories = matches.paths("-I");
    let result = peach_build::compile(&file, &platform, &directories, &view::naming(), &mut watch);
    watch.finish();
    let compiled = match result {
        Err(Error::Source(report)) if matches.has("--html") => {
            return Err(write_error_page(&file, &output, report, &platform));
        }
        result => result?,
    };
    inputs.extend(compiled.inputs().map(Path::to_path_buf));
    let mut shown = choose(&compiled, matches.text("KERNEL"), &file)?;
    if let Some(cpu) = matches.text("--cost") {
        predict(&mut shown, cpu)?;
    }
    let page = match matches.has("--html") {
        true => page::page(&compiled, &shown, &platform),
        false => text::all(&shown, matches.has("--ascii")),
    };
    write(&output, page, compiled.inputs())?;
    Ok(compiled.warnings.clone())
}

/// Asks what the loops cost.
fn predict(shown: &mut [Shown<'_>], cpu: &str) -> Result<(), Error> {
    let mut known = CPUS.iter().map(|(name, _)| *name).chain(["native"]);
    if !known.any(|name| name == cpu) {
        let names: Vec<&str> = CPUS.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(Error::Usage(format!(
            "--cost={cpu}: no model of this processor; there are: {names}, native"
        )));
    }
    let predictor: Box<dyn Predictor> = match Mca::find() {
        Ok(mca) => Box::new(mca),
        // Only LLVM knows which processor this is.
        Err(reason) if cpu == "native" => {
            return Err(Error::File(format!(
                "--cost: {reason}; without it, name a processor, as in --cost=zen4, whose figures \
                 are then those of a table"
            )));
        }
        Err(_) => Box::new(Table),
    };
    for shown in shown {
        shown.costs = Some(Costs::of(&shown.anatomy, &*predictor, cpu));
    }
    Ok(())
}

fn write<'p>(
    output: &Path,
    text: String,
    inputs: impl Iterator<Item = &'p Path>,
) -> Result<(), WriteError> {
    let mut outputs = Outputs::default();
    outputs.add(output, text.into_bytes());
    outputs.write(inputs)
}

/// Errors have a page too; they are reported as ever.
fn write_error_page(
    file: &PathBuf,
    output: &Path,
    report: Report,
    platform: &Platform,
) -> WriteError {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let page = page::error_page(&file.display().to_string(), &text, &report, platform);
    match write(output, page, std::iter::once(file.as_path())) {
        Err(error) => error,
        Ok(()) => WriteError::Failed(Error::Source(report)),
    }
}

/// The kernels that are to be shown.
fn choose<'c>(
    compiled: &'c Compiled,
    name: Option<&str>,
    file: &Path,
) -> Result<Vec<Shown<'c>>, Error> {
    let mut shown = view::all(compiled);
    let Some(name) = name else { return Ok(shown) };
    let names = || compiled.module.functions.iter().map(|f| f.compiled.function.name.as_str());
    shown.retain(|shown| {
        let function = shown.function;
        name == function.compiled.function.name || name == function.path() || name == shown.title
    });
    if shown.is_empty() {
        let hint = match peach_build::nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Error::File(format!("{}: no kernel named `{name}`; {hint}", file.display())));
    }
    Ok(shown)
}
