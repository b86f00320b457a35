//! `invariant`: what it may say, what is proven with it, and what is not believed.

#[path = "../proof/errors.rs"]
mod errors;
mod fragments;

use errors::errors;
use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::pipeline::compile;
use peach_testing::table;

const ACCEPTED: &[(&str, &str)] = &[
    ("at the head of a loop", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0;
        'next: invariant i <= x.len;
        cmp i, x.len; je 'done; add sum, [x.ptr + 8*i]; inc i; jmp 'next;
        'done: return sum; }"),
    ("a pointer in terms of an index", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0; let p: gp64; mov p, x.ptr;
        'next: invariant i <= x.len, p == x.ptr + 8*i;
        cmp i, x.len; je 'done; add sum, [p]; add p, 8; inc i; jmp 'next;
        'done: return sum; }"),
    ("what is left and what was", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        'next: invariant x.ptr + 8*x.len == old(x.ptr) + 8*old(x.len), x.len <= old(x.len);
        test x.len, x.len; jz 'done; add sum, [x.ptr]; add x.ptr, 8; dec x.len; jmp 'next;
        'done: return sum; }"),
    ("in straight code", "pub fn f(x: &[u64], i: u64) -> u64 {
        cmp i, x.len; jae 'no; invariant i < x.len, x.len > i, 0 <= i; mov rax, [x.ptr + 8*i]; return rax;
        'no: return 0; }"),
    ("a physical register", "pub fn f(x: &[u64; 8]) -> u64 {
        mov ecx, 8; xor eax, eax;
        'next: invariant rcx >= 1, rcx <= 8; add rax, [x + 8*rcx - 8]; dec rcx; jnz 'next; return rax; }"),
    ("constants and factors", "const N: u64 = 4; pub fn f(x: &[u64]) -> u64 {
        let n: gp64; mov n, x.len; shr n, 2;
        invariant N * n <= x.len, 2*(2*n) <= x.len, -(4*n) >= -x.len, x.len - N*n < 4, 1 << 2 >= 4;
        return n; }"),
    ("a helper, once per expansion", "inline fn fetch(p: gp64, n: gp64) -> gp64 {
            let t: gp64; mov t, [p]; add p, 8; dec n;
            invariant p == old(p) + 8, n == old(n) - 1;
            return t; }
        pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        'next: test x.len, x.len; jz 'done; let t = fetch(x.ptr, x.len); add sum, t; jmp 'next;
        'done: return sum; }"),
    ("unrolled", "pub fn f(x: &[u64; 4]) -> u64 {
        let i: gp64 = 0; let sum: gp64 = 0;
        for k in 0..4 { invariant i == k; add sum, [x + 8*i]; inc i; } return sum; }"),
    ("in `unsafe`", "pub fn f(x: *const u64, n: u64) -> u64 {
        let i: gp64 = 0; let sum: gp64 = 0;
        unsafe { 'next: invariant i <= n; cmp i, n; je 'done; add sum, [x + 8*i]; inc i; jmp 'next; 'done: }
        return sum; }"),
    ("in an `unsafe fn`", "pub unsafe fn f(x: *const u64, n: u64) -> u64 {
        let i: gp64 = 0; let sum: gp64 = 0;
        'next: invariant i <= n; cmp i, n; je 'done; add sum, [x + 8*i]; inc i; jmp 'next; 'done:
        return sum; }"),
    ("a register that is dead", "pub fn f(x: &[u64], i: u64) -> u64 {
        let n: gp64; mov n, i; and n, 7; mov rax, n; mov rdx, 1; mov rcx, 2; invariant n <= 7, rdx == 1; return rax; }"),
    ("an argument on the stack", "pub fn f(a: u64, b: u64, c: u64, d: u64, e: u64, g: u64, x: &[u64]) -> u64 {
        invariant x.len <= 1152921504606846975, old(x.len) == x.len; mov rax, a; return rax; }"),
    ("`old` may be shadowed", "pub fn f(old: u64) -> u64 { invariant old >= 0; return old; }"),
    ("before the end", "pub fn f(x: u64) -> u64 { return x; invariant x == old(x); }"),
];

/// Loops whose invariants are inequalities of several registers with factors, or bounds that hold by
/// turns: the compiler does not look for them.
const NEEDED: &[(&str, &str)] = &[
    (
        "one or two bytes for every turn of half as many",
        "pub fn f(x: &[u8]) -> u64 {
        let i, sum: gp64 = 0; let n, t: gp64; mov n, x.len; shr n, 1; jz 'done;
        'next: invariant i + 2*n <= x.len, n >= 1;
        movzx t.gp32, byte [x.ptr + i]; add sum, t; inc i; test t, 1; jz 'even; inc i;
        'even: dec n; jnz 'next;
        'done: return sum; }",
    ),
    (
        "one more in every third turn",
        "pub fn f(x: &[u8]) -> u64 {
        let i, k, sum: gp64 = 0; let n, t: gp64; mov n, x.len; shr n, 1;
        'next: invariant i + 2*n <= x.len;
        test n, n; jz 'done; movzx t.gp32, byte [x.ptr + i]; add sum, t; add i, 1;
        inc k; cmp k, 3; jb 'go; add i, 1; xor k, k;
        'go: dec n; jmp 'next;
        'done: return sum; }",
    ),
    (
        "a pointer by 2 or by 8 bytes",
        "pub fn f(x: &[u16]) -> u64 {
        let p, sum: gp64 = 0; let n, t: gp64; mov p, x.ptr; mov n, x.len; shr n, 2;
        'next: invariant p + 8*n <= x.ptr + 2*x.len, p >= x.ptr;
        test n, n; jz 'done; movzx t.gp32, word [p]; add sum, t; add p, 2; dec n;
        test t, 1; jz 'next; add p, 6; jmp 'next;
        'done: return sum; }",
    ),
    (
        "one to three bytes, up to an end pointer",
        "pub fn f(x: &[u8]) -> u64 {
        let p, end, sum: gp64 = 0; let n, t: gp64; mov p, x.ptr; lea end, [p + x.len];
        xor edx, edx; mov rax, x.len; mov ecx, 3; div rcx; mov n, rax;
        'next: invariant p + 3*n <= end;
        test n, n; jz 'done; movzx t.gp32, byte [p]; add sum, t; inc p; dec n;
        test t, 3; jz 'next; inc p; test t, 2; jz 'next; inc p; jmp 'next;
        'done: return sum; }",
    ),
    (
        "reads two or three bytes for each that it writes",
        "pub fn f(x: &[u8], y: &mut [u8]) -> u64 {
        let i, j: gp64 = 0; let t, n: gp64; mov n, x.len; shr n, 1; cmp y.len, n; jb 'done;
        'next: invariant 2*j <= i, i <= x.len;
        lea t, [i + 2]; cmp t, x.len; ja 'done;
        movzx t.gp32, byte [x.ptr + i]; mov [y.ptr + j], t.gp8; add i, 2; inc j;
        test t, t; jz 'next; cmp i, x.len; je 'done; inc i; jmp 'next;
        'done: return j; }",
    ),
    (
        "writes one or two bytes for each that it reads",
        "pub fn f(x: &[u8], y: &mut [u8]) -> u64 {
        let i, j: gp64 = 0; let n, t: gp64; mov n, y.len; shr n, 1; cmp x.len, n; ja 'done;
        'next: invariant j <= 2*i, i <= x.len, 2*x.len <= y.len;
        cmp i, x.len; je 'done; movzx t.gp32, byte [x.ptr + i]; inc i; cmp t, 16; jb 'one;
        mov [y.ptr + j], t.gp8; inc j;
        'one: mov [y.ptr + j], t.gp8; inc j; jmp 'next;
        'done: return j; }",
    ),
    (
        "writes one or three bytes for each that it reads",
        "pub fn f(x: &[u8], y: &mut [u8]) -> u64 {
        let i, j: gp64 = 0; let n, t: gp64; mov n, x.len; shr n, 61; jnz 'done;
        mov n, x.len; lea t, [n + 2*n]; cmp t, y.len; ja 'done;
        'next: invariant j <= 3*i, i <= x.len, 3*x.len <= y.len;
        cmp i, x.len; je 'done; movzx t.gp32, byte [x.ptr + i]; inc i; test t, t; jz 'one;
        mov [y.ptr + j], t.gp8; mov [y.ptr + j + 1], t.gp8; mov [y.ptr + j + 2], t.gp8;
        add j, 3; jmp 'next;
        'one: mov [y.ptr + j], t.gp8; inc j; jmp 'next;
        'done: return j; }",
    ),
    (
        "steps of one and two by turns",
        "pub fn f(x: &[u8]) -> u64 {
        let i, sum: gp64 = 0; let s: gp64 = 1; let n, t: gp64; mov n, x.len;
        'next: invariant s >= 1, s <= 2, i + n == x.len;
        cmp n, 2; jb 'done; movzx t.gp32, byte [x.ptr + i]; add sum, t; add i, s; sub n, s;
        mov t, 3; sub t, s; mov s, t; jmp 'next;
        'done: return sum; }",
    ),
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
    table::try_all(ACCEPTED.iter().copied(), |source| table::nothing(&errors(source)));
}

#[test]
fn other_invariants_are_refused() {
    let refused = REFUSED.iter().map(|(code, name, source)| (*name, (code, source)));
    table::try_all(refused, |(code, source)| table::only(&errors(source), code));
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

/// The bytes of each kernel in `source`.
fn bytes(source: &str, convention: &'static Convention) -> Vec<Vec<u8>> {
    let kernels = compile(source.parse().expect("tokens"), convention).kernels;
    let versions = kernels.into_iter().flat_map(|kernel| kernel.versions);
    versions.map(|version| version.encoded.bytes).collect()
}

#[test]
fn invariants_change_no_code() {
    table::try_all(ACCEPTED.iter().copied(), |source| {
        let without = without_invariants(source);
        table::nothing(&errors(&without))?;
        let change = |convention| bytes(source, convention) != bytes(&without, convention);
        match [&SYSV64, &WIN64].into_iter().any(change) {
            true => Err("the bytes differ".to_string()),
            false => Ok(()),
        }
    });
}

/// Each stands beside its twin without the invariant, which is refused at an access.
#[test]
fn some_loops_are_proven_by_their_invariants_alone() {
    table::try_all(NEEDED.iter().copied(), |source| {
        table::nothing(&errors(source))?;
        table::only(&errors(&without_invariants(source)), "E0501")
    });
}
