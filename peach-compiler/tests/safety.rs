//! The attack suite: programs that try to get undefined behavior past a plain `fn`, each refused
//! with the expected code; and programs that the page of the language promises to accept.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::analysis::{Facts, Uses, verify};
use peach_compiler::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use peach_compiler::emit::rust::{self, RustOptions};
use peach_compiler::passes::bind_arguments;
use peach_compiler::{expand, pipeline, syntax};
use std::str::FromStr;

/// What the compiler says of the kernels in `source`, up to the analyses.
fn diagnose(source: &str, native: &'static Convention) -> Diagnostics {
    let tokens = proc_macro2::TokenStream::from_str(source).expect("the test's own tokens");
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    let program = expand::expand(&file, native, &mut diagnostics);
    for version in program.kernels.into_iter().flat_map(|group| group.versions) {
        let mut function = version.function;
        bind_arguments(&mut function);
        let facts = Facts::of(&function);
        verify(&Uses::of(&function, &facts).unwrap(), &mut diagnostics);
    }
    diagnostics
}

fn errors(diagnostics: &Diagnostics) -> Vec<&Diagnostic> {
    diagnostics.iter().filter(|d| d.severity() == Severity::Error).collect()
}

fn list(errors: &[&Diagnostic]) -> String {
    errors.iter().map(|d| format!("    {}: {}\n", d.code.id(), d.message)).collect()
}

