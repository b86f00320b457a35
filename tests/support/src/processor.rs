//! What a test needs of the processor.
//!
//! A test asks before it runs code that not every processor has. Where the answer is no, the whole
//! test runs once more under an emulator that has more, and what that lacks too is recorded as left
//! out. The emulator is qemu's user mode, up to AVX2, FMA and BMI2. It has no AVX-512, nor has
//! valgrind: what stands in for execution there is said in `.ci/left-out`.

use crate::{left_out, tools};
use std::fmt::Display;
use std::panic::Location;
use std::process::Command;
use std::sync::Mutex;

/// The prefixes of extensions that the emulator lacks.
const NOT_EMULATED: [&str; 3] = ["amx", "avx512", "padlock"];

/// Set in a test that already runs under the emulator for this reason.
const EMULATED: &str = "PEACH_EMULATED";

/// Whether a kernel runs here: what its `try_get` answers. If not, an emulator is tried.
///
/// # Panics
/// If the test fails under the emulator.
#[track_caller]
pub fn runs<T>(kernel: Result<T, impl Display>) -> bool {
    let Err(error) = kernel else { return true };
    let text = error.to_string();
    let missing = text.rsplit_once("this CPU lacks ").map(|(_, list)| list);
    let Some(missing) = missing else { panic!("not for the processor's sake: {text}") };
    let extensions: Vec<&str> = missing.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    without(&extensions, &text);
    false
}

/// Whether the processor has an extension, as `is_x86_feature_detected!` answers. If not, an
/// emulator is tried.
///
/// # Panics
/// If the test fails under the emulator.
#[track_caller]
pub fn has(extension: &str, detected: bool) -> bool {
    if !detected {
        without(&[extension], &format!("this CPU lacks {extension}"));
    }
    detected
}

/// Whether this runs under qemu's emulation, whose hypervisor leaf says so.
#[expect(
    clippy::allow_attributes,
    reason = "whether the function is unsafe depends on the version"
)]
#[allow(unused_unsafe, reason = "older versions of Rust want it")]
pub fn is_emulated() -> bool {
    // SAFETY: every x86-64 processor has the instruction.
    let leaf = unsafe { std::arch::x86_64::__cpuid(0x4000_0000) };
    let signature = [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes);
    signature.as_flattened() == b"TCGTCGTCGTCG"
}

/// The processor lacks `extensions`: runs the test again where there may be more of them.
#[track_caller]
fn without(extensions: &[&str], why: &str) {
    let place = Location::caller();
    let is_emulable =
        !extensions.iter().any(|name| NOT_EMULATED.iter().any(|start| name.starts_with(start)));
    if is_emulable && std::env::var_os(EMULATED).is_none() && emulated() {
        return;
    }
    for extension in extensions {
        left_out::record(&format!("processor {extension}"), why, place);
    }
}

/// Runs the current test again under the emulator, once. Returns whether that was possible.
fn emulated() -> bool {
    static DONE: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let thread = std::thread::current();
    // With `--test-threads=1` tests have no thread, and no name, of their own.
    let Some(test) = thread.name().filter(|name| *name != "main") else { return false };
    if !tools::have(&["qemu-x86_64"]) {
        return false;
    }
    let mut done = DONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if done.iter().any(|name| name == test) {
        return true;
    }
    done.push(test.to_string());
    drop(done);
    run_emulated("max", &["--exact", test, "--include-ignored", "--nocapture"], &[(EMULATED, "1")]);
    true
}

/// Runs this test program again as `model`.
///
/// # Panics
/// If it fails there.
pub fn run_emulated(model: &str, arguments: &[&str], variables: &[(&str, &str)]) {
    let program = std::env::current_exe().expect("the test program");
    let output = Command::new("qemu-x86_64")
        .args(["-cpu", model])
        .arg(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .expect("qemu-x86_64 runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    // Messages about extensions that qemu itself does not emulate.
    let said = errors.lines().filter(|line| !line.contains("TCG doesn't support"));
    said.for_each(|line| eprintln!("{line}"));
    assert!(output.status.success(), "as `{model}` under qemu: {}\n{text}", output.status);
    assert!(text.contains("1 passed"), "as `{model}` under qemu, no test ran: {text}");
}
