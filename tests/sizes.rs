//! Code sizes, compared with those of PeachPy 0.2.0 and of code written by hand with GNU as.
//!
//! The kernels say what the hand-written code says, instruction by instruction; everything else is
//! the compiler's: registers, argument moves, frame, result, `vzeroupper`. `cargo test --test sizes
//! -- --nocapture` prints the table.

use peach_compiler::abi::{Convention, GOSYSO, SYSV64, WIN64, X32};
use peach_compiler::pipeline;
use peach_testing::tools::have;
use std::process::Command;

/// A kernel, the size of PeachPy's code in bytes, and the same by hand.
struct Case {
    name: &'static str,
    convention: &'static Convention,
    /// 0 where it was not measured.
    peachpy: usize,
    source: String,
    /// For GNU as, in Intel syntax.
    hand: &'static str,
}

fn sysv(name: &'static str, peachpy: usize, source: &str, hand: &'static str) -> Case {
    Case { name, convention: &SYSV64, peachpy, source: source.to_string(), hand }
}

fn win(name: &'static str, peachpy: usize, source: &str, hand: &'static str) -> Case {
    Case { convention: &WIN64, ..sysv(name, peachpy, source, hand) }
}

fn go(name: &'static str, peachpy: usize, source: &str, hand: &'static str) -> Case {
    Case { convention: &GOSYSO, ..sysv(name, peachpy, source, hand) }
}

const ADD: &str = "fn add(x: i32, y: i32) -> i32 {
    let sum: gp32;
    lea sum, [x.gp64 + y.gp64];
    return sum;
}";

const SUM_9: &str =
    "fn sum9(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64) -> i64 {
    let sum: gp64;
    lea sum, [a + b];
    for value in [c, d, e, f, g, h, i] { add sum, value; }
    return sum;
}";

const MIXED: &str = "fn mixed(a: i32, b: f64, c: u8, d: f32, e: i16, f: f64) -> f64 {
    let t: gp32;
    movzx t, c;
    add a, t;
    movsx t, e;
    add a, t;
    cvtss2sd d, d;
    addsd b, d;
    cvtsi2sd d, a;
    addsd b, d;
    addsd b, f;
    return b;
}";

const TENTH: &str =
    "fn tenth(a: f32, b: f32, c: f32, d: f32, e: f32, f: f32, g: f32, h: f32, i: f32, j: f32) -> f32 {
    return j;
}";

const LIVE_XMM: &str = "unsafe fn live(p: *const f32) -> f32 {
    let v: [xmm; N];
    for i in 0..N { movups v[i], [p + 16*i]; }
    for i in 1..N { addps v[0], v[i]; }
    return v[0];
}";

const LIVE_GP: &str = "unsafe fn live(p: *const u64) -> u64 {
    let v: [gp64; N];
    for i in 0..N { mov v[i], [p + 8*i]; }
    for i in 1..N { add v[0], v[i]; }
    return v[0];
}";

const THREE_32: &str = "unsafe fn three(p: *const u32) -> u32 {
    let v: [gp32; 3];
    for i in 0..3 { mov v[i], [p + 4*i]; }
    add v[0], v[1];
    add v[0], v[2];
    imul v[0], v[1];
    return v[0];
}";

const DOT: &str = "#[target_feature(enable = \"avx\")]
unsafe fn dot(x: *const f32, y: *const f32, n: usize) -> f32 {
    let sum: ymm;
    let t: ymm;
    vxorps sum.xmm, sum.xmm, sum.xmm;
    'next: {
        vmovups t, [x];
        vmulps t, t, [y];
        vaddps sum, sum, t;
        add x, 32;
        add y, 32;
        sub n, 8;
        jnz continue 'next;
    }
    vextractf128 t.xmm, sum, 1;
    vaddps sum.xmm, sum.xmm, t.xmm;
    vhaddps sum.xmm, sum.xmm, sum.xmm;
    vhaddps sum.xmm, sum.xmm, sum.xmm;
    return sum.xmm;
}";

const SCALAR: &str = "#[target_feature(enable = \"avx\")]
fn scalar(x: f32, y: f32) -> f32 {
    vaddss x, x, y;
    return x;
}";

