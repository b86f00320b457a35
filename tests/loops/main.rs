//! Random loops in plain code: whatever is accepted stays inside of its slices.
//!
//! Each kernel that the compiler accepts runs on slices that end, and on slices that begin, beside
//! memory that can neither be read nor written, for lengths from 0 on and for numbers at all corners.
//! A kernel that touches what it must not is killed, and with it the process that it runs in; one that
//! does not come back is stopped. What lies outside of the slices, as far as it can be touched, has a
//! pattern and is compared. `PEACH_RANDOM_LOOPS=N` sets how many kernels there are, `PEACH_SEED=S`
//! prints and runs the one with that seed alone.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod generator;
mod mutants;
mod repository;
mod shapes;
#[path = "../../peach-compiler/tests/proof/table.rs"]
mod table;

use generator::Generator;
use peach_runtime::jit;
use peach_testing::guarded::Guarded;

type Kernel = unsafe extern "C" fn(*const u8, usize, *mut u8, usize, u64, u64) -> u64;

const LENGTHS: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40, 300];

fn corners(len: usize) -> [u64; 10] {
    let len = len as u64;
    [0, 1, len.wrapping_sub(1), len, len + 1, 7, 1 << 31, u64::from(u32::MAX), 1 << 63, u64::MAX]
}

/// What a slice of `len` bytes holds.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 37 + len) as u8).collect()
}

/// Runs a kernel on everything; in a process of its own.
fn run_all(kernel: Kernel, size: usize, lengths: &[usize]) -> bool {
    let (mut x, mut y) = (Guarded::new(), Guarded::new());
    for (round, &len) in lengths.iter().enumerate() {
        let other = lengths[(round * 5 + 3) % lengths.len()];
        for (number, &a) in corners(len).iter().enumerate() {
            for at_end in [true, false] {
                let b = corners(other)[(number * 3 + round) % 10];
                let p = x.place(&content(size * len), at_end);
                let q = y.place(&content(size * other), at_end);
                // SAFETY: that is what is to be shown.
                unsafe { kernel(p, len, q, other, a, b) };
                if !x.is_intact(size * len, at_end) || !y.is_intact(size * other, at_end) {
                    return false;
                }
            }
        }
    }
    true
}

/// How a process that ran a kernel ended.
#[derive(Debug, PartialEq)]
enum End {
    Harmless,
    Endless,
    Harmful(i32),
}

fn in_a_process(kernel: Kernel, size: usize, lengths: impl IntoIterator<Item = usize>) -> End {
    let lengths: Vec<usize> = lengths.into_iter().collect();
    isolated(|| run_all(kernel, size, &lengths))
}

/// How a process ends that calls `run`, which answers whether nothing was harmed, and leaves.
fn isolated(run: impl FnOnce() -> bool) -> End {
    // SAFETY: the child calls what it has been given and leaves.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            let limit = libc::itimerval {
                it_interval: std::mem::zeroed(),
                it_value: libc::timeval { tv_sec: 0, tv_usec: 200_000 },
            };
            libc::setitimer(libc::ITIMER_VIRTUAL, &raw const limit, std::ptr::null_mut());
            libc::_exit(i32::from(!run()));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        match (libc::WIFSIGNALED(status), libc::WTERMSIG(status)) {
            (true, libc::SIGVTALRM) => End::Endless,
            (true, signal) => End::Harmful(signal),
            _ if status != 0 => End::Harmful(0),
            _ => End::Harmless,
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn accepted_loops_stay_inside() {
    let (first, count) = match number("PEACH_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("PEACH_RANDOM_LOOPS").unwrap_or(400)),
    };
    let (mut accepted, mut refused, mut endless) = (0, 0, 0);
    for seed in first..first + count {
        let (text, size) = Generator::kernel(seed);
        if count == 1 {
            println!("{text}");
        }
        let function = match jit::compile::<Kernel>(&text) {
            Ok(function) => function,
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("E0501") || error.contains("E0502"),
                    "{seed}: {text}\n{error}"
                );
                refused += 1;
                continue;
            }
        };
        accepted += 1;
        // SAFETY: it is called in another process.
        match in_a_process(unsafe { function.pointer() }, size, LENGTHS) {
            End::Harmless => {}
            End::Endless => endless += 1,
            End::Harmful(signal) => panic!("seed {seed}, signal {signal}:\n{text}"),
        }
    }
    println!("{accepted} accepted, of which {endless} do not end; {refused} refused");
    assert!(count == 1 || accepted * 3 >= count, "only {accepted} of {count} are accepted");
}
