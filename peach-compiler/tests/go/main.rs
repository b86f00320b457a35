//! Kernels in Go programs, built and tested by the `go` command.

mod code;
#[path = "../../../tests/random_kernels/generator.rs"]
#[expect(dead_code, reason = "not all of its shapes are for Go")]
mod generator;
mod kernels;
mod programs;

use generator::Shape;
use kernels::{KERNELS, TEST};
use peach_compiler::abi::{AssemblyFormat, Convention, GOASM, GOASM_P32, GOSYSO, ImageFormat};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::Module;
use peach_compiler::emit::listings::{Format, Options, go};
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::objects;
use peach_compiler::pipeline::{Target, compile};
use peach_testing::Random;
use peach_testing::processor::has;
use peach_testing::tools::have;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernels as a module.
fn module(source: &str, convention: &'static Convention) -> Module {
    let target = Target { position_independent: true, ..Target::from(convention) };
    let compilation = compile(source.parse().expect("tokens"), target);
    let messages: Vec<String> =
        compilation.diagnostics.iter().map(|d| format!("{} {:?}", d.message, d.notes)).collect();
    assert!(!compilation.diagnostics.has_errors(), "{messages:#?}");
    let mut diagnostics = Diagnostics::new();
    let mut module = Module::new("kernels.rs", target);
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    assert!(!diagnostics.has_errors());
    module
}

fn listing(module: &Module) -> String {
    let options = Options { image: ImageFormat::Elf, source: None };
    let format = Format::of(AssemblyFormat::Go).expect("the format");
    let messages = |d: Diagnostics| d.iter().map(|d| d.message.clone()).collect::<Vec<_>>();
    format.write(module, &options).map_err(messages).expect("a listing")
}

/// Whether there is a listing.
fn accepted(source: &str) -> bool {
    let options = Options { image: ImageFormat::Elf, source: None };
    let format = Format::of(AssemblyFormat::Go).expect("the format");
    format.write(&module(source, &GOASM), &options).is_ok()
}

fn declarations(module: &Module) -> String {
    let mut diagnostics = Diagnostics::new();
    let text = go::declarations(module, "kernels", &mut diagnostics);
    assert!(!diagnostics.has_errors());
    text
}

/// An empty directory for a package.
fn package(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory");
    write(&dir, "go.mod", "module kernels\n\ngo 1.17\n");
    let avx512 = has("avx512bw", is_x86_feature_detected!("avx512bw")).to_string();
    write(&dir, "kernels_test.go", TEST.replace("HAS_AVX512", &avx512));
    dir
}

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(dir.join(name), content).expect("the file is written");
}

/// Runs the `go` command in a package, which must succeed.
fn go(dir: &Path, args: &[&str]) {
    let output = Command::new("go")
        .args(args)
        .current_dir(dir)
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .output()
        .expect("go runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "go {args:?} in {}:\n{}{}",
        dir.display(),
        text(&output.stdout),
        text(&output.stderr)
    );
}

#[test]
fn listings_are_built_vetted_and_right() {
    if !have(&["go"]) {
        return;
    }
    let module = module(KERNELS, &GOASM);
    let dir = package("go-listing");
    let text = listing(&module);
    code::compare(&module, &text, "kernels");
    write(&dir, "kernels_amd64.s", text);
    write(&dir, "kernels.go", declarations(&module));
    go(&dir, &["vet", "."]);
    go(&dir, &["test", "."]);
}

/// Random kernels: what the assembler makes of their listings is our code, and `go vet` finds every
/// argument and result where the declaration says.
#[test]
fn listings_of_random_kernels_are_our_code() {
    if !have(&["go"]) {
        return;
    }
    let mut source = String::new();
    for seed in 1..=120 {
        let mut rng = Random::new(seed);
        let mut shape = Shape::random(&mut rng).with_convention(&GOASM);
        shape.spill = true;
        let text = generator::kernel(&shape, &mut rng);
        source.push_str(&text.replace("fn k(", &format!("fn k{seed}(")));
    }
    let module = module(&source, &GOASM);
    assert_eq!(module.functions.len(), 120);
    let text = listing(&module);
    code::compare(&module, &text, "random");
    let dir = package("go-random");
    std::fs::remove_file(dir.join("kernels_test.go")).expect("no test");
    write(&dir, "kernels_amd64.s", text);
    write(&dir, "kernels.go", declarations(&module));
    go(&dir, &["vet", "."]);
    go(&dir, &["build", "."]);
}

