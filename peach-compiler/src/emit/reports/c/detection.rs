//! How C finds out what the processor and the operating system support.
//!
//! In: the extensions that versions need. Out: C that asks for them, once, and a macro for each.
//!
//! The rows of the table are those of the runtime's `cpu.rs`: a test compares the two. An extension
//! counts where the processor reports it and the operating system saves the registers that it uses.
//! The resolver of an indirect function runs before the program is relocated: nothing here calls a
//! function of another file, and no local variable has an address (which would make compilers read
//! the stack protector's guard, perhaps before it is there).

use crate::isa::Feature;
use std::fmt::Write;

/// Where CPUID reports an extension.
#[derive(Clone, Copy, Debug)]
enum Bit {
    /// Every x86-64 processor has it.
    Always,
    /// Leaf, subleaf, register, bit; and what the operating system has to save for it.
    Cpuid(u32, u32, Reg, u32, State),
    /// AVX10, at least of this version.
    Avx10(u32),
    /// Key Locker: present, and switched on by the operating system; with this further bit.
    KeyLocker(u32),
}

#[derive(Clone, Copy, Debug)]
enum Reg {
    A,
    B,
    C,
    D,
}
use Reg::{A, B, C, D};

/// Bits of XCR0: the registers that the operating system saves (Intel SDM volume 1, 13.3).
#[derive(Clone, Copy, Debug)]
struct State(u64);

/// Nothing beyond what every 64-bit system saves.
const NO: State = State(0);
/// XSAVE itself is switched on.
const XS: State = State(1);
/// xmm and ymm.
const YMM: State = State(0b110);
/// Also masks, the upper halves of zmm0–15, and zmm16–31.
const ZMM: State = State(0b1110_0110);
/// The tiles and their configuration.
const TMM: State = State(0b11 << 17);
/// r16–r31.
const EGPR: State = State(1 << 19);

/// Declares the table.
macro_rules! features {
    ($($name:literal $bit:expr;)*) => {
        /// Where each extension is found, by its name.
        const BITS: &[(&str, Bit)] = &[$(($name, { use Bit::*; $bit })),*];
    };
}

// Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.
#[rustfmt::skip]
features! {
    "x87" Always;
    "cmov" Always;
    "cx8" Always;
    "mmx" Always;
    "fxsr" Always;
    "sse" Always;
    "sse2" Always;

    "sse3" Cpuid(1, 0, C, 0, NO);
    "ssse3" Cpuid(1, 0, C, 9, NO);
    "sse4.1" Cpuid(1, 0, C, 19, NO);
    "sse4.2" Cpuid(1, 0, C, 20, NO);
    "sse4a" Cpuid(0x8000_0001, 0, C, 6, NO);
    "cmpxchg16b" Cpuid(1, 0, C, 13, NO);
    "lahfsahf" Cpuid(0x8000_0001, 0, C, 0, NO);
    "popcnt" Cpuid(1, 0, C, 23, NO);
    "prfchw" Cpuid(0x8000_0001, 0, C, 8, NO);
    "3dnow" Cpuid(0x8000_0001, 0, D, 31, NO);
    "3dnowa" Cpuid(0x8000_0001, 0, D, 30, NO);
    "aes" Cpuid(1, 0, C, 25, NO);
    "pclmulqdq" Cpuid(1, 0, C, 1, NO);
    "gfni" Cpuid(7, 0, C, 8, NO);
    "sha" Cpuid(7, 0, B, 29, NO);
    "kl" KeyLocker(0);
    "widekl" KeyLocker(2);

    "adx" Cpuid(7, 0, B, 19, NO);
    "bmi1" Cpuid(7, 0, B, 3, NO);
    "bmi2" Cpuid(7, 0, B, 8, NO);
    "lzcnt" Cpuid(0x8000_0001, 0, C, 5, NO);
    "tbm" Cpuid(0x8000_0001, 0, C, 21, NO);
    "lwp" Cpuid(0x8000_0001, 0, C, 15, State(1 << 62));
    "movbe" Cpuid(1, 0, C, 22, NO);
    "movrs" Cpuid(7, 1, A, 31, NO);
    "rdrand" Cpuid(1, 0, C, 30, NO);
    "rdseed" Cpuid(7, 0, B, 18, NO);
    "rtm" Cpuid(7, 0, B, 11, NO);
    "tsxldtrk" Cpuid(7, 0, D, 16, NO);
    "cmpccxadd" Cpuid(7, 1, A, 7, NO);
    "raoint" Cpuid(7, 1, A, 3, NO);
    "ermsb" Cpuid(7, 0, B, 9, NO);
    "apxf" Cpuid(7, 1, D, 21, EGPR);

    "avx" Cpuid(1, 0, C, 28, YMM);
    "f16c" Cpuid(1, 0, C, 29, YMM);
    "fma" Cpuid(1, 0, C, 12, YMM);
    "fma4" Cpuid(0x8000_0001, 0, C, 16, YMM);
    "xop" Cpuid(0x8000_0001, 0, C, 11, YMM);
    "avx2" Cpuid(7, 0, B, 5, YMM);
    "vaes" Cpuid(7, 0, C, 9, YMM);
    "vpclmulqdq" Cpuid(7, 0, C, 10, YMM);
    "avxvnni" Cpuid(7, 1, A, 4, YMM);
    "avxvnniint8" Cpuid(7, 1, D, 4, YMM);
    "avxvnniint16" Cpuid(7, 1, D, 10, YMM);
    "avxifma" Cpuid(7, 1, A, 23, YMM);
    "avxneconvert" Cpuid(7, 1, D, 5, YMM);
    "sha512" Cpuid(7, 1, A, 0, YMM);
    "sm3" Cpuid(7, 1, A, 1, YMM);
    "sm4" Cpuid(7, 1, A, 2, YMM);

    "avx512f" Cpuid(7, 0, B, 16, ZMM);
    "avx512cd" Cpuid(7, 0, B, 28, ZMM);
    "avx512vl" Cpuid(7, 0, B, 31, ZMM);
    "avx512bw" Cpuid(7, 0, B, 30, ZMM);
    "avx512dq" Cpuid(7, 0, B, 17, ZMM);
    "avx512ifma" Cpuid(7, 0, B, 21, ZMM);
    "avx512vbmi" Cpuid(7, 0, C, 1, ZMM);
    "avx512vbmi2" Cpuid(7, 0, C, 6, ZMM);
    "avx512bitalg" Cpuid(7, 0, C, 12, ZMM);
    "avx512vpopcntdq" Cpuid(7, 0, C, 14, ZMM);
    "avx512vnni" Cpuid(7, 0, C, 11, ZMM);
    "avx512bf16" Cpuid(7, 1, A, 5, ZMM);
    "avx512fp16" Cpuid(7, 0, D, 23, ZMM);
    "avx512vp2intersect" Cpuid(7, 0, D, 8, ZMM);
    "avx512er" Cpuid(7, 0, B, 27, ZMM);
    "avx512pf" Cpuid(7, 0, B, 26, ZMM);
    "avx5124fmaps" Cpuid(7, 0, D, 3, ZMM);
    "avx5124vnniw" Cpuid(7, 0, D, 2, ZMM);
    "avx10.1" Avx10(1);
    "avx10.2" Avx10(2);

    "amx-tile" Cpuid(7, 0, D, 24, TMM);
    "amx-bf16" Cpuid(7, 0, D, 22, TMM);
    "amx-int8" Cpuid(7, 0, D, 25, TMM);
    "amx-fp16" Cpuid(7, 1, A, 21, TMM);
    "amx-complex" Cpuid(7, 1, D, 8, TMM);
    "amx-fp8" Cpuid(0x1E, 1, A, 4, TMM);
    "amx-tf32" Cpuid(0x1E, 1, A, 6, TMM);
    "amx-avx512" Cpuid(0x1E, 1, A, 7, TMM);
    "amx-movrs" Cpuid(0x1E, 1, A, 8, TMM);

    "clflushopt" Cpuid(7, 0, B, 23, NO);
    "clwb" Cpuid(7, 0, B, 24, NO);
    "clzero" Cpuid(0x8000_0008, 0, B, 0, NO);
    "cldemote" Cpuid(7, 0, C, 25, NO);
    "prefetchwt1" Cpuid(7, 0, C, 0, NO);
    "prefetchi" Cpuid(7, 1, D, 14, NO);
    "movdiri" Cpuid(7, 0, C, 27, NO);
    "movdir64b" Cpuid(7, 0, C, 28, NO);
    "enqcmd" Cpuid(7, 0, C, 29, NO);
    "xsave" Cpuid(1, 0, C, 26, XS);
    "xsaveopt" Cpuid(0xD, 1, A, 0, XS);
    "xsavec" Cpuid(0xD, 1, A, 1, XS);
    "xsaves" Cpuid(0xD, 1, A, 3, XS);
    "rdtscp" Cpuid(0x8000_0001, 0, D, 27, NO);
    "rdpid" Cpuid(7, 0, C, 22, NO);
    "rdpru" Cpuid(0x8000_0008, 0, B, 4, NO);
    "fsgsbase" Cpuid(7, 0, B, 0, NO);
    "ptwrite" Cpuid(0x14, 0, B, 4, NO);
    "waitpkg" Cpuid(7, 0, C, 5, NO);
    "mwaitx" Cpuid(0x8000_0001, 0, C, 29, NO);
    "serialize" Cpuid(7, 0, D, 14, NO);
    "uintr" Cpuid(7, 0, D, 5, NO);
    "shstk" Cpuid(7, 0, C, 7, NO);
    "pku" Cpuid(7, 0, C, 4, NO);
    "invpcid" Cpuid(7, 0, B, 10, NO);
    "hreset" Cpuid(7, 1, A, 22, NO);
    "wbnoinvd" Cpuid(0x8000_0008, 0, B, 9, NO);
    "pconfig" Cpuid(7, 0, D, 18, NO);
    "mcommit" Cpuid(0x8000_0008, 0, B, 8, NO);
    "sgx" Cpuid(7, 0, B, 2, NO);
    "smx" Cpuid(1, 0, C, 6, NO);
    "vmx" Cpuid(1, 0, C, 5, NO);
    "svm" Cpuid(0x8000_0001, 0, C, 2, NO);
    "fred" Cpuid(7, 1, A, 17, NO);
    "msrlist" Cpuid(7, 1, A, 27, NO);
    "usermsr" Cpuid(7, 1, D, 15, NO);
    "pbndkb" Cpuid(7, 1, B, 1, NO);
    "padlock" Cpuid(0xC000_0001, 0, D, 7, NO);
}

