//! C and C++ headers, against compilers: every name that they hold is legal and means one thing,
//! and they compile without a warning in every dialect.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::Module;
use peach_compiler::emit::mangling::Naming;
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::reports::c::header;
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::{Target, compile};
use peach_testing::tools::have;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

/// The header of kernels, or the messages of the errors.
fn try_header(source: &str, convention: &'static Convention) -> Result<String, Vec<String>> {
    let target = Target { features: FeatureSet::all(), ..Target::from(convention) };
    let compilation = compile(source.parse().expect("tokens"), target);
    let messages = |diagnostics: &Diagnostics| -> Vec<String> {
        diagnostics.iter().map(|d| d.message.clone()).collect()
    };
    if compilation.diagnostics.has_errors() {
        panic!("{source}: {:?}", messages(&compilation.diagnostics));
    }
    let mut diagnostics = Diagnostics::new();
    let mut module = Module::new("kernels.peach", target);
    module.add(compilation, &[], Processor::Any, &Naming::default(), &mut diagnostics);
    let text = header(&module, &mut diagnostics);
    if diagnostics.has_errors() { Err(messages(&diagnostics)) } else { Ok(text) }
}

fn header_of(source: &str, convention: &'static Convention) -> String {
    try_header(source, convention).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
}

/// The compilers' words for "no warnings", in every dialect.
const DIALECTS: [&str; 22] = [
    "gcc -std=c89 -pedantic",
    "gcc -std=gnu89",
    "gcc -std=c99 -pedantic",
    "gcc -std=c11 -pedantic",
    "gcc -std=gnu17",
    "gcc -std=c2x -pedantic",
    "clang -std=c89 -pedantic",
    "clang -std=gnu89",
    "clang -std=c99 -pedantic",
    "clang -std=c11 -pedantic",
    "clang -std=gnu17",
    "clang -std=c2x -pedantic",
    "g++ -x c++ -std=c++98 -pedantic",
    "g++ -x c++ -std=c++11 -pedantic",
    "g++ -x c++ -std=gnu++20",
    "g++ -x c++ -std=c++2b -pedantic",
    "clang++ -x c++ -std=c++98 -pedantic",
    "clang++ -x c++ -std=c++11 -pedantic",
    "clang++ -x c++ -std=gnu++20",
    "clang++ -x c++ -std=c++2b -pedantic",
    "x86_64-w64-mingw32-gcc -std=c99",
    "x86_64-w64-mingw32-g++ -x c++ -std=gnu++17",
];

/// Compiles a program that includes the header; whether that succeeded, and the complaints.
fn compiles(test: &str, header: &str, program: &str, compiler: &str) -> (bool, String) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("headers").join(test);
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::write(dir.join("kernels.h"), header).expect("a file");
    std::fs::write(dir.join("program.c"), format!("#include \"kernels.h\"\n{program}\n"))
        .expect("a file");
    let mut words = compiler.split(' ');
    let output = Command::new(words.next().expect("a compiler"))
        .args(words)
        .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "program.c"])
        .current_dir(&dir)
        .output()
        .expect("a compiler");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn must_compile(test: &str, header: &str, program: &str) {
    for compiler in DIALECTS {
        if !have(&[compiler.split(' ').next().expect("a name")]) {
            continue;
        }
        let (succeeded, complaints) = compiles(test, header, program, compiler);
        assert!(succeeded, "{compiler}\n{complaints}\n{header}");
    }
}

