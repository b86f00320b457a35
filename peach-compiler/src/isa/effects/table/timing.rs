//! Whether the time that an instruction takes may depend on its data: a column of the table of
//! instructions, with its source.
//!
//! [`LISTED`] is Intel's list, "Data Operand Independent Timing Instructions" (Intel 768873, as of
//! 2023); of `mov`, `push` and `pop` it means the forms without segment registers. [`TWINS`] move,
//! shuffle and combine bits as listed instructions do, under names that the list lacks. Whatever is
//! in neither is taken to depend on its data: quotients, floats, counts and deposits of bits,
//! comparisons of strings and of text, what is microcoded, and what is too new for the list.

use crate::isa::Mnemonic;
use iced_x86::Mnemonic as Row;

/// Whether the time that an instruction takes depends on what is in its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timing {
    /// It does not: it is on Intel's list.
    Listed,
    /// It does not, like an instruction on the list that does the same.
    Twin,
    /// It may.
    Dependent,
}

impl Mnemonic {
    /// Whether the time that it takes depends on what is in its operands.
    pub fn timing(self) -> Timing {
        TIMINGS.get(self.meaning().row as usize).copied().unwrap_or(Timing::Dependent)
    }
}

/// More than iced has mnemonics.
const SIZE: usize = 2048;

/// By the number of the mnemonic.
static TIMINGS: [Timing; SIZE] = timings();

/// Fails to compile if a mnemonic stands twice.
const fn timings() -> [Timing; SIZE] {
    let mut all = [Timing::Dependent; SIZE];
    mark(&mut all, LISTED, Timing::Listed);
    let mut group = 0;
    while group < TWINS.len() {
        mark(&mut all, TWINS[group], Timing::Twin);
        group += 1;
    }
    all
}

const fn mark(all: &mut [Timing; SIZE], rows: &[Row], timing: Timing) {
    let mut at = 0;
    while at < rows.len() {
        let number = rows[at] as usize;
        assert!(matches!(all[number], Timing::Dependent), "a mnemonic stands twice");
        all[number] = timing;
        at += 1;
    }
}

/// `Mnemonic Mnemonic …`, as an array.
macro_rules! rows {
    ($($mnemonic:ident)+) => { &[$(Row::$mnemonic),+] };
}

