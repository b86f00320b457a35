//! Mach-O: read back by LLVM's tools, linked by lld, and executed by a loader of our own.

use crate::kernels;
use crate::loader::Image;
use crate::support::{Workspace, have, ld64, module};
use peach_compiler::abi::{ImageFormat, SYSV64};
use std::ffi::c_void;

/// What the kernels call and name, as kernels.
const ELSEWHERE: &str = r#"
fn increment(x: u64) -> u64 { lea rax, [x + 1]; return rax; }
fn counter_variable() { nop; }
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

/// Checks all kernels, as `kernels.h` does.
fn check(image: &Image, counter: *const c_void) {
    type Unary = extern "C" fn(u64) -> u64;
    // SAFETY: the functions are kernels with these signatures.
    unsafe {
        let unary = |name: &str| std::mem::transmute::<*const c_void, Unary>(image.symbol(name));
        let function = image.symbol("_scaled");
        let scaled = std::mem::transmute::<*const c_void, extern "C" fn(f64) -> f64>(function);
        let function = image.symbol("_masked");
        let masked = std::mem::transmute::<*const c_void, extern "C" fn(f32) -> f32>(function);
        for n in 0..8 {
            assert_eq!(unary("_power")(n) as u32, 10u32.pow(n as u32));
            assert_eq!(unary("_select_case")(n) as u32, 11 * (n as u32 % 4 + 1));
        }
        assert_eq!((scaled(3.0), masked(3.0)), (8.0, -1.0));
        assert_eq!(unary("_trailing")(0) as u32, 31);
        assert_eq!(unary("_counter")(0), counter as u64);
        for x in 1..10 {
            let (y, z) = (x + 1, x + 2);
            assert_eq!(unary("_twice")(x), z);
            assert_eq!(unary("_deep")(x), z + x + y + x);
            assert_eq!(unary("_realigned")(x), y + x);
            assert_eq!(unary("_wide")(x), y + x + x);
            assert_eq!(unary("_leaf")(x), x + x);
            assert_eq!(unary("_pushing")(x), z + x + x);
            assert_eq!(unary("_aligned")(x), y + x + x);
        }
        unary("_last")(0);
    }
}

fn link(space: &Workspace, ld64: &str, rest: &str) {
    let platform = "-arch x86_64 -platform_version macos 11.0 11.0";
    space.run(&format!("{ld64} {platform} -fatal_warnings -dylib -install_name library {rest}"));
}

#[test]
fn libraries_are_linked_and_run() {
    let Some(ld64) = ld64() else { return };
    let space = prepared("macho_libraries");
    link(&space, &ld64, "kernels.o elsewhere.o -o whole.dylib");
    let whole = Image::load(&space.read("whole.dylib"), |name| panic!("{name} is defined"));
    check(&whole, whole.symbol("_counter_variable"));

    link(&space, &ld64, "-undefined dynamic_lookup kernels.o -o part.dylib");
    let counter = (&raw const COUNTER).cast::<c_void>();
    let part = Image::load(&space.read("part.dylib"), |name| match name {
        "_increment" => increment as *const c_void,
        "_counter_variable" => counter,
        "dyld_stub_binder" => std::ptr::null(),
        _ => panic!("{name} is not known"),
    });
    check(&part, counter);

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
    for name in ["_deep", "_pushing", "_aligned"] {
        let line = symbols.lines().find(|line| line.ends_with(&format!(" {name}")));
        let address = line.expect("a symbol").split(' ').next().expect("an address");
        assert!(frames.contains(&format!("pc={}...", &address[8..])), "{name} {frames}");
    }
    assert_eq!(frames.matches(" FDE ").count(), 3, "{frames}");
    let compact = space.run("llvm-objdump --unwind-info kernels.o");
    assert_eq!(compact.matches("0x04000000").count(), 3, "{compact}");
}
