//! The examples that are built with make, nmake and go generate, and every kernel of the
//! repository's examples in every convention and format.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_compiler::abi::Convention;
use peach_testing::tools::have;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Files, PEACH, Run, formats, repository};

/// A copy of a directory of `examples/`.
fn copy_of(name: &str) -> Files {
    copy_for(name, name)
}

/// The same for one of several tests.
fn copy_for(test: &str, name: &str) -> Files {
    let files = Files::new(&format!("example-{test}"));
    let directory = repository().join("examples").join(name);
    for entry in fs::read_dir(&directory).expect("an example") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        files.file(&name, fs::read(&path).expect("a file"));
    }
    files
}

#[test]
fn make_builds_and_runs_the_product_of_matrices() {
    if !have(&["make", "cc"]) {
        return;
    }
    let files = copy_of("make");
    let make = |targets: &[&str]| {
        Run::of(
            Command::new("make").args(targets).arg(format!("PEACH={PEACH}")).current_dir(&files.0),
        )
        .succeeded()
        .stdout
    };
    assert!(make(&["run"]).ends_with("equal to three loops\n"));
    // Nothing changed, so nothing is built; with the kernel, the object is.
    assert!(!make(&["run"]).contains("peach"));
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let kernel =
        fs::File::options().append(true).open(files.0.join("matmul.peach")).expect("a file");
    kernel.set_modified(later).expect("a time");
    assert!(make(&["matmul"]).contains("-o matmul.o"));
}

/// With mingw-w64 for Microsoft's compiler and wine for Windows.
#[test]
fn nmake_builds_a_windows_program_that_transposes() {
    if !have(&["make", "x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let files = copy_of("nmake");
    let flags = ["CC=x86_64-w64-mingw32-gcc", "CFLAGS=-O2 -Wall -Wextra -Werror", "OUT=-o"];
    let mut make = Command::new("make");
    make.args(flags).arg(format!("PEACH={PEACH}")).current_dir(&files.0);
    Run::of(&mut make).succeeded();
    let prefix = files.0.join("wine");
    let mut wine = Command::new("wine");
    wine.arg("transpose.exe")
        .env("WINEPREFIX", prefix)
        .env("WINEDEBUG", "-all")
        .current_dir(&files.0);
    let stdout = Run::of(&mut wine).succeeded().stdout;
    assert!(stdout.replace('\r', "").ends_with("transposed\n"), "{stdout}");
}

#[test]
fn go_generate_builds_a_package_that_passes_its_tests() {
    if !have(&["go"]) {
        return;
    }
    let files = copy_of("go-generate");
    let directory = Path::new(PEACH).parent().expect("a directory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(directory.to_path_buf()).chain(std::env::split_paths(&path)),
    );
    let path = path.expect("a search path");
    let go = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command.args(arguments).current_dir(&files.0);
        command.env("PATH", &path).env("GOFLAGS", "-mod=mod").env("GOCACHE", files.0.join("cache"));
        Run::of(&mut command).succeeded()
    };
    go(&["generate"]);
    go(&["vet"]);
    let stdout = go(&["test", "-v"]).stdout;
    assert!(stdout.contains("--- PASS: TestDotProduct"), "{stdout}");
}

/// The Rust files of `examples/`.
fn rust_examples() -> Vec<String> {
    let entries = fs::read_dir(repository().join("examples")).expect("examples");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".rs"))
        .collect();
    names.sort();
    names
}

/// What a convention cannot have, for the reason that the command gives.
fn is_justly_refused(example: &str, abi: &str, stderr: &str) -> bool {
    match example {
        // `const { … }` calls a function that only rustc can evaluate.
        "checksum.rs" => stderr.contains("error[E0605]"),
        // Native Client had no instructions later than AVX2, and none that jump through a table.
        _ if abi == "nacl" => stderr.contains("error["),
        // Go has no vectors in signatures.
        _ if abi.starts_with("go") => stderr.contains("error[E0602]"),
        _ => false,
    }
}

/// Each example in each convention, the formats in turn; `PEACH_SWEEP=full` takes every format.
#[test]
fn every_example_compiles_in_every_convention_and_format() {
    let files = Files::new("everything");
    let is_full = std::env::var("PEACH_SWEEP").is_ok_and(|sweep| sweep == "full");
    let mut refused = Vec::new();
    let mut compiled = 0;
    for (index, example) in rust_examples().iter().enumerate() {
        let path = repository().join("examples").join(example);
        for convention in Convention::ALL {
            let abi = convention.flag;
            let all = formats(convention);
            let chosen = if is_full { &all[..] } else { &all[index % all.len()..][..1] };
            for format in chosen {
                let symbols = "-fname-mangling=${name}_${isa}";
                let run = files
                    .peach(&format!("-mabi={abi} {format} {symbols} -o out {}", path.display()));
                if run.code == Some(0) {
                    compiled += 1;
                    continue;
                }
                let is_just = is_justly_refused(example, abi, &run.stderr);
                assert!(is_just, "{example} {abi} {format}: {}", run.stderr);
                refused.push(format!("{example} {abi}"));
            }
        }
    }
    assert!(compiled > 2 * refused.len(), "{compiled} compiled, refused: {refused:#?}");
    eprintln!("{compiled} compiled; refused: {refused:?}");
}

