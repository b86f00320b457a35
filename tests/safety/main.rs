//! Attacks on the promise that a plain `fn` is safe, by programs that forbid `unsafe`: through
//! types, names, aliases, lifetimes and macros. Each is refused where it is wrong, by what `cargo
//! check` does, or right.
//!
//! In a program, `^` precedes the offending tokens.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod accepted;
mod cargo;

use peach_testing::rustc::Rustc;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

/// What the programs share: types that are wide, under names that do not show it.
const PRELUDE: &str = r#"
#![forbid(unsafe_code)]
#![allow(dead_code, non_camel_case_types, unused_imports, unused_macros)]
use peach_runtime::peach_fn;
type Bytes = [u8];
type Call = dyn Fn();
struct Tail { length: u32, rest: [u16] }
trait Alias { type Wide: ?Sized; }
impl Alias for () { type Wide = str; }
mod shadow { pub type u8 = [core::primitive::u8]; pub type str = dyn core::fmt::Debug; }
"#;

const WIDE: [&str; 10] = [
    "Bytes",
    "Call",
    "Tail",
    "<() as Alias>::Wide",
    "shadow::u8",
    "shadow::str",
    "std::ffi::CStr",
    "std::ffi::OsStr",
    "std::path::Path",
    "crate::Bytes",
];

const POINTERS: [&str; 9] = [
    "^&{}",
    "^&mut {}",
    "^&'static {}",
    "^*const {}",
    "^*mut {}",
    "^std::ptr::NonNull<{}>",
    "^Option<&{}>",
    "^Option<&mut {}>",
    "^std::option::Option<core::ptr::NonNull<{}>>",
];

/// A program, and what must be said of it.
struct Refused {
    source: String,
    message: &'static str,
}

fn refused(source: impl Into<String>, message: &'static str) -> Refused {
    Refused { source: source.into(), message }
}

#[test]
fn wide_pointers_are_refused() {
    let mut programs = Vec::new();
    for pointer in POINTERS {
        for wide in WIDE {
            let ty = pointer.replace("{}", wide);
            let source = format!("peach_fn! {{ pub fn k(x: {ty}) {{ nop; }} }}");
            programs.push(refused(source, "cannot be known at compilation time"));
        }
    }
    judge("wide", &programs);
}

#[test]
fn names_of_vectors_are_no_proof() {
    let mut programs = Vec::new();
    for (width, feature) in [(128, "sse2"), (256, "avx"), (512, "avx512f")] {
        for (suffix, impostor) in [("", "u64"), ("i", "[u8; 64]"), ("d", "std::cell::Cell<u8>")] {
            let name = format!("__m{width}{suffix}");
            for path in ["", "fake::"] {
                programs.push(refused(
                    format!(
                        "type {name} = {impostor}; mod fake {{ pub struct {name}(u64); }}
                         peach_fn! {{ #[target_feature(enable = \"{feature}\")]
                         pub fn k(x: ^{path}{name}, y: &u64) {{ nop; }} }}"
                    ),
                    "mismatched types",
                ));
            }
        }
    }
    judge("vectors", &programs);
}

#[test]
fn names_of_pointers_are_no_proof() {
    let mismatch = "mismatched types";
    let twice = "{ return (x, x); } }";
    judge(
        "pointers",
        &[
            refused(
                format!(
                    "struct NonNull<T>(Box<T>); peach_fn! {{ pub fn k(x: ^NonNull<String>) -> (NonNull<String>, NonNull<String>) {twice}"
                ),
                mismatch,
            ),
            refused(
                format!(
                    "type NonNull<T> = Box<T>; peach_fn! {{ pub fn k(x: ^NonNull<u8>) -> (NonNull<u8>, NonNull<u8>) {twice}"
                ),
                mismatch,
            ),
            refused(
                "type NonNull<T> = &'static mut T; peach_fn! { pub fn k(x: ^NonNull<u8>) { nop; } }",
                mismatch,
            ),
            refused(
                "type NonNull<T> = Option<Box<T>>; peach_fn! { pub fn k(x: ^NonNull<u8>) { nop; } }",
                mismatch,
            ),
            refused(
                "mod m { pub struct NonNull<T>(pub T); } peach_fn! { pub fn k(x: ^m::NonNull<u64>) { nop; } }",
                mismatch,
            ),
            refused(
                "enum Option<T> { None, Some(T) } peach_fn! { pub fn k(x: ^Option<&u8>) { nop; } }",
                "mismatched types",
            ),
            refused(
                "type Option<T> = Result<T, ()>; peach_fn! { pub fn k(x: ^Option<&u8>) { nop; } }",
                mismatch,
            ),
            refused(
                "type Option<T> = Box<T>; peach_fn! { pub fn k(x: ^Option<fn()>) { nop; } }",
                mismatch,
            ),
            refused(
                "type Option<T> = core::option::Option<Box<T>>; peach_fn! { pub fn k(x: ^Option<&u8>) { nop; } }",
                mismatch,
            ),
            refused(
                "#[test] fn t() {} peach_fn! { #[test] pub fn k(x: ^&Bytes) { nop; } }",
                "cannot be known",
            ),
            refused(
                "macro_rules! of { ($t:ty) => { peach_fn! { pub fn k(x: &$t) { nop; } } } } of!(Bytes);",
                "cannot be known",
            ),
            refused(
                "macro_rules! of { ($t:ty) => { peach_fn! { pub fn k(x: $t) { nop; } } } } type __m128 = u64; of!(__m128);",
                mismatch,
            ),
        ],
    );
}

