//! Narrow results: no convention asks the callee for more than their own bytes, so nothing is
//! added, and what gcc, clang and rustc make of a call extends the result itself.

use crate::support::{Workspace, module};
use peach_compiler::abi::{Convention, ImageFormat, SYSV64, WIN64};
use peach_compiler::ir::{Code, Origin};
use peach_compiler::pipeline::{Target, compile};

/// Results with the register's other bits in disorder.
const RESULTS: [(&str, &str, &str); 8] = [
    ("i8", "signed char", "return x.gp8;"),
    ("u8", "unsigned char", "return x.gp8;"),
    ("i16", "short", "return x.gp16;"),
    ("u16", "unsigned short", "return x.gp16;"),
    ("i32", "int", "return x.gp32;"),
    ("u32", "unsigned", "return x.gp32;"),
    ("char", "unsigned", "return x.gp32;"),
    ("bool", "_Bool", "rax = x; test x, 1; setnz al; return al;"),
];

const ABIS: [(&str, &str); 2] = [("sysv64", "sysv_abi"), ("win64", "ms_abi")];

/// Numbers whose low bytes and halves have both signs; each is a `char` in its low 32 bits.
const INPUTS: [u64; 6] = [
    0,
    0xFFFF_FFFF_0000_FF7F,
    0x8000_0000_0000_8080,
    0xDEAD_BEEF_0001_FFFF,
    0x0123_4567_0010_0100,
    0xAAAA_AAAA_0000_007F,
];

fn kernels() -> String {
    let mut source = String::new();
    for (abi, _) in ABIS {
        for (ty, _, body) in RESULTS {
            source +=
                &format!("unsafe extern \"{abi}\" fn {abi}_{ty}(x: u64) -> {ty} {{ {body} }}\n");
        }
    }
    source
}

/// Calls every kernel, as an optimizer likes it: what the result is converted to is seen at once.
fn in_c() -> String {
    let mut program = String::from("#define U unsigned long long\n");
    let mut calls = String::new();
    for (abi, attribute) in ABIS {
        for (ty, c, _) in RESULTS {
            let name = format!("{abi}_{ty}");
            program += &format!("__attribute__(({attribute})) {c} {name}(U);\n");
            let wanted = if ty == "bool" { "x & 1".into() } else { format!("(U)({c})x") };
            calls += &format!("if ((U){name}(x) != ({wanted})) return __LINE__;\n");
            calls += &format!("if (!{name}(x) != !({wanted})) return __LINE__;\n");
        }
    }
    let inputs: Vec<String> = INPUTS.iter().map(|input| format!("{input:#x}u")).collect();
    let inputs = inputs.join(", ");
    program
        + &format!("static const U inputs[] = {{ {inputs} }};\n")
        + &format!("int main(void) {{ for (int i = 0; i < {}; i++) {{\n", INPUTS.len())
        + &format!("U x = inputs[i];\n{calls}}} return 0; }}\n")
}

fn in_rust() -> String {
    let mut program = String::new();
    let mut calls = String::new();
    for (abi, _) in ABIS {
        for (ty, _, _) in RESULTS {
            let name = format!("{abi}_{ty}");
            program += &format!("unsafe extern \"{abi}\" {{ safe fn {name}(x: u64) -> {ty}; }}\n");
            let wanted = match ty {
                "bool" => "x & 1".into(),
                "char" => "x as u32 as u64".into(),
                _ => format!("x as {ty} as u64"),
            };
            calls += &format!("assert_eq!({name}(x) as u64, {wanted}, \"{name}\");\n");
        }
    }
    program + &format!("fn main() {{ for x in {INPUTS:?} {{ let x: u64 = x;\n{calls}}} }}\n")
}

#[test]
fn callers_extend_them() {
    let workspace = Workspace::new("narrow");
    workspace.object("kernels.o", &module(&kernels(), &SYSV64), ImageFormat::Elf, false);
    workspace.file("main.c", in_c());
    workspace.file("main.rs", in_rust());
    for compiler in ["gcc -O0", "gcc -O2", "gcc -O3", "clang -O0", "clang -O2", "clang -O3"] {
        workspace.run(&format!("{compiler} -o main main.c kernels.o"));
        workspace.run("./main");
    }
    for level in [0, 3] {
        workspace.run(&format!(
            "rustc --edition 2024 -C opt-level={level} -C link-arg=kernels.o -o main main.rs"
        ));
        workspace.run("./main");
    }
}

/// What the compiler adds to a return: a move to `eax` at most, and `ret`.
#[test]
fn nothing_extends_them() {
    for convention in [&SYSV64, &WIN64] {
        for (ty, _, body) in RESULTS {
            let source = format!("unsafe fn k(x: u64) -> {ty} {{ {body} }}");
            let added = added(convention, &source);
            let is_right = match ty {
                "bool" => added == ["ret"],
                _ => added.len() == 2 && added[0].starts_with("mov eax, e") && added[1] == "ret",
            };
            assert!(is_right, "{source} of {}: {added:?}", convention.name);
        }
        for ty in ["i8", "i16", "i32"] {
            let added = added(convention, &format!("fn k() -> {ty} {{ return -1; }}"));
            assert_eq!(added.len(), 2, "{ty}: {added:?}");
        }
    }
    // Parts of a pair in registers of their own, and the upper part of one in one register.
    let wide = "fn k(a: u64, b: u64) -> (u64, u8) { rax = a; rdx = b; return (rax, dl); }";
    assert_eq!(added(&SYSV64, wide), ["ret"]);
    let narrow = "fn k(a: u8, b: u8) -> (u8, u8) { return (a, b); }";
    for convention in [&SYSV64, &WIN64] {
        let added = added(convention, narrow);
        assert_eq!(added.iter().filter(|inst| inst.contains("movzx")).count(), 1, "{added:?}");
    }
}

/// The instructions of the return.
fn added(convention: &'static Convention, source: &str) -> Vec<String> {
    let compilation = compile(source.parse().expect("tokens"), Target::from(convention));
    let version = compilation.kernels.first().and_then(|kernel| kernel.versions.first());
    let version = version.unwrap_or_else(|| panic!("{source}"));
    let items = version.lowered.items.iter();
    let added = items.filter(|item| matches!(item.origin, Origin::Epilogue(_)));
    let insts = added.filter_map(|item| match &item.code {
        Code::Inst(inst) => Some(inst.to_string()),
        Code::Label(_) | Code::Align(_) | Code::Bytes(_) | Code::Group(_) => None,
    });
    insts.collect()
}
