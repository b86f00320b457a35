//! What callers must assume that a kernel changes, for what its instructions do beyond their
//! operands.

use peach_compiler::abi::{Convention, SYSV64, WIN64};
use peach_compiler::frame::{Clobbers, clobbers};
use peach_compiler::isa::{FeatureSet, RegSet};
use peach_compiler::pipeline::{Target, compile};

fn of_under(convention: &'static Convention, body: &str) -> Clobbers {
    let source = format!("unsafe fn k(p: *mut u8, x: u64) {{ {body} }}");
    let target = Target { features: FeatureSet::all(), ..Target::from(convention) };
    let mut compilation = compile(source.parse().expect("tokens"), target);
    let messages: Vec<_> = compilation.diagnostics.iter().map(|d| d.message.clone()).collect();
    let version = compilation.kernels.pop().and_then(|mut group| group.versions.pop());
    let version = version.unwrap_or_else(|| panic!("{body}: {messages:#?}"));
    clobbers(&version.lowered, &version.function.features)
}

fn of(body: &str) -> Clobbers {
    of_under(&SYSV64, body)
}

/// Zero in everything that an instruction may read.
const ZERO: &str = "xor eax, eax; xor ebx, ebx; xor ecx, ecx; xor edx, edx;";

#[test]
fn fences_and_devices_touch_memory() {
    let bodies = [
        "mfence;",
        "lfence;",
        "sfence;",
        "serialize;",
        "cpuid;",
        "rdtscp;",
        "int3;",
        "int1;",
        "ud2;",
        "hlt;",
        "in al, dx;",
        "out dx, al;",
        "rdmsr;",
        "wrmsr;",
        "xsetbv;",
        "wbinvd;",
        "invd;",
        "monitor; mwait;",
        "monitorx;",
        "mwaitx;",
        "umonitor p;",
        "umwait eax;",
        "tpause eax;",
        "senduipi x;",
        "clui;",
        "stui;",
        "wrpkru;",
        "wrfsbase x;",
        "swapgs;",
        "clac;",
        "stac;",
        "xbegin 'out; xend; 'out:",
        "xabort 1;",
        "mov cr3, x;",
        "clflush [p];",
        "clflushopt [p];",
        "clwb [p];",
        "cldemote [p];",
        "sti;",
        "cli;",
        "let v: u64; mov qword [v], 0; lock or qword [v], 0;",
        "let v: u64; mov qword [v], 0; xchg [v], x;",
        "let v: u64; mov qword [v], 0; clflush [v];",
    ];
    for body in bodies {
        for convention in [&SYSV64, &WIN64] {
            let clobbers = of_under(convention, &format!("{ZERO} {body}"));
            assert!(clobbers.reads_memory && clobbers.writes_memory, "{body} {clobbers:?}");
        }
    }
    for body in
        ["pause;", "rdtsc;", "prefetcht0 [p];", "popcnt x, x;", "endbr64;", "nop dword [p];"]
    {
        let clobbers = of(body);
        assert!(!clobbers.reads_memory && !clobbers.writes_memory, "{body}");
    }
}

#[test]
fn who_runs_meanwhile_may_change_whatever_a_call_may() {
    let bodies = [
        "syscall;",
        "int 0x80;",
        "vmcall;",
        "vmmcall;",
        "vmlaunch;",
        "vmresume;",
        "vmrun;",
        "enclu;",
        "encls;",
        "getsec;",
        "tdcall;",
        "db 0x0f, 0x05;",
    ];
    for body in bodies {
        for (convention, volatile) in [(&SYSV64, 0x0FC7), (&WIN64, 0x0F07)] {
            let clobbers = of_under(convention, &format!("{ZERO} {body}"));
            let everything = (clobbers.gp.0, clobbers.vector, clobbers.mask, clobbers.tile);
            let all = (volatile, RegSet::ALL, RegSet::first(8), RegSet::first(8));
            assert_eq!(everything, all, "{body}, {}", convention.name);
            assert!(clobbers.x87 && clobbers.flags && clobbers.float_flags, "{body}");
            assert!(clobbers.reads_memory && clobbers.writes_memory, "{body}");
        }
    }
}