/// Checks that each program is refused with its code, in both conventions, and with a suggested
/// fix.
fn refuse(programs: &[(Code, &str)]) {
    let mut failures = String::new();
    for &(code, source) in programs {
        for native in [&SYSV64, &WIN64] {
            let diagnostics = diagnose(source, native);
            let errors = errors(&diagnostics);
            let found = errors.iter().find(|d| d.code == code);
            let needs_help = !matches!(code, OutOfRange | BadReturn);
            if !found.is_some_and(|d| d.help.is_some() || !needs_help) {
                let name = native.name;
                failures += &format!(
                    "expected {} ({name}) of\n  {source}\nbut got\n{}",
                    code.id(),
                    list(&errors)
                );
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// Checks that each program compiles without an error, in both conventions.
fn accept(programs: &[&str]) {
    let mut failures = String::new();
    for source in programs {
        for native in [&SYSV64, &WIN64] {
            let tokens = proc_macro2::TokenStream::from_str(source).expect("the test's own tokens");
            let diagnostics = pipeline::compile(tokens, native).diagnostics;
            let errors = errors(&diagnostics);
            if !errors.is_empty() {
                failures += &format!("{} of\n  {source}\n{}", native.name, list(&errors));
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

use Code::{
    BadReturn, InvalidValue, NeedsUnsafe, OutOfBounds, OutOfRange, Refused, UnbalancedStack,
    Uninitialized, UninitializedMemory,
};

#[test]
fn addresses_that_are_not_proven() {
    refuse(&[
        (NeedsUnsafe, "fn f(p: *const u32) -> u32 { let t: gp32; mov t, [p]; return t; }"),
        (NeedsUnsafe, "fn f(p: *mut u32) { mov dword [p], 1; }"),
        (NeedsUnsafe, "fn f(p: usize) -> u32 { let t: gp32; mov t, [p]; return t; }"),
        (NeedsUnsafe, "fn f(p: u64) { mov qword [p], 0; }"),
        (NeedsUnsafe, "fn f(x: &[u32]) -> u32 { let t: gp32; mov t, [x.ptr]; return t; }"),
        (NeedsUnsafe, "fn f(x: &mut [u32]) { mov dword [x.ptr], 1; }"),
        (NeedsUnsafe, "fn f(x: &[u32]) -> u32 { let t: gp32; mov t, [x.len]; return t; }"),
        (NeedsUnsafe, "fn f(x: &str) -> u8 { let t: gp8; mov t, [x.ptr]; return t; }"),
        (NeedsUnsafe, "fn f(x: Option<&u32>) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: NonNull<u32>) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: &Thing) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: &[Thing; 4]) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: &[u32; LEN]) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: &&u32) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: fn(u32) -> u32) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (NeedsUnsafe, "fn f(x: i128) -> u32 { let t: gp32; mov t, [x.lo]; return t; }"),
        (NeedsUnsafe, "fn f() -> u32 { let t: gp32; mov t, [0x1000]; return t; }"),
        (NeedsUnsafe, "fn f() { mov dword [0x1000], 1; }"),
        (NeedsUnsafe, "fn f() -> u64 { let t: gp64; mov t, fs:[0]; return t; }"),
        (NeedsUnsafe, "fn f(x: &u64) -> u64 { let t: gp64; mov t, gs:[x]; return t; }"),
        (
            NeedsUnsafe,
            "fn f(x: &[u32; 4], i: u64) -> u32 { let t: gp32; mov t, [x + i*4]; return t; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &[u32; 4], y: &[u32; 4]) -> u32 { let t: gp32; mov t, [x + y]; return t; }",
        ),
        (NeedsUnsafe, "fn f(x: &u32) -> u32 { let t: gp32; mov t, [x.gp32]; return t; }"),
        (
            NeedsUnsafe,
            "fn f(x: &[u32; 4]) -> u32 { let t: gp32; mov t, [x + const { 4 }]; return t; }",
        ),
        (
            NeedsUnsafe,
            "fn f(i: u64) -> u8 { let b: [u8; 16]; let t: gp8; mov byte [b], 1; mov t, [b + i]; return t; }",
        ),
        (NeedsUnsafe, "fn f(i: u64) { let b: [u8; 16]; mov byte [b + i], 1; }"),
        (NeedsUnsafe, "fn f() { let b: [u8; 16]; let p: gp64; lea p, [b]; mov byte [p + 20], 1; }"),
        (NeedsUnsafe, "fn f() -> u64 { let t: gp64; mov t, sym STATIC; mov t, [t]; return t; }"),
        (NeedsUnsafe, "fn f() { rax = 4096; mov dword [rax], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u64) { let p: gp64; mov p, [x]; mov qword [p], 1; }"),
    ]);
}

#[test]
fn references_that_may_have_been_changed() {
    refuse(&[
        (NeedsUnsafe, "fn f(x: &mut u32) { add x, 4; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { inc x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { lea x, [x + 8]; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { mov x.gp32, 5; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { mov x.gp16, 5; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { mov x.gp8, 5; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { mov x.gp8h, 5; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { mov x.gp32, x.gp32; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { sete x.gp8; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { cmp x, x; sete x.gp8; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { xor x, x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { x = 0; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { x = y; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { mov x, y; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { xchg x, y; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { xadd x, y; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { xadd y, x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { cmp y, 0; cmove x, y; mov dword [x], 1; }"),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, y: u64) { cmp y, 0; cmove x.gp32, y.gp32; mov dword [x], 1; }",
        ),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { cmp y, 0; cmove y, x; mov dword [y], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { rax = y; cmpxchg x, y; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { bswap x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { neg x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { shl x, 1; shr x, 1; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { bsf x, y; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { pop x; push x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { push 5; pop x; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { movzx x, x.gp8; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { movsxd x, x.gp32; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u64) { mov x, [x]; mov qword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, v: f64) { movq x, v; mov dword [x], 1; }"),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"bmi2\")] fn f(x: &mut u32, y: u64) { let t: gp64; rdx = y; mulx x, t, y; mov dword [x], 1; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32) { rdtsc; shl rdx, 32; or rax, rdx; rcx = rax; x = rcx; mov dword [x], 1; }",
        ),
        (NeedsUnsafe, "fn f(x: &mut u32) { mov x, rax; mov dword [x], 1; }"),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, n: u64) { 'l: { mov dword [x], 1; add x, 4; dec n; jnz continue 'l; } }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, n: u64) { 'l: { mov dword [x], 1; test n, n; jz break 'l; add x, 4; dec n; jmp continue 'l; } }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, n: u64) { test n, n; jz 'a; add x, 4; 'a: mov dword [x], 1; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, n: u64) { jmp 'b; 'a: mov dword [x], 1; return; 'b: add x, 4; jmp 'a; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, n: u64) { test n, n; jz 'in[0]; 'out: { add x, 4; 'in[0]: mov dword [x], 1; } }",
        ),
        (NeedsUnsafe, "fn f(x: &mut u32) { let p: gp64 = x; add p, 4; mov dword [p], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { let p: gp64 = x; p = x; inc p; mov dword [p], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: u64) { let (x, y) = (y, x); mov dword [x], 1; }"),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, y: u64) { let (a, b) = (y, x); add b, 1; mov dword [x], 1; }",
        ),
        (NeedsUnsafe, "fn f(x: &mut u32) { let alias = x; add alias, 4; mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { let place = [x]; add x, 4; mov dword place, 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { unsafe { add x, 4; } mov dword [x], 1; }"),
        (
            NeedsUnsafe,
            "inline fn move_on(p: gp64) { add p, 4; } fn f(x: &mut u32) { move_on(x); mov dword [x], 1; }",
        ),
        (
            NeedsUnsafe,
            "inline fn write(p: operand) { mov dword [p + 4], 1; } fn f(x: &mut u32, y: u64) { write(y); }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32) { stream s { add x, 4; mov dword [x], 1; } issue s, ..; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, y: &mut u32, n: u64) { test n, n; jz 'a; x = y; 'a: mov dword [x], 1; }",
        ),
    ]);
}

#[test]
fn accesses_out_of_bounds() {
    refuse(&[
        (OutOfBounds, "fn f(x: &u32) -> u64 { let t: gp64; mov t, [x]; return t; }"),
        (OutOfBounds, "fn f(x: &u32) -> u32 { let t: gp32; mov t, [x + 1]; return t; }"),
        (OutOfBounds, "fn f(x: &u32) -> u32 { let t: gp32; mov t, [x - 4]; return t; }"),
        (OutOfBounds, "fn f(x: &[u32; 4]) -> u32 { let t: gp32; mov t, [x + 16]; return t; }"),
        (OutOfBounds, "fn f(x: &[u32; 4]) -> u32 { let t: gp32; mov t, [x + 13]; return t; }"),
        (
            OutOfBounds,
            "fn f(x: &[u32; 4]) -> u32 { let t: gp32; mov t, [x + 0x7fffffff]; return t; }",
        ),
        (OutOfBounds, "fn f(x: &[u32; 0]) -> u32 { let t: gp32; mov t, [x]; return t; }"),
        (OutOfBounds, "fn f(x: &[u8; 15]) -> f32 { let v: xmm; movups v, [x]; return v; }"),
        (OutOfBounds, "fn f(x: &[f32; 3]) -> f32 { let v: xmm; movups v, [x]; return v; }"),
        (OutOfBounds, "fn f(x: &mut [f32; 3], v: f32) { movups [x], v; }"),
        (
            OutOfBounds,
            "#[target_feature(enable = \"avx\")] fn f(x: &[f32; 4]) -> f32 { let v: ymm; vmovups v, [x]; return v.xmm; }",
        ),
        (
            OutOfBounds,
            "#[target_feature(enable = \"avx\")] fn f(x: &mut [f32; 8], v: f32) { vbroadcastss ymm1, [x + 32]; vmovups [x], ymm1; }",
        ),
        (
            OutOfBounds,
            "#[target_feature(enable = \"avx512f\")] fn f(x: &[f32; 1]) -> f32 { let v: zmm; let w: zmm; vxorps xmm1, xmm1, xmm1; w = zmm1; vaddps v, w, [x + 4]{1to16}; return v.xmm; }",
        ),
        (
            OutOfBounds,
            "#[target_feature(enable = \"avx512f\")] fn f(x: &[f32; 8]) -> f32 { kxnorw k1, k1, k1; vmovups zmm1{k1}{z}, [x]; return zmm1.xmm; }",
        ),
        (
            OutOfBounds,
            "#[target_feature(enable = \"avx512f\")] fn f(x: &mut [f32; 8], v: f32) { kxnorw k1, k1, k1; vbroadcastss zmm1, v; vmovups [x]{k1}, zmm1; }",
        ),
        (OutOfBounds, "fn f(x: &mut u8) { mov word [x], 1; }"),
        (OutOfBounds, "fn f(x: &mut u8) { lock add word [x], 1; }"),
        (OutOfBounds, "fn f(x: &u8) { push qword [x]; pop rax; }"),
        (OutOfBounds, "fn f(x: &mut u8) { push 1; pop qword [x]; }"),
        (OutOfBounds, "fn f(x: &mut u32) { fxsave64 [x]; }"),
        (
            OutOfBounds,
            "const T: [u8; 4] = [1, 2, 3, 4]; fn f() -> u8 { let t: gp8; mov t, [T + 4]; return t; }",
        ),
        (
            OutOfBounds,
            "const T: [u8; 4] = [1, 2, 3, 4]; fn f() -> u8 { let t: gp8; mov t, [T - 1]; return t; }",
        ),
        (
            OutOfBounds,
            "const T: [u8; 4] = [1, 2, 3, 4]; fn f() -> u64 { let t: gp64; mov t, [T]; return t; }",
        ),
        (OutOfBounds, "fn f() { let b: [u8; 16]; mov byte [b + 16], 1; }"),
        (OutOfBounds, "fn f() { let b: [u8; 16]; mov byte [b - 1], 1; }"),
        (OutOfBounds, "fn f() { let b: [u8; 16]; mov dword [b + 13], 1; }"),
        (OutOfBounds, "fn f() { let b: u32; mov qword [b], 1; }"),
        (OutOfBounds, "fn f() { let b: [u8; 16]; for i in 0..=16 { mov byte [b + i], 1; } }"),
        (OutOfBounds, "fn f(v: f32) { let b: [f32; 3]; movups [b], v; }"),
        (
            OutOfBounds,
            "inline fn put(p: operand) { mov dword [p + 16], 1; } fn f(x: &mut [u32; 4]) { put(x); }",
        ),
        (OutOfBounds, "fn f(x: &mut [u32; 2]) { let p: gp64 = x; mov dword [p + 8], 1; }"),
        (OutOfBounds, "fn f(x: &mut [u32; 4], y: &mut [u32; 2]) { x = y; mov dword [x + 8], 1; }"),
    ]);
}

#[test]
fn writes_to_what_is_shared_or_constant() {
    refuse(&[
        (NeedsUnsafe, "fn f(x: &u32) { mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &[u32; 4]) { add dword [x + 4], 1; }"),
        (NeedsUnsafe, "fn f(x: &[f32; 4], v: f32) { movss [x], v; }"),
        (NeedsUnsafe, "fn f(x: &u32) { let t: gp32 = 1; xchg [x], t; }"),
        (NeedsUnsafe, "fn f(x: &u32) { let t: gp32 = 1; xadd [x], t; }"),
        (NeedsUnsafe, "fn f(x: &u32) { let t: gp32 = 1; eax = 0; cmpxchg [x], t; }"),
        (NeedsUnsafe, "fn f(x: &u64) { push 1; pop qword [x]; }"),
        (NeedsUnsafe, "fn f(x: &u8) { cmp x, 0; sete byte [x]; }"),
        (NeedsUnsafe, "fn f(x: &u32) { lock inc dword [x]; }"),
        (NeedsUnsafe, "fn f(x: &u32) { stmxcsr [x]; }"),
        (NeedsUnsafe, "fn f(x: &u32) { btr dword [x], 3; }"),
        (NeedsUnsafe, "fn f<'a>(x: &'a u32) { mov dword [x], 1; }"),
        (NeedsUnsafe, "fn f(x: &u32) { let p: gp64 = x; mov dword [p], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, y: &u32) { x = y; mov dword [x], 1; }"),
        (NeedsUnsafe, "const T: [u8; 4] = [1, 2, 3, 4]; fn f() { mov byte [T], 1; }"),
        (NeedsUnsafe, "const T: [u8; 4] = [1, 2, 3, 4]; fn f() { inc byte [T]; }"),
        (NeedsUnsafe, "const T: [u32; 4] = [1, 2, 3, 4]; fn f() { lock inc dword [T]; }"),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"avx512f\")] fn f(x: &[f32; 16], v: f32) { kxnorw k1, k1, k1; vbroadcastss zmm1, v; vmovups [x]{k1}, zmm1; }",
        ),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"avx\")] fn f(x: &[f32; 4], v: f32) { vmaskmovps [x], v, v; }",
        ),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"sse4.1\")] fn f(x: &u8, v: f32) { pextrb [x], v, 0; }",
        ),
    ]);
}

#[test]
fn addresses_that_are_not_aligned() {
    refuse(&[
        (NeedsUnsafe, "fn f(x: &[f32; 4]) -> f32 { let v: xmm; movaps v, [x]; return v; }"),
        (NeedsUnsafe, "fn f(x: &[f64; 2]) -> f32 { let v: xmm; movapd v, [x]; return v; }"),
        (NeedsUnsafe, "fn f(x: &[u8; 16]) -> f32 { let v: xmm; movdqa v, [x]; return v; }"),
        (NeedsUnsafe, "fn f(x: &mut [f32; 4], v: f32) { movaps [x], v; }"),
        (NeedsUnsafe, "fn f(x: &mut [f32; 4], v: f32) { movntps [x], v; }"),
        (NeedsUnsafe, "fn f(x: &[f32; 4], v: f32) -> f32 { addps v, [x]; return v; }"),
        (NeedsUnsafe, "fn f(x: &[u32; 4], v: f32) -> f32 { pxor v, [x]; return v; }"),
        (NeedsUnsafe, "fn f(v: f32) { let b: [f32; 4]; movaps [b], v; }"),
        (NeedsUnsafe, "fn f(v: f32) { let b: [f32; 8] align 16; movaps [b + 8], v; }"),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"avx2\")] fn f(v: f32) { let b: [f32; 16] align 16; vbroadcastss ymm1, v; vmovaps [b], ymm1; }",
        ),
        (
            NeedsUnsafe,
            "const T: [f32; 8] = [1.0; 8]; fn f(v: f32) -> f32 { addps v, [T + 4]; return v; }",
        ),
        (
            NeedsUnsafe,
            "const T: [u8; 16] align 4 = [1; 16]; fn f(v: f32) -> f32 { addps v, [T]; return v; }",
        ),
        (NeedsUnsafe, "fn f(x: &mut [u8; 8]) { lock inc dword [x]; }"),
        (NeedsUnsafe, "fn f(x: &mut [u32; 4]) { lock inc qword [x]; }"),
        (NeedsUnsafe, "fn f(x: &mut [u32; 4]) { lock inc dword [x + 2]; }"),
        (NeedsUnsafe, "fn f(x: &mut [u8; 8]) { let t: gp32 = 1; xchg [x], t; }"),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"cmpxchg16b\")] fn f(x: &mut [u64; 2]) { rax = 0; rbx = 0; rcx = 0; rdx = 0; lock cmpxchg16b [x]; }",
        ),
    ]);
}

#[test]
fn stack_memory_that_is_not_written() {
    refuse(&[
        (
            UninitializedMemory,
            "fn f() -> u8 { let b: [u8; 16]; let t: gp8; mov t, [b]; return t; }",
        ),
        (UninitializedMemory, "fn f() -> u32 { let b: u32; let t: gp32; mov t, [b]; return t; }"),
        (
            UninitializedMemory,
            "fn f() -> u32 { let b: u32; let t: gp32; mov byte [b], 1; mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u32 { let b: u32; let t: gp32; mov byte [b], 1; mov word [b + 2], 1; mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u32 { let b: [u32; 2]; let t: gp32; mov dword [b + 4], 1; mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u32 { let b: [u32; 2]; let t: gp32; mov dword [b], 1; mov t, [b + 1]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u32 { let a: u32; let b: u32; let t: gp32; mov dword [a], 1; mov t, [b]; return t; }",
        ),
        (UninitializedMemory, "fn f() { let b: u32; add dword [b], 1; }"),
        (UninitializedMemory, "fn f() { let b: u32; lock inc dword [b]; }"),
        (UninitializedMemory, "fn f() { let b: u32; let t: gp32 = 1; xchg [b], t; }"),
        (UninitializedMemory, "fn f() { let b: u64; push qword [b]; pop rax; }"),
        (UninitializedMemory, "fn f() { let b: u32; cmp dword [b], 1; }"),
        (
            UninitializedMemory,
            "fn f() -> f32 { let b: [f32; 4]; let v: xmm; movups v, [b]; return v; }",
        ),
        (
            UninitializedMemory,
            "fn f(v: f32) -> f32 { let b: [f32; 4]; movss [b], v; movups v, [b]; return v; }",
        ),
        (
            UninitializedMemory,
            "fn f(v: f32) -> f32 { let b: [f32; 5]; movups [b], v; movups v, [b + 4]; return v; }",
        ),
        (
            UninitializedMemory,
            "fn f(n: u32) -> u32 { let b: u32; let t: gp32; test n, n; jz 'a; mov dword [b], 1; 'a: mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f(n: u32) -> u32 { let b: u32; let t: gp32; 'l: { test n, n; jz break 'l; mov dword [b], 1; dec n; jmp continue 'l; } mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f(n: u32) -> u32 { let b: u32; let t: gp32; jmp 'b; 'a: mov dword [b], 1; 'b: mov t, [b]; dec n; jnz 'a; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f(n: u32) -> u32 { let b: u32; let t: gp32 = 0; 'l: { add t, [b]; mov dword [b], 1; dec n; jnz continue 'l; } return t; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u32 { let b: u32; let t: gp32; unsafe { lea rax, [b]; mov dword [rax], 1; } mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f(i: u64) -> u32 { let b: [u32; 2]; let t: gp32; unsafe { mov dword [b + i*4], 1; } mov t, [b]; return t; }",
        ),
        (
            UninitializedMemory,
            "#[target_feature(enable = \"avx\")] fn f(v: f32) -> f32 { let b: [f32; 4]; vmaskmovps [b], v, v; movups v, [b]; return v; }",
        ),
        (
            UninitializedMemory,
            "#[target_feature(enable = \"avx512f\")] fn f(v: f32) -> f32 { let b: [f32; 16]; kxnorw k1, k1, k1; vbroadcastss zmm1, v; vmovups [b]{k1}, zmm1; movups v, [b]; return v; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u8 { let b: [u8; 512] align 16; let t: gp8; fxsave64 [b]; mov t, [b + 500]; return t; }",
        ),
        (UninitializedMemory, "fn f() { let b: u32; eax = 0; ecx = 1; cmpxchg [b], ecx; }"),
        (
            UninitializedMemory,
            "fn f() -> u8 { let b: [u8; 4]; let t: gp8; for i in 0..3 { mov byte [b + i], 1; } mov t, [b + 3]; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f(x: &mut u32) -> u32 { let b: u32; let t: gp32; stream s { mov dword [b], 1; mov dword [x], 1; } t = 0; mov t, [b]; issue s, ..; return t; }",
        ),
        (
            UninitializedMemory,
            "fn f() -> u32 { let b: u32; mov dword [b], 1; { let b: u32; let t: gp32; mov t, [b]; return t; } }",
        ),
    ]);
}

#[test]
fn registers_that_are_not_written() {
    refuse(&[
        (Uninitialized, "fn f() -> u32 { let t: gp32; return t; }"),
        (Uninitialized, "fn f() -> u64 { return rbx; }"),
        (Uninitialized, "fn f() -> u64 { let t: gp64; mov t, r12; return t; }"),
        (Uninitialized, "fn f() { push rbx; pop rbx; }"),
        (Uninitialized, "fn f(x: u64) -> u64 { return rdi; }"),
        (Uninitialized, "fn f(x: u64) -> u64 { return rcx; }"),
        (Uninitialized, "fn f(x: u8) -> u32 { return x.gp32; }"),
        (Uninitialized, "fn f(x: u8) -> u32 { let t: gp32; mov t, x.gp32; return t; }"),
        (Uninitialized, "fn f(x: u32) -> u64 { let t: gp64; mov t, x.gp64; return t; }"),
        (Uninitialized, "fn f(x: bool) -> u32 { let t: gp32; mov t, x.gp32; return t; }"),
        (Uninitialized, "fn f(x: u16) -> u32 { let t: gp32 = x.gp32; return t; }"),
        (
            Uninitialized,
            "fn f(x: u32) -> u32 { let t: gp32; test x, x; jz 'a; mov t, 1; 'a: return t; }",
        ),
        (Uninitialized, "fn f(x: u32) -> u32 { let t: gp32; mov t.gp8, 1; return t; }"),
        (
            Uninitialized,
            "fn f(x: u32) -> u32 { let t: gp32; mov t.gp8, 1; mov t.gp8h, 1; return t; }",
        ),
        (Uninitialized, "fn f(x: u32) -> u32 { let t: gp32; cmp x, 1; cmove t, x; return t; }"),
        (Uninitialized, "fn f(x: u32) -> u32 { let t: gp32; cmp x, 1; sete t.gp8; return t; }"),
        (Uninitialized, "fn f(x: u32) -> u32 { let t: gp32; let u: gp32 = t; return u; }"),
        (
            Uninitialized,
            "fn f(x: i32) -> f32 { let v: xmm; let w: xmm; cvtsi2ss v, x; w = v; addps w, w; return w; }",
        ),
        (
            Uninitialized,
            "fn f(x: &f32, y: f32) -> f32 { let v: xmm; sqrtss v, y; addps v, v; return v; }",
        ),
        (
            Uninitialized,
            "#[target_feature(enable = \"avx\")] fn f(y: f32) -> f32 { let v: ymm; movaps v.xmm, y; vaddps v, v, v; return v.xmm; }",
        ),
        (Uninitialized, "fn f() -> u64 { unsafe { call sym other; return rcx; } }"),
        (
            Uninitialized,
            "fn f() -> u64 { rsi = 1; unsafe { call sym other; } r10 = 1; return r11; }",
        ),
        (
            Uninitialized,
            "fn f(n: u32) -> u32 { let t: gp32; 'l: { dec n; jz break 'l; mov t, 1; jmp continue 'l; } return t; }",
        ),
    ]);
}

#[test]
fn the_stack_pointer() {
    refuse(&[
        (NeedsUnsafe, "fn f() -> u64 { return rsp; }"),
        (NeedsUnsafe, "fn f() -> u64 { let t: gp64; mov t, rsp; return t; }"),
        (NeedsUnsafe, "fn f() -> u64 { let t: gp64 = rsp; return t; }"),
        (NeedsUnsafe, "fn f() -> u64 { let t: gp64; lea t, [rsp + 8]; return t; }"),
        (NeedsUnsafe, "fn f() -> u64 { let t: gp64; mov t, [rsp]; return t; }"),
        (NeedsUnsafe, "fn f() { mov qword [rsp], 1; }"),
        (NeedsUnsafe, "fn f() { push rsp; pop rax; }"),
        (NeedsUnsafe, "fn f() { cmp rsp, 0; }"),
        (NeedsUnsafe, "fn f() { push 1; mov rax, [rsp]; pop rcx; }"),
        (Refused, "fn f() { add rsp, 8; }"),
        (Refused, "fn f() { unsafe { add rsp, 8; } }"),
        (Refused, "fn f() { unsafe { mov rsp, rax; } }"),
        (Refused, "fn f(x: u64) { unsafe { xchg x, rsp; } }"),
        (Refused, "fn f() { unsafe { lea rsp, [rsp - 8]; } }"),
        (Refused, "fn f(x: u64) { unsafe { rsp = x; } }"),
        (Refused, "fn f() { unsafe { rsp = 0; } }"),
        (Refused, "fn f() { push 1; unsafe { pop rsp; } }"),
        (Refused, "fn f() { unsafe { rbp = 0; leave; } }"),
        (Refused, "fn f() { unsafe { mov esp, 0; } }"),
        (Refused, "fn f() { unsafe { mov spl, 0; } }"),
        (UnbalancedStack, "fn f() { push 1; }"),
        (UnbalancedStack, "fn f() { pop rax; }"),
        (UnbalancedStack, "fn f() { pop rax; push rax; }"),
        (UnbalancedStack, "fn f() { push 1; pop rax; pop rcx; }"),
        (UnbalancedStack, "fn f() { push 1; pop ax; }"),
        (UnbalancedStack, "fn f(n: u32) { test n, n; jz 'a; push 1; 'a: pop rax; }"),
        (UnbalancedStack, "fn f(n: u32) { 'l: { push 1; dec n; jnz continue 'l; } pop rax; }"),
        (UnbalancedStack, "fn f(n: u32) { push 1; test n, n; jz 'a; return; 'a: pop rax; }"),
        (UnbalancedStack, "fn f() { unsafe { pop rax; } }"),
    ]);
}

#[test]
fn instructions_that_are_not_harmless() {
    let bodies = [
        "let a: gp32 = 0; eax = 1; edx = 0; div a;",
        "let a: gp32 = 1; eax = 1; edx = 1; div a;",
        "let a: gp32 = -1; eax = -0x8000_0000; cdq; idiv a;",
        "db 0x0f, 0x0b;",
        "db 0x90;",
        "call sym other;",
        "rax = 0; call rax;",
        "rax = 0; jmp rax;",
        "let b: u64; mov qword [b], 0; call [b];",
        "let b: u64; mov qword [b], 0; jmp [b];",
        "std;",
        "pushfq; popfq;",
        "let b: u32; mov dword [b], 0; ldmxcsr [b];",
        "rsi = 0; rdi = 0; movsb;",
        "rsi = 0; rdi = 0; rcx = 0; rep movsb;",
        "rdi = 0; rcx = 0; al = 0; rep stosb;",
        "rsi = 0; rdi = 0; rcx = 0; rep movs byte [rdi], byte [rsi];",
        "edi = 0; al = 0; stos byte [edi], al;",
        "rsi = 0; lods al, byte fs:[rsi];",
        "rsi = 0; lodsb;",
        "rsi = 0; rdi = 0; cmpsb;",
        "rdi = 0; al = 0; scasb;",
        "rbx = 0; al = 0; xlatb;",
        "rdi = 0; xorps xmm0, xmm0; maskmovdqu xmm0, xmm0;",
        "syscall;",
        "hlt;",
        "eax = 0; out 0x80, al;",
        "in al, 0x80;",
        "ecx = 0; rdmsr;",
        "ecx = 0; rdpmc;",
        "int 0x80;",
        "cli;",
        "sti;",
        "eax = 0; mov ds, ax;",
        "eax = 0; mov gs, ax;",
        "let b: [u8; 512] align 16; mov byte [b], 0; fxrstor64 [b];",
        "let b: [u64; 2]; mov qword [b], 0; lgdt [b];",
        "let b: [u64; 2]; sgdt [b];",
        "fldz;",
        "fld1; fstp st0;",
        "wait;",
    ];
    let programs: Vec<_> = bodies.iter().map(|body| format!("fn f() {{ {body} }}")).collect();
    // Some of them may be refused altogether, which is as good.
    for program in &programs {
        for native in [&SYSV64, &WIN64] {
            let diagnostics = diagnose(program, native);
            let errors = errors(&diagnostics);
            let harmless = !errors.iter().any(|d| {
                matches!(
                    d.code,
                    NeedsUnsafe | Refused | Code::MissingExtension | Code::UnknownMnemonic
                )
            });
            assert!(!harmless, "{program} was accepted: {}", list(&errors));
        }
    }
}

#[test]
fn instructions_that_need_an_extension_and_are_not_harmless() {
    let attack = |features: &str, body: &str| {
        let source = format!(
            "#[target_feature(enable = \"{features}\")] fn f(x: &[u32; 16], y: &mut [u32; 16], v: f32) {{ {body} }}"
        );
        let diagnostics = diagnose(&source, &SYSV64);
        let errors = errors(&diagnostics);
        assert!(errors.iter().any(|d| d.code == NeedsUnsafe), "{source}\n{}", list(&errors));
    };
    attack(
        "avx2",
        "xorps xmm1, xmm1; pcmpeqd xmm2, xmm2; xorps xmm3, xmm3; vpgatherdd xmm3, [x + xmm1*4], xmm2;",
    );
    attack(
        "avx512f",
        "kxnorw k1, k1, k1; vpxord zmm1, zmm1, zmm1; vpxord zmm2, zmm2, zmm2; vpgatherdd zmm2{k1}, [x + zmm1*4];",
    );
    attack(
        "avx512f",
        "kxnorw k1, k1, k1; vpxord zmm1, zmm1, zmm1; vpscatterdd [y + zmm1*4]{k1}, zmm1;",
    );
    attack("avx", "rdi = 0; vmaskmovdqu v, v;");
    attack("avx", "let b: u32; mov dword [b], 0; vldmxcsr [b];");
    attack("fsgsbase", "rax = 0; wrfsbase rax;");
    attack("fsgsbase", "rdfsbase rax;");
    attack("rtm", "xbegin 'a; 'a: xend;");
    attack("xsave", "ecx = 0; xgetbv;");
    attack("movdir64b", "rax = 0; movdir64b rax, [x];");
}

#[test]
fn mmx_state() {
    refuse(&[
        (NeedsUnsafe, "fn f(x: &u64) { movq mm0, [x]; }"),
        (
            NeedsUnsafe,
            "fn f(x: &u64) -> u64 { let m: mm; let t: gp64; movq m, [x]; paddb m, m; movq t, m; return t; }",
        ),
        (NeedsUnsafe, "fn f(x: &u64, n: u32) { movq mm0, [x]; test n, n; jz 'a; emms; 'a: }"),
        (
            NeedsUnsafe,
            "fn f(x: &u64, n: u32) { 'l: { emms; movq mm0, [x]; dec n; jnz continue 'l; } }",
        ),
        (NeedsUnsafe, "fn f(x: &u64) { emms; movq mm0, [x]; return; }"),
        (NeedsUnsafe, "fn f(x: &u64, v: f64) { movdq2q mm0, v; }"),
        (NeedsUnsafe, "fn f(v: f64) -> f64 { movdq2q mm0, v; movq2dq v, mm0; return v; }"),
    ]);
}

#[test]
fn stores_that_are_not_ordered() {
    refuse(&[
        (NeedsUnsafe, "fn f(x: &mut u32, y: u32) { movnti [x], y; }"),
        (NeedsUnsafe, "fn f(x: &mut u128, v: f32) { movntps [x], v; }"),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, y: u32) { test y, y; jz 'a; movnti [x], y; return; 'a: sfence; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32, y: u32) { 'l: { sfence; movnti [x], y; dec y; jnz continue 'l; } }",
        ),
    ]);
    accept(&[
        "fn f(x: &mut u32, y: u32) { movnti [x], y; sfence; }",
        "fn f(x: &mut u32, y: u32) { 'l: { movnti [x], y; dec y; jnz continue 'l; } mfence; }",
        "fn f(x: &mut u32, y: u32) { movnti [x], y; lock inc dword [x]; }",
        "fn f(y: u32) { let b: u32; movnti [b], y; }",
        "fn f(x: &mut u32, y: u32) { unsafe { movnti [x], y; } }",
    ]);
}

