//! Random texts.

use crate::same::{assert_stable, compiled};
use crate::spaces::respaced;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::{format, syntax};
use peach_testing::Random;
use proc_macro2::TokenStream;

/// How many texts of each kind there are.
fn count() -> usize {
    std::env::var("PEACH_SOUPS").map_or(1_000, |count| count.parse().expect("a number"))
}

/// Words, comments and brackets in any order: whatever it is, its tokens stay, and it is formatted
/// once.
#[test]
fn soups_of_tokens() {
    let mut random = Random::new(1);
    let mut parsed = 0;
    while parsed < count() {
        let mut soup = String::new();
        let length = 1 + random.below(25);
        pour(&mut soup, length, 0, &mut random);
        if soup.parse::<TokenStream>().is_ok() {
            parsed += 1;
            assert_stable(&soup);
        }
    }
}

const WORDS: [&str; 92] = [
    "x",
    "mov",
    "vpaddd",
    "rax",
    "ymm1",
    "{k1}",
    "{z}",
    "{1to16}",
    "{rn-sae}",
    "[p + 8*i]",
    "const {",
    "let",
    "const",
    "from_fn",
    "|i|",
    "as",
    "fn",
    "fn f_{B}(x: u8) -> u8 {",
    "for i in 0..8 {",
    "if",
    "else",
    "else {",
    "while",
    "loop",
    "return",
    "unsafe",
    "unsafe {",
    "stream a {",
    "issue",
    "in",
    "mut",
    "sym a::b",
    "isa(\"avx\")",
    "assert!(",
    "'a",
    "'a:",
    "'a[1]:",
    "'b: {",
    "continue 'a",
    "1",
    "-1",
    "0x1F",
    "1.5",
    "1e-3",
    "2.0f32",
    "1to4",
    "'x'",
    "b'\\''",
    "\"s \\\" t\"",
    "r#\"a\"b\"#",
    "r#in",
    "$x",
    "$(",
    "#[fallback]",
    "#[a(b = \"c\")]",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "^",
    "!",
    "<",
    ">",
    "<<",
    ">>",
    "==",
    "!=",
    "<=",
    "&&",
    "||",
    "=",
    "+=",
    "=>",
    "->",
    "::",
    ":",
    ",",
    ".",
    "..",
    "..=",
    "// line\n",
    "/// doc\n",
    "/* block */",
    "/* two\n  lines */",
    "/** doc\n */",
    "where",
    "byte",
    "fs:",
    "?",
];

fn pour(soup: &mut String, length: usize, depth: usize, random: &mut Random) {
    for _ in 0..length {
        let word = random.pick(&WORDS);
        soup.push_str(random.pick(&["", " ", " ", " ", "  ", "\n", "\n\n", "\n    ", "\t", "   "]));
        soup.push_str(random.pick(&[word, word, word, ";", ",", "x"]));
        if let Some(open) = word.chars().last().filter(|last| "([{".contains(*last)) {
            if soup.ends_with(open) {
                let length = random.below(6);
                pour(soup, length, depth + 1, random);
                soup.push_str(random.pick(&["", " ", "\n"]));
                soup.push(matching(open));
            }
        } else if depth < 4 && random.one_in(8) {
            let open = random.pick(&['(', '[', '{', '{']);
            soup.push(open);
            let length = random.below(9);
            pour(soup, length, depth + 1, random);
            soup.push_str(random.pick(&["", " ", "\n", ";\n"]));
            soup.push(matching(open));
        }
    }
}