const LISTED: &[Row] = rows! {
    Adc Adcx Add Adox Aesdec Aesdeclast Aesenc Aesenclast Aesimc Aeskeygenassist And Andn Bt Btc Btr
    Bts Cmova Cmovae Cmovb Cmovbe Cmove Cmovg Cmovge Cmovl Cmovle Cmovne Cmovno Cmovnp Cmovns Cmovo
    Cmovp Cmovs Cmp Dec Gf2p8affineinvqb Gf2p8affineqb Gf2p8mulb Imul Inc Kaddb Kaddd Kaddq Kaddw
    Kandb Kandd Kandnb Kandnd Kandnq Kandnw Kandq Kandw Kmovb Kmovd Kmovq Kmovw Knotb Knotd Knotq
    Knotw Korb Kord Korq Kortestb Kortestd Kortestq Kortestw Korw Kshiftlb Kshiftld Kshiftlq
    Kshiftlw Kshiftrb Kshiftrd Kshiftrq Kshiftrw Ktestb Ktestd Ktestq Ktestw Kunpckbw Kunpckdq
    Kunpckwd Kxnorb Kxnord Kxnorq Kxnorw Kxorb Kxord Kxorq Kxorw Lddqu Lea Leave Mov Movd Movddup
    Movdq2q Movdqa Movdqu Movntdq Movntdqa Movq Movsb Movsd Movshdup Movsldup Movsq Movsw Movsx
    Movsxd Movzx Mpsadbw Mul Mulx Neg Not Or Pabsb Pabsd Pabsw Packssdw Packsswb Packusdw Packuswb
    Paddb Paddd Paddq Paddsb Paddsw Paddusb Paddusw Paddw Palignr Pand Pandn Pavgb Pavgw Pblendvb
    Pblendw Pclmulqdq Pcmpeqb Pcmpeqd Pcmpeqq Pcmpeqw Pcmpgtb Pcmpgtd Pcmpgtq Pcmpgtw Pextrb Pextrd
    Pextrq Pextrw Phaddd Phaddsw Phaddw Phminposuw Phsubd Phsubsw Phsubw Pinsrb Pinsrd Pinsrq Pinsrw
    Pmaddubsw Pmaddwd Pmaxsb Pmaxsw Pmaxub Pmaxud Pmaxuw Pminsb Pminsw Pminub Pminud Pminuw Pmovmskb
    Pmovsxbd Pmovsxbq Pmovsxbw Pmovsxdq Pmovsxwd Pmovsxwq Pmovzxbd Pmovzxbq Pmovzxbw Pmovzxdq
    Pmovzxwd Pmovzxwq Pmuldq Pmulhrsw Pmulhuw Pmulhw Pmulld Pmullw Pmuludq Pop Por Psadbw Pshufb
    Pshufd Pshufhw Pshuflw Psignb Psignd Psignw Pslld Pslldq Psllq Psllw Psrad Psraw Psrld Psrldq
    Psrlq Psrlw Psubb Psubd Psubq Psubsb Psubsw Psubusb Psubusw Psubw Ptest Punpckhbw Punpckhdq
    Punpckhqdq Punpckhwd Punpcklbw Punpckldq Punpcklqdq Punpcklwd Push Pxor Sar Sbb Seta Setae Setb
    Setbe Sete Setg Setge Setl Setle Setne Setno Setnp Setns Seto Setp Sets Sha1msg1 Sha1msg2
    Sha1nexte Sha1rnds4 Sha256msg1 Sha256msg2 Sha256rnds2 Shl Shlx Shr Shrx Stosb Stosd Stosw Sub
    Test Vaesdec Vaesdeclast Vaesenc Vaesenclast Vaesimc Vaeskeygenassist Valignd Valignq Vblendmpd
    Vblendmps Vbroadcastf128 Vbroadcastf32x2 Vbroadcastf32x4 Vbroadcastf32x8 Vbroadcastf64x2
    Vbroadcastf64x4 Vbroadcasti128 Vbroadcasti32x2 Vbroadcasti32x4 Vbroadcasti32x8 Vbroadcasti64x2
    Vbroadcasti64x4 Vbroadcastsd Vbroadcastss Vcompresspd Vcompressps Vdbpsadbw Vexpandpd Vexpandps
    Vextractf128 Vextractf32x4 Vextractf32x8 Vextractf64x2 Vextractf64x4 Vextracti128 Vextracti32x4
    Vextracti32x8 Vextracti64x2 Vextracti64x4 Vgf2p8affineinvqb Vgf2p8affineqb Vgf2p8mulb
    Vinsertf128 Vinsertf32x4 Vinsertf32x8 Vinsertf64x2 Vinsertf64x4 Vinserti128 Vinserti32x4
    Vinserti32x8 Vinserti64x2 Vinserti64x4 Vlddqu Vmovd Vmovddup Vmovdqa Vmovdqa32 Vmovdqa64 Vmovdqu
    Vmovdqu16 Vmovdqu32 Vmovdqu64 Vmovdqu8 Vmovntdq Vmovntdqa Vmovq Vmovsd Vmovshdup Vmovsldup
    Vmpsadbw Vpabsb Vpabsd Vpabsq Vpabsw Vpackssdw Vpacksswb Vpackusdw Vpackuswb Vpaddb Vpaddd
    Vpaddq Vpaddsb Vpaddsw Vpaddusb Vpaddusw Vpaddw Vpalignr Vpand Vpandd Vpandn Vpandnd Vpandnq
    Vpandq Vpavgb Vpavgw Vpblendd Vpblendmb Vpblendmd Vpblendmq Vpblendmw Vpblendvb Vpblendw
    Vpbroadcastb Vpbroadcastd Vpbroadcastmb2q Vpbroadcastmw2d Vpbroadcastq Vpbroadcastw Vpclmulqdq
    Vpcmpb Vpcmpeqb Vpcmpeqd Vpcmpeqq Vpcmpeqw Vpcmpgtb Vpcmpgtd Vpcmpgtq Vpcmpgtw Vpcmpq Vpcmpub
    Vpcmpud Vpcmpuq Vpcmpuw Vpcmpw Vperm2f128 Vperm2i128 Vpermd Vpermi2d Vpermi2pd Vpermi2ps
    Vpermi2q Vpermi2w Vpermilpd Vpermilps Vpermpd Vpermps Vpermq Vpermt2d Vpermt2pd Vpermt2ps
    Vpermt2q Vpermt2w Vpermw Vpextrb Vpextrd Vpextrq Vpextrw Vphaddd Vphaddsw Vphaddw Vphminposuw
    Vphsubd Vphsubsw Vphsubw Vpinsrb Vpinsrd Vpinsrq Vpinsrw Vplzcntd Vplzcntq Vpmadd52huq
    Vpmadd52luq Vpmaddubsw Vpmaddwd Vpmaxsb Vpmaxsq Vpmaxsw Vpmaxub Vpmaxud Vpmaxuq Vpmaxuw Vpminsb
    Vpminsq Vpminsw Vpminub Vpminud Vpminuq Vpminuw Vpmovb2m Vpmovd2m Vpmovdb Vpmovdw Vpmovm2b
    Vpmovm2d Vpmovm2q Vpmovm2w Vpmovmskb Vpmovq2m Vpmovqb Vpmovqd Vpmovqw Vpmovsdb Vpmovsdw Vpmovsqb
    Vpmovsqd Vpmovsqw Vpmovswb Vpmovsxbd Vpmovsxbq Vpmovsxbw Vpmovsxdq Vpmovsxwd Vpmovsxwq Vpmovusdb
    Vpmovusdw Vpmovusqb Vpmovusqd Vpmovusqw Vpmovuswb Vpmovw2m Vpmovwb Vpmovzxbd Vpmovzxbq Vpmovzxbw
    Vpmovzxdq Vpmovzxwd Vpmovzxwq Vpmuldq Vpmulhrsw Vpmulhuw Vpmulhw Vpmulld Vpmullq Vpmullw
    Vpmuludq Vpor Vpord Vporq Vprold Vprolq Vprolvd Vprolvq Vprord Vprorq Vprorvd Vprorvq Vpsadbw
    Vpshldd Vpshldq Vpshldvd Vpshldvq Vpshldvw Vpshldw Vpshrdd Vpshrdq Vpshrdvd Vpshrdvq Vpshrdvw
    Vpshrdw Vpshufb Vpshufd Vpshufhw Vpshuflw Vpsignb Vpsignd Vpsignw Vpslld Vpslldq Vpsllq Vpsllvd
    Vpsllvq Vpsllvw Vpsllw Vpsrad Vpsraq Vpsravd Vpsravq Vpsravw Vpsraw Vpsrld Vpsrldq Vpsrlq
    Vpsrlvd Vpsrlvq Vpsrlvw Vpsrlw Vpsubb Vpsubd Vpsubq Vpsubsb Vpsubsw Vpsubusb Vpsubusw Vpsubw
    Vpternlogd Vpternlogq Vptest Vptestmb Vptestmd Vptestmq Vptestmw Vptestnmb Vptestnmd Vptestnmq
    Vptestnmw Vpunpckhbw Vpunpckhdq Vpunpckhqdq Vpunpckhwd Vpunpcklbw Vpunpckldq Vpunpcklqdq
    Vpunpcklwd Vpxor Vpxord Vpxorq Vshuff32x4 Vshuff64x2 Vshufi32x4 Vshufi64x2 Vzeroall Vzeroupper
    Xor
};