#[test]
fn results_that_are_not_valid() {
    refuse(&[
        (OutOfRange, "fn f() -> bool { return 2; }"),
        (OutOfRange, "fn f() -> bool { return -1; }"),
        (InvalidValue, "fn f(x: u8) -> bool { return x; }"),
        (InvalidValue, "fn f(x: u32) -> bool { return x.gp8; }"),
        (InvalidValue, "fn f() -> bool { let t: gp8 = 2; return t; }"),
        (InvalidValue, "fn f() -> bool { let t: gp8; mov t, 3; return t; }"),
        (InvalidValue, "fn f(x: bool) -> bool { inc x; return x; }"),
        (InvalidValue, "fn f(x: bool) -> bool { not x; return x; }"),
        (InvalidValue, "fn f(x: bool) -> bool { neg x; return x; }"),
        (InvalidValue, "fn f(x: bool) -> bool { add x, x; return x; }"),
        (InvalidValue, "fn f(x: bool) -> bool { xor x, 2; return x; }"),
        (InvalidValue, "fn f(x: bool, y: u8) -> bool { or x, y; return x; }"),
        (InvalidValue, "fn f(x: u32) -> bool { cmp x, 1; sete al; add al, 1; return al; }"),
        (
            InvalidValue,
            "fn f(x: u32) -> bool { let t: gp8; cmp x, 1; sete t; test x, x; jz 'a; t = 7; 'a: return t; }",
        ),
        (InvalidValue, "fn f(x: u32) -> bool { cmp x, 1; sete ah; al = 5; return al; }"),
        (BadReturn, "fn f(x: u32) -> bool { cmp x, 1; sete al; mov ah, 1; return ah; }"),
        (
            InvalidValue,
            "fn f(x: u32) -> bool { cmp x, 1; sete al; ecx = 9; xchg al, cl; return al; }",
        ),
        (InvalidValue, "fn f(x: &u8) -> bool { let t: gp8; mov t, [x]; return t; }"),
        (
            InvalidValue,
            "fn f(x: u8) -> bool { let t: gp8; let b: u8; mov [b], x; mov t, [b]; return t; }",
        ),
        (InvalidValue, "fn f(x: u8) -> bool { let t: gp32; movzx t, x; return t.gp8; }"),
        (InvalidValue, "fn f(x: u8) -> bool { and x, 3; return x; }"),
        (
            InvalidValue,
            "fn f(x: u8, y: bool) -> bool { cmp x, 1; cmove y.gp32, x.gp32; return y; }",
        ),
        (InvalidValue, "fn f(x: u32) -> char { return x; }"),
        (InvalidValue, "fn f() -> char { return 0xD800; }"),
        (OutOfRange, "fn f() -> char { return 0x110000; }"),
        (InvalidValue, "fn f() -> char { let t: gp32 = 0xDFFF; return t; }"),
        (InvalidValue, "fn f(c: char) -> char { inc c; return c; }"),
        (InvalidValue, "fn f(c: char) -> char { or c, 0x20; return c; }"),
        (InvalidValue, "fn f(c: u16) -> char { let t: gp32; movzx t, c; return t; }"),
        (InvalidValue, "fn f(x: usize) -> NonNull<u8> { return x; }"),
        (InvalidValue, "fn f() -> NonNull<u8> { let t: gp64; xor t, t; return t; }"),
        (InvalidValue, "fn f() -> NonNull<u8> { return 1; }"),
        (InvalidValue, "fn f(x: *mut u8) -> NonNull<u8> { return x; }"),
        (InvalidValue, "fn f(x: Option<NonNull<u8>>) -> NonNull<u8> { return x; }"),
        (InvalidValue, "fn f(x: NonNull<u16>) -> NonNull<u8> { return x; }"),
        (InvalidValue, "fn f(x: NonNull<u8>) -> NonNull<u8> { add x, 1; return x; }"),
        (InvalidValue, "fn f(x: u64) -> &'static u32 { return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a u32) -> &'static u32 { return x; }"),
        (InvalidValue, "fn f<'a, 'b>(x: &'a u32, y: &'b u32) -> &'a u32 { return y; }"),
        (InvalidValue, "fn f<'a>(x: &'a u32, y: &u32) -> &'a u32 { return y; }"),
        (
            InvalidValue,
            "fn f<'a, 'b>(x: &'a u32, y: &'b u32, n: u32) -> &'a u32 { test n, n; jz 'l; x = y; 'l: return x; }",
        ),
        (InvalidValue, "fn f<'a>(x: &'a u32) -> &'a mut u32 { return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a u32) -> &'a u64 { return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a [u32; 2]) -> &'a [u32; 4] { return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a u32) -> &'a u32 { add x, 4; return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a u32) -> &'a u32 { add x, 4; return x; }"),
        (InvalidValue, "fn f() -> &'static u8 { let b: u8; let t: gp64; lea t, [b]; return t; }"),
        (
            InvalidValue,
            "const T: [u8; 4] = [1, 2, 3, 4]; fn f() -> &'static u8 { let t: gp64; lea t, [T]; return t; }",
        ),
        (InvalidValue, "fn f() -> &'static u8 { let t: gp64; mov t, sym STATIC; return t; }"),
        (InvalidValue, "fn f(x: u64) -> Option<&'static u32> { return x; }"),
        (InvalidValue, "fn f<'a>(x: Option<&'a u32>) -> &'a u32 { return x; }"),
        (InvalidValue, "fn f(x: u64) -> fn() { return x; }"),
        (InvalidValue, "fn f(x: fn(u32)) -> fn() { return x; }"),
        (InvalidValue, "fn f() -> fn() { let t: gp64; mov t, sym other; return t; }"),
        (
            InvalidValue,
            "fn f(x: &mut &'static u32) -> &'static u32 { let t: gp64; unsafe { mov t, [x]; } return t; }",
        ),
        (InvalidValue, "fn f<'a>(x: &'a u32, y: u64) -> &'a u32 { unsafe { x = y; } return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a mut u32) -> (&'a mut u32, &'a mut u32) { return (x, x); }"),
        (
            InvalidValue,
            "fn f<'a>(x: &'a mut u32) -> (&'a mut u32, &'a mut u32) { let y: gp64 = x; return (x, y); }",
        ),
        (
            InvalidValue,
            "fn f<'a>(x: Option<&'a mut u32>) -> (Option<&'a mut u32>, Option<&'a mut u32>) { return (x, x); }",
        ),
    ]);
}