fn matching(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// Statements and blocks in any order, with any white space between their tokens: they compile to
/// the same bytes, or have the same errors.
#[test]
fn programs() {
    let mut random = Random::new(3);
    let (mut parsed, mut accepted) = (0, 0);
    while parsed < count() {
        let mut program =
            String::from("fn f(p: &mut [u32; 16], x: u64) -> u64 { let v: xmm; pxor v, v; ");
        let length = 1 + random.below(6);
        statements(&mut program, length, 0, &mut random);
        program.push_str("return x; }");
        let mut diagnostics = Diagnostics::new();
        let _ = syntax::parse(program.parse().expect("it has tokens"), &mut diagnostics);
        if diagnostics.has_errors() {
            continue;
        }
        parsed += 1;
        let spaced = respaced(&program, &mut random);
        let formatted = format::kernels(&spaced).expect("it has tokens");
        assert_eq!(format::kernels(&formatted).as_ref(), Ok(&formatted), "{spaced}");
        let before = compiled(&program);
        assert_eq!(before, compiled(&formatted), "{spaced}\n---\n{formatted}");
        accepted += usize::from(before.0.iter().any(|bytes| !bytes.is_empty()));
    }
    assert!(accepted > count() / 5, "{accepted} programs compile");
}

fn statements(program: &mut String, length: usize, depth: usize, random: &mut Random) {
    for _ in 0..length {
        if depth < 3 && random.one_in(4) {
            program.push_str(random.pick(&BLOCKS));
            let length = random.below(4);
            statements(program, length, depth + 1, random);
            program.push_str("} ");
        } else {
            let list = if random.one_in(12) { &OTHERS } else { &ACCEPTED };
            program.push_str(random.pick(list));
            program.push(' ');
        }
    }
}

/// Blocks that most statements may be in.
const BLOCKS: [&str; 6] = [
    "{",
    "unsafe {",
    "for i in 0..3 {",
    "for (i, r) in zip(0..2, [rax, rcx]) {",
    "if isa(\"avx\") { nop; } else {",
    "if 1 + 2 * 3 == 7 && !false {",
];

/// Statements that are accepted nearly everywhere.
const ACCEPTED: [&str; 25] = [
    "add x, 1;",
    "add x, -1;",
    "sub x, - 0x10 + 3;",
    "push -1; pop rax;",
    "mov eax, [p + 8*1 - 4];",
    "mov eax, dword [p + 4 * (2 + 1)];",
    "mov ecx, 7; mov [p], ecx;",
    "lea rax, [x + x*4];",
    "xor edx, edx; // trailing\n",
    "// a line\n",
    "/* a block */ nop;",
    "paddd v, v;",
    "paddd v, i32x4(1, -2, 3, 4);",
    "mulps v, f32x4(1.5e-3);",
    "pshufd v, v, 0b11_10_01_00;",
    "let t: gp64 = x; add x, t;",
    "let a, b: gp32 = 0; add a, b;",
    "x = 1 << 3 | 2 ^ 1;",
    "let mut k: const = 0; while k < 3 { inc x; k += 1; }",
    "assert!(1 % 2 == 1, \"so it is\");",
    "align 16;",
    "cmp x, 3; jz 'b; inc x; 'b: dec x;",
    "'a: { cmp x, 2; jz break 'a; inc x; jmp continue 'a; }",
    "for op in [paddd, psubd] { op v, v; }",
    "stream s { inc x; dec x; } interleave s 1; ",
];

/// Statements that are accepted in some places.
const OTHERS: [&str; 25] = [
    "lock add dword [p + 4], 1;",
    "mov rax, fs:[0];",
    "let (c, d) = (rax, rcx);",
    "let acc: [xmm; 4] = undefined;",
    "let buf: [u32; 4] align 16;",
    "const N = 1 << 3 | 2 ^ 1;",
    "const T: [u8; 4] = from_fn(|i| i * 2 + 1);",
    "const fn h(a: u32) -> u32 { if a > 1 { a - 1 } else { a } }",
    "inline fn g(a: gp64, n: const) { add a, n; }",
    "stream s {}",
    "issue s, ..;",
    "emit s[0];",
    "interleave s 1, s 2;",
    "jz 'b;",
    "'b:",
    "jnz continue 'b;",
    "jmp break 'b;",
    "db 0x0f, 0x0b;",
    "invariant x <= 2*x;",
    "g(x, 2);",
    "mov rax, const { 1 + size_of::<u8>() };",
    "call sym core::f;",
    "vaddps zmm0{k1}{z}, zmm1, [p]{1to16};",
    "mov r, i;",
    "return rax;",
];
