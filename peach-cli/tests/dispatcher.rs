//! `-emit-dispatcher`: C that chooses among versions when the program runs, on processors old and
//! new, built in the ways that C programs are built.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_compiler::isa::{Feature, FeatureSet};
use peach_testing::tools::have;
use support::{Files, repository};

/// Kernels with a version for every processor, with none for some, and with no choice.
const KERNELS: &str = r#"
/// The level of the version that runs.
#[version(enable = "avx512f,avx512bw", LEVEL = 4)]
#[version(enable = "avx2,bmi2", LEVEL = 3)]
#[version(enable = "sse4.2", LEVEL = 2)]
#[version(enable = "sse2", LEVEL = 1)]
pub fn level(x: &[u32], factor: f64) -> (u64, u64) {
    let a, b: gp64;
    mov a, x.len;
    cvttsd2si b, factor;
    add a, LEVEL;
    return (a, b);
}

#[target_feature(enable = "avx2")]
#[unsafe(no_mangle)]
pub fn demanding(x: u32) -> u32 {
    add x, 100;
    return x;
}

pub fn plain() -> u32 {
    return 7;
}

#[version(enable = "popcnt", COUNT = 1)]
#[version(enable = "sse2", COUNT = 0)]
fn inner(x: *mut u32) {
    unsafe {
        mov dword ptr [x], COUNT;
    }
    return;
}

/// Vectors by value.
#[version(enable = "avx2,bmi2")]
#[version(enable = "avx2")]
pub fn twice(x: __m256i) -> __m256i {
    vpaddq x, x, x;
    return x;
}
"#;

/// Prints which versions run.
const PROGRAM: &str = r#"
#include "kernels.h"
#include <stdio.h>
uint32_t demanding_fallback(uint32_t x) { return x + 200; }
__attribute__((target("avx"))) __m256i twice_fallback(__m256i x) { return x; }
int main(void)
{
    uint32_t numbers[3] = {1, 2, 3}, count = 9;
    int turn;
    for (turn = 0; turn < 2; turn++) {
        level_result result = level(numbers, 3, 5.0);
        inner(&count);
        if (result.second != 5 || plain() != 7)
            return 1;
        printf("%d %u %u\n", (int)result.first - 3, demanding(1), count);
    }
    return 0;
}
"#;

/// Processors, and what runs there.
const MODELS: [(&str, &str); 6] = [
    ("Conroe", "1 201 0"),
    ("Nehalem", "2 201 1"),
    ("Haswell", "3 101 1"),
    // Reported by the processor, but the system does not save the registers.
    ("Haswell,-xsave", "2 201 1"),
    ("Haswell,-bmi2", "2 101 1"),
    ("max", "3 101 1"),
];

/// The kernels, compiled with these flags, their dispatcher, and the program.
fn prepared(name: &str, flags: &str) -> Files {
    let files = Files::new(&format!("dispatcher-{name}"));
    files.file("kernels.peach", KERNELS);
    files.file("program.c", PROGRAM);
    let outputs = "-o kernels.o -emit-c-header kernels.h -emit-dispatcher dispatcher.c";
    files.peach(&format!("{flags} {outputs} kernels.peach")).succeeded();
    files
}

/// The complaints of compilers are errors.
const STRICT: &str = "-O2 -Wall -Wextra -Werror -pedantic";

/// Both calls of the program chose what is right on every processor.
#[track_caller]
fn check_models(files: &Files, program: &str) {
    for (model, expected) in MODELS {
        let said = files.shell(&format!("qemu-x86_64 -cpu {model} {program} 2>/dev/null")).stdout;
        assert_eq!(said, format!("{expected}\n{expected}\n"), "{program} on {model}");
    }
    assert_eq!(files.shell(program).stdout.lines().next(), Some(&*here()), "{program} here");
}

/// What runs on this processor.
fn here() -> String {
    use std::arch::is_x86_feature_detected as has;
    let level = match () {
        () if has!("avx512f") && has!("avx512bw") => 4,
        () if has!("avx2") && has!("bmi2") => 3,
        () if has!("sse4.2") => 2,
        () => 1,
    };
    let demanding = if has!("avx2") { 101 } else { 201 };
    format!("{level} {demanding} {}", u32::from(has!("popcnt")))
}

#[test]
fn programs_choose_by_processor_however_they_are_linked() {
    if !have(&["gcc", "clang", "ld.bfd", "ld.lld", "qemu-x86_64"]) {
        return;
    }
    let files = prepared("linked", "");
    for (compiler, linker) in [("gcc", "bfd"), ("gcc", "lld"), ("clang", "bfd"), ("clang", "lld")] {
        for kind in ["-no-pie", "-pie -fPIE", "-static", "-static -fstack-protector-strong"] {
            for indirect in ["", "-DPEACH_NO_IFUNC"] {
                let line = format!("{compiler} {STRICT} -fuse-ld={linker} {kind} {indirect}");
                files.shell(&format!("{line} dispatcher.c program.c kernels.o -o program"));
                check_models(&files, "./program");
            }
        }
    }
}

