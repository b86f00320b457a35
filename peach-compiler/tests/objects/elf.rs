//! ELF: linked by GNU ld and by lld, into C and C++, static and shared; unwound, read back.

use crate::kernels;
use crate::support::{Workspace, have, module};
use peach_compiler::abi::{ImageFormat, SYSV64};

/// A directory with the kernels' object file and all sources.
fn prepared(test: &str) -> Workspace {
    let space = Workspace::new(test);
    let module = module(&kernels::source("rdi"), &SYSV64);
    space.object("kernels.o", &module, ImageFormat::Elf, true);
    space.file("kernels.h", kernels::HEADER);
    space.file("program.c", include_str!("program.c"));
    space.file("elsewhere.c", include_str!("elsewhere.c"));
    space.file("exception.cpp", include_str!("exception.cpp"));
    space.file("step.c", include_str!("step.c"));
    space
}

/// The linkers, as `gcc` is told of them.
const LINKERS: [&str; 2] = ["-fuse-ld=bfd", "-fuse-ld=lld"];

/// No linker may find anything strange.
const STRICT: &str = "-Wl,--fatal-warnings -Wl,-z,text";

#[test]
fn programs_are_linked_and_run() {
    if !have(&["gcc", "ld.bfd", "ld.lld"]) {
        return;
    }
    let space = prepared("elf_programs");
    for linker in LINKERS {
        for kind in ["-no-pie", "-pie -fPIE", "-static"] {
            space.run(&format!("gcc {kind} {linker} {STRICT} program.c kernels.o -o program"));
            space.run("./program");
        }
    }
}

#[test]
fn shared_objects_are_linked_and_run() {
    if !have(&["gcc", "ld.bfd", "ld.lld"]) {
        return;
    }
    let space = prepared("elf_shared");
    for linker in LINKERS {
        // Kernels and what they name: in one library, in a library and the program, in two libraries.
        let own = format!("{linker} {STRICT} -shared -fPIC");
        space.run(&format!("gcc {own} elsewhere.c kernels.o -o libkernels.so"));
        space.run(&format!(
            "gcc {linker} -DELSEWHERE program.c -L. -lkernels -Wl,-rpath,. -o program"
        ));
        space.run("./program");
        space.run(&format!("gcc {own} kernels.o -o libkernels.so"));
        space.run(&format!(
            "gcc {linker} -rdynamic program.c -L. -lkernels -Wl,-rpath,. -o program"
        ));
        space.run("./program");
        space.run(&format!("gcc {own} elsewhere.c -o libelsewhere.so"));
        space.run(&format!("gcc {own} kernels.o -L. -lelsewhere -Wl,-rpath,. -o libkernels.so"));
        space.run(&format!(
            "gcc {linker} -DELSEWHERE program.c -L. -lkernels -lelsewhere -Wl,-rpath,. -o program"
        ));
        space.run("./program");
    }
}

#[test]
fn exceptions_pass_through_kernels() {
    if !have(&["g++", "ld.bfd", "ld.lld"]) {
        return;
    }
    let space = prepared("elf_exceptions");
    for linker in LINKERS {
        for options in ["-O0", "-O2"] {
            space.run(&format!(
                "g++ {options} {linker} {STRICT} exception.cpp kernels.o -o exception"
            ));
            space.run("./exception");
        }
    }
}

#[test]
fn every_instruction_is_unwound() {
    if !have(&["gcc", "ld.bfd", "ld.lld"]) {
        return;
    }
    let space = prepared("elf_step");
    for linker in LINKERS {
        space.run(&format!("gcc {linker} {STRICT} step.c kernels.o -o step"));
        space.run("./step");
    }
}
