//! `invariant`: what it may say, what is proven with it, and what is not believed.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::{Severity, render};
use peach_compiler::pipeline::compile;

fn compiled(source: &str, convention: &'static Convention) -> (Vec<String>, Vec<Vec<u8>>) {
    let compilation = compile(source.parse().expect("tokens"), convention);
    let errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    let errors = errors.map(render::text).collect();
    let versions = compilation.kernels.into_iter().flat_map(|kernel| kernel.versions);
    (errors, versions.map(|version| version.encoded.bytes).collect())
}

fn errors(source: &str) -> Vec<String> {
    let (mut errors, _) = compiled(source, &SYSV64);
    errors.extend(compiled(source, &WIN64).0);
    errors
}

/// Whether an invariant of a kernel is needed: without it, the kernel is refused.
#[derive(PartialEq)]
enum Need {
    Needed,
    Not,
}
use Need::{Needed, Not};

const ACCEPTED: &[(&str, Need, &str)] = &[
    ("at the head of a loop", Not, "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0;
        'next: invariant i <= x.len;
        cmp i, x.len; je 'done; add sum, [x.ptr + 8*i]; inc i; jmp 'next;
        'done: return sum; }"),
    ("a pointer in terms of an index", Not, "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0; let p: gp64; mov p, x.ptr;
        'next: invariant i <= x.len, p == x.ptr + 8*i;
        cmp i, x.len; je 'done; add sum, [p]; add p, 8; inc i; jmp 'next;
        'done: return sum; }"),
    ("what is left and what was", Not, "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        'next: invariant x.ptr + 8*x.len == old(x.ptr) + 8*old(x.len), x.len <= old(x.len);
        test x.len, x.len; jz 'done; add sum, [x.ptr]; add x.ptr, 8; dec x.len; jmp 'next;
        'done: return sum; }"),
    ("in straight code", Not, "pub fn f(x: &[u64], i: u64) -> u64 {
        cmp i, x.len; jae 'no; invariant i < x.len, x.len > i, 0 <= i; mov rax, [x.ptr + 8*i]; return rax;
        'no: return 0; }"),
    ("a physical register", Not, "pub fn f(x: &[u64; 8]) -> u64 {
        mov ecx, 8; xor eax, eax;
        'next: invariant rcx >= 1, rcx <= 8; add rax, [x + 8*rcx - 8]; dec rcx; jnz 'next; return rax; }"),
    ("constants and factors", Not, "const N: u64 = 4; pub fn f(x: &[u64]) -> u64 {
        let n: gp64; mov n, x.len; shr n, 2;
        invariant N * n <= x.len, 2*(2*n) <= x.len, -(4*n) >= -x.len, x.len - N*n < 4, 1 << 2 >= 4;
        return n; }"),
    ("a helper, once per expansion", Not, "inline fn fetch(p: gp64, n: gp64) -> gp64 {
            let t: gp64; mov t, [p]; add p, 8; dec n;
            invariant p == old(p) + 8, n == old(n) - 1;
            return t; }
        pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        'next: test x.len, x.len; jz 'done; let t = fetch(x.ptr, x.len); add sum, t; jmp 'next;
        'done: return sum; }"),
    ("unrolled", Not, "pub fn f(x: &[u64; 4]) -> u64 {
        let i: gp64 = 0; let sum: gp64 = 0;
        for k in 0..4 { invariant i == k; add sum, [x + 8*i]; inc i; } return sum; }"),
    ("in `unsafe`", Not, "pub fn f(x: *const u64, n: u64) -> u64 {
        let i: gp64 = 0; let sum: gp64 = 0;
        unsafe { 'next: invariant i <= n; cmp i, n; je 'done; add sum, [x + 8*i]; inc i; jmp 'next; 'done: }
        return sum; }"),
    ("in an `unsafe fn`", Not, "pub unsafe fn f(x: *const u64, n: u64) -> u64 {
        let i: gp64 = 0; let sum: gp64 = 0;
        'next: invariant i <= n; cmp i, n; je 'done; add sum, [x + 8*i]; inc i; jmp 'next; 'done:
        return sum; }"),
    ("a register that is dead", Not, "pub fn f(x: &[u64], i: u64) -> u64 {
        let n: gp64; mov n, i; and n, 7; mov rax, n; mov rdx, 1; mov rcx, 2; invariant n <= 7, rdx == 1; return rax; }"),
    ("an argument on the stack", Not, "pub fn f(a: u64, b: u64, c: u64, d: u64, e: u64, g: u64, x: &[u64]) -> u64 {
        invariant x.len <= 1152921504606846975, old(x.len) == x.len; mov rax, a; return rax; }"),
    ("`old` may be shadowed", Not, "pub fn f(old: u64) -> u64 { invariant old >= 0; return old; }"),
    ("before the end", Not, "pub fn f(x: u64) -> u64 { return x; invariant x == old(x); }"),
];

const REFUSED: &[(&str, &str, &str)] = &[
    (
        "E0505",
        "false on entry",
        "pub fn f(x: &[u64]) -> u64 {
        let i: gp64 = 0; 'next: invariant i >= 1; inc i; cmp i, x.len; jb 'next; return i; }",
    ),
    (
        "E0505",
        "false after a turn",
        "pub fn f(x: &[u64]) -> u64 {
        let i: gp64 = 0; 'next: invariant i <= 1; inc i; cmp i, x.len; jb 'next; return i; }",
    ),
    (
        "E0505",
        "one more",
        "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0;
        'next: invariant i < x.len;
        cmp i, x.len; je 'done; add sum, [x.ptr + 8*i]; inc i; jmp 'next;
        'done: return sum; }",
    ),
    (
        "E0505",
        "wrong step",
        "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0; let p: gp64; mov p, x.ptr;
        'next: invariant p == x.ptr + 4*i;
        cmp i, x.len; je 'done; add sum, [x.ptr + 8*i]; add p, 8; inc i; jmp 'next;
        'done: return sum; }",
    ),
    (
        "E0505",
        "wraps around",
        "pub fn f(i: u64) -> u64 { let j: gp64; lea j, [i + 1]; invariant j == i + 1; return j; }",
    ),
    (
        "E0505",
        "not of every path",
        "pub fn f(x: &[u64], i: u64) -> u64 {
        cmp i, x.len; ja 'no; 'no: invariant i <= x.len; return i; }",
    ),
    (
        "E0505",
        "in `unsafe` neither",
        "pub fn f(i: u64) -> u64 { unsafe { invariant i <= 7; } return i; }",
    ),
    (
        "E0505",
        "in an `unsafe fn` neither",
        "pub unsafe fn f(i: u64) -> u64 { invariant i <= 7; return i; }",
    ),
    ("E0505", "a constant that is false", "pub fn f() { invariant 1 == 2; }"),
    (
        "E0505",
        "in one expansion of two",
        "inline fn small(i: gp64) { invariant i <= 7; }
        pub fn f(a: u64, b: u64) -> u64 { and a, 7; small(a); small(b); return a; }",
    ),
    (
        "E0505",
        "in one turn of an unrolled loop",
        "pub fn f() -> u64 {
        let i: gp64 = 0; for k in 0..4 { invariant i <= 2; inc i; } return i; }",
    ),
    (
        "E0505",
        "a changed parameter",
        "inline fn step(p: gp64) { add p, 8; invariant p == old(p); }
        pub fn f(x: u64) -> u64 { and x, 7; step(x); return x; }",
    ),
    (
        "E0505",
        "signed for unsigned",
        "pub fn f(i: i64) -> i64 { cmp i, 7; jg 'no; invariant i <= 7; 'no: return i; }",
    ),
    (
        "E0505",
        "a call changes it",
        "pub fn f() -> u64 { mov rax, 1; mov rcx, 1; unsafe { call rax; } mov rcx, rax; invariant rax == 1; return rcx; }",
    ),
    (
        "E0303",
        "not written",
        "pub fn f() -> u64 { let i: gp64; invariant i <= 7; mov i, 1; return i; }",
    ),
    (
        "E0303",
        "not written on every path",
        "pub fn f(a: u64) -> u64 { let i: gp64; test a, a; jz 'skip; mov i, 1; 'skip: invariant i <= 7; mov i, 1; return i; }",
    ),
    ("E0303", "a physical register that is not written", "pub fn f() { invariant r11 <= 7; }"),
    ("E0303", "more bits than the argument has", "pub fn f(a: u32) { invariant a.gp64 <= 7; }"),
    ("E0105", "32 bits", "pub fn f(a: u32) { invariant a <= 7; }"),
    ("E0105", "8 bits, high", "pub fn f() { mov eax, 1; invariant ah <= 7; }"),
    ("E0105", "a vector", "pub fn f(a: f32) { invariant a <= 7; }"),
    ("E0105", "a slice", "pub fn f(a: &[u8]) { invariant a <= 7; }"),
    ("E0105", "a stack variable", "pub fn f() { let b: u64; invariant b <= 7; }"),
    ("E0105", "a product", "pub fn f(a: u64, b: u64) { invariant a * b <= 7; }"),
    ("E0105", "a quotient", "pub fn f(a: u64) { invariant a / 2 <= 7; }"),
    ("E0105", "a shift", "pub fn f(a: u64) { invariant a << 1 <= 7; }"),
    ("E0105", "not equal", "pub fn f(a: u64) { invariant a != 7; }"),
    ("E0105", "no comparison", "pub fn f(a: u64) { invariant a; }"),
    ("E0105", "and", "pub fn f(a: u64) { invariant a <= 7 && a >= 0; }"),
    ("E0105", "memory", "pub fn f(a: &u64) { invariant [a] <= 7; }"),
    ("E0105", "a float", "pub fn f(a: u64) { invariant a <= 7.0; }"),
    ("E0105", "the stack pointer", "pub fn f() { unsafe { invariant rsp >= 0; } }"),
    ("E0105", "old of a local", "pub fn f() { let i: gp64 = 0; invariant old(i) <= 7; }"),
    (
        "E0105",
        "old of no parameter",
        "inline fn h(p: gp64) { let q: gp64; mov q, p; invariant old(q) == q; } pub fn f(a: u64) { h(a); }",
    ),
    ("E0105", "old of 32 bits", "pub fn f(a: u32) { invariant old(a) <= 7; }"),
    ("E0105", "old of two", "pub fn f(a: u64, b: u64) { invariant old(a, b) <= 7; }"),
    ("E0101", "an undefined name", "pub fn f() { invariant i <= 7; }"),
    ("E0101", "old elsewhere", "pub fn f(a: u64) -> u64 { mov rax, old(a); return rax; }"),
    (
        "E0109",
        "in a stream",
        "pub fn f(a: u64) { stream s { invariant a >= 0; nop; } issue s, ..; }",
    ),
    (
        "E0104",
        "too large",
        "pub fn f(a: u64) { invariant 0x4000_0000_0000_0000_0000_0000_0000_0000 * 2 * a >= 0; }",
    ),
    ("E0001", "chained", "pub fn f(a: u64) { invariant 0 <= a <= 7; }"),
    ("E0001", "nothing", "pub fn f(a: u64) { invariant; }"),
    ("E0001", "called `invariant`", "pub fn f() { let invariant: gp64 = 0; }"),
    ("E0001", "an argument called `invariant`", "pub fn f(invariant: u64) {}"),
    ("E0001", "a helper called `invariant`", "inline fn invariant(p: gp64) {} pub fn f() {}"),
    ("E0001", "a constant called `invariant`", "const invariant: u64 = 1; pub fn f() {}"),
];