/// Names that C, C++, their headers and their compilers have a use for, and such as are like them.
const NAMES: &[&str] = &[
    "_Bool",
    "_Complex",
    "_Atomic",
    "_Generic",
    "_Static_assert",
    "_x",
    "__x",
    "__LINE__",
    "__func__",
    "__x86_64__",
    "__int128",
    "__asm",
    "NULL",
    "EOF",
    "INT_MAX",
    "INT8_C",
    "SIZE_MAX",
    "EINVAL",
    "WIN32",
    "unix",
    "linux",
    "main",
    "errno",
    "alloca",
    "offsetof",
    "size_t",
    "ptrdiff_t",
    "int8_t",
    "uint64_t",
    "uintptr_t",
    "wchar_t",
    "max_align_t",
    "int",
    "unsigned",
    "long",
    "double",
    "restrict",
    "inline",
    "bool",
    "nullptr",
    "typeof",
    "asm",
    "and",
    "and_eq",
    "bitand",
    "bitor",
    "compl",
    "not",
    "not_eq",
    "or",
    "or_eq",
    "xor",
    "xor_eq",
    "class",
    "template",
    "this",
    "new",
    "delete",
    "operator",
    "namespace",
    "private",
    "virtual",
    "typename",
    "char8_t",
    "char16_t",
    "concept",
    "requires",
    "constinit",
    "co_await",
    "auto",
    "register",
    "volatile",
    "signed",
    "default",
    "switch",
    "goto",
    "PEACH_MS_ABI",
    "PEACH_SYMBOL",
    "peach_int128",
    "first",
    "second",
    "é",
    "ü",
    "größe",
    "λ",
    "x_len",
];

/// Words that the language reads as Rust's keywords are written raw.
fn raw(name: &str) -> String {
    match name {
        "virtual" | "typeof" | "private" => format!("r#{name}"),
        _ => name.to_string(),
    }
}

/// A module with kernels of all names, and a kernel with parameters of all names.
#[test]
fn every_name_is_legal() {
    let mut source = String::new();
    // Instructions stay instructions: such names cannot be those of registers' arguments.
    let is_word = |name: &&&str| !matches!(**name, "and" | "not" | "or" | "xor");
    for name in NAMES.iter().filter(is_word) {
        let _ = writeln!(source, "fn {}(x: u64) -> u64 {{ return x; }}", raw(name));
    }
    for (index, names) in NAMES.chunks(5).enumerate() {
        let params: Vec<String> =
            names.iter().map(|name| format!("{}: &[u8], {}_: u64", raw(name), name)).collect();
        let _ = writeln!(source, "fn parameters_{index}({}) {{ }}", params.join(", "));
    }
    source += "fn wide(a: i128, b: __m128) -> (u64, u64) { return (1, 2); }";
    must_compile("names", &header_of(&source, &SYSV64), "");
}

