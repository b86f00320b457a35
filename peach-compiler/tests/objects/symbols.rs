//! Tail calls, and operands in memory at symbols, in files of every format.

use crate::loader::Image;
use crate::support::{Workspace, module};
use peach_compiler::abi::{ImageFormat, SYSV64, WIN64, X32};
use peach_testing::tools::{have, versioned};

/// `FIRST` is the register of the first argument. `numbers` holds 3, 5, 7, … in 64 bits each.
const SOURCE: &str = r#"
    pub unsafe fn at_once(x: u64) -> u64 { FIRST = x; jmp sym increment; }
    pub unsafe fn from_a_frame(x: u64) -> u64 {
        let buffer: [u64; 500] align 64;
        mov [buffer + 8], x;
        rbx = x; r12 = x; r15 = x;
        xmm6 = f64x2(1.0, 2.0); xmm15 = f64x2(3.0, 4.0);
        FIRST = x;
        call sym increment;
        add rax, [buffer + 8];
        FIRST = rax;
        test rax, 1;
        jz 'even;
        jmp sym increment;
        'even:
        push FIRST; pop FIRST;
        jmp sym at_once;
    }
    pub unsafe fn third() -> u64 { mov rax, [sym numbers + 16]; return rax; }
    pub unsafe fn compared(x: u64) -> u64 {
        mov rax, [8 + sym numbers];
        cmp dword [sym numbers + 24], 1_000_000;
        ja 'end;
        cmp byte [sym numbers + 3*8], 100;
        ja 'end;
        add rax, [sym numbers];
        movups xmm0, [sym numbers + 16];
        pshufd xmm1, xmm0, 0b1110;
        shufpd xmm1, [sym numbers + 32], 2;
        movq rcx, xmm1;
        add rax, rcx;
        lea rcx, [sym numbers + 40];
        add rax, [rcx - 8];
        add rax, x;
        'end: return rax;
    }
    pub unsafe fn set(x: u64) -> u64 {
        xchg x, [sym numbers + 56];
        mov dword [sym numbers + 60], 0x1234_5678;
        return x;
    }
"#;

const PROGRAM: &str = r#"
    #include <stdint.h>
    uint64_t increment(uint64_t x);
    uint64_t increment(uint64_t x) { return x + 1; }
    extern __attribute__((visibility("hidden"), aligned(16))) uint64_t numbers[8];
    __attribute__((aligned(16))) uint64_t numbers[8] = {3, 5, 7, 9, 11, 13, 15, 17};
    uint64_t at_once(uint64_t), from_a_frame(uint64_t), third(void), compared(uint64_t), set(uint64_t);
    int check(void);
    int check(void) {
        for (uint64_t x = 0; x < 10; x++) {
            if (at_once(x) != x + 1) return 1;
            if (from_a_frame(x) != 2 * x + 2) return 2;
            if (compared(x) != 5 + 3 + 9 + 11 + x) return 3;
        }
        if (third() != 7 || set(1) != 17) return 4;
        return numbers[7] == 0x1234567800000001 ? 0 : 5;
    }
    #ifndef LIBRARY
    int main(void) { return check(); }
    #endif
"#;

fn prepared(test: &str, first: &str) -> Workspace {
    let space = Workspace::new(test);
    let source = SOURCE.replace("FIRST", first);
    let (convention, format, name) = match first {
        "rcx" => (&WIN64, ImageFormat::MsCoff, "kernels.obj"),
        _ => (&SYSV64, ImageFormat::Elf, "kernels.o"),
    };
    space.object(name, &module(&source, convention), format, true);
    space.file("program.c", PROGRAM);
    space
}

#[test]
fn elf_programs_and_libraries_are_linked_and_run() {
    if !have(&["gcc", "ld.bfd", "ld.lld"]) {
        return;
    }
    let space = prepared("symbols_elf", "rdi");
    space.file("main.c", "int check(void); int main(void) { return check(); }");
    for linker in ["-fuse-ld=bfd", "-fuse-ld=lld"] {
        let strict = format!("{linker} -Wl,--fatal-warnings -Wl,-z,text");
        for kind in ["-no-pie", "-pie -fPIE", "-static"] {
            space.run(&format!("gcc {kind} {strict} program.c kernels.o -o program"));
            space.run("./program");
        }
        space.run(&format!(
            "gcc {strict} -DLIBRARY -shared -fPIC program.c kernels.o -o libkernels.so"
        ));
        space.run(&format!("gcc {linker} main.c -L. -lkernels -Wl,-rpath,. -o program"));
        space.run("./program");
    }
}

