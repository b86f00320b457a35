//! `peach-kernels` for C and Go: each module in every convention and format, and programs in both
//! languages that call a hash, a cipher and a codec, and compare them with plain loops.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_compiler::abi::Convention;
use peach_testing::processor::has;
use peach_testing::tools::have;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use support::{Files, Run, formats, repository};

/// What the programs call.
const MODULES: [&str; 3] = ["metro", "chacha20", "bp128"];

/// The file of a module.
fn source(module: &str) -> String {
    let folder = repository().join("peach-kernels/src");
    let file = folder.join(format!("{module}.rs"));
    let file = if file.exists() { file } else { folder.join(module).join("mod.rs") };
    file.display().to_string()
}

/// The modules that the package offers.
fn modules() -> Vec<String> {
    let path = repository().join("peach-kernels/src/lib.rs");
    let text = fs::read_to_string(path).expect("the package");
    let declared = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    declared.map(str::to_string).collect()
}

/// What the command says where a convention cannot have a module.
fn refusal(module: &str, abi: &str) -> Option<&'static str> {
    match module {
        // The sandbox knows no processors of later years.
        "sha256" if abi == "nacl" => Some("error[E0203]: `sha256rnds2` needs the extension `sha`"),
        // Their tables are constants of the Rust program, which only rustc knows.
        "bloom" | "sha256" => Some("error[E0605]: only rustc knows the elements of"),
        // Listings for Go cannot align constants to 64 bytes.
        "crc" if abi.starts_with("goasm") => Some("error[E0602]: `vmovdqa64` requires 64-byte"),
        // The proof does not find what they keep where Go has lengths of 64 bits.
        "sip13" if ["goasm", "gosyso"].contains(&abi) => {
            Some("error[E0501]: memory at `p` is not proven")
        }
        "vector" if ["goasm", "gosyso"].contains(&abi) => {
            Some("error[E0501]: this is not proven to stay")
        }
        // The sandbox keeps registers for itself.
        "poly1305" if abi == "nacl" => Some("error[E0401]: out of general-purpose registers"),
        _ => None,
    }
}

/// Each module in each convention, the formats in turn; `PEACH_SWEEP=full` takes every format.
#[test]
fn every_module_compiles_in_every_convention_and_format() {
    let files = Files::new("kernels");
    let is_full = std::env::var("PEACH_SWEEP").is_ok_and(|sweep| sweep == "full");
    let modules = modules();
    assert_eq!(modules.len(), 18, "{modules:?}");
    let mut wrong = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        for convention in Convention::ALL {
            let abi = convention.flag;
            let all = formats(convention);
            let chosen = if is_full { &all[..] } else { &all[index % all.len()..][..1] };
            for format in chosen {
                let symbols = "-fname-mangling=${path}_${isa}";
                let flags = format!("-mabi={abi} {format} {symbols} -o out");
                let run = files.peach(&format!("{flags} {}", source(module)));
                let is_expected = match refusal(module, abi) {
                    Some(reason) => run.code == Some(1) && run.stderr.contains(reason),
                    None => run.code == Some(0),
                };
                if !is_expected {
                    wrong.push(format!("{module} {abi} {format}: {:?} {}", run.code, run.stderr));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
