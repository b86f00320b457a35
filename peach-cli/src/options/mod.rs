//! What the arguments ask for.
//!
//! In: the arguments after the command's name. Out: a [`Request`], or [`Refusal`]. [`flags`] is the
//! one table of flags: the translation of PeachPy's spelling ([`dialect`]), the parser (clap),
//! `--help` ([`help`]) and suggestions are made of it.

mod completions;
mod dialect;
mod flags;
mod help;
mod manual;

use clap::{Arg, ArgAction, ArgMatches, Command};
pub use flags::{COMPILE, FMT, PLAY, SHOW};
use flags::{Flag, Value};
use std::ffi::OsString;
use std::path::PathBuf;

/// Every way of calling the command that has flags.
const ALL: [&Usage; 4] = [&COMPILE, &SHOW, &FMT, &PLAY];

/// A script of completions for a shell, if there is one.
pub fn completions(shell: &str) -> Option<String> {
    let (_, script) = completions::SHELLS.iter().find(|(name, _)| *name == shell)?;
    Some(script(&ALL))
}

/// The manual page.
pub fn manual() -> String {
    manual::page(&ALL)
}

/// Why the arguments are not understood: a message for standard error.
#[derive(Debug)]
pub struct Refusal(pub String);

/// A way of calling the command.
pub struct Usage {
    /// `peach` or `peach show`.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What is after the flags.
    pub positionals: &'static [Positional],
    /// Its flags.
    pub flags: &'static [Flag],
}

/// An argument without a flag.
pub struct Positional {
    name: &'static str,
    help: &'static str,
    is_required: bool,
    repeats: bool,
}

impl Positional {
    /// One that must be there.
    pub const fn required(name: &'static str, help: &'static str) -> Positional {
        Positional { name, help, is_required: true, repeats: false }
    }

    /// One or more, of which the first must be there.
    pub const fn several(name: &'static str, help: &'static str) -> Positional {
        Positional { name, help, is_required: true, repeats: true }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, help: &'static str) -> Positional {
        Positional { name, help, is_required: false, repeats: false }
    }
}

/// What was asked for.
#[derive(Debug)]
pub enum Request {
    /// `--help`: this text.
    Help(String),
    /// `--version`.
    Version,
    /// Anything else.
    Run(Matches),
}

/// The values of flags, by their spelling.
#[derive(Debug)]
pub struct Matches(ArgMatches);

impl Matches {
    /// The value of a flag, if there is such a flag here and it is given.
    pub fn text(&self, spelling: &str) -> Option<&str> {
        let value = self.0.try_get_one::<OsString>(flags::id(spelling)).ok().flatten();
        value.and_then(|value| value.to_str())
    }

    /// All values of a flag that may be given several times.
    pub fn texts(&self, spelling: &str) -> Vec<String> {
        let values = self.0.get_many::<OsString>(flags::id(spelling));
        values.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect()
    }

    /// The path that a flag or a positional has.
    pub fn path(&self, spelling: &str) -> Option<PathBuf> {
        self.0.get_one::<OsString>(flags::id(spelling)).map(PathBuf::from)
    }

    /// All paths of a flag or positional that may be given several times.
    pub fn paths(&self, spelling: &str) -> Vec<PathBuf> {
        let values = self.0.get_many::<OsString>(flags::id(spelling));
        values.into_iter().flatten().map(PathBuf::from).collect()
    }

    /// Whether a flag without a value is given.
    pub fn has(&self, spelling: &str) -> bool {
        self.0.get_flag(flags::id(spelling))
    }
}

/// Reads the arguments of one way of calling the command.
///
/// # Errors
/// With the error and a suggested fix.
pub fn parse(usage: &Usage, arguments: Vec<OsString>) -> Result<Request, Refusal> {
    let translated = dialect::translate(usage, arguments)?;
    let is_asked = |id: &str| translated.iter().take_while(|a| *a != "--").any(|a| a == id);
    // With these, the other required arguments may be missing.
    if is_asked("--help") {
        return Ok(Request::Help(help::text(usage)));
    }
    if is_asked("--version") {
        return Ok(Request::Version);
    }
    match command(usage).try_get_matches_from(translated) {
        Ok(matches) => refuse_other_text(usage, &matches).map(|()| Request::Run(Matches(matches))),
        Err(error) => Err(Refusal(dialect::spell_back(usage, &error.render().to_string()))),
    }
}

/// Flags whose value is a name must be text; paths may be anything.
fn refuse_other_text(usage: &Usage, matches: &ArgMatches) -> Result<(), Refusal> {
    for flag in
        usage.flags.iter().filter(|flag| matches!(flag.value, Value::Name(_) | Value::Optional(..)))
    {
        let values = matches.get_many::<OsString>(flags::id(flag.spelling));
        if values.into_iter().flatten().any(|value| value.to_str().is_none()) {
            return Err(Refusal(format!("error: the value of {} is not UTF-8\n", flag.spelling)));
        }
    }
    Ok(())
}

/// The parser.
fn command(usage: &Usage) -> Command {
    let mut command = Command::new(usage.name)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .override_usage(help::usage_line(usage));
    for flag in usage.flags {
        command = command.arg(argument(flag));
    }
    for positional in usage.positionals {
        let argument = Arg::new(positional.name)
            .value_name(positional.name)
            .value_parser(clap::value_parser!(OsString))
            .required(positional.is_required)
            .action(if positional.repeats { ArgAction::Append } else { ArgAction::Set });
        command = command.arg(argument);
    }
    command
}

fn argument(flag: &Flag) -> Arg {
    let id = flags::id(flag.spelling);
    let argument = Arg::new(id).long(id);
    match flag.value {
        Value::None => argument.action(ArgAction::SetTrue),
        Value::Name(name) | Value::Path(name) | Value::Optional(name, _) => argument
            .value_name(name)
            .value_parser(clap::value_parser!(OsString))
            .allow_hyphen_values(true)
            .required(flag.is_required)
            .action(if flag.repeats { ArgAction::Append } else { ArgAction::Set }),
    }
}
