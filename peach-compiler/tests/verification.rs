//! What the analyses report: which tokens, which words. And random kernels, whose stack
//! memory and references are followed along every path.

use peach_compiler::abi::{SYSV64, WIN64};
use peach_compiler::analysis::{Facts, Uses, verify};
use peach_compiler::diagnostics::{Code, Diagnostics};
use peach_compiler::passes::bind_arguments;
use peach_compiler::{expand, pipeline, syntax};
use peach_testing::Random;
use proc_macro2::TokenStream;
use std::collections::BTreeSet;
use std::str::FromStr;

fn compile(source: &str) -> Diagnostics {
    let tokens = TokenStream::from_str(source).expect("the test's own tokens");
    pipeline::compile(tokens, &SYSV64).diagnostics
}

/// Checks that the only messages are these: code, offending token, and a part of the text.
fn check(source: &str, expected: &[(Code, &str, &str)]) {
    let diagnostics = compile(source);
    let found: Vec<_> = diagnostics
        .iter()
        .map(|d| (d.code, d.place.first.source_text().unwrap_or_default(), d.message.clone()))
        .collect();
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            found.0 == expected.0 && found.1 == expected.1 && found.2.contains(expected.2)
        });
    assert!(fits, "{source}\nexpected {expected:#?}\nfound {found:#?}");
}

#[test]
fn unwritten_registers_are_named_where_they_are_read() {
    use Code::Uninitialized as Bad;
    check("fn f() -> u64 { let t: gp64; return t; }", &[(Bad, "t", "nothing has written it")]);
    check("fn f(x: u64) { let t: gp64; add x, t; }", &[(Bad, "t", "nothing has written it")]);
    check("fn f(x: u64) { let t: gp64; lea x, [x + t*8]; }", &[(Bad, "[", "`t` is read")]);
    check(
        "fn f(x: u64) -> u64 { let t: gp64; test x, x; jz 'a; mov t, 1; 'a: return t; }",
        &[(Bad, "t", "not written on every path")],
    );
    check(
        "fn f(x: u8) -> u32 { let t: gp32; mov t, x.gp32; return t; }",
        &[(Bad, "x", "bits 8 to 31 of `x`")],
    );
    check("fn f(x: u64) -> u64 { return rdi; }", &[(Bad, "rdi", "`rdi` is read")]);
    check("fn f() { push rbx; pop rbx; }", &[(Bad, "rbx", "`rbx` is read")]);
    check(
        "fn f() -> f32 { let v: xmm; let x: xmm; xorps x, x; movss v, x; addps x, v; return x; }",
        &[(Bad, "v", "bytes 4 to 15 of `v`")],
    );
}

#[test]
fn independent_mistakes_are_all_reported_and_each_once() {
    check(
        "fn f(p: *mut u32) -> u64 { let t: gp64; let u: gp64; mov dword [p], 1; push 1; add t, u; return t; }",
        &[
            (Code::NeedsUnsafe, "dword", "memory at `p`"),
            (Code::Uninitialized, "t", "`t`"),
            (Code::Uninitialized, "u", "`u`"),
            (Code::UnbalancedStack, "return", "8 bytes are still pushed"),
        ],
    );
    // An unrolled loop, a helper used twice, two versions.
    check(
        "fn f(p: *mut u32) { for i in 0..4 { mov dword [p + 4*i], 1; } }",
        &[(Code::NeedsUnsafe, "dword", "memory at `p`")],
    );
    check(
        "inline fn h(p: gp64) { mov dword [p], 1; } fn f(p: *mut u32) { h(p); h(p); }",
        &[(Code::NeedsUnsafe, "dword", "memory at `p`")],
    );
    check(
        "#[version(enable = \"avx2\")] #[version(enable = \"sse2\")] fn f(p: *mut u32) { mov dword [p], 1; }",
        &[(Code::NeedsUnsafe, "dword", "memory at `p`")],
    );
    check("fn f(x: xmm) { }", &[(Code::BadSignature, "xmm", "")]);
}

