//! `bsf` and `bsr` keep a destination that is written, and count as writing one that is not.

use peach_compiler::abi::{ArgPlace, Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::Severity;
use peach_compiler::pipeline::{CompiledFunction, compile};
use peach_testing::executable::Executable;
use peach_testing::machine::Machine;

fn compiled(convention: &'static Convention, source: &str) -> Result<CompiledFunction, String> {
    let mut compilation = compile(source.parse().expect("tokens"), convention);
    let version = compilation.kernels.pop().and_then(|mut group| group.versions.pop());
    let errors = compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    version.ok_or_else(|| errors.map(|d| format!("{source}\n    {}\n", d.message)).collect())
}

/// `rax` of a call with `args`, every other register holding garbage.
fn run(function: &CompiledFunction, args: &[u64], seed: u64) -> u64 {
    let code = Executable::new(&function.encoded.bytes);
    let mut machine = Machine::poisoned(seed);
    for (place, value) in function.function.placement.args.iter().zip(args) {
        let ArgPlace::Reg(reg) = place[0] else { panic!("{place:?}") };
        machine.gp[reg.num as usize] = *value;
    }
    // SAFETY: the kernels touch registers and their own stack.
    unsafe { machine.call(code.start()) };
    machine.gp[0]
}

/// Kernels of two arguments, with what they give for a first argument that is not 0, and for 0:
/// `None` where that may be anything.
type Case = (&'static str, fn(u64, u64) -> u64, Option<fn(u64) -> u64>);

fn log(x: u64) -> u64 {
    x.ilog2().into()
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; bsr r, x; add r, 1; return r; }", |x, _| log(x) + 1, None),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; bsf r, x; return r; }", |x, _| x.trailing_zeros().into(), None),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; bsr r.gp32, x.gp32; mov r.gp32, r.gp32; return r; }", |x, _| (x as u32).checked_ilog2().unwrap_or(0).into(), None),
    // A written destination is an input.
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; mov r, 100; bsr r, x; return r; }", |x, _| log(x), Some(|_| 100)),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64 = 100; bsf r, x; return r; }", |x, _| x.trailing_zeros().into(), Some(|_| 100)),
    ("fn f(x: u64, y: u64) -> u64 { bsr y, x; return y; }", |x, _| log(x), Some(|y| y)),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64 = y; bsr r, x; add r, y; return r; }", |x, y| log(x).wrapping_add(y), Some(|y| y.wrapping_mul(2))),
    ("fn f(x: u64, y: u64) -> u64 { rdx = y; bsr rdx, x; return rdx; }", |x, _| log(x), Some(|y| y)),
    // Physical registers, those that arguments arrive in among them.
    ("fn f(x: u64, y: u64) -> u64 { bsr rdx, x; return rdx; }", |x, _| log(x), None),
    ("fn f(x: u64, y: u64) -> u64 { bsr rdi, x; lea rax, [rdi + y]; return rax; }", |x, y| log(x).wrapping_add(y), None),
    ("fn f(x: u64, y: u64) -> u64 { bsr rcx, x; mov rax, y; shr rax, cl; return rax; }", |x, y| y >> log(x), None),
    ("fn f(x: u64, y: u64) -> u64 { bsr rbx, x; return rbx; }", |x, _| log(x), None),
    // Written on some paths, by some turns, in some bytes.
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; test y, 1; jz 'a; mov r, y; 'a: bsr r, x; return r; }", |x, _| log(x), None),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; test x, x; jz 'b; jmp 'a; 'b: mov r, y; 'a: bsr r, x; return r; }", |x, _| log(x), Some(|y| y)),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; let n: gp64; mov n, 3; 'next: { bsr r, x; dec n; jnz continue 'next; } return r; }", |x, _| log(x), None),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; mov r.gp8, 7; bsr r, x; movzx r.gp32, r.gp8; return r; }", |x, _| log(x), Some(|_| 7)),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; bsr r, x; bsf r, y; return r; }", |_, y| y.trailing_zeros().into(), None),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; let s: gp64; bsr r, x; s = r; add s, r; return s; }", |x, _| 2 * log(x), None),
    // Copied before it was ever written.
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; let s: gp64; s = r; bsr s, x; return s; }", |x, _| log(x), None),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64; let s: gp64; test x, x; jnz 'a; mov r, y; 'a: s = r; bsr s, x; return s; }", |x, _| log(x), Some(|y| y)),
    ("fn f(x: u64, y: u64) -> u64 { let r: gp64 = y; xor y, y; bsr r, x; add r, y; return r; }", |x, _| log(x), Some(|y| y)),
    ("inline fn log2(x: gp64) -> gp64 { let r: gp64; bsr r, x; return r; }\
      fn f(x: u64, y: u64) -> u64 { let a = log2(x); let b = log2(y); add a, b; return a; }", |x, y| log(x) + log(y), None),
    // Every other register is used.
    ("fn f(x: u64, y: u64) -> u64 { let a: [gp64; 11]; for r in a { mov r, x; } let r: gp64; bsr r, y; for s in a { add r, s; } return r; }", |x, y| log(y).wrapping_add(x.wrapping_mul(11)), None),
];

