//! What the compiler allocates grows in proportion to what a kernel file says, or the compiler
//! stops at an error: four times as much of any kind takes little more than four times the memory,
//! at its peak and in all. (`cargo test --bench scaling` shows time as well.)

#[path = "../benches/scaling/kinds/mod.rs"]
mod kinds;

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Code, Severity};
use peach_compiler::pipeline;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, with an account.
struct Counting;

static ALIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let alive = ALIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(alive, Relaxed);
        TOTAL.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the promises of `dealloc`, and the memory is from the system.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes at the peak and in all.
fn allocated(source: &str) -> [usize; 2] {
    let tokens = source.parse().expect("tokens");
    let before = ALIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let total = TOTAL.load(Relaxed);
    drop(pipeline::compile(tokens, &SYSV64));
    [PEAK.load(Relaxed) - before, TOTAL.load(Relaxed) - total]
}

/// Tests in one process share the account.
static LOCK: Mutex<()> = Mutex::new(());

#[test]
fn four_times_as_much_takes_four_times_the_memory() {
    const SMALL: usize = 100;
    let _lock = LOCK.lock();
    let mut failures = Vec::new();
    for (kind, source) in kinds::all() {
        if [&STOPPED[..], &STOPPED_PROOFS, &PAIRS].concat().contains(kind) {
            continue;
        }
        // What is computed once per process is not what is measured.
        allocated(&source(20));
        let [small, large] = [SMALL, 4 * SMALL].map(|count| allocated(&source(count)));
        for (what, small, large) in [("peak", small[0], large[0]), ("all", small[1], large[1])] {
            let growth = large as f64 / small as f64;
            println!("{kind:<22} {what:<5} {:>9} KB, times {growth:.1}", large / 1024);
            if growth > 6.0 {
                failures.push(format!("{kind}: {what} grows {growth:.1} times"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Values times blocks, and jumps times their targets: stopped at
/// [`peach_compiler::analysis::MOST_LIVE`].
const STOPPED: [&str; 5] = [
    "values over blocks",
    "unwritten branches",
    "gathers of far masks",
    "arguments in loops",
    "jumps by one table",
];

/// What is known times where it is known: stopped when a proof has taken so many steps.
const STOPPED_PROOFS: [&str; 4] = ["compared accesses", "regions", "plain variables", "invariants"];

/// Copies of one value that are all live, times the places that hold it: pairs, whatever is done.
const PAIRS: [&str; 1] = ["copies spilled"];

/// A kind that an error stops from the start would measure nothing.
#[test]
fn a_few_of_each_kind_are_accepted() {
    let _lock = LOCK.lock();
    let mut failures = Vec::new();
    for (kind, source) in kinds::accepted() {
        let compilation = pipeline::compile(source(12).parse().expect("tokens"), &SYSV64);
        let errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
        failures.extend(errors.map(|error| format!("{kind}: {}", error.message)));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn what_grows_with_a_square_is_stopped() {
    let _lock = LOCK.lock();
    for (kind, source) in kinds::all().filter(|(kind, _)| STOPPED.contains(kind)) {
        let compilation = pipeline::compile(source(3000).parse().expect("tokens"), &SYSV64);
        let codes: Vec<Code> = compilation.diagnostics.iter().map(|error| error.code).collect();
        assert_eq!(codes, [Code::TooLarge], "{kind}");
    }
}
