//! Where arguments arrive and results leave: tables in the conventions' own words, typed in from
//! the disassembly of what rustc 1.95 compiles for functions of the same signatures.
//!
//! Nothing here runs rustc: `tests/conventions.rs` calls kernels from rustc's own code, and a C
//! compiler's, with the same kinds of signature.

use peach_compiler::abi::{
    ArgPlace, Convention, GOASM, GOASM_P32, GOSYSO, ParamType, Placement, ResultPlace, ResultType,
    SYSV64, WIN64, X32, place,
};
use peach_compiler::isa::{PhysReg, gp::*};

const U8: ParamType = ParamType::Int { bytes: 1 };
const U16: ParamType = ParamType::Int { bytes: 2 };
const U32: ParamType = ParamType::Int { bytes: 4 };
const U64: ParamType = ParamType::Int { bytes: 8 };
const F32: ParamType = ParamType::Float { bytes: 4 };
const F64: ParamType = ParamType::Float { bytes: 8 };
const M128: ParamType = ParamType::Vector { bytes: 16 };
const M256: ParamType = ParamType::Vector { bytes: 32 };
const M512: ParamType = ParamType::Vector { bytes: 64 };
const WIDE: ParamType = ParamType::Wide;

const XMM0: PhysReg = PhysReg::vector(0);
const XMM1: PhysReg = PhysReg::vector(1);

fn reg(reg: PhysReg) -> Vec<ArgPlace> {
    vec![ArgPlace::Reg(reg)]
}

fn regs(low: PhysReg, high: PhysReg) -> Vec<ArgPlace> {
    vec![ArgPlace::Reg(low), ArgPlace::Reg(high)]
}

fn stack(offset: u32) -> Vec<ArgPlace> {
    vec![ArgPlace::Stack { offset }]
}

fn stack_pair(offset: u32) -> Vec<ArgPlace> {
    vec![ArgPlace::Stack { offset }, ArgPlace::Stack { offset: offset + 8 }]
}

fn args(convention: &Convention, params: &[ParamType]) -> Placement {
    place(convention, params, ResultType::Unit)
}

fn pair(convention: &Convention, a: ParamType, b: ParamType) -> ResultPlace {
    place(convention, &[], ResultType::Pair(a, b)).result
}

#[test]
fn sysv_counts_integers_and_vectors_apart() {
    let p = args(&SYSV64, &[U32, F64, U8, F32, U64, U64, U64, U64, U64, M128]);
    let expected = [RDI, XMM0, RSI, XMM1, RDX, RCX, R8, R9].map(reg);
    assert_eq!(p.args[..8], expected);
    assert_eq!(p.args[8], stack(0));
    assert_eq!(p.args[9], reg(PhysReg::vector(2)));
    assert_eq!(p.stack_bytes, 8);
}

#[test]
fn sysv_i128_takes_two_registers_or_aligned_stack() {
    // fn(u32, i128, u8, i128, i128, u64, i128, u64): rcx is the u8; the rest is read at
    // [rsp + 8], [rsp + 0x18], [rsp + 0x28], [rsp + 0x38].
    let p = args(&SYSV64, &[U32, WIDE, U8, WIDE, WIDE, U64, WIDE, U64]);
    assert_eq!(p.args[1], regs(RSI, RDX));
    assert_eq!(p.args[2], reg(RCX));
    assert_eq!(p.args[3], regs(R8, R9));
    assert_eq!(p.args[4], stack_pair(0));
    assert_eq!(p.args[5], stack(0x10));
    assert_eq!(p.args[6], stack_pair(0x20));
    assert_eq!(p.args[7], stack(0x30));
    assert_eq!(p.stack_bytes, 0x38);
}

#[test]
fn sysv_i128_leaves_the_last_register_to_the_next_integer() {
    let p = args(&SYSV64, &[U64, U64, U64, U64, U64, WIDE, U64, U64]);
    assert_eq!(p.args[5], stack_pair(0));
    assert_eq!(p.args[6], reg(R9));
    assert_eq!(p.args[7], stack(0x10));
}

