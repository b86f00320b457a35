//! Loops over slices in plain code: what is accepted, and near misses that are not.

mod errors;
mod shapes;
mod table;

use errors::errors;
use peach_testing::table::{nothing, only, try_all};

const ACCEPTED: &[(&str, &str)] = &[
    ("counted down, pointer moves", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        test x.len, x.len; jz 'done;
        'next: add sum, [x.ptr]; add x.ptr, 8; dec x.len; jnz 'next;
        'done: return sum; }"),
    ("index", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0;
        'next: cmp i, x.len; jae 'done; add sum, [x.ptr + 8*i]; inc i; jmp 'next;
        'done: return sum; }"),
    ("index, test below", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0;
        test x.len, x.len; jz 'done;
        'next: add sum, [x.ptr + 8*i]; add i, 1; cmp i, x.len; jb 'next;
        'done: return sum; }"),
    ("end pointer", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let end: gp64;
        lea end, [x.ptr + 8*x.len];
        'next: cmp x.ptr, end; jae 'done; add sum, [x.ptr]; add x.ptr, 8; jmp 'next;
        'done: return sum; }"),
    ("end pointer, not equal", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let end: gp64;
        lea end, [x.ptr + 8*x.len];
        cmp x.ptr, end; je 'done;
        'next: add sum, [x.ptr]; add x.ptr, 8; cmp x.ptr, end; jne 'next;
        'done: return sum; }"),
    ("negative index", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; 
        test x.len, x.len; jz 'done;
        lea x.ptr, [x.ptr + 8*x.len]; neg x.len;
        'next: add sum, [x.ptr + 8*x.len]; inc x.len; jnz 'next;
        'done: return sum; }"),
    ("unrolled with rest", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        sub x.len, 4; jb 'tail;
        'next: for i in 0..4 { add sum, [x.ptr + 8*i]; } add x.ptr, 32; sub x.len, 4; jae 'next;
        'tail: add x.len, 4; jz 'done;
        'one: add sum, [x.ptr]; add x.ptr, 8; dec x.len; jnz 'one;
        'done: return sum; }"),
    ("blocks by shift", "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let n: gp64; mov n, x.len; shr n, 2; jz 'done;
        'next: for i in 0..4 { add sum, [x.ptr + 8*i]; } add x.ptr, 32; dec n; jnz 'next;
        'done: return sum; }"),
    ("byte table", "const T: [u8; 256] = [7; 256];
        pub fn f(x: &[u8]) -> u64 {
        let sum: gp64 = 0; let t: gp64; let b: gp64; lea t, [T];
        test x.len, x.len; jz 'done;
        'next: movzx b.gp32, byte [x.ptr]; movzx b.gp32, byte [t + b]; add sum, b; inc x.ptr; dec x.len; jnz 'next;
        'done: return sum; }"),
    ("masked index", "pub fn f(x: &[u64; 16], i: u64) -> u64 { and i, 15; mov rax, [x + 8*i]; return rax; }"),
    ("checked index", "pub fn f(x: &[u64], i: u64) -> u64 { cmp i, x.len; jae 'no; mov rax, [x.ptr + 8*i]; return rax; 'no: return 0; }"),
    ("two slices, length by cmov", "pub fn f(x: &[u64], y: &mut [u64]) {
        let n: gp64; let t: gp64; mov n, x.len; cmp y.len, n; cmovb n, y.len;
        test n, n; jz 'done;
        'next: mov t, [x.ptr + 8*n - 8]; mov [y.ptr + 8*n - 8], t; dec n; jnz 'next;
        'done: }"),
    ("two slices, checked", "pub fn f(x: &[u64], y: &mut [u64]) {
        let i: gp64 = 0; let t: gp64; cmp x.len, y.len; jne 'done;
        'next: cmp i, x.len; jae 'done; mov t, [x.ptr + 8*i]; mov [y.ptr + 8*i], t; inc i; jmp 'next;
        'done: }"),
    ("vectors of 32 bytes", "#[target_feature(enable = \"avx\")] pub fn f(x: &[f32], y: &mut [f32]) {
        let n: gp64; let v: ymm; mov n, x.len; cmp y.len, n; cmovb n, y.len;
        shr n, 3; jz 'done;
        'next: vmovups v, [x.ptr]; vmovups [y.ptr], v; add x.ptr, 32; add y.ptr, 32; dec n; jnz 'next;
        'done: }"),
    ("binary search", "pub fn f(x: &[u64], key: u64) -> u64 {
        let lo: gp64 = 0; let hi: gp64; let mid: gp64; mov hi, x.len;
        'next: cmp lo, hi; jae 'done;
        mov mid, hi; sub mid, lo; shr mid, 1; add mid, lo;
        cmp [x.ptr + 8*mid], key; jae 'left;
        lea lo, [mid + 1]; jmp 'next;
        'left: mov hi, mid; jmp 'next;
        'done: return lo; }"),
    ("a stack variable", "pub fn f(i: u64) -> u64 {
        let buf: [u64; 4]; for k in 0..4 { mov [buf + 8*k], i; } and i, 3; mov rax, [buf + 8*i]; return rax; }"),
    ("pushed and popped", "pub fn f(x: &[u64; 4], i: u64) -> u64 { and i, 3; push i; add i, 4; pop i; mov rax, [x + 8*i]; return rax; }"),
    ("32-bit counter", "pub fn f(x: &[u64; 16]) -> u64 {
        let sum: gp64 = 0; let n: gp32 = 16;
        'next: add sum, [x]; add x, 8; dec n; jnz 'next;
        return sum; }"),
    ("overlapping tail", "pub fn f(x: &[u8]) -> u64 {
        let t: gp64 = 0; cmp x.len, 8; jb 'done; mov t, [x.ptr]; xor t, [x.ptr + x.len - 8]; 'done: return t; }"),
    ("nested loops", "pub fn f(x: &[u64; 64]) -> u64 {
        let sum: gp64 = 0; let i: gp64 = 0; let j: gp64;
        'rows: mov j, 0;
        'cols: add sum, [x + 8*j]; inc j; cmp j, 8; jb 'cols;
        add x, 64; inc i; cmp i, 8; jb 'rows;
        return sum; }"),
];

const REFUSED: &[(&str, &str)] = &[
    (
        "one more",
        "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        test x.len, x.len; jz 'done;
        'next: add sum, [x.ptr + 8]; add x.ptr, 8; dec x.len; jnz 'next;
        'done: return sum; }",
    ),
    (
        "no test for empty",
        "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0;
        'next: add sum, [x.ptr]; add x.ptr, 8; dec x.len; jnz 'next;
        return sum; }",
    ),
    (
        "signed for unsigned",
        "pub fn f(x: &[u64], i: i64) -> u64 { cmp i, x.len; jge 'no; mov rax, [x.ptr + 8*i]; return rax; 'no: return 0; }",
    ),
    (
        "one too far",
        "pub fn f(x: &[u64], i: u64) -> u64 { cmp i, x.len; ja 'no; mov rax, [x.ptr + 8*i]; return rax; 'no: return 0; }",
    ),
    (
        "wrong width",
        "pub fn f(x: &[u64], i: u64) -> u64 { cmp i.gp32, x.len.gp32; jae 'no; mov rax, [x.ptr + 8*i]; return rax; 'no: return 0; }",
    ),
    (
        "wrong slice",
        "pub fn f(x: &[u64], y: &[u64], i: u64) -> u64 { cmp i, y.len; jae 'no; mov rax, [x.ptr + 8*i]; return rax; 'no: return 0; }",
    ),
    (
        "changed after the check",
        "pub fn f(x: &[u64], i: u64) -> u64 { cmp i, x.len; jae 'no; inc i; mov rax, [x.ptr + 8*i]; return rax; 'no: return 0; }",
    ),
    (
        "parts of two pushed values, by memory",
        "pub fn f(x: &[u64; 4], b: u64) -> u64 { let w: [u16; 4]; push x; push b;
        pop word [w]; pop rcx; mov rax, [rcx]; pop word [w]; pop word [w]; pop word [w]; return rax; }",
    ),
    (
        "parts of two pushed values, under another",
        "pub fn f(x: &[u64; 4], b: u64) -> u64 { let w: [u16; 4]; push x; push b;
        pop word [w]; push b; pop rcx; pop rcx; mov rax, [rcx];
        pop word [w]; pop word [w]; pop word [w]; return rax; }",
    ),
    (
        "parts of pushed memory",
        "pub fn f(x: &[u64; 4]) -> u64 { let w: [u16; 4]; for i in 0..4 { mov word [w + 2*i], 0; }
        push x; push word [w]; pop rcx; mov rax, [rcx]; pop word [w]; return rax; }",
    ),
    (
        "read only",
        "pub fn f(x: &[u64], i: u64) { cmp i, x.len; jae 'no; mov [x.ptr + 8*i], i; 'no: }",
    ),
    (
        "mask too wide",
        "pub fn f(x: &[u64; 16], i: u64) -> u64 { and i, 31; mov rax, [x + 8*i]; return rax; }",
    ),
    (
        "unrolled too far",
        "pub fn f(x: &[u64]) -> u64 {
        let sum: gp64 = 0; let n: gp64; mov n, x.len; shr n, 2; jz 'done;
        'next: for i in 0..5 { add sum, [x.ptr + 8*i]; } add x.ptr, 32; dec n; jnz 'next;
        'done: return sum; }",
    ),
];

#[test]
fn loops_that_stay_inside_are_accepted() {
    try_all(ACCEPTED.iter().copied(), |source| nothing(&errors(source)));
}

#[test]
fn loops_that_may_leave_are_refused() {
    try_all(REFUSED.iter().copied(), |source| only(&errors(source), "E05"));
}
