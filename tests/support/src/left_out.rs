//! What tests leave out: everything that is not checked on this machine is said and recorded here.
//!
//! Each record is one line of a file: the cause, the place in the tests, and what is missing, with
//! tabs between. `PEACH_LEFT_OUT` names the file; otherwise it is `left-out` in the target
//! directory of the running test. At the end of `.ci/run` the program `left-out` counts the places
//! by cause and compares the counts with those in `.ci/left-out`.
//!
//! Causes: `tool` (a failure where `CI=true`), `system` (the operating system lacks it), `emulator`
//! (processors can do it), and `processor EXTENSION`.

use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::PathBuf;

/// Records that something at `place` is left out, and says so.
pub(crate) fn record(cause: &str, why: &str, place: &Location<'_>) {
    record_at(cause, why, &format!("{}:{}", place.file(), place.line()));
}

fn record_at(cause: &str, why: &str, place: &str) {
    eprintln!("LEFT OUT at {place} ({cause}): {why}");
    let Some(path) = file() else { return };
    let line = format!("{cause}\t{place}\t{}\n", why.replace(['\n', '\t'], " "));
    // One write, appended: tests run side by side.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!("{} cannot be written: {error}", path.display());
    }
}

/// Says that something is left out because the operating system lacks it.
#[track_caller]
pub fn system(why: &str) {
    record("system", why, Location::caller());
}

/// Says that something is left out because an emulator replaces the processor.
#[track_caller]
pub fn emulator(why: &str) {
    record("emulator", why, Location::caller());
}

/// Says that something is left out because the processor lacks `extension`.
#[track_caller]
pub fn processor(extension: &str, why: &str) {
    record(&format!("processor {extension}"), why, Location::caller());
}

/// Where the records go; none for a program outside of a target directory.
fn file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("PEACH_LEFT_OUT") {
        return Some(path.into());
    }
    let program = std::env::current_exe().ok()?;
    // Cargo marks its target directory so.
    let target = program.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file())?;
    Some(target.join("left-out"))
}
