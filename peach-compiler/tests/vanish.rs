//! No statement vanishes: random programs of every kind of statement, with names that are in error
//! or of the wrong kind among them, are rejected or keep an instruction for each that they have.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Code;
use peach_compiler::ir::Op;
use peach_compiler::pipeline::compile;
use peach_testing::Random;
use std::fmt::Write;

/// Statements, each with how many instructions it stands for. `R` is a register, `C` a constant,
/// `B` a condition, `M` memory, `T` a class, `N` a new name.
const STATEMENTS: &[(&str, usize)] = &[
    ("add R, R;", 1),
    ("mov R, C;", 1),
    ("mov qword [M + 8*C], R;", 1),
    ("lock add qword [M], C;", 1),
    ("R = R;", 1),
    ("R = C;", 1),
    ("R = [M];", 1),
    ("let N: T;", 0),
    ("let N: T = R;", 1),
    ("let N, N: T = C;", 2),
    ("let N, N: T;", 0),
    ("let N: [T; 2] = [R, C];", 2),
    ("let N, N: [T; 2] = [R, R];", 4),
    ("let (N, N): T = (R, R);", 2),
    ("let (N, N): [T; 2];", 0),
    ("let (N, N): [u64; 2];", 0),
    ("let N, N: [u64; C];", 0),
    ("let N: [u64; 2] align 16;", 0),
    ("let N = R;", 0),
    ("let (N, N) = (R, R);", 0),
    ("let (N, (N, N)) = (R, (C, M));", 0),
    ("let (N, N) = R;", 0),
    ("let N: const = C;", 0),
    ("let mut N: const = C; N += C;", 0),
    ("const N = C;", 0),
    ("const N: u32 = C;", 0),
    ("const N: [u32; 2] = [C, C];", 0),
    ("const N: [label; 1] = ['end];", 0),
    ("{ add R, R; }", 1),
    ("'N: { add R, R; jz break 'N; }", 2),
    ("unsafe { add R, R; }", 1),
    ("for N in 0..C { add R, N; add R, R; }", 2),
    ("for N in [R, R] { add N, 1; }", 2),
    ("for (N, N) in zip([R], [R]) { add R, 1; }", 1),
    ("if B { add R, R; } else { sub R, R; }", 1),
    ("while !B { add R, R; }", 0),
    ("assert!(B, \"it holds\");", 0),
    ("stream N { add R, R; sub R, C; } issue N; emit N[1];", 2),
    ("stream N { add R, R; } stream O { sub R, R; } interleave N, O;", 2),
    ("one(R);", 1),
    ("let N = one(R);", 1),
    ("let N, N: T = one(R);", 3),
    ("some(C, R);", 1),
    ("align C;", 1),
    ("unsafe { db C; }", 1),
    ("op R, C;", 1),
];

/// What stands for a letter: the first ones are right, the last ones are not.
fn filled(letter: char, random: &mut Random, made: &mut usize) -> String {
    let (right, wrong): (&[&str], &[&str]) = match letter {
        'R' => {
            (&["a", "b", "list[1]", "a.gp64"], &["nothing", "poison", "list", "list[7]", "a.xyz"])
        }
        'C' => (&["1", "K", "K + 0", "len([4])"], &["nothing", "poison", "a", "K / 0", "list[0]"]),
        'B' => (&["true", "K == 1"], &["nothing", "poison", "K", "a"]),
        'M' => (&["buf", "x", "x + a"], &["nothing", "poison", "a.gp8", "K * x"]),
        'T' => (&["gp64"], &["nothing", "poison", "u128", "xmm"]),
        _ => {
            *made += 1;
            return format!("n{made}");
        }
    };
    match random.below(12) {
        0 => random.pick(wrong).to_string(),
        _ => random.pick(right).to_string(),
    }
}

fn statement(template: &str, random: &mut Random, made: &mut usize) -> String {
    let name = *made;
    let mut text = String::new();
    for (at, ch) in template.char_indices() {
        let is_word = |other: Option<char>| other.is_some_and(|ch| ch.is_alphanumeric());
        let is_alone = !is_word(template[..at].chars().next_back())
            && !is_word(template[at + 1..].chars().next());
        match ch {
            'R' | 'C' | 'B' | 'M' | 'T' if is_alone => text += &filled(ch, random, made),
            // Where a statement names what it has declared, it has declared one name.
            'N' if is_alone && !template.contains("N, N") && !template.contains("(N, (") => {
                let _ = write!(text, "n{}", name + 1);
                *made = (*made).max(name + 1);
            }
            'N' if is_alone => text += &filled('N', random, made),
            'O' if is_alone => {
                *made += 1;
                let _ = write!(text, "n{made}");
            }
            other => text.push(other),
        }
    }
    text
}

/// A program, and how many instructions it stands for.
fn program(random: &mut Random) -> (String, usize) {
    let mut text = String::from(
        "const K = 1;
         inline fn one(r: gp64) -> gp64 { add r, 1; return r; }
         inline fn some(n: const, r: gp64) { add r, n; }
         #[version(op = add)]
         pub unsafe fn f(x: *mut u64, a: u64, b: u64) {
             let list: [gp64; 2] = [0, 0];
             let buf: [u64; 2];
             mov qword [buf], 0;\n",
    );
    let (mut count, mut made) = (3, 0);
    if random.below(4) == 0 {
        text += "let poison: gp64 = nothing;\n";
    }
    for _ in 0..1 + random.below(4) {
        let (template, instructions) = STATEMENTS[random.below(STATEMENTS.len())];
        text += &statement(template, random, &mut made);
        text.push('\n');
        count += instructions;
    }
    text += "'end: return; }";
    (text, count)
}

#[test]
fn every_statement_is_kept_or_in_error() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..2500 {
        let (text, count) = program(&mut random);
        let compilation = compile(text.parse().expect("tokens"), &SYSV64);
        let messages: Vec<&str> =
            compilation.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert!(
            compilation.diagnostics.iter().all(|d| d.code != Code::Internal),
            "{text}\n{messages:#?}"
        );
        if compilation.diagnostics.has_errors() {
            assert!(compilation.kernels.iter().all(|kernel| kernel.versions.is_empty()), "{text}");
            refused += 1;
            continue;
        }
        let function = &compilation.kernels[0].versions[0].function;
        let found = function
            .insts
            .iter()
            .filter(|inst| !matches!(inst.op, Op::Label(_) | Op::Return { .. }))
            .count();
        assert_eq!(found, count, "{text}\n{function}");
        kept += 1;
    }
    assert!(kept > 500 && refused > 500, "{kept} kept, {refused} refused");
}
