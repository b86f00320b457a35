//! How long compilation takes, stage by stage, for 1,000, 10,000 and 100,000 instructions, with one
//! virtual register for twenty instructions, and for 5,000 basic blocks.
//!
//! Macros run without optimization in their users' builds, so the figures that count are those of
//! `cargo test --bench compile`; `cargo bench --bench compile` shows the optimized ones.

use peach_compiler::abi::SYSV64;
use peach_compiler::analysis::{self, Facts};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::{check, encode, expand, frame, passes, regalloc, syntax};
use proc_macro2::TokenStream;
use std::fmt::Write;
use std::time::Duration;

/// 10,000 instructions with 500 virtual registers take less than this in all; twice as much fails,
/// so that a busy machine does not.
const LIMIT: Duration = Duration::from_millis(400);

fn main() {
    println!(
        "{:>14} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}   (ms)",
        "instructions",
        "syntax",
        "expand",
        "analyze",
        "allocate",
        "lower",
        "check",
        "encode",
        "all"
    );
    // What is computed once per process is not what is measured.
    times(&long_kernel(100));
    for instructions in [1_000, 10_000, 100_000] {
        let times = times(&long_kernel(instructions));
        show(&instructions.to_string(), &times);
        let all: Duration = times.iter().sum();
        assert!(instructions != 10_000 || all < 2 * LIMIT, "10,000 instructions take {all:?}");
    }
    show("5,000 blocks", &times(&diamonds(5_000)));
}

fn show(name: &str, times: &[Duration]) {
    let all: Duration = times.iter().sum();
    print!("{name:>14}");
    for time in times.iter().chain([&all]) {
        print!(" {:8.1}", time.as_secs_f64() * 1e3);
    }
    println!();
}

/// A kernel of this many instructions: a window of ten live values that moves through the
/// registers, loops and forward branches between.
fn long_kernel(instructions: usize) -> String {
    let registers = instructions / 20;
    let mut body = String::new();
    for n in 0..instructions {
        let newest = n / 20;
        let pick = |salt: usize| name(newest - (n * salt / 7 % 10).min(newest));
        let (newest, one, other) = (name(newest), pick(3), pick(5));
        match n % 20 {
            0 => {
                let _ = writeln!(body, "mov {newest}, [p + {}];", n % 4096);
            }
            5 if n % 100 == 5 => {
                let _ = writeln!(body, "'l{n}: add {newest}, p;");
            }
            15 if n % 100 == 15 => {
                let _ = writeln!(body, "jnz 'l{};", n - 10);
            }
            _ => {
                let _ = writeln!(body, "add {one}, {other};");
            }
        }
    }
    let last = name(registers - 1);
    let mut arrays = String::new();
    for start in (0..registers).step_by(ARRAY) {
        let _ = write!(arrays, "let v{}: [gp64; {}];", start / ARRAY, ARRAY.min(registers - start));
    }
    format!("unsafe fn long(p: *const u64) -> u64 {{ {arrays} {body} return {last}; }}")
}

/// Registers are declared in arrays of so many.
const ARRAY: usize = 1000;

fn name(register: usize) -> String {
    format!("v{}[{}]", register / ARRAY, register % ARRAY)
}

/// So many branches around one instruction.
fn diamonds(count: usize) -> String {
    let mut body = String::new();
    for n in 0..count / 2 {
        let _ = writeln!(body, "test x, x; jz 'l{n}; add x, {n}; 'l{n}:");
    }
    format!("fn diamonds(x: u64) -> u64 {{ {body} return x; }}")
}

/// The processor time of this thread: what other programs do meanwhile does not count.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct that it is given.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "the clock of the thread");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time of each stage.
fn times(source: &str) -> Vec<Duration> {
    let tokens: TokenStream = source.parse().expect("tokens");
    let mut diagnostics = Diagnostics::new();
    let mut times = Vec::new();
    let mut last = cpu_time();
    let mut lap = || {
        let now = cpu_time();
        times.push(now - last);
        last = now;
    };
    let file = syntax::parse(tokens, &mut diagnostics);
    lap();
    let mut program = expand::expand(&file, &SYSV64, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().next());
    let mut function = program.kernels.remove(0).versions.remove(0).function;
    lap();
    passes::bind_arguments(&mut function);
    let facts = Facts::of(&function);
    let Ok(uses) = analysis::Uses::of(&function, &facts) else { panic!("no local functions") };
    analysis::verify(&uses, &mut diagnostics);
    lap();
    let allocation = regalloc::allocate(&function, &facts).expect("ten of fifteen registers");
    lap();
    let lowered = frame::lower(&function, &facts, &allocation);
    lap();
    check::check(&function, &facts.effects, &lowered).expect("a faithful rendering");
    lap();
    let encoded = encode::encode(&lowered, &function.features, &mut diagnostics);
    lap();
    assert!(encoded.is_some() && !diagnostics.has_errors(), "{:?}", diagnostics.iter().next());
    times
}