#[test]
fn a_result_needs_a_return() {
    use Code::MissingReturn as Bad;
    check("fn f() -> u32 { }", &[(Bad, "f", "without a `return`")]);
    check("fn f(x: u32) -> u32 { inc x; }", &[(Bad, "f", "without a `return`")]);
    check("fn f(x: u32) -> u32 { test x, x; jz 'a; return x; 'a: }", &[(Bad, "f", "")]);
    check("fn f(x: u32) -> u32 { 'a: jmp 'a; }", &[]);
    check("fn f() -> u32 { ud2; }", &[]);
    check("fn f() -> u32 { ud0 eax, eax; }", &[]);
    check("fn f() -> bool { int3; }", &[(Bad, "f", "without a `return`")]);
    check("fn f() -> u32 { int3; return 1; }", &[]);
    check("fn f(x: u32) -> u32 { test x, x; jz 'a; return x; 'a: int3; }", &[(Bad, "f", "")]);
    // What comes back, and what does not, by the manuals.
    for goes_on in [
        "hlt", "int 3", "int 0x80", "int1", "syscall", "vmcall", "vmlaunch", "vmresume", "vmrun",
        "xabort 1", "enclu",
    ] {
        let zero = "xor eax, eax; xor ebx, ebx; xor ecx, ecx; xor edx, edx;";
        let features = "#[target_feature(enable = \"vmx,svm,rtm,sgx\")]";
        let source = format!("{features} unsafe fn f() -> u32 {{ {zero} {goes_on}; }}");
        check(&source, &[(Bad, "f", "without a `return`")]);
    }
    check("fn f(x: u32) -> u32 { test x, x; jz 'a; return x; 'a: ud2; }", &[]);
}

#[test]
fn the_stack_balances() {
    use Code::UnbalancedStack as Bad;
    check("fn f() { pop rax; push rax; }", &[(Bad, "pop", "pops more than")]);
    check(
        "fn f(x: u32) { test x, x; jz 'a; push 1; 'a: nop; pop rax; }",
        &[(Bad, "'", "with 0 and with 8 bytes")],
    );
    check("fn f() { push 1; return; }", &[(Bad, "return", "8 bytes are still pushed")]);
}

#[test]
fn what_is_unused_is_a_warning() {
    use Code::{Unreachable, UnusedRegister};
    check("fn f() { let t: gp32; }", &[(UnusedRegister, "t", "`t` is never used")]);
    check("fn f() { let _t: gp32; }", &[]);
    check("fn f() { let t: [ymm; 8]; }", &[(UnusedRegister, "t", "`t` is never used")]);
    check("fn f() { let t: [gp32; 8]; mov t[3], 1; }", &[]);
    check("fn f(x: u32) { }", &[]);
    check("fn f() { let t: gp32; let p: gp64 = 0; nop dword [p]; mov t, 1; }", &[]);
    check("fn f() { return; nop; nop; }", &[(Unreachable, "nop", "unreachable code")]);
    check("fn f(x: u32) -> u32 { return x; mov x, 1; }", &[(Unreachable, "mov", "")]);
    check("fn f() { 'a: jmp 'a; }", &[]);
    check("fn f() { return; }", &[]);
    // Used, or reached, in some copy.
    check("fn f() { for i in 0..2 { let t: gp32; if i == 0 { mov t, 1; } } }", &[]);
    check(
        "#[version(enable = \"avx2\", W = 1)] #[version(enable = \"sse2\", W = 0)] fn f() { let t: gp32; if W == 1 { mov t, 1; } }",
        &[],
    );
    check("for N in 0..3 { fn f_{N}() { let t: gp32; if N == 1 { mov t, 1; } } }", &[]);
    check(
        "inline fn h(n: const) { if n == 0 { jmp 'end; } nop; 'end: } fn f() { h(0); h(1); }",
        &[],
    );
}

#[test]
fn every_refusal_says_why_and_what_to_do() {
    for source in [
        "fn f(p: *mut u32) { mov dword [p], 1; }",
        "fn f(x: &u32) { mov dword [x], 1; }",
        "fn f(x: &mut u32) { mov dword [x + 4], 1; }",
        "fn f(x: &mut u32) { add x, 4; mov dword [x], 1; }",
        "fn f(x: &[f32; 4]) -> f32 { let v: xmm; movaps v, [x]; return v; }",
        "fn f() -> u32 { let b: u32; let t: gp32; mov t, [b]; return t; }",
        "fn f() { std; }",
        "fn f() { db 0x90; }",
        "fn f(x: u8) -> bool { return x; }",
        "fn f(x: u32) -> char { return x; }",
        "fn f(x: usize) -> NonNull<u8> { return x; }",
        "fn f(x: &u64) { movq mm0, [x]; }",
        "fn f() -> u64 { return rsp; }",
        "fn f(x: u64) { unsafe { rsp = x; } }",
        "fn f() -> u64 { let t: gp64; return t; }",
        "fn f() { push 1; }",
        "fn f() -> u32 { }",
    ] {
        let diagnostics = compile(source);
        assert!(diagnostics.has_errors(), "{source}");
        for d in diagnostics.iter() {
            let reasoned = !d.notes.is_empty() || !d.labels.is_empty() || d.help.is_some();
            assert!(d.help.is_some() && reasoned, "{source}: {}", d.message);
            assert!(!d.message.ends_with('.') && !d.message.contains('\n'), "{}", d.message);
        }
    }
}

