//! Targets that are not x86-64. No standard library of one is at hand, so the sources are compiled
//! as they are there: with `target_arch = "x86_64"` false wherever something asks.

use super::{library, rustc, temporary, text};
use peach_compiler::emit::rust::{Platform, RustOptions};
use peach_compiler::{abi, emit, pipeline};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A condition on the architecture, answered as another target answers it.
fn answered(source: &str) -> String {
    source.replace("target_arch = \"x86_64\"", "any()")
}

/// What `peach_fn!` gives there.
fn items(source: &str) -> String {
    let compilation = pipeline::compile(source.parse().unwrap(), &abi::SYSV64);
    let options = RustOptions { platform: Platform::Elsewhere, ..RustOptions::default() };
    emit::rust::items(&compilation, options).to_string()
}

#[test]
fn a_kernel_with_a_fallback_is_its_fallback() {
    let items = items(
        "/// Documented.
         #[must_use]
         #[target_feature(enable = \"avx2\")]
         pub fn total(x: &[u32]) -> u32 { unsafe { mov eax, [x.ptr]; } return eax; }
         #[fallback]
         pub fn total(x: &[u32]) -> u32 { x.iter().sum() }
         pub unsafe fn first<'a>(x: &'a u32) -> &'a u32 { return x; }
         #[fallback]
         pub unsafe fn first<'a>(x: &'a u32) -> &'a u32 { x }",
    );
    let path = temporary("fallback.rs");
    let main = "fn main() { assert!(total(&[1, 2, 3]) == 6 && unsafe { *first(&7) } == 7); }";
    std::fs::write(&path, format!("#![deny(warnings)]\n{items}\n{main}")).unwrap();
    let program = temporary("fallback");
    let output = rustc(&path, "2024").arg(format!("--emit=link={}", program.display())).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(Command::new(&program).status().unwrap().success());
}

#[test]
fn a_kernel_without_one_is_a_clear_error() {
    let items = items("pub fn total(x: u64) -> u64 { return x; }");
    let path = temporary("no_fallback.rs");
    // Callers bring no second error, whatever they do with the result.
    let caller = "pub fn caller() -> u64 { let sum = total(1).wrapping_add(2); sum.max(3) }";
    std::fs::write(&path, format!("{items}\n{caller}")).unwrap();
    let output = rustc(&path, "2024").args(["--crate-type", "lib"]).output().unwrap();
    let text = text(&output);
    assert!(!output.status.success());
    assert!(
        text.contains(
            "kernel `total` is machine code for x86-64, which this target is not [E0601]"
        )
    );
    assert!(text.contains("add `#[fallback] fn total` with an ordinary Rust body"), "{text}");
    assert_eq!(text.matches("error: ").count(), 2, "one, and the sum: {text}");
}

#[test]
fn the_runtime_compiles() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("peach-runtime/src");
    let to = temporary("elsewhere-runtime");
    let _ = std::fs::remove_dir_all(&to);
    copy_answered(&from, &to);
    const STD: &str = "--cfg=feature=\"std\"";
    for flags in [&[][..], &[STD], &[STD, "--cfg=feature=\"debug\""]] {
        let attempts: Vec<String> =
            macros().iter().map_while(|macros| compile(&to, macros, flags).err()).collect();
        assert!(attempts.len() < macros().len(), "{flags:?}: {}", attempts.join("\n"));
    }
}

fn compile(directory: &Path, macros: &Path, flags: &[&str]) -> Result<(), String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--crate-name=peach_runtime",
            "--crate-type=lib",
            "--emit=metadata",
            "--edition=2024",
            "-Dwarnings",
        ])
        .args(flags)
        .arg("--extern")
        .arg(format!("peach_macros={}", macros.display()))
        .arg("-o")
        .arg(temporary("elsewhere-runtime.rmeta"))
        .arg(directory.join("lib.rs"))
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(text(&output)) }
}

fn copy_answered(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_answered(&entry.path(), &target);
        } else {
            let source = std::fs::read_to_string(entry.path()).unwrap();
            std::fs::write(target, answered(&source)).unwrap();
        }
    }
}

/// The macro crates that cargo has built, the newest first.
fn macros() -> Vec<PathBuf> {
    let files = std::fs::read_dir(library().parent().unwrap()).unwrap();
    let mut found: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.contains("peach_macros-") && name.ends_with(std::env::consts::DLL_SUFFIX)
        })
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().modified().unwrap()));
    found
}
