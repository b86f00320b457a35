//! The instructions that the compiler itself adds: the one place where they are built.
//!
//! Whoever adds one says which, and with which operands: `asm::mov(dst, src)`. A name that is wrong
//! is found by a test of this file. Works on virtual and on physical registers alike.

use super::instruction::{Base, Branch, Instruction, Mem, Operand, View};
use super::{Bank, Class, Mnemonic};

/// What these functions take as an operand.
pub(crate) trait IntoOperand<R> {
    fn operand(self) -> Operand<R>;
}

impl<R> IntoOperand<R> for Operand<R> {
    fn operand(self) -> Operand<R> {
        self
    }
}

impl<R> IntoOperand<R> for View<R> {
    fn operand(self) -> Operand<R> {
        Operand::Reg(self)
    }
}

impl<R> IntoOperand<R> for Mem<R> {
    fn operand(self) -> Operand<R> {
        Operand::Mem(self)
    }
}

impl<R> IntoOperand<R> for i128 {
    fn operand(self) -> Operand<R> {
        Operand::Imm(self)
    }
}

impl<R> IntoOperand<R> for Branch {
    fn operand(self) -> Operand<R> {
        Operand::Label(self)
    }
}

/// Makes a function for each instruction.
macro_rules! instructions {
    ($($function:ident($($operand:ident),*) = $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`.")]
            pub(crate) fn $function<R>($($operand: impl IntoOperand<R>),*) -> Instruction<R> {
                named($name, vec![$($operand.operand()),*])
            }
        )*

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

instructions! {
    mov(dst, src) = "mov";
    movzx(dst, src) = "movzx";
    movsxd(dst, src) = "movsxd";
    lea(dst, address) = "lea";
    push(src) = "push";
    pop(dst) = "pop";
    add(dst, src) = "add";
    sub(dst, src) = "sub";
    and(dst, src) = "and";
    or(dst, src) = "or";
    xor(dst, src) = "xor";
    shl(dst, count) = "shl";
    cmp(a, b) = "cmp";
    test(a, b) = "test";
    jne(label) = "jne";
    jmp(target) = "jmp";
    call(target) = "call";
    ret() = "ret";
    leave() = "leave";
    endbr64() = "endbr64";
    vzeroupper() = "vzeroupper";
    vbroadcastf32x4(dst, src) = "vbroadcastf32x4";
    vbroadcastf64x4(dst, src) = "vbroadcastf64x4";
    kmovb(dst, src) = "kmovb";
    kmovw(dst, src) = "kmovw";
    kmovd(dst, src) = "kmovd";
    kmovq(dst, src) = "kmovq";
    mmx_movq(dst, src) = "movq";
    fwait() = "fwait";
    fnsave(dst) = "fnsave";
    fnstcw(dst) = "fnstcw";
    fnstenv(dst) = "fnstenv";
    fnstsw(dst) = "fnstsw";
}

/// How instructions on xmm registers are encoded. Wider registers have VEX and EVEX alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SseEncoding {
    /// As SSE made them: bytes above the xmm register stay what they are.
    Legacy,
    /// By VEX: bytes above the xmm register become zero.
    Vex,
}

/// Makes a method for each instruction that has both encodings.
macro_rules! in_both_encodings {
    ($($function:ident = $legacy:literal, $vex:literal;)*) => {
        impl SseEncoding {
            $(
                #[doc = concat!("`", $legacy, "` or `", $vex, "`.")]
                pub(crate) fn $function<R>(
                    self,
                    dst: impl IntoOperand<R>,
                    src: impl IntoOperand<R>,
                ) -> Instruction<R> {
                    let name = match self {
                        SseEncoding::Legacy => $legacy,
                        SseEncoding::Vex => $vex,
                    };
                    named(name, vec![dst.operand(), src.operand()])
                }
            )*
        }

        #[cfg(test)]
        const NAMES_IN_BOTH: &[&str] = &[$($legacy, $vex),*];
    };
}

in_both_encodings! {
    movaps = "movaps", "vmovaps";
    movups = "movups", "vmovups";
    movss = "movss", "vmovss";
    movsd = "movsd", "vmovsd";
    movd = "movd", "vmovd";
    movq = "movq", "vmovq";
}

impl SseEncoding {
    /// Clears a vector register.
    pub(crate) fn clear<R: Copy>(self, dst: R) -> Instruction<R> {
        let dst = || view(dst, Class::Xmm).operand();
        match self {
            SseEncoding::Legacy => named("xorps", vec![dst(), dst()]),
            SseEncoding::Vex => named("vxorps", vec![dst(), dst(), dst()]),
        }
    }

    /// `dst = a interleaved with b`, by 4 or 8 bytes. [`Legacy`](SseEncoding::Legacy) instructions
    /// have no third operand: `dst` must be `a`.
    pub(crate) fn interleave<R: Copy>(self, unit: u32, [dst, a, b]: [R; 3]) -> Instruction<R> {
        let [dst, a, b] = [dst, a, b].map(|reg| view(reg, Class::Xmm).operand());
        match (self, unit) {
            (SseEncoding::Vex, 4) => named("vunpcklps", vec![dst, a, b]),
            (SseEncoding::Vex, _) => named("vpunpcklqdq", vec![dst, a, b]),
            (SseEncoding::Legacy, 4) => named("unpcklps", vec![dst, b]),
            (SseEncoding::Legacy, _) => named("punpcklqdq", vec![dst, b]),
        }
    }

    /// A load or store of `bytes` bytes of a register of `bank`, with no effect on flags. Classes
    /// of the operands are the caller's.
    pub(crate) fn transfer<R>(
        self,
        bank: Bank,
        bytes: u32,
        dst: impl IntoOperand<R>,
        src: impl IntoOperand<R>,
    ) -> Instruction<R> {
        match (bank, bytes) {
            (Bank::Gp, _) => mov(dst, src),
            (Bank::Vector, 4) => self.movss(dst, src),
            (Bank::Vector, 8) => self.movsd(dst, src),
            (Bank::Vector, ..=16) => self.movups(dst, src),
            (Bank::Vector, _) => SseEncoding::Vex.movups(dst, src),
            (Bank::Mask, 8) => kmovq(dst, src),
            (Bank::Mask, _) => kmovw(dst, src),
            (Bank::Mmx, _) => mmx_movq(dst, src),
            (
                Bank::Tile | Bank::Segment | Bank::Control | Bank::Debug | Bank::X87 | Bank::Ip,
                _,
            ) => unreachable!("registers of {bank:?} are not moved by the compiler"),
        }
    }
}

fn named<R>(name: &str, operands: Vec<Operand<R>>) -> Instruction<R> {
    let mnemonic = Mnemonic::parse(name).expect("a test has found every name of this file");
    Instruction::new(mnemonic, operands)
}

/// A register seen through a class.
pub(crate) fn view<R>(reg: R, class: Class) -> View<R> {
    View { reg, class }
}

/// All 64 bits of a general-purpose register.
pub(crate) fn gp64<R>(reg: R) -> View<R> {
    view(reg, Class::Gp64)
}

/// The low 32 bits of a general-purpose register.
pub(crate) fn gp32<R>(reg: R) -> View<R> {
    view(reg, Class::Gp32)
}

/// `[base + disp]`.
pub(crate) fn at<R>(base: R, disp: i64) -> Mem<R> {
    Mem::new(Base::Reg(gp64(base)), disp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_instruction() {
        let of_vectors = ["xorps", "vxorps", "unpcklps", "vunpcklps", "punpcklqdq", "vpunpcklqdq"];
        for name in NAMES.iter().chain(NAMES_IN_BOTH).chain(&of_vectors) {
            assert!(Mnemonic::parse(name).is_some(), "{name}");
        }
    }
}
