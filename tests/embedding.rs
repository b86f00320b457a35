//! Kernels in every kind of crate and program: each is compiled, read and run.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use peach_testing::rustc::Rustc;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library with kernels in all embeddings, which other crates inline.
const KERNELS: &str = r#"
use peach_runtime::peach_fn;

const ANSWER: u64 = 42;
static TABLE: [u64; 3] = [7, 8, 9];
extern "sysv64" fn double(x: u64) -> u64 { 2 * x }

macro_rules! kernels {
    ($embed:literal, $module:ident) => {
        mod $module {
            use super::*;
            peach_fn! {
                #[embed = $embed]
                pub fn add(a: u64, b: u64) -> u64 { add a, b; return a; }
                #[embed = $embed]
                pub fn constant() -> u64 { let a: gp64; mov a, const { ANSWER }; return a; }
                #[embed = $embed]
                pub fn table() -> u64 { let a: gp64; mov a, sym TABLE; unsafe { mov a, [a + 8]; } return a; }
                #[embed = $embed]
                pub extern "sysv64" fn twice(x: u64) -> u64 { rdi = x; unsafe { call sym double; } return rax; }
                #[embed = $embed]
                pub extern "win64" fn vectors(x: f64) -> f64 { addsd x, f64x2(1.5, 1.5); return x; }
                #[embed = $embed]
                #[version(enable = "padlock", N = 1)]
                #[version(enable = "sse2", N = 2)]
                pub fn which() -> u64 { return N; }
            }
            #[inline]
            pub fn all() -> [u64; 6] {
                [add(40, 2), constant(), table(), twice(4), vectors(1.0) as u64, which()]
            }
        }
    };
}
kernels!("map", mapped);
kernels!("text", in_text);

peach_fn! {
    #[embed = "inline"]
    pub fn add(a: u64, b: u64) -> u64 { add a, b; return a; }
    #[embed = "inline"]
    pub fn constant() -> u64 { let a: gp64; mov a, const { ANSWER }; return a; }
    #[embed = "inline"]
    pub fn table() -> u64 { let a: gp64; mov a, sym TABLE; unsafe { mov a, [a + 8]; } return a; }
    #[embed = "inline"]
    pub extern "sysv64" fn twice(x: u64) -> u64 { rdi = x; unsafe { call sym double; } return rax; }
    #[embed = "inline"]
    pub extern "win64" fn vectors(x: f64) -> f64 { addsd x, f64x2(1.5, 1.5); return x; }
}
/// What is called of the inlined kernels is mapped.
#[inline]
fn inlined() -> bool {
    let called = vectors::KERNEL.get()(1.0) as u64 + twice::KERNEL.get()(4);
    [add(40, 2), constant(), table(), twice(4), vectors(1.0) as u64, called] == [42, 42, 8, 8, 2, 10]
}

/// 0 if everything is as it should be.
#[inline]
pub fn check() -> i32 {
    let wanted = [42, 42, 8, 8, 2, 2];
    let aligned = in_text::add::KERNEL.get() as usize % 64 == 0;
    let wrong = [mapped::all() != wanted, in_text::all() != wanted, !aligned, !inlined()];
    wrong.iter().enumerate().map(|(n, wrong)| i32::from(*wrong) << n).sum()
}
"#;

const PROGRAM: &str = "fn main() { std::process::exit(kernels::check()) }";

/// For other languages.
const LIBRARY: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn peach_test_check() -> i32 { kernels::check() }
"#;

const C_PROGRAM: &str = "int peach_test_check(void); int main(void) { return peach_test_check(); }";

fn rustc(name: &str, flags: &[&str]) -> Rustc {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embedding").join(name);
    let rustc = Rustc::new(dir, flags);
    rustc.build("kernels", KERNELS, &["--crate-type=rlib"]);
    rustc
}

/// Runs a program, which exits with 0 where its kernels do what they should.
fn run(program: &Path, library_path: &Path) {
    let status = Command::new(program).env("LD_LIBRARY_PATH", library_path).status().unwrap();
    assert!(status.success(), "{}: {status}", program.display());
}

/// Compiles the C program with `flags` and runs it.
fn run_from_c(rustc: &Rustc, name: &str, flags: &[&str]) {
    let source = rustc.dir().join("program.c");
    std::fs::write(&source, C_PROGRAM).unwrap();
    let program = rustc.dir().join(name);
    let status = Command::new("gcc")
        .arg(&source)
        .arg("-L")
        .arg(rustc.dir())
        .args(flags)
        .arg("-o")
        .arg(&program)
        .status()
        .unwrap();
    assert!(status.success());
    run(&program, rustc.dir());
}

