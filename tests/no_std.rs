//! Programs without the standard library and without an allocator: kernels in text and inline run
//! there, mapped ones are refused by a message that names the feature.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use peach_testing::rustc::Rustc;
use std::path::Path;
use std::process::Command;

/// A program that a second `panic_handler`, the standard library's, could not be linked into.
const PROGRAM: &str = r#"
#![no_std]
#![no_main]
#![deny(warnings)]
#![expect(dead_code, reason = "one kernel cannot be called")]
use peach_runtime::{Error, peach_fn};

peach_fn! {
    #[embed = "text"]
    fn add(a: u64, b: u64) -> u64 { add a, b; return a; }

    /// With a frame, a constant, a call and saved registers.
    #[embed = "text"]
    fn framed(x: u64) -> u64 {
        let frame: [u64; 4];
        let kept: [gp64; 8];
        mov [frame + 8], x;
        for i in 0..8 { mov kept[i], [frame + 8]; }
        for i in 1..8 { add kept[0], kept[i]; }
        movq xmm0, kept[0];
        paddq xmm0, u64x2(2, 3);
        movq kept[0], xmm0;
        return kept[0];
    }

    #[embed = "text"]
    #[version(enable = "padlock", N = 1)]
    #[version(N = 2)]
    fn which() -> u64 { return N; }

    #[embed = "text"]
    #[target_feature(enable = "padlock")]
    fn falls_back(x: &[u64]) -> u64 { return x.len; }
    #[fallback]
    fn falls_back(x: &[u64]) -> u64 { x.iter().sum() }

    #[embed = "text"]
    #[target_feature(enable = "padlock")]
    fn never() -> u64 { return 0; }

    #[embed = "inline"]
    fn difference(a: u64, b: u64) -> u64 { sub a, b; return a; }

    #[embed = "inline"]
    fn with_constant(x: f64) -> f64 { addsd x, f64(0.5); return x; }

    #[embed = "inline"]
    unsafe fn pushes(x: u64) -> u64 { push x; add x, x; pop rcx; add x, rcx; return x; }
}

/// The number of the first thing that is wrong.
#[unsafe(no_mangle)]
extern "C" fn main(count: i32, _arguments: *const *const u8) -> i32 {
    let count = count as u64;
    let right = [
        add(count, 2) == 3,
        framed(count) == 10,
        which() == 2,
        falls_back(&[count, 5]) == 6,
        difference(count, 1) == 0,
        with_constant(count as f64) == 1.5,
        // SAFETY: it uses the stack alone.
        unsafe { pushes(count) } == 3,
        (add::KERNEL.get())(count, 4) == 5,
        add::KERNEL.code().len() > 3 && add::KERNEL.is_supported(),
        which::KERNEL.versions().len() == 2 && which::KERNEL.name() == "which",
        lacks_padlock(never::KERNEL.try_get().map(drop)),
        // Of a kernel inline there are bytes, but nothing maps them.
        difference::KERNEL.code().len() > 3,
        matches!(difference::KERNEL.try_get(), Err(Error::Memory { .. })),
    ];
    right.iter().position(|right| !right).map_or(0, |wrong| wrong as i32 + 1)
}

fn lacks_padlock(result: Result<(), Error>) -> bool {
    match result {
        Err(Error::Unsupported { missing, .. }) => {
            missing.versions().flatten().eq(["padlock"]) && missing.versions().count() == 1
        }
        _ => false,
    }
}

#[panic_handler]
fn panics(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Unoptimized code of the core library names it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[link(name = "c")]
unsafe extern "C" {}
"#;

/// What a mapped kernel makes of a crate with `attributes`.
fn refusal(attributes: &str) -> String {
    let rustc = rustc("refused", &["-Cpanic=abort"]);
    let source = format!(
        "#![no_std]\npeach_runtime::peach_fn! {{\n    {attributes}pub fn add(x: u64) -> u64 {{ inc x; return x; }}\n}}\n"
    );
    let output = rustc.check("refused", &source);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn rustc(name: &str, flags: &[&str]) -> Rustc {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std").join(name);
    let rustc = Rustc::new(dir, flags);
    rustc.runtime_without_std(&["-Dwarnings"]);
    rustc
}

#[test]
fn kernels_in_text_and_inline_run() {
    for (name, flags) in [
        ("unoptimized", &["-Cpanic=abort", "-Copt-level=0"][..]),
        ("optimized", &["-Cpanic=abort", "-Copt-level=3", "-Clto=fat"]),
    ] {
        let program = rustc(name, flags).build("program", PROGRAM, &[]);
        let status = Command::new(&program).status().unwrap();
        assert_eq!(status.code(), Some(0), "{name}: the number of what is wrong, from 1");
    }
}

#[test]
fn a_mapped_kernel_is_refused_by_a_message_with_the_feature() {
    let at_embed = "#[embed = ".len();
    for (attributes, column) in [("", "pub fn ".len()), ("#[embed = \"map\"] ", at_embed)] {
        let text = refusal(attributes);
        let place = format!("refused.rs:3:{}: error", 4 + column + 1);
        let wanted = "kernel `add` cannot be mapped: `peach-runtime` is compiled without its feature \
                      `std` [E0607]";
        assert!(text.contains(&place) && text.contains(wanted), "{text}");
        assert_eq!(text.matches(": error:").count(), 1, "no second error: {text}");
    }
}
