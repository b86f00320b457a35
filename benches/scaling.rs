//! How time and memory grow with what a kernel file says: each kind of thing 1,000, 10,000 and
//! 100,000 times, in a process of its own.
//!
//! `cargo test --bench scaling` shows the figures that count: macros run without optimization in
//! their users' builds. `-- KIND…` measures some kinds alone, `-- --steps KIND…` also shows where
//! the time goes. A kind that the compiler stops at an error is marked with the error's code.

#[path = "scaling/kinds.rs"]
mod kinds;

use kinds::KINDS;
use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Severity;
use peach_compiler::pipeline::{self, Observer, State, Step};
use std::process::Command;
use std::time::{Duration, Instant};

/// How many of each.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// Processor time and memory after which a process is stopped, in seconds and bytes.
const LIMITS: [(libc::__rlimit_resource_t, u64); 2] =
    [(libc::RLIMIT_CPU, 120), (libc::RLIMIT_AS, 4 << 30)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--measure", kind, count] = arguments[..] {
        return measure(kind, count.parse().expect("a number"));
    }
    let steps = arguments.first() == Some(&"--steps");
    let wanted = &arguments[usize::from(steps)..];
    print!("{:<22}", "");
    SIZES.iter().for_each(|count| print!("{count:>26}"));
    println!();
    for (kind, _) in KINDS.iter().filter(|(kind, _)| wanted.is_empty() || wanted.contains(kind)) {
        print!("{kind:<22}");
        let reports = SIZES.map(|count| {
            let report = in_child(kind, count);
            print!("{:>26}", report.lines().next().unwrap_or("killed"));
            report
        });
        println!();
        if steps {
            reports.iter().for_each(|report| println!("{}", report.trim_end()));
        }
    }
}

/// What a child process reports: time, memory and the first error on the first line, then the
/// steps.
fn in_child(kind: &str, count: usize) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).args(["--measure", kind, &count.to_string()]).output();
    String::from_utf8(output.expect("it starts").stdout).expect("text")
}

/// Compiles `count` of a kind and prints what it took.
fn measure(kind: &str, count: usize) {
    limit();
    let (_, source) = KINDS.iter().find(|(name, _)| *name == kind).expect("a kind");
    let tokens = source(count).parse().expect("tokens");
    let mut laps = Laps { last: Instant::now(), steps: Vec::new() };
    let start = Instant::now();
    let compilation = pipeline::compile_observed(tokens, &SYSV64, &mut laps);
    let time = start.elapsed();
    let error = compilation.diagnostics.iter().find(|d| d.severity() == Severity::Error);
    let error = error.map_or("", |error| error.code.id());
    println!("{:.3} s {:>5} MB {error:>5}", time.as_secs_f64(), peak_memory());
    laps.steps.push(("rest", laps.last.elapsed()));
    for (step, time) in laps.steps {
        println!("    {step:<10} {:9.3} s", time.as_secs_f64());
    }
}

/// Makes the system stop this process when it has used too much.
fn limit() {
    for (resource, most) in LIMITS {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: the call reads the struct that it is given.
        assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0, "limits can be lowered");
    }
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
    last: Instant,
    steps: Vec<(&'static str, Duration)>,
}

impl Observer for Laps {
    fn after(&mut self, step: Step, _: State<'_>) {
        let now = Instant::now();
        let time = now - std::mem::replace(&mut self.last, now);
        match self.steps.iter_mut().find(|(name, _)| *name == step.name()) {
            Some((_, sum)) => *sum += time,
            None => self.steps.push((step.name(), time)),
        }
    }
}
