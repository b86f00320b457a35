//! What the CPU and the operating system support, by the compiler's numbering of the extensions.
//!
//! In: CPUID and XGETBV. Out: a bit per row of [`FEATURES`]; the rows are those of the compiler's
//! table (a test compares them), so that a version's needs are a set of bits, 64 rows a word.
//!
//! An extension counts where the processor reports it and the operating system saves the registers
//! that it uses. What an extension implies is not looked at here: a version's needs list all of it.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where CPUID reports an extension: leaf, subleaf, register (a, b, c, d), bit; and what the
/// operating system has to save for it.
#[derive(Clone, Copy, Debug)]
enum Bit {
    /// Every x86-64 processor has it.
    Always,
    /// One bit of CPUID.
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

/// The registers that an extension needs the operating system to save, as bits of XCR0 (Intel SDM
/// volume 1, 13.3).
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

/// Declares the table of names and bits.
macro_rules! features {
    ($($name:literal $bit:expr;)*) => {
        /// The names of the extensions, by row.
        pub const FEATURES: &[&str] = &[$($name),*];
        /// Where each is found, by row.
        const BITS: &[Bit] = &[$({ use Bit::*; $bit }),*];
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

/// How many words a set of rows has.
const WORDS: usize = FEATURES.len().div_ceil(64);

/// A set of rows: row *i* is bit *i* % 64 of word *i* / 64.
type Rows = [u64; WORDS];

/// What this machine has, once [`KNOWN`] is set.
static DETECTED: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
static KNOWN: AtomicBool = AtomicBool::new(false);

/// What this machine has.
fn detected() -> Rows {
    if !KNOWN.load(Ordering::Acquire) {
        return detect_first();
    }
    core::array::from_fn(|word| DETECTED[word].load(Ordering::Relaxed))
}

/// Whether this machine can run code that needs all of `rows`.
pub fn has(rows: &[u64]) -> bool {
    cfg!(all(target_arch = "x86_64", not(miri))) && are_among(rows, &detected())
}

/// Whether `set` has all of `rows`.
fn are_among(rows: &[u64], set: &[u64]) -> bool {
    let word = |word| set.get(word).copied().unwrap_or(0);
    rows.iter().enumerate().all(|(index, needed)| needed & !word(index) == 0)
}

/// The names of those of `rows` that this machine lacks.
pub fn lacking(rows: &[u64]) -> impl Iterator<Item = &'static str> {
    let detected = detected();
    let is_lacking = move |row: &usize| contains(rows, *row) && !contains(&detected, *row);
    (0..FEATURES.len()).filter(is_lacking).map(|row| FEATURES[row])
}

/// Whether this machine lacks the extension called `name`.
pub(crate) fn lacks(name: &str) -> bool {
    let row = FEATURES.iter().position(|known| *known == name);
    row.is_none_or(|row| !contains(&detected(), row))
}

fn contains(rows: &[u64], row: usize) -> bool {
    rows.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
}

/// Asks the CPU. Every thread that races here finds the same.
#[cold]
fn detect_first() -> Rows {
    let detected = detect();
    for (word, value) in DETECTED.iter().zip(detected) {
        word.store(value, Ordering::Relaxed);
    }
    KNOWN.store(true, Ordering::Release);
    detected
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn detect() -> Rows {
    let _ = (BITS, NO, XS, YMM, ZMM, TMM, EGPR);
    [0; WORDS]
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn detect() -> Rows {
    let mut machine = Machine::new();
    let mut detected = [0; WORDS];
    for (row, &bit) in BITS.iter().enumerate() {
        detected[row / 64] |= u64::from(machine.has(bit)) << (row % 64);
    }
    detected
}

/// The CPU, asked once per leaf: under a hypervisor an answer takes tens of microseconds.
#[cfg(all(target_arch = "x86_64", not(miri)))]
struct Machine {
    /// XCR0, the registers that the operating system saves; 0 where it does not use XSAVE.
    saved: u64,
    answers: [Option<((u32, u32), CpuidResult)>; LEAVES],
}

/// How many answers are kept: more than the table has leaves.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const LEAVES: usize = 24;

#[cfg(all(target_arch = "x86_64", not(miri)))]
use core::arch::x86_64::{__cpuid_count, _xgetbv, CpuidResult};

/// Asks the processor.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[expect(
    clippy::allow_attributes,
    reason = "whether the function is unsafe depends on the version"
)]
#[allow(unused_unsafe, reason = "older versions of Rust want it")]
fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { __cpuid_count(leaf, subleaf) }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl Machine {
    fn new() -> Machine {
        #[target_feature(enable = "xsave")]
        fn xcr0() -> u64 {
            // SAFETY: only called where OSXSAVE says that XGETBV works.
            unsafe { _xgetbv(0) }
        }
        let mut machine = Machine { saved: 0, answers: [None; LEAVES] };
        let osxsave = machine.bit(1, 0, C, 27);
        if osxsave {
            // SAFETY: OSXSAVE is set.
            machine.saved = unsafe { xcr0() };
        }
        machine
    }

    fn has(&mut self, bit: Bit) -> bool {
        match bit {
            Bit::Always => true,
            Bit::Cpuid(leaf, subleaf, reg, bit, State(state)) => {
                self.saved & state == state && self.bit(leaf, subleaf, reg, bit)
            }
            Bit::Avx10(version) => {
                self.saved & ZMM.0 == ZMM.0 && self.leaf(0x24, 0).ebx & 0xFF >= version
            }
            Bit::KeyLocker(bit) => self.bit(0x19, 0, B, 0) && self.bit(0x19, 0, B, bit),
        }
    }

    fn bit(&mut self, leaf: u32, subleaf: u32, reg: Reg, bit: u32) -> bool {
        let answer = self.leaf(leaf, subleaf);
        let word = match reg {
            A => answer.eax,
            B => answer.ebx,
            C => answer.ecx,
            D => answer.edx,
        };
        word >> bit & 1 == 1
    }

    /// The answer for a leaf; zeros where the CPU has no such leaf.
    fn leaf(&mut self, leaf: u32, subleaf: u32) -> CpuidResult {
        let key = (leaf, subleaf);
        if let Some((_, answer)) = self.answers.iter().flatten().find(|(asked, _)| *asked == key) {
            return *answer;
        }
        let answer = if self.knows(leaf, subleaf) {
            cpuid(leaf, subleaf)
        } else {
            CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 }
        };
        if let Some(free) = self.answers.iter_mut().find(|kept| kept.is_none()) {
            *free = Some((key, answer));
        }
        answer
    }

    /// Whether the CPU has the leaf, according to other leaves. (For a leaf that it lacks, an Intel
    /// CPU answers with what its highest leaf says.)
    fn knows(&mut self, leaf: u32, subleaf: u32) -> bool {
        // The first leaf of each range gives the last.
        let first = leaf & 0xC000_0000;
        if leaf == first {
            // Only the processors with PadLock have the last range.
            return first != 0xC000_0000
                || matches!(&self.vendor(), b"CentaurHauls" | b"  Shanghai  ");
        }
        let last = self.leaf(first, 0).eax;
        let announced = match leaf {
            7 if subleaf == 1 => self.leaf(7, 0).eax >= 1,
            0xD => self.bit(1, 0, C, 26),
            0x14 => self.bit(7, 0, B, 25),
            0x19 => self.bit(7, 0, C, 23),
            0x1E => self.bit(7, 0, D, 24),
            0x24 => self.bit(7, 1, D, 19),
            _ => true,
        };
        announced && (leaf..=leaf | 0xFFFF).contains(&last)
    }

    fn vendor(&mut self) -> [u8; 12] {
        let leaf = self.leaf(0, 0);
        let mut vendor = [0; 12];
        for (part, word) in vendor.chunks_mut(4).zip([leaf.ebx, leaf.edx, leaf.ecx]) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        vendor
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// Compares with the standard library's detection.
    macro_rules! agrees {
        ($($name:tt)*) => {
            $({
                let row = FEATURES.iter().position(|name| *name == $name).expect($name);
                assert_eq!(
                    contains(&detected(), row),
                    std::arch::is_x86_feature_detected!($name),
                    "{}", $name
                );
            })*
        };
    }

    #[test]
    fn detection_agrees_with_the_standard_library() {
        agrees! {
            "sse" "sse2" "sse3" "ssse3" "sse4.1" "sse4.2" "sse4a" "cmpxchg16b" "popcnt" "aes"
            "pclmulqdq" "gfni" "sha" "kl" "widekl" "adx" "bmi1" "bmi2" "lzcnt" "tbm" "movbe"
            "rdrand" "rdseed" "rtm" "avx" "f16c" "fma" "avx2" "vaes" "vpclmulqdq" "avxvnni"
            "avxvnniint8" "avxvnniint16" "avxifma" "avxneconvert" "sha512" "sm3" "sm4" "avx512f"
            "avx512cd" "avx512vl" "avx512bw" "avx512dq" "avx512ifma" "avx512vbmi" "avx512vbmi2"
            "avx512bitalg" "avx512vpopcntdq" "avx512vnni" "avx512bf16" "avx512fp16"
            "avx512vp2intersect" "xsave" "xsaveopt" "xsavec" "xsaves" "fxsr"
        }
    }

    #[test]
    fn a_row_is_remembered_under_its_name() {
        assert!(contains(&detected(), 0) && FEATURES[0] == "x87");
        for (index, name) in FEATURES.iter().enumerate() {
            let first = FEATURES.iter().position(|other| other == name);
            assert_eq!(first, Some(index), "{name} stands twice");
        }
        assert_eq!(detected(), detect());
        let mut machine = Machine::new();
        for &bit in BITS {
            machine.has(bit);
        }
        assert!(machine.answers.iter().any(Option::is_none), "there is room for all leaves");
    }

    /// Rows of any number: also of words that this table does not have.
    #[test]
    fn a_set_may_have_any_number_of_words() {
        let mut rows = [0; WORDS + 2];
        assert!(has(&rows) && lacking(&rows).next().is_none());
        for row in (0..64 * rows.len()).filter(|row| !contains(&detected(), *row)) {
            rows[row / 64] = 1 << (row % 64);
            assert!(contains(&rows, row) && !has(&rows), "{row}");
            assert!(lacking(&rows).eq(FEATURES.get(row).copied()));
            rows[row / 64] = 0;
        }
        assert!(are_among(&[1, 0, 4], &[3, 0, 5]) && !are_among(&[1, 0, 4], &[3, 0, 3]));
    }
}
