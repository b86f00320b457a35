//! What iced's operand kinds accept, in the compiler's own terms.
//!
//! In: a kind of iced's table. Out: an [`OperandForm`], or `None` where the operand is one that the
//! language has no registers for (MPX bounds) or that belongs to another mode (16-bit branches).
//! [`ImmForm`] knows which numbers it holds.

use crate::isa::{Bank, Class, ImmForm, MemForm, OperandForm, PhysReg, RegSet};
use iced_x86::{EncodingKind, OpCodeInfo, OpCodeOperandKind as Kind};

/// What an operand of `kind` in the row `info` accepts.
pub(in crate::isa) fn operand_form(kind: Kind, info: &OpCodeInfo) -> Option<OperandForm> {
    vector(kind, info)
        .or_else(|| general(kind))
        .or_else(|| fixed(kind))
        .or_else(|| number(kind))
        .or_else(|| memory(kind))
        .or_else(|| special(kind))
}

fn register(class: Class, registers: RegSet) -> OperandForm {
    OperandForm { class: Some(class), registers, ..OperandForm::default() }
}

fn register_or_memory(class: Class, registers: RegSet) -> OperandForm {
    OperandForm { memory: Some(MemForm::Any), ..register(class, registers) }
}

fn vector(kind: Kind, info: &OpCodeInfo) -> Option<OperandForm> {
    // Legacy, VEX and XOP reach 16 registers, EVEX 32.
    let bank = Bank::Vector;
    let is_evex = info.encoding() == EncodingKind::EVEX;
    let all = if is_evex { bank.registers() } else { bank.without_evex() };
    // 4FMAPS names a block of four registers by its first.
    let blocks = RegSet::every(4, bank.count());
    Some(match kind {
        Kind::xmm_reg | Kind::xmm_rm | Kind::xmm_vvvv => register(Class::Xmm, all),
        Kind::ymm_reg | Kind::ymm_rm | Kind::ymm_vvvv => register(Class::Ymm, all),
        Kind::zmm_reg | Kind::zmm_rm | Kind::zmm_vvvv => register(Class::Zmm, all),
        Kind::xmm_is4 | Kind::xmm_is5 => register(Class::Xmm, bank.without_evex()),
        Kind::ymm_is4 | Kind::ymm_is5 => register(Class::Ymm, bank.without_evex()),
        Kind::xmmp3_vvvv => register(Class::Xmm, blocks),
        Kind::zmmp3_vvvv => register(Class::Zmm, blocks),
        Kind::xmm_or_mem => register_or_memory(Class::Xmm, all),
        Kind::ymm_or_mem => register_or_memory(Class::Ymm, all),
        Kind::zmm_or_mem => register_or_memory(Class::Zmm, all),
        Kind::mm_reg | Kind::mm_rm => register(Class::Mmx, Bank::Mmx.registers()),
        Kind::mm_or_mem => register_or_memory(Class::Mmx, Bank::Mmx.registers()),
        Kind::k_reg | Kind::k_rm | Kind::k_vvvv => register(Class::K, Bank::Mask.registers()),
        // VP2INTERSECT names a pair of masks by its first.
        Kind::kp1_reg => register(Class::K, RegSet::every(2, Bank::Mask.count())),
        Kind::k_or_mem => register_or_memory(Class::K, Bank::Mask.registers()),
        Kind::tmm_reg | Kind::tmm_rm | Kind::tmm_vvvv => {
            register(Class::Tmm, Bank::Tile.registers())
        }
        _ => return None,
    })
}

fn general(kind: Kind) -> Option<OperandForm> {
    let all = Bank::Gp.registers();
    Some(match kind {
        Kind::r8_reg | Kind::r8_opcode => register(Class::Gp8, all),
        Kind::r16_reg | Kind::r16_rm | Kind::r16_opcode => register(Class::Gp16, all),
        Kind::r32_reg | Kind::r32_rm | Kind::r32_opcode | Kind::r32_vvvv => {
            register(Class::Gp32, all)
        }
        Kind::r64_reg | Kind::r64_rm | Kind::r64_opcode | Kind::r64_vvvv => {
            register(Class::Gp64, all)
        }
        Kind::r32_reg_mem => OperandForm { is_address: true, ..register(Class::Gp32, all) },
        Kind::r64_reg_mem => OperandForm { is_address: true, ..register(Class::Gp64, all) },
        Kind::r8_or_mem => register_or_memory(Class::Gp8, all),
        Kind::r16_or_mem => register_or_memory(Class::Gp16, all),
        Kind::r32_or_mem => register_or_memory(Class::Gp32, all),
        Kind::r64_or_mem => register_or_memory(Class::Gp64, all),
        _ => return None,
    })
}

fn fixed(kind: Kind) -> Option<OperandForm> {
    let (class, num) = match kind {
        Kind::al => (Class::Gp8, 0),
        Kind::cl => (Class::Gp8, 1),
        Kind::ax => (Class::Gp16, 0),
        Kind::dx => (Class::Gp16, 2),
        Kind::eax => (Class::Gp32, 0),
        Kind::rax => (Class::Gp64, 0),
        Kind::st0 => (Class::St, 0),
        Kind::fs => (Class::Segment, 4),
        Kind::gs => (Class::Segment, 5),
        _ => return None,
    };
    Some(OperandForm { is_fixed: true, ..register(class, RegSet::one(num)) })
}

