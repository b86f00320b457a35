//! What goes to standard error, and how the command ends.

use crate::options::{Matches, Refusal};
use peach_build::{Error, Report, WriteError};
use peach_compiler::diagnostics::frame::Palette;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// How an action ends.
pub type Result = std::result::Result<Report, WriteError>;

/// Whether messages have colors: as `--color` says; by default on a terminal, unless `NO_COLOR` is
/// set to anything.
pub fn color(matches: &Matches) -> std::result::Result<Palette, Refusal> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_plain =
        is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match matches.text("--color").unwrap_or("auto") {
        "always" => Ok(Palette::Ansi),
        "never" => Ok(Palette::Plain),
        "auto" if std::io::stderr().is_terminal() && !is_plain => Ok(Palette::Ansi),
        "auto" => Ok(Palette::Plain),
        other => Err(Refusal(format!(
            "error: invalid value --color={other}; expected auto, always or never\n"
        ))),
    }
}

/// Says what an action has to say, and what the command ends with.
pub fn exit_code(result: Result, palette: Palette) -> ExitCode {
    match result {
        Ok(warnings) => {
            print(warnings.text(palette));
            ExitCode::SUCCESS
        }
        // The reader has gone: that is neither a failure of the command nor worth a message.
        Err(WriteError::BrokenPipe) => ExitCode::FAILURE,
        Err(WriteError::Failed(Error::Source(report))) => {
            print(report.text(palette));
            let s = if report.errors() == 1 { "" } else { "s" };
            print(&format!("\n{} error{s}; no code was written\n", report.errors()));
            ExitCode::FAILURE
        }
        Err(WriteError::Failed(Error::Usage(text))) => {
            print(&format!("{}: {text}\n", head(palette)));
            ExitCode::from(2)
        }
        Err(WriteError::Failed(Error::File(text))) => {
            print(&format!("{}: {text}\n", head(palette)));
            ExitCode::FAILURE
        }
    }
}

fn head(palette: Palette) -> &'static str {
    match palette {
        Palette::Plain => "error",
        Palette::Ansi => "\x1b[1;31merror\x1b[0m",
    }
}

/// Writes to standard error. If that fails, there is no way to report it.
pub fn print(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
