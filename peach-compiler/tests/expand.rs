//! Expansion: constructs of the language against the instructions that they stand for, and refused
//! programs against the code and the place of their errors.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::{Diagnostic, Diagnostics};
use peach_compiler::expand::{Program, expand};
use peach_compiler::ir::ArgValue;
use peach_compiler::syntax;
use proc_macro2::TokenStream;

/// The expansion of a program.
fn program(source: &str) -> (Program, Diagnostics) {
    let tokens: TokenStream = source.parse().expect("tokens");
    let mut diagnostics = Diagnostics::new();
    let file = syntax::parse(tokens, &mut diagnostics);
    let program = expand(&file, &SYSV64, &mut diagnostics);
    (program, diagnostics)
}

/// A message as `CODE line:column-line:column message`.
fn render(diagnostic: &Diagnostic) -> String {
    let (start, end) = (diagnostic.place.first.start(), diagnostic.place.last.end());
    let mut text = format!(
        "{} {}:{}-{}:{} {}",
        diagnostic.code.id(),
        start.line,
        start.column,
        end.line,
        end.column,
        diagnostic.message
    );
    for note in &diagnostic.notes {
        text += &format!(" | {note}");
    }
    if let Some(help) = &diagnostic.help {
        text += &format!(" | help: {help}");
    }
    text
}

/// The instructions of the only kernel of `source`, one a line, without the lines before them.
fn instructions(source: &str) -> String {
    let (program, diagnostics) = program(source);
    let messages: Vec<String> = diagnostics.iter().map(render).collect();
    assert!(!diagnostics.has_errors(), "{source}\n{}", messages.join("\n"));
    let versions: Vec<String> = program
        .kernels
        .iter()
        .flat_map(|group| &group.versions)
        .map(|version| version.function.to_string())
        .collect();
    versions.concat()
}

/// Asserts that a body of a `pub unsafe fn f(p: *mut u8, n: u64)` expands to these lines.
#[track_caller]
fn check(body: &str, expected: &str) {
    check_program(&format!("pub fn f(p: *mut u8, n: u64) {{ {body} }}"), expected);
}

/// Asserts that the dump of a program's functions holds these lines, in order, as its last ones.
#[track_caller]
fn check_program(source: &str, expected: &str) {
    let dump = instructions(source);
    let clean = |text: &str| -> Vec<String> {
        text.lines().map(|l| l.trim().to_string()).filter(|l| !l.is_empty()).collect()
    };
    let (found, wanted) = (clean(&dump), clean(expected));
    assert!(found.ends_with(&wanted), "{source}\n--- found\n{dump}--- expected\n{expected}");
}

/// Asserts that a body is refused: the offending tokens are between `⟦` and `⟧`, one pair for each
/// error, and `errors` gives the code of each and a part of its text.
#[track_caller]
fn refuse(body: &str, errors: &[(&str, &str)]) {
    refuse_program(&format!("pub fn f(p: *mut u8, n: u64, s: &[u8]) {{ {body} }}"), errors);
}

#[track_caller]
fn refuse_program(marked: &str, errors: &[(&str, &str)]) {
    let (mut source, mut places) = (String::new(), Vec::new());
    let (mut line, mut column) = (1, 0);
    for c in marked.chars() {
        match c {
            '⟦' => places.push(((line, column), (line, column))),
            '⟧' => places.last_mut().expect("opened").1 = (line, column),
            c => {
                source.push(c);
                (line, column) = if c == '\n' { (line + 1, 0) } else { (line, column + 1) };
            }
        }
    }
    let (_, diagnostics) = program(&source);
    let mut found: Vec<_> = diagnostics
        .iter()
        .map(|d| {
            let (start, end) = (d.place.first.start(), d.place.last.end());
            (render(d), ((start.line, start.column), (end.line, end.column)))
        })
        .collect();
    found.sort_by_key(|(_, place)| *place);
    let all: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
    let all = format!("{source}\n{}", all.join("\n"));
    assert_eq!(found.len(), errors.len(), "{all}");
    assert_eq!(places.len(), errors.len(), "one mark for each error");
    for (((text, place), wanted), (code, part)) in found.iter().zip(&places).zip(errors) {
        assert!(text.starts_with(code), "{all}");
        assert_eq!(place, wanted, "{text}\n{all}");
        assert!(text.contains(part), "{part:?} is not in\n{all}");
    }
}