fn number(kind: Kind) -> Option<OperandForm> {
    let imm = match kind {
        Kind::imm4_m2z => ImmForm::Bits4,
        Kind::imm8 => ImmForm::Byte,
        Kind::imm8_const_1 => ImmForm::Exactly(1),
        Kind::imm8sex16 => ImmForm::ByteTo(2),
        Kind::imm8sex32 => ImmForm::ByteTo(4),
        Kind::imm8sex64 => ImmForm::ByteTo(8),
        Kind::imm16 => ImmForm::Word,
        Kind::imm32 => ImmForm::Dword,
        Kind::imm32sex64 => ImmForm::DwordTo8,
        Kind::imm64 => ImmForm::Qword,
        Kind::br64_1 => return Some(OperandForm { branch: Some(1), ..OperandForm::default() }),
        Kind::br64_4 | Kind::xbegin_4 => {
            return Some(OperandForm { branch: Some(4), ..OperandForm::default() });
        }
        _ => return None,
    };
    Some(OperandForm { imm: Some(imm), ..OperandForm::default() })
}

fn memory(kind: Kind) -> Option<OperandForm> {
    let memory = match kind {
        Kind::mem => MemForm::Any,
        Kind::sibmem => MemForm::Sib,
        Kind::mem_offs => MemForm::Offset,
        Kind::mem_vsib32x | Kind::mem_vsib64x => MemForm::Vector(Class::Xmm),
        Kind::mem_vsib32y | Kind::mem_vsib64y => MemForm::Vector(Class::Ymm),
        Kind::mem_vsib32z | Kind::mem_vsib64z => MemForm::Vector(Class::Zmm),
        _ => return None,
    };
    Some(OperandForm { memory: Some(memory), ..OperandForm::default() })
}

fn special(kind: Kind) -> Option<OperandForm> {
    let control = |num| PhysReg::new(Bank::Control, num);
    Some(match kind {
        Kind::seg_reg => register(Class::Segment, Bank::Segment.registers()),
        // The control and debug registers that exist (Intel SDM volume 2, MOV).
        Kind::cr_reg => register(Class::Control, RegSet::of(&[0, 2, 3, 4, 8].map(control))),
        Kind::dr_reg => register(Class::Debug, RegSet::from_to(0, 7)),
        Kind::sti_opcode => register(Class::St, Bank::X87.registers()),
        // Implicit: the memory of string instructions.
        Kind::seg_rSI | Kind::es_rDI | Kind::seg_rDI | Kind::seg_rBX_al => OperandForm::default(),
        _ => return None,
    })
}

impl ImmForm {
    /// Whether the field can hold `value`, as a signed or an unsigned number of the operand's
    /// width.
    pub(in crate::isa) fn holds(self, value: i128) -> bool {
        // Signed from `low`, or unsigned up to the width's end.
        let signed = |bits: u32| -(1i128 << (bits - 1))..1i128 << (bits - 1);
        let either = |bits: u32| (-(1i128 << (bits - 1))..1i128 << bits).contains(&value);
        // A sign-extended field also holds the unsigned image of its negative numbers.
        let extended = |from: u32, to: u32| {
            let range = signed(from);
            let image = (1i128 << to) + range.start..1i128 << to;
            range.contains(&value) || image.contains(&value)
        };
        match self {
            ImmForm::Exactly(only) => value == i128::from(only),
            ImmForm::Bits4 => (0..16).contains(&value),
            ImmForm::Byte => either(8),
            ImmForm::ByteTo(bytes) => extended(8, 8 * u32::from(bytes)),
            ImmForm::Word => either(16),
            ImmForm::Dword => either(32),
            ImmForm::DwordTo8 => extended(32, 64),
            ImmForm::Qword => either(64),
        }
    }

    /// What the field holds, in words.
    pub(in crate::isa) fn range(self) -> &'static str {
        match self {
            ImmForm::Exactly(_) => "the number that the opcode implies",
            ImmForm::Bits4 => "0 to 15",
            ImmForm::Byte => "-128 to 255",
            ImmForm::ByteTo(_) => "-128 to 127",
            ImmForm::Word => "-32768 to 65535",
            ImmForm::Dword => "-2147483648 to 4294967295",
            ImmForm::DwordTo8 => "-2147483648 to 2147483647",
            ImmForm::Qword => "-9223372036854775808 to 18446744073709551615",
        }
    }

    /// How many bytes the field has.
    pub(in crate::isa) fn bytes(self) -> u8 {
        match self {
            ImmForm::Exactly(_) => 0,
            ImmForm::Bits4 | ImmForm::Byte | ImmForm::ByteTo(_) => 1,
            ImmForm::Word => 2,
            ImmForm::Dword | ImmForm::DwordTo8 => 4,
            ImmForm::Qword => 8,
        }
    }
}
