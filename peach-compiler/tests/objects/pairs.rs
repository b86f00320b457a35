//! Pairs of narrow integers and of floats, returned to gcc, clang and rustc, of all combinations of
//! types, with everything else in the registers in disorder.

use crate::support::{Workspace, module};
use peach_compiler::abi::{Convention, ImageFormat, SYSV64, WIN64};
use peach_testing::tools::have;

/// A type in Rust and in C, and its bytes.
type Type = (&'static str, &'static str, usize);

const INTEGERS: [Type; 10] = [
    ("i8", "signed char", 1),
    ("u8", "unsigned char", 1),
    ("bool", "_Bool", 1),
    ("i16", "short", 2),
    ("u16", "unsigned short", 2),
    ("i32", "int", 4),
    ("u32", "unsigned", 4),
    ("char", "unsigned", 4),
    ("i64", "long long", 8),
    ("u64", "unsigned long long", 8),
];

const FLOATS: [Type; 2] = [("f32", "float", 4), ("f64", "double", 8)];

const ABIS: [(&str, &str); 2] = [("sysv64", "sysv_abi"), ("win64", "ms_abi")];

/// Arguments of the kernels. Each is a `char` in its low 32 bits.
const INPUTS: [u64; 5] = [
    0xFFFF_FFFF_0000_FF7F,
    0x8000_0000_0000_8081,
    0xDEAD_BEEF_0001_FFFE,
    0x0123_4567_0010_0101,
    0xAAAA_AAAA_0000_0080,
];

/// A kernel, and what it returns for `x` and `y`, as expressions of C and of Rust.
struct Pair {
    name: String,
    types: [Type; 2],
    body: String,
    wanted: [String; 2],
}

/// The name of `rax`, `rcx` or `rdx` with as many bytes.
fn physical(letter: char, bytes: usize) -> String {
    match bytes {
        1 => format!("{letter}l"),
        2 => format!("{letter}x"),
        4 => format!("e{letter}x"),
        _ => format!("r{letter}x"),
    }
}

/// All ways to return two integers of these types.
fn integers(abi: &str, types: [Type; 2]) -> Vec<Pair> {
    let [(a, _, m), (b, _, n)] = types;
    let (x, y) = (format!("x.gp{}", 8 * m), format!("y.gp{}", 8 * n));
    // A byte that is no `bool` must not be returned as one.
    let is_bool = a == "bool" || b == "bool";
    let start = if is_bool { "and x, -255; and y, -255;" } else { "" };
    let value =
        |arg: &str| if is_bool { format!("{arg} & 0xFFFFFFFFFFFFFF01") } else { arg.into() };
    let mut ways = vec![
        (format!("return ({x}, {y});"), value("x"), value("y")),
        (format!("return (y.gp{}, x.gp{});", 8 * m, 8 * n), value("y"), value("x")),
        (format!("return ({x}, x.gp{});", 8 * n), value("x"), value("x")),
        (
            format!("rdx = x; rax = y; return ({}, {});", physical('d', m), physical('a', n)),
            value("x"),
            value("y"),
        ),
        (
            format!("rax = x; rcx = y; return ({}, {});", physical('a', m), physical('c', n)),
            value("x"),
            value("y"),
        ),
        (format!("return (1, {y});"), "1".into(), value("y")),
        (format!("return ({x}, 1);"), value("x"), "1".into()),
    ];
    if ![a, b].iter().any(|ty| ty.starts_with('u') || *ty == "bool" || *ty == "char") {
        ways.push((format!("return (-1, {y});"), "0xFFFFFFFFFFFFFFFF".into(), "y".into()));
        ways.push((format!("return ({x}, -1);"), "x".into(), "0xFFFFFFFFFFFFFFFF".into()));
        ways.push(("return (-2, 3);".into(), "0xFFFFFFFFFFFFFFFE".into(), "3".into()));
    }
    let pairs = ways.into_iter().enumerate().map(|(number, (body, first, second))| Pair {
        name: format!("{abi}_{a}_{b}_{number}"),
        types,
        body: format!("{start} {body}"),
        wanted: [first, second],
    });
    pairs.collect()
}