#[test]
fn sysv_vectors_on_the_stack_are_aligned() {
    // fn(u32, 8 × __m256, f32, __m256, f32, __m128, u8): [rbp + 0x10], 0x30, 0x50, 0x60 behind
    // `push rbp`; the u8 is still in esi.
    let mut params = vec![U32];
    params.extend([M256; 8]);
    params.extend([F32, M256, F32, M128, U8]);
    let p = args(&SYSV64, &params);
    assert_eq!(p.args[8], reg(PhysReg::vector(7)));
    assert_eq!(p.args[9], stack(0));
    assert_eq!(p.args[10], stack(0x20));
    assert_eq!(p.args[11], stack(0x40));
    assert_eq!(p.args[12], stack(0x50));
    assert_eq!(p.args[13], reg(RSI));

    // fn(8 × __m512, f32, __m512, f32, __m512): [rbp + 0x10], 0x50, 0x90, 0xd0.
    let mut params = vec![M512; 8];
    params.extend([F32, M512, F32, M512]);
    let p = args(&SYSV64, &params);
    assert_eq!(p.args[8..], [0, 0x40, 0x80, 0xC0].map(stack));
}

#[test]
fn slices_are_two_arguments() {
    let p = args(&SYSV64, &[U8, U8, U8, ParamType::Slice, ParamType::Slice]);
    assert_eq!(p.args[3], regs(RCX, R8));
    assert_eq!(p.args[4], [reg(R9), stack(0)].concat());
    let p = args(&WIN64, &[U8, U8, U8, ParamType::Slice]);
    assert_eq!(p.args[3], [reg(R9), stack(32)].concat());
}

#[test]
fn win64_goes_by_position() {
    let p = args(&WIN64, &[U32, F32, F64, U8, F64, U16]);
    assert_eq!(p.args[..4], [RCX, XMM1, PhysReg::vector(2), R9].map(reg));
    assert_eq!(p.args[4..], [32, 40].map(stack));
    assert_eq!(p.stack_bytes, 16);
}

#[test]
fn win64_passes_vectors_and_i128_by_reference() {
    // fn(u32, i128, u8, __m128, i128, __m128): [rdx], [rdx + 8], [r9]; addresses at [rsp + 0x28],
    // [rsp + 0x30].
    let p = args(&WIN64, &[U32, WIDE, U8, M128, WIDE, M256]);
    let at = |pointer, offset| ArgPlace::Indirect { pointer, offset };
    let from_stack = |slot, offset| ArgPlace::StackIndirect { slot, offset };
    assert_eq!(p.args[1], [at(RDX, 0), at(RDX, 8)]);
    assert_eq!(p.args[3], [at(R9, 0)]);
    assert_eq!(p.args[4], [from_stack(32, 0), from_stack(32, 8)]);
    assert_eq!(p.args[5], [from_stack(40, 0)]);
}

#[test]
fn sysv_results() {
    let one = |t| place(&SYSV64, &[], ResultType::One(t)).result;
    assert_eq!(one(U8), ResultPlace::Regs(vec![RAX]));
    assert_eq!(one(F32), ResultPlace::Regs(vec![XMM0]));
    assert_eq!(one(M512), ResultPlace::Regs(vec![XMM0]));
    assert_eq!(one(WIDE), ResultPlace::Regs(vec![RAX, RDX]));

    let packed = |reg, shift| ResultPlace::Packed { reg, shift };
    assert_eq!(pair(&SYSV64, U32, U32), packed(RAX, 32));
    assert_eq!(pair(&SYSV64, U8, U8), packed(RAX, 8));
    assert_eq!(pair(&SYSV64, U16, U8), packed(RAX, 16));
    assert_eq!(pair(&SYSV64, U8, U32), packed(RAX, 32));
    assert_eq!(pair(&SYSV64, F32, F32), packed(XMM0, 32));
    for (a, b) in [(U64, U32), (U8, U64), (U64, U64), (U32, U64)] {
        assert_eq!(pair(&SYSV64, a, b), ResultPlace::Regs(vec![RAX, RDX]));
    }
    for (a, b) in [(F32, F64), (F64, F32), (F64, F64)] {
        assert_eq!(pair(&SYSV64, a, b), ResultPlace::Regs(vec![XMM0, XMM1]));
    }
}

#[test]
fn win64_results() {
    let one = |t| place(&WIN64, &[], ResultType::One(t)).result;
    assert_eq!(one(U64), ResultPlace::Regs(vec![RAX]));
    assert_eq!(one(M256), ResultPlace::Regs(vec![XMM0]));
    // rustc: movq xmm0, lo; movq xmm1, hi; punpcklqdq xmm0, xmm1.
    assert_eq!(one(WIDE), ResultPlace::Packed { reg: XMM0, shift: 64 });

    for (a, b, shift) in
        [(U8, U8, 8), (U8, U16, 16), (U16, U8, 16), (U8, U32, 32), (U32, U32, 32), (F32, F32, 32)]
    {
        assert_eq!(pair(&WIN64, a, b), ResultPlace::Packed { reg: RAX, shift });
    }
    for (a, b) in [(U64, U32), (U8, U64), (U64, U64), (F32, F64), (F64, F32), (F64, F64)] {
        assert_eq!(pair(&WIN64, a, b), ResultPlace::Memory { offsets: vec![0, 8] });
    }
}