/// The port with pointers of 32 bits is gone from Go, but its instructions are the same: kernels
/// without a frame, which was another there.
#[test]
fn listings_with_short_pointers_are_our_code() {
    if !have(&["go"]) {
        return;
    }
    let source = "
        pub unsafe fn Get(p: *const u32, at: usize) -> u32 { mov eax, [p + 4*at]; return eax; }
        pub unsafe fn Last(x: &[u64], add: isize) -> u64 { mov rax, [x.ptr + 8*x.len - 8]; add rax, add; return rax; }
        pub fn Same(p: *mut u8, n: usize) -> (*mut u8, usize) { return (p, n); }
        pub fn Letters(s: &str) -> usize { return s.len; }";
    let module = module(source, &GOASM_P32);
    let text = listing(&module);
    code::compare(&module, &text, "short");
    for line in [
        "//go:build amd64p32 && !noasm",
        "TEXT ·Get(SB), NOSPLIT, $0-12",
        "TEXT ·Last(SB), NOSPLIT, $0-24",
        "MOVL x_base+0(FP), AX",
        "MOVL x_len+4(FP), CX",
        "MOVLQSX add+12(FP), CX",
        "TEXT ·Same(SB), NOSPLIT, $0-16",
        "MOVL AX, ret+8(FP)",
        "MOVL CX, ret1+12(FP)",
        "TEXT ·Letters(SB), NOSPLIT, $0-12",
    ] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

/// The same program with an object file and jumps into it, linked by Go's linker alone and, with
/// cgo, by the system's.
#[test]
fn objects_are_linked_vetted_and_right() {
    if !have(&["go"]) {
        return;
    }
    let module = module(KERNELS, &GOSYSO);
    let dir = package("go-syso");
    let object = objects::write(&module, &objects::Options::new(ImageFormat::Elf));
    write(&dir, "kernels_linux_amd64.syso", object.expect("an object"));
    write(&dir, "kernels_amd64.s", listing(&module));
    write(&dir, "kernels.go", declarations(&module));
    go(&dir, &["vet", "."]);
    go(&dir, &["test", "."]);
}

/// What a listing for Go cannot have is an error at the tokens that ask for it.
#[test]
fn what_go_lacks_is_refused() {
    let refused = |source: &str| -> Vec<String> {
        let module = module(source, &GOASM);
        let options = Options { image: ImageFormat::Elf, source: None };
        let format = Format::of(AssemblyFormat::Go).expect("the format");
        let problems = format.write(&module, &options).expect_err("an error");
        problems.iter().map(|d| format!("{} {}", d.code.id(), d.message)).collect()
    };
    assert_eq!(
        refused("pub fn range() {}"),
        ["E0602 `range` cannot be the name of a function in Go"]
    );
    assert_eq!(
        refused("#[export_name = \"a.b\"] pub fn f() {}"),
        ["E0602 `a.b` cannot be the name of a function in Go"]
    );
    // What the package's other declarations need.
    for name in ["init", "uint64", "string", "unsafe", "error"] {
        let source = format!("#[export_name = \"{name}\"] pub fn f() {{}}");
        let expected = format!("E0602 `{name}` cannot be the name of a function in Go");
        assert_eq!(refused(&source), [expected]);
    }
    assert_eq!(refused("pub fn f(x: &[Point]) {}"), ["E0602 Go has no type for `& [Point]`"]);
    assert_eq!(
        refused("pub unsafe fn f() { call sym memcpy; }"),
        ["E0605 an item of a Rust program in a listing for Go"]
    );
    assert_eq!(
        refused(
            "#[target_feature(enable = \"avx512f\")]
             pub fn f(x: &mut [f32; 16]) { vmovaps zmm16, f32x16(1.0); vmovups [x], zmm16; }"
        ),
        ["E0602 `vmovaps` requires 64-byte alignment"]
    );
}

#[test]
fn pointers_are_of_the_types_that_go_can_name() {
    let source = "
        /// Everything behind a pointer.
        pub unsafe fn f(
            a: &mut [f32; 4], b: *const [u8; 1_000], c: Option<&'static i64>, d: core::ptr::NonNull<bool>,
            e: *mut other::u8, f: &Point, g: fn(u8) -> u8, _: &usize, h: *const *const u8,
        ) -> *const u16 { return 0; }
        pub fn g(x: &mut [isize], y: char, z: &[u128]) -> bool { return true; }
        const ROWS = 3;
        pub fn h(x: &[[f32; 8]; 4], y: &mut [[[u8; 2]; ROWS]; ROWS + 1], z: &[[i64; ROWS]]) { }";
    let text = declarations(&module(source, &GOASM));
    let expected = "package kernels

import \"unsafe\"

// Everything behind a pointer.
//
//go:noescape
func f(a *[4]float32, b *[1000]uint8, c *int64, d *bool, e unsafe.Pointer, f unsafe.Pointer, \
         g_ uintptr, _ *uint, h unsafe.Pointer) *uint16

//go:noescape
func g(x []int, y rune, z [][2]uint64) bool

//go:noescape
func h(x *[4][8]float32, y *[4][3][2]uint8, z [][3]int64)
";
    assert!(text.ends_with(expected), "{text}");
}