/// The bytes of the only kernel, under System V.
fn bytes(source: &str) -> Vec<u8> {
    let tokens = TokenStream::from_str(source).expect("the test's own tokens");
    let compilation = pipeline::compile(tokens, &SYSV64);
    let version = &compilation.kernels[0].versions[0].encoded;
    version.bytes[..version.code_len].to_vec()
}

/// What a system call or raw bytes do to registers is not written down anywhere in the kernel.
#[test]
fn registers_are_not_shared_with_what_is_out_of_sight() {
    // A copy of `rax` must survive the answer in `rax`:
    // mov rax, rdi; mov rdx, rax; syscall; add rax, rdx; ret
    assert_eq!(
        bytes(
            "fn f(x: u64) -> u64 { unsafe { rax = x; let z: gp64 = rax; syscall; add rax, z; return rax; } }"
        ),
        [0x48, 0x89, 0xF8, 0x48, 0x89, 0xC2, 0x0F, 0x05, 0x48, 0x01, 0xD0, 0xC3]
    );
    // inc rax; add rax, x
    let raw =
        "fn f(x: u64) -> u64 { unsafe { rax = x; db 0x48, 0xFF, 0xC0; add rax, x; return rax; } }";
    assert_eq!(bytes(raw), [0x48, 0x89, 0xF8, 0x48, 0xFF, 0xC0, 0x48, 0x01, 0xF8, 0xC3]);
}

/// A step of a random kernel, over eight bytes of stack memory and two references.
#[derive(Clone, Copy, Debug)]
enum Step {
    WriteStack(usize, usize),
    ReadStack(usize, usize),
    WriteThrough(usize),
    /// Makes reference `.0` what reference `.1` is.
    Assign(usize, usize),
    Spoil(usize),
    Branch(usize),
    Jump(usize),
}

fn steps(random: &mut Random, count: usize) -> Vec<Step> {
    let step = |random: &mut Random| {
        let width = 1 << random.below(4);
        let at = random.below(8 / width) * width;
        match random.below(10) {
            0..3 => Step::WriteStack(at, width),
            3 => Step::ReadStack(at, width),
            4..6 => Step::WriteThrough(random.below(2)),
            6 => Step::Assign(random.below(2), random.below(2)),
            7 if random.below(3) == 0 => Step::Spoil(random.below(2)),
            8 => Step::Branch(random.below(count)),
            9 if random.below(3) == 0 => Step::Jump(random.below(count)),
            _ => Step::WriteStack(0, 8),
        }
    };
    (0..count).map(|_| step(random)).collect()
}

fn render(steps: &[Step]) -> String {
    let name = ["x", "y"];
    let mut body = String::new();
    for (index, step) in steps.iter().enumerate() {
        body += &format!("'at[{index}]: ");
        body += &match *step {
            Step::WriteStack(at, width) => {
                let size = ["byte", "word", "dword", "qword"][width.trailing_zeros() as usize];
                format!("mov {size} [b + {at}], 1; ")
            }
            Step::ReadStack(at, width) => {
                let class = ["gp8", "gp16", "gp32", "gp64"][width.trailing_zeros() as usize];
                format!("mov t.{class}, [b + {at}]; ")
            }
            Step::WriteThrough(reference) => format!("mov dword [{}], 1; ", name[reference]),
            Step::Assign(to, from) => format!("{} = {}; ", name[to], name[from]),
            Step::Spoil(reference) => format!("inc {}; ", name[reference]),
            // A flag of which nothing is known: the walk below takes both ways.
            Step::Branch(target) => format!("bt t, 1; jc 'at[{target}]; "),
            Step::Jump(target) => format!("jmp 'at[{target}]; "),
        };
    }
    format!("fn f(x: &mut u32, y: &mut u32) {{ let b: u64; let t: gp64 = 0; {body} }}")
}

