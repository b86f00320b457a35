//! Where an expression can stand in a kernel.

use crate::expression::{Expression, FACTOR, SUMMAND};

/// What a place is called, a kernel with an expression there, and what the kernel returns.
///
/// `E` is a random expression and `S` one of 0 to 7; `E:f` and `S:s` are written as a product's
/// factor and as a summand are. `ABI` is a convention.
pub const PLACES: &[(&str, &str, &str)] = &[
    ("immediate", "extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, E; return rax; }", "E"),
    (
        "factor",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, 2 * E:f - E:s; return rax; }",
        "2 * E:f - E:s",
    ),
    ("value", "extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = E; return r; }", "E"),
    ("result", "extern ABI fn f(x: &[i64; 8]) -> i64 { return E; }", "E"),
    ("constant", "const C = E; extern ABI fn f(x: &[i64; 8]) -> i64 { return C; }", "E"),
    (
        "typed constant",
        "const C: i64 = E; extern ABI fn f(x: &[i64; 8]) -> i64 { return -C; }",
        "-E:f",
    ),
    ("local constant", "extern ABI fn f(x: &[i64; 8]) -> i64 { const C = E; return C; }", "E"),
    (
        "variable",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let mut n: const = E; n -= E; n += S; return n; }",
        "S",
    ),
    (
        "element",
        "const T: [i64; 3] = [1, E, 2];
        extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, [T + 8]; return rax; }",
        "E",
    ),
    (
        "repeated element",
        "const T: [i64; S + 1] = [E; S + 1];
        extern ABI fn f(x: &[i64; 8]) -> i64 { return T[S]; }",
        "E",
    ),
    (
        "computed element",
        "const T: [i64; 8] = from_fn(|i| i * E:f);
        extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, [T + 56]; return rax; }",
        "7 * E:f",
    ),
    (
        "displacement",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, [x + 8 * S:f]; return rax; }",
        "3 * S:f",
    ),
    (
        "displacement back",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, [x - S:s * -8]; return rax; }",
        "3 * S:f",
    ),
    (
        "sum of an address",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let r: gp64 = 5; lea r, [r + E:s - S:s]; return r; }",
        "5 + E:s - S:s",
    ),
    (
        "scale",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let r: gp64 = 5; lea r, [r * (1 << S:s % 4)]; return r; }",
        "5 * (1 << S:s % 4)",
    ),
    (
        "index of a table",
        "const T: [i64; 8] = [5, 4, 3, 2, 1, 0, -1, -2];
        extern ABI fn f(x: &[i64; 8]) -> i64 { return T[S] * E:f; }",
        "(5 - S:s) * E:f",
    ),
    (
        "index of registers",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let r: [gp64; S + 1]; mov r[S], E; return r[S]; }",
        "E",
    ),
    (
        "part of registers",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let r: [gp64; 8]; let n: gp64 = 0; for a in r[S..8] { mov a, 1; add n, a; }
            for a in r[..S] { mov a, 9; } return n; }",
        "8 - S:s",
    ),
    (
        "iterations",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let n: gp64 = 0; for i in 0..S { add n, i + E:s; } return n; }",
        "S:f * E:f + S:f * (S:s - 1) / 2",
    ),
    (
        "iterations through",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let n: gp64 = 0; for i in (-S:f..=S).rev() { add n, 1; } return n; }",
        "2 * S:f + 1",
    ),
    (
        "step",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let n: gp64 = 0; for i in (0..60).step_by(S + 1) { add n, 1; } return n; }",
        "59 / (S:s + 1) + 1",
    ),
    (
        "list",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let n: gp64 = 0; for (a, b) in zip([E, 1], [S, -E:f]) { add n, a - b; } return n; }",
        "E:s - S:s + 1 + E:s",
    ),
    (
        "condition",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            if E:f & 1 == S:f & 1 { return 1; } else if E:f < S:f { return 2; } else { return 3; } }",
        "if E:f & 1 == S:f & 1 { 1 } else if E:f < S:f { 2 } else { 3 }",
    ),
    (
        "chosen value",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            mov rax, if S:f > 3 { E } else { -E:f }; return rax; }",
        "if S:f > 3 { E } else { -E:f }",
    ),
    (
        "assertion",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { assert!(E:s - E:s == 0, \"equal\"); return S; }",
        "S",
    ),
    (
        "loop of the compile time",
        "extern ABI fn f(x: &[i64; 8]) -> i64 {
            let n: gp64 = 0; let mut i: const = -S:f; while i < S:f { inc n; i += 1; } return n; }",
        "2 * S:f",
    ),
    (
        "argument of a helper",
        "inline fn h(r: gp64, n: const, m: operand) { add r, n * 2; add r, m; }
        extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = 0; h(r, E, S); return r; }",
        "2 * E:f + S:s",
    ),
    (
        "operand of a helper",
        "inline fn h(r: gp64, m: operand) { add r, m; }
        extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = 0; h(r, [x + 8 * S:f]); return r; }",
        "3 * S:f",
    ),
    (
        "function of constants",
        "const fn c(i: i64) -> i64 { let a = i - E:s; if a < S:f { return a * 2; } a * E:f }
        extern ABI fn f(x: &[i64; 8]) -> i64 { return c(E:s - S:s); }",
        "if -S:f < S:f { -2 * S:f } else { -S:f * E:f }",
    ),
    (
        "streams",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = 0;
            stream s { for i in 0..8 { add r, i + 1; } }
            issue s, S; emit s[S]; emit s[S..8];
            mov rax, r; issue s, ..; return rax; }",
        "36 + S:s + 1",
    ),
    (
        "proportion",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = S;
            stream a { for i in 0..8 { add r, 1; } } stream b { add r, 2; add r, E; }
            interleave a S + 1, b 1; return r; }",
        "S:s + 10 + E:s",
    ),
    (
        "label",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = 0;
            jmp 'l[S]; for i in 0..8 { 'l[i]: add r, 1; } return r; }",
        "8 - S:s",
    ),
    (
        "data",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, i64(E); add rax, i64(-E:f); add rax, S;
            return rax; }",
        "S",
    ),
    (
        "lanes",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { movups xmm0, i64x2(1, E);
            movhlps xmm0, xmm0; movq rax, xmm0; return rax; }",
        "E",
    ),
    (
        "stack variable",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let b: [i64; S + 1] align 1 << S;
            mov qword [b + S:s * 8], E; mov rax, [b + 8 * S:f]; return rax; }",
        "E",
    ),
    (
        "invariant",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = S;
            invariant r <= S, 2 * r >= S:s + S:s, r - S:s == 0; return r; }",
        "S",
    ),
    (
        "shift",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { let r: gp64 = E; shl r, S; return r; }",
        "E:f << S",
    ),
    (
        "version",
        "#[version(enable = \"sse2\", N = E)]
        extern ABI fn f(x: &[i64; 8]) -> i64 { return N - S:s; }",
        "E:s - S:s",
    ),
    (
        "family",
        "for B in [E:s - E:s] { extern ABI fn f_{B}(x: &[i64; 8]) -> i64 { return B + S; } }
        extern ABI fn f(x: &[i64; 8]) -> i64 { return S; }",
        "S",
    ),
    (
        "constant of rustc",
        "extern ABI fn f(x: &[i64; 8]) -> i64 { mov rax, const { E }; return rax; }",
        "E",
    ),
];

/// What stands in a place.
pub struct Uses<'a> {
    pub expression: &'a Expression,
    pub abi: &'a str,
}

impl Uses<'_> {
    /// `template` with expressions written by `write`, which is given how tightly each must bind.
    pub fn fill(
        &self,
        template: &str,
        write: &mut dyn FnMut(&Expression, usize) -> String,
    ) -> String {
        let small = self.expression.small();
        let mut filled = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['E', 'S']) {
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let (before, after) = (rest[..at].chars().last(), &rest[at + 1..]);
            filled += &rest[..at];
            let letter = &rest[at..=at];
            if is_word(before) || is_word(after.chars().next()) {
                filled += letter;
                rest = after;
                continue;
            }
            let (least, after) = match (after.strip_prefix(":f"), after.strip_prefix(":s")) {
                (Some(after), _) => (FACTOR, after),
                (_, Some(after)) => (SUMMAND, after),
                _ => (1, after),
            };
            filled += &write(if letter == "E" { self.expression } else { &small }, least);
            rest = after;
        }
        (filled + rest).replace("ABI", &format!("\"{}\"", self.abi))
    }
}