const TWINS: &[&[Row]] = &[
    // Moves of floats, as `movdqu` moves integers; loads and stores of single elements.
    rows! {
        Movapd Movaps Movupd Movups Movss Movhlps Movhpd Movhps Movlhps Movlpd Movlps Movntpd
        Movntps Movntq Movntsd Movntss Movq2dq Vmovapd Vmovaps Vmovupd Vmovups Vmovss Vmovsh Vmovw
        Vmovhlps Vmovhpd Vmovhps Vmovlhps Vmovlpd Vmovlps Vmovntpd Vmovntps Maskmovdqu Maskmovq
        Vmaskmovdqu Vmaskmovpd Vmaskmovps Vpmaskmovd Vpmaskmovq Vgatherdpd Vgatherdps Vgatherqpd
        Vgatherqps Vpgatherdd Vpgatherdq Vpgatherqd Vpgatherqq Vscatterdpd Vscatterdps Vscatterqpd
        Vscatterqps Vpscatterdd Vpscatterdq Vpscatterqd Vpscatterqq
    },
    // Moves of general-purpose registers and flags, and sign extensions of the accumulator.
    rows! {
        Bswap Cbw Cdq Cdqe Cqo Cwd Cwde Clc Cmc Stc Lahf Sahf Lodsb Lodsd Lodsq Lodsw Movbe Movnti
        Stosq Xchg Xlatb
    },
    // Shuffles and blends that are named after floats, need VBMI, or are AMD's.
    rows! {
        Blendpd Blendps Blendvpd Blendvps Vblendpd Vblendps Vblendvpd Vblendvps Extractps Insertps
        Vextractps Vinsertps Extrq Insertq Movmskpd Movmskps Vmovmskpd Vmovmskps Pshufw Pswapd
        Shufpd Shufps Vshufpd Vshufps Unpckhpd Unpckhps Unpcklpd Unpcklps Vunpckhpd Vunpckhps
        Vunpcklpd Vunpcklps Vpcompressb Vpcompressd Vpcompressq Vpcompressw Vpexpandb Vpexpandd
        Vpexpandq Vpexpandw Vpermb Vpermi2b Vpermt2b Vpermil2pd Vpermil2ps Vpmultishiftqb
        Vpshufbitqmb Vpperm
    },
    // Logic on vectors that is named after floats, or is AMD's.
    rows! {
        Andnpd Andnps Andpd Andps Orpd Orps Xorpd Xorps Vandnpd Vandnps Vandpd Vandps Vorpd Vorps
        Vxorpd Vxorps Vtestpd Vtestps Vpcmov
    },
    // Shifts of two registers, rotations, and shifts that the list has by another opcode.
    rows! {
        Rol Ror Rorx Sal Sarx Shld Shrd Vprotb Vprotd Vprotq Vprotw Vpshab Vpshad Vpshaq Vpshaw
        Vpshlb Vpshld Vpshlq Vpshlw
    },
    // Integer vectors: extremes of signed 32 bits, 3DNow!, XOP, and the dot products of VNNI.
    rows! {
        Pmaxsd Pminsd Vpmaxsd Vpminsd Pavgusb Pmulhrw Vpcomb Vpcomd Vpcomq Vpcomub Vpcomud Vpcomuq
        Vpcomuw Vpcomw Vphaddbd Vphaddbq Vphaddbw Vphadddq Vphaddubd Vphaddubq Vphaddubw Vphaddudq
        Vphadduwd Vphadduwq Vphaddwd Vphaddwq Vphsubbw Vphsubdq Vphsubwd Vpmacsdd Vpmacsdqh
        Vpmacsdql Vpmacssdd Vpmacssdqh Vpmacssdql Vpmacsswd Vpmacssww Vpmacswd Vpmacsww Vpmadcsswd
        Vpmadcswd Vpdpbssd Vpdpbssds Vpdpbsud Vpdpbsuds Vpdpbusd Vpdpbusds Vpdpbuud Vpdpbuuds
        Vpdpwssd Vpdpwssds Vpdpwsud Vpdpwsuds Vpdpwusd Vpdpwusds Vpdpwuud Vpdpwuuds
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sorted::SortedMap;

    fn timing(name: &str) -> Timing {
        Mnemonic::parse(name).unwrap_or_else(|| panic!("{name} is a name")).timing()
    }

    /// The counts are for the reader: a row that is moved or forgotten changes them.
    #[test]
    fn the_column_has_these_counts() {
        let mut counts: SortedMap<Timing, usize> = SortedMap::new();
        for row in Row::values().filter(|&row| crate::isa::effects::table::is_offered(row)) {
            *counts.get_or_default(TIMINGS[row as usize]) += 1;
        }
        println!("{counts:?}");
        assert_eq!(counts[&Timing::Listed], LISTED.len());
        assert_eq!(LISTED.len(), 581);
        assert_eq!(counts[&Timing::Twin], TWINS.iter().map(|rows| rows.len()).sum::<usize>());
        assert_eq!(counts[&Timing::Twin], 219);
    }

    /// What the language promises, whatever the list says.
    #[test]
    fn promised_classes_are_independent() {
        let names = "mov movzx movsx movsxd movaps movups movdqa movdqu movd movq movss movsd xchg \
             bswap push pop lea cmova cmovae cmovb cmovbe cmove cmovg cmovge cmovl cmovle cmovne \
             cmovno cmovnp cmovns cmovo cmovp cmovs seta sete setne setb sets add sub adc sbb neg \
             inc dec cmp and or xor not test andn shl sal shr sar shlx shrx sarx shld shrd rol ror \
             rorx mul imul mulx adcx adox paddb paddq psubd pmuludq pmulld pcmpeqb pcmpgtd pminub \
             pand pandn por pxor andps xorpd psllq psrad pslldq vpsllvd vprold vpternlogd pshufb \
             pshufd shufps unpcklps punpckhqdq palignr pblendvb blendvps vperm2i128 vpermq vpermd \
             vpermb vpcompressd aesenc aesenclast aesdec aesimc aeskeygenassist vaesenc pclmulqdq \
             gf2p8mulb sha1rnds4 sha256rnds2 kandw kmovq ptest pmovmskb vzeroupper bt bts";
        for name in names.split_whitespace() {
            assert_ne!(timing(name), Timing::Dependent, "{name}");
        }
    }

    #[test]
    fn what_the_language_excludes_is_dependent() {
        let names = "\
             div idiv popcnt pext pdep addps addss addsd mulps mulsd subpd divps divsd sqrtsd \
             sqrtps maxps minsd cmpps comiss ucomisd cvtsi2sd cvttss2si cvtps2pd roundss haddps \
             dpps vfmadd231ps rcpps vrndscaleps vscalefpd lzcnt tzcnt bsf bsr bextr bzhi blsr \
             crc32 rcl rcr cmpsb scasb pcmpestri pcmpistrm vpconflictd vpopcntd vp2intersectd \
             cmpxchg xadd fadd fld cpuid rdmsr xsave vsha512rnds2 aesenc128kl tdpbssd vminmaxps \
             vdivbf16";
        for name in names.split_whitespace() {
            assert_eq!(timing(name), Timing::Dependent, "{name}");
        }
    }

    /// A mnemonic of floats is independent only if it computes nothing.
    #[test]
    fn what_may_raise_float_exceptions_is_dependent() {
        for row in Row::values().filter(|&row| crate::isa::effects::table::is_offered(row)) {
            if crate::isa::effects::table::entry(row).sets_float_flags {
                assert_eq!(TIMINGS[row as usize], Timing::Dependent, "{row:?}");
            }
        }
    }
}