#[test]
fn versions_helpers_and_streams_do_not_hide_anything() {
    refuse(&[
        (
            NeedsUnsafe,
            "#[version(enable = \"avx2\", N = 4)] #[version(enable = \"sse2\", N = 0)] fn f(x: &mut [u32; 1]) { if N == 4 { mov dword [x], 1; } else { add x, 4; mov dword [x], 1; } }",
        ),
        (
            OutOfBounds,
            "#[version(enable = \"avx2\", N = 4)] #[version(enable = \"sse2\", N = 0)] fn f(x: &mut [u32; 1]) { mov dword [x + N], 1; }",
        ),
        (
            NeedsUnsafe,
            "inline fn load(p: gp64) -> gp32 { let t: gp32; mov t, [p]; return t; } fn f(p: *const u32) -> u32 { let t = load(p); return t; }",
        ),
        (
            NeedsUnsafe,
            "inline fn again(p: gp64, n: const) { mov dword [p], 1; if n > 0 { again(p, n - 1); } } fn f(p: *mut u32) { again(p, 3); }",
        ),
        (
            NeedsUnsafe,
            "inline fn go(op: mnemonic, p: operand) { op p, 1; } fn f(p: *mut u32) { go(mov, dword [p]); }",
        ),
        (
            NeedsUnsafe,
            "fn f(p: *mut u32) { stream s { mov dword [p], 1; } unsafe { nop; } interleave s; }",
        ),
        (NeedsUnsafe, "fn f(p: *mut u32) { stream s { mov dword [p], 1; } emit s[0]; issue s; }"),
        (
            NeedsUnsafe,
            "for N in 1..=2 { fn f_{N}(x: &mut [u32; N]) { mov dword [x + 4*N - 4], 1; add x, 4; mov dword [x], 1; } }",
        ),
        (
            NeedsUnsafe,
            "fn f(i: u64) { const T: [label; 2] = ['a, 'b]; let t: gp64; lea t, [T]; jmp t, T; 'a: 'b: }",
        ),
        (
            NeedsUnsafe,
            "fn f(i: u64) { const T: [label; 2] = ['a, 'b]; mov dword [T], 0; unsafe { lea i, [T]; jmp i, T; } 'a: 'b: }",
        ),
    ]);
}

