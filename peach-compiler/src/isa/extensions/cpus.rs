//! Which extensions the microarchitectures have.
//!
//! The names are those of `rustc -C target-cpu`, of PeachPy's `-mcpu` and of the psABI levels. Each
//! row builds on an earlier one. What a vendor fused off in the cheapest models of a family (AES in
//! a Sandy Bridge i3, AVX in a Haswell Celeron) counts as there.

use crate::isa::{Feature, FeatureSet};

/// Names of one microarchitecture, the row it builds on, and what it adds.
struct Cpu {
    names: &'static str,
    base: &'static str,
    adds: &'static str,
}

/// A row of the table.
const fn cpu(names: &'static str, base: &'static str, adds: &'static str) -> Cpu {
    Cpu { names, base, adds }
}

#[rustfmt::skip]
const CPUS: &[Cpu] = &[
    // The psABI's levels.
    cpu("x86-64 generic default", "", ""),
    cpu("x86-64-v2", "x86-64", "cmpxchg16b lahfsahf popcnt sse4.2"),
    cpu("x86-64-v3", "x86-64-v2", "avx2 bmi1 bmi2 f16c fma lzcnt movbe xsave"),
    cpu("x86-64-v4", "x86-64-v3", "avx512bw avx512cd avx512dq avx512vl"),

    // Intel, big cores.
    cpu("prescott", "x86-64", "sse3"),
    cpu("nocona", "prescott", "cmpxchg16b"),
    cpu("core2 conroe core_2_duo_ssse3", "nocona", "lahfsahf ssse3"),
    cpu("penryn core_2_duo_sse4_1", "core2", "sse4.1"),
    cpu("nehalem corei7 core_i7_sse4_2", "penryn", "sse4.2 popcnt rdtscp"),
    cpu("westmere core_aes_pclmulqdq", "nehalem", "aes pclmulqdq"),
    cpu("sandybridge corei7-avx core_2nd_gen_avx", "westmere", "avx xsave xsaveopt"),
    cpu("ivybridge core-avx-i core_3rd_gen_avx", "sandybridge", "f16c fsgsbase rdrand"),
    cpu("haswell core-avx2 core_4th_gen_avx core_4th_gen_avx_tsx", "ivybridge",
        "avx2 bmi1 bmi2 ermsb fma invpcid lzcnt movbe"),
    cpu("broadwell core_5th_gen_avx core_5th_gen_avx_tsx", "haswell", "adx prfchw rdseed"),
    cpu("skylake", "broadwell", "clflushopt xsavec xsaves"),
    cpu("skylake-avx512 skylake_avx512 skylake-xeon skx", "skylake",
        "avx512bw avx512cd avx512dq avx512vl clwb pku"),
    cpu("cascadelake", "skx", "avx512vnni"),
    cpu("cooperlake", "cascadelake", "avx512bf16"),
    cpu("cannonlake", "skylake",
        "avx512bw avx512cd avx512dq avx512vl avx512ifma avx512vbmi pku sha"),
    cpu("icelake-client icelake_client", "cannonlake",
        "avx512bitalg avx512vbmi2 avx512vnni avx512vpopcntdq gfni rdpid vaes vpclmulqdq"),
    cpu("rocketlake", "icelake-client", ""),
    cpu("icelake-server icelake_server", "icelake-client", "clwb pconfig wbnoinvd"),
    cpu("tigerlake", "icelake-client", "avx512vp2intersect clwb movdir64b movdiri shstk"),
    cpu("sapphirerapids emeraldrapids", "icelake-server",
        "amx-bf16 amx-int8 avx512bf16 avx512fp16 avxvnni cldemote enqcmd movdir64b movdiri \
         ptwrite serialize shstk tsxldtrk uintr waitpkg"),
    cpu("graniterapids", "sapphirerapids", "amx-fp16 prefetchi"),
    cpu("graniterapids-d graniterapids_d", "graniterapids", "amx-complex"),
    cpu("diamondrapids", "graniterapids-d",
        "amx-avx512 amx-fp8 amx-movrs amx-tf32 avx10.2 avxifma avxneconvert avxvnniint16 \
         avxvnniint8 cmpccxadd movrs sha512 sm3 sm4"),

    // Intel, since big and small cores share one instruction set.
    cpu("alderlake raptorlake meteorlake gracemont", "skylake",
        "avxvnni cldemote clwb gfni hreset movdir64b movdiri pconfig pku ptwrite rdpid \
         serialize sha shstk vaes vpclmulqdq waitpkg widekl"),
    cpu("arrowlake", "alderlake", "avxifma avxneconvert avxvnniint8 cmpccxadd uintr"),
    cpu("arrowlake-s arrowlake_s lunarlake", "arrowlake", "avxvnniint16 sha512 sm3 sm4"),
    cpu("sierraforest", "arrowlake", "enqcmd"),
    cpu("grandridge", "sierraforest", "raoint"),
    cpu("clearwaterforest", "skylake",
        "avxifma avxneconvert avxvnni avxvnniint16 avxvnniint8 cldemote clwb cmpccxadd \
         enqcmd gfni hreset movdir64b movdiri pconfig pku prefetchi ptwrite rdpid serialize \
         sha sha512 shstk sm3 sm4 uintr vaes vpclmulqdq waitpkg"),
    cpu("pantherlake wildcatlake", "skylake",
        "avxifma avxneconvert avxvnni avxvnniint16 avxvnniint8 cldemote clwb cmpccxadd gfni \
         hreset movdir64b movdiri pconfig pku prefetchi ptwrite rdpid serialize sha sha512 \
         shstk sm3 sm4 uintr vaes vpclmulqdq waitpkg"),
    cpu("novalake", "pantherlake", "avx10.2 movrs"),

    // Intel, many small cores with long vectors.
    cpu("knl knightslanding mic_avx512", "broadwell", "avx512cd avx512er avx512pf prefetchwt1"),
    cpu("knm knightsmill", "knl", "avx5124fmaps avx5124vnniw avx512vpopcntdq"),

    // Intel, small cores.
    cpu("bonnell atom saltwell", "core2", "movbe"),
    cpu("silvermont slm atom_sse4_2", "bonnell",
        "aes pclmulqdq popcnt prfchw rdrand rdtscp sse4.2"),
    cpu("airmont", "silvermont", ""),
    cpu("goldmont atom_sse4_2_movbe", "silvermont",
        "clflushopt fsgsbase rdseed sha xsavec xsaveopt xsaves"),
    cpu("goldmont-plus goldmont_plus", "goldmont", "ptwrite rdpid"),
    cpu("tremont", "goldmont-plus", "clwb gfni movdir64b movdiri waitpkg"),

    // AMD, big cores.
    cpu("k8 opteron athlon64 athlon-fx", "x86-64", "3dnowa"),
    cpu("k8-sse3 opteron-sse3 athlon64-sse3", "k8", "cmpxchg16b sse3"),
    cpu("amdfam10 barcelona k10", "k8-sse3", "lahfsahf lzcnt popcnt rdtscp sse4a"),
    cpu("bdver1 bulldozer", "x86-64",
        "aes avx cmpxchg16b fma4 lahfsahf lwp lzcnt pclmulqdq popcnt prfchw rdtscp sse4a \
         xop xsave"),
    cpu("bdver2 piledriver", "bdver1", "bmi1 f16c fma tbm"),
    cpu("bdver3 steamroller", "bdver2", "fsgsbase xsaveopt"),
    cpu("bdver4 excavator", "bdver3", "avx2 bmi2 movbe mwaitx rdrand"),
    cpu("znver1 zen zen1", "x86-64-v3",
        "adx aes clflushopt clzero fsgsbase mwaitx pclmulqdq prfchw rdrand rdseed rdtscp \
         sha sse4a xsavec xsaveopt xsaves"),
    cpu("znver2 zen2", "znver1", "clwb rdpid rdpru wbnoinvd"),
    cpu("znver3 zen3", "znver2", "invpcid pku shstk vaes vpclmulqdq"),
    cpu("znver4 zen4", "znver3",
        "avx512bf16 avx512bitalg avx512bw avx512cd avx512dq avx512ifma avx512vbmi \
         avx512vbmi2 avx512vl avx512vnni avx512vpopcntdq gfni"),
    cpu("znver5 zen5", "znver4", "avx512vp2intersect avxvnni movdir64b movdiri prefetchi"),

    // AMD, small cores.
    cpu("btver1 bobcat", "x86-64", "cmpxchg16b lahfsahf lzcnt popcnt prfchw rdtscp sse4a ssse3"),
    cpu("btver2 jaguar", "btver1", "aes avx bmi1 f16c movbe pclmulqdq xsave xsaveopt"),
];

