//! Kernels with every kind of frame, for tests that look at what is around them.

/// Names and texts. Each has one kernel, called `k`; its first argument is the address of a buffer,
/// the others are numbers.
#[rustfmt::skip]
pub const KERNELS: &[(&str, &str)] = &[
    ("nothing", "fn k(p: *mut u64, n: u64) -> u64 { return n; }"),
    ("six arguments", "fn k(p: *mut u64, n: u64, c: u64, d: u64, e: u64, f: u64, g: u64) -> u64 {
        add n, c; add n, d; add n, e; add n, f; add n, g; return n; }"),
    ("all general registers", "fn k(p: *mut u64, n: u64) -> u64 {
        let v: [gp64; 13];
        for i in 0..13 { mov v[i], n; }
        for i in 0..13 { imul v[i], v[i], i + 3; }
        for i in 1..13 { add v[0], v[i]; }
        return v[0]; }"),
    ("general registers by name", "fn k(p: *mut u64, n: u64) -> u64 {
        mov rbx, 1; mov rbp, 2; mov rsi, 3; mov rdi, 4; mov r12, 5; mov r15, 6; mov rax, 7; return rax; }"),
    ("all vectors", "fn k(p: *mut u64, n: u64) -> f64 {
        let v: [xmm; 16];
        for i in 0..16 { cvtsi2sd v[i], n; }
        for i in 1..16 { addsd v[0], v[i]; }
        return v[0]; }"),
    ("all ymm", "#[target_feature(enable = \"avx2\")] fn k(p: *mut u64, n: u64) -> f64 {
        let v: [ymm; 16];
        for i in 0..16 { vmovups v[i], [p + 8*i]; }
        for i in 1..16 { vaddpd v[0], v[0], v[i]; }
        return v[0].xmm; }"),
    ("one ymm", "#[target_feature(enable = \"avx2\")] fn k(p: *mut u64, n: u64) -> u64 {
        vmovups ymm3, [p]; vmovups [p + 32], ymm3; return n; }"),
    ("ymm on one path", "#[target_feature(enable = \"avx2\")] fn k(p: *mut u64, n: u64) -> u64 {
        test n, n; js 'wide; return n;
        'wide: vmovups ymm3, [p]; vmovups [p + 32], ymm3; return n; }"),
    ("vex xmm", "#[target_feature(enable = \"avx2\")] fn k(p: *mut u64, n: u64) -> f64 {
        vmovsd xmm9, qword [p]; vaddsd xmm0, xmm9, xmm9; return xmm0; }"),
    ("vzeroall", "#[target_feature(enable = \"avx2\")] fn k(p: *mut u64, n: u64) -> u64 {
        vzeroall; return n; }"),
    ("zmm", "#[target_feature(enable = \"avx512f\")] fn k(p: *mut u64, n: u64) -> u64 {
        vmovups zmm17, [p]; vmovups zmm2, [p]; vpaddq zmm17, zmm17, zmm2; vmovups [p], zmm17; return n; }"),
    ("masks", "#[target_feature(enable = \"avx512bw\")] fn k(p: *mut u64, n: u64) -> u64 {
        kmovq k3, n; kshiftlq k3, k3, 2; kmovq n, k3; return n; }"),
    ("locals in the red zone", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 4]; let b: u8; let c: u16; let d: [u8; 16] align 16;
        mov byte [b], 1; mov word [c], 2; xorps xmm0, xmm0; movaps [d], xmm0; mov [a], n; mov [a + 24], n;
        add n, [a + 24]; add n.gp8, [b]; return n; }"),
    ("locals beyond it", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 100]; let b: u8;
        mov byte [b], 1; mov [a], n; mov [a + 792], n; add n, [a + 792]; add n.gp8, [b]; return n; }"),
    ("pushes and locals", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 4]; mov [a], n; mov qword [a + 24], 77;
        push n; push n; add qword [a], 1; pop qword [a + 8]; push qword [a];  pop n; pop n;
        add n, [a]; add n, [a + 8]; add n, [a + 24]; return n; }"),
    ("stack arguments under pushes", "fn k(p: *mut u64, n: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> u64 {
        push n; push n; add n, g; pop c; add n, h; pop c; add n, h; return n; }"),
    ("realigned by 32", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 4] align 32; let b: u32; xorps xmm1, xmm1; movaps [a], xmm1; mov [a], n; mov dword [b], 5;
        add n, [a]; add n.gp32, [b]; return n; }"),
    ("realigned by 4096 with everything", "fn k(p: *mut u64, n: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64) -> u64 {
        let a: [u64; 4] align 4096; let b: [u8; 3];
        let v: [gp64; 9]; let w: [xmm; 12];
        for i in 0..9 { mov v[i], n; add v[i], i; }
        for i in 0..12 { cvtsi2sd w[i], n; }
        mov [a], n; mov byte [b + 2], 7; push n; mov [a + 8], n; add n, g; pop c; add n, h; add n, [a + 8]; add n.gp8, [b + 2];
        for i in 0..9 { add n, v[i]; }
        for i in 1..12 { addsd w[0], w[i]; }
        movsd [p], w[0];
        return n; }"),
    ("a large frame", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 3000]; mov [a], n; mov [a + 8*2999], n; add n, [a + 8*2999]; return n; }"),
    ("a huge frame", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 30000]; mov [a], n; mov [a + 8*29999], n; add n, [a + 8*29999]; return n; }"),
    ("a huge realigned frame", "fn k(p: *mut u64, n: u64) -> u64 {
        let a: [u64; 30000] align 64; mov [a], n; mov [a + 8*29999], n; add n, [a + 8*29999]; return n; }"),
    ("pair", "fn k(p: *mut u64, n: u64, c: u64) -> (u64, u64) { return (c, n); }"),
    ("wide", "fn k(p: *mut u64, n: u64, c: u64) -> u128 { return (c, n); }"),
    ("mmx", "fn k(p: *mut u64, n: u64) -> u64 { movq mm3, n; paddb mm3, mm3; movq n, mm3; emms; return n; }"),
    ("flags alone", "fn k(p: *mut u64, n: u64) -> u64 { cmp n, 5; return n; }"),
];
