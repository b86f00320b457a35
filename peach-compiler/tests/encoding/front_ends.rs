//! Kernels and lines of text: what one takes the other takes, and it becomes the same bytes.

use peach_compiler::abi::SYSV64;
use peach_compiler::diagnostics::Diagnostics;
use peach_compiler::expand::expand;
use peach_compiler::ir::{Base, BranchSize, Instruction, Mem, Op, Operand, Reg, View};
use peach_compiler::isa::{FeatureSet, PhysReg, encode, encode_text};
use peach_compiler::syntax;

/// The bytes of an instruction in a kernel, or what is said of it.
fn in_kernel(line: &str) -> Result<Vec<u8>, String> {
    let features = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi2,amx-tile";
    let source = format!(
        "#[target_feature(enable = \"{features}\")] pub unsafe fn f() {{ unsafe {{ {line}; }} }}"
    );
    let mut diagnostics = Diagnostics::new();
    let tokens = source.parse().map_err(|why| format!("{line}: {why}"))?;
    let program = expand(&syntax::parse(tokens, &mut diagnostics), &SYSV64, &mut diagnostics);
    let first = diagnostics.iter().next().map(|d| d.message.clone());
    if let Some(message) = first {
        return Err(message);
    }
    let function = &program.kernels[0].versions[0].function;
    let machines: Vec<_> = function
        .insts
        .iter()
        .filter_map(|inst| match &inst.op {
            Op::Machine(machine) => Some(machine),
            _ => None,
        })
        .collect();
    let [machine] = machines[..] else { return Err("not one instruction".to_string()) };
    encode(&physical(&machine.inst), &FeatureSet::all(), BranchSize::Short)
        .map(|encoding| encoding.bytes)
        .map_err(|why| why.to_string())
}

fn physical(inst: &Instruction<Reg>) -> Instruction<PhysReg> {
    let view = |view: View<Reg>| match view.reg {
        Reg::Physical(reg) => View { reg, class: view.class },
        Reg::Virtual(_) => panic!("a virtual register"),
    };
    let operand = |operand: &Operand<Reg>| match operand {
        Operand::Reg(reg) => Operand::Reg(view(*reg)),
        Operand::Imm(number) => Operand::Imm(*number),
        Operand::Mem(mem) => Operand::Mem(Mem {
            size: mem.size,
            broadcast: mem.broadcast,
            segment: mem.segment,
            base: match mem.base {
                Base::None => Base::None,
                Base::Rip => Base::Rip,
                Base::Reg(reg) => Base::Reg(view(reg)),
                other => panic!("{other:?}"),
            },
            index: mem.index.map(|(index, scale)| (view(index), scale)),
            disp: mem.disp,
            disp_const: None,
            symbol: None,
            disp_size: mem.disp_size,
        }),
        other => panic!("{other:?}"),
    };
    Instruction {
        operands: inst.operands.iter().map(operand).collect(),
        mask: inst.mask.map(view),
        prefixes: inst.prefixes,
        zeroing: inst.zeroing,
        rounding: inst.rounding,
        encoding: inst.encoding,
        ..Instruction::new(inst.mnemonic, Vec::new())
    }
}