#[test]
fn equal_tokens_are_no_equal_types() {
    let mismatch = "mismatched types";
    judge(
        "tokens",
        &[
            refused(
                "peach_fn! { pub fn k<'a>(x: &'a [u8; column!() as usize]) -> ^&'a [u8; column!() as usize] { return x; } }",
                mismatch,
            ),
            refused(
                "peach_fn! { pub fn k<'a>(x: &'a [u8; line!() as usize])\n -> ^&'a [u8; line!() as usize] { return x; } }",
                mismatch,
            ),
            refused(
                "peach_fn! { pub fn k<'a>(x: &'a mut [u8; column!() as usize]) -> ^&'a mut [u8; column!() as usize] { return x; } }",
                mismatch,
            ),
            refused(
                "peach_fn! { pub fn k<'a>(x: Option<&'a [u8; column!() as usize]>) -> ^Option<&'a [u8; column!() as usize]> { return x; } }",
                mismatch,
            ),
            refused(
                "struct A<const N: usize>; peach_fn! { pub fn k<'a>(x: &'a A<{ column!() as usize }>) -> ^&'a A<{ column!() as usize }> { return x; } }",
                mismatch,
            ),
            refused(
                "use std::ptr::NonNull; struct A<const N: usize>; peach_fn! { pub fn k(x: NonNull<A<{ column!() as usize }>>) -> ^NonNull<A<{ column!() as usize }>> { return x; } }",
                mismatch,
            ),
            refused(
                "peach_fn! { pub fn k<'a, 'b>(x: &'a u8, y: &'b u8) -> &'b u8 { return ^x; } }",
                "is not proven",
            ),
            refused(
                "peach_fn! { pub fn k(x: &u8) -> &'static u8 { return ^x; } }",
                "is not proven",
            ),
            refused("peach_fn! { pub fn k(x: &u8) -> &u16 { return ^x; } }", "is not proven"),
            refused("peach_fn! { pub fn k(x: &u8) -> &mut u8 { return ^x; } }", "is not proven"),
            refused(
                "peach_fn! { pub fn k(x: u64) -> &'static u8 { return ^x; } }",
                "is not proven",
            ),
        ],
    );
}

#[test]
fn exclusive_references_are_returned_once() {
    let twice = |ty: &str| {
        refused(
            format!("peach_fn! {{ pub fn k<'a>(x: {ty}) -> ({ty}, {ty}) {{ return (x, ^x); }} }}"),
            "is returned twice",
        )
    };
    judge(
        "twice",
        &[
            twice("&'a mut u8"),
            twice("&'a mut [u8; 4]"),
            twice("Option<&'a mut u8>"),
            twice("Option<&'a mut [u8; 4]>"),
            twice("core::option::Option<&'a mut String>"),
            twice("(&'a mut u8)"),
        ],
    );
}