#[test]
fn coff_programs_are_linked_and_run() {
    if !have(&["x86_64-w64-mingw32-gcc", "ld.lld", "wine"]) {
        return;
    }
    let space = prepared("symbols_coff", "rcx");
    let gcc = "x86_64-w64-mingw32-gcc -O1";
    for (linker, program) in [("", "gnu.exe"), (" -fuse-ld=lld", "lld.exe")] {
        space.run(&format!("{gcc}{linker} program.c kernels.obj -o {program}"));
        space.wine(program);
    }
}

/// The numbers are the bytes of a kernel in another file.
const ELSEWHERE: &str = r#"
    pub fn increment(x: u64) -> u64 { lea rax, [x + 1]; return rax; }
    pub unsafe fn numbers() {
        for n in [3, 5, 7, 9, 11, 13, 15, 17] { db n, 0, 0, 0, 0, 0, 0, 0; }
    }
"#;

/// Code cannot be written to, so one kernel is only linked.
fn check_image(image: &Image, prefix: &str) {
    type Unary = extern "C" fn(u64) -> u64;
    let unary = |name: &str| {
        let symbol = image.symbol(&format!("{prefix}{name}"));
        // SAFETY: the functions are kernels with this signature, or without the argument.
        unsafe { std::mem::transmute::<*const std::ffi::c_void, Unary>(symbol) }
    };
    for x in 0..10 {
        assert_eq!(unary("at_once")(x), x + 1);
        assert_eq!(unary("from_a_frame")(x), 2 * x + 2);
        assert_eq!(unary("compared")(x), 5 + 3 + 9 + 11 + x);
        assert_eq!(unary("third")(x), 7);
    }
}

#[test]
fn mach_o_libraries_are_linked_and_run() {
    let Some(ld64) = versioned("ld64.lld") else { return };
    let space = prepared("symbols_macho", "rdi");
    let source = SOURCE.replace("FIRST", "rdi");
    space.object("kernels.o", &module(&source, &SYSV64), ImageFormat::MachO, true);
    space.object("elsewhere.o", &module(ELSEWHERE, &SYSV64), ImageFormat::MachO, true);
    let platform = "-arch x86_64 -platform_version macos 11.0 11.0";
    space.run(&format!(
        "{ld64} {platform} -fatal_warnings -dylib -install_name library kernels.o elsewhere.o \
         -o whole.dylib"
    ));
    let image = Image::load_library(&space.read("whole.dylib"), |name| panic!("{name} is defined"));
    check_image(&image, "_");
}

#[test]
fn x32_programs_are_linked_and_executed() {
    if !have(&["ld.bfd"]) {
        return;
    }
    let space = Workspace::new("symbols_x32");
    let source = SOURCE.replace("FIRST", "rdi");
    space.object("kernels.o", &module(&source, &X32), ImageFormat::Elf, true);
    space.object("elsewhere.o", &module(ELSEWHERE, &X32), ImageFormat::Elf, true);
    space.run("ld.bfd -m elf32_x86_64 --fatal-warnings -e third kernels.o elsewhere.o -o bare");
    check_image(&Image::load_program(&space.read("bare")), "");
}

/// A linker joins the kernels of one file as it does those of several.
#[test]
fn kernels_of_one_file_are_linked_with_each_other() {
    if !have(&["ld.bfd"]) {
        return;
    }
    let source = format!("{} {ELSEWHERE}", SOURCE.replace("FIRST", "rdi"));
    let space = Workspace::new("symbols_own");
    space.object("kernels.o", &module(&source, &X32), ImageFormat::Elf, true);
    space.run("ld.bfd -m elf32_x86_64 --fatal-warnings -e third kernels.o -o bare");
    check_image(&Image::load_program(&space.read("bare")), "");
}
