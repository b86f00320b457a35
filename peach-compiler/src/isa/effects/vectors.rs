//! Which bytes of its vector operands an instruction reads and computes.
//!
//! In: a row with the whole-register flows that its operand kinds suggest. Out: the same by byte:
//! scalar operations that keep or copy the other elements, halves, widening and narrowing, shuffles
//! whose immediate chooses. The names are those of the Intel SDM volume 2 and AMD APM volumes 4 and 5,
//! without the `v`. What is not listed reads and writes all of its registers.

use crate::isa::effects::row::{Flow, Masking, Row};
use crate::isa::effects::shuffles::{by_immediate, every};
use crate::isa::{Bank, Class, Lanes};
use iced_x86::{MemorySize, OpAccess, OpCodeInfo, OpCodeOperandKind as Kind};

/// What [`refine`] looks at.
pub(in crate::isa) struct Vectors<'a> {
    pub op_code: &'a OpCodeInfo,
    pub classes: &'a [Option<Class>],
    pub accesses: &'a [OpAccess],
    /// The operand that is memory.
    pub memory: Option<usize>,
}

/// Whether an operand of this kind may be memory.
pub(in crate::isa) fn is_register_or_memory(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::r8_or_mem
            | Kind::r16_or_mem
            | Kind::r32_or_mem
            | Kind::r64_or_mem
            | Kind::mm_or_mem
            | Kind::xmm_or_mem
            | Kind::ymm_or_mem
            | Kind::zmm_or_mem
            | Kind::k_or_mem
    )
}

/// Whether an operand of this kind is always memory.
pub(in crate::isa) fn is_memory(kind: Kind) -> bool {
    matches!(kind, Kind::mem | Kind::mem_offs | Kind::sibmem) || vector_index(kind).is_some()
}

/// The class of a vector index, and the bytes of each of its elements.
fn vector_index(kind: Kind) -> Option<(Class, u32)> {
    Some(match kind {
        Kind::mem_vsib32x => (Class::Xmm, 4),
        Kind::mem_vsib64x => (Class::Xmm, 8),
        Kind::mem_vsib32y => (Class::Ymm, 4),
        Kind::mem_vsib64y => (Class::Ymm, 8),
        Kind::mem_vsib32z => (Class::Zmm, 4),
        Kind::mem_vsib64z => (Class::Zmm, 8),
        _ => return None,
    })
}

/// Makes the flows of a row precise by byte.
pub(in crate::isa) fn refine(vectors: &Vectors, row: &mut Row) {
    let name = format!("{:?}", vectors.op_code.mnemonic()).to_ascii_lowercase();
    let base = name.strip_prefix('v').unwrap_or(&name);
    let is_vector = vectors
        .classes
        .iter()
        .flatten()
        .any(|class| matches!(class.bank(), Bank::Vector | Bank::Mask | Bank::Mmx))
        || vectors.op_code.op_kinds().iter().any(|&kind| vector_index(kind).is_some());
    if !is_vector {
        return;
    }
    row.mask_bytes = mask_bytes(vectors, base);
    let mut shape = Shape { vectors, row, base };
    shape.destination();
    shape.sources();
    shape.masks();
    shape.gathers();
    row.by_imm = by_immediate(base, row.immediate.is_some(), row.is_legacy);
}

struct Shape<'a, 'b> {
    vectors: &'a Vectors<'b>,
    row: &'a mut Row,
    base: &'a str,
}

impl Shape<'_, '_> {
    fn class(&self, n: usize) -> Option<Class> {
        self.vectors.classes.get(n).copied().flatten()
    }

    fn last(&self) -> usize {
        let is_source = |n: &usize| self.class(*n).is_some() || self.vectors.memory == Some(*n);
        (0..self.vectors.classes.len()).rev().find(is_source).unwrap_or(0)
    }

    fn memory_bytes(&self) -> u32 {
        self.vectors.op_code.memory_size().size() as u32
    }

