//! `hygiene.rs` in every edition that the macro can be used from, as rustc compiles it.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_edition_compiles() {
    for edition in ["2018", "2021", "2024"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hygiene.rs");
        let errors: Vec<String> = libraries()
            .iter()
            .map_while(|library| compile(&source, edition, library).err())
            .collect();
        assert!(errors.len() < libraries().len(), "edition {edition}:\n{}", errors.join("\n"));
    }
}

/// Compiles without generating code. (The output is a file of its own: rustc replaces what stands
/// there, and would replace the device `/dev/null` too where it may.)
fn compile(source: &Path, edition: &str, library: &Path) -> Result<(), String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--test", "--emit=metadata", "--edition", edition])
        .arg("-o")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hygiene-{edition}.rmeta")))
        .arg("--extern")
        .arg(format!("peach_runtime={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", library.parent().unwrap().display()))
        .arg(source)
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The libraries of the runtime that cargo has built, the newest first: the name does not tell which of
/// them this test is linked with.
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
    libraries.truncate(3);
    libraries
}
