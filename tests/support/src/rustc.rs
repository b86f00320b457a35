//! Programs that use the runtime, compiled by rustc with flags of their own.
//!
//! In: source files and flags. Out: programs and libraries, in a directory of their own. The
//! runtime is compiled from its sources with the same flags, and so is libc; the macro is the one
//! that cargo has built.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
        let rustc = Rustc { dir, flags, macros: newest("libpeach_macros-", ".so") };
        let libc = ["--crate-type=rlib", "--cfg=feature=\"std\"", "--cap-lints=allow"];
        rustc.compile(&source_of(&newest("libc-", ".d")), "libc", &libc);
        rustc.runtime(&[]);
        rustc
    }

    /// Compiles the runtime with further flags, and gives the library. With `-Cmetadata=…` and
    /// `-Cextra-filename=…` it is another crate next to the first, as of another version.
    pub fn runtime(&self, flags: &[&str]) -> PathBuf {
        self.runtime_without_std(&[&["--cfg=feature=\"std\""], flags].concat())
    }

    /// As [`runtime`](Self::runtime), without its feature `std`.
    pub fn runtime_without_std(&self, flags: &[&str]) -> PathBuf {
        self.runtime_from(&runtime_sources(), flags)
    }

    /// The runtime from other sources: a directory with `lib.rs`.
    pub fn runtime_from(&self, sources: &Path, flags: &[&str]) -> PathBuf {
        let source = sources.join("lib.rs");
        let flags = [&["--crate-type=rlib"], flags].concat();
        let library = self.compile(&source, "peach_runtime", &flags);
        match flags.iter().find_map(|flag| flag.strip_prefix("-Cextra-filename=")) {
            Some(extra) => library.with_file_name(format!("libpeach_runtime{extra}.rlib")),
            None => library,
        }
    }

    /// Where it compiles to.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes `source` as the crate `name`, compiles it with further `flags`, and gives what was
    /// made: the file of this directory that is called `name`, with whatever else the kind of crate
    /// adds.
    pub fn build(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let path = self.dir.join(name).with_extension("rs");
        std::fs::write(&path, source).expect("a file");
        self.compile(&path, name, flags)
    }

    /// What rustc says of `source` as the library `name`, in short messages, without making code:
    /// as `cargo check` does.
    pub fn check(&self, name: &str, source: &str) -> Output {
        let path = self.dir.join(name).with_extension("rs");
        std::fs::write(&path, source).expect("a file");
        let flags = ["--crate-type=lib", "--emit=metadata", "--error-format=short"];
        self.command(name, &flags).args(flags).arg(path).output().expect("rustc runs")
    }

    fn compile(&self, source: &Path, name: &str, flags: &[&str]) -> PathBuf {
        let output =
            self.command(name, flags).args(flags).arg(source).output().expect("rustc runs");
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

    fn command(&self, name: &str, flags: &[&str]) -> Command {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let built_by_cargo = self.macros.parent().expect("a directory");
        let mut all = self.flags.iter().map(String::as_str).chain(flags.iter().copied());
        if all.any(|flag| flag.starts_with("-Z")) {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        let edition = if name == "libc" { "--edition=2021" } else { "--edition=2024" };
        command.args([edition, "--crate-name", name]).args(&self.flags);
        command.arg("--out-dir").arg(&self.dir).arg("-L").arg(&self.dir);
        command.arg("-L").arg(option("dependency=", built_by_cargo));
        if name == "peach_runtime" {
            command.arg("--extern").arg(option("peach_macros=", &self.macros));
            command.arg("--extern").arg(option("libc=", &self.dir.join("liblibc.rlib")));
        } else if name != "libc" && !flags.iter().any(|flag| flag.contains("=peach_runtime=")) {
            let runtime = self.dir.join("libpeach_runtime.rlib");
            command.arg("--extern").arg(option("peach_runtime=", &runtime));
        }
        command
    }
}

/// Where the sources of the runtime are.
pub fn runtime_sources() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    root.join("peach-runtime/src")
}

/// The main file of a library, of what cargo has noted that it was made of.
fn source_of(dependencies: &Path) -> PathBuf {
    let text = std::fs::read_to_string(dependencies).expect("a file");
    let mut files = text.split_whitespace();
    files.find(|file| file.ends_with("lib.rs")).expect("a source").into()
}

/// What cargo has built last of a library.
fn newest(start: &str, end: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a test");
    let files = std::fs::read_dir(program.parent().expect("a directory")).expect("a directory");
    let libraries = files.map(|file| file.expect("a file").path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(start) && name.ends_with(end)
    });
    libraries
        .max_by_key(|path| path.metadata().and_then(|data| data.modified()).expect("a time"))
        .unwrap_or_else(|| panic!("{start}…{end} is not built"))
}
