//! What rustc itself says of kernels and of the items that they become: in every edition, of
//! warnings and errors, on targets that are not x86-64; and what rustfmt does to them.

mod conditions;
mod docs;
mod editions;
mod elsewhere;
mod formatting;
mod fragments;
mod messages;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// rustc for a source that uses `peach_runtime`, as it is linked with these tests.
///
/// The output is a file of its own: rustc replaces what is there, and would replace the device
/// `/dev/null` too where it may.
fn rustc(source: &Path, edition: &str) -> Command {
    rustc_with(library(), source, edition)
}

fn rustc_with(library: &Path, source: &Path, edition: &str) -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let stem = source.file_stem().unwrap().to_string_lossy();
    command
        .args(["--emit=metadata", "--error-format=short", "--edition", edition, "--extern"])
        .arg(format!("peach_runtime={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", library.parent().unwrap().display()))
        .arg("-o")
        .arg(temporary(&format!("{stem}-{edition}.rmeta")))
        .arg(source);
    command
}

/// A path that this test program may write to.
fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The library of the runtime: cargo may have built several, and the name does not tell which of
/// them is made of the sources at hand with what this compiler reads.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = temporary("probe.rs");
        std::fs::write(&source, "peach_runtime::peach_fn! { fn f() {} } fn main() { f() }")
            .unwrap();
        let mut libraries = libraries();
        let works = |library: &PathBuf| {
            rustc_with(library, &source, "2024").output().unwrap().status.success()
        };
        let found = libraries.iter().position(works).expect("cargo has built the runtime");
        libraries.swap_remove(found)
    })
}

/// The libraries of the runtime that cargo has built, the newest first.
fn libraries() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap();
    let files = std::fs::read_dir(program.parent().unwrap()).unwrap();
    let mut libraries: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libpeach_runtime-") && name.ends_with(".rlib")
        })
        .collect();
    libraries.sort_by_key(|path| std::cmp::Reverse(path.metadata().unwrap().modified().unwrap()));
    libraries
}
