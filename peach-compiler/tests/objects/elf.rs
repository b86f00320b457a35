//! ELF: linked by GNU ld and by lld, into C and C++, static and shared; unwound, read back.

use crate::kernels;
use crate::loader::Image;
use crate::support::{Workspace, module};
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol};
use peach_compiler::abi::{ImageFormat, NACL, SYSV64, X32};
use peach_compiler::sandbox::validate;
use peach_testing::tools::have;

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

/// The linkers, by their name for `gcc`.
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
        // Kernels and what they name: in one library, in a library and the program, in two
        // libraries.
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

#[test]
fn x32_is_linked_and_executed() {
    if !have(&["gcc", "ld.bfd"]) {
        return;
    }
    let space = prepared("elf_x32");
    let module = module(&kernels::source("rdi"), &X32);
    space.object("kernels.o", &module, ImageFormat::Elf, true);
    // With the C library, which takes a kernel of the operating system that is seldom there.
    space.run(&format!("gcc -mx32 -no-pie {STRICT} program.c kernels.o -o program"));
    space.run(&format!("gcc -mx32 -pie -fPIE {STRICT} program.c kernels.o -o program"));
    space.run(&format!("gcc -mx32 -fPIC -shared {STRICT} elsewhere.c kernels.o -o libkernels.so"));
    let headers = space.run("readelf -h libkernels.so");
    assert!(headers.contains("ELF32") && headers.contains("X86-64"), "{headers}");
    // Alone, at the program's own addresses, in this process.
    space.run("gcc -mx32 -fno-pic -O1 -c elsewhere.c -o elsewhere.o");
    space.run("ld.bfd -m elf32_x86_64 --fatal-warnings -e power kernels.o elsewhere.o -o bare");
    let bare = Image::load_program(&space.read("bare"));
    kernels::check(&bare, "", bare.symbol("counter_variable"));
}

#[test]
fn native_client_files_are_bundles_to_their_ends() {
    let source =
        "fn one() { nop; } fn two(x: u64) -> u64 { imul x, x, 77; return x; } fn three() { nop; }";
    let space = Workspace::new("elf_nacl");
    let file = space.object("kernels.o", &module(source, &NACL), ImageFormat::Elf, true);
    let bytes = std::fs::read(file).expect("a file");
    let parsed = object::read::elf::ElfFile64::<LittleEndian>::parse(&*bytes).expect("ELF");
    let text = parsed.section_by_name(".text").expect("code");
    assert_eq!(text.align(), 32);
    let code = text.data().expect("code");
    assert_eq!(validate(code).map_err(|violation| violation.to_string()), Ok(()));
    for symbol in parsed.symbols().filter(|symbol| symbol.is_global()) {
        assert_eq!(symbol.address() % 32, 0);
        let end = (symbol.address() + symbol.size()) as usize;
        let behind = &code[end..end.next_multiple_of(32).min(code.len())];
        assert!(behind.iter().all(|&byte| byte == 0xF4), "{behind:x?} is not hlt");
    }
}

/// What is not `pub` is called from its own object and others, and is not exported.
#[test]
fn what_is_not_public_is_hidden() {
    if !have(&["gcc", "ld.bfd", "ld.lld", "readelf"]) {
        return;
    }
    let source = "
        pub unsafe fn outer() -> u64 { call sym inner; lea rcx, [rax]; mov rax, sym inner; sub rax, rax; add rax, rcx; return rax; }
        fn inner() -> u64 { return 7; }
        pub(crate) fn narrow() -> u64 { return 8; }
        #[export_name = \"named\"] fn third() -> u64 { return 9; }
        #[unsafe(no_mangle)] fn fourth() -> u64 { return 10; }";
    let space = Workspace::new("elf_hidden");
    space.object("kernels.o", &module(source, &SYSV64), ImageFormat::Elf, false);
    space.file(
        "program.c",
        "long outer(void), named(void), fourth(void);\n\
         int main(void) { return outer() == 7 && named() == 9 && fourth() == 10 ? 0 : 1; }\n",
    );
    space.file("inside.c", "long inner(void); long again(void) { return inner(); }\n");
    for linker in LINKERS {
        let own = format!("{linker} {STRICT} -shared -fPIC");
        space.run(&format!("gcc {own} inside.c kernels.o -o libkernels.so"));
        let symbols = space.run("readelf -W --dyn-syms libkernels.so");
        for (name, is_exported) in [
            ("outer", true),
            ("named", true),
            ("fourth", true),
            ("inner", false),
            ("narrow", false),
        ] {
            let found = symbols.lines().any(|line| line.ends_with(&format!(" {name}")));
            assert_eq!(found, is_exported, "{name}: {symbols}");
        }
        space.run(&format!("gcc {linker} program.c -L. -lkernels -Wl,-rpath,. -o program"));
        space.run("./program");
    }
}
