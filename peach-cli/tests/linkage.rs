//! `#[linkage = "weak"]`, `#[alias]` and `#[weak_alias]`: real linkers take another definition where
//! there is one, and find a kernel by all of its symbols, in object files and listings.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use peach_testing::tools::{have, versioned};
use support::Files;

/// Without what NASM and MASM cannot say.
const ALIASES: &str = r#"
#[alias = "seven_too"]
#[unsafe(alias = "sieben")]
pub fn seven() -> u64 { mov rbx, 7; mov rax, rbx; return rax; }

/// Only its alias is exported.
#[alias = "eight"]
fn inner() -> u64 { mov rax, 8; return rax; }

pub unsafe fn calls() -> u64 { jmp sym sieben; }
"#;

const WEAK: &str = r#"
/// The program defines it, too.
#[linkage = "weak"]
pub fn answer() -> u64 { mov rbx, 1; mov rax, rbx; return rax; }

#[linkage = "weak"]
pub fn lonely() -> u64 { mov rbx, 2; mov rax, rbx; return rax; }

#[weak_alias = "three_maybe"]
#[weak_alias = "three_surely"]
pub fn three() -> u64 { mov rax, 3; return rax; }

"#;

/// What refers to weak symbols of the same file.
const REFERENCES: &str = r#"
pub unsafe fn through() -> u64 { jmp sym answer; }
pub unsafe fn through_alias() -> u64 { jmp sym three_maybe; }
pub fn address() -> u64 { mov rax, sym answer; return rax; }
"#;

const PROGRAM: &str = r#"
typedef unsigned long long number;
number seven(void), seven_too(void), sieben(void), eight(void), calls(void);
number lonely(void), three(void), three_surely(void), through(void), through_alias(void);
number address(void);
number answer(void) { return 10; }
number three_maybe(void) { return 30; }
int main(void)
{
    if (seven() != 7 || seven_too() != 7 || sieben() != 7 || eight() != 8 || calls() != 7)
        return 1;
    if (seven != seven_too || seven != sieben)
        return 2;
#ifndef WITHOUT_WEAK
    if (lonely() != 2 || three() != 3 || three_surely() != 3)
        return 3;
    if (answer() != 10 || three_maybe() != 30)
        return 4;
#ifndef WITHOUT_REFERENCES
    if (through() != 10 || address() != (number)answer || through_alias() != 30)
        return 5;
#endif
#endif
    return 0;
}
"#;

fn prepared(name: &str) -> Files {
    let files = Files::new(&format!("linkage-{name}"));
    files.file("kernels.peach", format!("{ALIASES}{WEAK}{REFERENCES}"));
    files.file("weak.peach", format!("{ALIASES}{WEAK}"));
    files.file("aliases.peach", ALIASES);
    files.file("program.c", PROGRAM);
    files
}

#[test]
fn elf_linkers_know_weak_symbols_and_aliases() {
    if !have(&["gcc", "as", "clang", "nasm", "ld.bfd", "ld.lld", "readelf"]) {
        return;
    }
    let files = prepared("elf");
    let listing = |format: &str, to: &str, assembler: &str| {
        let line = format!("-S -massembly-format={format} -o {to}");
        if format == "nasm" {
            files
                .peach(&format!("{line} kernels.peach"))
                .failed(1, "NASM takes no other definition");
            files.peach(&format!("{line} weak.peach")).succeeded();
        } else {
            files.peach(&format!("{line} kernels.peach")).succeeded();
        }
        files.shell(assembler);
    };
    files.peach("-o object.o kernels.peach").succeeded();
    files.peach("-ffunction-sections -o sections.o kernels.peach").succeeded();
    listing("gas", "kernels.s", "as kernels.s -o gas.o && clang -c kernels.s -o clang.o");
    listing("nasm", "kernels.asm", "nasm -f elf64 kernels.asm -o nasm.o");
    for object in ["object.o", "sections.o", "gas.o", "clang.o", "nasm.o"] {
        for linker in ["bfd", "lld"] {
            for kind in ["-no-pie", "-pie -fPIE", "-static", "-Wl,--gc-sections"] {
                let less = if object == "nasm.o" { "-DWITHOUT_REFERENCES" } else { "" };
                let line = format!("gcc {less} -fuse-ld={linker} -Wl,--fatal-warnings {kind}");
                files.shell(&format!("{line} program.c {object} -o program && ./program"));
            }
        }
        files.shell(&format!("gcc -shared -Wl,-Bsymbolic {object} -o kernels.so"));
        let symbols = files.shell("readelf -W --dyn-syms kernels.so").stdout;
        let binding = |name: &str| {
            let words = |line: &str| -> Vec<String> {
                line.split_whitespace().map(str::to_string).collect()
            };
            let line = symbols
                .lines()
                .map(words)
                .find(|words| words.last().is_some_and(|last| last == name));
            line.map(|words| (words[3].clone(), words[4].clone(), words[2] != "0"))
        };
        let function = |binding: &str| Some(("FUNC".to_string(), binding.to_string(), true));
        for name in ["seven", "seven_too", "sieben", "eight", "three", "calls"] {
            assert_eq!(binding(name), function("GLOBAL"), "{object} {name}: {symbols}");
        }
        for name in ["answer", "lonely", "three_maybe", "three_surely"] {
            assert_eq!(binding(name), function("WEAK"), "{object} {name}: {symbols}");
        }
        assert_eq!(binding("inner"), None, "{object}: {symbols}");
    }
}

