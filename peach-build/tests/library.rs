//! Build scripts: a crate with kernels, built and run by the real Cargo; static libraries, read by the
//! tools of each system.

use peach_build::{Build, Error};
use peach_testing::tools::{have, versioned};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory for one test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path =
            std::env::temp_dir().join(format!("peach-library-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Directory(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, text).expect("written");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a program prints. It must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

const KERNELS: &str = "
#[cfg(feature = \"wide-sum\")]
pub fn add(a: u64, b: u64) -> u64 { add a, b; return a; }
#[cfg(not(feature = \"wide-sum\"))]
pub fn add(a: u32, b: u32) -> u32 { add a, b; return a; }
include!(\"more.peach\");
";

const MORE: &str = "
/// The sum of four floats.
#[version(enable = \"avx\")]
#[version(enable = \"sse3\")]
pub fn sum4(x: &[f32; 4]) -> f32 {
    let v: xmm;
    if isa(\"avx\") { vmovups v, [x]; vhaddps v, v, v; vhaddps v, v, v; }
    else { movups v, [x]; haddps v, v; haddps v, v; }
    return v;
}
";

/// Cargo compiles the build script, runs it, links what it made, and runs it again when a file that was
/// included changes.
#[test]
fn a_crate_with_kernels_builds_and_runs() {
    let crate_dir = Directory::new("crate");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    crate_dir.file(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [features]\nwide-sum = []\n[build-dependencies]\npeach-build = {{ path = {:?} }}\n[workspace]\n",
            repository.join("peach-build")
        ),
    );
    fs::copy(repository.join("Cargo.lock"), crate_dir.0.join("Cargo.lock")).expect("a lock file");
    crate_dir.file(
        "build.rs",
        "fn main() -> Result<(), Box<dyn std::error::Error>> {
            peach_build::Build::new().file(\"kernels/main.peach\").include(\"kernels\").cpu(\"haswell\").compile(\"fast\")?;
            Ok(())
        }",
    );
    crate_dir.file("kernels/main.peach", KERNELS);
    crate_dir.file("kernels/more.peach", MORE);
    crate_dir.file(
        "src/main.rs",
        "unsafe extern \"C\" { fn add(a: u64, b: u64) -> u64; fn sum4(x: *const f32) -> f32; }
        fn main() {
            let x = [1.0f32, 2.0, 3.0, 4.5];
            let sums = unsafe { (add(u32::MAX.into(), 2), sum4(x.as_ptr())) };
            println!(\"{sums:?}\");
        }",
    );
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(["run", "--offline", "--quiet", "--features", "wide-sum"])
            .current_dir(&crate_dir.0);
        // What is built already for this workspace is built no second time.
        command.env("CARGO_TARGET_DIR", target_directory());
        for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(variable);
        }
        run(&mut command)
    };
    assert_eq!(cargo(), "(4294967297, 10.5)\n");
    crate_dir.file(
        "kernels/more.peach",
        &MORE.replace("vhaddps v, v, v; }", "vhaddps v, v, v; vaddss v, v, v; }"),
    );
    assert_eq!(cargo(), "(4294967297, 21.0)\n");
}

/// Beside the test's own, so that the fixture's dependencies stay built.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let target = test.ancestors().nth(3).expect("the target directory");
    target.join("fixture")
}

fn build(directory: &Directory, target: &str) -> Result<peach_build::Library, Error> {
    let first = directory
        .file("a_kernel_with_a_long_name.peach", "pub fn first(a: u32) -> u32 { return a; }");
    let second = directory.file("b.peach", "pub fn second(a: u32) -> u32 { add a, a; return a; }");
    let mut build = Build::new();
    build.file(first).file(second).target(target).out_dir(&directory.0).debug(false);
    build.compile("both")
}

/// `llvm-ar` and `llvm-nm` read the libraries of every system, index included.
#[test]
fn libraries_are_read_by_llvm() {
    if !have(&["llvm-ar", "llvm-nm"]) {
        return;
    }
    for (target, file, prefix) in [
        ("x86_64-unknown-linux-gnu", "libboth.a", ""),
        ("x86_64-pc-windows-gnu", "libboth.a", ""),
        ("x86_64-pc-windows-msvc", "both.lib", ""),
        ("x86_64-apple-darwin", "libboth.a", "_"),
    ] {
        let directory = Directory::new(&format!("llvm-{target}"));
        let library = build(&directory, target).expect("right");
        assert_eq!(library.archive, directory.0.join(file));
        let members = run(Command::new("llvm-ar").arg("t").arg(&library.archive));
        assert_eq!(members, "a_kernel_with_a_long_name.o\nb.o\n", "{target}");
        let index = run(Command::new("llvm-nm").arg("--print-armap").arg(&library.archive));
        for line in [
            format!("{prefix}first in a_kernel_with_a_long_name.o"),
            format!("{prefix}second in b.o"),
            format!("T {prefix}second"),
        ] {
            assert!(index.contains(&line), "{target}: {line} is not in {index}");
        }
        assert!(library.headers.iter().all(|header| header.is_file()));
    }
}

/// The linkers find, by the index, the one member that is wanted.
#[test]
fn linkers_take_what_they_need() {
    let program = "#include \"b.h\"\nint main(void) { return (int)second(21) - 42; }";
    for (target, compiler) in
        [("x86_64-unknown-linux-gnu", "cc"), ("x86_64-pc-windows-gnu", "x86_64-w64-mingw32-gcc")]
    {
        if !have(&[compiler]) {
            continue;
        }
        let directory = Directory::new(&format!("link-{compiler}"));
        build(&directory, target).expect("right");
        directory.file("main.c", program);
        let mut command = Command::new(compiler);
        command
            .args(["-Wall", "-Werror", "-o", "main", "main.c", "-L.", "-lboth"])
            .current_dir(&directory.0);
        run(&mut command);
        if compiler == "cc" {
            run(&mut Command::new(directory.0.join("main")));
        }
    }
    let Some(ld64) = versioned("ld64.lld") else { return };
    let directory = Directory::new("link-macos");
    build(&directory, "x86_64-apple-darwin").expect("right");
    let mut command = Command::new(ld64);
    command.args([
        "-arch",
        "x86_64",
        "-platform_version",
        "macos",
        "11.0",
        "11.0",
        "-dylib",
        "-o",
        "both.dylib",
    ]);
    command.args(["-u", "_second", "libboth.a"]).current_dir(&directory.0);
    run(&mut command);
}

#[test]
fn what_is_wrong_is_an_error_and_nothing_is_written() {
    let directory = Directory::new("wrong");
    let wrong = directory.file("wrong.peach", "fn a() { movz eax, 1; }");
    let out = directory.0.join("out");
    fs::create_dir(&out).expect("a directory");
    let error = |change: &dyn Fn(&mut Build)| {
        let mut build = Build::new();
        build.target("x86_64-unknown-linux-gnu").out_dir(&out);
        change(&mut build);
        build.compile("name").expect_err("an error").to_string()
    };
    assert!(error(&|_| {}).contains("there is no file to compile"));
    let text = error(&|build| {
        build.file(&wrong);
    });
    assert!(text.contains("error[E0201]") && text.contains("wrong.peach:1:10"), "{text}");
    let text = error(&|build| {
        build.file(&wrong).target("aarch64-unknown-linux-gnu");
    });
    assert!(text.contains("kernels are for x86-64"), "{text}");
    let text = error(&|build| {
        build.file(&wrong).cpu("z80");
    });
    assert!(text.contains("there is no processor `z80`"), "{text}");
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 0);
}
