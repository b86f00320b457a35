//! The `peach` command: a shell around `peach_build`.
//!
//! Arguments come in, files go out; messages go to standard error. Exit codes: 0, or 1 where
//! something is in error, or 2 where the arguments are malformed.

mod compile;
mod encode;
mod fmt;
mod mca;
mod messages;
mod options;
mod play;
mod show;
mod watch;

use options::{Matches, Refusal, Request, Usage};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some("encode") => encode::run(&arguments[1..]),
        Some("show") => {
            arguments.remove(0);
            run(&options::SHOW, arguments, show::run)
        }
        Some("man") if arguments.len() == 1 => print(&options::manual()),
        Some("completions") => {
            let shell = arguments.get(1).filter(|_| arguments.len() == 2);
            match shell.and_then(|shell| options::completions(shell.to_str()?)) {
                Some(script) => print(&script),
                None => refuse("usage: peach completions bash|fish|zsh\n"),
            }
        }
        Some("fmt") => {
            arguments.remove(0);
            run(&options::FMT, arguments, fmt::run)
        }
        Some("play") => {
            arguments.remove(0);
            run(&options::PLAY, arguments, play::run)
        }
        _ => run(&options::COMPILE, arguments, compile::run),
    }
}

/// Reads the arguments and does what they ask for.
fn run(
    usage: &Usage,
    arguments: Vec<OsString>,
    action: fn(&Matches) -> messages::Result,
) -> ExitCode {
    match options::parse(usage, arguments) {
        Ok(Request::Help(text)) => print(&text),
        Ok(Request::Version) => print(concat!("peach ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Request::Run(matches)) => match messages::color(&matches) {
            Ok(palette) => messages::exit_code(action(&matches), palette),
            Err(Refusal(text)) => refuse(&text),
        },
        Err(Refusal(text)) => refuse(&text),
    }
}

/// Requested text. A closed pipe is not an error: its reader has enough.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(text: &str) -> ExitCode {
    messages::print(text);
    ExitCode::from(2)
}
