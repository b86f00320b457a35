//! Instruction-set extensions: their names, what each implies, and what every instruction form
//! needs.
//!
//! In: names from `#[target_feature]`, iced form numbers. Out: [`Feature`]
//! and [`FeatureSet`]. A set is always closed under implication, so "may this form be used" is one
//! subset test. Names and implications are Rust's where Rust has the extension, LLVM's otherwise.

use crate::isa::extensions::bits::{Bits, closures, words_for};
use iced_x86::{Code, CpuidFeature, Mnemonic};
use std::fmt;

/// An instruction-set extension, by Rust's `target_feature` name where Rust has one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Feature(u16);

/// Declares the extensions: constant, name, what it implies (only earlier rows), iced's names for
/// it.
macro_rules! extensions {
    ($($id:ident $name:literal [$($implied:ident)*] [$($iced:ident)*])*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "the manuals' names")]
        enum Row { $($id,)* Count }

        /// The names, by number.
        const NAMES: [&str; COUNT] = [$($name),*];

        /// The direct implications, by number.
        const IMPLIED: [&[usize]; COUNT] = [$(&[$(Row::$implied as usize),*]),*];

        impl Feature {
            $(#[doc = concat!("`", $name, "`.")]
            pub const $id: Feature = Feature(Row::$id as u16);)*

            /// The extension that iced calls `feature`; `None` where every x86-64 processor has it.
            fn of_iced(feature: CpuidFeature) -> Option<Feature> {
                match feature {
                    $($(CpuidFeature::$iced => Some(Feature::$id),)*)*
                    _ => None,
                }
            }
        }
    };
}

#[rustfmt::skip]
const STABLE_IN_RUST: &[&str] = &[
    "adx", "aes", "avx", "avx2", "avx512bf16", "avx512bitalg", "avx512bw", "avx512cd", "avx512dq",
    "avx512f", "avx512fp16", "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vl", "avx512vnni",
    "avx512vp2intersect", "avx512vpopcntdq", "avxifma", "avxneconvert", "avxvnni", "avxvnniint16",
    "avxvnniint8", "bmi1", "bmi2", "cmpxchg16b", "f16c", "fma", "fxsr", "gfni", "kl", "lzcnt",
    "movbe", "pclmulqdq", "popcnt", "rdrand", "rdseed", "sha", "sha512", "sm3", "sm4", "sse",
    "sse2", "sse3", "sse4.1", "sse4.2", "sse4a", "ssse3", "tbm", "vaes", "vpclmulqdq", "widekl",
    "xsave", "xsavec", "xsaveopt", "xsaves",
];

