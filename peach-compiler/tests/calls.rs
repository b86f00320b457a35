//! What leaves the kernel's sight reads the registers that the source has set: every way to set
//! one before every way to leave, under every convention.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::diagnostics::Severity;
use peach_compiler::isa::FeatureSet;
use peach_compiler::pipeline::{Target, compile};

const CONVENTIONS: [&Convention; 2] = [&SYSV64, &WIN64];

/// What may set a register before, with the arguments that it takes.
const SETTERS: &[(&str, &str)] = &[
    ("t: f32", "xmm0 = t;"),
    ("t: f64", "xmm0 = t;"),
    ("t: f64", "xmm7 = t;"),
    ("t: f64", "xmm3 = t; xmm0 = t;"),
    ("t: f64", "let v: xmm = t; xmm1 = v;"),
    ("t: f64", "let v: ymm; vmovups v, ymm_data(); ymm0 = v;"),
    ("t: f64", "let v: zmm; vmovups v, zmm_data(); zmm2 = v;"),
    ("t: f64", "vmovups zmm0, zmm_data(); xmm0 = t;"),
    ("t: f64", "vmovups ymm1, ymm_data(); xmm1 = t;"),
    ("t: f64", "movaps xmm0, t;"),
    ("t: f64", "movsd xmm0, t;"),
    ("t: f64", "xmm0 = f32x4(1.0, 2.0, 3.0, 4.0);"),
    ("t: f64", "let z: gp64 = 0; test z, z; jz 'skip; xmm0 = t; 'skip:"),
    ("t: f64", "let z: gp64 = 0; test z, z; jz 'skip; vmovups zmm0, zmm_data(); 'skip: xmm0 = t;"),
    ("t: f64", "let z: gp64 = 0; xmm0 = t; test z, z; jz 'skip; vmovups zmm0, zmm_data(); 'skip:"),
    (
        "t: f64",
        "let m: k; kxnorw m, m, m; let v: zmm; vmovups v, zmm_data(); vaddps zmm0{m}, v, v;",
    ),
    ("t: f64", "let m: k; kxnorw m, m, m; xmm0 = t; vmovups zmm0{m}, zmm_data();"),
    ("x: u64", "rdi = x;"),
    ("x: u64", "rcx = x; rax = x;"),
    ("x: u8", "cl = x;"),
    ("x: u8", "al = x;"),
    ("x: u16", "dx = x;"),
    ("x: u32", "ecx = x;"),
    ("x: u32", "esi = x; sil = x.gp8;"),
    ("x: u32", "rdx = 5; dl = x.gp8;"),
    ("x: u32", "mov ah, x.gp8;"),
    ("x: u64", "bsr rcx, x;"),
    ("x: u64", "test x, x; cmovz r8, x;"),
    ("x: u64", "k1 = x_mask();"),
    ("x: u64", "movq mm0, x;"),
];

/// Ways out.
const EXITS: &[&str] = &[
    "call sym g;",
    "let to: gp64; mov to, sym g; call to;",
    "call [p];",
    "db 0x0f, 0x05;",
    "syscall;",
    "int 0x80;",
    "vmcall;",
    "call sym g; call sym g;",
    "'again: call sym g; dec qword [p]; jnz 'again;",
];

fn body(setter: &str, exit: &str) -> String {
    let setter = setter.replace("zmm_data()", "f32x16(1.0)").replace("ymm_data()", "f32x8(1.0)");
    let setter = setter.replace("k1 = x_mask();", "let m: k; kmovq m, x; k1 = m;");
    let clean = if setter.contains("mm0, x") { "emms;" } else { "" };
    format!("{{ {setter} {exit} {clean} }}")
}

#[test]
fn everything_that_is_set_can_be_handed_over() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for convention in CONVENTIONS {
        let target = Target { features: FeatureSet::all(), ..Target::from(convention) };
        for (argument, setter) in SETTERS {
            for exit in EXITS {
                let text = body(setter, exit);
                for source in [
                    format!("unsafe fn f({argument}, p: *mut u64) {text}"),
                    format!("#[spill] unsafe fn f(p: *mut u64, {argument}) {{ {text} {text} }}"),
                ] {
                    let compilation = compile(source.parse().expect("tokens"), target);
                    count += 1;
                    let errors =
                        compilation.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
                    wrong.extend(errors.map(|d| {
                        format!("{source}\n    {}: {} {:?}", convention.name, d.message, d.code)
                    }));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