/// A leaf of CPUID, and a subleaf of it.
type Leaf = (u32, u32);

/// When a processor has a leaf, beyond having leaves up to it: a condition in C of other leaves.
/// (For a leaf that it lacks, an Intel processor answers with what its highest leaf says.) In an
/// order in which each depends on earlier ones.
const LEAVES: &[(Leaf, &[Leaf], &str)] = &[
    ((0, 0), &[], ""),
    ((0x8000_0000, 0), &[], ""),
    ((1, 0), &[], ""),
    ((7, 0), &[], ""),
    ((7, 1), &[(7, 0)], "peach_cpu_7_0.a >= 1"),
    ((0xD, 1), &[(1, 0)], "(peach_cpu_1_0.c >> 26 & 1)"),
    ((0x14, 0), &[(7, 0)], "(peach_cpu_7_0.b >> 25 & 1)"),
    ((0x19, 0), &[(7, 0)], "(peach_cpu_7_0.c >> 23 & 1)"),
    ((0x1E, 1), &[(7, 0)], "(peach_cpu_7_0.d >> 24 & 1)"),
    ((0x24, 0), &[(7, 1)], "(peach_cpu_7_1.d >> 19 & 1)"),
    ((0x8000_0001, 0), &[], ""),
    ((0x8000_0008, 0), &[], ""),
    // CentaurHauls, and "  Shanghai  ".
    (
        (0xC000_0000, 0),
        &[(0, 0)],
        "((peach_cpu_0_0.b == 0x746e6543 && peach_cpu_0_0.d == 0x48727561 && peach_cpu_0_0.c == \
         0x736c7561) || (peach_cpu_0_0.b == 0x68532020 && peach_cpu_0_0.d == 0x68676e61 && \
         peach_cpu_0_0.c == 0x20206961))",
    ),
    ((0xC000_0001, 0), &[(0xC000_0000, 0)], ""),
];

