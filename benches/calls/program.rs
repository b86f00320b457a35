//! Measures the calls of the functions in `callees`, of this crate (`own`) and of another one.

use callees as other;
use std::hint::black_box;
use std::time::Instant;

unsafe extern "sysv64" {
    safe fn linked_add(a: u64, b: u64) -> u64;
}

type Pointer = extern "C" fn(u64, u64) -> u64;

/// The kernel's bytes in a mapping of their own, as an assembler that works at run time leaves
/// them: whoever uses it calls through a function pointer.
fn transmuted_mapping() -> Pointer {
    unsafe extern "C" {
        fn mmap(at: usize, len: usize, protection: i32, flags: i32, file: i32, from: i64) -> *mut u8;
        fn mprotect(at: *mut u8, len: usize, protection: i32) -> i32;
    }
    let code = b"\x48\x01\xf7\x48\x89\xf8\xc3";
    // SAFETY: a fresh anonymous mapping, written before it is made executable; its bytes are a
    // function of this type.
    unsafe {
        let base = mmap(0, 4096, 3, 0x22, -1, 0);
        base.copy_from_nonoverlapping(code.as_ptr(), code.len());
        assert_eq!(mprotect(base, 4096, 5), 0);
        std::mem::transmute(base)
    }
}

const CALLS: u32 = 20_000;
const ROUNDS: usize = 301;

/// One row of a table: its name and a run of `CALLS` calls.
type Row<'a> = (&'a str, Box<dyn Fn() + 'a>);

/// Measures the rows in turn and prints the median of each, in nanoseconds for one call, with its
/// ratio to the first two.
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
    println!("  {:<40} {:>9} {:>9} {:>10}", "", "ns", "/ inlined", "/ extern C");
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect();
    for ((name, _), median) in rows.iter().zip(&medians) {
        let (inlined, extern_c) = (median / medians[0], median / medians[1]);
        println!("  {name:<40} {median:>9.3} {inlined:>9.2} {extern_c:>10.2}");
    }
    println!();
}

/// The rows of a table, each made of a callee by `$of`.
macro_rules! rows {
    ($of:ident, $pointer:ident) => {
        [
            ("Rust, inlined", $of!(own::inlined)),
            ("Rust, extern \"C\"", $of!(|a, b| own::extern_c(a, b))),
            ("the same bytes by hand: asm!(\"call\")", $of!(own::by_hand)),
            ("inline", $of!(own::kernel)),
            ("text", $of!(own::text)),
            ("map", $of!(own::mapped)),
            ("map, through KERNEL.get()", $of!(|a, b| $pointer.0(a, b))),
            ("a transmuted mapping", $of!(|a, b| $pointer.1(a, b))),
            ("an assembly file linked in", $of!(|a, b| linked_add(a, b))),
            ("another crate: Rust, extern \"C\"", $of!(|a, b| other::extern_c(a, b))),
            ("another crate: by hand", $of!(other::by_hand)),
            ("another crate: inline", $of!(other::kernel)),
            ("another crate: text", $of!(other::text)),
            ("another crate: map", $of!(other::mapped)),
        ]
    };
}

/// A chain of calls, each waiting for the one before.
macro_rules! chain {
    ($call:expr) => {
        Box::new(move || {
            let mut sum = 0;
            for _ in 0..CALLS {
                sum = $call(sum, 1);
            }
            black_box(sum);
        }) as Box<dyn Fn()>
    };
}

/// Calls with eight vectors live around each, which `$adds` additions are made to in each round.
macro_rules! among_vectors {
    ($call:expr, $adds:literal) => {
        Box::new(move || {
            #[target_feature(enable = "avx")]
            fn run(call: impl Fn(u64, u64) -> u64) {
                use std::arch::x86_64::*;
                let one = _mm256_set1_ps(black_box(1.0));
                let mut live = [_mm256_setzero_ps(); 8];
                let mut sum = 0;
                for _ in 0..CALLS {
                    for _ in 0..$adds / 8 {
                        for vector in &mut live {
                            *vector = _mm256_add_ps(*vector, one);
                        }
                    }
                    sum = call(sum, 1);
                }
                black_box((live, sum));
            }
            // SAFETY: the caller has AVX.
            unsafe { run($call) }
        }) as Box<dyn Fn()>
    };
}

macro_rules! few {
    ($call:expr) => {
        among_vectors!($call, 8)
    };
}

macro_rules! many {
    ($call:expr) => {
        among_vectors!($call, 32)
    };
}

fn main() {
    let start = Instant::now();
    black_box(own::mapped(1, 2));
    let mapped = start.elapsed();
    let start = Instant::now();
    black_box(own::text(1, 2));
    println!("first use: map {mapped:?} (CPU detection included), text {:?}\n", start.elapsed());

    let pointers = black_box((own::mapped::KERNEL.get() as Pointer, transmuted_mapping()));
    table("a call, each waiting for the one before", &rows!(chain, pointers));
    if is_x86_feature_detected!("avx") {
        table("among 8 additions to 8 live ymm registers", &rows!(few, pointers));
        table("among 32 additions to 8 live ymm registers", &rows!(many, pointers));
    }
}
