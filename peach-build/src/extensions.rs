//! What `-mNAME` and `-mno-NAME` mean.
//!
//! In: the name of an extension: Rust's, LLVM's and GCC's, or PeachPy's. Out: the extensions it
//! stands for, and a set of extensions with all asked for added and taken away.
//! Invariant: sets stay closed: without `avx` there is no `avx2`.
//! Fails: on an unknown name, with the nearest one; on `-mavx -mno-avx`.

use peach_compiler::emit::words::Words;
use peach_compiler::isa::{Feature, FeatureSet};

/// Names that are not those of [`Feature`], each with the extensions it means. An empty list is
/// what every x86-64 processor has.
const ALIASES: &[(&str, &[Feature])] = &[
    // PeachPy's.
    ("mmx+", &[]),
    ("3dnow!", &[Feature::MMX_3DNOW]),
    ("3dnow!+", &[Feature::MMX_3DNOWA]),
    ("3dnow+", &[Feature::MMX_3DNOWA]),
    ("femms", &[Feature::MMX_3DNOW]),
    ("fma3", &[Feature::FMA]),
    ("bmi", &[Feature::BMI1]),
    ("prefetch", &[Feature::PRFCHW]),
    ("prefetchw", &[Feature::PRFCHW]),
    ("clflush", &[]),
    ("cpuid", &[]),
    ("rdtsc", &[]),
    ("avx512_4vnniw", &[Feature::AVX5124VNNIW]),
    ("avx512_4fmaps", &[Feature::AVX5124FMAPS]),
    // GCC's and Clang's.
    ("sse4", &[Feature::SSE4_2]),
    ("sse41", &[Feature::SSE4_1]),
    ("sse42", &[Feature::SSE4_2]),
    ("abm", &[Feature::LZCNT, Feature::POPCNT]),
    ("pclmul", &[Feature::PCLMULQDQ]),
    ("rdrnd", &[Feature::RDRAND]),
    ("cx16", &[Feature::CMPXCHG16B]),
    ("sahf", &[Feature::LAHFSAHF]),
    ("cmpxchg8b", &[Feature::CX8]),
];

/// The extensions that `name` stands for.
fn meaning(name: &str) -> Option<Vec<Feature>> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    alias.map(|(_, features)| features.to_vec()).or_else(|| Some(vec![Feature::parse(name)?]))
}

/// Whether `-mNAME` is an extension's flag.
pub fn is_known(name: &str) -> bool {
    meaning(name).is_some()
}

/// Every name, for `--help` and for suggestions: the extensions' own first.
pub fn names() -> impl Iterator<Item = &'static str> {
    let own = FeatureSet::all();
    let own: Vec<&str> = own.iter().map(Feature::name).collect();
    own.into_iter().chain(ALIASES.iter().map(|(alias, _)| *alias))
}

/// What was asked for with `-m…`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// To be added.
    pub with: FeatureSet,
    /// To be taken away, with all that need them.
    pub without: Vec<Feature>,
}

impl Adjustment {
    /// Reads flags without their `-m`: `avx2`, `no-avx2`.
    ///
    /// # Errors
    /// On an unknown name, and where a name is both asked for and excluded.
    pub fn parse<'a>(flags: impl IntoIterator<Item = &'a str>) -> Result<Adjustment, String> {
        Adjustment::parse_as(Words::Flags, flags)
    }

    /// As [`parse`](Self::parse), in the words of the option that was used.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_as<'a>(
        words: Words,
        flags: impl IntoIterator<Item = &'a str>,
    ) -> Result<Adjustment, String> {
        let mut adjustment = Adjustment::default();
        let mut seen: Vec<(&str, bool)> = Vec::new();
        for flag in flags {
            let (name, wanted) = match flag.strip_prefix("no-") {
                Some(name) => (name, false),
                None => (flag, true),
            };
            let Some(features) = meaning(name) else {
                return Err(unknown(words, flag, name));
            };
            if seen.contains(&(name, !wanted)) {
                let (with, without) =
                    (words.extension(name), words.extension(&format!("no-{name}")));
                return Err(format!("{with} and {without} are mutually exclusive"));
            }
            seen.push((name, wanted));
            for feature in features {
                match wanted {
                    true => adjustment.with.insert(feature),
                    false => adjustment.without.push(feature),
                }
            }
        }
        Ok(adjustment)
    }

    /// `set` with everything added, then everything taken away.
    pub fn apply(&self, mut set: FeatureSet) -> FeatureSet {
        set.extend(self.with);
        self.without.iter().for_each(|feature| set.remove(*feature));
        set
    }
}

fn unknown(words: Words, flag: &str, name: &str) -> String {
    let option = words.extension(flag);
    let mut text = format!("unknown extension `{name}` for {option}");
    if let Some(near) = crate::nearest(name, names()) {
        text.push_str(&format!("; did you mean `{near}`?"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(flags: &[&str], cpu: &str) -> FeatureSet {
        let adjustment = Adjustment::parse(flags.iter().copied()).expect("right flags");
        adjustment.apply(FeatureSet::of_cpu(cpu).expect("a processor"))
    }

    #[test]
    fn what_needs_an_excluded_extension_goes_with_it() {
        let haswell = set(&["no-avx"], "haswell");
        for gone in [Feature::AVX, Feature::AVX2, Feature::FMA, Feature::F16C] {
            assert!(!haswell.contains(gone), "{gone:?}");
        }
        assert!(haswell.contains(Feature::SSE4_2) && haswell.contains(Feature::BMI2));
        assert!(set(&["fma3"], "x86-64").contains(Feature::AVX));
        assert!(set(&["avx512f"], "x86-64").contains(Feature::AVX2));
        assert_eq!(set(&["mmx+", "cpuid"], "x86-64"), FeatureSet::baseline());
    }

    #[test]
    fn pairs_exclude_each_other_and_unknown_names_are_told_the_nearest() {
        let error = |flags: &[&str]| Adjustment::parse(flags.iter().copied()).expect_err("wrong");
        assert!(error(&["avx", "no-avx"]).contains("mutually exclusive"));
        assert!(error(&["pclmulqd"]).contains("did you mean `pclmulqdq`?"));
        assert!(error(&["no-bmi3"]).contains("-mno-bmi3"));
    }

    /// The 53 names of PeachPy's extensions, in lower case.
    #[test]
    fn every_extension_of_peachpy_is_known() {
        const PEACHPY: &str = "rdtsc rdtscp cpuid mmx mmx+ 3dnow! 3dnow!+ femms sse sse2 sse3 \
            ssse3 sse4a sse4.1 sse4.2 aes pclmulqdq rdrand rdseed sha avx f16c avx2 xop fma3 fma4 \
            avx512f avx512bw avx512dq avx512vl avx512cd avx512pf avx512er avx512vbmi avx512ifma \
            avx512vpopcntdq avx512_4vnniw avx512_4fmaps prefetch prefetchw prefetchwt1 clflush \
            clflushopt clwb clzero cmov popcnt lzcnt movbe bmi bmi2 tbm adx";
        let names: Vec<&str> = PEACHPY.split_whitespace().collect();
        assert_eq!(names.len(), 53);
        for name in names {
            assert!(is_known(name), "{name}");
        }
    }
}