/// A program in C that calls kernels of the examples, and compares.
const PROGRAM: &str = r#"
#include "add.h"
#include "dot4.h"
#include "sum.h"
#include "siphash.h"
#include <stdio.h>
int main(void) {
    float x[4] = {1, 2, 3, 4}, y[4] = {0.5f, 0.25f, 2, 1}, many[1003];
    unsigned char bytes[15];
    float total = 0;
    for (int i = 0; i < 1003; i++) { many[i] = (float)(i % 17); total += many[i]; }
    for (int i = 0; i < 15; i++) bytes[i] = (unsigned char)i;
    printf("%d %g %d %llx\n", add(40, 2), dot4(x, y), sum(many, 1003) == total,
           (unsigned long long)siphash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, bytes, 15));
    return 0;
}
"#;

/// What it prints; the last one is the test vector of SipHash's paper, appendix A.
const PRINTED: &str = "42 11 1 a129ca6149be45e5";

/// Objects and headers of the examples, for a C compiler.
fn c_program(files: &Files, flags: &str, extension: &str) {
    for example in ["add", "dot4", "sum", "siphash"] {
        let path = repository().join("examples").join(format!("{example}.rs"));
        let outputs = format!("-emit-c-header {example}.h -o {example}.{extension}");
        files.peach(&format!("{flags} {outputs} {}", path.display())).succeeded();
    }
    files.file("main.c", PROGRAM);
}

#[test]
fn c_programs_get_the_same_results_from_elf_objects_and_every_listing() {
    if !have(&["cc", "nasm"]) {
        return;
    }
    for (name, flags, assembler) in [
        ("object", "", None),
        ("gas", "-S -massembly-format=gas", Some(vec!["cc", "-c", "-x", "assembler"])),
        ("nasm", "-S -massembly-format=nasm", Some(vec!["nasm", "-f", "elf64"])),
    ] {
        let files = Files::new(&format!("c-{name}"));
        let extension = if assembler.is_some() { "s" } else { "o" };
        c_program(&files, &format!("-mabi=sysv -mimage-format=elf {flags}"), extension);
        for example in ["add", "dot4", "sum", "siphash"] {
            let Some(words) = &assembler else { continue };
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).args([
                "-o",
                &format!("{example}.o"),
                &format!("{example}.s"),
            ]);
            Run::of(command.current_dir(&files.0)).succeeded();
        }
        let mut cc = Command::new("cc");
        cc.args([
            "-Wall",
            "-Werror",
            "-o",
            "main",
            "main.c",
            "add.o",
            "dot4.o",
            "sum.o",
            "siphash.o",
        ]);
        Run::of(cc.current_dir(&files.0)).succeeded();
        let stdout =
            Run::of(Command::new(files.0.join("main")).current_dir(&files.0)).succeeded().stdout;
        assert_eq!(stdout.trim(), PRINTED, "{name}");
    }
}

#[test]
fn windows_programs_get_the_same_results_from_coff_objects() {
    if !have(&["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let files = Files::new("c-coff");
    c_program(&files, "-mabi=ms -mimage-format=ms-coff", "o");
    let mut cc = Command::new("x86_64-w64-mingw32-gcc");
    cc.args([
        "-Wall",
        "-Werror",
        "-o",
        "main.exe",
        "main.c",
        "add.o",
        "dot4.o",
        "sum.o",
        "siphash.o",
    ]);
    Run::of(cc.current_dir(&files.0)).succeeded();
    let mut wine = Command::new("wine");
    wine.arg("main.exe").env("WINEPREFIX", files.0.join("wine")).env("WINEDEBUG", "-all");
    let stdout = Run::of(wine.current_dir(&files.0)).succeeded().stdout;
    assert_eq!(stdout.trim(), PRINTED);
}

/// A recipe builds from nothing, builds nothing where nothing changed, and what depends on the
/// kernels where they changed.
fn check_recipe(name: &str, set_up: &[&str]) {
    let files = copy_for(name, "dispatch");
    let folder = Path::new(PEACH).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a path");
    let run = |line: &[&str]| {
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).current_dir(&files.0);
        Run::of(command.env("PATH", format!("{}:{path}", folder.display()))).succeeded().stdout
    };
    run(set_up);
    let build = ["ninja", "-C", "build"];
    run(&build);
    assert!(run(&["build/program"]).ends_with("as the loop says\n"), "{name}");
    let again = run(&build);
    assert!(again.contains("no work to do"), "{name}: {again}");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let kernel = fs::File::options().append(true).open(files.0.join("ones.peach")).expect("a file");
    kernel.set_modified(later).expect("a time");
    let again = run(&build);
    assert!(!again.contains("no work to do"), "{name}: {again}");
    // The oldest processors have no popcnt.
    for model in ["Conroe", "Nehalem"] {
        let said = run(&["qemu-x86_64", "-cpu", model, "build/program"]);
        assert!(said.ends_with("as the loop says\n"), "{name} on {model}: {said}");
    }
}

#[test]
fn cmake_builds_a_program_that_chooses_by_processor() {
    if have(&["cmake", "ninja", "cc", "qemu-x86_64"]) {
        check_recipe("cmake", &["cmake", "-G", "Ninja", "-B", "build"]);
    }
}

#[test]
fn meson_builds_a_program_that_chooses_by_processor() {
    if have(&["meson", "ninja", "cc", "qemu-x86_64"]) {
        check_recipe("meson", &["meson", "setup", "build"]);
    }
}
