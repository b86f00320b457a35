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
use std::fmt::{self, Display, Formatter};
use std::io::Write;
use std::sync::Mutex;
use std::thread;

/// How long Z3 may think about one obligation.
const MILLISECONDS: u32 = 2_000;

/// After how many kernels it is said how far a run has come.
const PROGRESS: usize = 500;

/// What came of many kernels.
#[derive(Default)]
struct Total {
    kernels: usize,
    scripts: u64,
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

impl Total {
    fn add(&mut self, other: Total) {
        self.kernels += other.kernels;
        self.scripts += other.scripts;
        self.accesses += other.accesses;
        self.claims += other.claims;
        self.not_modeled += other.not_modeled;
        self.unknown += other.unknown;
        self.shown_by_z3 += other.shown_by_z3;
        self.open += other.open;
        self.faults.push_str(&other.faults);
    }
}

impl Display for Total {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kernels, {} accesses, {} claims, {} scripts; {} not modeled, {} unknown; the judge \
             does not show {} accesses, of which Z3 shows {}",
            self.kernels,
            self.accesses,
            self.claims,
            self.scripts,
            self.not_modeled,
            self.unknown,
            self.open + self.shown_by_z3,
            self.shown_by_z3
        )
    }
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
                total.faults.push_str(&format!(
                    "{name}, `{}`: {:?}, {} with {}\n",
                    function.name, finding.what, finding.term, finding.model
                ));
            }
            Answer::Unknown | Answer::Unsatisfiable => total.unknown += 1,
        }
    }
    total.shown_by_z3 += still_open.len();
}

/// Checks kernels, as many at a time as there are processors.
fn run(kernels: impl Iterator<Item = (String, String)> + Send) -> Option<Total> {
    if !tools::have(&["z3"]) {
        return None;
    }
    // Each test uses all processors, so they take turns: Z3 has a limit of time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().expect("no test has panicked here");
    let (kernels, total) = (Mutex::new(kernels), Mutex::new(Total::default()));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| work(&kernels, &total));
        }
    });
    let total = total.into_inner().expect("no worker has panicked");
    println!("{total}");
    Some(total)
}

/// Checks kernels until there are no more.
fn work(kernels: &Mutex<impl Iterator<Item = (String, String)>>, total: &Mutex<Total>) {
    let mut solver = Solver::start(MILLISECONDS);
    loop {
        let next = kernels.lock().expect("no worker has panicked").next();
        let Some((name, source)) = next else { return };
        let mut found = Total::default();
        let asked = solver.asked;
        if let Ok(tokens) = source.parse() {
            let mut checker = Checker { name: &name, solver: &mut solver, total: &mut found };
            compile_observed(tokens, &SYSV64, &mut checker);
        }
        found.scripts = solver.asked - asked;
        report(found, &mut total.lock().expect("no worker has panicked"));
    }
}

/// Adds what was found. Faults and progress are written at once and past the test's captured
/// output: a long run that is stopped has said what it found.
fn report(found: Total, total: &mut Total) {
    let before = total.kernels;
    let faults = found.faults.clone();
    total.add(found);
    let is_due = total.kernels / PROGRESS > before / PROGRESS;
    let mut output = std::io::stderr();
    if !faults.is_empty() {
        let _ = write!(output, "{faults}");
    }
    if is_due {
        let _ = writeln!(output, "so far: {total}");
    }
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

/// Loops for which a long run had found no values of the symbols on an edge, although the judge had.
const WITNESSES: [(&str, &str); 2] = [
    // What `b` held before the first instruction that touches it, where a later one writes it.
    (
        "first touched",
        "fn k(a: u64, b: u64) -> u64 {
            let n: gp64 = 0;
            'l: add n, b; mov b.gp32, b.gp32; cmp b, a; jge 'l;
            return n;
        }",
    ),
    // A symbol that is no longer claimed still had values, which its bounds did not allow.
    (
        "no longer claimed",
        "fn k(x: &[u8], a: u64, b: u64) -> u64 {
            let n: gp64; let t: gp64 = 0; mov n, x.len;
            sub b.gp32, 4;
            or n, a;
            cmp x.len.gp32, n.gp32; jae 'l;
            movzx a.gp32, x.len.gp8;
            movzx t.gp32, byte [x.ptr + x.len + 11];
            'l: add b.gp8, 7;
            cmp n, n; jae 'm;
            movzx t.gp32, byte [x.ptr + n];
            'm: return t;
        }",
    ),
];

#[test]
fn witnesses() {
    let kernels = WITNESSES.map(|(name, source)| (name.to_string(), source.to_string()));
    let Some(total) = run(kernels.into_iter()) else { return };
    assert!(total.faults.is_empty(), "{}", total.faults);
    assert_eq!(total.kernels, WITNESSES.len());
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
