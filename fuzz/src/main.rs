//! Drives a target: `peach-fuzz TARGET [SECONDS [SEED]]`, or `peach-fuzz TARGET FILE` for one
//! input.
//!
//! Every input is a number, so that a failure is found again: the last line before it says which.

use peach_fuzz::{TARGETS, bytes, target};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(target) = arguments.first().and_then(|name| target(name)) else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: peach-fuzz {} [SECONDS [SEED] | FILE]", names.join(" | "));
        return ExitCode::from(2);
    };
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    if let (None, Some(file)) = (number(1), arguments.get(1)) {
        match std::fs::read(file) {
            Ok(data) => target(&data),
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::from(2);
            }
        }
        return ExitCode::SUCCESS;
    }
    let first = number(2).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(number(1).unwrap_or(60));
    let mut seed = first;
    while Instant::now() < end {
        let data = bytes(seed);
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            eprintln!("seed {seed}: {data:02x?}");
            return ExitCode::FAILURE;
        }
        seed += 1;
    }
    println!("{} inputs from seed {first}", seed - first);
    ExitCode::SUCCESS
}