impl FeatureSet {
    /// The extensions of a microarchitecture (`haswell`, `znver4`, `x86-64-v3`), those of the
    /// baseline included.
    pub fn of_cpu(name: &str) -> Option<FeatureSet> {
        let mut set = FeatureSet::baseline();
        let mut next = name;
        while !next.is_empty() {
            let row = CPUS.iter().find(|row| row.names.split(' ').any(|known| known == next))?;
            row.adds.split_whitespace().filter_map(Feature::parse).for_each(|f| set.insert(f));
            next = row.base;
        }
        Some(set)
    }

    /// The names that [`FeatureSet::of_cpu`] knows, in the order of the table.
    pub fn cpu_names() -> impl Iterator<Item = &'static str> {
        CPUS.iter().flat_map(|row| row.names.split(' '))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn every_name_in_the_table_is_known() {
        for row in CPUS {
            assert!(
                row.adds.split_whitespace().all(|f| Feature::parse(f).is_some()),
                "{}",
                row.adds
            );
        }
        assert!(FeatureSet::cpu_names().all(|name| FeatureSet::of_cpu(name).is_some()));
        let distinct: std::collections::HashSet<_> = FeatureSet::cpu_names().collect();
        assert_eq!(distinct.len(), FeatureSet::cpu_names().count());
    }