#[test]
fn a_result_in_memory_takes_the_first_integer_register() {
    let p = place(&WIN64, &[U32, F64, U8, U64], ResultType::Pair(U64, U64));
    assert_eq!(p.hidden_result, Some(RCX));
    assert_eq!(p.args[..3], [RDX, PhysReg::vector(2), R9].map(reg));
    assert_eq!(p.args[3], stack(32));
    let p = place(&SYSV64, &[U32, F64], ResultType::Pair(WIDE, U8));
    assert_eq!(p.hidden_result, Some(RDI));
    assert_eq!(p.result, ResultPlace::Memory { offsets: vec![0, 8, 16] });
    assert_eq!(p.args, [RSI, XMM0].map(reg));
    assert_eq!(place(&SYSV64, &[U32], ResultType::Pair(U64, U64)).hidden_result, None);
}

#[test]
fn every_convention_is_found_by_its_names() {
    for convention in Convention::ALL {
        assert_eq!(Convention::parse(convention.flag), Some(*convention));
        assert_eq!(Convention::parse(convention.name), Some(*convention));
    }
    assert_eq!(Convention::parse("sysv64"), Some(&SYSV64));
    assert_eq!(Convention::parse("native"), None, "what that is depends on the machine");
}

#[test]
fn x32_is_system_v_with_short_pointers() {
    let pointer = ParamType::Int { bytes: 4 };
    let p = args(&X32, &[pointer, ParamType::Slice, U64, ParamType::Slice, WIDE, pointer]);
    assert_eq!(p.args[0], reg(RDI));
    assert_eq!(p.args[1], regs(RSI, RDX));
    assert_eq!(p.args[2], reg(RCX));
    assert_eq!(p.args[3], regs(R8, R9));
    assert_eq!(p.args[4], stack_pair(0));
    assert_eq!(p.args[5], stack(16), "slots have eight bytes all the same");
    assert_eq!(pair(&X32, pointer, pointer), ResultPlace::Packed { reg: RAX, shift: 32 });
    assert_eq!(pair(&X32, U64, pointer), ResultPlace::Regs(vec![RAX, RDX]));
}

/// Offsets as `go vet` has them: those of a structure of the arguments, and of one of the results
/// from the next whole word on.
#[test]
fn go_has_everything_on_the_stack() {
    for convention in [&GOASM, &GOSYSO] {
        let params = [U8, U16, F64, ParamType::Slice, U8, ParamType::Str, WIDE, F32];
        let p = place(convention, &params, ResultType::Pair(U8, U32));
        assert_eq!(p.args[..3], [stack(0), stack(2), stack(8)]);
        // After a slice, there is its capacity.
        assert_eq!(p.args[3..6], [stack_pair(16), stack(40), stack_pair(48)]);
        assert_eq!(p.args[6..], [stack_pair(64), stack(80)]);
        assert_eq!(p.result, ResultPlace::Stack { offsets: vec![88, 92] });
        assert_eq!((p.stack_bytes, p.hidden_result), (96, None));
    }
    // `Xadd(*uint32, int32) uint32` of Go's runtime is `$0-20`.
    let xadd = |convention, pointer| place(convention, &[pointer, U32], ResultType::One(U32));
    assert_eq!(xadd(&GOASM, U64).stack_bytes, 20);
    assert_eq!(xadd(&GOASM_P32, U32).stack_bytes, 12);
    assert_eq!(xadd(&GOASM_P32, U32).result, ResultPlace::Stack { offsets: vec![8] });
    let p = args(&GOASM_P32, &[ParamType::Slice, U8, ParamType::Str]);
    assert_eq!(p.args[0], vec![ArgPlace::Stack { offset: 0 }, ArgPlace::Stack { offset: 4 }]);
    assert_eq!(p.args[1], stack(12));
    assert_eq!(p.args[2], vec![ArgPlace::Stack { offset: 16 }, ArgPlace::Stack { offset: 20 }]);
    assert_eq!(p.stack_bytes, 24);
}
