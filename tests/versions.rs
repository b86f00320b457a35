//! Dispatch on processors that are not this one: the test runs itself under qemu's user mode
//! emulation, as old models and with extensions taken away, and looks at which version is taken
//! there. Each version holds an instruction of its extension, which the emulated processor refuses
//! if it lacks it.

use peach_runtime::peach_fn;
use peach_testing::tools::have;
use std::process::{Command, Output};

peach_fn! {
    #[version(enable = "avx512f", LEVEL = 4)]
    #[version(enable = "avx2", LEVEL = 3)]
    #[version(enable = "avx", LEVEL = 2)]
    #[version(enable = "sse4.2", LEVEL = 1)]
    fn level(x: &[u32; 16]) -> u32 {
        if LEVEL == 4 { vmovdqu32 zmm0, [x]; vpaddd zmm0, zmm0, zmm0; }
        if LEVEL == 3 { vmovdqu ymm0, [x]; vpaddd ymm0, ymm0, ymm0; }
        if LEVEL == 2 { vmovups ymm0, [x]; vaddps ymm0, ymm0, ymm0; }
        if LEVEL == 1 { movdqu xmm0, [x]; pcmpgtq xmm0, xmm0; }
        return LEVEL;
    }
    #[fallback]
    fn level(x: &[u32; 16]) -> u32 { x[0] }

    // In source order, not in that of the extensions: the second one is never chosen.
    #[target_feature(enable = "sse2")]
    #[embed = "text"]
    fn first() -> u32 { return 1; }
    #[target_feature(enable = "avx2")]
    #[embed = "text"]
    fn first() -> u32 { return 2; }

    #[target_feature(enable = "avx2,bmi2")]
    fn demanding(x: u64) -> u64 { rorx x, x, 8; return x; }
}

/// What this processor takes, on one line.
#[test]
fn report() {
    let demanding = match demanding::KERNEL.try_get() {
        Ok(rotate) => format!("{:x}", rotate(0x1122)),
        Err(error) => error.to_string(),
    };
    println!("level {} first {} demanding {demanding}", level(&[0; 16]), first());
}

/// The emulated processor and the version chosen there: level, and a part of what `demanding`
/// answers.
const MODELS: &[(&str, u32, &str)] = &[
    ("qemu64", 0, "avx2"),
    ("Conroe", 0, "bmi2"),
    ("Nehalem", 1, "avx2"),
    ("SandyBridge", 2, "avx2"),
    ("Haswell", 3, "2200000000000011"),
    // Reported by the processor, but the system does not save the registers.
    ("Haswell,-xsave", 1, "avx2"),
    ("Haswell,-avx2", 2, "avx2"),
    ("Haswell,-avx2,-avx", 1, "avx2"),
    ("Haswell,-avx2,-avx,-sse4.2", 0, "avx2"),
    ("Haswell,-bmi2", 3, "bmi2"),
];

fn run(model: &str, test: &str) -> std::io::Result<Output> {
    let program = std::env::current_exe()?;
    Command::new("qemu-x86_64")
        .args(["-cpu", model])
        .arg(program)
        .args(["--exact", test, "--nocapture", "--include-ignored", "--test-threads=1"])
        .output()
}

#[test]
fn each_processor_gets_the_first_version_that_it_supports() {
    if !have(&["qemu-x86_64"]) {
        return;
    }
    for &(model, level, demanding) in MODELS {
        let output = run(model, "report").unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.contains("level ")).unwrap_or_default();
        let found = line.split_once("level ").map_or("", |(_, found)| found);
        assert!(
            output.status.success(),
            "{model}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(found.starts_with(&format!("{level} first 1 demanding ")), "{model}: {line}");
        assert!(found.contains(demanding), "{model}: {line}");
    }
}

/// Run by the test below.
#[test]
#[ignore = "it panics where it is meant to run"]
fn calls_what_is_not_supported() {
    demanding(1);
}

#[test]
fn a_call_that_no_version_can_take_panics_with_the_reason() {
    if !have(&["qemu-x86_64"]) {
        return;
    }
    let output = run("Nehalem", "calls_what_is_not_supported").unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("demanding") && text.contains("avx2") && text.contains("bmi2"), "{text}");
    assert!(!text.contains("illegal"), "{text}");
}
