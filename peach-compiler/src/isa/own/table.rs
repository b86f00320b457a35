//! The rows of the instructions that iced lacks.
//!
//! Sources: Intel AVX10.2 Architecture Specification; Intel Architecture Instruction Set Extensions
//! Programming Reference (AMX, MOVRS); Intel SDM volume 2, URDMSR and UWRMSR. The encodings are
//! compared with LLVM's in `tests/encoding/own.rs`.

use super::Row;
use super::shapes::{F2, F3, NP, P66, W0, W1, evex, legacy, vex};
use crate::isa::{Class, Feature};

const AMX_FP8: Feature = Feature::AMX_FP8;
const AMX_MOVRS: Feature = Feature::AMX_MOVRS;
const AMX_TF32: Feature = Feature::AMX_TF32;
const AVX10_2: Feature = Feature::AVX10_2;
const MOVRS: Feature = Feature::MOVRS;
const SM4: Feature = Feature::SM4;
const USER_MSR: Feature = Feature::USER_MSR;

/// Every row; those of one name are neighbors, the preferred first. EVEX rows need AVX10.2 unless
/// they say otherwise.
#[rustfmt::skip]
pub(crate) static ROWS: &[Row] = &[
    // Arithmetic of bfloat16: nothing rounds otherwise or raises an exception.
    evex("vaddbf16", 5, P66, W0, 0x58).packed(2),
    evex("vcmpbf16", 3, F2, W0, 0xC2).comparison(2),
    evex("vdivbf16", 5, P66, W0, 0x5E).packed(2),
    evex("vfmadd132bf16", 6, NP, W0, 0x98).packed(2).accumulating(),
    evex("vfmadd213bf16", 6, NP, W0, 0xA8).packed(2).accumulating(),
    evex("vfmadd231bf16", 6, NP, W0, 0xB8).packed(2).accumulating(),
    evex("vfmsub132bf16", 6, NP, W0, 0x9A).packed(2).accumulating(),
    evex("vfmsub213bf16", 6, NP, W0, 0xAA).packed(2).accumulating(),
    evex("vfmsub231bf16", 6, NP, W0, 0xBA).packed(2).accumulating(),
    evex("vfnmadd132bf16", 6, NP, W0, 0x9C).packed(2).accumulating(),
    evex("vfnmadd213bf16", 6, NP, W0, 0xAC).packed(2).accumulating(),
    evex("vfnmadd231bf16", 6, NP, W0, 0xBC).packed(2).accumulating(),
    evex("vfnmsub132bf16", 6, NP, W0, 0x9E).packed(2).accumulating(),
    evex("vfnmsub213bf16", 6, NP, W0, 0xAE).packed(2).accumulating(),
    evex("vfnmsub231bf16", 6, NP, W0, 0xBE).packed(2).accumulating(),
    evex("vfpclassbf16", 3, F2, W0, 0x66).classification(2),
    evex("vgetexpbf16", 6, NP, W0, 0x42).unary(2),
    evex("vgetmantbf16", 3, F2, W0, 0x26).unary_imm8(2),
    evex("vmaxbf16", 5, P66, W0, 0x5F).packed(2),
    evex("vminbf16", 5, P66, W0, 0x5D).packed(2),
    evex("vmulbf16", 5, P66, W0, 0x59).packed(2),
    evex("vrcpbf16", 6, NP, W0, 0x4C).unary(2),
    evex("vreducebf16", 3, F2, W0, 0x56).unary_imm8(2),
    evex("vrndscalebf16", 3, F2, W0, 0x08).unary_imm8(2),
    evex("vrsqrtbf16", 6, NP, W0, 0x4E).unary(2),
    evex("vscalefbf16", 6, NP, W0, 0x2C).packed(2),
    evex("vsqrtbf16", 5, P66, W0, 0x51).unary(2),
    evex("vsubbf16", 5, P66, W0, 0x5C).packed(2),

    // Minima and maxima of IEEE 754-2019.
    evex("vminmaxbf16", 3, F2, W0, 0x52).packed_imm8(2),
    evex("vminmaxpd", 3, P66, W1, 0x52).packed_imm8(8).sae(),
    evex("vminmaxph", 3, NP, W0, 0x52).packed_imm8(2).sae(),
    evex("vminmaxps", 3, P66, W0, 0x52).packed_imm8(4).sae(),
    evex("vminmaxsd", 3, P66, W1, 0x53).scalar(8).sae(),
    evex("vminmaxsh", 3, NP, W0, 0x53).scalar(2).sae(),
    evex("vminmaxss", 3, P66, W0, 0x53).scalar(4).sae(),

    // Comparisons that tell all relations apart by the flags.
    evex("vcomisbf16", 5, P66, W0, 0x2F).flags(2),
    evex("vcomxsd", 1, F2, W1, 0x2F).flags(8).sae(),
    evex("vcomxsh", 5, F3, W0, 0x2F).flags(2).sae(),
    evex("vcomxss", 1, F3, W0, 0x2F).flags(4).sae(),
    evex("vucomxsd", 1, F2, W1, 0x2E).flags(8).sae(),
    evex("vucomxsh", 5, F3, W0, 0x2E).flags(2).sae(),
    evex("vucomxss", 1, F3, W0, 0x2E).flags(4).sae(),

    // Conversions that saturate.
    evex("vcvttpd2dqs", 5, NP, W1, 0x6D).narrowing(8).sae(),
    evex("vcvttpd2qqs", 5, P66, W1, 0x6D).unary(8).sae(),
    evex("vcvttpd2udqs", 5, NP, W1, 0x6C).narrowing(8).sae(),
    evex("vcvttpd2uqqs", 5, P66, W1, 0x6C).unary(8).sae(),
    evex("vcvttps2dqs", 5, NP, W0, 0x6D).unary(4).sae(),
    evex("vcvttps2qqs", 5, P66, W0, 0x6D).widening(4).sae(),
    evex("vcvttps2udqs", 5, NP, W0, 0x6C).unary(4).sae(),
    evex("vcvttps2uqqs", 5, P66, W0, 0x6C).widening(4).sae(),
    evex("vcvttsd2sis", 5, F2, W0, 0x6D).into_general(Class::Gp32, 8).sae(),
    evex("vcvttsd2sis", 5, F2, W1, 0x6D).into_general(Class::Gp64, 8).sae(),
    evex("vcvttsd2usis", 5, F2, W0, 0x6C).into_general(Class::Gp32, 8).sae(),
    evex("vcvttsd2usis", 5, F2, W1, 0x6C).into_general(Class::Gp64, 8).sae(),
    evex("vcvttss2sis", 5, F3, W0, 0x6D).into_general(Class::Gp32, 4).sae(),
    evex("vcvttss2sis", 5, F3, W1, 0x6D).into_general(Class::Gp64, 4).sae(),
    evex("vcvttss2usis", 5, F3, W0, 0x6C).into_general(Class::Gp32, 4).sae(),
    evex("vcvttss2usis", 5, F3, W1, 0x6C).into_general(Class::Gp64, 4).sae(),

    // Conversions to bytes, each in the place of its element.
    evex("vcvtbf162ibs", 5, F2, W0, 0x69).unary(2),
    evex("vcvtbf162iubs", 5, F2, W0, 0x6B).unary(2),
    evex("vcvtph2ibs", 5, NP, W0, 0x69).unary(2).rounding(),
    evex("vcvtph2iubs", 5, NP, W0, 0x6B).unary(2).rounding(),
    evex("vcvtps2ibs", 5, P66, W0, 0x69).unary(4).rounding(),
    evex("vcvtps2iubs", 5, P66, W0, 0x6B).unary(4).rounding(),
    evex("vcvttbf162ibs", 5, F2, W0, 0x68).unary(2),
    evex("vcvttbf162iubs", 5, F2, W0, 0x6A).unary(2),
    evex("vcvttph2ibs", 5, NP, W0, 0x68).unary(2).sae(),
    evex("vcvttph2iubs", 5, NP, W0, 0x6A).unary(2).sae(),
    evex("vcvttps2ibs", 5, P66, W0, 0x68).unary(4).sae(),
    evex("vcvttps2iubs", 5, P66, W0, 0x6A).unary(4).sae(),

    // Conversions of half and quarter floats.
    evex("vcvt2ph2bf8", 2, F2, W0, 0x74).packed(2).masks_by(1),
    evex("vcvt2ph2bf8s", 5, F2, W0, 0x74).packed(2).masks_by(1),
    evex("vcvt2ph2hf8", 5, F2, W0, 0x18).packed(2).masks_by(1),
    evex("vcvt2ph2hf8s", 5, F2, W0, 0x1B).packed(2).masks_by(1),
    evex("vcvt2ps2phx", 2, P66, W0, 0x67).packed(4).masks_by(2).rounding(),
    evex("vcvtbiasph2bf8", 2, NP, W0, 0x74).narrowing_with_bias(2),
    evex("vcvtbiasph2bf8s", 5, NP, W0, 0x74).narrowing_with_bias(2),
    evex("vcvtbiasph2hf8", 5, NP, W0, 0x18).narrowing_with_bias(2),
    evex("vcvtbiasph2hf8s", 5, NP, W0, 0x1B).narrowing_with_bias(2),
    evex("vcvthf82ph", 5, F2, W0, 0x1E).widening(1).no_broadcast(),
    evex("vcvtph2bf8", 2, F3, W0, 0x74).narrowing(2),
    evex("vcvtph2bf8s", 5, F3, W0, 0x74).narrowing(2),
    evex("vcvtph2hf8", 5, F3, W0, 0x18).narrowing(2),
    evex("vcvtph2hf8s", 5, F3, W0, 0x1B).narrowing(2),

    // Media: EVEX forms of instructions that have had others.
    evex("vdpphps", 2, NP, W0, 0x52).packed(4).accumulating(),
    evex("vmpsadbw", 3, F3, W0, 0x42).packed_imm8(2).no_broadcast(),
    evex("vpdpbssd", 2, F2, W0, 0x50).packed(4).accumulating(),
    evex("vpdpbssds", 2, F2, W0, 0x51).packed(4).accumulating(),
    evex("vpdpbsud", 2, F3, W0, 0x50).packed(4).accumulating(),
    evex("vpdpbsuds", 2, F3, W0, 0x51).packed(4).accumulating(),
    evex("vpdpbuud", 2, NP, W0, 0x50).packed(4).accumulating(),
    evex("vpdpbuuds", 2, NP, W0, 0x51).packed(4).accumulating(),
    evex("vpdpwsud", 2, F3, W0, 0xD2).packed(4).accumulating(),
    evex("vpdpwsuds", 2, F3, W0, 0xD3).packed(4).accumulating(),
    evex("vpdpwusd", 2, P66, W0, 0xD2).packed(4).accumulating(),
    evex("vpdpwusds", 2, P66, W0, 0xD3).packed(4).accumulating(),
    evex("vpdpwuud", 2, NP, W0, 0xD2).packed(4).accumulating(),
    evex("vpdpwuuds", 2, NP, W0, 0xD3).packed(4).accumulating(),

    // Moves of the lowest element that clear the others.
    evex("vmovd", 1, F3, W0, 0x7E).load_lowest(4),
    evex("vmovd", 1, P66, W0, 0xD6).store_lowest(4),
    evex("vmovw", 5, F3, W0, 0x6E).load_lowest(2),
    evex("vmovw", 5, F3, W0, 0x7E).store_lowest(2),

    // SM4 in EVEX.
    evex("vsm4key4", 2, F3, W0, 0xDA).packed(4).no_broadcast().unmasked().needing(&[AVX10_2, SM4]),
    evex("vsm4rnds4", 2, F2, W0, 0xDA).packed(4).no_broadcast().unmasked().needing(&[AVX10_2, SM4]),

    // Loads of what others read too.
    evex("vmovrsb", 5, F2, W0, 0x6F).load(1),
    evex("vmovrsd", 5, F3, W0, 0x6F).load(4),
    evex("vmovrsq", 5, F3, W1, 0x6F).load(8),
    evex("vmovrsw", 5, F2, W1, 0x6F).load(2),

    // A row of a tile as a vector.
    evex("tcvtrowd2ps", 2, F3, W0, 0x4A).tile_row_by_register(),
    evex("tcvtrowd2ps", 3, F3, W0, 0x07).tile_row_by_number(),
    evex("tcvtrowps2bf16h", 2, F2, W0, 0x6D).tile_row_by_register(),
    evex("tcvtrowps2bf16h", 3, F2, W0, 0x07).tile_row_by_number(),
    evex("tcvtrowps2bf16l", 2, F3, W0, 0x6D).tile_row_by_register(),
    evex("tcvtrowps2bf16l", 3, F3, W0, 0x77).tile_row_by_number(),
    evex("tcvtrowps2phh", 2, NP, W0, 0x6D).tile_row_by_register(),
    evex("tcvtrowps2phh", 3, NP, W0, 0x07).tile_row_by_number(),
    evex("tcvtrowps2phl", 2, P66, W0, 0x6D).tile_row_by_register(),
    evex("tcvtrowps2phl", 3, F2, W0, 0x77).tile_row_by_number(),
    evex("tilemovrow", 2, P66, W0, 0x4A).tile_row_by_register(),
    evex("tilemovrow", 3, P66, W0, 0x07).tile_row_by_number(),

    // Products of tiles of quarter floats, and of single floats cut to 19 bits.
    vex("tdpbf8ps", 5, NP, W0, 0xFD).tile_product().needing(&[AMX_FP8]),
    vex("tdpbhf8ps", 5, F2, W0, 0xFD).tile_product().needing(&[AMX_FP8]),
    vex("tdphbf8ps", 5, F3, W0, 0xFD).tile_product().needing(&[AMX_FP8]),
    vex("tdphf8ps", 5, P66, W0, 0xFD).tile_product().needing(&[AMX_FP8]),
    vex("tmmultf32ps", 2, P66, W0, 0x48).tile_product().needing(&[AMX_TF32]),
    vex("tileloaddrs", 2, F2, W0, 0x4A).tile_load().needing(&[AMX_MOVRS]),
    vex("tileloaddrst1", 2, P66, W0, 0x4A).tile_load().needing(&[AMX_MOVRS]),

    // General purpose.
    legacy("movrs", 2, NP, W0, 0x8A).load_general(Class::Gp8).needing(&[MOVRS]),
    legacy("movrs", 2, P66, W0, 0x8B).load_general(Class::Gp16).needing(&[MOVRS]),
    legacy("movrs", 2, NP, W0, 0x8B).load_general(Class::Gp32).needing(&[MOVRS]),
    legacy("movrs", 2, NP, W1, 0x8B).load_general(Class::Gp64).needing(&[MOVRS]),
    legacy("prefetchrst2", 1, NP, W0, 0x18).prefetch(4).needing(&[MOVRS]),
    legacy("urdmsr", 2, F2, W0, 0xF8).read_system().needing(&[USER_MSR]),
    vex("urdmsr", 7, F2, W0, 0xF8).read_system_imm32().needing(&[USER_MSR]),
    legacy("uwrmsr", 2, F3, W0, 0xF8).write_system().needing(&[USER_MSR]),
    vex("uwrmsr", 7, F3, W0, 0xF8).write_system_imm32().needing(&[USER_MSR]),
];
