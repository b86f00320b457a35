//! What an inserted instruction means: each is classified once, by its name and its operands.
//!
//! The checker's own reading of the instructions: it shares nothing with the code that adds them.

use crate::ir::{Instruction, Mem, Operand, Prefixes, View};
use crate::isa::{Bank, Class, PhysReg, gp};

/// What an inserted instruction does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning<'a> {
    /// `push reg`.
    Push(PhysReg),
    /// `pop reg`.
    Pop(PhysReg),
    /// The stack pointer gets a value.
    SetStackPointer(StackPointer<'a>),
    /// `mov rsp, rbp` and `pop rbp`.
    Leave,
    /// The register gets the stack pointer.
    CopyStackPointer(PhysReg),
    /// `lea`: the register gets an address, which may be one of the stack.
    TakeAddress { dst: PhysReg, mem: &'a Mem<PhysReg> },
    /// `and reg, -align`.
    AlignBase { reg: PhysReg, align: i64 },
    /// `xchg` of two registers.
    Exchange(PhysReg, PhysReg),
    /// `vzeroupper`.
    ClearUpperHalves,
    /// From a register to another one.
    Move { dst: View<PhysReg>, src: View<PhysReg>, transfer: Transfer },
    /// From memory to a register.
    Load { dst: View<PhysReg>, mem: &'a Mem<PhysReg>, transfer: Transfer },
    /// From a register to memory.
    Store { mem: &'a Mem<PhysReg>, src: View<PhysReg>, transfer: Transfer },
    /// Anything else.
    Unknown,
}

/// What the stack pointer is set to.
#[derive(Clone, Copy, Debug)]
pub(super) enum StackPointer<'a> {
    /// What it was, and this.
    Plus(i64),
    /// What it was, rounded down to a multiple of this.
    AlignedDown(i64),
    /// The address of this.
    Address(&'a Mem<PhysReg>),
    /// What the register holds.
    Copy(PhysReg),
    /// Something else.
    Unknown,
}

/// How a move carries bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    /// How many, from the lowest on.
    pub bytes: u32,
    /// What becomes of those above them in the destination.
    pub above: Above,
    /// Which alignment memory must have.
    pub alignment: Alignment,
}

/// What becomes of the bytes of a register that a move into it does not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// They stay what they are.
    Kept,
    /// They become zero.
    Zero,
    /// They become copies of the sign.
    Sign,
}

/// Which alignment a move requires of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alignment {
    /// None.
    Any,
    /// That of its size.
    Natural,
}

/// Classifies an inserted instruction.
pub(super) fn meaning_of(inst: &Instruction<PhysReg>) -> Meaning<'_> {
    if is_decorated(inst) {
        return Meaning::Unknown;
    }
    let name = inst.mnemonic.name();
    match (name, inst.operands.as_slice()) {
        ("push", [Operand::Reg(src)]) if is_wide(src) => Meaning::Push(src.reg),
        ("pop", [Operand::Reg(dst)]) if is_wide(dst) => Meaning::Pop(dst.reg),
        ("sub" | "add" | "and" | "lea" | "mov", [Operand::Reg(dst), value])
            if dst.reg == gp::RSP && is_wide(dst) =>
        {
            Meaning::SetStackPointer(stack_pointer(name, value))
        }
        ("leave", []) => Meaning::Leave,
        ("mov", [Operand::Reg(dst), Operand::Reg(src)]) if src.reg == gp::RSP && is_wide(dst) => {
            Meaning::CopyStackPointer(dst.reg)
        }
        ("lea", [Operand::Reg(dst), Operand::Mem(mem)]) if is_wide(dst) && mem.index.is_none() => {
            Meaning::TakeAddress { dst: dst.reg, mem }
        }
        ("and", [Operand::Reg(dst), Operand::Imm(mask)]) if is_wide(dst) && is_alignment(*mask) => {
            Meaning::AlignBase { reg: dst.reg, align: -*mask as i64 }
        }
        ("xchg", [Operand::Reg(a), Operand::Reg(b)]) if is_wide(a) => {
            Meaning::Exchange(a.reg, b.reg)
        }
        ("vzeroupper", []) => Meaning::ClearUpperHalves,
        (_, operands) => plain_move(name, operands).unwrap_or(Meaning::Unknown),
    }
}