#[test]
fn true_invariants_are_accepted() {
    let mut failed = Vec::new();
    for (name, _, source) in ACCEPTED {
        let told = errors(source);
        if !told.is_empty() {
            failed.push(format!("{name}: {told:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn other_invariants_are_refused() {
    let mut failed = Vec::new();
    for (code, name, source) in REFUSED {
        let told = errors(source);
        if told.is_empty() || !told.iter().all(|error| error.contains(code)) {
            failed.push(format!("{name}: {told:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The source without its invariants.
fn without_invariants(source: &str) -> String {
    let mut text = String::new();
    let mut rest = source;
    while let Some(at) = rest.find("invariant ") {
        text.push_str(&rest[..at]);
        let end = rest[at..].find(';').expect("a statement");
        rest = &rest[at + end + 1..];
    }
    text + rest
}

#[test]
fn invariants_change_no_code() {
    for (name, need, source) in ACCEPTED.iter().filter(|(_, need, _)| *need == Not) {
        let _ = need;
        for convention in [&SYSV64, &WIN64] {
            let (_, with) = compiled(source, convention);
            let (told, without) = compiled(&without_invariants(source), convention);
            assert!(told.is_empty(), "{name}: {told:#?}");
            assert_eq!(with, without, "{name}");
        }
    }
}

#[test]
fn some_loops_are_proven_by_their_invariants_alone() {
    for (name, _, source) in ACCEPTED.iter().filter(|(_, need, _)| *need == Needed) {
        assert!(!errors(&without_invariants(source)).is_empty(), "{name}");
    }
}
