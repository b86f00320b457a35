//! What is in a file besides code that runs: symbols and their sizes, sections, absolute addresses,
//! files without kernels, what is refused.

use crate::kernels;
use crate::support::{Workspace, module, module_for, object};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf};
use peach_compiler::abi::{ImageFormat, SYSV64, WIN64, X32};
use peach_compiler::diagnostics::Code;
use peach_compiler::emit::objects::{self, Format, Options};
use peach_compiler::pipeline::Target;
use peach_testing::tools::have;

#[test]
fn symbols_have_names_types_and_sizes() {
    let module = module(&kernels::source("rdi"), &SYSV64);
    let bytes = object(&module, ImageFormat::Elf, false);
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).expect("an object file");
    let symbols: Vec<_> = file.symbols().collect();
    assert_eq!((symbols[0].name(), symbols[0].kind()), (Ok("kernels.peach"), SymbolKind::File));
    for function in &module.functions {
        let symbol = file.symbol_by_name(&function.symbol).expect("a symbol");
        assert!(symbol.is_global() && symbol.kind() == SymbolKind::Text);
        assert_eq!(symbol.size(), function.compiled.encoded.code_len as u64);
    }
    for (name, size) in
        [("power.POWERS", 32), ("trailing.POWERS", 32), ("scaled.const1", 8), ("masked.const0", 16)]
    {
        let symbol = file.symbol_by_name(name).expect("a symbol");
        assert!(symbol.is_local() && symbol.kind() == SymbolKind::Data);
        assert_eq!(symbol.size(), size, "{name}");
    }
    let address = |name: &str| file.symbol_by_name(name).expect("a symbol").address();
    assert_eq!(address("power.POWERS"), address("trailing.POWERS"), "one table");
    let note = file.section_by_name(".note.GNU-stack").expect("a note");
    assert_eq!((note.size(), note.flags()), (0, SectionFlags::Elf { sh_flags: 0 }));
    let flags = |name: &str| file.section_by_name(name).expect("constants").flags();
    let merged = u64::from(elf::SHF_ALLOC | elf::SHF_MERGE);
    assert_eq!(flags(".rodata.cst32"), SectionFlags::Elf { sh_flags: merged });
    // The stack would be executable without the note, and with one that says so.
    assert!(
        file.sections().all(|section| section.name() == Ok(".text") || !is_executable(&section))
    );
}

fn is_executable<'a>(section: &impl ObjectSection<'a>) -> bool {
    let executable = u64::from(elf::SHF_EXECINSTR);
    matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & executable != 0)
}

#[test]
fn padding_stops_the_program() {
    let module = module("fn a() { nop; } fn b() { align 64; nop; } fn c() { nop; }", &SYSV64);
    let bytes = object(&module, ImageFormat::Elf, false);
    let file = ElfFile64::<LittleEndian>::parse(&*bytes).expect("an object file");
    let text = file.section_by_name(".text").expect("code");
    let starts = ["a", "b", "c"].map(|name| file.symbol_by_name(name).expect("a symbol").address());
    assert_eq!((text.align(), starts[0], starts[1] % 64, starts[2] % 16), (64, 0, 0, 0));
    let code = text.data().expect("code");
    assert!(code[2..starts[1] as usize].iter().all(|&byte| byte == 0xCC), "{code:x?}");
}

#[test]
fn absolute_addresses_are_linked_and_run() {
    if !have(&["gcc", "ld.bfd", "ld.lld", "x86_64-w64-mingw32-gcc", "wine", "llvm-readobj"]) {
        return;
    }
    let space = Workspace::new("shape_absolute");
    space.file("kernels.h", kernels::HEADER);
    space.file("program.c", include_str!("program.c"));
    let elf = module_for(&kernels::source("rdi"), Target::from(&SYSV64));
    space.object("kernels.o", &elf, ImageFormat::Elf, false);
    for linker in ["bfd", "lld"] {
        space.run(&format!("gcc -no-pie -fuse-ld={linker} program.c kernels.o -o program"));
        space.run("./program");
    }
    let coff = module_for(&kernels::source("rcx"), Target::from(&WIN64));
    space.object("kernels.obj", &coff, ImageFormat::MsCoff, false);
    space.run("x86_64-w64-mingw32-gcc program.c kernels.obj -o program.exe");
    space.wine("program.exe");
    space.object("macho.o", &elf, ImageFormat::MachO, false);
    for (file, relocation) in [
        ("kernels.o", "R_X86_64_64 counter_variable"),
        ("kernels.obj", "IMAGE_REL_AMD64_ADDR64 counter_variable"),
        ("macho.o", "X86_64_RELOC_UNSIGNED 0 _counter_variable"),
    ] {
        let output = space.run(&format!("llvm-readobj --relocs {file}"));
        assert!(output.contains(relocation), "{output}");
    }
}

#[test]
fn files_without_kernels_are_files() {
    if !have(&["readelf", "llvm-readobj", "ld.bfd"]) {
        return;
    }
    let space = Workspace::new("shape_empty");
    let module = module("", &SYSV64);
    for format in Format::ALL {
        for debug in [false, true] {
            let name = format!("{}_{debug}", format.format.flag());
            space.object(&name, &module, format.format, debug);
            let (succeeded, _, complaints) = space.try_run(&format!("llvm-readobj --all {name}"));
            assert!(succeeded && complaints.is_empty(), "{complaints}");
        }
    }
    space.run("ld.bfd -r elf_true -o joined.o");
}

#[test]
fn what_a_format_has_no_room_for_is_refused() {
    let module = module("fn k() { nop; }", &X32);
    for format in [ImageFormat::MsCoff, ImageFormat::MachO] {
        let errors = objects::write(&module, &Options::new(format)).expect_err("a refusal");
        let codes: Vec<Code> = errors.iter().map(|error| error.code).collect();
        assert_eq!(codes, [Code::BadConvention]);
        assert!(!Format::of(format).can_hold(&X32));
    }
    assert!(objects::write(&module, &Options::new(ImageFormat::Elf)).is_ok());
}