#[rustfmt::skip]
extensions! {
    // What every x86-64 processor has.
    X87 "x87" [] [FPU FPU287 FPU387]
    CMOV "cmov" [] [CMOV]
    CX8 "cx8" [] [CX8]
    MMX "mmx" [] [MMX]
    FXSR "fxsr" [] [FXSR]
    SSE "sse" [] [SSE]
    SSE2 "sse2" [SSE] [SSE2]

    SSE3 "sse3" [SSE2] [SSE3 MONITOR]
    SSSE3 "ssse3" [SSE3] [SSSE3]
    SSE4_1 "sse4.1" [SSSE3] [SSE4_1]
    SSE4_2 "sse4.2" [SSE4_1] [SSE4_2]
    SSE4A "sse4a" [SSE3] [SSE4A]
    CMPXCHG16B "cmpxchg16b" [] [CMPXCHG16B]
    LAHFSAHF "lahfsahf" [] []
    POPCNT "popcnt" [] [POPCNT]
    PRFCHW "prfchw" [] [PREFETCHW]
    MMX_3DNOW "3dnow" [MMX PRFCHW] [D3NOW]
    MMX_3DNOWA "3dnowa" [MMX_3DNOW] [D3NOWEXT]
    AES "aes" [SSE2] [AES]
    PCLMULQDQ "pclmulqdq" [SSE2] [PCLMULQDQ]
    GFNI "gfni" [SSE2] [GFNI]
    SHA "sha" [SSE2] [SHA]
    KL "kl" [SSE2] [KL AESKLE]
    WIDEKL "widekl" [KL] [WIDE_KL]

    ADX "adx" [] [ADX]
    BMI1 "bmi1" [] [BMI1]
    BMI2 "bmi2" [] [BMI2]
    LZCNT "lzcnt" [] [LZCNT]
    TBM "tbm" [] [TBM]
    LWP "lwp" [] [LWP]
    MOVBE "movbe" [] [MOVBE]
    MOVRS "movrs" [] []
    RDRAND "rdrand" [] [RDRAND]
    RDSEED "rdseed" [] [RDSEED]
    RTM "rtm" [] [RTM HLE_or_RTM]
    TSXLDTRK "tsxldtrk" [] [TSXLDTRK]
    CMPCCXADD "cmpccxadd" [] [CMPCCXADD]
    RAOINT "raoint" [] [RAO_INT]
    ERMSB "ermsb" [] []
    APXF "apxf" [] []

    AVX "avx" [SSE4_2] [AVX]
    F16C "f16c" [AVX] [F16C]
    FMA "fma" [AVX] [FMA]
    FMA4 "fma4" [AVX SSE4A] [FMA4]
    XOP "xop" [FMA4] [XOP]
    AVX2 "avx2" [AVX] [AVX2]
    VAES "vaes" [AVX2 AES] [VAES]
    VPCLMULQDQ "vpclmulqdq" [AVX PCLMULQDQ] [VPCLMULQDQ]
    AVXVNNI "avxvnni" [AVX2] [AVX_VNNI]
    AVXVNNIINT8 "avxvnniint8" [AVX2] [AVX_VNNI_INT8]
    AVXVNNIINT16 "avxvnniint16" [AVX2] [AVX_VNNI_INT16]
    AVXIFMA "avxifma" [AVX2] [AVX_IFMA]
    AVXNECONVERT "avxneconvert" [AVX2] [AVX_NE_CONVERT]
    SHA512 "sha512" [AVX2] [SHA512]
    SM3 "sm3" [AVX] [SM3]
    SM4 "sm4" [AVX2] [SM4]

    AVX512F "avx512f" [AVX2 FMA F16C] [AVX512F]
    AVX512CD "avx512cd" [AVX512F] [AVX512CD]
    AVX512VL "avx512vl" [AVX512F] [AVX512VL]
    AVX512BW "avx512bw" [AVX512F] [AVX512BW]
    AVX512DQ "avx512dq" [AVX512F] [AVX512DQ]
    AVX512IFMA "avx512ifma" [AVX512F] [AVX512_IFMA]
    AVX512VBMI "avx512vbmi" [AVX512BW] [AVX512_VBMI]
    AVX512VBMI2 "avx512vbmi2" [AVX512BW] [AVX512_VBMI2]
    AVX512BITALG "avx512bitalg" [AVX512BW] [AVX512_BITALG]
    AVX512VPOPCNTDQ "avx512vpopcntdq" [AVX512F] [AVX512_VPOPCNTDQ]
    AVX512VNNI "avx512vnni" [AVX512F] [AVX512_VNNI]
    AVX512BF16 "avx512bf16" [AVX512BW] [AVX512_BF16]
    AVX512FP16 "avx512fp16" [AVX512BW] [AVX512_FP16]
    AVX512VP2INTERSECT "avx512vp2intersect" [AVX512F] [AVX512_VP2INTERSECT]
    AVX512ER "avx512er" [AVX512F] [AVX512ER]
    AVX512PF "avx512pf" [AVX512F] [AVX512PF]
    AVX5124FMAPS "avx5124fmaps" [AVX512F] [AVX512_4FMAPS]
    AVX5124VNNIW "avx5124vnniw" [AVX512F] [AVX512_4VNNIW]
    AVX10_1 "avx10.1" [AVX512CD AVX512VL AVX512DQ AVX512IFMA AVX512VBMI AVX512VBMI2 AVX512BITALG
        AVX512VPOPCNTDQ AVX512VNNI AVX512BF16 AVX512FP16] []
    AVX10_2 "avx10.2" [AVX10_1] []

    AMX_TILE "amx-tile" [] [AMX_TILE]
    AMX_BF16 "amx-bf16" [AMX_TILE] [AMX_BF16]
    AMX_INT8 "amx-int8" [AMX_TILE] [AMX_INT8]
    AMX_FP16 "amx-fp16" [AMX_TILE] [AMX_FP16]
    AMX_COMPLEX "amx-complex" [AMX_TILE] [AMX_COMPLEX]
    AMX_FP8 "amx-fp8" [AMX_TILE] []
    AMX_TF32 "amx-tf32" [AMX_TILE] []
    AMX_AVX512 "amx-avx512" [AMX_TILE] []
    AMX_MOVRS "amx-movrs" [AMX_TILE] []

    // Caches, memory and the system.
    CLFLUSHOPT "clflushopt" [] [CLFLUSHOPT]
    CLWB "clwb" [] [CLWB]
    CLZERO "clzero" [] [CLZERO]
    CLDEMOTE "cldemote" [] [CLDEMOTE]
    PREFETCHWT1 "prefetchwt1" [PRFCHW] [PREFETCHWT1]
    PREFETCHI "prefetchi" [] [PREFETCHITI]
    MOVDIRI "movdiri" [] [MOVDIRI]
    MOVDIR64B "movdir64b" [] [MOVDIR64B]
    ENQCMD "enqcmd" [] [ENQCMD]
    XSAVE "xsave" [] [XSAVE]
    XSAVEOPT "xsaveopt" [XSAVE] [XSAVEOPT]
    XSAVEC "xsavec" [XSAVE] [XSAVEC]
    XSAVES "xsaves" [XSAVE] [XSAVES]
    RDTSCP "rdtscp" [] [RDTSCP]
    RDPID "rdpid" [] [RDPID]
    RDPRU "rdpru" [] [RDPRU]
    FSGSBASE "fsgsbase" [] [FSGSBASE]
    PTWRITE "ptwrite" [] [PTWRITE]
    WAITPKG "waitpkg" [] [WAITPKG]
    MWAITX "mwaitx" [] [MONITORX]
    SERIALIZE "serialize" [] [SERIALIZE]
    UINTR "uintr" [] [UINTR]
    SHSTK "shstk" [] [CET_SS]
    PKU "pku" [] [PKU]
    INVPCID "invpcid" [] [INVPCID]
    HRESET "hreset" [] [HRESET]
    WBNOINVD "wbnoinvd" [] [WBNOINVD]
    PCONFIG "pconfig" [] [PCONFIG]
    MCOMMIT "mcommit" [] [MCOMMIT]
    SGX "sgx" [] [SGX1 OSS]
    SMX "smx" [] [SMX]
    VMX "vmx" [] [VMX INVEPT INVVPID TDX]
    SVM "svm" [] [SVM SKINIT SKINIT_or_SVM SEV_ES SEV_SNP INVLPGB RMPQUERY]
    FRED "fred" [] [FRED LKGS]
    MSRLIST "msrlist" [] [MSRLIST WRMSRNS]
    USER_MSR "usermsr" [] []
    PBNDKB "pbndkb" [] [TSE]
    PADLOCK "padlock" [] [PADLOCK_ACE PADLOCK_PHE PADLOCK_PMM PADLOCK_RNG PADLOCK_UNDOC PADLOCK_GMI]
}