#[test]
fn spellings_are_taken_by_both_and_mean_the_same() {
    let mut wrong = Vec::new();
    for (line, bytes) in SPELLINGS {
        let hex = |answer: Result<Vec<u8>, String>| match answer {
            Ok(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            Err(why) => why,
        };
        let (text, kernel) = (hex(encode_text(line)), hex(in_kernel(line)));
        if text != *bytes || kernel != *bytes {
            wrong.push(format!("{line}: {bytes}, in text {text}, in a kernel {kernel}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Instructions and their bytes by GNU as, LLVM or, where only they take the address, NASM.
#[rustfmt::skip]
const SPELLINGS: &[(&str, &str)] = &[
    // Sizes under a mask.
    ("vmovdqu8 zmmword [rax]{k1}, zmm2", "62f17f497f10"),
    ("vmovdqu8 zmmword ptr [rax]{k1}, zmm2", "62f17f497f10"),
    ("vmovdqu8 ZMMWORD PTR [rax]{k1}, zmm2", "62f17f497f10"),
    ("vmovdqu8 zmm2{k1}{z}, zmmword [rax]", "62f17fc96f10"),
    ("vmovups xmmword [rax]{k3}, xmm2", "62f17c0b1110"),
    ("vcompressps zmmword [rax]{k1}, zmm2", "62f27d498a10"),
    ("vpcompressb zmmword [rax]{k1}, zmm2", "62f27d496310"),
    ("vpmovqb qword [rax]{k1}, zmm2", "62f27e493210"),
    ("vmovss dword [rax]{k1}, xmm2", "62f17e091110"),
    ("vextractf32x4 xmmword [rax]{k1}, zmm2, 1", "62f37d49191001"),
    ("vcvtps2ph ymmword [rax]{k1}, zmm2, 4", "62f37d491d1004"),
    ("vaddps zmm1{k1}, zmm2, dword [rax]{1to16}", "62f16c595808"),
    ("vaddpd zmm1{k1}{z}, zmm2, qword ptr [rax]{1to8}", "62f1edd95808"),
    ("vpscatterdd dword [rax + zmm1*4]{k1}, zmm2", "62f27d49a01488"),
    ("vpgatherdd zmm1{k1}, dword [rax + zmm2*4]", "62f27d49900c90"),
    ("vpscatterdd zmmword ptr [rax + zmm1*4]{k1}, zmm2", "62f27d49a01488"),
    ("vpgatherdd zmm1{k1}, ZMMWORD PTR [rax + zmm2*4]", "62f27d49900c90"),
    ("vgatherqps xmm1, xmmword ptr [rax + ymm0*4], xmm3", "c4e265930c80"),
    ("vgatherdpd ymm1, ymmword ptr [rax + xmm0*4], ymm3", "c4e2e5920c80"),
    ("vscatterqps ymmword ptr [rax + zmm1*4]{k1}, ymm2", "62f27d49a31488"),
    ("vaddps zmm1, zmm2, DWORD BCST [rax]", "62f16c585808"),
    ("vaddps zmm1{k1}, zmm2, dword bcst [rax + 4]", "62f16c59584801"),
    ("vaddpd ymm1, ymm2, qword bcst [rax]", "62f1ed385808"),
    ("vcvtpd2ps xmm1, qword bcst [rax]{1to4}", "62f1fd385a08"),
    ("vaddps zmm1, zmm2, zmm3{rn-sae}", "62f16c1858cb"),
    ("vaddps zmm1{k1}{z}, zmm2, zmm3{rz-sae}", "62f16cf958cb"),
    ("vcmpps k1, zmm2, zmm3{sae}, 3", "62f16c18c2cb03"),
    ("vcvtss2si eax, xmm1{rd-sae}", "62f17e382dc1"),
    ("movups xmm0, OWORD PTR [rax]", "0f1000"),
    ("movups xmm0, oword [rax]", "0f1000"),
    ("movq xmm0, mmword ptr [rax]", "f30f7e00"),
    ("fld tbyte ptr [rax]", "db28"),
    ("mov DWORD PTR [rax], 1", "c70001000000"),
    ("vmovups disp32 [rax]{k1}, zmm2", "62f17c49119000000000"),
    ("vmovups fs:[rax]{k1}, zmm2", "6462f17c491110"),
    // Sums of registers.
    ("mov eax, [rax + rcx*0]", "8b00"),
    ("mov eax, [rcx*0 + rax + 4]", "8b4004"),
    ("mov eax, [rax + rcx - rcx]", "8b00"),
    ("mov eax, [rax + rcx + rcx]", "8b0448"),
    ("mov eax, [rcx + rax + rcx]", "8b0448"),
    ("mov eax, [rcx + rax + rcx*3]", "8b0488"),
    ("mov eax, [rax*2]", "8b0400"),
    ("mov eax, [rax + rax]", "8b0400"),
    ("mov eax, [rax*3]", "8b0440"),
    ("mov eax, [rax*5 + 1]", "8b448001"),
    ("mov eax, [9*rax]", "8b04c0"),
    ("mov eax, [rax*4 + rax]", "8b0480"),
    ("mov eax, [(rax + 2)*2 - 4]", "8b0400"),
    ("mov eax, [rax*1]", "8b00"),
    ("mov eax, [rax*1 + rbp]", "8b440500"),
    ("mov eax, [rbp*1 + rax]", "8b0428"),
    ("mov eax, [rax*1 + rcx*1]", "8b0401"),
    ("mov eax, [rax + rsp]", "8b0404"),
    ("mov eax, [rax*1 + rsp + 8]", "8b440408"),
    ("mov eax, [rsp*1]", "8b0424"),
    ("lea rax, [rbp*2]", "488d442d00"),
    ("lea rax, [rbx*2 + 1000]", "488d045de8030000"),
    ("lea rax, disp8 [rbx*2]", "488d441b00"),
    ("mov rcx, [0xffffffffff600000]", "488b0c25000060ff"),
    ("mov rax, [0x8000000000000000]", "48a10000000000000080"),
    ("mov [0xfedcba9876543210], al", "a21032547698badcfe"),
    ("lea rax, [rdi + 0xffffffffffffffff]", "488d47ff"),
    // Numbers.
    ("mov rax, 5", "b805000000"),
    ("add rax, 0xffff_ffff_ffff_ffff", "4883c0ff"),
    ("add eax, 0xffff_ffff", "83c0ff"),
    ("add ax, 0xff80", "6683c080"),
    ("push 0xffff_ffff_ffff_ff80", "6a80"),
    ("movabs rax, -1", "48b8ffffffffffffffff"),
];