/// Walks every path that leads to a new state: whether one of them reads stack memory that it has
/// not written, and whether one uses a reference that is spoilt.
fn walk(steps: &[Step]) -> (bool, bool) {
    // Bytes written; per register, which argument it holds.
    type State = (usize, u8, [Option<usize>; 2]);
    let mut seen: BTreeSet<State> = BTreeSet::new();
    let mut open: Vec<State> = vec![(0, 0, [Some(0), Some(1)])];
    let (mut unwritten, mut spoilt) = (false, false);
    while let Some(state @ (at, mut written, mut holds)) = open.pop() {
        if at == steps.len() || !seen.insert(state) {
            continue;
        }
        let mask = |at: usize, width: usize| (((1u16 << width) - 1) << at) as u8;
        let mut next = vec![at + 1];
        match steps[at] {
            Step::WriteStack(at, width) => written |= mask(at, width),
            Step::ReadStack(at, width) => unwritten |= mask(at, width) & !written != 0,
            Step::WriteThrough(reference) => spoilt |= holds[reference].is_none(),
            Step::Assign(to, from) => holds[to] = holds[from],
            Step::Spoil(reference) => holds[reference] = None,
            Step::Branch(target) => next.push(target),
            Step::Jump(target) => next = vec![target],
        }
        open.extend(next.into_iter().map(|at| (at, written, holds)));
    }
    (unwritten, spoilt)
}

#[test]
fn stack_memory_and_references_are_followed_along_every_path() {
    let mut counts = [0; 4];
    for seed in 1..=1500 {
        let mut random = Random::new(seed);
        let count = 3 + random.below(9);
        let steps = steps(&mut random, count);
        let source = render(&steps);
        let diagnostics = compile(&source);
        let has = |code| diagnostics.iter().any(|d| d.code == code);
        let (unwritten, spoilt) = walk(&steps);
        assert_eq!(has(Code::UninitializedMemory), unwritten, "seed {seed}: {source}");
        // Which of two arguments a register holds may be unknown although each would do.
        assert!(has(Code::NeedsUnsafe) || !spoilt, "seed {seed}: {source}");
        counts[usize::from(unwritten) + 2 * usize::from(spoilt)] += 1;
        assert!(!has(Code::Internal), "seed {seed}: {source}");
    }
    assert!(counts.iter().all(|&count| count > 20), "{counts:?}: the test has lost its point");
}

/// Words of the language in any order: whatever they are, the compiler has an answer.
#[test]
fn random_statements_never_panic() {
    let statements = [
        "mov a, b;",
        "mov a, [p];",
        "mov [l], a;",
        "mov a, [l + 4];",
        "push a;",
        "pop a;",
        "a = b;",
        "a = 0;",
        "rax = a;",
        "call a;",
        "'x[0]: ",
        "'x[1]: ",
        "jz 'x[0];",
        "jmp 'x[1];",
        "ud2;",
        "movd m, a.gp32;",
        "emms;",
        "xorps v, v;",
        "movaps v, w;",
        "v = w;",
        "cvtsi2ss v, a;",
        "addps v, w;",
        "movss [l], v;",
        "return;",
        "mul a;",
        "shl a, cl;",
        "sete a.gp8;",
        "add rsp, 8;",
        "mov a, rsp;",
        "db 1, 2;",
        "syscall;",
        "rep movsb;",
        "align 16;",
        "std;",
        "xchg a, b;",
        "cmove a, b;",
        "lock inc dword [p];",
        "movnti [p], a;",
        "sfence;",
        "leave;",
        "enter 8, 0;",
        "push 7;",
        "popfq;",
        "pushfq;",
        "pop rsp;",
        "mov ah, 1;",
        "div b;",
        "nop;",
        "loop 'x[0];",
        "jrcxz 'x[1];",
        "unsafe { call sym f; }",
        "cpuid;",
        "int3;",
        "a = rsp;",
    ];
    for seed in 1..=400 {
        let mut random = Random::new(seed);
        let count = random.below(24);
        let body: String = (0..count)
            .map(|_| {
                let statement = statements[random.below(statements.len())];
                match random.below(3) {
                    0 if !statement.ends_with(": ") => format!("unsafe {{ {statement} }} "),
                    _ => format!("{statement} "),
                }
            })
            .collect();
        let source = format!(
            "fn f(p: &mut u32, n: u8, z: &[f32; 4]) {{ let l: u64; let a: gp64; let b: gp64; let m: mm; let v: xmm; let w: xmm; {body} }}"
        );
        for native in [&SYSV64, &WIN64] {
            let tokens = TokenStream::from_str(&source).expect("the test's own tokens");
            let mut diagnostics = Diagnostics::new();
            let file = syntax::parse(tokens, &mut diagnostics);
            let program = expand::expand(&file, native, &mut diagnostics);
            for version in program.kernels.into_iter().flat_map(|group| group.versions) {
                let mut function = version.function;
                bind_arguments(&mut function);
                let facts = Facts::of(&function);
                verify(&Uses::of(&function, &facts).unwrap(), &mut diagnostics);
            }
            let internal = diagnostics.iter().find(|d| d.code == Code::Internal);
            assert!(internal.is_none(), "seed {seed}: {source}: {internal:?}");
        }
    }
}