#[test]
fn versions_agree_on_types() {
    let versions = |length: &str| {
        format!(
            "#[version(enable = \"avx2\", W = 1)] #[version(enable = \"sse2\", W = 100)] fn f(x: &mut [u32; {length}]) {{ mov dword [x + 4*{length} - 4], 1; }}"
        )
    };
    for native in [&SYSV64, &WIN64] {
        let diagnostics = diagnose(&versions("W"), native);
        assert!(diagnostics.iter().any(|d| d.code == Code::BadSignature));
        assert!(!diagnose(&versions("4"), native).has_errors());
    }
}

/// The generated items must not be redirected: `type u32 = u8;` and `const N: usize = 1000;` may
/// stand in the module around.
#[test]
fn generated_types_are_what_was_proven() {
    let source =
        "const N = 4; pub fn f<'a>(x: &'a [u32; N], y: &bool) -> &'a [u32; N] { return x; }";
    let tokens = proc_macro2::TokenStream::from_str(source).expect("the test's own tokens");
    let items = rust::items(&pipeline::compile(tokens, &SYSV64), RustOptions::default());
    let text = items.to_string().replace(' ', "");
    let (_, after) = text.split_once("fnf<'a>(x:").expect("the function");
    let primitive = "::peach_runtime::__private::core::primitive";
    let array = format!("&'a[{primitive}::u32;4]");
    assert!(after.starts_with(&format!("{array},y:&{primitive}::bool)->{array}")), "{after}");
}

