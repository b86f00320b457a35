//! Which bytes of its vector operands an instruction reads and computes.
//!
//! In: a row with the whole-register flows that its operand kinds suggest, and its entry. Out: the
//! same by byte: scalar operations that keep or copy the other elements, halves, widening and
//! narrowing, masks, gathers.

use crate::isa::effects::choice::{ByImmediate, Half};
use crate::isa::effects::entry::{Output, Part, Scalar, Source};
use crate::isa::effects::row::{Flow, Masking, Row};
use crate::isa::effects::shuffles::every;
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
    let mut shape = Shape { vectors, row };
    if shape.is_vector() {
        shape.row.mask_bytes = shape.mask_bytes();
        shape.row.memory_element = shape.memory_element();
        shape.destination();
        shape.scalar_sources();
        shape.masks();
        shape.elements_by_address();
        if shape.row.immediate.is_some() {
            shape.row.by_imm = shape.row.entry.choice;
        }
    }
    for &(source, part) in shape.row.entry.reads {
        shape.narrow(source, part);
    }
}

struct Shape<'a, 'b> {
    vectors: &'a Vectors<'b>,
    row: &'a mut Row,
}

impl Shape<'_, '_> {
    /// Whether an operand is of vectors, masks or MMX. `movsd` and `cmpsd` are string instructions
    /// too.
    fn is_vector(&self) -> bool {
        let is_of_vectors =
            |class: &Class| matches!(class.bank(), Bank::Vector | Bank::Mask | Bank::Mmx);
        let kinds = self.vectors.op_code.op_kinds();
        self.vectors.classes.iter().flatten().any(is_of_vectors)
            || kinds.iter().any(|&kind| vector_index(kind).is_some())
    }

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

    fn output(&self) -> Output {
        self.row.entry.output
    }

    /// What becomes of a vector destination.
    fn destination(&mut self) {
        let writes = !matches!(self.vectors.accesses[0], OpAccess::Read | OpAccess::None);
        let class = self.class(0).filter(|class| class.bank() == Bank::Vector);
        let (true, Some(class), true) = (writes, class, self.vectors.memory != Some(0)) else {
            return;
        };
        let is_blend = self.output() == Output::Blended;
        self.row.masking = if is_blend { Masking::Whole } else { Masking::Elements };
        let reads_itself =
            matches!(self.vectors.accesses[0], OpAccess::ReadWrite | OpAccess::ReadCondWrite);
        let (result, merges) = self.result(class.bytes());
        self.row.result = result;
        self.row.is_scalar = merges;
        let computes = reads_itself && !(merges && self.replaces_blindly());
        let read = if self.output() == Output::Field {
            Lanes::low(8)
        } else if computes {
            result
        } else {
            Lanes::NONE
        };
        self.row.operands[0] = match self.row.is_legacy {
            true => {
                let kept = if merges { Class::Xmm.lanes() - result } else { Lanes::NONE };
                let write = class.lanes() - kept;
                Flow { read, write, zeroed: write - result, ..Flow::default() }
            }
            false => Flow { read, ..self.vex_destination(result, merges) },
        };
        if self.output() == Output::Replaced {
            // What is not replaced is kept.
            self.row.operands[0] = Flow { may_write: Class::Xmm.lanes(), ..Flow::default() };
        }
    }

    /// A destination that is written whole: above its result it is zero, kept or copied.
    fn vex_destination(&mut self, result: Lanes, merges: bool) -> Flow {
        let mut dest = Flow { write: Lanes::ALL, zeroed: Lanes::ALL - result, ..Flow::default() };
        let others = Class::Xmm.lanes() - result;
        let has_source = self.vectors.classes.len() > 2 && self.class(1).is_some();
        if matches!(self.output(), Output::Scalar(_, Scalar::Accumulate)) {
            // FMA3: what the scalar operation does not compute stays.
            dest.write = dest.write - others;
            dest.zeroed = dest.zeroed - others;
        } else if merges && has_source {
            dest.zeroed = dest.zeroed - others;
            self.row.copied = others;
            let computes = !self.replaces_blindly();
            self.row.operands[1].read = if computes { result } else { Lanes::NONE };
        }
        dest
    }