#[test]
fn scans_in_every_place() {
    let mut wrong = String::new();
    for (source, nonzero, zero) in CASES {
        for convention in [&SYSV64, &WIN64] {
            for source in [source.to_string(), source.replace("fn f(", "#[spill] fn f(")] {
                let function = match compiled(convention, &source) {
                    Ok(function) => function,
                    Err(text) => {
                        wrong += &text;
                        continue;
                    }
                };
                for seed in 0..8 {
                    let (x, y) = (1 << (seed * 7 + 1) | 5, 3 + seed);
                    let found = run(&function, &[x, y], seed);
                    let expected = nonzero(x, y);
                    if found != expected {
                        wrong += &format!("{source}: {found} for {x}, {y}, not {expected}\n");
                    }
                    if let Some(expected) = zero {
                        let found = run(&function, &[0, y], seed);
                        if found != expected(y) {
                            wrong += &format!("{source}: {found} for 0, {y}\n");
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// More registers than there are, so that the destination itself may live in memory: used in every
/// turn of a loop, or after it alone.
#[test]
fn spilled_destinations() {
    for path in ["", "test x, 1; jz 'a; mov r, x; 'a:", "mov r.gp8, 7;", "mov r, 9;"] {
        for (used, is_used) in [("add v, r;", 1), ("", 0)] {
            let source = format!(
                "#[spill] fn f(x: u64, y: u64) -> u64 {{ \
                 let r: gp64; let a: [gp64; 16]; {path} for i in 0..16 {{ lea a[i], [y + i]; }} \
                 let n: gp64 = 2; \
                 'next: {{ bsr r, x; for v in a {{ {used} imul v, v, 3; }} dec n; jnz continue 'next; }} \
                 for v in a {{ add v, v; }} for v in a {{ add r, v; }} return r; }}"
            );
            for convention in [&SYSV64, &WIN64] {
                let function =
                    compiled(convention, &source).unwrap_or_else(|text| panic!("{text}"));
                for x in [1u64, 2, 1 << 40, u64::MAX] {
                    let log = u64::from(x.ilog2());
                    let turn = |v: u64| v.wrapping_add(log * is_used).wrapping_mul(3);
                    let total =
                        |sum: u64, i: u64| sum.wrapping_add(turn(turn(70 + i)).wrapping_mul(2));
                    assert_eq!(run(&function, &[x, 70], x), (0..16).fold(log, total), "{source}");
                }
            }
        }
    }
}

/// Everything else that may leave its destination alone still has to find it written.
#[test]
fn others_do_not_count_as_writing() {
    for body in [
        "let r: gp64; test x, x; cmovz r, x; return r;",
        "let r: gp64; cmpxchg r, x; return x;",
        "let r: gp64; unsafe { lsl r.gp32, x.gp32; } return r;",
        "let r: gp64; unsafe { lar r.gp32, x.gp32; } return r;",
        "let r: gp64; test x, x; setz r.gp8; return r;",
        "let r: gp64; let s: gp64; bsr r, s; return r;",
    ] {
        let source = format!("fn f(x: u64) -> u64 {{ {body} }}");
        let error = compiled(&SYSV64, &source).expect_err(&source);
        assert!(error.contains("is read") || error.contains("are read"), "{error}");
        assert!(!error.contains("instead of"), "{error}");
    }
    // The low bits always get a value: the carry flag tells whether it is one.
    for body in ["rdrand r", "rdseed r", "tzcnt r, x", "lzcnt r, x", "popcnt r, x"] {
        let source = format!(
            "#[target_feature(enable = \"rdrand,rdseed,bmi1,lzcnt,popcnt\")] \
             fn f(x: u64) -> u64 {{ let r: gp64; {body}; return r; }}"
        );
        compiled(&SYSV64, &source).unwrap_or_else(|text| panic!("{text}"));
    }
}