const VECTORS: &str = "#[target_feature(enable = \"avx\")]
fn vectors(x: __m256, y: __m256) -> __m256 {
    vaddps x, x, y;
    return x;
}";

const VECTOR_SUM: &str = "fn sum(a: __m128, b: __m128) -> __m128 { addps a, b; return a; }";

const FIVE: &str = "fn five() -> u64 {
    let five: gp64 = 5;
    return five;
}";

const STORES: &str = "unsafe fn stores(p: *mut u64) {
    let t: gp64 = 0xFFFF_FFFF;
    mov [p], t;
    t = 0;
    mov [p + 8], t;
}";

const SHIFT: &str = "fn shift(x: u32, count: u32) -> u32 {
    shl x, count.gp8;
    return x;
}";

const LOCAL: &str = "fn local(x: u32) -> u32 {
    let slot: [u64; N];
    let back: gp32;
    mov [slot], x;
    mov back, [slot];
    return back;
}";

const CONSTANTS: &str = "fn constants(x: f64) -> f64 {
    addsd x, f64(2.0);
    mulsd x, f64(1.0);
    addsd x, f64(2.0);
    return x;
}";

const ZMM: &str = "#[target_feature(enable = \"avx512f\")]
unsafe fn double(p: *mut f32) {
    let v: zmm;
    vmovups v, [p];
    vaddps v, v, v;
    vmovups [p], v;
}";

const ADD_IN_PLACE: &str = "fn add(x: i32, y: i32) -> i32 { add x, y; return x; }";

const HALVES: &str = "#[target_feature(enable = \"avx\")]
fn halves(x: __m256) -> f32 {
    let t: xmm;
    vextractf128 t, x, 1;
    vaddss x.xmm, x.xmm, t;
    return x.xmm;
}";

const SAVED_YMM: &str = "#[target_feature(enable = \"avx\")]
unsafe fn saved(p: *mut f32) {
    vmovups ymm6, [p];
    vmovups ymm7, [p + 32];
    vaddps ymm6, ymm6, ymm7;
    vmovups [p], ymm6;
}";

const SMALL_LOCAL: &str = "fn local(x: u32) -> u32 {
    let slot: u32;
    let back: gp32;
    mov [slot], x;
    mov back, [slot];
    return back;
}";

const ALIGNED_LOCAL: &str = "fn local(x: u32) -> u32 {
    let slot: [u64; 4] align 32;
    let back: gp32;
    mov [slot], x;
    mov back, [slot];
    return back;
}";

/// A source with the number of its values.
fn with(n: usize, source: &str) -> String {
    format!("const N = {n}; {source}")
}

