//! The source of programs with many kernels.

/// A program with so many kernels in an embedding, each of which it calls once. It prints, in this
/// order: how long the first call takes, and how long the others take on average, in nanoseconds;
/// how many kilobytes of memory the process has before and after.
pub fn program(count: usize, embed: &str) -> String {
    let names: String = (1..=count).map(|n| format!("k_{n},")).collect();
    let kernels: String =
        (1..=count).step_by(FAMILY).map(|first| family(first, count, embed)).collect();
    format!(
        r#"
use peach_runtime::peach_fn;
use std::hint::black_box;
use std::time::Instant;

{kernels}
static ALL: [fn(u64, u64) -> u64; {count}] = [{names}];

/// The kilobytes of this process that are in memory.
fn resident() -> u64 {{
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}}

fn check(n: usize, kernel: fn(u64, u64) -> u64) {{
    let n = n as u64 + 1;
    assert_eq!(kernel(black_box(3), 5), (3 + 40 + n) * 5 ^ n);
}}

fn main() {{
    let before = resident();
    let start = Instant::now();
    check(0, ALL[0]);
    let first = start.elapsed().as_nanos();
    let start = Instant::now();
    ALL.iter().enumerate().skip(1).for_each(|(n, kernel)| check(n, *kernel));
    let others = start.elapsed().as_nanos() / (ALL.len() as u128 - 1).max(1);
    println!("{{first}} {{others}} {{before}} {{}}", resident());
}}
"#
    )
}

/// How many kernels a macro has.
const FAMILY: usize = 500;

/// The kernels from `first` to the last of its macro, or to `last`.
fn family(first: usize, last: usize, embed: &str) -> String {
    let last = last.min(first + FAMILY - 1);
    format!(
        r#"
peach_fn! {{
    for N in {first}..={last} {{
        #[embed = "{embed}"]
        fn k_{{N}}(a: u64, b: u64) -> u64 {{
            lea a, [a + 8*b + N];
            imul a, b;
            xor a, N;
            return a;
        }}
    }}
}}
"#
    )
}