#[test]
fn memory_that_is_proven() {
    accept(&[
        "#[target_feature(enable = \"sse4.1\")] pub fn dot4(x: &[f32; 4], y: &[f32; 4]) -> f32 { let v: xmm; movups v, [x]; movups xmm2, [y]; dpps v, xmm2, 0xF1; return v; }",
        "fn f(x: &u32) -> u32 { let t: gp32; mov t, [x]; return t; }",
        "fn f(x: &mut u32) { mov dword [x], 1; }",
        "fn f(x: &mut u32) { add dword [x], 1; lock inc dword [x]; }",
        "fn f(x: &mut u32) { let t: gp32 = 5; xchg [x], t; }",
        "fn f(x: &[u32; 4]) -> u32 { let t: gp32; mov t, [x + 12]; return t; }",
        "fn f(x: &[u32; 4]) -> u64 { let t: gp64; mov t, [x + 8]; return t; }",
        "const N = 4; fn f(x: &[u32; N]) -> u32 { let t: gp32; mov t, [x + 4*N - 4]; return t; }",
        "fn f<'a>(x: &'a [u8; 16]) -> u8 { let t: gp8; mov t, [x + 15]; return t; }",
        "fn f(x: &[f64; 2], v: f64) -> f64 { mulsd v, [x + 8]; return v; }",
        "fn f(x: &mut [f32; 4], v: f32) { movups [x], v; }",
        "#[target_feature(enable = \"avx\")] fn f(x: &[f32; 8], y: &mut [f32; 8]) { let v: ymm; vmovups v, [x]; vaddps v, v, [y]; vmovups [y], v; }",
        "#[target_feature(enable = \"avx512f\")] fn f(x: &mut [f32; 16], v: f32) { kxnorw k1, k1, k1; vbroadcastss zmm1, v; vaddps zmm1, zmm1, [x + 60]{1to16}; vmovups [x]{k1}, zmm1; }",
        "fn f(x: &mut [u32; 4], n: u32) { 'l: { add dword [x], 1; dec n; jnz continue 'l; } }",
        "fn f(x: &mut u32, n: u32) { test n, n; jz 'a; mov dword [x], 1; 'a: mov dword [x], 2; }",
        "fn f(x: &mut u32, y: u64) { let p: gp64; p = x; mov dword [p], 1; add p, 4; mov dword [x], 1; }",
        "fn f(x: &mut u32) { mov dword [x], 1; add x, 4; }",
        "fn f(x: &mut u32, y: &mut u32) { let (x, y) = (y, x); mov dword [x], 1; mov dword [y], 2; }",
        "fn f(x: &mut [u32; 4]) { for i in 0..4 { mov dword [x + 4*i], i; } }",
        "fn f(x: &u64) -> u64 { push x; pop x; lea rax, [x + 8*x + 100]; return rax; }",
        "fn f(x: &u64) { prefetcht0 [x + 4096]; }",
        "fn f(p: *const u8, i: u64) -> u64 { let t: gp64; lea t, [p + i*8 + 3]; return t; }",
        "fn f(x: &u64) -> u64 { push qword [x]; pop rax; return rax; }",
        "const T: [u8; 4] = [1, 2, 3, 4]; fn f() -> u8 { let t: gp8; mov t, [T + 3]; return t; }",
        "const T: [f32; 8] = [1.0; 8]; fn f(v: f32) -> f32 { addps v, [T + 16]; return v; }",
        "fn f(v: f32) -> f32 { addps v, f32x4(0.5); mulss v, f32(2.0); return v; }",
        "fn f() -> u64 { let t: gp64; lea t, u64(1); return t; }",
        "fn f() { let b: [u8; 16]; mov byte [b + 15], 1; }",
        "fn f() -> u32 { let b: u32; let t: gp32; mov dword [b], 5; mov t, [b]; return t; }",
        "fn f() -> u32 { let b: u32; let t: gp32; mov word [b], 1; mov word [b + 2], 1; mov t, [b]; return t; }",
        "fn f() -> u32 { let b: [u8; 8]; let t: gp32; for i in 0..8 { mov byte [b + i], i; } mov t, [b + 3]; return t; }",
        "fn f(n: u32) -> u32 { let b: u32; let t: gp32; test n, n; jz 'a; mov dword [b], 1; jmp 'b; 'a: mov dword [b], 2; 'b: mov t, [b]; return t; }",
        "fn f(n: u32) -> u32 { let b: u32; let t: gp32; 'l: { mov [b], n; dec n; jnz continue 'l; } mov t, [b]; return t; }",
        "fn f(v: f32) -> f32 { let b: [f32; 4] align 16; movaps [b], v; addps v, [b]; return v; }",
        "fn f(v: f32) -> f32 { let b: [f32; 8] align 64; movaps [b + 16], v; addps v, [b + 16]; return v; }",
        "fn f() { let b: [u8; 1000000]; mov byte [b + 999999], 1; }",
        "fn f(i: u64) -> u32 { let b: [u32; 4]; let t: gp32; unsafe { mov [b + i*4], i.gp32; mov t, [b + i*4]; } return t; }",
        "fn f(p: *const u32) -> u32 { let t: gp32; unsafe { mov t, [p]; } return t; }",
        "unsafe fn f(p: *const u32) -> u32 { let t: gp32; mov t, [p]; return t; }",
        "fn f(a: u64, b: u64, c: u64, d: u64, e: u64, g: u64, x: &u32, y: &mut [f32; 4]) -> u32 { let t: gp32; mov t, [x]; mov [y + 8], t; return t; }",
    ]);
}

#[test]
fn registers_and_flow_that_are_fine() {
    accept(&[
        "fn f() { }",
        "fn f() { return; }",
        "fn f() -> u32 { return 5; }",
        "fn f(x: u8) -> u8 { return x; }",
        "fn f(x: u8) -> u32 { let t: gp32; movzx t, x; return t; }",
        "fn f(x: u32) -> u64 { mov x, x; return x.gp64; }",
        "fn f(x: i32) -> i64 { let t: gp64; movsxd t, x; return t; }",
        "fn f(x: f32) -> f32 { addps x, x; return x; }",
        "fn f(x: i32) -> f32 { let v: xmm; cvtsi2ss v, x; return v; }",
        "fn f(x: i32) -> f32 { let v: xmm; let w: xmm; cvtsi2ss v, x; w = v; addss w, w; return w; }",
        "fn f(x: f32) -> f32 { let v: xmm; sqrtss v, x; return v; }",
        "fn f() -> u64 { let t: gp64; xor t, t; return t; }",
        "fn f() -> u64 { let t: gp64; sbb t, t; return t; }",
        "fn f() -> u32 { let t: gp32; xor t, t; cmp t, 1; sete t.gp8; return t; }",
        "fn f(x: u64, y: u64) -> u64 { rax = x; mul y; return rdx; }",
        "fn f(x: u32, n: u8) -> u32 { cl = n; shl x, cl; return x; }",
        "fn f(x: u32, n: u8) -> u32 { shl x, n; return x; }",
        "fn f(n: u64) -> u64 { let s: gp64 = 0; 'l: { add s, n; dec n; jnz continue 'l; } return s; }",
        "fn f(n: u64) { push n; push n; pop rax; pop rcx; }",
        "fn f(n: u64) { test n, n; jz 'a; push n; pop rax; 'a: }",
        "fn f() { pushfq; pop rax; }",
        "fn f() { cld; lfence; mfence; pause; }",
        "fn f() { ud2; }",
        "fn f(n: u32) { test n, n; jz 'a; int3; 'a: }",
        "fn f() -> u64 { rdtsc; shl rdx, 32; or rax, rdx; return rax; }",
        "fn f() -> u32 { eax = 1; ecx = 0; cpuid; return edx; }",
        "fn f() -> u64 { unsafe { return rsp; } }",
        "fn f() -> u64 { let t: gp64; unsafe { lea t, [rsp + 8]; } return t; }",
        "fn f(x: u64) -> u64 { unsafe { rax = x; call rax; return rax; } }",
        "fn f() -> u64 { let t: gp64; mov t, sym STATIC; return t; }",
        "fn f(x: &u64) -> u64 { let m: mm; let t: gp64; movq m, [x]; paddb m, m; movq t, m; emms; return t; }",
        "fn f(x: &u64, n: u32) { movq mm0, [x]; test n, n; jz 'a; emms; return; 'a: emms; }",
        "fn f(x: &u64) { unsafe { movq mm0, [x]; } }",
        "fn f() { unsafe { db 0x90; } }",
        "fn f() -> u64 { unsafe { db 0x0f, 0x31; return rax; } }",
        "fn f(x: u64) -> u64 { unsafe { rax = 39; syscall; return rax; } }",
        "fn f(x: u32) -> u32 { let a: gp32 = 3; eax = x; unsafe { xor edx, edx; div a; } return eax; }",
        "#[target_feature(enable = \"avx\")] fn f() -> f32 { let v: ymm; vxorps v, v, v; vaddps v, v, v; return v.xmm; }",
        "#[target_feature(enable = \"avx\")] fn f() -> f32 { let v: ymm; let w: ymm; vzeroall; vaddps v, v, w; return v.xmm; }",
        "fn f(i: u64) { unsafe { const T: [label; 2] = ['a, 'b]; let t: gp64; lea t, [T]; movsxd i, dword [t + i*4]; add i, t; jmp i, T; 'a: 'b: } }",
        "fn f() -> u32 { 'l: { jmp continue 'l; } }",
        // `vzeroall` is a first write, `vzeroupper` disturbs no lower half, and 16 to 31 are out of
        // reach.
        "#[target_feature(enable = \"avx\")] fn f(p: &mut [f32; 128]) { let acc: [ymm; 16]; vzeroall; for i in 0..16 { vmovups [p + 32*i], acc[i]; } }",
        "#[target_feature(enable = \"avx\")] fn f(p: &mut [f32; 8], n: u32) { let a: ymm; 'l: { vzeroall; vaddps a, a, [p]; vmovups [p], a; dec n; jnz continue 'l; } }",
        "#[target_feature(enable = \"avx\")] fn f(p: &mut [f32; 8]) { let a: ymm; vzeroall; vaddps a, a, ymm0; vaddps a, a, ymm3; vmovups [p], a; }",
        "#[target_feature(enable = \"avx512f,avx512vl\")] fn f(x: f32) -> f32 { let v: xmm; vzeroall; vaddps v, v, x; return v; }",
        "#[target_feature(enable = \"avx\")] fn f(x: f32, y: f32, p: &mut [f32; 8]) -> f32 { vmovups ymm9, [p]; vmovups [p], ymm9; vzeroupper; addss x, y; return x; }",
    ]);
}