fn scalars() -> Vec<Case> {
    vec![
        sysv("add two i32", 9, ADD, "lea eax, [rdi+rsi]; ret"),
        win("add two i32", 9, ADD, "lea eax, [rcx+rdx]; ret"),
        Case { convention: &X32, ..sysv("add two i32", 9, ADD, "lea eax, [rdi+rsi]; ret") },
        // PeachPy does not store the result.
        go(
            "add two i32",
            13,
            ADD_IN_PLACE,
            "mov eax, [rsp+8]; add eax, [rsp+12]; mov [rsp+16], eax; ret",
        ),
        sysv(
            "sum of 9 i64, three on the stack",
            43,
            SUM_9,
            "lea rax, [rdi+rsi]; add rax, rdx; add rax, rcx; add rax, r8; add rax, r9
             add rax, [rsp+8]; add rax, [rsp+16]; add rax, [rsp+24]; ret",
        ),
        win(
            "sum of 9 i64, five on the stack",
            53,
            SUM_9,
            "lea rax, [rcx+rdx]; add rax, r8; add rax, r9; add rax, [rsp+40]; add rax, [rsp+48]
             add rax, [rsp+56]; add rax, [rsp+64]; add rax, [rsp+72]; ret",
        ),
        // 25 if callers extend narrow arguments, which the System V ABI does not ask of them.
        sysv(
            "mixed scalars",
            33,
            MIXED,
            "movzx eax, sil; add edi, eax; movsx eax, dx; add edi, eax; cvtss2sd xmm1, xmm1
             addsd xmm0, xmm1; cvtsi2sd xmm1, edi; addsd xmm0, xmm1; addsd xmm0, xmm2; ret",
        ),
        win(
            "mixed scalars",
            47,
            MIXED,
            "movzx eax, r8b; add ecx, eax; movsx eax, word ptr [rsp+40]; add ecx, eax
             cvtss2sd xmm3, xmm3; addsd xmm1, xmm3; cvtsi2sd xmm3, ecx; addsd xmm1, xmm3
             addsd xmm1, [rsp+48]; movaps xmm0, xmm1; ret",
        ),
        sysv("10th float returned", 13, TENTH, "movss xmm0, [rsp+16]; ret"),
        win("10th float returned", 11, TENTH, "movss xmm0, [rsp+80]; ret"),
        sysv("constant 5", 8, FIVE, "mov eax, 5; ret"),
        sysv(
            "stores of -1 (32 bits) and 0",
            25,
            STORES,
            "mov eax, -1; mov [rdi], rax; xor eax, eax; mov [rdi+8], rax; ret",
        ),
        sysv("shift by an argument", 11, SHIFT, "mov ecx, esi; mov eax, edi; shl eax, cl; ret"),
        win("shift by an argument", 11, SHIFT, "mov eax, ecx; mov ecx, edx; shl eax, cl; ret"),
    ]
}

fn pressure() -> Vec<Case> {
    vec![
        sysv(
            "8 live xmm",
            72,
            &with(8, LIVE_XMM),
            ".irp n, 0,1,2,3,4,5,6,7; movups xmm\\n, [rdi+16*\\n]; .endr
             .irp n, 1,2,3,4,5,6,7; addps xmm0, xmm\\n; .endr; ret",
        ),
        sysv(
            "16 live xmm",
            160,
            &with(16, LIVE_XMM),
            ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15; movups xmm\\n, [rdi+16*\\n]; .endr
             .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15; addps xmm0, xmm\\n; .endr; ret",
        ),
        // Two registers in the shadow space, eight below a word that only aligns them.
        win(
            "16 live xmm",
            292,
            &with(16, LIVE_XMM),
            "push rax; add rsp, -128
             .irp n, 6,7,8,9,10,11,12,13; movaps [rsp+16*(\\n-6)], xmm\\n; .endr
             movaps [rsp+144], xmm14; movaps [rsp+160], xmm15
             .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15; movups xmm\\n, [rcx+16*\\n]; .endr
             .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15; addps xmm0, xmm\\n; .endr
             .irp n, 6,7,8,9,10,11,12,13; movaps xmm\\n, [rsp+16*(\\n-6)]; .endr
             movaps xmm14, [rsp+144]; movaps xmm15, [rsp+160]
             sub rsp, -128; pop rcx; ret",
        ),
        sysv(
            "3 live 32-bit values",
            25,
            THREE_32,
            "mov eax, [rdi]; mov ecx, [rdi+4]; mov edx, [rdi+8]; add eax, ecx; add eax, edx
             imul eax, ecx; ret",
        ),
        sysv(
            "5 live 64-bit values",
            32,
            &with(5, LIVE_GP),
            "mov rax, [rdi]; mov rcx, [rdi+8]; mov rdx, [rdi+16]; mov rsi, [rdi+24]
             mov rdi, [rdi+32]; .irp r, rcx,rdx,rsi,rdi; add rax, \\r; .endr; ret",
        ),
        sysv(
            "9 live 64-bit values",
            60,
            &with(9, LIVE_GP),
            "mov rax, [rdi]; mov rcx, [rdi+8]; mov rdx, [rdi+16]; mov rsi, [rdi+24]
             mov r8, [rdi+32]; mov r9, [rdi+40]; mov r10, [rdi+48]; mov r11, [rdi+56]
             mov rdi, [rdi+64]; .irp r, rcx,rdx,rsi,r8,r9,r10,r11,rdi; add rax, \\r; .endr; ret",
        ),
        sysv(
            "14 live 64-bit values",
            111,
            &with(14, LIVE_GP),
            ".irp r, rbx,rbp,r12,r13,r14; push \\r; .endr
             mov rax, [rdi]; mov rcx, [rdi+8]; mov rdx, [rdi+16]; mov rsi, [rdi+24]
             mov r8, [rdi+32]; mov r9, [rdi+40]; mov r10, [rdi+48]; mov r11, [rdi+56]
             mov rbx, [rdi+64]; mov rbp, [rdi+72]; mov r12, [rdi+80]; mov r13, [rdi+88]
             mov r14, [rdi+96]; mov rdi, [rdi+104]
             .irp r, rcx,rdx,rsi,r8,r9,r10,r11,rbx,rbp,r12,r13,r14,rdi; add rax, \\r; .endr
             .irp r, r14,r13,r12,rbp,rbx; pop \\r; .endr; ret",
        ),
        sysv(
            "15 live 64-bit values",
            122,
            &with(15, LIVE_GP),
            ".irp r, rbx,rbp,r12,r13,r14,r15; push \\r; .endr
             mov rax, [rdi]; mov rcx, [rdi+8]; mov rdx, [rdi+16]; mov rsi, [rdi+24]
             mov r8, [rdi+32]; mov r9, [rdi+40]; mov r10, [rdi+48]; mov r11, [rdi+56]
             mov rbx, [rdi+64]; mov rbp, [rdi+72]; mov r12, [rdi+80]; mov r13, [rdi+88]
             mov r14, [rdi+96]; mov r15, [rdi+104]; mov rdi, [rdi+112]
             .irp r, rcx,rdx,rsi,r8,r9,r10,r11,rbx,rbp,r12,r13,r14,r15,rdi; add rax, \\r; .endr
             .irp r, r15,r14,r13,r12,rbp,rbx; pop \\r; .endr; ret",
        ),
    ]
}

