//! What the tables say of a form beyond its operands: which decorations and prefixes it takes,
//! which registers must differ, which bits are ignored.
//!
//! The one place where iced's rows and the compiler's own answer the same questions.

use crate::isa::effects::vectors::is_register_or_memory;
use crate::isa::forms::form::{Form, Opcode, Slot};
use crate::isa::own::{Kind, Masking, Memory, Place, Prefix, Rounds};
use crate::isa::{Class, effects::row};
use iced_x86::{EncodingKind, Mnemonic, OpCodeInfo, OpCodeOperandKind, OpCodeTableKind};

/// Which of an instruction's registers must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Distinct {
    /// None must.
    Any,
    /// The destination from all others.
    Destination,
    /// All from each other.
    All,
}

impl Form {
    fn iced_info(&self) -> Option<&'static OpCodeInfo> {
        self.opcode.iced().map(|code| code.op_code())
    }

    /// iced's mnemonic; `None` where iced lacks the instruction.
    pub(in crate::isa) fn row_mnemonic(&self) -> Option<Mnemonic> {
        self.opcode.iced().map(|code| code.mnemonic())
    }

    /// Whether it is encoded with EVEX.
    pub(in crate::isa) fn is_evex(&self) -> bool {
        match self.opcode {
            Opcode::Iced(code) => code.op_code().encoding() == EncodingKind::EVEX,
            Opcode::Own(own) => own.row.prefix == Prefix::Evex,
        }
    }

    /// Whether it repeats with `rep`.
    pub fn is_string_instruction(&self) -> bool {
        self.opcode.iced().is_some_and(|code| code.is_string_instruction())
    }

    /// Whether it takes a mask.
    pub fn takes_mask(&self) -> bool {
        match self.opcode {
            Opcode::Iced(code) => code.op_code().can_use_op_mask_register(),
            Opcode::Own(own) => own.row.masking != Masking::None,
        }
    }

    /// Whether it must have a mask.
    pub fn needs_mask(&self) -> bool {
        self.iced_info().is_some_and(OpCodeInfo::require_op_mask_register)
    }

    /// Whether it takes `{z}` with a mask.
    pub fn takes_zeroing(&self) -> bool {
        match self.opcode {
            Opcode::Iced(code) => code.op_code().can_use_zeroing_masking(),
            Opcode::Own(own) => own.row.masking == Masking::Zeroing,
        }
    }

    /// Which rounding decorations it takes.
    pub fn rounds(&self) -> Rounds {
        match self.opcode {
            Opcode::Iced(code) => {
                let info = code.op_code();
                match () {
                    () if info.ignores_rounding_control() => Rounds::Exact,
                    () if info.can_use_rounding_control() => Rounds::Control,
                    () if info.can_suppress_all_exceptions() => Rounds::Sae,
                    () => Rounds::Never,
                }
            }
            Opcode::Own(own) => own.rounds(),
        }
    }

    /// Which of its registers must differ.
    pub(in crate::isa) fn distinct(&self) -> Distinct {
        match self.opcode {
            Opcode::Iced(code) => match code.op_code() {
                info if info.requires_unique_reg_nums() => Distinct::All,
                info if info.requires_unique_dest_reg_num() => Distinct::Destination,
                _ => Distinct::Any,
            },
            // Intel SDM volume 2, "Intel AMX instruction exception classes", AMX-E4.
            Opcode::Own(own) => {
                let tiles =
                    own.row.operands.iter().filter(|o| o.kind == Kind::Register(Class::Tmm));
                let has_memory = own.row.operands.iter().any(|o| o.memory != Memory::Never);
                if !has_memory && tiles.count() == 3 { Distinct::All } else { Distinct::Any }
            }
        }
    }

    /// The operand that stands for several registers in a row, and how many they are.
    pub(in crate::isa) fn block(&self) -> Option<(usize, usize)> {
        self.iced_info().and_then(|info| row::block(info.op_kinds()))
    }

    /// Whether the W bit of its prefix is ignored.
    pub(in crate::isa) fn ignores_w(&self) -> bool {
        self.iced_info().is_some_and(OpCodeInfo::is_wig)
    }

    /// Whether the L bits of its prefix are ignored.
    pub(in crate::isa) fn ignores_l(&self) -> bool {
        self.iced_info().is_some_and(OpCodeInfo::is_lig)
    }

    /// Whether a two-byte VEX prefix can say all that it needs.
    pub(in crate::isa) fn fits_vex2(&self) -> bool {
        self.iced_info().is_some_and(|info| {
            info.table() == OpCodeTableKind::T0F && (info.w() == 0 || info.is_wig())
        })
    }

    /// Whether it has a REX prefix for the W bit.
    pub(in crate::isa) fn has_rex_w(&self) -> bool {
        match self.opcode {
            Opcode::Iced(code) => {
                let info = code.op_code();
                info.operand_size() == 64 && !info.default_op_size64() && !info.force_op_size64()
            }
            Opcode::Own(own) => own.row.w,
        }
    }

    /// The operand in the ModRM byte's r/m field.
    pub(in crate::isa) fn rm_operand(&self) -> Option<usize> {
        let is_rm = |slot: usize| match self.opcode {
            Opcode::Iced(code) => is_rm(code.op_code().op_kinds()[slot]),
            Opcode::Own(own) => own.row.operands[slot].place == Place::Rm,
        };
        self.slots.iter().enumerate().find_map(|(slot, from)| match from {
            Slot::Operand(operand) if is_rm(slot) => Some(usize::from(*operand)),
            _ => None,
        })
    }

    /// In the manual's notation: `VADDPS xmm1 {k1}{z}, xmm2, xmm3/m128/m32bcst`.
    pub fn notation(&self) -> String {
        match self.opcode {
            Opcode::Iced(code) => code.op_code().instruction_string().to_string(),
            Opcode::Own(own) => own.notation(),
        }
    }
}

/// Whether an operand of this kind is in the r/m field.
fn is_rm(kind: OpCodeOperandKind) -> bool {
    use OpCodeOperandKind as Kind;
    is_register_or_memory(kind)
        || matches!(
            kind,
            Kind::r16_rm
                | Kind::r32_rm
                | Kind::r64_rm
                | Kind::k_rm
                | Kind::mm_rm
                | Kind::xmm_rm
                | Kind::ymm_rm
                | Kind::zmm_rm
                | Kind::tmm_rm
        )
}