/// The lengths of slices and the structures of results are named in addition to what the source
/// names.
#[test]
fn made_up_names_are_distinct() {
    let source = "
        fn lengths(x_len: u64, x: &[u8], x_len_: u64, y: &[u8], y_len: &[u8]) { }
        fn pair(a: u64) -> (u64, u64) { return (a, a); }
        fn pair_result(a: u64) -> u64 { return a; }
        fn pair_result_(a: u64) -> u64 { return a; }";
    let text = header_of(source, &SYSV64);
    must_compile("distinct", &text, "");
    for part in ["uint64_t x_len, const", "size_t x_len__,", "size_t y_len_,", "} pair_result__;"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Two kernels that C would call the same are an error: a suffix would change what a name means
/// when another kernel comes along.
#[test]
fn two_kernels_of_one_name_are_an_error() {
    let kernel = |name: &str| format!("fn {name}(x: u64) -> u64 {{ return x; }}\n");
    for (one, other) in [("int", "int_"), ("NULL", "NULL_"), ("é", "_u00e9"), ("__x", "peach__x")]
    {
        for source in [kernel(one) + &kernel(other), kernel(other) + &kernel(one)] {
            let errors = match try_header(&source, &SYSV64) {
                Err(errors) => errors,
                // A name that is reserved for headers is moved itself.
                Ok(text) => {
                    must_compile("moved", &text, "");
                    let names = text.matches("uint64_t ").count();
                    assert!(other.starts_with("peach") && names == 4, "{source}{text}");
                    continue;
                }
            };
            assert!(errors[0].contains("would both be named"), "{errors:?}");
        }
    }
    // Other letters are told apart.
    must_compile("letters", &header_of(&(kernel("é") + &kernel("ü")), &SYSV64), "");
}

/// Every type of a signature, in every dialect.
#[test]
fn every_dialect_takes_the_types() {
    let source = "
        /// Says what it does. // and */ more
        fn numbers(a: i8, b: u16, c: i32, d: u64, e: isize, f: usize, g: bool, h: char, i: f32) -> bool {
            xor eax, eax; cmp d, 1; sete al; return al; }
        fn pointers(a: *const u8, b: *mut f64, c: &[u8; 4], d: &mut [f32], e: &str, f: Option<&u8>) { }
        fn pair(a: u64) -> (u64, u64) { return (a, a); }
        fn wide(a: i128) -> u64 { return a.lo; }
        extern \"win64\" fn other(a: u64, f: extern \"sysv64\" fn(u8) -> u8) -> u64 { return a; }
        const ROWS = 3;
        fn rows(a: &[[f32; 8]; ROWS], b: &mut [[u8; ROWS]], c: &[[[u16; 2]; ROWS]; 5]) { }
        fn row<'a>(a: &'a [[f32; 8]; ROWS]) -> &'a [[f32; 8]; ROWS] { return a; }";
    // Arrays of arrays have their shape.
    let program = "
        float a[3][8]; unsigned char b[7][3]; unsigned short c[5][3][2];
        int size(void);
        int size(void) {
            const float (*first)[8] = row((const float (*)[8]) a);
            rows((const float (*)[8]) a, b, 7, (const unsigned short (*)[3][2]) c);
            return (int) sizeof *first;
        }";
    must_compile("types", &header_of(source, &SYSV64), program);
}

/// gcc returns wide vectors in memory under Microsoft's convention, clang in registers.
#[test]
fn wide_results_of_microsofts_convention_are_refused_by_gcc() {
    let clang = "clang -target x86_64-pc-windows-gnu -ffreestanding -D_MM_MALLOC_H_INCLUDED -D__MM_MALLOC_H";
    let cases = [
        ("fn k() -> __m256 { vxorps ymm0, ymm0, ymm0; return ymm0; }", false),
        ("fn k() -> __m512i { vpxorq zmm0, zmm0, zmm0; return zmm0; }", false),
        ("fn k(f: extern \"C\" fn() -> __m256d) { }", false),
        ("fn k() -> __m128 { xorps xmm0, xmm0; return xmm0; }", true),
        ("fn k(a: __m256, b: __m512) { }", true),
        ("fn k(a: i128) -> i128 { return (a.lo, a.hi); }", true),
    ];
    for (source, is_fine) in cases {
        let text = header_of(source, &WIN64);
        if have(&["x86_64-w64-mingw32-gcc"]) {
            let (succeeded, complaints) =
                compiles("microsoft", &text, "", "x86_64-w64-mingw32-gcc -mavx512f");
            assert_eq!(succeeded, is_fine, "{source}: {complaints}");
            assert_eq!(complaints.contains("ymm0 and zmm0"), !is_fine, "{complaints}");
        }
        let is_there = text.contains("#error");
        assert_eq!(is_there, !is_fine, "{text}");
        if have(&["clang"]) {
            let (succeeded, complaints) =
                compiles("microsoft", &text, "", &format!("{clang} -mavx512f"));
            assert!(succeeded, "{complaints}");
        }
        // System V's are the same everywhere.
        assert!(!header_of(source, &SYSV64).contains("#error"));
    }
}

/// A prototype says which processor its kernel needs, as far as not every one has it.
#[test]
fn prototypes_say_what_processor_they_need() {
    let text = header_of(
        "/// Documented.
         fn wide() { vpxor ymm0, ymm0, ymm0; vzeroupper; }
         fn plain() -> f64 { xorpd xmm0, xmm0; return xmm0; }",
        &SYSV64,
    );
    assert!(
        text.contains("/**\n * Documented.\n * Needs a processor with avx2.\n */\nvoid wide"),
        "{text}"
    );
    assert_eq!(text.matches("Needs").count(), 1, "{text}");
}
