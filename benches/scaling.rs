//! How processor time and memory grow with what a kernel file says: each kind of thing 1,000, 10,000
//! and 100,000 times, in a process of its own.
//!
//! `cargo test --bench scaling` shows the figures that count: macros run without optimization in
//! their users' builds. `-- KIND…` measures some kinds alone, `-- --steps KIND…` also shows where
//! the time goes, `-- --most 10000` leaves out what takes longest. A kind that the compiler stops at
//! an error is marked with the error's code.

#[path = "scaling/kinds/mod.rs"]
mod kinds;

use peach_compiler::abi::{AssemblyFormat, ImageFormat, SYSV64};
use peach_compiler::diagnostics::{Diagnostics, Severity};
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::objects;
use peach_compiler::emit::rust::{self, RustOptions};
use peach_compiler::emit::{Module, listings};
use peach_compiler::pipeline::{self, Compilation, Observer, State, Step, Target};
use std::process::Command;
use std::time::Duration;

/// How many of each.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// Processor time and memory after which a process is stopped, in seconds and bytes.
const LIMITS: [(libc::__rlimit_resource_t, u64); 2] =
    [(libc::RLIMIT_CPU, 120), (libc::RLIMIT_AS, 4 << 30)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--measure", kind, count] = arguments[..] {
        return measure(kind, count.parse().expect("a number"));
    }
    let steps = arguments.iter().position(|argument| *argument == "--steps");
    steps.map(|at| arguments.remove(at));
    let most = arguments.iter().position(|argument| *argument == "--most");
    let most = most.map_or(usize::MAX, |at| {
        arguments.drain(at..at + 2).nth(1).expect("a number").parse().expect("a number")
    });
    let sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size <= most).collect();
    print!("{:<24}", "");
    sizes.iter().for_each(|count| print!("{count:>26}"));
    println!();
    for (kind, _) in kinds::all().filter(|(k, _)| arguments.is_empty() || arguments.contains(k)) {
        show(kind, &sizes, steps.is_some());
    }
}

/// Prints a line of figures, and those of each step.
fn show(kind: &str, sizes: &[usize], steps: bool) {
    print!("{kind:<24}");
    let mut below = String::new();
    for &count in sizes {
        let report = in_child(kind, count);
        let (first, rest) = report.split_once('\n').unwrap_or(("killed", ""));
        print!("{first:>26}");
        below += rest;
    }
    println!();
    if steps {
        print!("{below}");
    }
}

/// What a child process reports: time, memory and the first error on the first line, then the
/// steps.
fn in_child(kind: &str, count: usize) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).args(["--measure", kind, &count.to_string()]).output();
    String::from_utf8(output.expect("it starts").stdout).expect("text")
}

/// Compiles `count` of a kind, writes it in every format, and prints what it took.
fn measure(kind: &str, count: usize) {
    limit();
    let (_, source) = kinds::all().find(|(name, _)| *name == kind).expect("a kind");
    let tokens = source(count).parse().expect("tokens");
    let mut laps = Laps { last: processor_time(), steps: Vec::new() };
    let start = processor_time();
    let compilation = pipeline::compile_observed(tokens, &SYSV64, &mut laps);
    laps.lap("report");
    let error = compilation.diagnostics.iter().find(|d| d.severity() == Severity::Error);
    let error = error.map_or("", |error| error.code.id());
    emit(compilation, &mut laps);
    let time = processor_time() - start;
    println!("{:.3} s {:>5} MB {error:>5}", time.as_secs_f64(), peak_memory());
    for (step, time) in laps.steps {
        println!("    {count:>6} {step:<10} {:9.3} s", time.as_secs_f64());
    }
}

/// Rust items, an object file and a listing.
fn emit(compilation: Compilation, laps: &mut Laps) {
    drop(rust::items(&compilation, RustOptions::default()));
    laps.lap("items");
    let mut diagnostics = Diagnostics::new();
    let mut module = Module::new("kernels.peach", Target::from(&SYSV64));
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    drop(objects::write(&module, &objects::Options::new(ImageFormat::Elf)));
    laps.lap("object");
    let gas = listings::Format::of(AssemblyFormat::Gas).expect("it has a format");
    drop(gas.write(&module, &listings::Options { image: ImageFormat::Elf, source: None }));
    laps.lap("listing");
}

/// Makes the system stop this process when it has used too much.
fn limit() {
    for (resource, most) in LIMITS {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: the call reads the struct that it is given.
        assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0, "limits can be lowered");
    }
}

/// What this process has used of a processor: on a busy machine, the time on the clock is longer.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct that it is given.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "every process has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The largest amount of memory that this process has used, in megabytes; 0 where the system does
/// not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

/// The time of each step, summed over all kernels.
struct Laps {
    last: Duration,
    steps: Vec<(&'static str, Duration)>,
}

impl Laps {
    fn lap(&mut self, step: &'static str) {
        let now = processor_time();
        let time = now - std::mem::replace(&mut self.last, now);
        match self.steps.iter_mut().find(|(name, _)| *name == step) {
            Some((_, sum)) => *sum += time,
            None => self.steps.push((step, time)),
        }
    }
}

impl Observer for Laps {
    fn after(&mut self, step: Step, _: State<'_>) {
        self.lap(step.name());
    }
}
