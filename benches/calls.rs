//! What a call of a kernel costs, beside other ways to run the same instruction.
//!
//! `cargo bench --bench calls`. All rows of a table are measured in turn, many rounds of one run; the
//! median of each is printed, and its ratio to the first row.

#![cfg(target_arch = "x86_64")]

use peach_runtime::peach_fn;
use std::arch::{asm, global_asm};
use std::hint::black_box;
use std::time::Instant;

peach_fn! {
    fn add_mapped(a: u64, b: u64) -> u64 { add a, b; return a; }

    #[embed = "text"]
    fn add_in_text(a: u64, b: u64) -> u64 { add a, b; return a; }
}

#[inline]
fn add_inlined(a: u64, b: u64) -> u64 {
    let sum;
    // An instruction that the optimiser cannot fold over the loop, as it cannot fold a call.
    // SAFETY: it adds.
    unsafe {
        asm!("lea {}, [{} + {}]", out(reg) sum, in(reg) a, in(reg) b,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

#[inline(never)]
extern "C" fn add_in_rust(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}

global_asm!(
    ".p2align 6",
    "peach_bench_add:",
    "lea rax, [rdi + rsi]",
    "ret",
    ".type peach_bench_add,@function",
    ".size peach_bench_add, . - peach_bench_add",
    ".globl peach_bench_add",
);

unsafe extern "sysv64" {
    safe fn peach_bench_add(a: u64, b: u64) -> u64;
}

/// What an author would write by hand around the same code.
#[inline]
fn add_by_hand(a: u64, b: u64) -> u64 {
    let sum;
    // SAFETY: the code above clobbers rax alone.
    unsafe {
        asm!("call {}", sym peach_bench_add, in("rdi") a, in("rsi") b, lateout("rax") sum,
            options(nomem, preserves_flags));
    }
    sum
}

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    first_use();
    bare_calls();
    if is_x86_feature_detected!("avx") {
        // SAFETY: the CPU has AVX.
        unsafe { calls_among_live_vectors() };
    }
}

/// The first kernel maps all; the others are there then.
fn first_use() {
    let start = Instant::now();
    black_box(add_mapped(1, 2));
    let first = start.elapsed();
    let start = Instant::now();
    black_box(add_in_text(1, 2));
    println!("first use: map {first:?} (CPU detection included), text {:?}\n", start.elapsed());
}

/// One row of a table: its name and a run of `CALLS` calls.
type Row<'a> = (&'a str, &'a dyn Fn());

const CALLS: u32 = 20_000;
const ROUNDS: usize = 301;

/// Measures the rows in turn and prints the median of each.
fn table(title: &str, rows: &[Row<'_>]) {
    let mut times = vec![Vec::with_capacity(ROUNDS); rows.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in rows.iter().zip(&mut times) {
            let start = Instant::now();
            run();
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    println!("{title}");
    let mut first = 0.0;
    for ((name, _), times) in rows.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[ROUNDS / 2];
        if first == 0.0 {
            first = median;
        }
        println!("  {name:<38} {median:>7.3} ns  {:>5.2}", median / first);
    }
    println!();
}

/// A chain of calls, each waiting for the one before.
macro_rules! chain {
    ($call:expr) => {
        &|| {
            let mut sum = 0;
            for _ in 0..CALLS {
                sum = $call(sum, 1);
            }
            black_box(sum);
        }
    };
}

fn bare_calls() {
    let pointer = add_mapped::KERNEL.get();
    let pointer = black_box(pointer);
    table(
        "a call, each waiting for the one before",
        &[
            ("inlined", chain!(add_inlined)),
            ("extern \"C\" function", chain!(add_in_rust)),
            ("text", chain!(add_in_text)),
            ("by hand: asm!(\"call\")", chain!(add_by_hand)),
            ("assembly function", chain!(peach_bench_add)),
            ("map", chain!(add_mapped)),
            ("function pointer", chain!(pointer)),
        ],
    );
}

/// Calls with eight vectors alive around each.
macro_rules! among_vectors {
    ($call:expr) => {
        &|| {
            #[target_feature(enable = "avx")]
            fn run(call: impl Fn(u64, u64) -> u64) {
                use std::arch::x86_64::*;
                let one = _mm256_set1_ps(black_box(1.0));
                let mut live = [_mm256_setzero_ps(); 8];
                let mut sum = 0;
                for _ in 0..CALLS {
                    for vector in &mut live {
                        *vector = _mm256_add_ps(*vector, one);
                    }
                    sum = call(sum, 1);
                }
                black_box((live, sum));
            }
            // SAFETY: the caller has AVX.
            run($call)
        }
    };
}

#[target_feature(enable = "avx")]
fn calls_among_live_vectors() {
    let pointer = black_box(add_mapped::KERNEL.get());
    table(
        "a call with eight live ymm registers around it",
        &[
            ("inlined", among_vectors!(add_inlined)),
            ("extern \"C\" function", among_vectors!(|a, b| add_in_rust(a, b))),
            ("text", among_vectors!(add_in_text)),
            ("by hand: asm!(\"call\")", among_vectors!(add_by_hand)),
            ("assembly function", among_vectors!(|a, b| peach_bench_add(a, b))),
            ("map", among_vectors!(add_mapped)),
            ("function pointer", among_vectors!(|a, b| pointer(a, b))),
        ],
    );
}