    /// What becomes of a vector destination.
    fn destination(&mut self) {
        let writes = !matches!(self.vectors.accesses[0], OpAccess::Read | OpAccess::None);
        let class = self.class(0).filter(|class| class.bank() == Bank::Vector);
        let (true, Some(class), true) = (writes, class, self.vectors.memory != Some(0)) else {
            return;
        };
        let width = class.bytes();
        self.row.masking =
            if self.base.contains("blendm") { Masking::Whole } else { Masking::Elements };
        let reads_itself =
            matches!(self.vectors.accesses[0], OpAccess::ReadWrite | OpAccess::ReadCondWrite);
        let (result, merges) = self.result(width);
        self.row.result = result;
        self.row.is_scalar = merges;
        let others = Class::Xmm.lanes() - result;
        let has_source = self.vectors.classes.len() > 2 && self.class(1).is_some();
        let computes = reads_itself && !(merges && self.is_conversion());
        let legacy_keeps = if merges { others } else { Lanes::NONE };
        let mut dest = Flow { read: Lanes::NONE, ..Flow::default() };
        if computes {
            dest.read = result;
        }
        if self.row.is_legacy {
            dest.write = class.lanes() - legacy_keeps;
            dest.zeroed = dest.write - result;
        } else {
            dest.write = Lanes::ALL;
            dest.zeroed = Lanes::ALL - result;
            let is_fma = !self.is_copying() && !self.base.starts_with("fixupimm");
            if merges && reads_itself && is_fma {
                // FMA3: what the scalar operation does not compute stays.
                dest.write = dest.write - others;
                dest.zeroed = dest.zeroed - others;
            } else if merges && has_source {
                dest.zeroed = dest.zeroed - others;
                self.row.copied = others;
                let computes = !self.is_conversion();
                self.row.operands[1].read = if computes { result } else { Lanes::NONE };
            }
        }
        self.row.operands[0] = dest;
    }

    /// The bytes that are computed, and whether the rest of the low 16 is kept or copied.
    fn result(&self, width: u32) -> (Lanes, bool) {
        let from_memory = self.vectors.memory.is_some();
        let low = Lanes::low;
        let halves = [low(8), Lanes::range(8, 8)];
        match self.base {
            "movhlps" => return (halves[0], true),
            "movlhps" => return (halves[1], true),
            "movlps" | "movlpd" => return (halves[0], true),
            "movhps" | "movhpd" => return (halves[1], true),
            "movss" | "movsd" | "movsh" if from_memory => {
                return (low(scalar_bytes(self.base)), false);
            }
            "movd" | "movq" | "movw" => {
                let from = if self.memory_bytes() == 0 { 8 } else { self.memory_bytes() };
                return (low(from), false);
            }
            "movq2dq" => return (low(8), false),
            "cvtpi2ps" => return (low(8), true),
            "phminposuw" => return (low(3), false),
            // The upper half becomes undefined, which is as good as computed (AMD APM volume 4).
            "extrq" | "insertq" => return (low(16), false),
            _ => {}
        }
        if self.base.starts_with("pinsr") || self.base == "insertps" {
            // Until the immediate says which: all.
            return (low(16), false);
        }
        if is_scalar(self.base, self.vectors.op_code) {
            // FMA4 and XOP clear the rest.
            let clears =
                self.class(3).is_some() || self.vectors.classes.len() == 2 && !self.row.is_legacy;
            return (low(scalar_bytes(self.base)), !clears);
        }
        if let Some(factor) = narrowing(self.base) {
            let source = match self.class(1) {
                Some(class) => class.bytes(),
                None => self.memory_bytes(),
            };
            return (low(source / factor), false);
        }
        let kind = self.vectors.op_code.op_kinds()[0];
        let stored = self.memory_bytes();
        if is_register_or_memory(kind) && stored != 0 && stored < width {
            return (low(stored), false);
        }
        (low(width), false)
    }

    /// Operations on scalars that do not look at the element they replace.
    fn is_conversion(&self) -> bool {
        const UNARY: [&str; 9] =
            ["sqrt", "rcp", "rsqrt", "round", "rndscale", "getexp", "getmant", "reduce", "cvt"];
        self.is_copying() || UNARY.iter().any(|prefix| self.base.starts_with(prefix))
    }

    fn is_copying(&self) -> bool {
        self.base.starts_with("mov")
    }

