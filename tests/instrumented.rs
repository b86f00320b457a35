//! Kernels in programs that something else watches: sanitizers, valgrind, Miri's configuration; and
//! the feature `debug`, of which nothing is in a program that does without.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::rustc::Rustc;
use peach_testing::tools::have;
use std::path::Path;
use std::process::{Command, Output};

/// Threads race on the first use of kernels that touch memory; another kernel has a fallback.
const PROGRAM: &str = r#"
use peach_runtime::peach_fn;

peach_fn! {
    /// Adds `n` numbers up.
    unsafe fn sum(p: *const u64, n: u64) -> u64 {
        let total: gp64 = 0;
        'next: {
            add total, [p];
            add p, 8;
            dec n;
            jnz continue 'next;
        }
        return total;
    }

    #[embed = "text"]
    unsafe fn fill(p: *mut u64, n: u64, value: u64) {
        let frame: [u64; 30];
        mov [frame + 8], value;
        push value;
        'next: {
            mov value, [frame + 8];
            mov [p], value;
            add p, 8;
            dec n;
            jnz continue 'next;
        }
        pop value;
    }

    #[target_feature(enable = "sse4.1")]
    fn which(x: u32) -> u32 { return 1; }
    #[fallback]
    fn which(x: u32) -> u32 { x }

    #[embed = "text"]
    #[target_feature(enable = "sse4.1")]
    fn which_in_text(x: u32) -> u32 { return 1; }
    #[fallback]
    fn which_in_text(x: u32) -> u32 { x }

    fn marked_by_a_rare_name() {}
}

fn main() {
    marked_by_a_rare_name();
    let threads: Vec<_> = (1..9u64)
        .map(|n| std::thread::spawn(move || {
            let mut numbers = vec![0; 100];
            // SAFETY: there are a hundred.
            unsafe {
                fill(numbers.as_mut_ptr(), 100, n);
                sum(numbers.as_ptr(), 100)
            }
        }))
        .collect();
    let sums: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(sums, [100, 200, 300, 400, 500, 600, 700, 800]);
    assert_eq!((which(7), which_in_text(7)), (1, 1));
    println!("as it should be");
}
"#;

fn rustc(name: &str, flags: &[&str]) -> Rustc {
    Rustc::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("instrumented").join(name), flags)
}

fn assert_fine(output: &Output) {
    let text = [&*output.stdout, &*output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(
        output.status.success() && text.contains("as it should be"),
        "{}: {text}",
        output.status
    );
    assert!(!text.contains("WARNING: ThreadSanitizer"), "{text}");
}

/// AddressSanitizer watches Rust's own accesses, and the stack that kernels share with them.
#[test]
fn under_address_sanitizer() {
    let rustc = rustc("address", &["-Copt-level=1", "-Zsanitizer=address"]);
    let program = rustc.build("program", PROGRAM, &[]);
    assert_fine(&Command::new(program).output().unwrap());
}

/// (The standard library is not built for it, which rustc would like to have.)
#[test]
fn under_thread_sanitizer() {
    let flags = ["-Copt-level=1", "-Zsanitizer=thread", "-Cunsafe-allow-abi-mismatch=sanitizer"];
    let program = rustc("thread", &flags).build("program", PROGRAM, &[]);
    assert_fine(&Command::new(program).output().unwrap());
}

#[test]
fn under_valgrind() {
    if !have(&["valgrind"]) {
        return;
    }
    let program = rustc("valgrind", &["-Copt-level=1", "-g"]).build("program", PROGRAM, &[]);
    let args = ["-q", "--error-exitcode=9", "--leak-check=no"];
    assert_fine(&Command::new("valgrind").args(args).arg(program).output().unwrap());
}

/// Under Miri, which runs no machine code, fallbacks do; a kernel without one says so. (Miri sets
/// this configuration; the rest of it need not be installed.)
#[test]
fn under_miris_configuration() {
    let flags = ["-Copt-level=1", "--cfg=miri", "-Aexplicit-builtin-cfgs-in-flags"];
    let main = r#"
        fn main() {
            assert_eq!((which(7), which_in_text(7)), (7, 7));
            assert_eq!((which::KERNEL.get()(8), which_in_text::KERNEL.get()(9)), (8, 9));
            assert!(!which::KERNEL.is_supported());
            let error = sum::KERNEL.try_get().unwrap_err().to_string();
            assert!(error.contains("no `#[fallback]`, and Miri runs no machine code"), "{error}");
            println!("as it should be");
        }"#;
    let source = PROGRAM.replace("fn main()", "#[allow(dead_code)] fn native_main()") + main;
    let program = rustc("miri", &flags).build("program", &source, &[]);
    assert_fine(&Command::new(program).output().unwrap());
}

#[test]
fn without_the_feature_nothing_of_debug_is_there() {
    let traces = [
        "__jit_debug_descriptor",
        "__jit_debug_register_code",
        "PEACH_DUMP",
        "/tmp/perf-",
        // The source text of a listing.
        "add total, [p]",
    ];
    let contents = |name, flags: &[&str]| {
        let program = rustc(name, flags).build("program", PROGRAM, &[]);
        assert_fine(&Command::new(&program).output().unwrap());
        std::fs::read(program).unwrap()
    };
    let holds = |program: &[u8], text: &str| {
        program.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let without = contents("without", &["-Copt-level=3"]);
    let with = contents("with", &["-Copt-level=3", "--cfg=feature=\"debug\""]);
    for trace in traces {
        assert!(!holds(&without, trace), "{trace}");
        assert!(holds(&with, trace), "{trace}");
    }
    assert!(with.len() > without.len());
}
