//! The calls that the macro generates, in an optimized program: every register holds a known value
//! around each, and all of them must be there afterwards.
//!
//! rustc keeps a value in its register across a call that does not declare it clobbered, and moves
//! it elsewhere across one that does. So whatever is missing from a list corrupts a value. As a
//! control, calls are also made with each of the declared registers taken out of the list, and
//! every one of them must be noticed.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

// Also of another test, which uses more of it.
#[path = "random_kernels/fit.rs"]
mod fit;
#[path = "random_kernels/generator.rs"]
#[expect(dead_code, reason = "not all kinds of random kernels are called here")]
mod generator;

use fit::fit;
use generator::Shape;
use peach_compiler::abi::SYSV64;
use peach_compiler::emit::rust::{RustOptions, items};
use peach_compiler::pipeline::{self, Target};
use peach_testing::Random;
use peach_testing::kernels::KERNELS;
use peach_testing::processor::has;
use peach_testing::rustc::Rustc;
use proc_macro2::TokenStream;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// General-purpose registers that `asm!` takes as operands; the other two are reserved to rustc,
/// which keeps further values there.
const GENERAL: [&str; 13] =
    ["rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

/// How many random kernels there are, for each embedding and convention.
const RANDOM: u64 = 10;

/// How the vectors of this processor are called: register, type, how many, feature to enable.
fn vectors() -> (&'static str, &'static str, usize, &'static str) {
    if is_x86_feature_detected!("avx512bw") {
        ("zmm", "__m512i", 32, "avx512f,avx512bw")
    } else if is_x86_feature_detected!("avx") {
        ("ymm", "__m256i", 16, "avx")
    } else {
        ("xmm", "__m128i", 16, "sse2")
    }
}

/// The program, as it grows.
struct Program {
    text: String,
    /// The modules, each with what must be true of its call.
    modules: Vec<(String, bool)>,
}

impl Program {
    fn new() -> Program {
        let vector = vectors().1;
        let text = format!(
            "#![allow(warnings)]\nuse std::arch::x86_64::*;\ntype Vector = {vector};{HEAD}"
        );
        Program { text, modules: Vec::new() }
    }

    /// Adds a module with the items of `source`'s kernel `k` and a function that calls it. The
    /// items go through `edit` first.
    fn add(&mut self, name: &str, source: &str, edit: &dyn Fn(String) -> String) {
        let tokens: TokenStream = source.parse().unwrap_or_else(|e| panic!("{e}: {source}"));
        let compilation = pipeline::compile(tokens, Target::in_rust(&SYSV64));
        let messages: Vec<_> = compilation.diagnostics.iter().map(|d| &d.message).collect();
        let errors = compilation.diagnostics.has_errors();
        assert!(!errors, "{name}: {messages:?}\n{source}");
        let signature = &compilation.kernels[0].source.decl.signature;
        let types: Vec<String> = signature.params.iter().map(|p| p.ty.tokens.to_string()).collect();
        let items = items(&compilation, RustOptions::default()).to_string();
        let is_win64 = source.contains("\"win64\"");
        let call = call(&types, is_win64);
        let _ = writeln!(self.text, "mod {name} {{\nuse super::*;\n{}\n{call}\n}}", edit(items));
    }

    /// A call that must change nothing that it does not declare.
    fn add_faithful(&mut self, name: String, source: &str) {
        self.add(&name, source, &|items| items);
        self.modules.push((name, true));
    }

    /// Calls that do not declare `register`, which must be noticed.
    fn add_without(&mut self, name: String, source: &str, register: &str) {
        let operand = format!("lateout (\"{register}\") _ ,");
        self.add(&name, source, &|items| {
            let edited = items.replace(&operand, "");
            assert_ne!(edited, items, "{name} declares {register}");
            edited
        });
        self.modules.push((name, false));
    }

    fn main(&self) -> String {
        let mut text = "fn main() {\n".to_string();
        for (module, _) in &self.modules {
            let _ =
                writeln!(text, "    println!(\"{module}: {{}}\", unsafe {{ {module}::call() }});");
        }
        text.push_str("}\n");
        text
    }
}

/// What all modules share.
const HEAD: &str = r#"
use std::arch::asm;
use std::hint::black_box;

/// What is in the registers.
struct Values {
    general: [u64; 13],
    vectors: [Vector; 32],
    masks: [u64; 8],
    stack: [u64; 16],
}

impl Values {
    #[inline(never)]
    fn poison() -> Values {
        let word = |n: u64| black_box(n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let vector = |n: u64| {
            let words: [u64; 8] = std::array::from_fn(|i| word(100 + 8 * n + i as u64));
            unsafe { std::mem::transmute_copy(&words) }
        };
        Values {
            general: std::array::from_fn(|n| word(n as u64)),
            vectors: std::array::from_fn(|n| vector(n as u64)),
            masks: std::array::from_fn(|n| word(40 + n as u64)),
            stack: std::array::from_fn(|n| word(60 + n as u64)),
        }
    }

    /// The places where they differ.
    #[inline(never)]
    fn differences(&self, is: &Values) -> String {
        let bytes = |vector: &Vector| unsafe {
            std::slice::from_raw_parts((vector as *const Vector).cast::<u8>(), size_of::<Vector>()).to_vec()
        };
        let mut found = String::new();
        for n in 0..32 {
            if n < 13 && self.general[n] != is.general[n] { found += &format!(" general {n}"); }
            if n < 16 && self.stack[n] != is.stack[n] { found += &format!(" stack {n}"); }
            if n < 8 && self.masks[n] != is.masks[n] { found += &format!(" mask {n}"); }
            if bytes(&self.vectors[n]) != bytes(&is.vectors[n]) { found += &format!(" vector {n}"); }
        }
        if found.is_empty() { "same".to_string() } else { found }
    }
}
"#;

/// A function that calls `k` with a value in every register, and says what differs afterwards.
fn call(types: &[String], is_win64: bool) -> String {
    let (vector, _, count, features) = vectors();
    let arguments: &[&str] = match is_win64 {
        true => &["rcx", "rdx", "r8", "r9"],
        false => &["rdi", "rsi", "rdx", "rcx", "r8", "r9"],
    };
    let general =
        GENERAL.iter().enumerate().map(|(n, reg)| (reg.to_string(), format!("general[{n}]")));
    let vectors = (0..count).map(|n| (format!("{vector}{n}"), format!("vectors[{n}]")));
    // k0 is not an operand.
    let masks =
        (1..if count == 32 { 8 } else { 1 }).map(|n| (format!("k{n}"), format!("masks[{n}]")));
    let (mut before, mut after, mut declarations) = (String::new(), String::new(), String::new());
    for (register, place) in general.chain(vectors).chain(masks) {
        let _ = writeln!(before, "        inout(\"{register}\") was.{place} => {register},");
        let ty = if place.starts_with("vectors") { "Vector" } else { "u64" };
        let _ = write!(declarations, "let {register}: {ty}; ");
        let _ = writeln!(after, "        inout(\"{register}\") {register} => is.{place},");
    }
    let args: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(n, ty)| format!("{} as {ty}", arguments.get(n).copied().unwrap_or("r15")))
        .collect();
    let pointer =
        GENERAL.iter().position(|register| *register == arguments[0]).expect("an argument");
    format!(
        "#[inline(never)]\n#[target_feature(enable = \"{features}\")]\npub unsafe fn call() -> String {{\n    \
         let mut buffer = [3u64; 4096];\n    \
         let mut was = Values::poison();\n    \
         was.general[{pointer}] = buffer.as_mut_ptr() as u64;\n    \
         let mut is = Values::poison();\n    \
         {declarations}\n    \
         asm!(\"\",\n{before});\n    \
         let result = k({});\n    \
         asm!(\"\",\n{after});\n    \
         black_box((&buffer, &result, &was));\n    \
         was.differences(&is)\n}}",
        args.join(", "),
    )
}

fn is_supported(source: &str) -> bool {
    (!source.contains("avx2") || has("avx2", is_x86_feature_detected!("avx2")))
        && (!source.contains("avx512") || has("avx512bw", is_x86_feature_detected!("avx512bw")))
}

/// `source` as an unsafe kernel in an embedding and a convention.
fn with_head(source: &str, embed: &str, abi: &str) -> String {
    let source = source.replace("unsafe fn k", "fn k");
    source.replacen("fn k", &format!("#[embed = \"{embed}\"] unsafe extern \"{abi}\" fn k"), 1)
}

/// A random kernel with as many arguments as fit in the registers of both conventions.
fn random(seed: u64) -> String {
    let mut rng = Random::new(seed);
    let mut shape = Shape::random(&mut rng);
    shape = fit(shape);
    shape.convention = &SYSV64;
    shape.spill = true;
    // There is nothing to call.
    shape.calls = false;
    let text = generator::kernel(&shape, &mut rng);
    let rest = ", d: isize, e: u64, f: u64, g: u64, h: u32)";
    let start = text.find(rest).expect("the arguments");
    let (head, tail) = (&text[..start], &text[start + rest.len()..]);
    let (arrow, body) = tail.split_once('{').expect("a body");
    format!("{head}){arrow}{{ let (d, e, f, g, h) = (c, a, c, a, b);{body}")
}

#[test]
fn calls_keep_what_they_do_not_declare() {
    let mut program = Program::new();
    for embed in ["map", "text", "inline"] {
        for abi in ["sysv64", "win64"] {
            let kernels = KERNELS.iter().filter(|(_, source)| is_supported(source));
            // The caller of inlined code keeps `rbp`.
            let kernels =
                kernels.filter(|(_, source)| embed != "inline" || !source.contains("rbp"));
            for (name, source) in kernels {
                let name = format!("{}_{embed}_{abi}", name.replace(' ', "_"));
                program.add_faithful(name, &with_head(source, embed, abi));
            }
            for seed in 0..RANDOM {
                let source = with_head(&random(seed), embed, abi);
                program.add_faithful(format!("random_{seed}_{embed}_{abi}"), &source);
            }
        }
    }
    for (kernel, registers) in [
        ("all general registers", &["rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"][..]),
        ("all vectors", &["xmm1", "xmm2", "xmm7", "xmm8", "xmm15"]),
        ("zmm", &["xmm2", "xmm17"]),
        ("masks", &["k3"]),
    ] {
        let (_, source) = KERNELS.iter().find(|(name, _)| *name == kernel).expect("a kernel");
        if !is_supported(source) {
            continue;
        }
        for embed in ["map", "text", "inline"] {
            for register in registers {
                let name = format!("without_{register}_{}_{embed}", kernel.replace(' ', "_"));
                program.add_without(name, &with_head(source, embed, "sysv64"), register);
            }
        }
    }
    let text = program.text.clone() + &program.main();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("poisoned");
    let binary = Rustc::new(dir, &["-Copt-level=2"]).build("program", &text, &[]);
    let output = Command::new(binary).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {said}", output.status);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), program.modules.len());
    let mut wrong = Vec::new();
    for (line, (module, is_faithful)) in lines.iter().zip(&program.modules) {
        if line.ends_with(": same") != *is_faithful {
            wrong.push(format!("{module} {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!(
        "{} calls, {} of them with a register left out",
        lines.len(),
        program.modules.iter().filter(|(_, is_faithful)| !is_faithful).count()
    );
}
