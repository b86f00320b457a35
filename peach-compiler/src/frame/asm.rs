//! The instructions that the compiler itself adds, by what they are for.

use crate::analysis::Facts;
use crate::ir::{ArgValue, Base, Extension, Function, Instruction, Mem, Operand, ResultKind, View};
use crate::isa::{Bank, Class, Feature, FeatureSet, Mnemonic, PhysReg, VectorMode};

/// Which spellings a kernel's own instructions allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asm {
    /// VEX instead of legacy SSE, so that upper halves are never in the way (Intel Optimization
    /// Manual, "Mixing AVX code with SSE code").
    pub vex: bool,
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
        let has = |name: &str| has(&function.features, name);
        Asm { vex, short_evex: has("avx512vl"), wide_masks: has("avx512bw") }
    }

    /// Moves the low `bytes` bytes of `src` to `dst`. What that does to the other bytes of `dst` is
    /// open.
    pub fn copy(self, dst: PhysReg, src: PhysReg, bytes: u32) -> Instruction<PhysReg> {
        match dst.bank {
            Bank::Gp => {
                let class = if bytes <= 4 { Class::Gp32 } else { Class::Gp64 };
                inst("mov", vec![reg(dst, class), reg(src, class)])
            }
            Bank::Vector => {
                let class = self.vector_class(bytes, dst.num.max(src.num));
                inst(self.movaps(class), vec![reg(dst, class), reg(src, class)])
            }
            Bank::Mask => {
                let name = if bytes <= 2 || !self.wide_masks { "kmovw" } else { "kmovq" };
                inst(name, vec![reg(dst, Class::K), reg(src, Class::K)])
            }
            _ => inst("movq", vec![reg(dst, Class::Mmx), reg(src, Class::Mmx)]),
        }
    }

    /// Loads `bytes` bytes: a number into the low 4 or 8 bytes of a general-purpose register, a float
    /// or a vector into a vector register.
    pub fn load(self, dst: PhysReg, bytes: u32, mem: Mem<PhysReg>) -> Instruction<PhysReg> {
        let mem = Operand::Mem(mem);
        if dst.bank == Bank::Gp {
            let class = if bytes <= 4 { Class::Gp32 } else { Class::Gp64 };
            return inst("mov", vec![reg(dst, class), mem]);
        }
        let high = dst.num >= 16 && !self.short_evex;
        let (name, class) = match bytes {
            4 => (self.pick("movss", "vmovss"), Class::Xmm),
            8 => (self.pick("movsd", "vmovsd"), Class::Xmm),
            16 if high => ("vbroadcastf32x4", Class::Zmm),
            32 if high => ("vbroadcastf64x4", Class::Zmm),
            _ => (self.movups(bytes), self.vector_class(bytes, 0)),
        };
        inst(name, vec![reg(dst, class), mem])
    }

    /// Loads a number of `bytes` bytes, reads no more than these, and fills the register.
    pub fn load_exact(
        self,
        dst: PhysReg,
        bytes: u32,
        extension: Extension,
        mem: Mem<PhysReg>,
    ) -> Instruction<PhysReg> {
        let sized = Operand::Mem(Mem { size: Some(bytes), ..mem.clone() });
        match (bytes, extension) {
            (4, Extension::Sign) => inst("movsxd", vec![reg(dst, Class::Gp64), sized]),
            (1 | 2, _) => inst("movzx", vec![reg(dst, Class::Gp32), sized]),
            _ => self.load(dst, bytes, mem),
        }
    }

    /// Stores the low `bytes` bytes of `src`.
    pub fn store(self, mem: Mem<PhysReg>, src: PhysReg, bytes: u32) -> Instruction<PhysReg> {
        let (name, class) = match (src.bank, bytes) {
            (Bank::Gp, 1) => ("mov", Class::Gp8),
            (Bank::Gp, 2) => ("mov", Class::Gp16),
            (Bank::Gp, 4) => ("mov", Class::Gp32),
            (Bank::Gp, _) => ("mov", Class::Gp64),
            (_, 4) => (self.pick("movss", "vmovss"), Class::Xmm),
            (_, 8) => (self.pick("movsd", "vmovsd"), Class::Xmm),
            _ => (self.movups(bytes), self.vector_class(bytes, 0)),
        };
        inst(name, vec![Operand::Mem(mem), reg(src, class)])
    }

    /// Whether 16-byte instructions can name a vector register.
    pub fn can_name(self, reg: PhysReg) -> bool {
        reg.num < 16 || self.short_evex
    }

    /// Saves or restores the low 16 bytes of a vector register in aligned memory.
    pub fn movaps_name(self) -> &'static str {
        self.pick("movaps", "vmovaps")
    }

    /// Clears a vector register.
    pub fn clear(self, dst: PhysReg) -> Instruction<PhysReg> {
        let dst = reg(dst, Class::Xmm);
        match self.vex {
            true => inst("vxorps", vec![dst.clone(), dst.clone(), dst]),
            false => inst("xorps", vec![dst.clone(), dst]),
        }
    }

    /// `dst = a interleaved with b`, by 4 or 8 bytes. Without VEX, `dst` must be `a`.
    pub fn interleave(
        self,
        unit: u32,
        dst: PhysReg,
        a: PhysReg,
        b: PhysReg,
    ) -> Instruction<PhysReg> {
        let [dst, a, b] = [dst, a, b].map(|r| reg(r, Class::Xmm));
        match (self.vex, unit) {
            (true, 4) => inst("vunpcklps", vec![dst, a, b]),
            (true, _) => inst("vpunpcklqdq", vec![dst, a, b]),
            (false, 4) => inst("unpcklps", vec![dst, b]),
            (false, _) => inst("punpcklqdq", vec![dst, b]),
        }
    }

    /// Moves 8 bytes between a general-purpose and a vector register.
    pub fn movq(self, dst: PhysReg, src: PhysReg) -> Instruction<PhysReg> {
        let view = |r: PhysReg| reg(r, if r.bank == Bank::Gp { Class::Gp64 } else { Class::Xmm });
        inst(self.pick("movq", "vmovq"), vec![view(dst), view(src)])
    }

    fn pick(self, legacy: &'static str, vex: &'static str) -> &'static str {
        if self.vex { vex } else { legacy }
    }

    fn movaps(self, class: Class) -> &'static str {
        if class == Class::Xmm { self.movaps_name() } else { "vmovaps" }
    }

    fn movups(self, bytes: u32) -> &'static str {
        if bytes <= 16 { self.pick("movups", "vmovups") } else { "vmovups" }
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

