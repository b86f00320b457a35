//! What a call of a kernel costs, next to other ways to run the same instruction.
//!
//! `cargo bench --bench calls`. The rows are programs of their own, compiled here by rustc as a
//! user's are: a library with the callees, a program that calls them from another crate (and has
//! some of its own), an assembly file that is linked in. All rows of a table are measured in turn,
//! many rounds of one run; the median of each is printed, and its ratio to an inlined Rust function
//! and to an `extern "C"` Rust function. Then programs with 1, 100 and 10,000 kernels, each started
//! many times.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::many;
use peach_testing::rustc::Rustc;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("calls");
    run(&mut Command::new(calls(&dir.join("calls"))));
    println!("programs with many kernels: medians of {STARTS} starts");
    println!(
        "  {:<18} {:>9} {:>9} {:>10} {:>12} {:>12} {:>12}",
        "", "built in", "size", "start-up", "first call", "other calls", "memory"
    );
    // What a program costs that has none.
    let empty = Rustc::new(dir.join("none"), &MANY_FLAGS);
    let program = empty.build("program", EMPTY, &[]);
    many_row("no kernel", 0.0, &program);
    for count in many_counts() {
        for embed in ["map", "text"] {
            let rustc = Rustc::new(dir.join(format!("{embed}-{count}")), &MANY_FLAGS);
            let start = Instant::now();
            let program = rustc.build("program", &many::program(count, embed), &[]);
            many_row(&format!("{count} in {embed}"), start.elapsed().as_secs_f64(), &program);
        }
    }
}

/// The library's and the program's own functions.
const CALLEES: &str = include_str!("calls/callees.rs");
/// Measures them.
const PROGRAM: &str = include_str!("calls/program.rs");
/// The same code in an assembly file.
const ASSEMBLY: &str = include_str!("calls/linked.s");

/// Compiles the program that measures calls.
fn calls(dir: &Path) -> PathBuf {
    let rustc = Rustc::new(dir, &["-Copt-level=3"]);
    rustc.build("callees", CALLEES, &["--crate-type=rlib"]);
    let assembly = rustc.dir().join("linked.s");
    std::fs::write(&assembly, ASSEMBLY).unwrap();
    let object = rustc.dir().join("linked.o");
    run(Command::new("cc").arg("-c").arg(&assembly).arg("-o").arg(&object));
    let link = format!("-Clink-arg={}", object.display());
    let source = format!("{PROGRAM}\nmod own {{\n{CALLEES}\n}}");
    rustc.build("program", &source, &["--extern=callees", &link])
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// How many kernels the programs have. Building those with 10,000 takes minutes: `PEACH_MANY=1000`
/// stops there.
fn many_counts() -> Vec<usize> {
    let most = std::env::var("PEACH_MANY").ok().and_then(|most| most.parse().ok());
    let most = most.unwrap_or(10_000);
    [1, 100].into_iter().filter(|count| *count < most).chain([most]).collect()
}

const MANY_FLAGS: [&str; 2] = ["-Copt-level=1", "-Cstrip=symbols"];
const STARTS: usize = 41;
const EMPTY: &str = r#"fn main() { println!("0 0 0 0") }"#;

/// Starts a program many times and prints the medians of what it takes.
fn many_row(name: &str, built: f64, program: &Path) {
    let mut starts = Vec::new();
    let mut figures = vec![Vec::new(); 4];
    for _ in 0..STARTS {
        let start = Instant::now();
        let output = Command::new(program).output().unwrap();
        starts.push(start.elapsed().as_micros() as u64);
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        for (figure, word) in figures.iter_mut().zip(said.split_whitespace()) {
            figure.push(word.parse::<u64>().unwrap());
        }
    }
    let median = |figures: &mut Vec<u64>| {
        figures.sort_unstable();
        figures[STARTS / 2]
    };
    let size = program.metadata().unwrap().len() / 1024;
    let started = median(&mut starts) as f64 / 1e3;
    let [first, others, before, after] = figures.iter_mut().map(median).collect::<Vec<_>>()[..]
    else {
        unreachable!("four figures")
    };
    println!(
        "  {name:<18} {built:>7.1} s {size:>6} KB {started:>7.2} ms {first:>9} ns {others:>9} ns {:>9} KB",
        after - before
    );
}
