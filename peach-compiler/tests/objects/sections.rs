//! A section for each function: what nothing uses is left out by every linker, and what is kept
//! runs, is unwound and has its source lines.

use crate::kernels;
use crate::support::{Workspace, module};
use peach_compiler::abi::{Convention, ImageFormat, SYSV64, WIN64};
use peach_compiler::emit::objects::{self, Sections};
use peach_testing::tools::have;

fn object(space: &Workspace, name: &str, convention: &'static Convention, format: ImageFormat) {
    let first = if convention == &WIN64 { "rcx" } else { "rdi" };
    let unused =
        "pub fn unused(x: f64) -> f64 { const T: [f64; 2] = [3.5, 1.0]; mulsd x, [T]; return x; }";
    let module = module(&(kernels::source(first) + unused), convention);
    let sections = Sections::PerFunction;
    let options = objects::Options { debug: true, sections, ..objects::Options::new(format) };
    space.file(name, objects::write(&module, &options).expect("an object file"));
}

#[test]
fn elf_linkers_leave_out_what_nothing_uses() {
    if !have(&["gcc", "g++", "ld.bfd", "ld.lld", "nm", "gdb"]) {
        return;
    }
    let space = Workspace::new("sections_elf");
    object(&space, "kernels.o", &SYSV64, ImageFormat::Elf);
    space.file("kernels.h", kernels::HEADER);
    space.file("program.c", include_str!("program.c"));
    space.file("elsewhere.c", include_str!("elsewhere.c"));
    space.file("exception.cpp", include_str!("exception.cpp"));
    space.file("step.c", include_str!("step.c"));
    for linker in ["-fuse-ld=bfd", "-fuse-ld=lld"] {
        let strict = format!("{linker} -Wl,--fatal-warnings -Wl,-z,text -Wl,--gc-sections");
        for kind in ["-no-pie", "-pie -fPIE", "-static"] {
            space.run(&format!("gcc {kind} {strict} program.c kernels.o -o program"));
            space.run("./program");
            let symbols = space.run("nm program");
            assert!(!symbols.contains(" T unused\n"), "{symbols}");
        }
        space.run(&format!("g++ {strict} exception.cpp kernels.o -o exception"));
        space.run("./exception");
        space.run(&format!("gcc {strict} step.c kernels.o -o step"));
        space.run("./step");
    }
}

#[test]
fn what_debuggers_read_is_right() {
    if !have(&["llvm-dwarfdump", "ld.bfd", "gcc"]) {
        return;
    }
    let space = Workspace::new("sections_debug");
    object(&space, "kernels.o", &SYSV64, ImageFormat::Elf);
    space.run("ld.bfd -shared kernels.o -o kernels.so");
    let said = space.run("llvm-dwarfdump --verify kernels.so");
    assert!(said.contains("No errors"), "{said}");
    let said = space.run("llvm-dwarfdump --debug-ranges --debug-info kernels.so");
    assert!(said.contains("DW_AT_ranges"), "{said}");
}

#[test]
fn windows_linkers_leave_out_what_nothing_uses() {
    if !have(&["x86_64-w64-mingw32-gcc", "lld-link", "wine", "llvm-readobj"]) {
        return;
    }
    let space = Workspace::new("sections_coff");
    object(&space, "kernels.obj", &WIN64, ImageFormat::MsCoff);
    space.file("kernels.h", kernels::HEADER);
    space.file("windows.c", include_str!("windows.c"));
    let gcc = "x86_64-w64-mingw32-gcc -O1 -DSCATTERED -D__USE_MINGW_ANSI_STDIO=0";
    space.run(&format!("{gcc} -Wl,--gc-sections windows.c kernels.obj -o gnu.exe"));
    space.run(&format!("{gcc} -c -Dmain=start windows.c -o windows.obj"));
    let libraries = "/usr/x86_64-w64-mingw32/lib";
    let said = space.run(&format!(
        "lld-link /WX /opt:ref /verbose /nodefaultlib /entry:start /subsystem:console \
         windows.obj kernels.obj {libraries}/libkernel32.a {libraries}/libmsvcrt-os.a \
         /out:minimal.exe"
    ));
    let discarded = |name: &str| {
        said.lines().any(|line| line.contains("Discarded") && line.trim_end().ends_with(name))
    };
    assert!(discarded(" unused") && !discarded(" twice"), "{said}");
    for program in ["gnu.exe", "minimal.exe"] {
        space.wine(program);
    }
}
