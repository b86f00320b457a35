//! What a convention preserves is preserved, and what a kernel is said to change is all that it
//! changes: kernels of every kind of frame, called with every register known.

use peach_compiler::abi::{
    ArgPlace, Convention, GOASM, GOASM_P32, GOSYSO, ResultPlace, SYSV64, WIN64, X32,
};
use peach_compiler::frame::{Clobbers, clobbers};
use peach_compiler::isa::gp;
use peach_compiler::pipeline::{CompiledFunction, compile};
use peach_testing::executable::Executable;
use peach_testing::low::LowMemory;
use peach_testing::machine::Machine;

/// One kernel of the name `k`. Its first argument is the address of a buffer, the second a number.
const KERNELS: &[(&str, &str)] = &[
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

/// The conventions whose code this process can call.
const CONVENTIONS: &[&Convention] = &[&SYSV64, &WIN64, &X32, &GOASM, &GOSYSO, &GOASM_P32];

fn compiled(convention: &'static Convention, source: &str) -> CompiledFunction {
    let source = source.replacen("fn k", "unsafe fn k", 1);
    let mut compilation = compile(source.parse().expect("tokens"), convention);
    let messages: Vec<String> =
        compilation.diagnostics.iter().map(|d| format!("{}: {}", d.code.id(), d.message)).collect();
    let version = compilation.kernels.pop().and_then(|mut group| group.versions.pop());
    version.unwrap_or_else(|| panic!("{source}: {messages:#?}"))
}

/// Whether this processor has what the kernel needs.
fn is_supported(source: &str) -> bool {
    (!source.contains("avx2") || is_x86_feature_detected!("avx2"))
        && (!source.contains("avx512f") || is_x86_feature_detected!("avx512f"))
        && (!source.contains("avx512bw") || is_x86_feature_detected!("avx512bw"))
}

fn buffer() -> LowMemory {
    let mut buffer = LowMemory::new(64);
    buffer.fill(3);
    buffer
}

/// Calls the kernel with every register poisoned but the argument registers that hold the buffer.
fn run(function: &CompiledFunction, seed: u64, buffer: &mut [u64]) -> (Machine, Machine) {
    let code = Executable::new(&function.encoded.bytes);
    let mut before = Machine::poisoned(seed);
    let buffer = buffer.as_mut_ptr();
    let placement = &function.function.placement;
    if let Some(reg) = placement.hidden_result {
        before.gp[reg.num as usize] = buffer.wrapping_add(32) as u64;
    }
    match placement.args[0][0] {
        ArgPlace::Reg(reg) => before.gp[reg.num as usize] = buffer as u64,
        ArgPlace::Stack { .. } => before.stack[0] = buffer as u64,
        place => panic!("the buffer arrives at {place:?}"),
    }
    let mut after = before.clone();
    // SAFETY: the kernels touch their stack and the buffer.
    unsafe { after.call(code.start()) };
    (before, after)
}

#[test]
fn preserved_registers_survive() {
    for (name, source) in KERNELS.iter().filter(|(_, source)| is_supported(source)) {
        for &convention in CONVENTIONS {
            let function = compiled(convention, source);
            for seed in 0..4 {
                let (before, mut after) = run(&function, seed, &mut buffer());
                let place = format!("{name}, {}", convention.name);
                for reg in convention.saved_gp.iter().map(usize::from) {
                    assert_eq!(before.gp[reg], after.gp[reg], "register {reg}: {place}");
                }
                assert_eq!(after.gp[gp::RSP.num as usize], 0, "rsp: {place}");
                for reg in convention.saved_xmm.iter().map(usize::from) {
                    assert_eq!(
                        before.vectors[reg].0[..2],
                        after.vectors[reg].0[..2],
                        "xmm{reg}: {place}"
                    );
                }
                if let ResultPlace::Stack { offsets } = &function.function.placement.result {
                    for slot in offsets.iter().map(|offset| *offset as usize / 8) {
                        after.stack[slot] = before.stack[slot];
                    }
                }
                let shadow = convention.shadow as usize / 8;
                assert_eq!(before.stack[shadow..], after.stack[shadow..], "stack: {place}");
                assert_eq!(after.flags & 1 << 10, 0, "direction flag: {place}");
                assert_eq!(after.mxcsr & 0xFFC0, 0x1F80, "MXCSR: {place}");
            }
        }
    }
}

#[test]
fn the_clobber_list_is_complete() {
    for (name, source) in KERNELS.iter().filter(|(_, source)| is_supported(source)) {
        for convention in [&SYSV64, &WIN64] {
            let function = compiled(convention, source);
            let clobbers = clobbers(&function.lowered, &function.function.features);
            for seed in 0..4 {
                let (before, after) = run(&function, seed, &mut buffer());
                check_clobbers(&clobbers, &before, &after, &format!("{name}, {}", convention.name));
            }
        }
    }
}

fn check_clobbers(clobbers: &Clobbers, before: &Machine, after: &Machine, place: &str) {
    for reg in (0..16u8).filter(|reg| *reg != gp::RSP.num && !clobbers.gp.contains(*reg)) {
        let reg = usize::from(reg);
        assert_eq!(before.gp[reg], after.gp[reg], "register {reg}: {place}");
    }
    let (count, bytes) = before.vector_shape();
    for reg in (0..count).filter(|reg| !clobbers.vector.contains(*reg as u8)) {
        let lanes = bytes / 8;
        assert_eq!(
            before.vectors[reg].0[..lanes],
            after.vectors[reg].0[..lanes],
            "vector {reg}: {place}"
        );
    }
    if count == 32 {
        for reg in (0..8).filter(|reg| !clobbers.mask.contains(*reg as u8)) {
            assert_eq!(before.masks[reg], after.masks[reg], "mask {reg}: {place}");
        }
    }
    if !clobbers.flags {
        assert_eq!(before.flags & 0x8D5, after.flags & 0x8D5, "flags: {place}");
    }
    if !clobbers.uses_shadow {
        assert_eq!(before.stack, after.stack, "shadow space: {place}");
    }
}

/// What the list must not hold: a caller keeps its values in these.
#[test]
fn the_clobber_list_is_short() {
    let of = |convention, name: &str| {
        let (_, source) = KERNELS.iter().find(|(known, _)| *known == name).expect("a kernel");
        let function = compiled(convention, source);
        clobbers(&function.lowered, &function.function.features)
    };
    let nothing = of(&SYSV64, "nothing");
    assert_eq!((nothing.gp.0, nothing.vector.0, nothing.flags), (1, 0, false));
    assert!(!nothing.reads_memory && !nothing.writes_memory && !nothing.uses_stack);
    assert!(of(&SYSV64, "flags alone").flags);
    assert_eq!(of(&SYSV64, "all general registers").gp.0 & SYSV64.saved_gp.0, 0);
    assert_eq!(of(&WIN64, "all vectors").vector.0, 0x3F);
    assert_eq!(of(&SYSV64, "one ymm").vector.0, 0xFFFF, "vzeroupper clears all upper halves");
    let red_zone = of(&SYSV64, "locals in the red zone");
    assert!(red_zone.uses_stack && !red_zone.writes_memory);
    assert!(of(&WIN64, "locals in the red zone").uses_shadow);
    assert!(of(&SYSV64, "stack arguments under pushes").reads_memory);
    assert!(of(&SYSV64, "mmx").x87);
}
