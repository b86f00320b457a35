//! What the tests of object files share: kernels to files, external tools, and their output.

use peach_compiler::abi::{Convention, ImageFormat};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::{Module, objects};
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::{Target, compile};
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Kernels as a module for a convention, position-independent.
pub fn module(source: &str, convention: &'static Convention) -> Module {
    module_for(source, Target { position_independent: true, ..Target::from(convention) })
}

/// Kernels as a module for a target, which allows every extension.
pub fn module_for(source: &str, target: Target) -> Module {
    let target = Target { features: FeatureSet::all(), ..target };
    let tokens: TokenStream = source.parse().expect("tokens");
    let compilation = compile(tokens, target);
    let mut diagnostics = Diagnostics::new();
    let messages: Vec<String> = compilation
        .diagnostics
        .iter()
        .map(|d| format!("{} {} {:?}", d.code.id(), d.message, d.notes))
        .collect();
    assert!(!compilation.diagnostics.has_errors(), "{messages:#?}");
    let mut module = Module::new("kernels.peach", target);
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().collect::<Vec<_>>());
    module
}

/// The bytes of an object file.
pub fn object(module: &Module, format: ImageFormat, debug: bool) -> Vec<u8> {
    let options = objects::Options { debug, ..objects::Options::new(format) };
    let written = objects::write(module, &options);
    written.unwrap_or_else(|errors| panic!("{:?}", errors.iter().collect::<Vec<_>>()))
}

/// A directory of its own for a test.
pub struct Workspace(PathBuf);

impl Workspace {
    pub fn new(test: &str) -> Workspace {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("objects").join(test);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Workspace(path)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, contents).expect("a file");
        path
    }

    /// The contents of a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).expect("a file")
    }

    /// Writes the kernels as an object file.
    pub fn object(&self, name: &str, module: &Module, format: ImageFormat, debug: bool) -> PathBuf {
        self.file(name, object(module, format, debug))
    }

    /// Runs a command line, words separated by spaces, in the directory. It must succeed.
    pub fn run(&self, line: &str) -> String {
        let (succeeded, output, errors) = self.try_run(line);
        assert!(succeeded, "{line}\nin {}\n{output}{errors}", self.0.display());
        output + &errors
    }

    /// Runs a program for Windows in the directory. It must succeed. One runs at a time: the first
    /// one makes what stands for a disk.
    pub fn wine(&self, line: &str) -> String {
        static RUNNING: Mutex<()> = Mutex::new(());
        let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        self.run(&format!("wine {line}"))
    }

    /// Whether it succeeded, its output and its complaints.
    pub fn try_run(&self, line: &str) -> (bool, String, String) {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        let output = Command::new(program)
            .args(words)
            .current_dir(&self.0)
            .env("LC_ALL", "C")
            .env("CGO_ENABLED", "0")
            .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
            .env("WINEDEBUG", "-all")
            // Neither is installed, nor asked for.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env("WINEPREFIX", Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine"))
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }
}