/// Every kernel in the text section is a function: it has a symbol of its code's size, at a
/// multiple of 64; and the text section needs no relocations when it is loaded.
fn read(file: &Path) -> PathBuf {
    let data = std::fs::read(file).unwrap();
    let parsed = object::File::parse(&*data).unwrap();
    let kernels: Vec<_> = parsed
        .symbols()
        .filter(|symbol| symbol.name().is_ok_and(|name| name.contains("__PeachSource")))
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .collect();
    for name in ["add", "constant", "table", "twice", "vectors", "which_0", "which_1"] {
        let is_named = |symbol: &&object::Symbol<'_, '_>| {
            let path = format!("__PeachSource$GT${}{name}17h", name.len());
            symbol.name().is_ok_and(|symbol| symbol.contains(&path))
        };
        let symbol = kernels.iter().find(is_named);
        let symbol = symbol.unwrap_or_else(|| panic!("{name} is missing in {}", file.display()));
        assert_eq!(symbol.address() % 64, 0, "{name} in {}", file.display());
        assert!(symbol.size() > 0, "{name} in {}", file.display());
    }
    const DT_TEXTREL: u64 = 22;
    let dynamic = parsed.section_by_name(".dynamic").map(|section| section.data().unwrap());
    let tags = dynamic.unwrap_or_default().chunks_exact(16);
    let mut tags = tags.map(|entry| u64::from_le_bytes(entry[..8].try_into().unwrap()));
    assert!(tags.all(|tag| tag != DT_TEXTREL), "{}", file.display());
    file.to_path_buf()
}

/// A program with its kernels in a library that it inlines.
fn program(name: &str, flags: &[&str]) {
    let rustc = rustc(name, flags);
    let program = rustc.build("program", PROGRAM, &["--extern=kernels"]);
    run(&read(&program), rustc.dir());
}

#[test]
fn programs() {
    program("unoptimized", &["-Copt-level=0"]);
    program("optimized", &["-Copt-level=3"]);
    program("fixed", &["-Copt-level=3", "-Crelocation-model=static"]);
    program("static", &["-Copt-level=3", "-Ctarget-feature=+crt-static"]);
    program("aborting", &["-Copt-level=3", "-Cpanic=abort"]);
    program("large", &["-Copt-level=1", "-Ccode-model=large"]);
    program("native", &["-Copt-level=3", "-Ctarget-cpu=native"]);
}

#[test]
fn optimized_over_all_crates() {
    program("thin", &["-Copt-level=3", "-Clto=thin"]);
    program("fat", &["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1"]);
}

#[test]
fn libraries_for_other_languages() {
    for (name, lto) in [("libraries", "-Clto=off"), ("fat-libraries", "-Clto=fat")] {
        let rustc = rustc(name, &["-Copt-level=3", lto]);
        let library = rustc.build("shared", LIBRARY, &["--crate-type=cdylib", "--extern=kernels"]);
        read(&library);
        run_from_c(&rustc, "with_shared", &["-lshared"]);
        rustc.build("archived", LIBRARY, &["--crate-type=staticlib", "--extern=kernels"]);
        let system = ["-larchived", "-lpthread", "-ldl", "-lm", "-lgcc_s"];
        for (name, kind) in [("with_archive", "-pie"), ("with_archive_fixed", "-no-pie")] {
            run_from_c(&rustc, name, &[&system[..], &[kind]].concat());
            read(&rustc.dir().join(name));
        }
    }
}

/// A shared library for Rust has a runtime, and an array of kernels, of its own.
#[test]
fn kernels_in_a_shared_library_of_rust() {
    let rustc = rustc("dynamic", &["-Copt-level=3", "-Cprefer-dynamic"]);
    rustc.build(
        "outer",
        "pub use kernels::check; pub use kernels;",
        &["--crate-type=dylib", "--extern=kernels"],
    );
    let program = "fn main() { std::process::exit(outer::check()) }";
    let program = rustc.build("program", program, &["--extern=outer"]);
    let libdir = Command::new("rustc").args(["--print", "target-libdir"]).output().unwrap().stdout;
    let std = PathBuf::from(String::from_utf8(libdir).unwrap().trim());
    let paths = std::env::join_paths([rustc.dir(), &std]).unwrap();
    run(&program, Path::new(&paths));
}
