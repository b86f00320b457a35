//! What the tests of the command share: the command, files, tools.

use peach_compiler::abi::Convention;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with files, for one test.
pub struct Files(pub PathBuf);

impl Files {
    /// An empty one.
    pub fn new(name: &str) -> Files {
        let path = std::env::temp_dir().join(format!("peach-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Files(path)
    }

    /// Writes a file, and gives its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("written");
        path
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What is in it, by name.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Runs the command in it. Arguments are separated by spaces.
    pub fn peach(&self, arguments: &str) -> Run {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.peach_with(&arguments)
    }

    /// Runs the command in it.
    pub fn peach_with(&self, arguments: &[&str]) -> Run {
        Run::of(Command::new(PEACH).args(arguments).current_dir(&self.0))
    }

    /// Runs a command line of other tools in it, which succeeds.
    #[track_caller]
    pub fn shell(&self, line: &str) -> Run {
        self.try_shell(line).succeeded()
    }

    /// Runs a command line of other tools in it.
    pub fn try_shell(&self, line: &str) -> Run {
        Run::of(Command::new("sh").args(["-c", line]).current_dir(&self.0))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The command.
pub const PEACH: &str = env!("CARGO_BIN_EXE_peach");

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Runs a program.
    pub fn of(command: &mut Command) -> Run {
        let Output { status, stdout, stderr } =
            command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Run {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// It must have succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Run {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// It must have ended with `code` and said `text`.
    #[track_caller]
    pub fn failed(self, code: i32, text: &str) -> Run {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(text), "{text:?} is not in {}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

/// The flags for each format of a convention.
pub fn formats(convention: &Convention) -> Vec<String> {
    let images = convention.image_formats.iter();
    let images = images.map(|format| format!("-mimage-format={}", format.flag()));
    let listings = convention.assembly_formats.iter();
    images.chain(listings.map(|format| format!("-S -massembly-format={}", format.flag()))).collect()
}
