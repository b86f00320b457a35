//! Which bytes a shuffle reads, by the value of its immediate.
//!
//! In: a row's flows as far as they hold for every immediate, and one immediate. Out: the flows
//! that it leaves. An immediate whose value is not known yet leaves the flows as they are:
//! everything is read.

use crate::isa::Lanes;
use crate::isa::effects::choice::{ByImmediate, Half};
use crate::isa::effects::row::{Flow, Row};

/// `bytes` bytes out of every `stride`, starting at `start`, in the lowest `width`.
pub(in crate::isa) fn every(stride: u32, start: u32, bytes: u32, width: u32) -> Lanes {
    if bytes == 0 {
        return Lanes::NONE;
    }
    (0..width / stride).fold(Lanes::NONE, |all, n| all | Lanes::range(n * stride + start, bytes))
}

impl ByImmediate {
    /// Narrows the flows by the immediate's value; returns which bytes are copied from operand 1.
    pub(in crate::isa) fn apply(
        self,
        imm: u8,
        row: &Row,
        copied: Lanes,
        flows: &mut [Flow],
    ) -> Lanes {
        let mut choice = Choice { imm: u32::from(imm), row, copied, flows };
        match self {
            ByImmediate::Nothing => {}
            ByImmediate::InsertPs => choice.insert_ps(),
            ByImmediate::Pinsr(size) => choice.replace(size),
            ByImmediate::Pextr(size) => choice.extract(size, choice.source_width()),
            ByImmediate::Blend(size) => choice.blend(size),
            ByImmediate::Shuffle(size) => choice.shuffle(size),
            ByImmediate::ShuffleHalf(half) => choice.shuffle_half(half),
            ByImmediate::PermilPd => choice.permil_pd(),
            ByImmediate::ShufPs => choice.shuf_ps(),
            ByImmediate::ShufPd => choice.shuf_pd(),
            ByImmediate::PermQ => choice.perm_q(),
            ByImmediate::Extract(size) => choice.extract(size, choice.source_width()),
            ByImmediate::Insert(size) => choice.replace(size),
            ByImmediate::Perm2F128 => choice.perm2_f128(),
            ByImmediate::Shuffle128 => choice.shuffle_128(),
            ByImmediate::AlignBytes => choice.align_bytes(),
            ByImmediate::Align(size) => choice.align(size),
            ByImmediate::ShiftLeft => choice.shift_left(),
            ByImmediate::ShiftRight => choice.shift_right(),
            ByImmediate::DotProduct(size) => choice.dot_product(size),
            ByImmediate::Clmul => choice.clmul(),
        }
        choice.copied
    }
}

/// The flows of one instruction, being narrowed by an immediate.
struct Choice<'a> {
    imm: u32,
    row: &'a Row,
    copied: Lanes,
    flows: &'a mut [Flow],
}

