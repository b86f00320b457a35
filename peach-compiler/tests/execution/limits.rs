//! What cannot be tried here, and what manuals leave open.
//!
//! All of it goes by the instruction and by what CPUID says, nothing by the processor's name.

use crate::machine::Level;
use iced_x86::{Code, CpuidFeature, EncodingKind, Instruction, Mnemonic as M, OpKind, RflagsBits};
use peach_compiler::isa::{Bank, Control, Effects, Hazard, Lanes, PhysReg};
use peach_testing::processor;

/// Instructions that the harness cannot survive, or whose results are not a function of anything;
/// those of VIA work on structures in memory, with control words and pointers.
pub fn is_out_of_reach(effects: &Effects<PhysReg>, code: Code) -> bool {
    let is_via = |feature: &CpuidFeature| format!("{feature:?}").starts_with("PADLOCK");
    effects.control != Control::Next
        || code == Code::INVALID
        || code.cpuid_features().iter().any(is_via)
        || matches!(
            effects.hazard,
            Some(Hazard::System | Hazard::PreservedState | Hazard::Indirect)
        )
        || matches!(
            code.mnemonic(),
            M::Rdtsc
                | M::Rdtscp
                | M::Rdrand
                | M::Rdseed
                | M::Rdpid
                | M::Rdpru
                | M::Rdpmc
                | M::Xgetbv
                | M::Rdfsbase
                | M::Rdgsbase
                | M::Cli
                | M::Sti
                | M::Leave
                | M::Enter
        )
}

/// Whether the bytes run as another instruction where the extension is lacking, so that it is not
/// enough to try: processors ignore the prefix of `lzcnt` and `tzcnt` (Intel SDM volume 2), and the
/// emulator takes XOP's first byte for `pop`.
pub fn is_taken_for_another(code: Code) -> bool {
    match code.mnemonic() {
        M::Lzcnt => !is_x86_feature_detected!("lzcnt"),
        M::Tzcnt => !is_x86_feature_detected!("bmi1"),
        _ => code.encoding() == EncodingKind::XOP && processor::is_emulated(),
    }
}

/// Whether the instruction names registers that the harness does not hold at this level.
pub fn is_beyond(level: Level, code: Code, effects: &Effects<PhysReg>) -> bool {
    let has_masks = effects.regs.iter().any(|access| access.reg.bank == Bank::Mask);
    level < Level::Avx512 && (has_masks || code.encoding() == EncodingKind::EVEX)
}

/// Whether the emulator computes something else than processors do (seen in qemu 7.2): the flags of
/// `adcx` and `adox`, and which register SSE4a's bit fields are in.
pub fn is_wrong_in_the_emulator(code: Code) -> bool {
    processor::is_emulated()
        && matches!(
            code,
            Code::Adcx_r32_rm32
                | Code::Adox_r32_rm32
                | Code::Extrq_xmm_imm8_imm8
                | Code::Extrq_xmm_xmm
                | Code::Insertq_xmm_xmm
                | Code::Insertq_xmm_xmm_imm8_imm8
        )
}

/// The flags, as bits of `rflags`, that are anything afterwards.
pub fn undefined_flags(decoded: &Instruction) -> u64 {
    let mut undefined = decoded.rflags_undefined();
    // Rotated by more than one, also where that is all the way round (Intel SDM volume 2, RCL).
    let is_rotation = matches!(decoded.mnemonic(), M::Rcl | M::Rcr);
    if is_rotation && decoded.op1_kind() == OpKind::Immediate8 && decoded.immediate8() & 0x1f > 1 {
        undefined |= RflagsBits::OF;
    }
    let pairs = [
        (RflagsBits::CF, 0),
        (RflagsBits::PF, 2),
        (RflagsBits::AF, 4),
        (RflagsBits::ZF, 6),
        (RflagsBits::SF, 7),
        (RflagsBits::OF, 11),
    ];
    pairs.iter().filter(|(bit, _)| undefined & bit != 0).fold(0, |all, (_, n)| all | 1 << n)
}

/// The bytes of vector registers that are anything afterwards: the upper halves after SSE4a's bit
/// fields (AMD APM volume 4, EXTRQ and INSERTQ).
pub fn undefined_bytes(code: Code) -> Lanes {
    match code.mnemonic() {
        M::Extrq | M::Insertq => Lanes(0xff00),
        _ => Lanes::NONE,
    }
}