/// How many extensions there are.
const COUNT: usize = Row::Count as usize;

/// Each extension with all that it implies.
const CLOSURES: [Rows; COUNT] = closures(&IMPLIED);

/// A bit per row of the table, however many rows it has.
type Rows = Bits<{ words_for(COUNT) }>;

impl Feature {
    /// The extension called `name` (`avx512vl`, `sse4.1`, `3dnow`).
    pub fn parse(name: &str) -> Option<Feature> {
        NAMES.iter().position(|known| *known == name).map(|row| Feature(row as u16))
    }

    /// Whether stable Rust has it, since 1.89 at the latest (Rust reference, "target_feature").
    pub fn is_in_stable_rust(self) -> bool {
        STABLE_IN_RUST.contains(&self.name())
    }

    /// Its name, as written in `#[target_feature(enable = "…")]`.
    pub fn name(self) -> &'static str {
        NAMES[self.row()]
    }

    /// Its row in the table.
    fn row(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Debug for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of extensions, closed under implication (`avx2` brings `avx`, `sse4.2`, …).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeatureSet(Rows);

impl FeatureSet {
    /// What every x86-64 processor has: SSE2 and what it implies, `fxsr`, `cmov`, `cx8`, ….
    pub fn baseline() -> FeatureSet {
        // The first rows of the table.
        FeatureSet(Rows::first(Feature::SSE2.row() + 1))
    }

    /// Every extension that is known: for `peach encode`.
    pub fn all() -> FeatureSet {
        FeatureSet(Rows::first(COUNT))
    }

    /// Bit *i* is row *i* of the table, 64 rows a word. The runtime numbers the extensions in the
    /// same way.
    pub fn words(&self) -> &[u64] {
        self.0.words()
    }

    /// Adds an extension and all that it implies.
    pub fn insert(&mut self, feature: Feature) {
        self.0 = self.0.or(CLOSURES[feature.row()]);
    }

    /// Adds every extension of `other`.
    pub fn extend(&mut self, other: FeatureSet) {
        self.0 = self.0.or(other.0);
    }

    /// The extensions that both sets have.
    pub fn common(self, other: FeatureSet) -> FeatureSet {
        FeatureSet(self.0.and(other.0))
    }

    /// Takes an extension away, and every one that implies it.
    pub fn remove(&mut self, feature: Feature) {
        for (row, closure) in CLOSURES.iter().enumerate() {
            if closure.contains(feature.row()) {
                self.0 = self.0.without(Rows::one(row));
            }
        }
    }

    /// Whether it has `feature`.
    pub fn contains(&self, feature: Feature) -> bool {
        self.0.contains(feature.row())
    }

    /// Whether it has every extension of `other`.
    pub fn contains_all(&self, other: FeatureSet) -> bool {
        other.0.without(self.0).is_empty()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every extension in it, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = Feature> {
        let rows = self.0;
        (0..COUNT).filter(move |&row| rows.contains(row)).map(|row| Feature(row as u16))
    }

    /// The extensions beyond the baseline that none of the others implies: what a reader wants to
    /// see.
    pub fn minified(&self) -> Vec<Feature> {
        FeatureSet::baseline().missing(*self)
    }

    /// What has to be added to this set to have all of `wanted`; extensions that others bring along
    /// are left out.
    pub fn missing(&self, wanted: FeatureSet) -> Vec<Feature> {
        let absent = FeatureSet(wanted.0.without(self.0));
        let brought_along = |feature: Feature| {
            absent
                .iter()
                .any(|other| other != feature && CLOSURES[other.row()].contains(feature.row()))
        };
        absent.iter().filter(|&feature| !brought_along(feature)).collect()
    }
}

impl FromIterator<Feature> for FeatureSet {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        let mut set = FeatureSet::default();
        features.into_iter().for_each(|feature| set.insert(feature));
        set
    }
}

/// The extensions that a form needs, all of them.
pub(crate) fn form_features(code: Code) -> FeatureSet {
    let mut needed: FeatureSet =
        code.cpuid_features().iter().filter_map(|&feature| Feature::of_iced(feature)).collect();
    // iced counts these as 8086 instructions; in 64-bit mode they have a CPUID bit of their own.
    if matches!(code.mnemonic(), Mnemonic::Lahf | Mnemonic::Sahf) {
        needed.insert(Feature::LAHFSAHF);
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implications_are_closed_and_minified_undoes_them() {
        let set: FeatureSet = [Feature::AVX2].into_iter().collect();
        assert!(set.contains(Feature::SSE4_2) && !set.contains(Feature::FMA));
        assert_eq!(set.minified(), [Feature::AVX2]);
        assert_eq!(FeatureSet::baseline().minified(), []);
        let names: Vec<_> = FeatureSet::all().iter().map(Feature::name).collect();
        for name in &names {
            assert_eq!(Feature::parse(name).map(Feature::name), Some(*name));
        }
    }

    #[test]
    fn the_same_operation_needs_more_in_its_evex_form() {
        let needs = |code| FeatureSet::baseline().missing(form_features(code));
        assert_eq!(needs(Code::VEX_Vpaddd_xmm_xmm_xmmm128), [Feature::AVX]);
        assert_eq!(needs(Code::EVEX_Vpaddd_xmm_k1z_xmm_xmmm128b32), [Feature::AVX512VL]);
        assert_eq!(needs(Code::Paddd_xmm_xmmm128), []);
    }
}
