//! The `peach` command.

mod encode;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("encode") => encode::run(&arguments[1..]),
        _ => ExitCode::from(2),
    }
}
