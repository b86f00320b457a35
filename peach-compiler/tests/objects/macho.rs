//! Mach-O: read back by LLVM's tools, linked by lld, and executed by a loader of our own.

use crate::kernels;
use crate::loader::Image;
use crate::support::{Workspace, module, object};
use object::read::macho::MachOFile64;
use object::{LittleEndian, Object, ObjectSection};
use peach_compiler::abi::{ImageFormat, SYSV64};
use peach_compiler::ir::UnwindStep;
use peach_compiler::isa::{Class, register_name};
use peach_testing::tools::{have, versioned};
use std::ffi::c_void;
use std::fmt::Write;

/// What the kernels call and name, as kernels.
const ELSEWHERE: &str = r#"
pub fn increment(x: u64) -> u64 { lea rax, [x + 1]; return rax; }
pub fn counter_variable() { nop; }
"#;

extern "C" fn increment(x: u64) -> u64 {
    x + 1
}

static COUNTER: u32 = 7;

fn prepared(test: &str) -> Workspace {
    let space = Workspace::new(test);
    let kernels = module(&kernels::source("rdi"), &SYSV64);
    space.object("kernels.o", &kernels, ImageFormat::MachO, true);
    space.object("elsewhere.o", &module(ELSEWHERE, &SYSV64), ImageFormat::MachO, true);
    space
}

fn link(space: &Workspace, ld64: &str, rest: &str) {
    let platform = "-arch x86_64 -platform_version macos 11.0 11.0";
    space.run(&format!("{ld64} {platform} -fatal_warnings -dylib -install_name library {rest}"));
}

#[test]
fn libraries_are_linked_and_run() {
    let Some(ld64) = versioned("ld64.lld") else { return };
    let space = prepared("macho_libraries");
    link(&space, &ld64, "kernels.o elsewhere.o -o whole.dylib");
    let whole = Image::load_library(&space.read("whole.dylib"), |name| panic!("{name} is defined"));
    kernels::check(&whole, "_", whole.symbol("_counter_variable"));

    link(&space, &ld64, "-undefined dynamic_lookup kernels.o -o part.dylib");
    let counter = (&raw const COUNTER).cast::<c_void>();
    let part = Image::load_library(&space.read("part.dylib"), |name| match name {
        "_increment" => increment as *const c_void,
        "_counter_variable" => counter,
        "dyld_stub_binder" => std::ptr::null(),
        _ => panic!("{name} is not known"),
    });
    kernels::check(&part, "_", counter);

    // Parts that nothing refers to are dropped, and no more.
    link(
        &space,
        &ld64,
        "-dead_strip -u _select_case -exported_symbol _select_case kernels.o elsewhere.o -o stripped.dylib",
    );
    let symbols = space.run("llvm-nm stripped.dylib");
    assert!(symbols.contains("_select_case") && !symbols.contains("_masked"), "{symbols}");
}

#[test]
fn what_compact_unwinding_cannot_say_is_in_dwarf() {
    if !have(&["llvm-dwarfdump", "llvm-objdump"]) {
        return;
    }
    let space = prepared("macho_frames");
    let symbols = space.run("llvm-nm kernels.o");
    let frames = space.run("llvm-dwarfdump --eh-frame kernels.o");
    for name in ["_deep", "_vast", "_pushing", "_aligned"] {
        let line = symbols.lines().find(|line| line.ends_with(&format!(" {name}")));
        let address = line.expect("a symbol").split(' ').next().expect("an address");
        assert!(frames.contains(&format!("pc={}...", &address[8..])), "{name} {frames}");
    }
    assert_eq!(frames.matches(" FDE ").count(), 4, "{frames}");
    let compact = space.run("llvm-objdump --unwind-info kernels.o");
    assert_eq!(compact.matches("0x04000000").count(), 4, "{compact}");
}

/// The encodings in the file, in order.
fn encodings(file: &[u8]) -> Vec<u32> {
    let parsed = MachOFile64::<LittleEndian>::parse(file).expect("an object file");
    let section = parsed.section_by_name("__compact_unwind").expect("encodings");
    let data = section.data().expect("data");
    data.chunks(32).map(|e| u32::from_le_bytes([e[12], e[13], e[14], e[15]])).collect()
}

/// Every set of saved registers, in small and large frames, against LLVM's assembler.
#[test]
fn compact_encodings_are_those_of_llvm() {
    if !have(&["llvm-mc"]) {
        return;
    }
    const SAVED: [&str; 6] = ["rbx", "rbp", "r12", "r13", "r14", "r15"];
    let mut source = String::new();
    for set in 0..64 {
        for words in [0, 20, 300] {
            let _ = write!(source, "fn k{set}_{words}() {{ ");
            if words > 0 {
                let _ = write!(source, "let b: [u64; {words}]; mov byte [b], 1; ");
            }
            for (_, name) in SAVED.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1) {
                let _ = write!(source, "{name} = 7; ");
            }
            source.push_str("}\n");
        }
    }
    let module = module(&source, &SYSV64);
    let space = Workspace::new("macho_compact");
    let mut assembly = String::from(".text\n");
    for function in &module.functions {
        let name = &function.symbol;
        let _ = writeln!(assembly, ".globl {name}\n{name}:\n.cfi_startproc");
        let (mut height, mut saved) = (8, String::new());
        for (_, step) in &function.compiled.lowered.frame.steps {
            let _ = match step {
                UnwindStep::Push { reg } => {
                    height += 8;
                    let name = register_name(*reg, Class::Gp64);
                    // LLVM takes the first one for the one that was pushed last.
                    saved.insert_str(0, &format!(".cfi_offset %{name}, -{height}\n"));
                    writeln!(assembly, "push %{name}")
                }
                UnwindStep::Lower { bytes } => {
                    height += *bytes;
                    writeln!(assembly, "sub ${bytes}, %rsp")
                }
                step => panic!("{step:?} is not expected"),
            };
            let _ = writeln!(assembly, ".cfi_def_cfa_offset {height}");
        }
        let _ = writeln!(assembly, "{saved}ret\n.cfi_endproc");
    }
    space.file("llvm.s", assembly);
    space.run("llvm-mc -filetype=obj -triple x86_64-apple-macos11 llvm.s -o llvm.o");
    let ours = encodings(&object(&module, ImageFormat::MachO, false));
    assert_eq!((ours.len(), ours[0]), (3 * 64, 0x0201_0000));
    assert!(ours.iter().any(|encoding| encoding >> 24 == 3));
    // LLVM says nothing of a function without a frame, which is the first.
    assert_eq!(ours[1..], encodings(&space.read("llvm.o")));
}
