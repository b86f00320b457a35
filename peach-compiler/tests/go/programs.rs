//! Programs of several packages, names, and faults.

use super::{go, listing, module, write};
use peach_compiler::abi::{Convention, GOASM, GOSYSO, ImageFormat};
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::emit::listings::go::{Constraint, declarations};
use peach_compiler::emit::objects;
use peach_testing::tools::have;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An empty directory for a program called `program`.
fn program(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a directory");
    write(&dir, "go.mod", "module program\n\ngo 1.17\n");
    dir
}

/// Kernels as a package in a directory of a program.
fn package(dir: &Path, source: &str, convention: &'static Convention) {
    std::fs::create_dir_all(dir).expect("a directory");
    let mut module = module(source, convention);
    module.build_tags = Some(Constraint::parse("gc && !purego").expect("tags"));
    if convention.flag == "gosyso" {
        let object = objects::write(&module, &objects::Options::new(ImageFormat::Elf));
        write(dir, "kernels_linux_amd64.syso", object.expect("an object"));
    }
    write(dir, "kernels_amd64.s", listing(&module));
    let name = dir.file_name().expect("a name").to_string_lossy();
    let mut diagnostics = Diagnostics::new();
    write(dir, "kernels.go", declarations(&module, &name, &mut diagnostics));
    assert!(!diagnostics.has_errors());
}

/// Whether the program succeeds, and what it says.
fn run(dir: &Path) -> (bool, String) {
    go(dir, &["build", "-o", "program", "."]);
    let output = Command::new(dir.join("program")).output().expect("the program");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

/// Packages of one name, in which kernels have one name and one even the same code.
#[test]
fn packages_with_equal_names_are_one_program() {
    if !have(&["go"]) {
        return;
    }
    let kernel = |add: u32| {
        format!(
            "pub fn Hash64(x: u64) -> u64 {{ add x, {add}; return x; }}
             #[export_name = \"Named\"] pub fn named() -> u64 {{ return {add}; }}"
        )
    };
    for convention in [&GOASM, &GOSYSO] {
        let dir = program(&format!("{}-packages", convention.flag));
        for (place, add) in [("a/hash", 1), ("b/hash", 2), ("c/hash", 2)] {
            package(&dir.join(place), &kernel(add), convention);
        }
        write(
            &dir,
            "main.go",
            "package main\n\nimport (\n\ta \"program/a/hash\"\n\tb \"program/b/hash\"\n\t\
             c \"program/c/hash\"\n)\n\nfunc main() {\n\t\
             println(a.Hash64(10), b.Hash64(10), c.Hash64(10), a.Named(), b.Named(), c.Named())\n}\n",
        );
        go(&dir, &["vet", "./..."]);
        assert_eq!(run(&dir), (true, "11 12 12 1 2 2\n".to_string()));
    }
}

/// A fault in a listing's kernel is a panic; in an object's, it is the end of the program.
#[test]
fn faults_are_recovered_in_listings_alone() {
    if !have(&["go"]) {
        return;
    }
    let main = "package main\n\nimport (\n\t\"program/kernels\"\n\t\"runtime/debug\"\n)\n\n\
                func try(p *uint64) {\n\tdefer func() { println(\"recovered:\", recover() != nil) }()\n\t\
                kernels.Load(p)\n}\n\n\
                func main() {\n\tdebug.SetPanicOnFault(true)\n\ttry(nil)\n\tprintln(\"the end\")\n}\n";
    let source = "pub unsafe fn Load(p: *const u64) -> u64 { mov rax, [p]; return rax; }";
    for convention in [&GOASM, &GOSYSO] {
        let dir = program(&format!("{}-faults", convention.flag));
        package(&dir.join("kernels"), source, convention);
        write(&dir, "main.go", main);
        let (succeeded, said) = run(&dir);
        if convention.flag == "goasm" {
            assert_eq!((succeeded, said.as_str()), (true, "recovered: true\nthe end\n"));
        } else {
            assert!(!succeeded && !said.contains("the end"), "{said}");
        }
    }
}

/// Words of Go, of its assembler and of `go vet`, and what is like them.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "x_len", "x_base", "x_cap", "ret", "ret1", "ret_0", "r#break", "case", "chan", "default", "defer",
    "func", "go", "goto", "interface", "map", "package", "range", "select", "switch", "var",
    "fallthrough", "import", "init", "main", "r#unsafe", "any", "bool", "byte", "comparable", "complex64",
    "error", "float32", "int", "int8", "rune", "string", "uint", "uint8", "uint64", "uintptr", "iota",
    "nil", "append", "cap", "close", "complex", "copy", "delete", "imag", "len", "new", "panic", "print",
    "println", "real", "AX", "SP", "FP", "SB", "PC", "TLS", "g", "R8", "R15", "X0", "X31", "Y1", "Z31",
    "K0", "M0", "F0", "CR0", "DR7", "TR3", "BP", "AL", "BPB", "MSW", "RET", "MOVQ", "TEXT", "GLOBL", "é",
    "λ", "größe", "_x", "__x", "r#k0", "r#sp", "r#cl", "r#rax", "r#xmm0", "r#in", "r#type",
];

#[test]
fn every_name_is_built_and_vetted() {
    if !have(&["go"]) {
        return;
    }
    let mut source = String::new();
    for (number, name) in NAMES.iter().enumerate() {
        source += &format!(
            "pub fn P{number}({name}: u64, x: &[u8], w: u128) -> u64 {{
                let t: gp64 = x.len; add t, {name}; add t, w.hi; return t;
            }}
            pub fn Q{number}(x: &[u8], {name}: u8, s: &str) -> (u64, u8) {{
                let t: gp64 = x.len; add t, s.len; return (t, {name});
            }}
            pub fn W{number}({name}: &[u8], x_len_: u64) -> u128 {{
                let t: gp64 = {name}.len; return (t, x_len_);
            }}\n"
        );
        // What a function may be called is Go's to say, too.
        let kernel = name.trim_start_matches("r#");
        if super::accepted(&format!("#[export_name = \"{kernel}\"] pub fn f() {{}}")) {
            source += &format!("#[export_name = \"{kernel}\"] pub fn f{number}() {{}}\n");
        }
    }
    for convention in [&GOASM, &GOSYSO] {
        let dir = program(&format!("{}-names", convention.flag));
        package(&dir.join("kernels"), &source, convention);
        go(&dir, &["vet", "./..."]);
        go(&dir, &["build", "./..."]);
    }
}