#[test]
fn windows_linkers_do_too() {
    if !have(&["x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-as", "lld-link", "clang", "wine"]) {
        return;
    }
    let files = prepared("windows");
    let target = "-mabi=ms -mimage-format=ms-coff";
    files.peach(&format!("{target} -o object.obj kernels.peach")).succeeded();
    files.peach(&format!("{target} -ffunction-sections -o sections.obj kernels.peach")).succeeded();
    let listing = format!("{target} -S -massembly-format=gas -o kernels.s");
    let refusal = "GNU as takes no other definition of `three_maybe` here";
    files.peach(&format!("{listing} kernels.peach")).failed(1, refusal);
    files.peach(&format!("{listing} weak.peach")).succeeded();
    files.shell("x86_64-w64-mingw32-as kernels.s -o gas.obj");
    files.shell("clang --target=x86_64-w64-mingw32 -c kernels.s -o clang.obj");
    let gcc = "x86_64-w64-mingw32-gcc -O1";
    files.shell(&format!("{gcc} -c -Dmain=start program.c -o program.obj"));
    let less = "-Dmain=start -DWITHOUT_REFERENCES";
    files.shell(&format!("{gcc} -c {less} program.c -o less.obj"));
    let wine = "WINEDEBUG=-all wine";
    for (program, object) in [
        ("program.obj", "object.obj"),
        ("program.obj", "sections.obj"),
        ("less.obj", "gas.obj"),
        ("less.obj", "clang.obj"),
    ] {
        // (GNU ld finds weak definitions of other objects in no file for Windows, gcc's neither.)
        files.shell(&format!(
            "lld-link /nodefaultlib /entry:start /subsystem:console {program} {object} \
                 /usr/x86_64-w64-mingw32/lib/libkernel32.a /out:llvm.exe && {wine} ./llvm.exe"
        ));
    }
    files.peach(&format!("{target} -o aliases.obj aliases.peach")).succeeded();
    let line = format!("{gcc} -DWITHOUT_WEAK program.c aliases.obj -o gnu.exe");
    files.shell(&format!("{line} && {wine} ./gnu.exe"));
    // Unwinding tables are of the code, whatever is called by its name.
    for object in ["object.obj", "sections.obj", "gas.obj"] {
        let tables = files.shell(&format!("objdump -r {object}")).stdout;
        let tables: Vec<&str> =
            tables.lines().skip_while(|line| !line.contains("[.pdata")).collect();
        let names_it = |line: &&str| line.split_whitespace().any(|word| word.starts_with("lonely"));
        assert!(!tables.is_empty() && !tables.iter().any(names_it), "{object}: {tables:?}");
    }
}

#[test]
fn other_assemblers_of_windows_know_aliases_and_refuse_weak_symbols() {
    if !have(&["x86_64-w64-mingw32-gcc", "nasm", "llvm-ml-16", "wine"]) {
        return;
    }
    let files = prepared("masm");
    for (format, image, assembler) in [
        ("masm", "ms-coff", "llvm-ml-16 -m64 -c kernels.asm /Fokernels.obj"),
        ("nasm", "ms-coff", "nasm -f win64 kernels.asm -o kernels.obj"),
    ] {
        let flags =
            format!("-mabi=ms -mimage-format={image} -S -massembly-format={format} -o kernels.asm");
        files.peach(&format!("{flags} aliases.peach")).succeeded();
        files.shell(assembler);
        let gcc = "x86_64-w64-mingw32-gcc -O1 -DWITHOUT_WEAK";
        files
            .shell(&format!("{gcc} program.c kernels.obj -o x.exe && WINEDEBUG=-all wine ./x.exe"));
        let refused = files.peach(&format!("{flags} kernels.peach"));
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        assert!(refused.stderr.contains("MASM has no weak symbols") == (format == "masm"));
        assert!(refused.stderr.matches("[E0605]").count() >= 3, "{}", refused.stderr);
    }
}

