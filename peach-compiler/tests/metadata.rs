//! Headers, JSON, dependencies and symbols, against compilers, make and what PeachPy wrote.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::Module;
use peach_compiler::emit::mangling::{Naming, Template};
use peach_compiler::emit::module::Processor;
use peach_compiler::emit::reports::{c, json, makefile};
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::{Target, compile};
use peach_testing::tools::have;
use proc_macro2::TokenStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The module of a source, for a convention and a processor, with symbols of a template.
fn module(
    source: &str,
    convention: &'static Convention,
    cpu: Option<&str>,
    template: &str,
) -> Module {
    let mut target = Target { position_independent: true, ..Target::from(convention) };
    target.features =
        cpu.map_or(target.features, |cpu| FeatureSet::of_cpu(cpu).expect("a processor"));
    let processor = if cpu.is_some() { Processor::Named } else { Processor::Any };
    let template = Template::parse(template).expect("a template");
    let compilation = compile(source.parse::<TokenStream>().expect("tokens"), target);
    let mut diagnostics = Diagnostics::new();
    diagnostics.append(Diagnostics::new());
    let messages: Vec<String> = compilation.diagnostics.iter().map(|d| d.message.clone()).collect();
    assert!(!compilation.diagnostics.has_errors(), "{messages:?}");
    let mut module = Module::new("kernels.rs", target);
    let naming = Naming { template, processor: cpu.map(str::to_string) };
    module.add(compilation, &[], processor, &naming, &mut diagnostics);
    let messages: Vec<&String> = diagnostics.iter().map(|d| &d.message).collect();
    assert!(messages.is_empty(), "{messages:?}");
    module
}

fn plain(source: &str) -> Module {
    module(source, &SYSV64, None, "${Name}")
}

fn header_of(module: &Module) -> String {
    let mut diagnostics = Diagnostics::new();
    let text = c::header(module, &mut diagnostics);
    assert_eq!(diagnostics.error_count(), 0);
    text
}

fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("peach-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a scratch directory");
    directory
}

const EVERY_TYPE: &str = r#"
    /// All the integers.
    ///
    /// With a comment that */ ends /* none.
    pub fn integers(a: i8, b: u8, c: i16, d: u16, e: i32, f: u32, g: i64, h: u64, i: isize, j: usize) -> i64 {
        mov rax, g; return rax;
    }
    fn nothing() { nop; }
    fn small(a: bool, b: char, c: f32, d: f64) -> f64 { return d; }
    unsafe fn pointers(a: *const f32, b: *mut f32, c: &i32, d: &mut [u8; 16], e: &[f64; 4], f: *const *mut u64,
        g: NonNull<i16>, h: Option<&u32>, i: *const core::ffi::c_void, j: *mut Matrix, k: *const [f32; 4]) { nop; }
    unsafe fn slices(x: &[f32], y: &mut [f32], s: &str) -> usize { return x.len; }
    fn wide(a: i128) -> u128 { unsafe { return (a.lo, a.hi); } }
    unsafe fn functions(a: extern "C" fn(i32, *const u8) -> f64, b: extern "win64" fn(), c: fn(u8),
        d: Option<unsafe extern "C" fn(value: *mut *const f32) -> *const u8>) { nop; }
    fn pair(a: i32, b: u64) -> (i32, u64) { return (a, b); }
    fn halves(a: f32, b: f32) -> (f32, f32) { return (a, b); }
    unsafe fn first(x: &[u32; 8]) -> *const u32 { return x; }
    unsafe fn callback(f: extern "C" fn(u8) -> u8) -> extern "C" fn(u8) -> u8 { return f; }
    extern "win64" fn windows(a: u32) -> u32 { return a; }
    fn int(new: u32, class: u32) -> u32 { add new, class; return new; }
    #[export_name = "odd.name"] fn odd() { nop; }
"#;

const VECTORS: &str = "
    fn vector(a: __m128, b: core::arch::x86_64::__m128i) -> __m128d { return b; }";

const COMPILERS: [(&str, &[&str]); 4] = [
    ("gcc", &["c99", "c11", "c17"]),
    ("clang", &["c99", "c11", "c17"]),
    ("g++", &["c++11", "c++17"]),
    ("clang++", &["c++11", "c++17"]),
];

/// Compiles a program that includes the header and nothing else.
fn compile_alone(directory: &Path, compiler: &str, standard: &str, body: &str) {
    let extension = if compiler.ends_with("++") { "cpp" } else { "c" };
    let source = directory.join(format!("use-{compiler}-{standard}.{extension}"));
    std::fs::write(&source, body).expect("a source file");
    let output = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "-o", "/dev/null"])
        .arg(format!("-std={standard}"))
        .arg(&source)
        .output()
        .expect("a compiler");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} -std={standard}: {messages}");
}

