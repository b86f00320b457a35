//! `peach fmt [--check] FILE…`: kernels with regular white space.

use crate::messages;
use crate::options::Matches;
use peach_build::{Error, Formatted, Language, Outputs, Report};
use std::path::{Path, PathBuf};

/// Formats files, or says which are not formatted. Where one is in error, none is written.
pub fn run(matches: &Matches) -> messages::Result {
    let files = format_all(&matches.paths("FILE"), matches.text("--language"))?;
    if matches.has("--check") {
        return check(&files).map_err(Into::into);
    }
    let mut outputs = Outputs::default();
    for (path, formatted) in files {
        // A file that is formatted keeps its time of change.
        if path.as_os_str() == "-" || formatted.first_difference().is_some() {
            outputs.add(&path, formatted.after.into_bytes());
        }
    }
    outputs.write([])?;
    Ok(Report::default())
}

/// The errors of all files are reported, not only those of the first.
fn format_all(
    paths: &[PathBuf],
    language: Option<&str>,
) -> Result<Vec<(PathBuf, Formatted)>, Error> {
    let mut files = Vec::with_capacity(paths.len());
    let mut report = Report::default();
    for path in paths {
        match peach_build::format(path, language_of(path, language)?) {
            Ok(formatted) => files.push((path.clone(), formatted)),
            Err(Error::Source(more)) => report = report.and(&more),
            Err(error) => return Err(error),
        }
    }
    if report.errors() == 0 { Ok(files) } else { Err(Error::Source(report)) }
}

fn language_of(path: &Path, named: Option<&str>) -> Result<Language, Error> {
    let refused = |what: String| Err(Error::Usage(what));
    match named {
        Some("rust") => Ok(Language::Rust),
        Some("peach") => Ok(Language::Kernels),
        Some(other) => refused(format!("--language={other}: expected rust or peach")),
        None if path.as_os_str() == "-" => Ok(Language::Kernels),
        None => Language::of(path).map_or_else(
            || {
                let expected = "expected a Rust source (.rs) or a file of kernels (.peach)";
                let fix = "--language says what a file with another name is";
                refused(format!("{}: {expected}; {fix}", path.display()))
            },
            Ok,
        ),
    }
}

fn check(files: &[(PathBuf, Formatted)]) -> Result<Report, Error> {
    let places: Vec<String> = files
        .iter()
        .filter_map(|(path, formatted)| {
            let line = formatted.first_difference()?;
            Some(format!("{}:{line}", path.display()))
        })
        .collect();
    match places.len() {
        0 => Ok(Report::default()),
        1 => Err(Error::File(format!("not formatted: {}", places[0]))),
        count => {
            Err(Error::File(format!("{count} files are not formatted: {}", places.join(", "))))
        }
    }
}
