//! What a program costs that is wrong in every line, or has very many of something: no more than
//! its length, give or take a logarithm.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::expand::expand;
use peach_compiler::pipeline;
use peach_compiler::syntax;
use std::time::Duration;

/// Kinds of lines; `#` is the line's number.
const LINES: &[(&str, &str)] = &[
    ("unknown instructions", "movv# rax, 1;"),
    ("undefined names", "mov rax, nothing#;"),
    ("undefined names among declared ones", "let name#: gp64; mov rax, nothing#;"),
    ("names used before they are defined", "mov rax, late#; let late#: gp64;"),
    ("undefined labels", "jz 'nothing#;"),
    ("undefined labels among defined ones", "'name#: jz 'nothing#;"),
    ("undefined targets", "jz nothing#;"),
    ("undefined helpers", "nothing#(rax);"),
    ("helpers that are given too much", "helper(rax, #);"),
    ("wrong classes", "let name#: gp64 = xmm0;"),
    ("operands that no form takes", "add xmm0, #;"),
    ("missing extensions", "vaddps ymm0, ymm1, ymm2;"),
    ("values out of range", "add al, 1000#;"),
    ("tokens of another language", "mov %rax#, 1;"),
    ("missing semicolons", "mov rax, 1 mov rax, 2;"),
    ("declarations of one name", "let name: gp64;"),
    ("labels of one name", "'name: jz 'name;"),
    ("names before one that is shadowed", "let name = #;"),
    ("labels", "'name#: jz 'name#;"),
    ("labels in conditions", "if true { 'name#: jz 'name#; }"),
    ("constants", "const NAME# = #;"),
    ("registers", "let name#: gp64 = #;"),
    ("empty blocks", "{ } { { } }"),
];

fn cost(line: &str, count: usize) -> (Duration, usize) {
    let mut text = String::from("inline fn helper(r: gp64) { }\nfn f() {\n");
    for number in 0..count {
        text += &line.replace('#', &number.to_string());
        text.push('\n');
    }
    text += "}";
    let tokens = text.parse().expect("tokens");
    let start = processor_time();
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    drop(expand(&file, &SYSV64, &mut diagnostics));
    diagnostics.put_in_order();
    (processor_time() - start, diagnostics.error_count())
}

/// What this thread has used of a processor: on a busy machine, the time on the clock is longer.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct that it is given.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "every thread has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn time_grows_with_the_length() {
    const FEW: usize = 1500;
    const MANY: usize = 8 * FEW;
    let mut slow = Vec::new();
    for (name, line) in LINES {
        let ((few, _), (many, errors)) = (cost(line, FEW), cost(line, MANY));
        println!("{name}: {few:?} for {FEW}, {many:?} for {MANY}, {errors} errors");
        // Other programs run next to this one; what is quadratic takes 64 times as long.
        if many > few * 28 + Duration::from_millis(400) {
            slow.push(format!("{name}: {few:?}, {many:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

/// The parts of a long function are proven one after the other: what one of them knew is not looked
/// at in the next.
#[test]
fn proofs_grow_with_the_length() {
    const FEW: usize = 60;
    const MANY: usize = 8 * FEW;
    let parts = [
        "i = x.len; test i, i; jz 'e#; 'l#: add sum, [x.ptr + i*8 - 8]; dec i; jnz 'l#; 'e#:",
        "cmp x.len, # + 1; jb 'end; add sum, [x.ptr + 8*#];",
        "mov i, y; shr i, # % 60; cmp i, x.len; jae 'l#; add sum, [x.ptr + i*8]; 'l#:",
        "mov i, y; and i, # + 7; cmp i, x.len; jae 'l#; add sum, [x.ptr + i*8]; 'l#:",
        "cmp y, x.len; jae 'l#; cmp sum, #; jb 'l#; add sum, [x.ptr + y*8]; 'l#:",
        "i = x.len; 'l#: cmp i, 2; jb 'e#; add sum, [x.ptr + i*8 - 16]; sub i, 2; jmp 'l#; 'e#:",
    ];
    for part in parts {
        let cost = |count: usize| {
            let body: String = (0..count).map(|n| part.replace('#', &n.to_string())).collect();
            let text = format!(
                "fn f(x: &[u64], y: u64) -> u64 {{ let i: gp64; let sum: gp64 = 0; {body}
                'end: return sum; }}"
            );
            let start = processor_time();
            let compiled = pipeline::compile(text.parse().expect("tokens"), &SYSV64);
            let is_accepted = !compiled.diagnostics.has_errors();
            assert!(is_accepted, "{count} times {part}: {:#?}", compiled.diagnostics);
            processor_time() - start
        };
        let (few, many) = (cost(FEW), cost(MANY));
        println!("{part}: {few:?} for {FEW}, {many:?} for {MANY}");
        assert!(many < few * 28 + Duration::from_millis(400), "{part}: {few:?}, {many:?}");
    }
}

/// Delimiters in delimiters, and what else nests, stop with one error before the stack is used up.
#[test]
fn depth_is_an_error() {
    const DEPTH: usize = 100_000;
    let around = |open: &str, close: &str, inside: &str| {
        format!("{}{inside}{}", open.repeat(DEPTH), close.repeat(DEPTH))
    };
    let bodies = [
        around("{", "}", ""),
        around("'a: {", "}", ""),
        around("if true {", "}", "nop;"),
        around("for i in 0..1 {", "}", "nop;"),
        format!("mov rax, {};", around("(", ")", "1")),
        format!("mov rax, {};", around("[", "]", "1")),
        format!("mov rax, {}1;", "-".repeat(DEPTH)),
        format!("mov rax, {}1;", "1 + ".repeat(DEPTH)),
        format!("mov rax, {};", around("if true { ", " } else { 1 }", "1")),
        format!("mov rax, 1{};", ".a".repeat(DEPTH)),
        format!("mov rax, {}[rax];", "byte ".repeat(DEPTH)),
        format!("jmp {}'a;", "short ".repeat(DEPTH)),
        format!("mov rax, sym {};", around("a<", ">", "b")),
        format!("mov rax, const {};", around("{", "}", "1")),
        format!("let {} = 1;", around("(", ")", "a")),
        format!("let a: {};", around("[", "; 1]", "gp64")),
        "if true { } else ".repeat(DEPTH) + "{ }",
    ];
    let mut programs: Vec<String> =
        bodies.iter().map(|body| format!("fn f() {{ {body} }}")).collect();
    programs.extend([
        format!("fn f(a: {}u8) {{ }}", "&".repeat(DEPTH)),
        format!("fn f(a: {}) {{ }}", around("Option<", ">", "u8")),
        format!("fn f(a: {}) {{ }}", around("(", ")", "u8")),
        format!("fn f() -> {} {{ }}", around("(", ",)", "u8")),
        format!("fn f(a: *const {}u8) {{ }}", "*const ".repeat(DEPTH)),
        format!("#[doc = {}] fn f() {{ }}", around("(", ")", "")),
        format!("for B in 0..2 {{ fn f_{{B}}() {} }}", around("{", "}", "")),
        format!("const A = {};", around("(", ")", "1")),
    ]);
    for text in programs {
        let head: String = text.chars().take(40).collect();
        let tokens = text.parse().expect("tokens");
        let mut diagnostics = Diagnostics::new();
        let file = syntax::parse(tokens, &mut diagnostics);
        drop(expand(&file, &SYSV64, &mut diagnostics));
        println!("{head}: {:?}", diagnostics.iter().map(|d| &d.message).collect::<Vec<_>>());
        assert!(diagnostics.error_count() <= 3, "{head}");
    }
}