#[test]
fn indirect_functions_are_in_the_table_of_symbols_and_versions_are_not_exported() {
    if !have(&["gcc", "readelf"]) {
        return;
    }
    let files = prepared("shared", "");
    for (indirect, kind) in [("", "IFUNC"), ("-DPEACH_NO_IFUNC", "FUNC")] {
        let line = format!("gcc {STRICT} {indirect} -shared -fPIC");
        files.file("fallback.c", FALLBACKS);
        files.shell(&format!("{line} dispatcher.c kernels.o fallback.c -o libkernels.so"));
        let symbols = files.shell("readelf -W --dyn-syms libkernels.so").stdout;
        let has = |kind: &str, name: &str| {
            symbols.lines().any(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                words.get(3) == Some(&kind) && words.last() == Some(&name)
            })
        };
        for name in ["level", "demanding", "twice"] {
            assert!(has(kind, name), "{name}: {symbols}");
        }
        for name in ["inner", "level_sse4_2", "demanding_avx2", "demanding_fallback"] {
            assert!(!symbols.contains(&format!(" {name}\n")), "{name}: {symbols}");
        }
        files.file("user.c", USER);
        files.shell("gcc user.c -L. -lkernels -Wl,-rpath,. -o user");
        for (model, expected) in MODELS {
            let said = files.shell(&format!("qemu-x86_64 -cpu {model} ./user 2>/dev/null")).stdout;
            assert_eq!(said.trim(), expected.rsplit_once(' ').map_or("", |(start, _)| start));
        }
    }
}

/// What a library defines for processors without a version.
const FALLBACKS: &str = r#"
#include "kernels.h"
uint32_t demanding_fallback(uint32_t x) { return x + 200; }
__attribute__((target("avx"))) __m256i twice_fallback(__m256i x) { return x; }
"#;

/// Uses what a library exports.
const USER: &str = r#"
#include "kernels.h"
#include <stdio.h>
int main(void)
{
    uint32_t numbers[3] = {1, 2, 3};
    printf("%d %u\n", (int)level(numbers, 3, 5.0).first - 3, demanding(1));
    return 0;
}
"#;