#[test]
fn wholesale_changes_are_declared() {
    let all = RegSet::ALL;
    let restored = of(&format!("{ZERO} xrstor [p];"));
    assert_eq!((restored.vector, restored.mask), (all, RegSet::first(8)));
    assert!(restored.x87 && restored.tile == RegSet::first(8) && restored.float_flags);
    let restored = of("fxrstor [p];");
    assert!(restored.x87 && restored.vector == RegSet::first(16) && restored.float_flags);
    assert!(of("frstor [p];").x87 && of("fldenv [p];").x87 && of("fninit;").x87 && of("emms;").x87);
    assert_eq!(of("tilerelease;").tile, RegSet::first(8));
    assert_eq!(of("ldtilecfg [p];").tile, RegSet::first(8));
    assert_eq!(of("tilezero tmm3;").tile, RegSet::one(3));
    assert_eq!(
        of("tilezero tmm1; tilezero tmm2; tilezero tmm3; tdpbssd tmm1, tmm2, tmm3;").tile,
        RegSet(0b1110)
    );
    assert_eq!(of("vzeroall;").vector, RegSet::first(16));
    assert_eq!(
        of("xorps xmm0, xmm0; xor eax, eax; encodekey128 eax, eax;").vector,
        RegSet(0b111_0111)
    );
    // Saving changes nothing.
    let saved = of(&format!("{ZERO} xsave [p];"));
    assert!(saved.vector.is_empty() && !saved.x87 && saved.writes_memory);
}

/// Rust's `preserves_flags` speaks of the exception flags of floating point too.
#[test]
fn float_flags_are_flags() {
    for body in [
        "addss xmm0, xmm1;",
        "cvttsd2si rax, xmm0;",
        "ldmxcsr [p];",
        "emms;",
        "cmpps xmm0, xmm1, 0;",
    ] {
        let body = format!("xorps xmm0, xmm0; xorps xmm1, xmm1; {body}");
        let clobbers = of(&body);
        assert!(clobbers.float_flags && !clobbers.flags, "{body}");
    }
    let quiet = of("movups xmm0, [p]; shufps xmm0, xmm0, 0; andps xmm0, xmm0; paddd xmm0, xmm0;");
    assert!(!quiet.float_flags && !quiet.flags);
}

/// Below the return address is the kernel's own. Where a user goes with `rsp`, it may not be.
#[test]
fn the_frame_ends_where_the_caller_begins() {
    let memory = |body: &str| of(body).writes_memory;
    assert!(!memory("mov qword [rsp - 8], 1;"));
    assert!(!memory("mov qword [rsp], 1;"));
    assert!(memory("mov qword [rsp + 8], 1;"));
    assert!(memory("mov qword [rsp + 1], 1;"));
    assert!(memory("mov [rsp + x*8], x;"));
    assert!(memory("mov [rsp + x - 64], x;"));
    assert!(memory("mov rbp, rsp; mov qword [rbp - 8], 1;"));
    assert!(memory("xorps xmm0, xmm0; movups [rsp], xmm0;"));
    assert!(!memory("push x; mov qword [rsp + 8], 1; pop x;"));
    assert!(memory("push x; mov qword [rsp + 16], 1; pop x;"));
    // A realigned frame: `rsp` is at an unknown distance.
    let realigned = |tail: &str| format!("let v: [u64; 16] align 64; mov qword [v], 1; {tail}");
    assert!(!memory(&realigned("")));
    assert!(!memory(&realigned("mov qword [rsp + 8], 1;")));
    assert!(memory(&realigned("mov qword [rsp + 0x1000], 1;")));
}