const DOT_BY_HAND: &str =
    "1: vmovups ymm1, [rdi]; vmulps ymm1, ymm1, [rsi]; vaddps ymm0, ymm0, ymm1
    add rdi, 32; add rsi, 32; sub rdx, 8; jnz 1b
    vextractf128 xmm1, ymm0, 1; vaddps xmm0, xmm0, xmm1; vhaddps xmm0, xmm0, xmm0
    vhaddps xmm0, xmm0, xmm0; vzeroupper";

fn vectors() -> Vec<Case> {
    let dot = |start: &str, end: &str| -> &'static str {
        format!("{start}; vxorps xmm0, xmm0, xmm0; {DOT_BY_HAND}; {end}").leak()
    };
    let in_win64 = DOT_BY_HAND.replace("rdx", "r8").replace("rdi", "rcx").replace("rsi", "rdx");
    let in_win64 = format!("vxorps xmm0, xmm0, xmm0; {in_win64}; ret").leak();
    vec![
        // 49 with other instructions.
        sysv("AVX dot product", 57, DOT, dot("", "ret")),
        win("AVX dot product", 53, DOT, in_win64),
        // PeachPy does not store the result.
        go("AVX dot product", 64, DOT,
            dot("mov rdi, [rsp+8]; mov rsi, [rsp+16]; mov rdx, [rsp+24]", "vmovss [rsp+32], xmm0; ret")),
        sysv("VEX scalar add", 8, SCALAR, "vaddss xmm0, xmm0, xmm1; ret"),
        sysv("ymm in, ymm out", 5, VECTORS, "vaddps ymm0, ymm0, ymm1; ret"),
        sysv("ymm in, float out", 15, HALVES, "vextractf128 xmm1, ymm0, 1; vaddss xmm0, xmm0, xmm1; ret"),
        win("two vectors by reference", 0, VECTOR_SUM, "movaps xmm0, [rcx]; addps xmm0, [rdx]; ret"),
        win("two ymm by reference", 0, VECTORS, "vmovups ymm0, [rcx]; vaddps ymm0, ymm0, [rdx]; ret"),
        win("ymm6 and ymm7 changed", 49, SAVED_YMM,
            "vmovaps [rsp+8], xmm6; vmovaps [rsp+24], xmm7
             vmovups ymm6, [rcx]; vmovups ymm7, [rcx+32]; vaddps ymm6, ymm6, ymm7; vmovups [rcx], ymm6
             vzeroupper; vmovaps xmm6, [rsp+8]; vmovaps xmm7, [rsp+24]; ret"),
        sysv("zmm, no vzeroupper", 22, ZMM,
            "vmovups zmm16, [rdi]; vaddps zmm16, zmm16, zmm16; vmovups [rdi], zmm16; ret"),
    ]
}