    /// rustc leaves AES out where the cheapest models of a family lack it.
    const AES_FUSED_OFF: &[&str] =
        &["westmere", "sandybridge", "ivybridge", "haswell", "broadwell", "silvermont", "airmont"];

    fn rustc(args: &[&str]) -> String {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
        // Without the variable, unstable features are not printed.
        let output = Command::new(rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["--target", "x86_64-unknown-linux-gnu", "--print"])
            .args(args)
            .output()
            .expect("rustc runs");
        String::from_utf8(output.stdout).expect("rustc prints text")
    }

    /// The extensions that are on with `option`, as far as they are in our table.
    fn rustc_features(option: &str) -> Vec<Feature> {
        let text = rustc(&["cfg", "-C", option]);
        let name = |line: &str| {
            let name = line.strip_prefix("target_feature=\"")?.strip_suffix('"')?;
            Feature::parse(name)
        };
        text.lines().filter_map(name).collect()
    }

    /// The extensions that rustc knows at all.
    fn known_to_rustc() -> Vec<Feature> {
        let list: Vec<String> =
            FeatureSet::all().iter().map(|f| format!("+{}", f.name())).collect();
        rustc_features(&format!("target-feature={}", list.join(",")))
    }

    /// What is in one and not in the other, of what rustc knows.
    fn differences(ours: FeatureSet, theirs: &[Feature], known: &[Feature]) -> Vec<Feature> {
        known.iter().copied().filter(|f| ours.contains(*f) != theirs.contains(f)).collect()
    }

    #[test]
    fn microarchitectures_agree_with_rustc() {
        let known = known_to_rustc();
        let cpus = rustc(&["target-cpus"]);
        let mut compared = 0;
        for row in CPUS {
            let names: Vec<&str> = row.names.split(' ').collect();
            let fused_off = names.iter().any(|name| AES_FUSED_OFF.contains(name));
            let expected: &[Feature] = if fused_off { &[Feature::AES] } else { &[] };
            for name in names {
                if !cpus.lines().any(|line| line.split_whitespace().next() == Some(name)) {
                    continue;
                }
                let theirs = rustc_features(&format!("target-cpu={name}"));
                let ours = FeatureSet::of_cpu(name).expect("it is in the table");
                let mut found = differences(ours, &theirs, &known);
                // Fast `rep movsb` is a tuning hint that LLVM gives some rows and not others.
                // LLVM's `generic` is a 32-bit processor, without FXSR.
                found.retain(|f| *f != Feature::ERMSB && *f != Feature::FXSR);
                assert_eq!(found, expected, "{name}");
                compared += 1;
            }
        }
        assert!(compared > 70, "only {compared} microarchitectures compared");
    }

    #[test]
    fn implications_agree_with_rustc() {
        let known = known_to_rustc();
        assert!(known.len() > 60, "rustc knows only {known:?}");
        for feature in &known {
            let mut ours = FeatureSet::baseline();
            ours.insert(*feature);
            let theirs = rustc_features(&format!("target-feature=+{}", feature.name()));
            assert_eq!(differences(ours, &theirs, &known), [], "{feature:?}");
        }
    }
}