    /// What is read of vector sources.
    fn sources(&mut self) {
        let last = self.last();
        let size = self.memory_bytes();
        let width = self.class(last).or(self.class(0)).map_or(16, Class::bytes);
        let base = self.base;
        if is_scalar(base, self.vectors.op_code) {
            // FMA4's and FMA3's register sources; comparisons.
            // Rows without a memory shape: `vmovss a, b, c`.
            let bytes = Lanes::low(if size == 0 { scalar_bytes(base) } else { size });
            for n in 1..self.vectors.classes.len() {
                let flow = &mut self.row.operands[n];
                if n != 1 || self.row.copied.is_empty() {
                    flow.read = flow.read & bytes;
                }
            }
            if self.vectors.accesses[0] == OpAccess::Read {
                self.row.operands[0].read = self.row.operands[0].read & bytes;
            }
        }
        let low_half = |stride: u32| every(stride, 0, stride / 2, width);
        let high_half = |stride: u32| every(stride, stride / 2, stride / 2, width);
        let lane = width.min(16);
        let both = |row: &mut Row, lanes: Lanes| {
            for n in [row.operands.len().min(last) - 1, last] {
                row.operands[n].read = row.operands[n].read & lanes;
            }
        };
        match base {
            "movhlps" => self.row.operands[last].read = Lanes::range(8, 8),
            "movlhps" => self.row.operands[last].read = Lanes::low(8),
            "movhps" | "movhpd" if self.vectors.memory == Some(0) => {
                self.row.operands[1].read = Lanes::range(8, 8);
            }
            "movss" | "movsd" | "movsh" | "movlps" | "movlpd" | "movd" | "movq" | "movw"
            | "movntss" | "movntsd"
                if size != 0 =>
            {
                let flow = &mut self.row.operands[last];
                flow.read = flow.read & Lanes::low(size);
            }
            "movdq2q" => self.row.operands[1].read = Lanes::low(8),
            "pmuludq" | "pmuldq" => both(self.row, every(8, 0, 4, width)),
            "movsldup" => self.row.operands[last].read = every(8, 0, 4, width),
            "movshdup" => self.row.operands[last].read = every(8, 4, 4, width),
            "movddup" => self.row.operands[last].read = low_half(16),
            "movmskps" | "pmovd2m" => self.row.operands[1].read = every(4, 3, 1, width),
            "movmskpd" | "pmovq2m" => self.row.operands[1].read = every(8, 7, 1, width),
            "pmovw2m" => self.row.operands[1].read = every(2, 1, 1, width),
            "blendvps" if last == 3 => self.row.operands[3].read = every(4, 3, 1, width),
            "blendvpd" if last == 3 => self.row.operands[3].read = every(8, 7, 1, width),
            "aeskeygenassist" => self.row.operands[1].read = every(8, 4, 4, 16),
            "broadcastss" if self.class(1).is_some() => self.row.operands[1].read = Lanes::low(4),
            "broadcastsd" if self.class(1).is_some() => self.row.operands[1].read = Lanes::low(8),
            "pbroadcastb" if self.class(1) == Some(Class::Gp32) => {
                self.row.operands[1].read = Lanes::low(1);
            }
            "pbroadcastw" if self.class(1) == Some(Class::Gp32) => {
                self.row.operands[1].read = Lanes::low(2);
            }
            "kmovb" | "kmovw" if self.class(1) == Some(Class::Gp32) => {
                self.row.operands[1].read = Lanes::low(if base == "kmovb" { 1 } else { 2 });
            }
            "maskmovps" | "pmaskmovd" => self.row.operands[1].read = every(4, 3, 1, width),
            "maskmovpd" | "pmaskmovq" => self.row.operands[1].read = every(8, 7, 1, width),
            // Truncation; the saturating ones look at all of it.
            "pmovqd" => self.row.operands[1].read = every(8, 0, 4, width),
            "pmovqw" => self.row.operands[1].read = every(8, 0, 2, width),
            "pmovqb" => self.row.operands[1].read = every(8, 0, 1, width),
            "pmovdw" => self.row.operands[1].read = every(4, 0, 2, width),
            "pmovdb" => self.row.operands[1].read = every(4, 0, 1, width),
            "pmovwb" => self.row.operands[1].read = every(2, 0, 1, width),
            "sha1msg1" | "sha256msg2" => narrow(&mut self.row.operands[1], 8, 8),
            "sha1msg2" => narrow(&mut self.row.operands[1], 0, 12),
            "sha256msg1" => narrow(&mut self.row.operands[1], 0, 4),
            "sha1nexte" => narrow(&mut self.row.operands[0], 12, 4),
            "extrq" if self.row.immediate.is_some() => self.row.operands[0].read = Lanes::low(8),
            "extrq" => {
                self.row.operands[0].read = Lanes::low(8);
                self.row.operands[1].read = Lanes::low(2);
            }
            "insertq" => {
                self.row.operands[0].read = Lanes::low(8);
                let control = if self.row.immediate.is_some() { 8 } else { 10 };
                self.row.operands[1].read = Lanes::low(control);
            }
            // The round constants are the lower half of xmm0; of a mask there, the signs count.
            "sha256rnds2" => self.read_implicit(Lanes::low(8)),
            "blendvps" | "blendvpd" | "pblendvb" if self.row.is_legacy => {
                // What is not replaced is kept.
                self.row.operands[0] = Flow { may_write: Class::Xmm.lanes(), ..Flow::default() };
                match base {
                    "blendvps" => self.read_implicit(every(4, 3, 1, 16)),
                    "blendvpd" => self.read_implicit(every(8, 7, 1, 16)),
                    _ => {}
                }
            }
            _ if base.starts_with("unpckl") || base.starts_with("punpckl") => {
                both(self.row, low_half(lane));
            }
            _ if base.starts_with("unpckh") || base.starts_with("punpckh") => {
                both(self.row, high_half(lane));
            }
            _ if is_shift(base) && self.row.immediate.is_none() && size == 16 => {
                // The count is a 64-bit number.
                self.row.operands[last].read = Lanes::low(8);
            }
            _ => {}
        }
    }