    /// The bytes that are computed, and whether the rest of the low 16 is kept or copied.
    fn result(&self, width: u32) -> (Lanes, bool) {
        let low = Lanes::low;
        match self.output() {
            Output::Half(Half::Low) => (low(8), true),
            Output::Half(Half::High) => (Lanes::range(8, 8), true),
            Output::Scalar(bytes, scalar) => {
                let is_load = scalar == Scalar::Move && self.vectors.memory.is_some();
                (low(bytes), !is_load && scalar != Scalar::Alone)
            }
            Output::Element => match self.memory_bytes() {
                0 => (low(8), false),
                bytes => (low(bytes), false),
            },
            Output::Low(bytes) => (low(bytes), false),
            Output::Field => (low(16), false),
            Output::Narrowed(factor) => {
                let source = self.class(1).map_or(self.memory_bytes(), Class::bytes);
                (low(source / factor), false)
            }
            Output::AsEncoded
            | Output::UnlessZero
            | Output::UnlessAbsent
            | Output::IfEqual
            | Output::IfCondition
            | Output::ZeroExtended
            | Output::Count
            | Output::Everything(_)
            | Output::Whole
            | Output::Replaced
            | Output::Blended
            | Output::Indexed(_)
            | Output::Prefetched
            | Output::FromMask(_)
            | Output::Mask { .. }
            | Output::ShiftedMask(_) => (low(self.stored(width)), false),
        }
    }

    /// As many bytes as memory in place of the destination would get.
    fn stored(&self, width: u32) -> u32 {
        let kind = self.vectors.op_code.op_kinds()[0];
        match self.memory_bytes() {
            bytes if is_register_or_memory(kind) && bytes != 0 => bytes.min(width),
            _ => width,
        }
    }

    /// Whether a part of the destination is replaced without a look at what was there.
    fn replaces_blindly(&self) -> bool {
        matches!(self.output(), Output::Half(_) | Output::Scalar(_, Scalar::Move | Scalar::Unary))
    }

    /// What a scalar operation reads of its sources: register sources of FMA, comparisons, and rows
    /// without a memory shape (`vmovss a, b, c`).
    fn scalar_sources(&mut self) {
        let Output::Scalar(bytes, _) = self.output() else { return };
        let size = self.memory_bytes();
        let element = Lanes::low(if size == 0 { bytes } else { size });
        for n in 1..self.vectors.classes.len() {
            let flow = &mut self.row.operands[n];
            if n != 1 || self.row.copied.is_empty() {
                flow.read = flow.read & element;
            }
        }
        if self.vectors.accesses[0] == OpAccess::Read {
            self.row.operands[0].read = self.row.operands[0].read & element;
        }
    }

    /// Leaves of what is read of an operand only a part.
    fn narrow(&mut self, source: Source, part: Part) {
        let last = self.last();
        let width = self.class(last).or(self.class(0)).map_or(16, Class::bytes);
        let lanes = self.part(part, width);
        match source {
            Source::Nth(n) => self.keep(n, lanes),
            Source::Last => self.keep(last, lanes),
            Source::LastTwo => {
                self.keep(last - 1, lanes);
                self.keep(last, lanes);
            }
            Source::Count if self.row.immediate.is_none() => self.keep(last, lanes),
            Source::BitNumber if self.vectors.memory.is_none() => self.keep(1, lanes),
            Source::Count | Source::BitNumber => {}
            Source::Implicit => {
                self.row.implicit.iter_mut().for_each(|access| access.read = access.read & lanes);
            }
        }
    }

    fn keep(&mut self, n: usize, lanes: Lanes) {
        let flow = &mut self.row.operands[n];
        flow.read = flow.read & lanes;
    }

