//! Random kernels with secrets, judged by the compiler and then executed with different secrets: of
//! one that is accepted neither the branches, nor the addresses, nor what it leaves in public
//! memory may differ.
//!
//! `PEACH_RANDOM_SECRETS=N` sets how many; `PEACH_SEED=S` shows and runs the one with that seed.

mod generate;
mod program;
mod run;

use peach_compiler::abi::SYSV64;
use peach_compiler::analysis::{Facts, Uses, verify};
use peach_compiler::diagnostics::{Code, Diagnostics, Severity};
use peach_compiler::passes::bind_arguments;
use peach_compiler::{expand, syntax};
use peach_testing::Random;
use program::Program;
use run::{Inputs, observed};

/// Whether the compiler accepts a kernel; panics where it finds another fault than a leak.
fn is_accepted(text: &str) -> bool {
    let tokens = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    let program = expand::expand(&file, &SYSV64, &mut diagnostics);
    for version in program.kernels.into_iter().flat_map(|group| group.versions) {
        let mut function = version.function;
        bind_arguments(&mut function);
        let facts = Facts::of(&function);
        verify(&Uses::of(&function, &facts).unwrap(), &mut diagnostics);
    }
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity() == Severity::Error).collect();
    let is_leak = |code| matches!(code, Code::SecretLeak | Code::SecretTiming | Code::SecretStored);
    let other = errors.iter().find(|d| !is_leak(d.code));
    assert!(other.is_none(), "{}\nof\n{text}", other.map_or("", |d| &d.message));
    errors.is_empty()
}

/// Two inputs that differ in their secrets and are told apart, if any are found.
fn distinguished(program: &Program, rng: &mut Random) -> Option<(Inputs, Inputs)> {
    for _ in 0..8 {
        let one = Inputs::random(rng);
        let first = observed(program, &one);
        for _ in 0..4 {
            let other = one.with_other_secrets(rng);
            if observed(program, &other) != first {
                return Some((one, other));
            }
        }
    }
    None
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn accepted_kernels_show_nothing_of_their_secrets() {
    let seeds = match number("PEACH_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PEACH_RANDOM_SECRETS").unwrap_or(2000),
    };
    let (mut accepted, mut leaking, mut refused) = (0, 0, 0);
    for seed in seeds.clone() {
        let mut rng = Random::new(seed);
        let program = generate::program(&mut rng);
        let text = program.text();
        if seeds.end - seeds.start == 1 {
            println!("{text}");
        }
        let told_apart = distinguished(&program, &mut rng);
        if is_accepted(&text) {
            accepted += 1;
            if let Some((one, other)) = told_apart {
                panic!("PEACH_SEED={seed}: {one:?} and {other:?} differ in\n{text}");
            }
        } else {
            refused += 1;
            leaking += u64::from(told_apart.is_some());
        }
    }
    println!("{accepted} accepted, {refused} refused, of which {leaking} leak when they run");
    if seeds.end - seeds.start >= 1000 {
        assert!(accepted * 4 > refused, "most were refused");
        assert!(leaking * 4 > refused, "execution finds few of the leaks: {leaking} of {refused}");
    }
}