    fn read_implicit(&mut self, lanes: Lanes) {
        self.row.implicit.iter_mut().for_each(|access| access.read = access.read & lanes);
    }

    /// Mask registers as operands.
    fn masks(&mut self) {
        let is_mask = |class: Option<Class>| class == Some(Class::K);
        let unpacks = self.base.starts_with("kunpck");
        let bytes = match self.base.as_bytes().last() {
            Some(b'b') => 1,
            Some(b'w') => 2,
            Some(b'd') => 4,
            _ => 8,
        };
        for n in 0..self.vectors.classes.len() {
            if !is_mask(self.class(n)) || self.vectors.memory == Some(n) {
                continue;
            }
            let flow = &mut self.row.operands[n];
            if !flow.write.is_empty() {
                flow.write = Class::K.lanes();
                if self.base.starts_with('k') && !self.base.starts_with("kshift") {
                    flow.zeroed = flow.write - Lanes::low(bytes);
                }
            }
            if flow.read.is_empty() {
                continue;
            }
            let read = match self.base {
                "pbroadcastmb2q" => 1,
                "pbroadcastmw2d" => 2,
                _ if unpacks => bytes / 2,
                _ if self.base.starts_with('k') => bytes,
                _ => self.row.mask_bytes,
            };
            flow.read = Lanes::low(read);
        }
    }

    /// Gathers: elements are loaded one by one, and their mask bits cleared. Scatters store them.
    fn gathers(&mut self) {
        let kinds = self.vectors.op_code.op_kinds();
        let Some(slot) = kinds.iter().position(|&kind| vector_index(kind).is_some()) else {
            return;
        };
        let (index, index_bytes) = vector_index(kinds[slot]).expect("it was just found");
        let element = match self.base.as_bytes().last() {
            Some(b'd') if self.base.ends_with("pd") => 8,
            Some(b'q') => 8,
            _ => 4,
        };
        let is_prefetch = self.base.contains("pf0") || self.base.contains("pf1");
        let data = (0..kinds.len()).find(|&n| n != slot && self.class(n).is_some());
        let data_width = data.and_then(|n| self.class(n)).map_or(64, Class::bytes);
        let mut count = index.bytes() / index_bytes;
        if !is_prefetch {
            count = count.min(data_width / element);
        }
        self.row.index = Lanes::low(count * index_bytes);
        self.row.mask_bytes = count.div_ceil(8);
        self.row.clears_mask = !is_prefetch;
        self.row.may_clear_mask = is_prefetch;
        let elements = Lanes::low(count * element);
        if slot == 0 {
            if let Some(n) = data {
                self.row.operands[n].read = elements;
            }
            return;
        }
        self.row.masking = Masking::Whole;
        self.row.operands[0] = Flow {
            may_write: elements,
            write: Lanes::ALL - elements,
            zeroed: Lanes::ALL - elements,
            ..Flow::default()
        };
        if kinds.len() == 3 {
            // AVX2: the sign bits of a vector are the mask.
            self.row.operands[2] = Flow {
                read: every(element, element - 1, 1, count * element),
                write: Lanes::ALL,
                zeroed: Lanes::ALL,
                ..Flow::default()
            };
        }
    }
}

