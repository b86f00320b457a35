//! Divisions and references as results, in plain code: what is accepted, and near misses.

#[path = "proof/errors.rs"]
mod errors;

use errors::errors;
use peach_testing::table;

const ACCEPTED: &[(&str, &str)] = &[
    ("tested", "pub fn f(a: u64, b: u64) -> u64 {
        test b, b; jz 'zero; mov rax, a; xor edx, edx; div b; return rax; 'zero: return 0; }"),
    ("compared", "pub fn f(a: u32, b: u32) -> u32 {
        cmp b, 1; jb 'zero; mov eax, a; xor edx, edx; div b; return edx; 'zero: return 0; }"),
    ("a constant", "pub fn f(a: u32) -> u32 { mov ecx, 10; mov eax, a; mov edx, 0; div ecx; return eax; }"),
    ("or 1", "pub fn f(a: u64, b: u64) -> u64 { or b, 1; mov rax, a; xor edx, edx; div b; return rax; }"),
    ("16 bits", "pub fn f(a: u16, b: u16) -> u16 {
        test b, b; jz 'zero; mov ax, a; xor edx, edx; div b; return ax; 'zero: return 0; }"),
    ("8 bits", "pub fn f(a: u8, b: u8) -> u8 {
        test b, b; jz 'zero; movzx eax, a; div b; return al; 'zero: return 0; }"),
    ("128 bits by 64, upper half smaller", "pub fn f(a: u64, b: u64, c: u64) -> u64 {
        cmp b, c; jae 'no; mov rdx, b; mov rax, a; div c; return rax; 'no: return 0; }"),
    ("signed, positive divisor", "pub fn f(a: i64, b: i64) -> i64 {
        test b, b; jle 'no; mov rax, a; cqo; idiv b; return rax; 'no: return 0; }"),
    ("signed, 32 bits", "pub fn f(a: i32, b: i32) -> i32 {
        cmp b, 1; jl 'no; mov eax, a; cdq; idiv b; return eax; 'no: return 0; }"),
    ("signed, 16 bits", "pub fn f(a: i16, b: i16) -> i16 {
        cmp b, 1; jl 'no; mov ax, a; cwd; idiv b; return ax; 'no: return 0; }"),
    ("signed, not 0 and not -1", "pub fn f(a: i64, b: i64) -> i64 {
        test b, b; jz 'no; cmp b, -1; je 'no; mov rax, a; cqo; idiv b; return rax; 'no: return 0; }"),
    ("signed, a constant", "pub fn f(a: i32) -> i32 { mov ecx, -7; mov eax, a; cdq; idiv ecx; return eax; }"),
    ("a stack variable", "pub fn f(a: u64) -> u64 {
        let d: u64; mov qword [d], 3; mov rax, a; xor edx, edx; div qword [d]; return rax; }"),
    ("the remainder is an index", "pub fn f(x: &[u64], i: u64) -> u64 {
        test x.len, x.len; jz 'no; mov rax, i; xor edx, edx; div x.len;
        mov rax, [x.ptr + 8*rdx]; return rax; 'no: return 0; }"),
    ("the remainder by a constant is an index", "pub fn f(x: &[u8; 10], i: u32) -> u8 {
        mov ecx, 10; mov eax, i; xor edx, edx; div ecx; mov al, [x + rdx]; return al; }"),
    ("the quotient is an index", "pub fn f(x: &[u8], i: u64) -> u8 {
        cmp i, x.len; jae 'no; mov ecx, 3; mov rax, i; xor edx, edx; div rcx;
        mov al, [x.ptr + rax]; return al; 'no: return 0; }"),
    ("the quotient by 10 of at most 99", "pub fn f(x: &[u8; 10], i: u64) -> u8 {
        cmp i, 100; jae 'no; mov ecx, 10; mov rax, i; xor edx, edx; div rcx;
        mov al, [x + rax]; return al; 'no: return 0; }"),
    ("digits, in a loop", "pub fn f(to: &mut [u8; 20], a: u64) -> u64 {
        let i: gp64 = 20; let ten: gp64 = 10; mov rax, a;
        'next: { dec i; xor edx, edx; div ten; add dl, b'0'; mov [to + i], dl;
        test i, i; jz break 'next; test rax, rax; jnz continue 'next; } return i; }"),
    ("greatest common divisor", "pub fn f(a: u64, b: u64) -> u64 {
        mov rax, a;
        'next: { test b, b; jz break 'next; xor edx, edx; div b; mov rax, b; mov b, rdx; jmp continue 'next; }
        return rax; }"),
    ("a number of an array", "pub fn f(x: &[u64; 4]) -> &u64 { add x, 24; return x; }"),
    ("a number of a slice", "pub fn f<'a>(x: &'a [u32], i: u64) -> &'a u32 {
        cmp i, x.len; jae 'no; let p: gp64; lea p, [x.ptr + 4*i]; return p; 'no: ud2; }"),
    ("one or none", "pub fn f(x: &[u32], i: u64) -> Option<&u32> {
        cmp i, x.len; jae 'no; let p: gp64; lea p, [x.ptr + 4*i]; return p; 'no: return 0; }"),
    ("found", "pub fn f(x: &[u64], key: u64) -> Option<&u64> {
        'next: { test x.len, x.len; jz break 'next; cmp [x.ptr], key; je 'found;
        add x.ptr, 8; dec x.len; jmp continue 'next; 'found: return x.ptr; } return 0; }"),
    ("a part", "pub fn f(x: &mut [u8; 64]) -> &mut [u8; 16] { add x, 48; return x; }"),
    ("a row", "pub fn f(x: &[[f32; 4]; 4], i: u64) -> &[f32; 4] { and i, 3; shl i, 4; add i, x; return i; }"),
    ("shared of exclusive", "pub fn f(x: &mut [u64; 4]) -> &u64 { add x, 8; return x; }"),
    ("two parts", "pub fn f(x: &mut [u32; 4]) -> (&mut [u32; 2], &mut [u32; 2]) {
        let y: gp64; lea y, [x + 8]; return (x, y); }"),
    ("two of two", "pub fn f<'a>(x: &'a mut [u32; 4], y: &'a mut [u32; 4]) -> (&'a mut u32, &'a mut u32) {
        add x, 4; return (x, y); }"),
    ("two that are shared", "pub fn f(x: &[u32; 4]) -> (&u32, &u32) { let y: gp64; mov y, x; return (x, y); }"),
    ("of a lifetime", "pub fn f<'a, 'b>(x: &'a [u32; 4], y: &'b [u32; 4]) -> &'b u32 { add y, 12; return y; }"),
    ("aligned by a mask", "pub fn f(x: &[u8; 64], i: u64) -> &u8 { and i, 63; add i, x; return i; }"),
];

const REFUSED: &[(&str, &str, &str)] = &[
    ("E0501", "not tested", "pub fn f(a: u64, b: u64) -> u64 { mov rax, a; xor edx, edx; div b; return rax; }"),
    ("E0501", "tested on one path", "pub fn f(a: u64, b: u64, c: u64) -> u64 {
        test c, c; jz 'go; test b, b; jz 'zero; 'go: mov rax, a; xor edx, edx; div b; return rax; 'zero: return 0; }"),
    ("E0501", "the other one is tested", "pub fn f(a: u64, b: u64) -> u64 {
        test a, a; jz 'zero; mov rax, a; xor edx, edx; div b; return rax; 'zero: return 0; }"),
    ("E0501", "tested in 32 bits", "pub fn f(a: u64, b: u64) -> u64 {
        test b.gp8, b.gp8; jnz 'zero; mov rax, a; xor edx, edx; div b; return rax; 'zero: return 0; }"),
    ("E0501", "jumps where it is not 0", "pub fn f(a: u64, b: u64) -> u64 {
        test b, b; jnz 'zero; mov rax, a; xor edx, edx; div b; return rax; 'zero: return 0; }"),
    ("E0501", "changed after the test", "pub fn f(a: u64, b: u64) -> u64 {
        test b, b; jz 'zero; dec b; mov rax, a; xor edx, edx; div b; return rax; 'zero: return 0; }"),
    ("E0501", "the upper half is anything", "pub fn f(a: u64, b: u64, c: u64) -> u64 {
        test c, c; jz 'no; mov rdx, b; mov rax, a; div c; return rax; 'no: return 0; }"),
    ("E0501", "the upper half is as large", "pub fn f(a: u64, b: u64, c: u64) -> u64 {
        cmp b, c; ja 'no; mov rdx, b; mov rax, a; div c; return rax; 'no: return 0; }"),
    ("E0501", "8 bits of 16", "pub fn f(a: u16, b: u8) -> u8 {
        test b, b; jz 'zero; mov ax, a; div b; return al; 'zero: return 0; }"),
    ("E0501", "the sign is not spread", "pub fn f(a: i64, b: i64) -> i64 {
        test b, b; jle 'no; mov rax, a; xor edx, edx; idiv b; return rax; 'no: return 0; }"),
    ("E0501", "the sign of 32 bits", "pub fn f(a: i64, b: i64) -> i64 {
        test b, b; jle 'no; mov rax, a; cdq; idiv b; return rax; 'no: return 0; }"),
    ("E0501", "-1 is possible", "pub fn f(a: i64, b: i64) -> i64 {
        test b, b; jz 'no; mov rax, a; cqo; idiv b; return rax; 'no: return 0; }"),
    ("E0501", "0 is possible", "pub fn f(a: i64, b: i64) -> i64 {
        cmp b, -1; je 'no; mov rax, a; cqo; idiv b; return rax; 'no: return 0; }"),
    ("E0501", "0 and more", "pub fn f(a: i64, b: i64) -> i64 {
        test b, b; jl 'no; mov rax, a; cqo; idiv b; return rax; 'no: return 0; }"),
    ("E0501", "memory", "pub fn f(a: u64, b: &u64) -> u64 { mov rax, a; xor edx, edx; div qword [b]; return rax; }"),
    ("E0501", "a stack variable that is 0", "pub fn f(a: u64) -> u64 {
        let d: u64; mov qword [d], 0; mov rax, a; xor edx, edx; div qword [d]; return rax; }"),
    ("E0501", "ah", "pub fn f(a: u64) -> u8 { mov ebx, 0x0101; mov rax, a; and eax, 1; div bh; return al; }"),
    ("E0501", "an index of one more", "pub fn f(x: &[u8; 9], i: u32) -> u8 {
        mov ecx, 10; mov eax, i; xor edx, edx; div ecx; mov al, [x + rdx]; return al; }"),
    ("E0504", "one further", "pub fn f(x: &[u64; 4]) -> &u64 { add x, 32; return x; }"),
    ("E0504", "one before", "pub fn f(x: &[u64; 4]) -> &u64 { sub x, 8; return x; }"),
    ("E0504", "too much", "pub fn f(x: &mut [u8; 64]) -> &mut [u8; 17] { add x, 48; return x; }"),
    ("E0504", "not aligned", "pub fn f(x: &[u64; 4]) -> &u64 { add x, 4; return x; }"),
    ("E0504", "of bytes", "pub fn f(x: &[u8; 64]) -> &u64 { add x, 8; return x; }"),
    ("E0504", "not writable", "pub fn f(x: &[u64; 4]) -> &mut u64 { add x, 8; return x; }"),
    ("E0504", "of another lifetime", "pub fn f<'a, 'b>(x: &'a [u32; 4], y: &'b [u32; 4]) -> &'b u32 { add x, 12; return x; }"),
    ("E0504", "forever", "pub fn f<'a>(x: &'a [u32; 4]) -> &'static u32 { add x, 12; return x; }"),
    ("E0504", "a stack variable", "pub fn f(x: &u64) -> &u64 { let v: u64; mov qword [v], 1; let p: gp64; lea p, [v]; return p; }"),
    ("E0504", "a table", "const T: [u64; 4] = [1; 4]; pub fn f(x: &u64) -> &u64 { let p: gp64; lea p, [T]; return p; }"),
    ("E0504", "not compared", "pub fn f<'a>(x: &'a [u32], i: u64) -> &'a u32 { let p: gp64; lea p, [x.ptr + 4*i]; return p; }"),
    ("E0504", "compared with one more", "pub fn f(x: &[u32], i: u64) -> Option<&u32> {
        cmp i, x.len; ja 'no; let p: gp64; lea p, [x.ptr + 4*i]; return p; 'no: return 0; }"),
    ("E0504", "none where there must be one", "pub fn f(x: &[u32]) -> &u32 { return 0; }"),
    ("E0504", "one is not none", "pub fn f(x: &[u32]) -> Option<&u32> { return 1; }"),
    ("E0504", "a part twice", "pub fn f(x: &mut [u32; 4]) -> (&mut [u32; 2], &mut [u32; 2]) {
        let y: gp64; lea y, [x + 4]; return (x, y); }"),
    ("E0504", "the same twice", "pub fn f(x: &mut [u32; 4]) -> (&mut u32, &mut u32) { add x, 4; let y: gp64; mov y, x; return (x, y); }"),
    ("E0504", "exclusive and shared", "pub fn f(x: &mut [u32; 4]) -> (&mut u32, &u32) { add x, 4; let y: gp64; mov y, x; return (x, y); }"),
    ("E0504", "all and a part", "pub fn f(x: &mut [u32; 4]) -> (&mut [u32; 4], &mut u32) { let y: gp64; lea y, [x + 4]; return (x, y); }"),
    ("E0504", "half an address", "pub fn f(x: &[u64; 4]) -> &u64 { mov x.gp32, x.gp32; return x; }"),
];

#[test]
fn what_is_shown_is_accepted() {
    table::try_all(ACCEPTED.iter().copied(), |source| table::nothing(&errors(source)));
}

#[test]
fn what_is_not_is_refused() {
    let refused = REFUSED.iter().map(|(code, name, source)| (*name, (code, source)));
    table::try_all(refused, |(code, source)| table::only(&errors(source), code));
}