fn memory() -> Vec<Case> {
    let red_zone = "mov [rsp-8], edi; mov eax, [rsp-8]; ret";
    vec![
        sysv("4 bytes of stack", 16, SMALL_LOCAL, red_zone),
        win("4 bytes of stack", 16, SMALL_LOCAL, "mov [rsp+8], ecx; mov eax, [rsp+8]; ret"),
        sysv("8 bytes of stack", 16, &with(1, LOCAL), red_zone),
        sysv("16 bytes of stack", 16, &with(2, LOCAL), red_zone),
        sysv(
            "32 bytes of stack, aligned to 32",
            24,
            ALIGNED_LOCAL,
            "push rbp; mov rbp, rsp; and rsp, -32; mov [rsp-32], edi; mov eax, [rsp-32]; leave; ret",
        ),
        sysv(
            "three constants",
            25,
            CONSTANTS,
            "addsd xmm0, [rip+1]; mulsd xmm0, [rip+1]; addsd xmm0, [rip+1]; ret",
        ),
    ]
}

/// The bytes of code that `case` compiles to.
fn size(case: &Case) -> usize {
    let tokens = case.source.parse().expect("tokens");
    let compilation = pipeline::compile(tokens, case.convention);
    let errors: Vec<_> = compilation.diagnostics.iter().collect();
    assert!(errors.is_empty(), "{}: {errors:?}", case.name);
    compilation.kernels[0].versions[0].encoded.code_len
}

/// What GNU as makes of the code by hand, each in a section of its own.
fn sizes_by_hand(cases: &[Case]) -> Vec<usize> {
    let mut text = ".intel_syntax noprefix\n".to_string();
    for (index, case) in cases.iter().enumerate() {
        text += &format!(".section .by_hand.{index},\"ax\"\n{}\n", case.hand);
    }
    let directory = std::env::temp_dir().join(format!("peach-sizes-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for temporary files");
    let (source, object) = (directory.join("hand.s"), directory.join("hand.o"));
    std::fs::write(&source, text).expect("writable");
    let assembled =
        Command::new("as").arg("-o").args([&object, &source]).output().expect("as runs");
    assert!(assembled.status.success(), "{}", String::from_utf8_lossy(&assembled.stderr));
    let listed = Command::new("size").arg("-A").arg(&object).output().expect("size runs");
    std::fs::remove_dir_all(&directory).expect("just made");
    let listed = String::from_utf8_lossy(&listed.stdout);
    let size_of = |index: usize| {
        let wanted = format!(".by_hand.{index}");
        let mut lines = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let line = lines.find(|line| line.first() == Some(&&*wanted)).expect("a section");
        line[1].parse().expect("a size")
    };
    (0..cases.len()).map(size_of).collect()
}

#[test]
fn never_longer_than_by_hand() {
    let cases: Vec<Case> =
        [scalars(), pressure(), vectors(), memory()].into_iter().flatten().collect();
    if !have(&["as", "size"]) {
        return;
    }
    let by_hand = sizes_by_hand(&cases);
    println!("{:36} {:8} {:>7} {:>7} {:>7}", "kernel", "abi", "PeachPy", "hand", "peach");
    let mut longer = Vec::new();
    for (case, hand) in cases.iter().zip(by_hand) {
        let ours = size(case);
        let abi = case.convention.name;
        println!("{:36} {abi:8} {:7} {hand:7} {ours:7}", case.name, case.peachpy);
        if ours > hand {
            longer.push((case.name, abi));
        }
    }
    assert!(longer.is_empty(), "longer than by hand: {longer:?}");
}
