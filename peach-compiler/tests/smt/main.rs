//! Z3 checks the proofs of memory safety.
//!
//! For every kernel that the compiler accepts, what has to hold between the places that the judge's
//! certificate speaks of is written down anew, from the instructions: in words of 64 bits, by code
//! that shares nothing with the proof. Z3 looks for values under which it does not hold. For what
//! the judge accepted, it must never find any. What the judge did not show and Z3 does is counted:
//! that is how incomplete the judge is.

mod conditions;
#[path = "../../../tests/loops/generator.rs"]
mod generator;
mod instructions;
mod kernels;
mod machine;
mod obligations;
mod regions;
mod script;
#[path = "../../../tests/loops/shapes.rs"]
mod shapes;
mod solver;
mod sums;
#[path = "../proof/table.rs"]
mod table;
mod witness;

use obligations::{Check, What};
use peach_compiler::abi::SYSV64;
use peach_compiler::analysis::{Facts, record};
use peach_compiler::ir::Function;
use peach_compiler::pipeline::{Observer, State, Step, compile_observed};
use peach_testing::tools;
use solver::{Answer, Solver};
use std::fmt::Write;

/// How long Z3 may think about one obligation.
const MILLISECONDS: u32 = 2_000;

/// What came of many kernels.
#[derive(Default)]
struct Total {
    kernels: usize,
    accesses: usize,
    claims: usize,
    not_modeled: usize,
    unknown: usize,
    /// Accesses that the judge did not show, and Z3 does.
    shown_by_z3: usize,
    /// Accesses that neither shows.
    open: usize,
    faults: String,
}

/// Checks the functions that a compilation passes by.
struct Checker<'a> {
    name: &'a str,
    solver: &'a mut Solver,
    total: &'a mut Total,
}

impl Observer for Checker<'_> {
    fn after(&mut self, _: Step, state: State<'_>) {
        if let State::Facts(function, facts) = state
            && !function.options.unsafe_fn
            && !function.insts.iter().all(|inst| inst.in_unsafe)
        {
            check(self.name, function, facts, self.solver, self.total);
        }
    }
}

fn check(name: &str, function: &Function, facts: &Facts, solver: &mut Solver, total: &mut Total) {
    let record = record::of(function, facts, record::Extent::Least);
    if !record.holds {
        total.open += record.asked.len();
        return;
    }
    let mut check = Check::new(function, facts, &record, solver);
    check.run();
    total.kernels += 1;
    total.accesses += check.count.accesses;
    total.claims += check.count.claims;
    total.not_modeled += check.count.not_modeled;
    let mut still_open = record.open.clone();
    for finding in check.findings {
        if let What::Access(access) = &finding.what
            && record.open.contains(access)
        {
            total.open += usize::from(still_open.contains(access));
            still_open.retain(|other| other != access);
            continue;
        }
        match finding.answer {
            Answer::Satisfiable => {
                let _ = writeln!(
                    total.faults,
                    "{name}, `{}`: {:?}, {} with {}",
                    function.name, finding.what, finding.term, finding.model
                );
            }
            Answer::Unknown | Answer::Unsatisfiable => total.unknown += 1,
        }
    }
    total.shown_by_z3 += still_open.len();
}

fn run(kernels: impl Iterator<Item = (String, String)>) -> Option<Total> {
    if !tools::have(&["z3"]) {
        return None;
    }
    let mut solver = Solver::start(MILLISECONDS);
    let mut total = Total::default();
    for (name, source) in kernels {
        let Ok(tokens) = source.parse() else { continue };
        let mut checker = Checker { name: &name, solver: &mut solver, total: &mut total };
        compile_observed(tokens, &SYSV64, &mut checker);
    }
    println!(
        "{} kernels, {} accesses, {} claims, {} scripts; {} not modeled, {} unknown; the judge does \
         not show {} accesses, of which Z3 shows {}",
        total.kernels,
        total.accesses,
        total.claims,
        solver.asked,
        total.not_modeled,
        total.unknown,
        total.open + total.shown_by_z3,
        total.shown_by_z3
    );
    Some(total)
}

/// The loops of the suites.
#[test]
fn suites() {
    let shapes = table::shapes().into_iter().map(|shape| {
        (format!("{} {}", shape.function, shape.name), shape.kernel("sysv64", &shape.body))
    });
    let Some(total) = run(kernels::in_literals("tests/proof").chain(shapes)) else { return };
    assert!(total.faults.is_empty(), "{}", total.faults);
    assert!(total.kernels > 20);
    // What is refused is there to be wrong: Z3 must be able to say so.
    assert!(total.open > 0);
}

/// The kernels of examples, benchmarks, documents and tests.
#[test]
fn repository() {
    let Some(total) = run(kernels::of_repository()) else { return };
    assert!(total.faults.is_empty(), "{}", total.faults);
    assert!(total.kernels > 20);
}

/// Random loops: `PEACH_SMT_LOOPS=N` sets how many.
#[test]
fn random_loops() {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse().ok());
    let count = number("PEACH_SMT_LOOPS").unwrap_or(40);
    let first = number("PEACH_SEED").unwrap_or(1);
    let loops = first..first + count;
    let loops = loops.map(|seed| (seed.to_string(), generator::Generator::kernel(seed).0));
    let Some(total) = run(loops) else { return };
    assert!(total.faults.is_empty(), "{}", total.faults);
}