#[test]
fn kernels_and_registers() {
    check_program(
        "#[target_feature(enable = \"sse4.1\")]
         pub fn dot4(x: &[f32; 4], y: &[f32; 4]) -> f32 {
             let v: xmm;
             movups v, [x];
             movups xmm2, [y];
             dpps v, xmm2, 0xF1;
             return v;
         }",
        "fn dot4 sysv64 [sse4.1]
         arg x%0: gp64 = Reg(rdi)
         arg y%1: gp64 = Reg(rsi)
         result vector4
         movups v%2, [x%0]
         movups xmm2, [y%1]
         dpps v%2, xmm2, 241
         return v%2",
    );
    check(
        "let i: gp32 = 0; i = n.gp32; rax = p; let b: gp64 = n; let (n, b) = (b, n); mov n, b;
         let slot = [b + 8*4]; mov dword slot, 5; mov ah, n.gp8h; let r#in: gp64 = 5; add r#in, 1;
         let k: gp64; MOV k, 1;",
        "i%2 = 0
         i%2 = n%1.gp32
         rax = p%0
         b%3 = n%1
         mov b%3, n%1
         mov m32 [n%1 + 32], 5
         mov ah, b%3.gp8h
         in%4 = 5
         add in%4, 1
         mov k%5, 1
         return",
    );
}