/// Leaves of what is read only `bytes` bytes from `start` on.
fn narrow(flow: &mut Flow, start: u32, bytes: u32) {
    flow.read = flow.read & Lanes::range(start, bytes);
}

/// Whether an operation is on one float and leaves the rest of the destination to another register.
fn is_scalar(base: &str, op_code: &OpCodeInfo) -> bool {
    let number = matches!(
        op_code.memory_size(),
        MemorySize::Float16 | MemorySize::Float32 | MemorySize::Float64
    );
    let from_integer = base.starts_with("cvtsi2") || base.starts_with("cvtusi2");
    let is_move = matches!(base, "movss" | "movsd" | "movsh");
    let complex = base.ends_with("csh");
    let named = ["ss", "sd", "sh"].iter().any(|suffix| base.ends_with(suffix));
    named && (number || from_integer || is_move || complex) && !base.starts_with("broadcast")
}

/// The bytes of the element that a scalar operation computes, by its name.
fn scalar_bytes(base: &str) -> u32 {
    match () {
        // Complex numbers of two halves.
        () if base.ends_with("csh") => 4,
        () if base.ends_with("sh") => 2,
        () if base.ends_with("ss") => 4,
        () => 8,
    }
}

/// By how much the elements of a conversion shrink.
fn narrowing(base: &str) -> Option<u32> {
    Some(match base {
        "cvtpd2ps" | "cvtpd2dq" | "cvttpd2dq" | "cvtpd2udq" | "cvttpd2udq" | "cvtqq2ps"
        | "cvtuqq2ps" | "cvtps2phx" | "cvtdq2ph" | "cvtudq2ph" | "cvtneps2bf16" => 2,
        "cvtpd2ph" | "cvtqq2ph" | "cvtuqq2ph" => 4,
        _ => return None,
    })
}

/// Shifts of packed integers.
fn is_shift(base: &str) -> bool {
    matches!(
        base,
        "psllw" | "pslld" | "psllq" | "psraw" | "psrad" | "psraq" | "psrlw" | "psrld" | "psrlq"
    )
}

/// How many bytes of a mask have bits for elements.
fn mask_bytes(vectors: &Vectors, base: &str) -> u32 {
    let width = vectors.classes.iter().flatten().map(|class| match class.bank() {
        Bank::Vector => class.bytes(),
        _ => 0,
    });
    let width = width.max().unwrap_or(0);
    if is_scalar(base, vectors.op_code) {
        return 1;
    }
    let size = vectors.op_code.memory_size();
    let by_memory = if size == MemorySize::Unknown { 0 } else { size.element_count() as u32 };
    let by_name = match () {
        () if base.contains("32x") => width / 4,
        () if base.contains("64x") => width / 8,
        () if base.ends_with("ps") => width / 4,
        () if base.ends_with("pd") => width / 8,
        () if base.ends_with("ph") || base.ends_with("bf16") => width / 2,
        () if base.starts_with("pmov") && base.ends_with('m') => {
            width / element_bytes(base.as_bytes().get(base.len() - 3))
        }
        () if base.starts_with("pmovm2") || !base.starts_with("pmov") => {
            width / element_bytes(base.as_bytes().last())
        }
        () => 0,
    };
    by_memory.max(by_name).min(64).div_ceil(8)
}

fn element_bytes(letter: Option<&u8>) -> u32 {
    match letter {
        Some(b'b' | b'8') => 1,
        Some(b'w') => 2,
        Some(b'q') => 8,
        _ => 4,
    }
}