impl Choice<'_> {
    /// The two-bit field at `bit`.
    fn two(&self, bit: u32) -> u32 {
        self.imm >> bit & 3
    }

    /// The first of two sources: the destination itself in legacy SSE.
    fn first(&self) -> usize {
        usize::from(!self.row.is_legacy)
    }

    fn second(&self) -> usize {
        self.first() + 1
    }

    fn width(&self) -> u32 {
        self.row.width
    }

    /// The width of what operand 1 of a `vextract` is.
    fn source_width(&self) -> u32 {
        64 - self.flows[1].read.0.leading_zeros()
    }

    fn read(&mut self, slot: usize, lanes: Lanes) {
        // Memory has no lanes.
        let flow = &mut self.flows[slot];
        if !flow.read.is_empty() {
            flow.read = lanes;
        }
    }

    /// Only `written` of the destination is new: the rest is kept or copied.
    fn merge(&mut self, written: Lanes, zeroed: Lanes) {
        let all = Lanes::low(self.width());
        let rest = all - (written | zeroed);
        let dest = &mut self.flows[0];
        if self.row.is_legacy {
            *dest = Flow { write: written | zeroed, zeroed, ..Flow::default() };
        } else {
            dest.zeroed = (dest.zeroed - all) | zeroed;
            self.flows[1].read = Lanes::NONE;
            self.copied = rest;
        }
    }

    fn insert_ps(&mut self) {
        let (source, target, zero) = (self.imm >> 6, self.two(4), self.imm & 15);
        let element = |n| Lanes::range(4 * n, 4);
        let zeroed =
            (0..4).filter(|n| zero >> n & 1 == 1).fold(Lanes::NONE, |all, n| all | element(n));
        let written = element(target) - zeroed;
        self.merge(written, zeroed);
        let read = if written.is_empty() { Lanes::NONE } else { element(source) };
        self.read(self.second(), read);
    }

    /// One block of `size` bytes comes from the last source.
    fn replace(&mut self, size: u32) {
        let n = self.imm & (self.width() / size - 1);
        self.merge(Lanes::range(n * size, size), Lanes::NONE);
    }

    fn extract(&mut self, size: u32, width: u32) {
        let count = (width / size).max(1);
        self.read(1, Lanes::range((self.imm & (count - 1)) * size, size));
    }

    fn blend(&mut self, size: u32) {
        let chosen = (0..self.width() / size)
            .filter(|n| self.imm >> (n % 8) & 1 == 1)
            .fold(Lanes::NONE, |all, n| all | Lanes::range(n * size, size));
        self.merge(chosen, Lanes::NONE);
        self.read(self.second(), chosen);
    }

    /// Elements of each block of `block` bytes, by number within it.
    fn pick(&self, block: u32, size: u32, numbers: impl IntoIterator<Item = u32>) -> Lanes {
        numbers
            .into_iter()
            .fold(Lanes::NONE, |all, n| all | every(block, n * size, size, self.width()))
    }

    fn shuffle(&mut self, size: u32) {
        let lanes = self.pick(4 * size, size, (0..4).map(|n| self.two(2 * n)));
        self.read(1, lanes);
    }

    fn shuffle_half(&mut self, half: Half) {
        let (from, kept) = match half {
            Half::Low => (0, 4..8),
            Half::High => (4, 0..4),
        };
        let moved = (0..4).map(|n| self.two(2 * n) + from);
        let lanes = self.pick(16, 2, moved.chain(kept));
        self.read(1, lanes);
    }

    fn permil_pd(&mut self) {
        let elements = (0..self.width() / 8).map(|n| (n & !1) + (self.imm >> n & 1));
        let lanes = elements.fold(Lanes::NONE, |all, n| all | Lanes::range(8 * n, 8));
        self.read(1, lanes);
    }

    fn shuf_ps(&mut self) {
        let first = self.pick(16, 4, [self.two(0), self.two(2)]);
        let second = self.pick(16, 4, [self.two(4), self.two(6)]);
        self.read(self.first(), first);
        self.read(self.second(), second);
    }

    fn shuf_pd(&mut self) {
        let mut read = [Lanes::NONE; 2];
        for n in 0..self.width() / 8 {
            let source = (n & !1) + (self.imm >> n & 1);
            read[n as usize % 2] |= Lanes::range(8 * source, 8);
        }
        self.read(self.first(), read[0]);
        self.read(self.second(), read[1]);
    }

    fn perm_q(&mut self) {
        let lanes = self.pick(32, 8, (0..4).map(|n| self.two(2 * n)));
        self.read(1, lanes);
    }

    fn perm2_f128(&mut self) {
        let mut read = [Lanes::NONE; 2];
        let mut zeroed = Lanes::NONE;
        for half in 0..2 {
            let control = self.imm >> (4 * half);
            if control & 8 != 0 {
                zeroed |= Lanes::range(16 * half, 16);
            } else {
                read[(control >> 1 & 1) as usize] |= Lanes::range(16 * (control & 1), 16);
            }
        }
        self.read(1, read[0]);
        self.read(2, read[1]);
        self.flows[0].zeroed |= zeroed;
    }

    fn shuffle_128(&mut self) {
        let blocks = self.width() / 16;
        let bits = blocks.trailing_zeros();
        let mut read = [Lanes::NONE; 2];
        for n in 0..blocks {
            let source = self.imm >> (n * bits) & (blocks - 1);
            read[(n / (blocks / 2)) as usize] |= Lanes::range(16 * source, 16);
        }
        self.read(1, read[0]);
        self.read(2, read[1]);
    }

    fn align_bytes(&mut self) {
        // Each block comes from two, the first source above the second, from byte `imm` on.
        let block = self.width().min(16);
        let from = |low: u32| {
            let start = self.imm.saturating_sub(low).min(block);
            let end = (self.imm + block).saturating_sub(low).min(block);
            every(block, start, end - start, self.width())
        };
        let (second, first) = (from(0), from(block));
        let zeros = self.imm.saturating_sub(block).min(block);
        let zeroed = every(block, block - zeros, zeros, self.width());
        self.read(self.first(), first);
        self.read(self.second(), second);
        self.flows[0].zeroed |= zeroed;
    }

    fn align(&mut self, size: u32) {
        let skipped = (self.imm & (self.width() / size - 1)) * size;
        self.read(2, Lanes::low(self.width()) - Lanes::low(skipped));
        self.read(1, Lanes::low(skipped));
    }

    fn shift_left(&mut self) {
        let count = self.imm.min(16);
        self.read(self.first(), every(16, 0, 16 - count, self.width()));
        self.flows[0].zeroed |= every(16, 0, count, self.width());
    }

    fn shift_right(&mut self) {
        let count = self.imm.min(16);
        self.read(self.first(), every(16, count, 16 - count, self.width()));
        self.flows[0].zeroed |= every(16, 16 - count, count, self.width());
    }

    fn dot_product(&mut self, size: u32) {
        let of = |mask: u32| {
            let chosen = (0..16 / size).filter(|n| mask >> n & 1 == 1);
            self.pick(16, size, chosen)
        };
        let (read, written) = (of(self.imm >> 4), of(self.imm));
        let zeroed = Lanes::low(self.width()) - written;
        self.read(self.first(), read);
        self.read(self.second(), read);
        self.flows[0].zeroed |= zeroed;
    }

    fn clmul(&mut self) {
        let first = self.pick(16, 8, [self.imm & 1]);
        let second = self.pick(16, 8, [self.imm >> 4 & 1]);
        self.read(self.first(), first);
        self.read(self.second(), second);
    }
}