/// A move of bytes between registers, or between a register and memory.
fn plain_move<'a>(name: &str, operands: &'a [Operand<PhysReg>]) -> Option<Meaning<'a>> {
    let alignment = match ["movap", "movdqa"].iter().any(|part| name.contains(part)) {
        true => Alignment::Natural,
        false => Alignment::Any,
    };
    match operands {
        [Operand::Reg(dst), Operand::Reg(src)] => {
            let bytes = moved_bytes(name, dst, src)?;
            let transfer = Transfer { bytes, above: above(name, dst.class), alignment };
            Some(Meaning::Move { dst: *dst, src: *src, transfer })
        }
        [Operand::Reg(dst), Operand::Mem(mem)] => {
            let bytes = extending_load(name, mem).or(transferred_bytes(name, dst.class))?;
            let transfer = Transfer { bytes, above: above(name, dst.class), alignment };
            Some(Meaning::Load { dst: *dst, mem, transfer })
        }
        [Operand::Mem(mem), Operand::Reg(src)] => {
            let bytes = transferred_bytes(name, src.class)?;
            let transfer = Transfer { bytes, above: Above::Kept, alignment };
            Some(Meaning::Store { mem, src: *src, transfer })
        }
        _ => None,
    }
}

fn is_wide(view: &View<PhysReg>) -> bool {
    view.class == Class::Gp64
}

fn stack_pointer<'a>(name: &str, value: &'a Operand<PhysReg>) -> StackPointer<'a> {
    match (name, value) {
        ("sub", Operand::Imm(bytes)) => StackPointer::Plus(-(*bytes as i64)),
        ("add", Operand::Imm(bytes)) => StackPointer::Plus(*bytes as i64),
        ("and", Operand::Imm(mask)) if is_alignment(*mask) => {
            StackPointer::AlignedDown(-*mask as i64)
        }
        ("lea", Operand::Mem(mem)) if mem.index.is_none() => StackPointer::Address(mem),
        ("mov", Operand::Reg(src)) => StackPointer::Copy(src.reg),
        _ => StackPointer::Unknown,
    }
}

/// Whether an instruction does something other than its name says here: under a mask, with a
/// prefix, or to the second byte of a register.
pub(super) fn is_decorated(inst: &Instruction<PhysReg>) -> bool {
    let is_high = |operand: &Operand<PhysReg>| {
        matches!(operand, Operand::Reg(View { class: Class::Gp8h, .. }))
    };
    let has_prefix = inst.prefixes != Prefixes::default();
    inst.mask.is_some() || has_prefix || inst.operands.iter().any(is_high)
}

/// Whether `and` with this number rounds down to a power of two.
fn is_alignment(mask: i128) -> bool {
    mask < 0 && (-mask).count_ones() == 1
}

/// How many bytes a load that extends them reads.
fn extending_load(name: &str, mem: &Mem<PhysReg>) -> Option<u32> {
    match name {
        "movzx" | "movsxd" => mem.size,
        _ => None,
    }
}

/// How many bytes a move between registers carries, if it is one.
pub(super) fn moved_bytes(name: &str, dst: &View<PhysReg>, src: &View<PhysReg>) -> Option<u32> {
    let narrower = dst.class.bytes().min(src.class.bytes());
    match name {
        "movss" => Some(4),
        "movsd" => Some(8),
        "movd" | "vmovd" => Some(4),
        "movq" | "vmovq" => Some(8),
        "movzx" | "movsx" | "movsxd" => Some(src.class.bytes()),
        _ => transferred_bytes(name, dst.class).map(|bytes| bytes.min(narrower)),
    }
}

/// How many bytes a plain load or store carries, if it is one.
pub(super) fn transferred_bytes(name: &str, class: Class) -> Option<u32> {
    Some(match name {
        "mov" => class.bytes(),
        "movaps" | "movups" | "movapd" | "movupd" | "movdqa" | "movdqu" => 16,
        "vmovaps" | "vmovups" | "vmovapd" | "vmovupd" | "vmovdqa" | "vmovdqu" => class.bytes(),
        "vmovdqa64" | "vmovdqu64" | "vmovdqa32" | "vmovdqu32" => class.bytes(),
        "movss" | "vmovss" | "movd" | "vmovd" => 4,
        "movsd" | "vmovsd" | "movq" | "vmovq" => 8,
        "kmovb" => 1,
        "kmovw" => 2,
        "kmovd" => 4,
        "kmovq" => 8,
        _ => return None,
    })
}

/// What a move into a register does to the bytes that it does not carry.
fn above(name: &str, class: Class) -> Above {
    let clears = match class.bank() {
        Bank::Gp => matches!(class, Class::Gp32 | Class::Gp64),
        Bank::Vector => name.starts_with('v') || matches!(name, "movd" | "movq"),
        Bank::Mask
        | Bank::Mmx
        | Bank::Tile
        | Bank::Segment
        | Bank::Control
        | Bank::Debug
        | Bank::X87
        | Bank::Ip => true,
    };
    match name {
        "movsx" | "movsxd" => Above::Sign,
        _ if clears => Above::Zero,
        _ => Above::Kept,
    }
}