/// Whether an extension is enabled.
pub(super) fn has(features: &FeatureSet, name: &str) -> bool {
    Feature::parse(name).is_some_and(|feature| features.contains(feature))
}

/// An instruction by name.
pub(super) fn inst(name: &str, operands: Vec<Operand<PhysReg>>) -> Instruction<PhysReg> {
    let mnemonic = Mnemonic::parse(name).expect("the compiler adds only instructions that exist");
    Instruction::new(mnemonic, operands)
}

/// A register operand.
pub(super) fn reg(reg: PhysReg, class: Class) -> Operand<PhysReg> {
    Operand::Reg(View { reg, class })
}

/// `[base + disp]`.
pub(super) fn at(base: PhysReg, disp: i64) -> Mem<PhysReg> {
    Mem::new(Base::Reg(View { reg: base, class: Class::Gp64 }), disp)
}

/// The shortest instruction that sets the `class` view of `dst` to `value`; bytes beyond 32 bits are
/// cleared where `class` is 32 bits wide. `may_set_flags` allows `xor`.
pub(super) fn set(
    dst: PhysReg,
    class: Class,
    value: i128,
    may_set_flags: bool,
) -> Instruction<PhysReg> {
    let bits = value as u64;
    let class = match class {
        Class::Gp64 if u32::try_from(bits).is_ok() => Class::Gp32,
        class => class,
    };
    let width = 8 * class.bytes();
    // As the author would write it: sign-extended to the width of the register.
    let signed = i128::from((bits << (64 - width)) as i64 >> (64 - width));
    match class {
        Class::Gp32 if bits as u32 == 0 && may_set_flags => {
            inst("xor", vec![reg(dst, class), reg(dst, class)])
        }
        Class::Gp32 => inst("mov", vec![reg(dst, class), Operand::Imm((bits as u32).into())]),
        class => inst("mov", vec![reg(dst, class), Operand::Imm(signed)]),
    }
}