#[test]
fn mach_o_files_have_weak_definitions() {
    let Some(nm) = versioned("llvm-nm") else { return };
    if !have(&["clang"]) {
        return;
    }
    let files = prepared("macos");
    let target = "-mimage-format=mach-o";
    files.peach(&format!("{target} -o object.o kernels.peach")).succeeded();
    files
        .peach(&format!("{target} -S -massembly-format=gas -o kernels.s kernels.peach"))
        .succeeded();
    files.shell("clang --target=x86_64-apple-macos11 -c kernels.s -o gas.o");
    for object in ["object.o", "gas.o"] {
        let symbols = files.shell(&format!("{nm} -m {object}")).stdout;
        let kind = |name: &str| {
            let line = symbols.lines().find(|line| line.ends_with(&format!(" _{name}")));
            let (_, kind) =
                line.unwrap_or_else(|| panic!("{name}: {symbols}")).split_once(") ").unwrap();
            kind.trim_end_matches(&format!(" _{name}")).to_string()
        };
        for name in ["seven", "seven_too", "sieben", "eight", "three"] {
            assert_eq!(kind(name), "external", "{object} {name}: {symbols}");
        }
        for name in ["answer", "lonely", "three_maybe", "three_surely"] {
            assert_eq!(kind(name), "weak external", "{object} {name}: {symbols}");
        }
        assert!(kind("inner").contains("private external"), "{object}: {symbols}");
    }
}

#[test]
fn a_dispatcher_has_the_symbols_of_its_kernel() {
    if !have(&["gcc", "clang", "readelf"]) {
        return;
    }
    let files = Files::new("linkage-dispatcher");
    files.file(
        "kernels.peach",
        r#"
/// Numbers in pairs.
#[alias = "count_too"]
#[weak_alias = "count_maybe"]
#[linkage = "weak"]
#[version(enable = "popcnt", N = 5)]
#[version(enable = "sse2", N = 4)]
pub fn count(x: &[u32], y: u64) -> (u64, u64) {
    let a: gp64;
    mov a, x.len;
    add a, N;
    return (a, y);
}
"#,
    );
    files.file(
        "program.c",
        r#"
#include "kernels.h"
#ifdef OTHER
count_result count(const uint32_t *x, size_t len, uint64_t y)
{
    count_result other = {*x, len + y};
    return other;
}
count_result count_maybe(const uint32_t *x, size_t len, uint64_t y) { return count(x, len, y); }
#endif
int main(void)
{
    uint32_t numbers[2] = {40, 50};
    count_result a = count(numbers, 2, 3), b = count_too(numbers, 2, 3);
    count_result c = count_maybe(numbers, 2, 3);
    if (b.first < 6 || b.first > 7 || b.second != 3)
        return 1;
#ifdef OTHER
    return !(a.first == 40 && a.second == 5 && c.first == 40 && c.second == 5);
#else
    return !(a.first == b.first && a.second == 3 && c.first == b.first && c.second == 3);
#endif
}
"#,
    );
    let outputs = "-o kernels.o -emit-c-header kernels.h -emit-dispatcher dispatcher.c";
    files.peach(&format!("{outputs} kernels.peach")).succeeded();
    for compiler in ["gcc", "clang"] {
        for defines in ["", "-DOTHER", "-DPEACH_NO_IFUNC", "-DPEACH_NO_IFUNC -DOTHER"] {
            let line = format!("{compiler} -O2 -Wall -Wextra -Werror -pedantic {defines}");
            files.shell(&format!("{line} dispatcher.c program.c kernels.o -o p && ./p"));
        }
    }
    files.shell("gcc -shared -fPIC dispatcher.c kernels.o -o kernels.so");
    let symbols = files.shell("readelf -W --dyn-syms kernels.so").stdout;
    for (name, binding) in [("count", "WEAK"), ("count_too", "GLOBAL"), ("count_maybe", "WEAK")] {
        let is_it = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.last() == Some(&name) && words[3] == "IFUNC" && words[4] == binding
        };
        assert!(symbols.lines().any(is_it), "{name}: {symbols}");
    }
}

#[test]
fn go_has_neither() {
    let files = Files::new("linkage-go");
    files.file("kernels.peach", "#[alias = \"b\"]\n#[linkage = \"weak\"]\npub fn a() {}\n");
    for flags in ["-mabi=goasm -S -o kernels_amd64.s", "-mabi=gosyso -o kernels.syso"] {
        let refused = files.peach(&format!("{flags} kernels.peach"));
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        assert!(refused.stderr.contains("Go's linker has no aliases"), "{}", refused.stderr);
        assert!(refused.stderr.contains("Go's linker has no weak"), "{}", refused.stderr);
    }
}
