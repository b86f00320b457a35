//! Which elements of a memory operand are left alone because a mask leaves them out.
//!
//! In: an instruction with a mask, and what is known of its row. Out: the bytes of an element, if
//! memory faults are suppressed for those that are masked out (Intel SDM volume 2, "Exceptions
//! classifications of EVEX-encoded instructions": the types whose name ends in NF do not suppress
//! them). What moves elements between places, or sums neighbors up, reads its operand as a whole.

use crate::isa::effects::row::Row;
use crate::isa::effects::types::{Elements, Touched};
use iced_x86::{Mnemonic, OpCodeOperandKind as Kind};

/// A list of mnemonics.
macro_rules! mnemonics {
    ($name:ident: $($mnemonic:ident)+) => {
        const $name: &[Mnemonic] = &[$(Mnemonic::$mnemonic),+];
    };
}

// These touch their whole operand whatever the mask.
mnemonics! { WHOLE:
    Valignd Valignq Vcvtne2ps2bf16 Vdbpsadbw Vextractf32x4 Vextractf32x8 Vextractf64x2
    Vextractf64x4 Vextracti32x4 Vextracti32x8 Vextracti64x2 Vextracti64x4 Vgf2p8affineinvqb
    Vgf2p8affineqb Vinsertf32x4 Vinsertf32x8 Vinsertf64x2 Vinsertf64x4 Vinserti32x4
    Vinserti32x8 Vinserti64x2 Vinserti64x4 Vmovddup Vmovshdup Vmovsldup Vmpsadbw Vpackssdw
    Vpacksswb Vpackusdw Vpackuswb Vpalignr Vpconflictd Vpconflictq Vpermb Vpermd Vpermi2b
    Vpermi2d Vpermi2pd Vpermi2ps Vpermi2q Vpermi2w Vpermilpd Vpermilps Vpermpd Vpermps Vpermq
    Vpermt2b Vpermt2d Vpermt2pd Vpermt2ps Vpermt2q Vpermt2w Vpermw Vpmaddubsw Vpmaddwd
    Vpmultishiftqb Vpshufb Vpshufd Vpshufhw Vpshuflw Vpunpckhbw Vpunpckhdq Vpunpckhqdq
    Vpunpckhwd Vpunpcklbw Vpunpckldq Vpunpcklqdq Vpunpcklwd Vshuff32x4 Vshuff64x2 Vshufi32x4
    Vshufi64x2 Vshufpd Vshufps Vunpckhpd Vunpckhps Vunpcklpd Vunpcklps V4fmaddps V4fnmaddps
    V4fmaddss V4fnmaddss Vp4dpwssd Vp4dpwssds
}

// These touch their whole operand where it is the count of a shift.
mnemonics! { WHOLE_COUNT:
    Vpslld Vpsllq Vpsllw Vpsrad Vpsraq Vpsraw Vpsrld Vpsrlq Vpsrlw
}

// These put the elements that the mask has next to each other in memory.
mnemonics! { PACKED:
    Vcompresspd Vcompressps Vexpandpd Vexpandps Vpcompressb Vpcompressd Vpcompressq Vpcompressw
    Vpexpandb Vpexpandd Vpexpandq Vpexpandw
}

// A bit of the mask stands for several elements, which meet in one of the result: pairs of halves,
// sums of two or four products.
mnemonics! { FOUR_BYTES:
    Vfcmaddcsh Vfcmulcsh Vfmaddcsh Vfmulcsh Vpdpbusd Vpdpbusds Vpdpwssd Vpdpwssds
}

// Half of each element is not looked at.
mnemonics! { EIGHT_BYTES: Vpmuldq Vpmuludq }

/// The same of instructions that iced lacks.
const WHOLE_OWN: [&str; 14] = [
    "vcvt2ph2bf8",
    "vcvt2ph2bf8s",
    "vcvt2ph2hf8",
    "vcvt2ph2hf8s",
    "vcvt2ps2phx",
    "vcvtbiasph2bf8",
    "vcvtbiasph2bf8s",
    "vcvtbiasph2hf8",
    "vcvtbiasph2hf8s",
    "vcvtph2bf8",
    "vcvtph2bf8s",
    "vcvtph2hf8",
    "vcvtph2hf8s",
    "vmpsadbw",
];

/// The elements that a mask governs of the memory operand of a row; `broadcast` are the bytes of
/// the one element of a `{1toN}`.
pub(super) fn masked_elements(name: &str, row: &Row, broadcast: Option<u32>) -> Option<Elements> {
    let is_in = |list: &[Mnemonic]| row.mnemonic.is_some_and(|mnemonic| list.contains(&mnemonic));
    let is_own_whole = row.mnemonic.is_none() && WHOLE_OWN.contains(&name);
    if is_own_whole || is_in(WHOLE) || is_in(WHOLE_COUNT) && has_count(row) {
        return None;
    }
    let touched = if is_in(PACKED) { Touched::Packed } else { Touched::Masked };
    let bytes = match broadcast {
        Some(bytes) => bytes,
        None if is_in(FOUR_BYTES) => 4,
        None if is_in(EIGHT_BYTES) => 8,
        None => row.memory_element,
    };
    (bytes != 0).then_some(Elements { bytes, touched })
}

/// Whether the operand in memory is a count for all elements: it has 16 bytes, and no immediate
/// follows.
fn has_count(row: &Row) -> bool {
    row.kinds.last() == Some(&Kind::xmm_or_mem) && row.immediate.is_none()
}