#[test]
fn arrays_loops_and_conditions() {
    check(
        "let v: [xmm; 3]; let c: [[xmm; 2]; 2]; let mut bit: const = 0; const HALF = 4 / 2;
         for i in 0..=1 { pxor v[i], v[i]; }
         for r in v[1..] { paddd r, v[0]; }
         for op in [paddd, psubd] { op c[1][0], v[2]; }
         for (a, b) in zip(v, c[0]) { movaps a, b; }
         for i in (0..8).rev().step_by(3) { mov eax, i; }
         for x in [4, 2] { if x % 4 == 0 { mov eax, x; } else if isa(\"avx\") { nop; } else { inc eax; } }
         while bit < HALF { shl eax, bit; bit += 1; bit = bit; }
         mov rax, [p + 8*len(v)]; assert!(HALF == 2, \"two\"); let (a, b) = (1, [p]); mov eax, a;",
        "pxor v[0]%2, v[0]%2
         pxor v[1]%3, v[1]%3
         paddd v[1]%3, v[0]%2
         paddd v[2]%4, v[0]%2
         paddd c[1][0]%7, v[2]%4
         psubd c[1][0]%7, v[2]%4
         movaps v[0]%2, c[0][0]%5
         movaps v[1]%3, c[0][1]%6
         mov eax, 7
         mov eax, 4
         mov eax, 1
         mov eax, 4
         inc eax
         shl eax, 0
         shl eax, 1
         mov rax, [p%0 + 24]
         mov eax, 1
         return",
    );
}

#[test]
fn addresses() {
    check(
        "let b: [f32; 16]; let c: u64 align 64;
         mov rax, [8 + n + p]; mov rax, [p*1 + n]; mov rax, [p + rsp]; mov rax, [4*(n - 2) + p];
         mov rax, [n + n]; mov rax, [n*8]; mov eax, [0x1000]; mov rax, fs:[0x10];
         mov eax, [4*3 + b]; mov eax, [b + n*4 - 4]; mov [c], rax; mov rax, disp32 [p];
         mov dword ptr [p], 1; mov rax, [p + const { X } + 8];",
        "mov rax, [n%1 + p%0*1 + 8]
         mov rax, [n%1 + p%0*1]
         mov rax, [rsp + p%0*1]
         mov rax, [p%0 + n%1*4 + -8]
         mov rax, [n%1 + n%1*1]
         mov rax, [n%1*8]
         mov eax, [4096]
         mov rax, fs:[16]
         mov eax, [b + 12]
         mov eax, [b + n%1*4 + -4]
         mov [c], rax
         mov rax, disp32 [p%0]
         mov m32 [p%0], 1
         mov rax, [p%0 + const#0 + 8]
         return",
    );
}

#[test]
fn data() {
    check_program(
        "const T: [u32; 4] = [1, 2, 3, !0]; const U: [u8; 3] align 32 = *b\"abc\"; const N = 3;
         const K: f32 = 0.1; const R: [i16; 3] = [-1; 3];
         pub fn f() {
             movups xmm0, [T]; mov eax, [T + 4*N - 4]; mov cl, [U + 1]; mov eax, T[N]; mov ax, [R];
             addps xmm1, f32x4(1.0); addps xmm1, f32x4(1.0, 1.0, 1.0, 1.0); lea rax, u8x16(7);
             movss xmm0, f32(K); movss xmm0, f32(0.1); mov edx, bits(1.5f32); mov rdx, bits(1.5);
             let x: xmm = f32x4(1.0); let y: xmm = f64(0.1); let z: gp64 = u64(7);
             movddup_free();
         }
         inline fn movddup_free() { movss xmm1, f32x4(1.0); }",
        "data T: align 16 010000000200000003000000ffffffff
         data U: align 32 616263
         data R: align 8 ffffffffffff
         data #3: align 16 0000803f0000803f0000803f0000803f
         data #4: align 16 07070707070707070707070707070707
         data #5: align 4 cdcccc3d
         data #6: align 8 9a9999999999b93f
         data #7: align 8 0700000000000000
         movups xmm0, [T]
         mov eax, [T + 8]
         mov cl, [U + 1]
         mov eax, 4294967295
         mov ax, [R]
         addps xmm1, m128 [#3]
         addps xmm1, m128 [#3]
         lea rax, m128 [#4]
         movss xmm0, m32 [#5]
         movss xmm0, m32 [#5]
         mov edx, 1069547520
         mov rdx, 4609434218613702656
         movups x%0, m128 [#3]
         movsd y%1, m64 [#6]
         mov z%2, m64 [#7]
         movss xmm1, [#3]
         return",
    );
}

/// The decimal text is rounded once, to the type of its place.
#[test]
fn floats_are_rounded_once() {
    let texts = ["0.1", "1.1754942e-38", "1e-45", "7.006492321624085e-46", "16777217.0", "1e-46"];
    for text in texts {
        let single: f32 = text.parse().expect("float");
        let dump = instructions(&format!("pub fn f() -> f32 {{ return {text}; }}"));
        let bytes: String = single.to_le_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert!(dump.contains(&bytes), "{text} {dump}");
    }
    // 1 + 2^-24 + 2^-54: to nearest it is above the middle, by way of f64 it would be a tie.
    let text = "1.0000000596046448030462";
    let single: f32 = text.parse().expect("float");
    assert_ne!(single, text.parse::<f64>().expect("float") as f32, "the case is one");
    let dump = instructions(&format!("const C = {text}; pub fn f() -> f32 {{ return C; }}"));
    assert!(dump.contains("0100803f"), "{dump}");
}

#[test]
fn decorations_and_prefixes() {
    check_program(
        "#[target_feature(enable = \"avx512f,avx512vl\")]
         pub fn f(p: *mut u8) {
             let m: k; kmovw m, eax; vaddps zmm1{m}{z}, zmm2, [p]{1to16};
             vaddps zmm1, zmm2, zmm3, {rn-sae}; vcmpps k2{k1}, zmm1, zmm2, {sae}, 1;
             vgatherdps zmm1{k1}, [p + zmm3*4]; evex vaddps xmm1, xmm2, xmm3;
             vaddps zmm1, zmm2, f32(0.5){1to16}; lock add dword [p], 1; repe cmpsb; align 32;
             unsafe { db 0x0f, -1; }
         }",
        "kmovw m%1, eax
         vaddps zmm1{m%1}{z}, zmm2, [p%0]{1to16}
         vaddps zmm1, zmm2, zmm3, {rn-sae}
         vcmpps k2{k1}, zmm1, zmm2, 1, {sae}
         vgatherdps zmm1{k1}, [p%0 + zmm3*4]
         evex vaddps xmm1, xmm2, xmm3
         vaddps zmm1, zmm2, [#0]{1to16}
         lock add m32 [p%0], 1
         rep cmpsb
         align 32
         db [0f, ff] !
         return",
    );
}

#[test]
fn labels_and_jump_tables() {
    check_program(
        "pub unsafe fn f(p: *const u64, n: u64) -> u64 {
             let t: gp64; let i: gp64 = n;
             const CASES: [label; 4] = ['a, 'case[1], 'case[2], 'a];
             'next: { add p, 8; dec n; jnz continue 'next; jz short 'a; jmp break 'next; }
             lea t, [CASES]; movsxd i, dword [t + i*4]; add i, t; jmp i, CASES;
             for k in 1..3 { 'case[k]: return k; }
             'a: return 0;
         }",
        "data CASES: align 4 'a%0 'case[1]%1 'case[2]%2 'a%0
         i%3 = n%1 !
         continue 'next%3: !
         add p%0, 8 !
         dec n%1 !
         jne continue 'next%3 !
         je short 'a%0 !
         jmp break 'next%4 !
         break 'next%4: !
         lea t%2, [CASES] !
         movsxd i%3, m32 [t%2 + i%3*4] !
         add i%3, t%2 !
         jmp i%3, CASES !
         'case[1]%1: !
         return 1 !
         'case[2]%2: !
         return 2 !
         'a%0: !
         return 0 !",
    );
}

#[test]
fn helpers() {
    check_program(
        "inline fn store(op: mnemonic, p: operand, v: [xmm; 2]) {
             for i in 0..2 { op [p + 16*i], v[i]; }
         }
         inline fn fetch(p: gp64) -> gp64 { let t: gp64; mov t, [p]; add p, 8; return t; }
         inline fn both(a: gp64) -> (gp64, gp64) { return (a, rcx); }
         inline fn down(n: const, l: label) { if n > 0 { 'again: jz l; jnz 'again; down(n - 1, l); } }
         pub unsafe fn f(dst: *mut u8, src: *const u64) {
             let acc: [xmm; 4]; let t: gp64 = 1;
             store(movntps, dst, acc[1..3]);
             let x = fetch(src); add x, t; let y: gp64 = fetch(src); let (a, b) = both(y); add a, b;
             down(2, 'out); 'out:
         }",
        "t%6 = 1 !
         movntps [dst%0], acc[1]%3 !
         movntps [dst%0 + 16], acc[2]%4 !
         mov t%7, [src%1] !
         add src%1, 8 !
         add t%7, t%6 !
         mov t%8, [src%1] !
         add src%1, 8 !
         y%9 = t%8 !
         add y%9, rcx !
         'again%1: !
         je 'out%0 !
         jne 'again%1 !
         'again%2: !
         je 'out%0 !
         jne 'again%2 !
         'out%0: !
         return !",
    );
}

#[test]
fn streams() {
    check(
        "let v: [xmm; 2];
         stream loads { for i in 0..2 { movups v[i], [p + i*32]; } }
         stream compute { for r in v { addps r, r; } for r in v { mulps r, r; } }
         emit loads[0]; issue loads; issue compute, 1; emit compute[2..4]; mov eax, len(compute);
         interleave loads 1, compute 2; issue loads, ..;",
        "movups v[0]%2, [p%0]
         movups v[0]%2, [p%0]
         addps v[0]%2, v[0]%2
         mulps v[0]%2, v[0]%2
         mulps v[1]%3, v[1]%3
         mov eax, 4
         movups v[1]%3, [p%0 + 32]
         addps v[1]%3, v[1]%3
         mulps v[0]%2, v[0]%2
         mulps v[1]%3, v[1]%3
         return",
    );
}

#[test]
fn versions_and_families() {
    check_program(
        "const STEP = 2*W; const W = 1;
         inline fn zero(a: V) { vpxor a.xmm, a.xmm, a.xmm; }
         #[version(enable = \"avx2\", V = ymm, W = 32)]
         #[version(enable = \"avx\", V = xmm, W = 16)]
         pub fn sum(p: *const u8) { let a: V; zero(a); add p, STEP; if isa(\"avx2\") { nop; } }
         for B in 1..=2 { pub fn pack_{B}() -> u32 { return B; } }",
        "fn sum sysv64 [avx2]
         arg p%0: gp64 = Reg(rdi)
         vpxor a%1.xmm, a%1.xmm, a%1.xmm
         add p%0, 64
         nop
         return
         fn sum sysv64 [avx]
         arg p%0: gp64 = Reg(rdi)
         vpxor a%1, a%1, a%1
         add p%0, 32
         return
         fn pack_1 sysv64 []
         result int4
         return 1
         fn pack_2 sysv64 []
         result int4
         return 2",
    );
}

#[test]
fn returns() {
    let one = |ty: &str, value: &str, expected: &str| {
        check_program(&format!("pub fn f(i: u128) -> {ty} {{ return {value}; }}"), expected);
    };
    one("u32", "eax", "return eax");
    one("bool", "true", "return 1");
    one("i8", "-1", "return -1");
    one("u128", "i", "return i.lo%0, i.hi%1");
    one("u128", "(i.hi, i.lo)", "return i.hi%1, i.lo%0");
    one("i128", "-1", "return 18446744073709551615, -1");
    one("(u32, u64)", "(1, rax)", "return 1, rax");
    one("f64", "1.5", "return #0");
    one("f32", "f32(1.5)", "return #0");
    one("__m128", "f32x4(1.5)", "return #0");
    one("u64", "const { X }", "return const#0");
    one("()", "()", "return");
}

#[test]
fn refused_names() {
    refuse("mov rax, ⟦raxx⟧;", &[("E0101", "raxx")]);
    refuse("mov rax, ⟦later⟧; let later: gp64;", &[("E0102", "move the definition up")]);
    refuse("⟦movv⟧ rax, p;", &[("E0201", "did you mean `mov`")]);
    refuse("⟦foo⟧(p);", &[("E0101", "inline fn foo")]);
    refuse("let q: ⟦gp65⟧; add q, 1;", &[("E0101", "gp64")]);
    refuse("let z = ⟦nothing⟧; add z, 1; z = 5;", &[("E0101", "let nothing: gp64;")]);
    refuse("let ⟦rax⟧ = n;", &[("E0001", "physical register")]);
    refuse("mov rax, s.⟦foo⟧;", &[("E0101", "`.ptr` and `.len`")]);
    refuse("mov rax, n.⟦xmm⟧;", &[("E0105", "`.gp8`")]);
    refuse("if isa(⟦\"avx3\"⟧) { }", &[("E0101", "`avx2`")]);
}

#[test]
fn refused_constants() {
    refuse("mov eax, ⟦1/0⟧;", &[("E0104", "zero")]);
    refuse("mov eax, ⟦1 << 200⟧;", &[("E0104", "200")]);
    refuse("mov eax, ⟦1.5 + 1⟧;", &[("E0105", "`+`")]);
    refuse("mov eax, ⟦1.5⟧;", &[("E0105", "bits(")]);
    refuse("let a: [gp64; 3]; mov rax, a[⟦3⟧];", &[("E0106", "3 elements")]);
    refuse("let a: [gp64; ⟦n⟧];", &[("E0103", "integer constant")]);
    refuse("if ⟦n⟧ { }", &[("E0103", "condition")]);
    refuse("if ⟦const { X }⟧ == 1 { }", &[("E0103", "not known at compile time")]);
    refuse("assert!(⟦1 == 2⟧, \"why\");", &[("E0108", "why")]);
    refuse("while ⟦true⟧ { }", &[("E0107", "iterations")]);
    refuse("for i in ⟦0..1 << 40⟧ { }", &[("E0107", "would run")]);
    refuse("let x = 5; ⟦x⟧ = 6;", &[("E0105", "let mut n: const")]);
    refuse("⟦n⟧ += 6;", &[("E0105", "add x, 1")]);
    refuse("movups xmm0, u8x16(⟦256⟧);", &[("E0106", "0 to 255")]);
    refuse("movups xmm0, f32x4(⟦1e40⟧);", &[("E0106", "f32")]);
    refuse("movups xmm0, f64x2(⟦1.5f32⟧);", &[("E0105", "without a type")]);
    refuse("movups xmm0, ⟦f32x4(1.0, 2.0)⟧;", &[("E0105", "4 values")]);
    refuse_program(
        "const ⟦A⟧ = B; const B = A; const C: u8 = ⟦300⟧; pub fn f() { mov eax, A; }",
        &[("E0107", "itself"), ("E0106", "0 to 255")],
    );
}

#[test]
fn refused_operands() {
    refuse("mov rax, [p + ⟦n⟧*3];", &[("E0106", "[r + r*2]")]);
    refuse("mov rax, [p - ⟦n⟧];", &[("E0106", "neg")]);
    refuse("mov rax, [p + n + ⟦rax⟧];", &[("E0105", "lea")]);
    refuse("mov al, [⟦u8x16(1)⟧ + 1];", &[("E0105", "without brackets")]);
    refuse("const T: [u8; 4] = [0; 4]; mov al, [T + ⟦n⟧];", &[("E0105", "lea t, [TABLE]")]);
    refuse("let b: [u8; 4]; mov al, ⟦b⟧;", &[("E0105", "brackets")]);
    refuse("mov al, [⟦s⟧];", &[("E0105", ".ptr")]);
    refuse("add ⟦[p]⟧, 1;", &[("E0204", "`dword`")]);
    refuse("⟦vaddps⟧ xmm0, xmm1, xmm2;", &[("E0203", "target_feature(enable = \"avx\")")]);
    refuse("mov al, ⟦256⟧;", &[("E0106", "-128 to 255")]);
    refuse("add rax, ⟦n{k1}⟧;", &[("E0205", "first operand")]);
    refuse("mov dword ⟦n⟧, 4;", &[("E0205", "[p]")]);
    refuse("'l: call ⟦'l⟧;", &[("E0206", "local fn")]);
    refuse("⟦ret⟧;", &[("E0206", "return")]);
    refuse("let x: xmm = ⟦n⟧;", &[("E0105", "movq")]);
    refuse("let x: gp32 = ⟦n⟧;", &[("E0105", ".gp32")]);
    refuse("let x: xmm = ⟦5⟧;", &[("E0105", "u32x4(1)")]);
    refuse("let x: gp8 = ⟦256⟧;", &[("E0106", "-128 to 255")]);
    refuse("k1 = ⟦k2⟧; ymm1 = ⟦ymm2⟧;", &[("E0203", "avx512f"), ("E0203", "avx")]);
    refuse("align ⟦3⟧;", &[("E0106", "power of two")]);
    refuse("movups xmm0, ⟦xmmword f32(1.0)⟧;", &[("E0502", "16")]);
}

#[test]
fn refused_labels_and_streams() {
    refuse("jmp ⟦'nowhere⟧;", &[("E0301", "'nowhere")]);
    refuse("'a: ⟦'a⟧: jmp 'a;", &[("E0302", "twice")]);
    refuse("'b: { jmp ⟦'b⟧; }", &[("E0301", "continue 'b")]);
    refuse("jmp ⟦'c[3⟧];", &[("E0301", "'c[3]")]);
    refuse("⟦'u⟧: nop;", &[("W0003", "'_u")]);
    refuse("{ 'i: jmp 'i; } jmp ⟦'i⟧;", &[("E0301", "block")]);
    refuse("stream s { nop; ⟦'a⟧: ⟦return⟧; }", &[("E0109", "label"), ("E0109", "return")]);
    refuse("stream ⟦t⟧ { nop; nop; } issue t;", &[("E0109", "1 of the 2")]);
    refuse("stream t { nop; } issue t; issue ⟦t⟧;", &[("E0109", "0 instructions left")]);
    refuse("stream t { nop; } emit t[⟦1⟧]; issue t;", &[("E0106", "1 instruction")]);
}

#[test]
fn refused_returns() {
    let bad = |ty: &str, value: &str, code: &str, part: &str| {
        refuse_program(
            &format!("pub fn f(n: u64, c: u8) -> {ty} {{ return {value}; }}"),
            &[(code, part)],
        );
    };
    bad("u32", "⟦n⟧", "E0110", ".gp32");
    bad("u32", "⟦c⟧", "E0110", "movzx");
    bad("u32", "⟦1.5⟧", "E0110", "an integer");
    bad("u8", "⟦256⟧", "E0106", "255");
    bad("f32", "⟦1⟧", "E0110", "1.0");
    bad("f32", "⟦f64(1.0)⟧", "E0110", "4 bytes");
    bad("f32", "⟦[n]⟧", "E0110", "load");
    bad("(u32, u32)", "⟦1⟧", "E0110", "return (a, b)");
    bad("()", "⟦1⟧", "E0110", "no result");
    refuse_program("pub fn f() -> u32 { ⟦return⟧; }", &[("E0110", "has a result type")]);
}

#[test]
fn refused_helpers() {
    let bad = |helper: &str, body: &str, code: &str, part: &str| {
        refuse_program(
            &format!("{helper} pub fn f(p: *mut u8, c: u8) {{ {body} }}"),
            &[(code, part)],
        );
    };
    bad("inline fn g(a: gp64) { add a, 1; }", "⟦g⟧();", "E0105", "takes 1 argument,");
    bad("inline fn g(a: gp64) { add a, 1; }", "g(⟦c⟧);", "E0105", "class `gp64`");
    bad("inline fn g(a: const) { mov eax, a; }", "g(⟦c⟧);", "E0105", "a constant");
    bad("inline fn ⟦g⟧() -> gp64 { nop; }", "let x = g();", "E0110", "without its result");
    bad("inline fn g(a: gp64) -> gp32 { return ⟦a⟧; }", "let x = g(p);", "E0110", "gp32");
    bad("inline fn g(n: const) { ⟦g⟧(n + 1); }", "g(0);", "E0107", "128 deep");
    bad("inline fn g() { if true { ⟦return⟧; } nop; }", "g();", "E0110", "only allowed at its end");
    bad("inline fn g() { mov eax, ⟦c⟧; }", "g();", "E0101", "`c`");
}

#[test]
fn refused_items() {
    refuse_program(
        "#[target_feature(enable = ⟦\"avx3\"⟧)] pub fn f(p: *mut u8) {} pub fn ⟦f⟧(p: *mut u16) {}",
        &[("E0003", "avx3"), ("E0004", "differs")],
    );
    refuse_program("pub fn h() {} pub fn ⟦h⟧() {}", &[("E0004", "same extensions")]);
    refuse_program("#[fallback] pub fn ⟦g⟧() {}", &[("E0004", "no kernel")]);
    refuse_program("inline fn ⟦add⟧(a: gp64) {}", &[("E0004", "an instruction")]);
    refuse_program("inline fn ⟦len⟧(a: gp64) {}", &[("E0004", "of the language")]);
    refuse_program("const A = 1; const ⟦A⟧ = 2;", &[("E0004", "duplicate item")]);
    refuse_program("pub fn f(x: ⟦__m256⟧) {}", &[("E0203", "avx")]);
}

/// Errors do not hide one another, and what was in error raises no further ones.
#[test]
fn independent_errors_are_all_reported() {
    refuse(
        "⟦movv⟧ rax, p; let x: gp64 = ⟦nope⟧; add x, 1; let y = ⟦nope2⟧; add y, 1; y = 5;
         mov ⟦a⟧, ⟦b⟧; for i in 0..4 { mov rax, ⟦zzz⟧; }",
        &[
            ("E0201", "movv"),
            ("E0101", "nope"),
            ("E0101", "nope2"),
            ("E0101", "`a`"),
            ("E0101", "`b`"),
            ("E0101", "zzz"),
        ],
    );
}

/// An error in a loop ends it: what was left out may be what makes it end.
#[test]
fn errors_in_loops_are_reported_once() {
    refuse("let mut i: const = 0; while i < 9 { ⟦j⟧ += 1; }", &[("E0101", "`j`")]);
    refuse("for i in 0..100000 { mov rax, ⟦j⟧; }", &[("E0101", "`j`")]);
}

/// Deep nesting is an error long before it takes the stack of a thread.
#[test]
fn nesting_is_bounded() {
    refuse_program(
        "inline fn g(n: const) { if n > 0 { { ⟦{⟧ { { for i in 0..1 { { g(n - 1); } } } } } } } }
         pub fn f() { g(100); }",
        &[("E0107", "too deep")],
    );
    let nested = format!("{}nop;{}", "for i in 0..1 {".repeat(50), "}".repeat(50));
    check(&nested, "nop\nreturn");
    let sum = format!("mov eax, {}1;", "1 + ".repeat(300));
    check(&sum, "mov eax, 301\nreturn");
}

/// What ends, but not in anybody's lifetime, is stopped as well.
#[test]
fn steps_are_bounded() {
    let source = "inline fn g(n: const) { if n < 60 { g(n + 1); g(n + 1); } } pub fn f() { g(0); }";
    let (_, diagnostics) = program(source);
    let texts: Vec<String> = diagnostics.iter().map(render).collect();
    assert!(
        matches!(&texts[..], [one] if one.contains("E0107") && one.contains("steps")),
        "{texts:?}"
    );
    refuse("let x = zip([1], ⟦0..1 << 100⟧);", &[("E0107", "steps")]);
}

/// A length that is a constant of the kernels' and of this file.
const ROWS: usize = 3;

/// Types as text, with the size and the alignment that rustc gives them.
macro_rules! memory {
    ($($ty:ty),* $(,)?) => { [$((stringify!($ty), size_of::<$ty>(), align_of::<$ty>())),*] };
}

#[test]
#[expect(unused_parens, reason = "types in parentheses are types too")]
fn memory_behind_references_is_as_rustc_lays_it_out() {
    let types = memory![
        u8,
        i128,
        usize,
        [f32; 8],
        [u8; 0],
        [isize; ROWS],
        [[f32; 8]; 8],
        [[u8; 4]; ROWS],
        [[u16; ROWS]; 5],
        [[u128; 2]; ROWS - 1],
        [[[u16; 2]; ROWS]; 5 * ROWS],
        [[[[f64; 1]; 2]; 0x3]; 4_usize],
        [[[u8; 3]; 0]; 7],
        [([i32; 2]); 3],
        ([[i8; 2]; 3]),
    ];
    for (ty, size, align) in types {
        for and in ["&", "&mut ", "&'a ", "&'a mut "] {
            let source = format!("const ROWS = 3; fn f<'a>(x: {and}{ty}) {{ }}");
            let (program, diagnostics) = program(&source);
            assert!(!diagnostics.has_errors(), "{source}");
            let function = &program.kernels[0].versions[0].function;
            let ArgValue::Reference { bytes, align: found, mutable, .. } = &function.args[0].value
            else {
                panic!("{source}: {:?}", function.args[0].value);
            };
            let known = (*bytes, *found, *mutable);
            assert_eq!(known, (Some(size as u64), align as u64, and.contains("mut")), "{source}");
        }
    }
}

#[test]
fn memory_of_unknown_size_is_not_known() {
    for ty in [
        "[u8; UNKNOWN]",
        "[[u8; UNKNOWN]; 3]",
        "[[u8; 3]; UNKNOWN]",
        "[[u8; 3]; size_of::<u8>()]",
        "[[u8; { 3 }]; 2]",
        "[[bool; 3]; 3]",
        "[[core::primitive::u8; 3]; 3]",
        "[[u8; 0x1_0000_0000]; 0x8000_0000]",
        "[[u8; 0xFFFF_FFFF_FFFF_FFFF]; 0xFFFF_FFFF_FFFF_FFFF]",
        "([u8; 3], [u8; 3])",
        "[&[u8; 3]; 3]",
    ] {
        let source = format!("fn f(x: &{ty}) {{ }}");
        let (program, diagnostics) = program(&source);
        assert!(!diagnostics.has_errors(), "{source}");
        let value = &program.kernels[0].versions[0].function.args[0].value;
        assert!(matches!(value, ArgValue::Reference { bytes: None, .. }), "{source}: {value:?}");
    }
}