#[test]
fn headers_compile_alone_in_c_and_cpp() {
    let directory = scratch("headers");
    for convention in [&SYSV64, &WIN64] {
        let text = header_of(&module(EVERY_TYPE, convention, None, "${Name}"));
        std::fs::write(directory.join("kernels.h"), &text).expect("a header");
        let body = "#include \"kernels.h\"\n#include \"kernels.h\"\n\
            int use(void);\nint use(void) { nothing(); odd(); return (int) (integers(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) + pair(1, 2).first); }\n";
        for (compiler, standards) in COMPILERS {
            if have(&[compiler]) {
                standards
                    .iter()
                    .for_each(|standard| compile_alone(&directory, compiler, standard, body));
            }
        }
    }
    let _ = std::fs::remove_dir_all(directory);
}

#[test]
fn headers_with_vectors_compile_alone() {
    let directory = scratch("vectors");
    std::fs::write(directory.join("kernels.h"), header_of(&plain(VECTORS))).expect("a header");
    for (compiler, standard) in [("gcc", "c11"), ("g++", "c++17"), ("clang", "c17")] {
        if have(&[compiler]) {
            compile_alone(&directory, compiler, standard, "#include \"kernels.h\"\n");
        }
    }
    let _ = std::fs::remove_dir_all(directory);
}

#[test]
fn headers_include_what_is_due_and_nothing_else() {
    let includes = |source: &str| -> Vec<String> {
        let text = header_of(&plain(source));
        text.lines().filter_map(|l| l.strip_prefix("#include ")).map(str::to_string).collect()
    };
    assert!(includes("fn f(x: f32) -> f32 { return x; }").is_empty());
    assert_eq!(includes("fn f(x: u8) { nop; }"), ["<stdint.h>"]);
    assert_eq!(includes("fn f(x: &[f32]) { nop; }"), ["<stddef.h>"]);
    assert_eq!(includes("fn f(x: bool) { nop; }"), ["<stdbool.h>"]);
    assert_eq!(includes("fn f(x: __m128) { nop; }"), ["<immintrin.h>"]);
}

