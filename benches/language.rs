//! The examples of the language's larger constructs, against what rustc makes of the same loops:
//! one body at three vector widths with dispatch and fallback, a pipelined loop of streams, a
//! family of packing kernels.
//!
//! `cargo bench --bench language`. All rows of a table are measured in turn, many rounds of one
//! run; the median of each is printed, and its ratio to the first row.
//!
//! On an AMD EPYC, two cores shared with other work: the dot product of 4096 floats takes 3308 ns
//! in plain Rust, 229 in Rust for AVX2 with 64 sums, 299, 202 and 223 in the kernels of 16, 32 and
//! 64 bytes; that of 1024 doubles 798 in plain Rust and 94 pipelined; packing 128 numbers to 7 bits
//! 34.8 in Rust and 19.8 in the kernel, which unpacks them in 25.7. (rustc may not reorder the
//! plain sums, which is why they are slow.)

#![cfg(target_arch = "x86_64")]

#[expect(dead_code, reason = "it is a program of its own")]
#[path = "../examples/bitpack.rs"]
mod bitpack;
#[expect(dead_code, reason = "it is a program of its own")]
#[path = "../examples/pipelined.rs"]
mod pipelined;
#[expect(dead_code, reason = "it is a program of its own")]
#[path = "../examples/widths.rs"]
mod widths;

use std::hint::black_box;
use std::time::Instant;

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    one_body_at_three_widths();
    streams();
    packing();
}

/// One row of a table: its name and a run of [`CALLS`] calls.
type Row<'a> = (&'a str, Box<dyn Fn() + 'a>);

const CALLS: u32 = 200;
const ROUNDS: usize = 301;

/// Measures the rows in turn and prints the median of each.
fn table(title: &str, rows: Vec<Row<'_>>) {
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
        println!("  {name:<44} {median:>9.1} ns  {:>5.2}", median / first);
    }
    println!();
}

fn repeated<'a>(run: impl Fn() + 'a) -> Box<dyn Fn() + 'a> {
    Box::new(move || (0..CALLS).for_each(|_| run()))
}

/// Sums in 64 parts, which rustc can vectorise: a sum in one part it may not reorder.
#[inline(always)]
fn in_parts(x: &[f32], y: &[f32]) -> f32 {
    let mut sums = [0.0; 64];
    for (x, y) in x.chunks_exact(64).zip(y.chunks_exact(64)) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum = x.mul_add(*y, *sum);
        }
    }
    sums.iter().sum()
}

#[target_feature(enable = "avx2,fma")]
fn in_parts_avx2(x: &[f32], y: &[f32]) -> f32 {
    in_parts(x, y)
}

fn one_body_at_three_widths() {
    let x: Vec<f32> = (0..4096).map(|i| (i % 11) as f32).collect();
    let y: Vec<f32> = (0..4096).map(|i| (i % 7) as f32).collect();
    let row = |dot: fn(&[f32], &[f32]) -> f32| {
        let (x, y) = (&x, &y);
        repeated(move || {
            black_box(dot(black_box(x), black_box(y)));
        })
    };
    let mut rows = vec![("plain Rust, the fallback", row(widths::plain))];
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor has both.
        rows.push(("Rust for AVX2, in 64 sums", row(|x, y| unsafe { in_parts_avx2(x, y) })));
    }
    if widths::dot_xmm::KERNEL.is_supported() {
        rows.push(("kernel, xmm", row(widths::dot_xmm)));
    }
    if widths::dot_ymm::KERNEL.is_supported() {
        rows.push(("kernel, ymm", row(widths::dot_ymm)));
    }
    if widths::dot_zmm::KERNEL.is_supported() {
        rows.push(("kernel, zmm", row(widths::dot_zmm)));
    }
    rows.push(("kernel, the version that is dispatched to", row(widths::dot)));
    table("dot product of 4096 floats", rows);
}

fn streams() {
    if !pipelined::pipelined::KERNEL.is_supported() {
        return;
    }
    let x: Vec<f64> = (0..1024).map(|i| f64::from(i % 11)).collect();
    let y: Vec<f64> = (0..1024).map(|i| f64::from(i % 7)).collect();
    let (x, y) = (&x, &y);
    let plain = move || {
        let sum: f64 = black_box(x).iter().zip(black_box(y)).map(|(x, y)| x * y).sum();
        black_box(sum);
    };
    let kernel = move || {
        black_box(pipelined::pipelined(black_box(x), black_box(y)));
    };
    table(
        "dot product of 1024 doubles",
        vec![("plain Rust", repeated(plain)), ("kernel, pipelined by streams", repeated(kernel))],
    );
}

/// What one would write in Rust for one width: shifts that are known when it is compiled.
fn pack_in_rust<const B: u32>(input: &[u32; 128], output: &mut [u32; 128]) {
    let (mut word, mut bit, mut written) = ([0; 4], 0, 0);
    for values in input.chunks_exact(4) {
        let values: [u32; 4] = std::array::from_fn(|lane| values[lane] & ((1 << B) - 1));
        word = std::array::from_fn(|lane| word[lane] | values[lane] << bit);
        bit += B;
        if bit >= 32 {
            output[written..written + 4].copy_from_slice(&word);
            written += 4;
            bit -= 32;
            word = if bit == 0 { [0; 4] } else { values.map(|value| value >> (B - bit)) };
        }
    }
}

fn packing() {
    let input = [5; 128];
    let row = |pack: fn(&[u32; 128], &mut [u32; 128])| {
        repeated(move || {
            let mut output = [0; 128];
            pack(black_box(&input), &mut output);
            black_box(output);
        })
    };
    table(
        "packing 128 numbers to 7 bits each",
        vec![
            ("Rust", row(pack_in_rust::<7>)),
            ("kernel pack_7", row(bitpack::pack_7)),
            ("kernel unpack_7", row(bitpack::unpack_7)),
        ],
    );
}