#[test]
fn unsafe_is_seen() {
    let block = "usage of an `unsafe` block";
    judge(
        "unsafe",
        &[
            refused("peach_fn! { pub fn k() { ^unsafe { nop; } } }", block),
            refused(
                "peach_fn! { pub fn k() { 'here: ^unsafe { nop; jmp continue 'here; } } }",
                block,
            ),
            refused("peach_fn! { pub fn k() { for i in 0..2 { ^unsafe { nop; } } } }", block),
            refused("peach_fn! { pub fn k() { if true { ^unsafe { nop; } } } }", block),
            refused("peach_fn! { inline fn h() { ^unsafe { nop; } } pub fn k() { h(); } }", block),
            refused("peach_fn! { for B in 1..=3 { pub fn k_{B}() { ^unsafe { nop; } } } }", block),
            refused(
                "peach_fn! { #[version(enable = \"avx\")] #[version()] pub fn k() { ^unsafe { nop; } } }",
                block,
            ),
            refused("peach_fn! { ^unsafe fn k() { nop; } }", "declaration of an `unsafe` function"),
            refused(
                "struct S; ^impl peach_runtime::__private::Source for S { type Pointer = fn(); const SHAPE: &'static peach_runtime::__private::Shape = &peach_runtime::__private::Shape { name: \"\", versions: &[], fallback: None }; }",
                "requires an `unsafe impl`",
            ),
            refused(
                "fn f() { let _ = ^peach_runtime::Version::new(&[], &[], \"\", peach_runtime::__private::Code::Text(peach_runtime::__private::Address(std::ptr::null()), 9), \"\", &[]); }",
                "is unsafe",
            ),
        ],
    );
}

#[test]
fn constants_of_other_types_are_refused() {
    let mut programs = Vec::new();
    for value in
        ["1.5f32", "1.5", "true", "'a'", "\"text\"", "()", "(1, 2)", "[1u8]", "Some(1)", "&7"]
    {
        for embed in ["map", "text"] {
            let source = format!(
                "peach_fn! {{ #[embed = \"{embed}\"] pub fn k() -> u32 {{ mov eax, ^const {{ {value} }}; return eax; }} }}"
            );
            programs.push(refused(source, "not an integer"));
        }
    }
    for value in ["300", "-129", "1 << 40"] {
        let source = format!(
            "peach_fn! {{ #[embed = \"text\"] pub fn k() -> u8 {{ mov al, ^const {{ {value} }}; return al; }} }}"
        );
        programs.push(refused(source, "does not fit its field"));
    }
    judge("constants", &programs);
}

/// What is accepted runs: alone, under valgrind, and with AddressSanitizer.
#[test]
fn accepted_programs_are_right() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("safety");
    let plain = Rustc::new(dir.join("plain"), &["-Copt-level=1", "-g"]);
    let program = plain.build("program", &accepted::program(), &[]);
    accepted::assert_fine(std::process::Command::new(&program));
    if peach_testing::tools::have(&["valgrind"]) {
        let mut valgrind = std::process::Command::new("valgrind");
        valgrind.args(["-q", "--error-exitcode=9", "--leak-check=no"]).arg(&program);
        accepted::assert_fine(valgrind);
    }
    let watched = Rustc::new(dir.join("asan"), &["-Copt-level=1", "-Zsanitizer=address"]);
    let program = watched.build("program", &accepted::program(), &[]);
    accepted::assert_fine(std::process::Command::new(program));
}

/// Checks each program by itself.
fn judge(name: &str, programs: &[Refused]) {
    static RUSTC: OnceLock<Rustc> = OnceLock::new();
    let rustc = RUSTC.get_or_init(|| {
        Rustc::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("safety/refused"), &[])
    });
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for half in 0..2 {
            let failures = &failures;
            scope.spawn(move || {
                for (index, program) in programs.iter().enumerate().skip(half).step_by(2) {
                    if let Err(text) = check(rustc, &format!("{name}_{index}"), program) {
                        failures.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{name}: {} programs, {} not as they should be", programs.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn check(rustc: &Rustc, name: &str, program: &Refused) -> Result<(), String> {
    let marked = format!("{PRELUDE}{}", program.source);
    let place = marked.find('^').map(|at| {
        let before = &marked[..at];
        let line = before.matches('\n').count() + 1;
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        format!(":{line}:{column}: error")
    });
    let output = rustc.check(name, &marked.replace('^', ""));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let place = place.as_deref().unwrap_or(": error");
    let is_told = text.lines().any(|line| line.contains(place) && line.contains(program.message));
    match !output.status.success() && is_told {
        true => Ok(()),
        false => Err(format!(
            "{}\nis not told `{}` at {place}:\n{text}",
            program.source, program.message
        )),
    }
}
