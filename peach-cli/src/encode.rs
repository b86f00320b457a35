//! `peach encode`: instructions in, bytes out, one line for each.
//!
//! In: arguments, or else lines of standard input. Out: on standard output, in the same order, the
//! bytes as lower-case hexadecimal digits, or `error: why`. A line is answered as soon as it is
//! read and nothing is kept, so that input of any length streams.

use peach_compiler::isa;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// What is printed for an instruction.
#[derive(Clone, Copy)]
enum Mode {
    /// The shortest encoding.
    Plain,
    /// Every encoding of the shortest length.
    Options,
    /// One encoding of every length.
    Lengths,
}

/// Runs the command with the arguments behind `encode`.
pub fn run(arguments: &[String]) -> io::Result<ExitCode> {
    let (mode, arguments) = match arguments.first().map(String::as_str) {
        Some("--options") => (Mode::Options, &arguments[1..]),
        Some("--lengths") => (Mode::Lengths, &arguments[1..]),
        Some(unknown) if unknown.starts_with('-') => {
            eprintln!("error: peach encode has no option `{unknown}`: --options and --lengths are");
            return Ok(ExitCode::from(2));
        }
        _ => (Mode::Plain, arguments),
    };
    let output = &mut io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut all_encoded = true;
    if arguments.is_empty() {
        let mut input = io::BufReader::with_capacity(1 << 16, io::stdin().lock());
        let mut line = String::new();
        while input.read_line(&mut line)? != 0 {
            all_encoded &= answer(mode, line.trim_end(), output)?;
            line.clear();
        }
    } else {
        for line in arguments {
            all_encoded &= answer(mode, line, output)?;
        }
    }
    output.flush()?;
    Ok(if all_encoded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the answer to one line; whether it encoded.
fn answer(mode: Mode, line: &str, output: &mut impl Write) -> io::Result<bool> {
    let answer = match mode {
        Mode::Plain => isa::encode_text(line).map(|bytes| hex(&bytes)),
        Mode::Options => isa::encode_options(line).map(|all| joined(&all, |bytes| hex(bytes))),
        Mode::Lengths => isa::encode_lengths(line)
            .map(|all| joined(&all, |bytes| format!("{}:{}", bytes.len(), hex(bytes)))),
    };
    match &answer {
        Ok(text) => writeln!(output, "{text}")?,
        Err(why) => writeln!(output, "error: {}", why.replace('\n', " "))?,
    }
    Ok(answer.is_ok())
}

fn joined(all: &[Vec<u8>], text: impl Fn(&[u8]) -> String) -> String {
    all.iter().map(|bytes| text(bytes)).collect::<Vec<_>>().join(" ")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