#[test]
fn results_that_are_valid() {
    accept(&[
        "fn f() -> bool { return 1; }",
        "fn f() -> bool { return 0; }",
        "fn f(x: bool) -> bool { return x; }",
        "fn f(x: bool, y: bool) -> bool { return y; }",
        "fn f(x: u32) -> bool { let t: gp8; cmp x, 1; sete t; return t; }",
        "fn f(x: u32) -> bool { cmp x, 1; setb al; return al; }",
        "fn f(x: u32) -> bool { let t: gp8; cmp x, 1; sete t; let u: gp8 = t; return u; }",
        "fn f(x: u32) -> bool { let t: gp32; xor t, t; cmp x, 1; seta t.gp8; return t.gp8; }",
        "fn f(x: f32, y: f32) -> bool { ucomiss x, y; setnp al; sete cl; and al, cl; return al; }",
        "fn f(x: u32) -> bool { let t: gp8 = 0; test x, x; jz 'a; t = 1; 'a: return t; }",
        "fn f(x: u32) -> bool { let t: gp8; xor t.gp32, t.gp32; test x, x; jz 'a; sete t; 'a: return t; }",
        "fn f(x: u32) -> bool { test x, x; jz 'a; return 1; 'a: return 0; }",
        "fn f(x: bool) -> bool { xor x, 1; return x; }",
        "fn f(x: u8) -> bool { and x, 1; return x; }",
        "fn f(x: u8) -> bool { unsafe { return x; } }",
        "unsafe fn f(x: u8) -> bool { return x; }",
        "fn f(c: char) -> char { return c; }",
        "fn f() -> char { return 0x41; }",
        "fn f(c: u8) -> char { let t: gp32; movzx t, c; return t; }",
        "fn f(x: &u32) -> &u32 { return x; }",
        "fn f<'a>(x: &'a u32) -> &'a u32 { return x; }",
        "fn f<'a>(x: &'a mut [u32; 4]) -> &'a mut [u32; 4] { mov dword [x], 1; return x; }",
        "fn f<'a>(x: &'a u32, y: &'a u32, n: u32) -> &'a u32 { test n, n; jz 'l; return y; 'l: return x; }",
        "fn f<'a>(x: &'a u32) -> &'a u32 { let p: gp64 = x; add x, 4; return p; }",
        "fn f(x: NonNull<u8>) -> NonNull<u8> { return x; }",
        "fn f(x: fn(u32) -> u32) -> fn(u32) -> u32 { return x; }",
        "fn f(x: Option<&u32>) -> Option<&u32> { return x; }",
        "fn f(x: usize) -> *const u8 { return x; }",
        "fn f(x: u64) -> (u64, u64) { return (x, x); }",
        "fn f<'a>(x: u64, y: &'a u8) -> &'a u8 { unsafe { add y, x; return y; } }",
    ]);
}

/// What was tried against the implementation of each rule: values that are followed through
/// registers, bits and views; memory whose extent depends on data; types that only look like
/// numbers.
#[test]
fn attacks_on_the_proofs() {
    refuse(&[
        // Only what is proven of a byte, and of this byte.
        (InvalidValue, "fn f(c: bool) -> bool { not c; return c; }"),
        (InvalidValue, "fn f(c: bool, d: bool) -> bool { add c, d; return c; }"),
        (InvalidValue, "fn f(c: bool) -> bool { neg c; return c; }"),
        (InvalidValue, "fn f(c: u64) -> bool { and c.gp32, 0x103; return c.gp8; }"),
        (InvalidValue, "fn f(c: bool) -> (u8, bool) { xor c, 2; return (5, c); }"),
        (BadReturn, "fn f(c: bool) -> bool { mov al, c; mov ah, 5; return ah; }"),
        (InvalidValue, "fn f(c: u16) -> char { movzx eax, c; return eax; }"),
        (InvalidValue, "fn f(c: u8) -> char { movsx eax, c; return eax; }"),
        (InvalidValue, "fn f(c: u8) -> char { movzx eax, c; shl eax, 8; return eax; }"),
        (InvalidValue, "fn f(c: char) -> char { movzx eax, c.gp16; return eax; }"),
        (InvalidValue, "fn f(c: char, d: u32) -> char { test c, 1; cmovz c, d; return c; }"),
        // Lifetimes and types by their spelling.
        (InvalidValue, "fn f(x: &u64) -> &'static u64 { return x; }"),
        (InvalidValue, "fn f<'a, 'b: 'a>(x: &'a u64, y: &'b u64) -> &'a u64 { return y; }"),
        (InvalidValue, "fn f<'a>(x: &'a u64) -> &'a mut u64 { return x; }"),
        (InvalidValue, "fn f<'a>(x: &'a u64) -> Option<&'static u64> { return x; }"),
        (InvalidValue, "fn f() -> Option<&'static u64> { return 8; }"),
        (InvalidValue, "fn f(x: fn(u32)) -> fn(u64) { return x; }"),
        (
            InvalidValue,
            "fn f(x: &&'static u64) -> &'static u64 { unsafe { mov rax, [x]; } return rax; }",
        ),
        (
            InvalidValue,
            "fn f<'a>(x: &'a mut u64, y: u64) -> (&'a mut u64, &'a mut u64) { return (x, x); }",
        ),
        (
            InvalidValue,
            "fn f<'a>(x: Option<&'a mut u64>) -> (Option<&'a mut u64>, Option<&'a mut u64>) { return (x, x); }",
        ),
        // A type with invalid values is not a number that can be written.
        (NeedsUnsafe, "fn f(x: &mut bool) { mov byte [x], 5; }"),
        (NeedsUnsafe, "fn f(x: &mut [bool; 4]) { mov byte [x], 5; }"),
        (NeedsUnsafe, "fn f(x: &mut char) { mov dword [x], 5; }"),
        (NeedsUnsafe, "fn f(x: &mut NonZeroU32) { mov dword [x], 0; }"),
        (NeedsUnsafe, "fn f(x: &mut *const u8) { mov qword [x], 5; }"),
        (NeedsUnsafe, "fn f(x: &mut &u32) { mov qword [x], 5; }"),
        // Through the stack, other banks, implicit registers, a call.
        (
            NeedsUnsafe,
            "fn f(x: &mut u32) { let m: mm; movq m, x; movq rax, m; emms; mov dword [rax], 1; }",
        ),
        (NeedsUnsafe, "fn f(x: &mut u32) { movq xmm0, x; movq rax, xmm0; mov dword [rax], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32) { rax = x; unsafe { call sym g; } mov dword [rax], 1; }"),
        (
            NeedsUnsafe,
            "fn f(x: &mut u32) { rbx = x; mov eax, 1; xor ecx, ecx; cpuid; mov dword [rbx], 1; }",
        ),
        (NeedsUnsafe, "fn f(x: &mut u32) { rax = x; rdtsc; mov dword [rax], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, n: u64) { rax = x; mul n; mov dword [rax], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, n: u64) { rcx = x; loop 'a; 'a: mov dword [rcx], 1; }"),
        (NeedsUnsafe, "fn f(x: &mut u32, n: u64) { rax = x; xadd rax, n; mov dword [rax], 1; }"),
        (
            NeedsUnsafe,
            "fn f(x: &mut u64, n: u64) { 'a: mov qword [x], 5; test n, n; jz 'b; mov x, n; 'b: jmp 'a; }",
        ),
        (
            NeedsUnsafe,
            "fn f(x: &u64, s: &mut u64) { let p: gp64 = s; mov qword [p], 5; p = x; mov rax, [p]; mov qword [p], 5; }",
        ),
        // Extents that depend on data, and the system.
        (NeedsUnsafe, "fn f(x: &mut [u64; 2], i: u64) { bts qword [x], i; }"),
        (
            NeedsUnsafe,
            "#[target_feature(enable = \"rtm\")] fn f(x: u64) -> u64 { xbegin 'a; inc x; 'a: return x; }",
        ),
        (
            OutOfBounds,
            "#[target_feature(enable = \"avx2\")] fn f(x: &mut [i32; 4]) { let m: ymm; vpcmpeqd m, m, m; vpmaskmovd [x], m, m; }",
        ),
        (
            UninitializedMemory,
            "#[target_feature(enable = \"avx2\")] fn f() -> f32 { let b: [i32; 8]; let m: ymm; vpcmpeqd m, m, m; vpmaskmovd [b], m, m; vmovups m, [b]; return m.xmm; }",
        ),
        // A gather under a mask that may have been consumed, or covers a part only.
        (
            Uninitialized,
            "#[target_feature(enable = \"avx2\")] unsafe fn f(p: *const f32, i: &[i32; 8]) -> f32 { let x: ymm = [i]; let m: ymm; let v: ymm; let w: ymm; vpcmpeqd m, m, m; vgatherdps v, [p + x*4], m; vgatherdps w, [p + x*4], m; vaddps v, v, w; return v.xmm; }",
        ),
        (
            Uninitialized,
            "#[target_feature(enable = \"avx2\")] unsafe fn f(p: *const f32, i: &[i32; 8], k: u32) -> f32 { let x: ymm = [i]; let m: ymm; let v: ymm; vpcmpeqd m, m, m; test k, k; jz 'a; vpxor m, m, m; 'a: vgatherdps v, [p + x*4], m; return v.xmm; }",
        ),
        (
            Uninitialized,
            "#[target_feature(enable = \"avx512f,avx512dq\")] unsafe fn f(p: *const f32, i: &[i32; 16]) -> f32 { let x: zmm = [i]; let m: k; let v: zmm; kxnorb m, m, m; vgatherdps v{m}, [p + x*4]; return v.xmm; }",
        ),
    ]);
}