    /// The bytes of a part, of a source that is so wide.
    fn part(&self, part: Part, width: u32) -> Lanes {
        let block = width.min(16);
        match part {
            Part::Low(bytes) => Lanes::low(bytes),
            Part::Bytes(start, bytes) => Lanes::range(start, bytes),
            Part::Each(stride, start, bytes) => every(stride, start, bytes, width),
            Part::LowHalves => every(block, 0, block / 2, width),
            Part::HighHalves => every(block, block / 2, block / 2, width),
            Part::AsMemory => match self.memory_bytes() {
                0 => Lanes::ALL,
                bytes => Lanes::low(bytes),
            },
            Part::FieldAndPlace => Lanes::low(if self.row.immediate.is_some() { 8 } else { 10 }),
        }
    }

    /// Mask registers as operands.
    fn masks(&mut self) {
        let output = self.output();
        for n in 0..self.vectors.classes.len() {
            if self.class(n) != Some(Class::K) || self.vectors.memory == Some(n) {
                continue;
            }
            let mask_bytes = self.row.mask_bytes;
            let flow = &mut self.row.operands[n];
            if !flow.write.is_empty() {
                flow.write = Class::K.lanes();
                if let Output::Mask { writes, .. } = output {
                    flow.zeroed = flow.write - Lanes::low(writes);
                }
            }
            if !flow.read.is_empty() {
                flow.read = Lanes::low(match output {
                    Output::FromMask(bytes) | Output::ShiftedMask(bytes) => bytes,
                    Output::Mask { reads, .. } => reads,
                    _ => mask_bytes,
                });
            }
        }
    }

    /// Gathers: elements are loaded one by one, and their mask bits cleared. Scatters store them.
    fn elements_by_address(&mut self) {
        let kinds = self.vectors.op_code.op_kinds();
        let Some(slot) = kinds.iter().position(|&kind| vector_index(kind).is_some()) else {
            return;
        };
        let (index, index_bytes) = vector_index(kinds[slot]).expect("it was just found");
        let data = (0..kinds.len()).find(|&n| n != slot && self.class(n).is_some());
        let data_width = data.and_then(|n| self.class(n)).map_or(64, Class::bytes);
        let count = index.bytes() / index_bytes;
        let Output::Indexed(element) = self.output() else {
            self.mask_of_elements(count, index_bytes);
            self.row.may_clear_mask = true;
            return;
        };
        let count = count.min(data_width / element);
        self.mask_of_elements(count, index_bytes);
        self.row.clears_mask = true;
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

    /// So many elements of a vector index count, and a bit of the mask for each.
    fn mask_of_elements(&mut self, count: u32, index_bytes: u32) {
        self.row.index = Lanes::low(count * index_bytes);
        self.row.mask_bytes = count.div_ceil(8);
    }

    /// How many bytes of the memory operand one bit of the mask stands for.
    fn memory_element(&self) -> u32 {
        self.vectors.op_code.memory_size().element_size() as u32
    }

    /// The bytes of the widest vector among the operands.
    fn widest_vector(&self) -> u32 {
        let vectors = self.vectors.classes.iter().flatten();
        let vectors = vectors.filter(|class| class.bank() == Bank::Vector);
        vectors.map(|class| class.bytes()).max().unwrap_or(0)
    }

    /// How many bytes of a mask have bits for elements.
    fn mask_bytes(&self) -> u32 {
        if matches!(self.output(), Output::Scalar(..)) {
            return 1;
        }
        let count = match (self.row.entry.element, self.row.entry.choice) {
            // Elements change their size as the operands' kinds have it.
            (0, _) => match self.vectors.op_code.memory_size() {
                MemorySize::Unknown => 0,
                size => size.element_count() as u32,
            },
            (element, ByImmediate::Extract(bytes)) => bytes / element,
            (element, _) => self.widest_vector() / element,
        };
        count.min(64).div_ceil(8)
    }
}