#[test]
fn prototypes_say_what_c_can_say() {
    let text = header_of(&plain(EVERY_TYPE)) + &header_of(&plain(VECTORS));
    for line in [
        "int64_t integers(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g, uint64_t h, ptrdiff_t i, size_t j);",
        "void nothing(void);",
        "double small(bool a, uint32_t b, float c, double d);",
        "void pointers(const float *a, float *b, const int32_t *c, uint8_t d[16], const double e[4], uint64_t *const *f, int16_t *g, const uint32_t *h, const void *i, void /* Matrix */ *j, const float k[4]);",
        "size_t slices(const float *x, size_t x_len, float *y, size_t y_len, const char *s, size_t s_len);",
        "peach_uint128 wide(peach_int128 a);",
        "void functions(double (*a)(int32_t, const uint8_t *), void (PEACH_MS_ABI *b)(void), void (*c)(void), const uint8_t *(*d)(const float **));",
        "pair_result pair(int32_t a, uint64_t b);",
        "__m128d vector(__m128 a, __m128i b);",
        "const uint32_t *first(const uint32_t x[8]);",
        "uint8_t (*callback(uint8_t (*f)(uint8_t)))(uint8_t);",
        "uint32_t PEACH_MS_ABI windows(uint32_t a);",
        "uint32_t int_(uint32_t new_, uint32_t class_) PEACH_SYMBOL(\"int\");",
        "void odd(void) PEACH_SYMBOL(\"odd.name\");",
        " * With a comment that * / ends / * none.",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn metadata_has_what_peachpy_wrote_and_what_a_caller_wants_to_know() {
    let source = "
        fn sum(x: &[f32], factor: f64, out: *mut u32) -> u64 {
            mov rbx, x.len; mov r12, rbx; lea rax, [rbx + r12]; return rax;
        }";
    let parsed: serde_json::Value =
        serde_json::from_str(&json::metadata(&plain(source), None)).expect("JSON");
    let expected = serde_json::json!([{
        "entry": "function", "name": "sum", "symbol": "sum",
        "weak": false, "aliases": [], "return": "uint64_t",
        "arguments": [
            { "name": "x", "type": "const float*" }, { "name": "x_len", "type": "size_t" },
            { "name": "factor", "type": "double" }, { "name": "out", "type": "uint32_t*" },
        ],
        "arch": "x86-64", "abi": "SystemV x86-64 ABI", "uarch": "default", "isa": [],
        "extensions": [],
        "version": 0, "versions": 1, "file": "kernels.rs", "line": 2,
        "code_size": 17, "constants_size": 0, "alignment": 16, "instructions": 8,
        "clobbers": { "registers": ["rax"], "flags": false, "x87": false, "memory": false },
        "saved": ["rbx", "r12"], "stack": 16, "red_zone": 0,
    }]);
    assert_eq!(parsed, expected);
}

#[test]
fn metadata_tells_versions_and_constants_apart() {
    let source = r#"
        #[version(enable = "avx2", V = ymm)]
        #[version(enable = "sse2", V = xmm)]
        fn f(x: __m128) -> __m128 {
            if isa("avx2") { vaddps x, x, f32x4(1.0); } else { addps x, f32x4(1.0); }
            return x;
        }"#;
    let module = module(source, &SYSV64, None, "${name}_${isa}");
    let parsed: serde_json::Value =
        serde_json::from_str(&json::metadata(&module, None)).expect("JSON");
    let field = |index: usize, name: &str| parsed[index][name].clone();
    assert_eq!(field(0, "symbol"), "f_avx2");
    assert_eq!(field(0, "isa"), serde_json::json!(["avx"]));
    assert_eq!((field(0, "version"), field(1, "version")), (0.into(), 1.into()));
    assert_eq!(field(1, "versions"), 2);
    assert_eq!(field(1, "constants_size"), 16);
}

#[test]
fn dependencies_are_what_make_reads() {
    let text = makefile::dependencies("out.o", &["kernels.rs", "a.rs"], false);
    assert_eq!(text, "out.o: \\\n  kernels.rs \\\n  a.rs\n");
    if !have(&["make"]) {
        return;
    }
    let directory = scratch("make");
    let names = [
        "a b.c",
        "x#y",
        "d$e",
        "st*r",
        "q?m",
        "br[a]",
        "back\\slash",
        "back\\ sp",
        "t~l",
        "~home",
        "co:lon",
        "p%q",
    ];
    for name in names {
        std::fs::write(directory.join(name), "").expect("a file");
    }
    let rule = makefile::dependencies("out put.o", &names, true);
    std::fs::write(directory.join("Makefile"), format!("all: out\\ put.o\n\n{rule}"))
        .expect("a file");
    // What make takes to be missing, it would have to make.
    let output =
        Command::new("make").args(["-r", "-R", "-d", "-n"]).current_dir(&directory).output();
    let output = output.expect("make");
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{log}{}", String::from_utf8_lossy(&output.stderr));
    for name in names {
        assert!(!log.contains(&format!("File '{name}' does not exist")), "{name}: {rule}");
        let is_known = log.contains(&format!("target file '{name}'"))
            || log.contains(&format!("target file './{name}'"));
        assert!(is_known, "{name}: {rule}");
    }
    let _ = std::fs::remove_dir_all(directory);
}

#[test]
fn templates_name_versions_apart() {
    let source = r#"
        #[version(enable = "avx512f,avx512vl")]
        #[version(enable = "avx2,fma")]
        #[version()]
        fn Dot4() { nop; }
        #[export_name = "exact"] fn other() { nop; }"#;
    let symbols = |cpu, template: &str| -> Vec<String> {
        let module = module(source, &SYSV64, cpu, template);
        module.functions.into_iter().map(|function| function.symbol).collect()
    };
    let all = symbols(None, "${name}_${isa}");
    assert_eq!(all, ["dot4_avx512vl", "dot4_fma_avx2", "dot4_x86_64", "exact"]);
    assert_eq!(
        symbols(Some("haswell"), "${Name}_${NAME}_${uArch}_${uarch}_${UARCH}$$"),
        ["Dot4_DOT4_Haswell_haswell_HASWELL$", "exact"]
    );
    let text = symbols(Some("skylake-avx512"), "p_${Name}_${uArch}_${ISA}");
    assert_eq!(text[0], "p_Dot4_SkylakeAvx512_X86_64");
}

#[test]
fn a_template_that_is_none_is_refused_at_its_place() {
    for (template, words, at) in [
        ("${nam}", "unknown variable `${nam}`; the variables are ${Name}, ${name}", 0..6),
        ("a_$b", "`$` is not followed by a variable", 2..3),
        ("a_${name", "`${` without `}`", 2..8),
        ("", "empty template", 0..0),
    ] {
        let error = Template::parse(template).expect_err(template);
        assert!(error.message.contains(words), "{error}");
        assert_eq!(error.at, at, "{template}");
    }
}