/// A gather whose mask is all ones writes all lanes.
#[test]
fn gathers_that_write_all_lanes() {
    accept(&[
        "#[target_feature(enable = \"avx2\")] unsafe fn f(p: *const f32, i: &[i32; 8]) -> f32 { let x: ymm = [i]; let m: ymm; let v: ymm; vpcmpeqd m, m, m; vgatherdps v, [p + x*4], m; return v.xmm; }",
        "#[target_feature(enable = \"avx2\")] unsafe fn f(p: *const f32, i: &[i32; 8], n: u64) -> f32 { let x: ymm = [i]; let ones: ymm; let v: ymm; let s: ymm; vpcmpeqd ones, ones, ones; vxorps s, s, s; 'l: { let m: ymm = ones; vgatherdps v, [p + x*4], m; vaddps s, s, v; dec n; jnz continue 'l; } return s.xmm; }",
        "#[target_feature(enable = \"avx2\")] unsafe fn f(p: *const f64, i: &[i32; 4]) -> f64 { let x: xmm = [i]; let m: ymm = u32x8(0xFFFF_FFFF); let v: ymm; vgatherdpd v, [p + x*8], m; return v.xmm; }",
        "#[target_feature(enable = \"avx512f\")] unsafe fn f(p: *const f32, i: &[i32; 16]) -> f32 { let x: zmm = [i]; let m: k; let v: zmm; kxnorw m, m, m; vgatherdps v{m}, [p + x*4]; return v.xmm; }",
        "#[target_feature(enable = \"avx512f\")] unsafe fn f(p: *const f64, i: &[i64; 8]) -> f64 { let x: zmm = [i]; kxnorw k1, k1, k1; kmovw k2, k1; vgatherqpd zmm3{k2}, [p + x*8]; return zmm3.xmm; }",
    ]);
}

/// Addresses that are computed, where arithmetic alone shows that they stay inside.
#[test]
fn computed_addresses_that_stay_inside() {
    accept(&[
        "const T: [u8; 4] = [1, 2, 3, 4]; fn f() -> u8 { let t: gp8; let p: gp64; lea p, [T]; mov t, [p]; return t; }",
        "fn f() -> u32 { let t: gp32; let p: gp64; lea p, u32(7); mov t, [p]; return t; }",
        "fn f(x: &[u32; 4], i: u64) -> u32 { let t: gp32; and i, 3; mov t, [x + i*4]; return t; }",
        "fn f(x: &mut [u32; 4]) { for i in 0..4 { mov dword [x], 1; add x, 4; } }",
        "fn f(x: &mut u32, y: u64) { push x; pop y; mov dword [y], 1; }",
        "fn f(x: &mut u32, y: u64) { xchg y, x; mov dword [y], 1; }",
        "fn f(x: &u32) -> u32 { let t: gp32; add x, 0; mov t, [x]; return t; }",
    ]);
}

/// What was compared with a register that is dead by now still bounds what is live.
#[test]
fn bounds_that_dead_registers_have_shown() {
    let through = |end: &str| {
        format!(
            "fn f(x: &[u8], n: u64) -> u8 {{ let i: gp64 = 0; let t: gp8; cmp n, 1; jb 'none;
            'next: cmp i, x.len; jae 'none; inc i; cmp i, n; jb 'next;
            test n, n; jz 'none; mov t, [x.ptr + n{end}]; return t; 'none: return 0; }}"
        )
    };
    // A comparison, and what half of a length was compared with.
    let half = |least: u32| {
        format!(
            "fn f(x: &[u8]) -> u8 {{ let i: gp64 = x.len; let t: gp8; shr i, 1; cmp i, {least};
            jb 'none; i = x.len; 'l: dec i; jnz 'l; mov t, [x.ptr + 7]; return t;
            'none: return 0; }}"
        )
    };
    accept(&[&through(" - 1"), &half(4)]);
    refuse(&[(NeedsUnsafe, &through("")), (NeedsUnsafe, &half(3))]);
}

/// What an outer loop knows comes through an inner one, however many accesses ask for some of it.
#[test]
fn bounds_that_an_inner_loop_keeps() {
    let group = |accesses: u32, bytes: u32| {
        format!(
            "fn f(x: &mut [u8]) {{ let (p, n) = (x.ptr, x.len);
            'groups: {{ sub n, {bytes}; jb break 'groups;
                let rounds: gp32 = 10; 'round: {{ dec rounds; jnz continue 'round; }}
                for i in 0..{accesses} {{ add dword [p + 4*i], 16; }}
                add p, {bytes}; jmp continue 'groups; }} }}"
        )
    };
    for accesses in 1..=48 {
        accept(&[&group(accesses, 4 * accesses)]);
    }
    for accesses in [1, 2, 3, 9, 48] {
        refuse(&[(NeedsUnsafe, &group(accesses, 4 * accesses - 1))]);
    }
}

/// The last element of an array of arrays is inside of it, what is behind it is not.
#[test]
fn arrays_of_arrays_end_where_they_end() {
    for (ty, bytes) in [
        ("[[f32; 8]; 8]", 256),
        ("[[u8; 4]; ROWS]", 12),
        ("[[u8; ROWS]; ROWS]", 9),
        ("[[[u16; 2]; ROWS]; 5]", 60),
        ("[[i128; 2]; 2]", 64),
    ] {
        let last = format!("fn f(x: &{ty}) {{ mov al, [x + {}]; }}", bytes - 1);
        let written = format!("fn f(x: &mut {ty}) {{ mov byte [x + {}], 1; }}", bytes - 1);
        let shared = format!("fn f(x: &{ty}) {{ mov byte [x], 1; }}");
        let behind = format!("fn f(x: &mut {ty}) {{ mov al, [x + {bytes}]; }}");
        let before = format!("fn f(x: &mut {ty}) {{ mov byte [x - 1], 1; }}");
        let with = |source: String| format!("const ROWS = 3; {source}");
        let (last, written) = (with(last), with(written));
        accept(&[&last, &written]);
        let (behind, before, shared) = (with(behind), with(before), with(shared));
        refuse(&[(OutOfBounds, &behind), (OutOfBounds, &before), (NeedsUnsafe, &shared)]);
    }
}

/// A slice has as many bytes as its elements, which may be arrays.
#[test]
fn slices_of_arrays_end_where_they_end() {
    for (element, bytes) in [("[f32; 4]", 16), ("[u8; ROWS]", 3), ("[[u16; 2]; ROWS]", 12)] {
        let last = 3 * bytes - 1;
        let with = |offset: i32| {
            format!(
                "const ROWS = 3; fn f(x: &mut [{element}]) {{
                     cmp x.len, 3; jb 'out; mov byte [x.ptr + {offset}], 1; 'out: return; }}"
            )
        };
        accept(&[&with(0), &with(last)]);
        refuse(&[(NeedsUnsafe, &with(last + 1)), (NeedsUnsafe, &with(-1))]);
    }
}
