//! `peach encode`: instructions in, bytes out, one line for each.
//!
//! In: arguments, or else lines of standard input. Out: on standard output, in the same order, the
//! bytes as lower-case hexadecimal digits, or `error: why`. A line is answered as soon as it is
//! read and nothing is kept, so that input of any length streams.

use peach_compiler::hex::hex;
use peach_compiler::isa;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// What is printed for an instruction.
#[derive(Clone, Copy)]
enum Mode {
    /// The shortest encoding.
    Plain,
    /// Every encoding as long as the one that is chosen.
    Options,
    /// One encoding of every length.
    Lengths,
}

/// How the command is used.
const USAGE: &str = "\
usage: peach encode [--options | --lengths] [INSTRUCTION]...

Prints the encoding of each instruction, one per line: of the arguments or, without any, of standard
input.
  --options   every encoding as long as the one that is chosen: the shortest, but VEX where EVEX
              would save a byte of displacement
  --lengths   LENGTH:hex for every length that an encoding has
";

/// Runs the command with the arguments after `encode`.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let arguments: Vec<String> =
        arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let (flags, lines): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with('-'));
    let mode = match flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>()[..] {
        [] => Mode::Plain,
        ["--options"] => Mode::Options,
        ["--lengths"] => Mode::Lengths,
        ["--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let output = &mut io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = if lines.is_empty() {
        answer_stream(mode, io::stdin().lock(), output)
    } else {
        lines.iter().try_fold(true, |all, line| Ok(answer(mode, line, output)? & all))
    };
    match result.and_then(|all_encoded| output.flush().map(|()| all_encoded)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers line by line; whether all encoded. What is answered is written out before more input is
/// waited for, so that a program can converse with this one.
fn answer_stream(mode: Mode, input: impl io::Read, output: &mut impl Write) -> io::Result<bool> {
    let mut input = io::BufReader::with_capacity(1 << 16, input);
    let mut all_encoded = true;
    let mut line = Vec::new();
    loop {
        if input.buffer().is_empty() {
            output.flush()?;
        }
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(all_encoded);
        }
        all_encoded &= answer(mode, String::from_utf8_lossy(&line).trim_end(), output)?;
    }
}

/// Prints the answer to one line; whether it encoded.
fn answer(mode: Mode, line: &str, output: &mut impl Write) -> io::Result<bool> {
    let answer = match mode {
        Mode::Plain => isa::encode_text(line).map(|bytes| hex(&bytes, "")),
        Mode::Options => isa::encode_options(line).map(|all| joined(&all, |bytes| hex(bytes, ""))),
        Mode::Lengths => isa::encode_lengths(line)
            .map(|all| joined(&all, |bytes| format!("{}:{}", bytes.len(), hex(bytes, "")))),
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