/// Asks the processor, in any compiler's C.
const ASKING: &str = "\
struct peach_cpu_answer { unsigned a, b, c, d; };

#if defined(__GNUC__) || defined(__clang__)
#include <cpuid.h>
static struct peach_cpu_answer peach_cpu_ask(unsigned leaf, unsigned subleaf)
{
    unsigned a, b, c, d;
    struct peach_cpu_answer answer;
    __cpuid_count(leaf, subleaf, a, b, c, d);
    answer.a = a;
    answer.b = b;
    answer.c = c;
    answer.d = d;
    return answer;
}
static struct peach_cpu_answer peach_cpu_xcr0(void)
{
    unsigned low, high;
    struct peach_cpu_answer answer;
    /* xgetbv */
    __asm__ __volatile__(\".byte 0x0f, 0x01, 0xd0\" : \"=a\"(low), \"=d\"(high) : \"c\"(0));
    answer.a = low;
    answer.b = 0;
    answer.c = 0;
    answer.d = high;
    return answer;
}
/* Some compilers do not see that an indirect function uses its resolver. */
#define PEACH_CPU_USED __attribute__((unused))
#define PEACH_CPU_LOAD(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
#define PEACH_CPU_STORE(place, value) __atomic_store_n(&(place), value, __ATOMIC_RELEASE)
#else
#include <intrin.h>
static struct peach_cpu_answer peach_cpu_ask(unsigned leaf, unsigned subleaf)
{
    int words[4];
    struct peach_cpu_answer answer;
    __cpuidex(words, (int)leaf, (int)subleaf);
    answer.a = (unsigned)words[0];
    answer.b = (unsigned)words[1];
    answer.c = (unsigned)words[2];
    answer.d = (unsigned)words[3];
    return answer;
}
static struct peach_cpu_answer peach_cpu_xcr0(void)
{
    unsigned __int64 words = _xgetbv(0);
    struct peach_cpu_answer answer;
    answer.a = (unsigned)words;
    answer.b = 0;
    answer.c = 0;
    answer.d = (unsigned)(words >> 32);
    return answer;
}
#define PEACH_CPU_USED
/* What is aligned is read and written at once, and in order where it is volatile. */
#define PEACH_CPU_LOAD(place) (place)
#define PEACH_CPU_STORE(place, value) ((void)((place) = (value)))
#endif
";

/// What asks for `features`, of which the macros `PEACH_CPU_…` then speak, after a call of
/// `peach_cpu_detect`.
pub(super) fn detection(features: &[Feature]) -> String {
    let bits: Vec<(&str, Bit)> =
        features.iter().map(|feature| (feature.name(), bit(*feature))).collect();
    let mut leaves = vec![(1, 0)];
    bits.iter().for_each(|(_, bit)| leaves.extend(leaf(*bit)));
    let asked = closed(&leaves);
    let mut text = ASKING.to_string();
    text.push('\n');
    for &(leaf, _, _) in &asked {
        let _ = writeln!(text, "static struct peach_cpu_answer {};", variable(leaf));
    }
    text.push_str(
        "/* The registers that the operating system saves: XCR0. */\n\
         static struct peach_cpu_answer peach_cpu_saved;\n\
         static volatile int peach_cpu_is_known;\n\n\
         /* Whoever races here stores the same. */\n\
         static void peach_cpu_detect(void)\n{\n    \
         if (PEACH_CPU_LOAD(peach_cpu_is_known))\n        return;\n",
    );
    for &((leaf, subleaf), _, condition) in &asked {
        let ask = format!("{} = peach_cpu_ask(0x{leaf:x}u, {subleaf});", variable((leaf, subleaf)));
        let first = leaf & 0xC000_0000;
        let last = format!("{}.a", variable((first, 0)));
        let mut conditions = Vec::new();
        if leaf != first {
            conditions.push(format!("{last} >= 0x{leaf:x}u"));
            conditions.push(format!("{last} <= 0x{:x}u", leaf | 0xFFFF));
        }
        if !condition.is_empty() {
            conditions.push(condition.to_string());
        }
        let _ = match conditions.as_slice() {
            [] => writeln!(text, "    {ask}"),
            _ => writeln!(text, "    if ({})\n        {ask}", conditions.join(" && ")),
        };
    }
    text.push_str(
        "    if (peach_cpu_1_0.c >> 27 & 1)\n        peach_cpu_saved = peach_cpu_xcr0();\n    \
         PEACH_CPU_STORE(peach_cpu_is_known, 1);\n}\n\n",
    );
    for (feature, (_, bit)) in features.iter().zip(&bits) {
        let _ = writeln!(text, "#define {} {}", macro_name(*feature), condition(*bit));
    }
    text
}

/// What says in C whether the processor has an extension.
pub(super) fn macro_name(feature: Feature) -> String {
    let letters = feature.name().chars();
    let letters = letters.map(|ch| if ch.is_ascii_alphanumeric() { ch } else { '_' });
    format!("PEACH_CPU_{}", letters.collect::<String>().to_uppercase())
}

fn bit(feature: Feature) -> Bit {
    let found = BITS.iter().find(|(name, _)| *name == feature.name());
    found.expect("the table has every extension").1
}

/// The leaf that a bit is in.
fn leaf(bit: Bit) -> Option<Leaf> {
    match bit {
        Bit::Always => None,
        Bit::Cpuid(leaf, subleaf, ..) => Some((leaf, subleaf)),
        Bit::Avx10(_) => Some((0x24, 0)),
        Bit::KeyLocker(_) => Some((0x19, 0)),
    }
}

/// Leaves and what their presence depends on, in the order in which they are asked.
fn closed(leaves: &[Leaf]) -> Vec<(Leaf, &'static [Leaf], &'static str)> {
    let mut wanted = leaves.to_vec();
    for &(leaf, needed, _) in LEAVES.iter().rev() {
        if wanted.contains(&leaf) {
            wanted.extend(needed);
            wanted.push((leaf.0 & 0xC000_0000, 0));
        }
    }
    LEAVES.iter().filter(|(leaf, ..)| wanted.contains(leaf)).copied().collect()
}

/// The variable that keeps the answer for a leaf.
fn variable((leaf, subleaf): Leaf) -> String {
    format!("peach_cpu_{leaf:x}_{subleaf}")
}

/// Whether a bit counts, in C.
fn condition(bit: Bit) -> String {
    match bit {
        Bit::Always => "1".to_string(),
        Bit::Cpuid(leaf, subleaf, reg, bit, state) => {
            let has = is_set((leaf, subleaf), reg, bit);
            match saves(state) {
                None => format!("({has})"),
                Some(saves) => format!("({saves} && ({has}))"),
            }
        }
        Bit::Avx10(version) => {
            let saves = saves(ZMM).expect("zmm are more than every system saves");
            format!("({saves} && ({}.b & 0xff) >= {version})", variable((0x24, 0)))
        }
        Bit::KeyLocker(bit) => {
            format!("(({}) && ({}))", is_set((0x19, 0), B, 0), is_set((0x19, 0), B, bit))
        }
    }
}

fn is_set(leaf: Leaf, reg: Reg, bit: u32) -> String {
    let reg = match reg {
        A => 'a',
        B => 'b',
        C => 'c',
        D => 'd',
    };
    format!("{}.{reg} >> {bit} & 1", variable(leaf))
}

/// Whether the operating system saves all of a state, in C.
fn saves(State(state): State) -> Option<String> {
    let word = |field: char, mask: u64| {
        (mask != 0).then(|| format!("(peach_cpu_saved.{field} & 0x{mask:x}u) == 0x{mask:x}u"))
    };
    let words: Vec<String> =
        [word('a', state & 0xFFFF_FFFF), word('d', state >> 32)].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" && "))
}