fn all_integers(abi: &str) -> Vec<Pair> {
    let pairs = INTEGERS.iter().flat_map(|a| INTEGERS.iter().map(|b| [*a, *b]));
    pairs.flat_map(|types| integers(abi, types)).collect()
}

/// All ways to return two floats, which stand in memory with other numbers behind them.
fn all_floats(abi: &str) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for a in FLOATS {
        for b in FLOATS {
            let ways = [
                ("return (v, w);", "p", "q"),
                ("return (w, v);", "q", "p"),
                ("return (v, v);", "p", "p"),
                ("xmm1 = v; xmm0 = w; return (xmm1, xmm0);", "p", "q"),
                ("xmm0 = v; xmm1 = w; return (xmm1, xmm0);", "q", "p"),
                ("return (1.5, w);", "", "q"),
                ("return (v, -2.25);", "p", ""),
            ];
            for (number, (body, first, second)) in ways.into_iter().enumerate() {
                let value = |of: &str, (ty, ..): Type, number: &str| match of {
                    "" => number.to_string(),
                    of => format!("{of}_{ty}"),
                };
                pairs.push(Pair {
                    name: format!("{abi}_{}_{}_{number}", a.0, b.0),
                    types: [a, b],
                    body: format!("let v, w: xmm; movups v, [p]; movups w, [q]; {body}"),
                    wanted: [value(first, a, "1.5"), value(second, b, "-2.25")],
                });
            }
        }
    }
    pairs
}

/// The kernels of conventions.
fn kernels(abis: &[(&str, &str)]) -> String {
    let mut source = String::new();
    for (abi, _) in abis {
        for (list, args) in [
            (all_integers(abi), "x: u64, y: u64"),
            (all_floats(abi), "p: *const f32, q: *const f32"),
        ] {
            for Pair { name, types: [a, b], body, .. } in list {
                source += &format!(
                    "unsafe extern \"{abi}\" fn {name}({args}) -> ({}, {}) {{ {body} }}\n",
                    a.0, b.0
                );
            }
        }
    }
    source
}

fn in_c(abis: &[(&str, &str)]) -> String {
    let mut program = String::from(
        "#include <stdio.h>
        #define U unsigned long long
        union F { float f[4]; double d[2]; };
        static const union F p = { .f = { 3.5f, 1.75f, 7, 8 } };
        static const union F q = { .f = { -0.5f, 1.25f, 9, 10 } };
        #define p_f32 p.f[0]\n#define p_f64 p.d[0]\n#define q_f32 q.f[0]\n#define q_f64 q.d[0]\n",
    );
    let mut calls = String::new();
    let value = |(_, c, _): Type, wanted: &str| match c {
        "_Bool" => format!("(({wanted}) & 1)"),
        c => format!("({c})({wanted})"),
    };
    for (abi, attribute) in abis {
        let floats = all_floats(abi);
        let lists =
            [(all_integers(abi), "U, U", "x, y"), (floats, "const void*, const void*", "&p, &q")];
        for (list, parameters, arguments) in lists {
            for Pair { name, types: [a, b], wanted, .. } in list {
                program += &format!(
                    "struct {name} {{ {} a; {} b; }};\n\
                     __attribute__(({attribute})) struct {name} {name}({parameters});\n",
                    a.1, b.1
                );
                let [first, second] = [value(a, &wanted[0]), value(b, &wanted[1])];
                program += &format!(
                    "static int test_{name}(U x, U y) {{ struct {name} r = {name}({arguments}); \
                     return r.a != {first} || r.b != {second}; }}\n"
                );
                calls += &format!("if (test_{name}(x, y)) {{ puts(\"{name}\"); failed = 1; }}\n");
            }
        }
    }
    let inputs: Vec<String> = INPUTS.iter().map(|input| format!("{input:#x}u")).collect();
    program
        + &format!(
            "static const U inputs[] = {{ {} }};
            int main(void) {{ int failed = 0;
            for (int i = 0; i < {count}; i++) {{ for (int k = 0; k < {count}; k++) {{
            U x = inputs[i], y = inputs[k];\n{calls}}} }} return failed; }}\n",
            inputs.join(", "),
            count = INPUTS.len(),
        )
}

