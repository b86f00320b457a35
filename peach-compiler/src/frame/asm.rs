//! Which of the instructions that do a job a kernel's frame is made of, and its results.

use crate::analysis::Facts;
use crate::ir::{ArgValue, Extension, Function, Instruction, Mem, ResultKind};
use crate::isa::asm::{self, SseEncoding, gp32, gp64, view};
use crate::isa::{Bank, Class, Feature, PhysReg, VectorMode};

/// Which instructions a kernel's own allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asm {
    /// VEX instead of legacy SSE, so that upper halves are never in the way (Intel Optimization
    /// Manual, "Mixing AVX code with SSE code").
    pub sse: SseEncoding,
    /// Whether xmm16–31 and ymm16–31 can be named (AVX512VL).
    short_evex: bool,
    /// Whether masks of 64 bits can be moved (AVX512BW).
    wide_masks: bool,
}

impl Asm {
    pub fn of(function: &Function, facts: &Facts) -> Asm {
        let wide_arg = function
            .args
            .iter()
            .any(|a| matches!(a.value, ArgValue::Vector { bytes } if bytes > 16));
        let wide = wide_arg || result_is_wide(function);
        let vex = wide || facts.effects.iter().any(|e| e.vector_mode == VectorMode::Vex);
        Asm {
            sse: if vex { SseEncoding::Vex } else { SseEncoding::Legacy },
            short_evex: function.features.contains(Feature::AVX512VL),
            wide_masks: function.features.contains(Feature::AVX512BW),
        }
    }

    /// Moves the low `bytes` bytes of `src` to `dst`. What that does to the other bytes of `dst` is
    /// open.
    pub fn copy(self, dst: PhysReg, src: PhysReg, bytes: u32) -> Instruction<PhysReg> {
        match dst.bank {
            Bank::Gp => {
                let class = if bytes <= 4 { Class::Gp32 } else { Class::Gp64 };
                asm::mov(view(dst, class), view(src, class))
            }
            Bank::Vector => {
                let class = self.vector_class(bytes, dst.num.max(src.num));
                let sse = if class == Class::Xmm { self.sse } else { SseEncoding::Vex };
                sse.movaps(view(dst, class), view(src, class))
            }
            Bank::Mask => {
                let (dst, src) = (view(dst, Class::K), view(src, Class::K));
                let is_wide = bytes > 2 && self.wide_masks;
                if is_wide { asm::kmovq(dst, src) } else { asm::kmovw(dst, src) }
            }
            Bank::Mmx => asm::mmx_movq(view(dst, Class::Mmx), view(src, Class::Mmx)),
            Bank::Tile | Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip => {
                unreachable!("registers of {:?} are not copied", dst.bank)
            }
        }
    }

    /// Loads `bytes` bytes: a number into the low 4 or 8 bytes of a general-purpose register, a
    /// float or a vector into a vector register.
    pub fn load(self, dst: PhysReg, bytes: u32, mem: Mem<PhysReg>) -> Instruction<PhysReg> {
        if dst.bank == Bank::Gp {
            let class = if bytes <= 4 { Class::Gp32 } else { Class::Gp64 };
            return asm::mov(view(dst, class), mem);
        }
        let zmm = view(dst, Class::Zmm);
        match bytes {
            16 if !self.can_name(dst) => asm::vbroadcastf32x4(zmm, mem),
            32 if !self.can_name(dst) => asm::vbroadcastf64x4(zmm, mem),
            _ => self.sse.transfer(Bank::Vector, bytes, view(dst, self.whole_class(bytes)), mem),
        }
    }

    /// Loads a number of `bytes` bytes, reads no more than these, and fills the register.
    pub fn load_exact(
        self,
        dst: PhysReg,
        bytes: u32,
        extension: Extension,
        mem: Mem<PhysReg>,
    ) -> Instruction<PhysReg> {
        let sized = Mem { size: Some(bytes), ..mem.clone() };
        match (bytes, extension) {
            (4, Extension::Sign) => asm::movsxd(gp64(dst), sized),
            (1 | 2, _) => asm::movzx(gp32(dst), sized),
            _ => self.load(dst, bytes, mem),
        }
    }

    /// Stores the low `bytes` bytes of `src`.
    pub fn store(self, mem: Mem<PhysReg>, src: PhysReg, bytes: u32) -> Instruction<PhysReg> {
        let class = match (src.bank, bytes) {
            (Bank::Gp, 1) => Class::Gp8,
            (Bank::Gp, 2) => Class::Gp16,
            (Bank::Gp, 4) => Class::Gp32,
            (Bank::Gp, _) => Class::Gp64,
            _ => self.whole_class(bytes),
        };
        self.sse.transfer(src.bank, bytes, mem, view(src, class))
    }

    /// Whether 16-byte instructions can name a vector register.
    pub fn can_name(self, reg: PhysReg) -> bool {
        Bank::Vector.without_evex().contains(reg.num) || self.short_evex
    }

    /// Moves 8 bytes between a general-purpose and a vector register.
    pub fn movq(self, dst: PhysReg, src: PhysReg) -> Instruction<PhysReg> {
        let whole = |r: PhysReg| view(r, if r.bank == Bank::Gp { Class::Gp64 } else { Class::Xmm });
        self.sse.movq(whole(dst), whole(src))
    }

    /// The narrowest class that holds `bytes` bytes of a vector register.
    fn whole_class(self, bytes: u32) -> Class {
        self.vector_class(bytes, 0)
    }

    /// The narrowest class that holds `bytes` bytes and can name register `num`.
    fn vector_class(self, bytes: u32, num: u8) -> Class {
        match bytes {
            _ if num >= 16 && !self.short_evex => Class::Zmm,
            0..=16 => Class::Xmm,
            17..=32 => Class::Ymm,
            _ => Class::Zmm,
        }
    }
}

/// Whether the result is a vector wider than xmm.
pub(super) fn result_is_wide(function: &Function) -> bool {
    match &function.result {
        ResultKind::Unit => false,
        ResultKind::Values(values) => values.iter().any(|value| value.bytes > 16),
    }
}

/// Whether an instruction may change the status flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagsAre {
    /// Nothing reads them afterwards.
    Free,
    /// Something does.
    Kept,
}

/// The shortest instruction that sets the `class` view of `dst` to `value`; bytes beyond 32 bits
/// are cleared where `class` is 32 bits wide.
pub(super) fn set(
    dst: PhysReg,
    class: Class,
    value: i128,
    flags: FlagsAre,
) -> Instruction<PhysReg> {
    let bits = value as u64;
    let class = match class {
        Class::Gp64 if u32::try_from(bits).is_ok() => Class::Gp32,
        class => class,
    };
    let width = 8 * class.bytes();
    // As the user would write it: sign-extended to the width of the register.
    let signed = i128::from((bits << (64 - width)) as i64 >> (64 - width));
    let dst = view(dst, class);
    match class {
        Class::Gp32 if bits as u32 == 0 && flags == FlagsAre::Free => asm::xor(dst, dst),
        Class::Gp32 => asm::mov(dst, i128::from(bits as u32)),
        _ => asm::mov(dst, signed),
    }
}
