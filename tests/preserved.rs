//! What a convention preserves is preserved, and what a kernel is said to change is all that it
//! changes: kernels of every kind of frame, called with every register known.

use peach_compiler::abi::{
    ArgPlace, Convention, GOASM, GOASM_P32, GOSYSO, ResultPlace, SYSV64, WIN64, X32,
};
use peach_compiler::frame::{Clobbers, clobbers};
use peach_compiler::isa::gp;
use peach_compiler::pipeline::{CompiledFunction, compile};
use peach_testing::executable::Executable;
use peach_testing::kernels::KERNELS;
use peach_testing::low::LowMemory;
use peach_testing::machine::Machine;
use peach_testing::processor::has;

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
    (!source.contains("avx2") || has("avx2", is_x86_feature_detected!("avx2")))
        && (!source.contains("avx512") || has("avx512bw", is_x86_feature_detected!("avx512bw")))
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
