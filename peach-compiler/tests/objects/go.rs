//! `.syso` files, by Go's own linker, which relocates less than others: run on Linux and under
//! wine.

use crate::support::{Workspace, module};
use peach_compiler::abi::{GOSYSO, ImageFormat};
use peach_testing::tools::have;

const SYSTEMS: [(&str, ImageFormat); 3] =
    [("linux", ImageFormat::Elf), ("windows", ImageFormat::MsCoff), ("darwin", ImageFormat::MachO)];

/// Constants, a jump table, a stack variable, a call within the file.
const SOURCE: &str = r#"
const POWERS: [u32; 8] = [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000];

#[export_name = "kernel_power"]
fn power(i: u64) -> u32 {
    let at: gp64; let n: gp64;
    mov n, i;
    and n, 7;
    lea at, [POWERS];
    unsafe { mov n.gp32, dword [at + n*4]; }
    return n.gp32;
}

#[export_name = "kernel_scaled"]
fn scaled(x: f64) -> f64 {
    mulsd x, f64(2.5);
    addsd x, f64(0.5);
    return x;
}

#[export_name = "kernel_choice"]
unsafe fn choice(which: u32) -> u32 {
    const CASES: [label; 4] = ['a, 'b, 'c, 'd];
    let t: gp64; let i: gp64; let n: gp32;
    mov i.gp32, which;
    and i.gp32, 3;
    lea t, [CASES];
    movsxd i, dword [t + i*4];
    add i, t;
    jmp i, CASES;
'a: mov n, 11; jmp 'end;
'b: mov n, 22; jmp 'end;
'c: mov n, 33; jmp 'end;
'd: mov n, 44;
'end:
    return n;
}

#[export_name = "kernel_triple"]
fn triple(x: u64) -> u64 {
    let b: [u64; 8];
    mov [b], x;
    mov [b + 56], x;
    add x, [b];
    add x, [b + 56];
    return x;
}

fn helper() { nop; }

#[export_name = "kernel_caller"]
unsafe fn caller() -> u64 { call sym helper; return 77; }
"#;

/// Go's compiler requires each function in assembly, which jumps to the one in the file.
const STUBS: &str = r#"#include "textflag.h"

TEXT ·Power(SB), NOSPLIT, $0-12
    JMP kernel_power(SB)

TEXT ·Scaled(SB), NOSPLIT, $0-16
    JMP kernel_scaled(SB)

TEXT ·Choice(SB), NOSPLIT, $0-12
    JMP kernel_choice(SB)

TEXT ·Triple(SB), NOSPLIT, $0-16
    JMP kernel_triple(SB)

TEXT ·Caller(SB), NOSPLIT, $0-8
    JMP kernel_caller(SB)
"#;

const PROGRAM: &str = r#"package main

func Power(i uint64) uint32
func Scaled(x float64) float64
func Choice(which uint32) uint32
func Triple(x uint64) uint64
func Caller() uint64

func main() {
    expected := uint32(1)
    for i := uint64(0); i < 8; i++ {
        if Power(i) != expected || Choice(uint32(i)) != 11*(uint32(i)%4+1) || Triple(i) != 3*i {
            panic(i)
        }
        expected *= 10
    }
    if Scaled(3) != 8 || Caller() != 77 {
        panic("constants or calls")
    }
    println("all right")
}
"#;

#[test]
fn programs_in_go_are_linked_and_run() {
    if !have(&["go", "wine"]) {
        return;
    }
    let space = Workspace::new("go_programs");
    space.file("go.mod", "module kernels\n\ngo 1.19\n");
    space.file("stubs_amd64.s", STUBS);
    space.file("main.go", PROGRAM);
    let module = module(SOURCE, &GOSYSO);
    for (system, format) in SYSTEMS {
        space.object(&format!("kernels_{system}_amd64.syso"), &module, format, true);
        space.run(&format!("env GOOS={system} go build -o program_{system}.exe ."));
    }
    space.run("go vet .");
    assert_eq!(space.run("./program_linux.exe"), "all right\n");
    assert!(space.wine("program_windows.exe").contains("all right"));
}

/// Two packages with the same kernels and constants, as when one is a copy of the other, and a third
/// with other kernels, which it did not name for linkers.
#[test]
fn packages_with_the_same_kernels_are_linked() {
    if !have(&["go", "wine"]) {
        return;
    }
    let space = Workspace::new("go_packages");
    space.file("go.mod", "module kernels\n\ngo 1.19\n");
    let other = SOURCE.replace("kernel_", "other_").replace("2.5", "3.5");
    let (shared, other) = (module(SOURCE, &GOSYSO), module(&other, &GOSYSO));
    for (package, prefix) in [("first", "kernel_"), ("second", "kernel_"), ("third", "other_")] {
        std::fs::create_dir_all(space.file("x", "").with_file_name(package)).expect("a directory");
        space.file(&format!("{package}/stubs_amd64.s"), STUBS.replace("kernel_", prefix));
        let library = PROGRAM
            .replace("package main", &format!("package {package}"))
            .replace("func main()", "func Check()")
            .replace(
                "Scaled(3) != 8",
                &format!("Scaled(3) != {}", if prefix == "other_" { 11 } else { 8 }),
            );
        space.file(&format!("{package}/{package}.go"), library);
        let module = if prefix == "other_" { &other } else { &shared };
        for (system, format) in SYSTEMS {
            space.object(&format!("{package}/kernels_{system}_amd64.syso"), module, format, true);
        }
    }
    space.file(
        "main.go",
        "package main\n\nimport (\n\"kernels/first\"\n\"kernels/second\"\n\"kernels/third\"\n)\n\n\
         func main() { first.Check(); second.Check(); third.Check() }\n",
    );
    for (system, _) in SYSTEMS {
        space.run(&format!("env GOOS={system} go build -o program_{system}.exe ."));
    }
    space.run("./program_linux.exe");
    space.wine("program_windows.exe");
}