fn in_rust(abis: &[(&str, &str)]) -> String {
    let mut program = String::new();
    let mut calls = String::new();
    for (abi, _) in abis {
        for Pair { name, types: [a, b], wanted, .. } in all_integers(abi) {
            program += &declaration(abi, &name, [a, b], "x: u64, y: u64");
            let value = |(ty, ..): Type, value: &str| match ty {
                "bool" => format!("({value}) & 1 == 1"),
                "char" => format!("char::from_u32(({value}) as u32).unwrap()"),
                _ => format!("(({value}) as u64) as {ty}"),
            };
            let [first, second] = [value(a, &wanted[0]), value(b, &wanted[1])];
            calls += &format!(
                "let r = {name}(x, y); assert_eq!((r.a, r.b), ({first}, {second}), \"{name}\");\n"
            );
        }
        for Pair { name, types, wanted: [first, second], .. } in all_floats(abi) {
            program += &declaration(abi, &name, types, "p: *const f32, q: *const f32");
            calls += &format!(
                "let r = {name}(P.as_ptr(), Q.as_ptr());
                assert_eq!((r.a, r.b), ({first}, {second}), \"{name}\");\n"
            );
        }
    }
    program
        + &format!(
            "static P: [f32; 4] = [3.5, 1.75, 7.0, 8.0]; static Q: [f32; 4] = [-0.5, 1.25, 9.0, 10.0];
            fn double(of: &[f32; 4]) -> f64 {{
                f64::from_bits(u64::from(of[1].to_bits()) << 32 | u64::from(of[0].to_bits())) }}
            fn main() {{ let (p_f32, q_f32, p_f64, q_f64) = (P[0], Q[0], double(&P), double(&Q));
            for x in {INPUTS:?} {{ for y in {INPUTS:?} {{ let (x, y): (u64, u64) = (x, y);
            {calls} }} }} }}\n"
        )
}

fn declaration(abi: &str, name: &str, [a, b]: [Type; 2], args: &str) -> String {
    format!(
        "#[repr(C)] #[allow(non_camel_case_types)] struct {name} {{ a: {}, b: {} }}
        unsafe extern \"{abi}\" {{ safe fn {name}({args}) -> {name}; }}\n",
        a.0, b.0
    )
}

#[test]
fn gcc_clang_and_rustc_take_them() {
    let workspace = Workspace::new("pairs");
    workspace.object("kernels.o", &module(&kernels(&ABIS), &SYSV64), ImageFormat::Elf, false);
    workspace.file("main.c", in_c(&ABIS));
    workspace.file("main.rs", in_rust(&ABIS));
    for compiler in ["gcc -O0", "gcc -O2", "clang -O0", "clang -O2"] {
        workspace.run(&format!("{compiler} -o main main.c kernels.o"));
        workspace.run("./main");
    }
    workspace.run("rustc --edition 2024 -A warnings -C link-arg=kernels.o -o main main.rs");
    workspace.run("./main");
}

/// The same on Windows, in the convention that is the native one there.
#[test]
fn mingws_gcc_takes_them() {
    if !have(&["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let workspace = Workspace::new("pairs_windows");
    let convention: &'static Convention = &WIN64;
    let abis = &ABIS[1..];
    workspace.object(
        "kernels.obj",
        &module(&kernels(abis), convention),
        ImageFormat::MsCoff,
        false,
    );
    workspace.file("main.c", in_c(abis));
    for level in [0, 2] {
        workspace.run(&format!("x86_64-w64-mingw32-gcc -O{level} -o main.exe main.c kernels.obj"));
        workspace.wine("main.exe");
    }
}
