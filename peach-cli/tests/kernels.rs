//! `peach-kernels` for C and Go: programs in both languages that call a hash, a cipher and a codec,
//! and compare them with plain loops.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::processor::has;
use peach_testing::tools::have;
use std::fmt::Write as _;
use std::process::Command;
use support::{Files, Run, repository};

/// What the programs call.
const MODULES: [&str; 3] = ["metro", "chacha20", "bp128"];

fn source(module: &str) -> String {
    repository().join(format!("peach-kernels/src/{module}.rs")).display().to_string()
}

/// A program from a template, in which a line is repeated for every number of bits of each word.
fn program(template: &str, line: &str) -> String {
    let mut lines = String::new();
    for word in [32, 64] {
        for bits in 1..=word {
            let numbered = line.replace("BITS", &bits.to_string());
            writeln!(lines, "{}", numbered.replace("WORD", &word.to_string())).expect("a line");
        }
    }
    template.replace("EVERY_NUMBER_OF_BITS", &lines)
}

fn c_program() -> String {
    let line = "bad |= check_WORD(BITS, of_WORD_bits_pack_BITS, of_WORD_bits_unpack_BITS,
                of_WORD_bits_delta_pack_BITS, of_WORD_bits_delta_unpack_BITS);";
    program(include_str!("kernels/program.c"), line)
}

/// The versions are chosen when the program runs; an old processor has the fallback in C.
#[test]
fn c_programs_get_what_plain_loops_compute() {
    if !have(&["cc", "qemu-x86_64"]) {
        return;
    }
    let files = Files::new("kernels-c");
    files.file("program.c", c_program());
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-o", "program", "program.c"]).current_dir(&files.0);
    for module in MODULES {
        let outputs = format!(
            "-emit-c-header {module}.h -emit-dispatcher {module}.c -o {module}.o \
             -fname-mangling=${{path}}_${{isa}}"
        );
        let target = "-mabi=sysv -mimage-format=elf";
        files.peach(&format!("{target} {outputs} {}", source(module))).succeeded();
        cc.args([format!("{module}.c"), format!("{module}.o")]);
    }
    Run::of(&mut cc).succeeded();
    let program = files.0.join("program");
    assert_eq!(Run::of(&mut Command::new(&program)).succeeded().stdout, "equal\n");
    let mut old = Command::new("qemu-x86_64");
    let old = Run::of(old.args(["-cpu", "Conroe"]).arg(&program)).succeeded();
    assert_eq!(old.stdout, "equal\n");
}

#[test]
fn windows_programs_get_what_plain_loops_compute() {
    if !have(&["x86_64-w64-mingw32-gcc", "wine"]) || !has("avx2", is_x86_feature_detected!("avx2"))
    {
        return;
    }
    let files = Files::new("kernels-windows");
    files.file("program.c", c_program());
    let mut cc = Command::new("x86_64-w64-mingw32-gcc");
    cc.args(["-O1", "-Wall", "-Werror", "-o", "program.exe", "program.c"]).current_dir(&files.0);
    for module in MODULES {
        let flags = "-mabi=ms -mimage-format=ms-coff -mcpu=haswell -fname-mangling=${path}";
        let outputs = format!("-emit-c-header {module}.h -o {module}.o");
        files.peach(&format!("{flags} {outputs} {}", source(module))).succeeded();
        cc.arg(format!("{module}.o"));
    }
    Run::of(&mut cc).succeeded();
    let mut wine = Command::new("wine");
    wine.arg("program.exe").env("WINEPREFIX", files.0.join("wine")).env("WINEDEBUG", "-all");
    let stdout = Run::of(wine.current_dir(&files.0)).succeeded().stdout;
    assert_eq!(stdout.replace('\r', ""), "equal\n");
}

/// As listings, and as object files.
#[test]
fn go_programs_get_what_plain_loops_compute() {
    if !have(&["go"]) || !has("avx2", is_x86_feature_detected!("avx2")) {
        return;
    }
    let line = "check(BITS, plainWORD, of_WORD_bits_pack_BITS, of_WORD_bits_unpack_BITS,
                of_WORD_bits_delta_pack_BITS, of_WORD_bits_delta_unpack_BITS)";
    for convention in ["goasm", "gosyso"] {
        let files = Files::new(&format!("kernels-{convention}"));
        files.file("go.mod", "module program\n\ngo 1.18\n");
        files.file("program.go", program(include_str!("kernels/program.go"), line));
        for module in MODULES {
            let flags = format!("-mabi={convention} -mcpu=haswell -fname-mangling=${{path}}");
            let declarations = format!("-emit-go-declarations {module}.go -fpackage main");
            let listing = format!("-S -massembly-format=go -o {module}_amd64.s");
            files
                .peach(&format!("{flags} {declarations} {listing} {}", source(module)))
                .succeeded();
            if convention == "gosyso" {
                let object = format!("-mimage-format=elf -o {module}_linux_amd64.syso");
                files.peach(&format!("{flags} {object} {}", source(module))).succeeded();
            }
        }
        let mut go = Command::new("go");
        go.args(["build", "-o", "program", "."]).current_dir(&files.0);
        Run::of(go.env("GOCACHE", files.0.join("cache"))).succeeded();
        let run = Run::of(&mut Command::new(files.0.join("program"))).succeeded();
        assert_eq!(run.stdout, "equal\n", "{convention}");
    }
}
