//! Programs that use the runtime, compiled by rustc with flags of their own.
//!
//! In: source files and flags. Out: programs and libraries, in a directory of their own. The runtime is
//! compiled from its sources with the same flags; the macro is the one that cargo has built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A way to compile.
pub struct Rustc {
    dir: PathBuf,
    flags: Vec<String>,
    macros: PathBuf,
}

impl Rustc {
    /// Compiles into `dir`, which is made anew, with `flags`.
    pub fn new(dir: impl Into<PathBuf>, flags: &[&str]) -> Rustc {
        let dir = dir.into();
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory");
        let flags = flags.iter().map(|flag| flag.to_string()).collect();
        let rustc = Rustc { dir, flags, macros: newest_macros() };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
        let runtime = root.join("peach-runtime/src/lib.rs");
        rustc.compile(&runtime, "peach_runtime", &["--crate-type=rlib"]);
        rustc
    }

    /// Where it compiles to.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes `source` as the crate `name`, compiles it with further `flags`, and gives what was made:
    /// the file of this directory that is called `name`, with whatever else the kind of crate adds.
    pub fn build(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let path = self.dir.join(name).with_extension("rs");
        std::fs::write(&path, source).expect("a file");
        self.compile(&path, name, flags)
    }

    fn compile(&self, source: &Path, name: &str, flags: &[&str]) -> PathBuf {
        let output = self.command(name).args(flags).arg(source).output().expect("rustc runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} with {:?} and {flags:?}:\n{errors}", self.flags);
        let kind = flags.iter().find_map(|flag| flag.strip_prefix("--crate-type="));
        self.dir.join(match kind {
            None | Some("bin") => name.to_string(),
            Some("cdylib" | "dylib") => format!("lib{name}.so"),
            Some("staticlib") => format!("lib{name}.a"),
            _ => format!("lib{name}.rlib"),
        })
    }

    fn command(&self, name: &str) -> Command {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let built_by_cargo = self.macros.parent().expect("a directory");
        if self.flags.iter().any(|flag| flag.starts_with("-Z")) {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command.args(["--edition=2024", "--crate-name", name]).args(&self.flags);
        command.arg("--out-dir").arg(&self.dir).arg("-L").arg(&self.dir);
        command.arg("-L").arg(option("dependency=", built_by_cargo));
        if name == "peach_runtime" {
            command.arg("--extern").arg(option("peach_macros=", &self.macros));
        } else {
            let runtime = self.dir.join("libpeach_runtime.rlib");
            command.arg("--extern").arg(option("peach_runtime=", &runtime));
        }
        command
    }
}

/// The macro as cargo has built it last.
fn newest_macros() -> PathBuf {
    let program = std::env::current_exe().expect("a test");
    let files = std::fs::read_dir(program.parent().expect("a directory")).expect("a directory");
    let macros = files.map(|file| file.expect("a file").path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libpeach_macros-") && name.ends_with(".so")
    });
    macros
        .max_by_key(|path| path.metadata().and_then(|data| data.modified()).expect("a time"))
        .expect("the macro is built")
}