#[test]
fn windows_programs_choose_too() {
    if !have(&["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let files = Files::new("dispatcher-windows");
    // gcc does not align vectors of 32 bytes on Windows' stack.
    let without = |text: &str, mark: &str| text.split(mark).next().unwrap_or_default().to_string();
    files.file("kernels.peach", without(KERNELS, "/// Vectors by value."));
    files.file(
        "program.c",
        PROGRAM.lines().filter(|line| !line.contains("__m256i")).collect::<Vec<_>>().join("\n"),
    );
    let outputs = "-o kernels.obj -emit-c-header kernels.h -emit-dispatcher dispatcher.c";
    files.peach(&format!("-mabi=ms -mimage-format=ms-coff {outputs} kernels.peach")).succeeded();
    let line = format!("x86_64-w64-mingw32-gcc {STRICT} dispatcher.c program.c kernels.obj");
    files.shell(&format!("{line} -o program.exe"));
    let prefix = files.0.join("wine");
    let said =
        files.shell(&format!("WINEPREFIX={} WINEDEBUG=-all wine program.exe", prefix.display()));
    assert_eq!(said.stdout.lines().next(), Some(&*here()));
}

/// Microsoft's convention in a program of System V's, whose functions are indirect all the same.
#[test]
fn functions_of_the_other_convention_are_chosen() {
    if !have(&["gcc", "clang", "qemu-x86_64"]) {
        return;
    }
    let files = Files::new("dispatcher-other");
    let kernels = r#"
        #[version(enable = "popcnt", COUNT = 1)]
        #[version(enable = "sse2", COUNT = 0)]
        pub extern "win64" fn other(x: u64, y: u64) -> u64 { lea x, [2*y + x + COUNT]; return x; }"#;
    files.file("kernels.peach", kernels);
    files.file(
        "program.c",
        "#include \"kernels.h\"\n#include <stdio.h>\n\
         int main(void) { printf(\"%d\\n\", (int)other(10, 20)); return 0; }\n",
    );
    let outputs = "-o kernels.o -emit-c-header kernels.h -emit-dispatcher dispatcher.c";
    files.peach(&format!("{outputs} kernels.peach")).succeeded();
    for line in ["gcc", "clang", "gcc -DPEACH_NO_IFUNC", "clang -DPEACH_NO_IFUNC"] {
        files.shell(&format!("{line} {STRICT} dispatcher.c program.c kernels.o -o program"));
        for (model, expected) in [("Conroe", "50\n"), ("Nehalem", "51\n")] {
            let said = files.shell(&format!("qemu-x86_64 -cpu {model} ./program 2>/dev/null"));
            assert_eq!(said.stdout, expected, "{line} on {model}");
        }
    }
}

/// The extensions that a version may ask for and not every processor has.
fn extensions() -> Vec<Feature> {
    let can_be_asked_for = |feature: &Feature| {
        // The compiler has no instructions of it.
        feature.name() != "apxf" && !FeatureSet::baseline().contains(*feature)
    };
    FeatureSet::all().iter().filter(can_be_asked_for).collect()
}

/// A kernel that tells whether an extension was found.
fn detector(feature: Feature) -> String {
    let name = feature.name();
    format!(
        "#[version(enable = \"{name}\", HAS = 1)]\n#[version(enable = \"sse2\", HAS = 0)]\n\
         pub fn has_{}() -> u32 {{ return HAS; }}\n",
        name.replace(|ch: char| !ch.is_ascii_alphanumeric(), "_")
    )
}

/// Run by the test below, under an emulator: what the runtime finds.
#[test]
#[ignore = "it only reports"]
fn report() {
    for feature in extensions() {
        let rows: FeatureSet = [feature].into_iter().collect();
        let has = peach_runtime::__private::supported(rows.words());
        println!("found {} {}", feature.name(), u32::from(has));
    }
}

#[test]
fn every_extension_is_found_where_the_runtime_finds_it() {
    if !have(&["gcc", "qemu-x86_64"]) {
        return;
    }
    let files = Files::new("dispatcher-detection");
    files.file("kernels.peach", extensions().into_iter().map(detector).collect::<String>());
    let outputs = "-o kernels.o -emit-c-header kernels.h -emit-dispatcher dispatcher.c";
    files.peach(&format!("{outputs} kernels.peach")).succeeded();
    let mut program = "#include \"kernels.h\"\n#include <stdio.h>\nint main(void) {\n".to_string();
    for feature in extensions() {
        let name = feature.name();
        let symbol = name.replace(|ch: char| !ch.is_ascii_alphanumeric(), "_");
        program += &format!("printf(\"found {name} %u\\n\", has_{symbol}());\n");
    }
    files.file("program.c", program + "return 0; }\n");
    files.shell(&format!("gcc {STRICT} dispatcher.c program.c kernels.o -o program"));
    let runtime = std::env::current_exe().expect("this program");
    let runtime = format!(
        "{} --exact report --nocapture --include-ignored --test-threads=1",
        runtime.display()
    );
    let found = |line: &str| -> Vec<String> {
        let said = files.shell(line).stdout;
        let lines = said.lines().filter_map(|line| line.find("found ").map(|at| &line[at..]));
        lines.map(str::to_string).collect()
    };
    let models = ["max", "EPYC", "Skylake-Server", "Denverton", "Conroe", "Opteron_G5", "phenom"];
    let emulated = models.iter().map(|model| format!("qemu-x86_64 -cpu {model} "));
    for prefix in emulated.chain([String::new()]) {
        let (ours, theirs) = (
            found(&format!("{prefix}./program 2>/dev/null")),
            found(&format!("{prefix}{runtime} 2>/dev/null")),
        );
        assert!(ours.len() > 100, "{prefix}: {ours:?}");
        assert_eq!(ours, theirs, "{prefix}");
    }
}

/// No emulator has all that the tables speak of.
#[test]
fn both_tables_of_extensions_are_equal() {
    let rows = |path: &str| -> Vec<String> {
        let text = std::fs::read_to_string(repository().join(path)).expect("a file");
        let table = text.split_once("\nfeatures! {").expect("a table").1;
        let table = table.split_once("\n}").expect("its end").0;
        table.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string).collect()
    };
    let compiler = rows("peach-compiler/src/emit/reports/c/detection.rs");
    assert!(compiler.len() > 100);
    assert_eq!(compiler, rows("peach-runtime/src/cpu.rs"));
}

#[test]
fn what_cannot_be_dispatched_is_refused() {
    let files = Files::new("dispatcher-refused");
    files.file("kernels.peach", KERNELS);
    let refused = |flags: &str, code, text: &str| {
        let line = format!("{flags} -o kernels.o -emit-dispatcher dispatcher.c kernels.peach");
        files.peach(&line).failed(code, text);
        assert!(!files.names().contains(&"dispatcher.c".to_string()));
    };
    refused("-mcpu=haswell", 2, "-mcpu=haswell leaves one version of each kernel");
    refused("-mabi=goasm -S", 2, "cannot call functions of goasm");
    refused("-fname-mangling=${name}", 1, "would have the same symbol `level`");
}

/// With `-mavx2`, what needs no more is the kernel for all.
#[test]
fn what_every_processor_has_is_no_choice() {
    let files = prepared("granted", "-mavx2");
    let text = files.text("dispatcher.c");
    assert!(!text.contains("demanding") && text.contains("level_bmi2") && !text.contains("AVX2"));
    let symbols = files.text("kernels.h");
    assert!(symbols.contains("uint32_t demanding(uint32_t x);") && !symbols.contains("fallback"));
}
