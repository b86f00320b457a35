//! What Go's assembler lacks, and what it encodes in another way than we do.
//!
//! That an instruction which is not in these lists becomes the same bytes, or as many with the same
//! meaning, is what the test of the whole corpus shows.

use crate::ir::{BranchSize, Instruction, Mem, Operand, Prefixes};
use crate::isa::{self, Bank, Class, Feature, FeatureSet, PhysReg, gp};
use std::sync::OnceLock;

/// Whether Go's assembler has the instruction, and chooses the same encoding.
pub(super) fn is_known(inst: &Instruction<PhysReg>, bytes: &[u8]) -> bool {
    let disp_size = inst
        .operands
        .iter()
        .any(|operand| matches!(operand, Operand::Mem(mem) if mem.disp_size.is_some()));
    inst.encoding.is_none()
        && !disp_size
        && !is_exception(inst, bytes)
        && isa::encode(inst, extensions(), BranchSize::Short).is_ok_and(|e| e.bytes == bytes)
}

/// Instructions that the assembler lacks or encodes in another way than we do, though it has the
/// extension.
fn is_exception(inst: &Instruction<PhysReg>, bytes: &[u8]) -> bool {
    let name = inst.mnemonic.name();
    let class = |at: usize| match inst.operands.get(at) {
        Some(Operand::Reg(view)) => Some(view.class),
        _ => None,
    };
    let imm = inst.operands.iter().rev().find_map(|operand| match operand {
        Operand::Imm(value) => Some(*value),
        _ => None,
    });
    let has_mmx = inst
        .operands
        .iter()
        .any(|operand| matches!(operand, Operand::Reg(view) if view.class == Class::Mmx));
    let has_word_prefix = bytes.contains(&0x66);
    let prefixed = inst.prefixes != Prefixes::default();
    match name {
        _ if UNKNOWN.contains(&name) => true,
        _ if has_mmx && NOT_MMX.contains(&name) => true,
        // x87.
        _ if name.starts_with('f') => true,
        // Prefixes come in another order.
        _ if prefixed && has_word_prefix => true,
        "call" | "jmp" => {
            class(0) != Some(Class::Gp64)
                && !matches!(
                    &inst.operands[0],
                    Operand::Label(_) | Operand::Mem(Mem { size: Some(8) | None, .. })
                )
        }
        // A byte of the accumulator has shorter forms.
        "adc" | "add" | "and" | "cmp" | "or" | "sbb" | "sub" | "test" | "xor" => {
            imm.is_some() && is_accumulator(inst, Class::Gp8)
        }
        // To the assembler it is a `nop`, which it is not.
        "xchg" => {
            let is_whole = |class: Class| is_accumulator(inst, class);
            inst.operands[0] == inst.operands[1] && (is_whole(Class::Gp32) || is_whole(Class::Gp64))
        }
        "mov" => bytes.len() == 10 && imm.is_some_and(|value| u32::try_from(value).is_ok()),
        // Two bits.
        "extractps" | "sha1rnds4" => imm.is_some_and(|value| value as u8 > 3),
        "crc32" => {
            let is_byte = matches!(&inst.operands[1], Operand::Mem(Mem { size: Some(1), .. }));
            class(1) == Some(Class::Gp8) || is_byte && class(0) == Some(Class::Gp64)
        }
        "vmovq" if class(0).is_none() || class(1).is_none() => true,
        "vpextrw" => class(0).is_some(),
        "movq" => class(0) == Some(Class::Mmx) && class(1) == Some(Class::Mmx),
        _ => is_other_move(inst),
    }
}

fn is_accumulator(inst: &Instruction<PhysReg>, class: Class) -> bool {
    matches!(inst.operands[0], Operand::Reg(view) if view.reg == gp::RAX && view.class == class)
}

/// Moves between vector registers have two opcodes; the assembler takes the one for stores, which
/// is longer where only the destination is above 7.
fn is_other_move(inst: &Instruction<PhysReg>) -> bool {
    if !inst.mnemonic.name().starts_with("vmov") {
        return false;
    }
    match (inst.operands.first(), inst.operands.last()) {
        (Some(Operand::Reg(dst)), Some(Operand::Reg(src))) => {
            dst.reg.bank == Bank::Vector
                && src.reg.bank == Bank::Vector
                && dst.reg.num >= 8
                && src.reg.num < 8
        }
        _ => false,
    }
}

/// What the assembler does not have for MMX registers.
#[rustfmt::skip]
const NOT_MMX: &[&str] = &[
    "cvtpd2pi", "cvtpi2pd", "cvtpi2ps", "cvtps2pi", "cvttpd2pi", "cvttps2pi", "movq2dq", "pabsb",
    "pabsd", "pabsw", "paddq", "palignr", "pextrw", "phaddd", "phaddsw", "phaddw", "phsubd",
    "phsubsw", "phsubw", "pinsrw", "pmaddubsw", "pmaxsw", "pmaxub", "pminsw", "pminub", "pmulhrsw",
    "psadbw", "pshufb", "pshufw", "psignb", "psignd", "psignw", "psubb", "psubd", "psubq",
    "psubsb", "psubsw", "psubusb", "psubusw", "psubw",
];

/// Instructions that Go's assembler lacks.
#[rustfmt::skip]
const UNKNOWN: &[&str] = &[
    "cvtpi2pd", "cvtpi2ps", "endbr32", "endbr64", "enter", "enterw", "gf2p8affineinvqb",
    "gf2p8affineqb", "gf2p8mulb", "in", "int", "int1", "int3", "iretd", "lar", "leave", "lfs",
    "lgs", "lsl", "lss", "movabs", "movq2dq", "nop", "out", "pcmpestri64", "pcmpestrm64", "pushw",
    "ret", "retf", "retfq", "retfw", "retw", "sldt", "smsw", "str", "sysexitq", "sysretq", "ud0",
    "ud1", "vpcmpestri64", "vpcmpestrm64", "xlatb",
];

/// The extensions that Go's assembler has (Go 1.19).
#[rustfmt::skip]
const EXTENSIONS: &[Feature] = &[
    Feature::ADX, Feature::AES, Feature::AVX2, Feature::AVX512BITALG, Feature::AVX512BW,
    Feature::AVX512CD, Feature::AVX512DQ, Feature::AVX512ER, Feature::AVX512F, Feature::AVX512IFMA,
    Feature::AVX512PF, Feature::AVX512VBMI, Feature::AVX512VBMI2, Feature::AVX512VL,
    Feature::AVX512VNNI, Feature::AVX512VPOPCNTDQ, Feature::BMI1, Feature::BMI2,
    Feature::CMPXCHG16B, Feature::F16C, Feature::FMA, Feature::GFNI, Feature::LZCNT,
    Feature::MOVBE, Feature::PCLMULQDQ, Feature::POPCNT, Feature::RDRAND, Feature::RDSEED,
    Feature::SHA, Feature::SSE4_2, Feature::VAES, Feature::VPCLMULQDQ,
];

fn extensions() -> &'static FeatureSet {
    static SET: OnceLock<FeatureSet> = OnceLock::new();
    SET.get_or_init(|| {
        let mut features = FeatureSet::baseline();
        EXTENSIONS.iter().for_each(|&feature| features.insert(feature));
        features
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Mnemonic;

    #[test]
    fn lists_have_names_of_instructions() {
        for name in UNKNOWN.iter().chain(NOT_MMX) {
            let found = Mnemonic::parse(name).unwrap_or_else(|| panic!("`{name}` is misspelled"));
            assert_eq!(found.name(), *name, "an alias is never met");
        }
    }
}
