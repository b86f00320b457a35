//! What iced says of an instruction of a row.
//!
//! In: a row. Out: an instruction of it whose operands are registers that no row names by itself,
//! so that what iced lists next to them is implicit.

use crate::isa::Flags;
use crate::isa::effects::vectors;
use iced_x86::{Code, Instruction, OpCodeOperandKind as Kind, OpKind, Register, RflagsBits};

/// An instruction of the row, with registers that no row names implicitly.
pub(super) struct Sample {
    pub instruction: Instruction,
    /// The operand that is memory.
    pub memory: Option<usize>,
    /// The registers in it.
    pub registers: Vec<Register>,
}

impl Sample {
    pub fn of(code: Code, has_memory: bool) -> Sample {
        let mut instruction = Instruction::new();
        instruction.set_code(code);
        let mut sample = Sample { instruction, memory: None, registers: Vec::new() };
        for (n, &kind) in code.op_code().op_kinds().iter().enumerate() {
            sample.set(n, kind, has_memory);
        }
        sample
    }

    /// The flags that it reads, and those that it writes.
    pub fn flags(&self) -> (Flags, Flags) {
        let convert = |bits: u32| {
            let pairs = [
                (RflagsBits::CF, Flags::CF),
                (RflagsBits::PF, Flags::PF),
                (RflagsBits::AF, Flags::AF),
                (RflagsBits::ZF, Flags::ZF),
                (RflagsBits::SF, Flags::SF),
                (RflagsBits::OF, Flags::OF),
                (RflagsBits::DF, Flags::DF),
            ];
            Flags(pairs.iter().filter(|(bit, _)| bits & bit != 0).fold(0, |all, (_, f)| all | f.0))
        };
        (convert(self.instruction.rflags_read()), convert(self.instruction.rflags_modified()))
    }

    fn set(&mut self, n: usize, kind: Kind, has_memory: bool) {
        let op_kind = match kind {
            Kind::seg_rSI => OpKind::MemorySegRSI,
            Kind::es_rDI => OpKind::MemoryESRDI,
            Kind::seg_rDI => OpKind::MemorySegRDI,
            Kind::imm8 | Kind::imm4_m2z | Kind::imm8_const_1 => {
                let second = n > 0 && self.instruction.op_kind(n as u32 - 1) == OpKind::Immediate8;
                if second { OpKind::Immediate8_2nd } else { OpKind::Immediate8 }
            }
            Kind::imm8sex16 => OpKind::Immediate8to16,
            Kind::imm8sex32 => OpKind::Immediate8to32,
            Kind::imm8sex64 => OpKind::Immediate8to64,
            Kind::imm16 => OpKind::Immediate16,
            Kind::imm32 => OpKind::Immediate32,
            Kind::imm32sex64 => OpKind::Immediate32to64,
            Kind::imm64 => OpKind::Immediate64,
            Kind::br64_1 | Kind::br64_4 | Kind::xbegin_4 => OpKind::NearBranch64,
            Kind::seg_rBX_al => {
                self.instruction.set_op_kind(n as u32, OpKind::Memory);
                self.instruction.set_memory_base(Register::RBX);
                self.instruction.set_memory_index(Register::AL);
                return;
            }
            _ if vectors::is_memory(kind)
                || (has_memory && vectors::is_register_or_memory(kind)) =>
            {
                self.memory = Some(n);
                OpKind::Memory
            }
            _ => {
                if let Some(register) = sample_register(n as u32, kind) {
                    self.instruction.set_op_register(n as u32, register);
                    self.registers.push(register);
                }
                return;
            }
        };
        self.instruction.set_op_kind(n as u32, op_kind);
        if op_kind == OpKind::Immediate8 {
            // A count of 0 would make iced call the flags of shifts unchanged.
            self.instruction.set_immediate8(1);
        }
    }
}

/// A register for operand `n` that no row names by itself.
fn sample_register(n: u32, kind: Kind) -> Option<Register> {
    use Kind as K;
    Some(match kind {
        K::al => Register::AL,
        K::cl => Register::CL,
        K::ax => Register::AX,
        K::dx => Register::DX,
        K::eax => Register::EAX,
        K::rax => Register::RAX,
        K::es => Register::ES,
        K::cs => Register::CS,
        K::ss => Register::SS,
        K::ds => Register::DS,
        K::fs => Register::FS,
        K::gs => Register::GS,
        K::seg_reg => Register::DS,
        K::cr_reg => Register::CR8,
        K::dr_reg => Register::DR0,
        K::st0 => Register::ST0,
        K::sti_opcode => Register::ST1,
        K::kp1_reg => Register::K2,
        K::k_or_mem | K::k_reg | K::k_rm | K::k_vvvv => Register::K4 + n,
        K::r8_or_mem | K::r8_reg | K::r8_opcode => Register::R12L + n,
        K::r16_or_mem | K::r16_reg | K::r16_reg_mem | K::r16_rm | K::r16_opcode => {
            Register::R12W + n
        }
        K::r32_or_mem | K::r32_reg | K::r32_reg_mem | K::r32_rm | K::r32_opcode | K::r32_vvvv => {
            Register::R12D + n
        }
        K::r64_or_mem | K::r64_reg | K::r64_reg_mem | K::r64_rm | K::r64_opcode | K::r64_vvvv => {
            Register::R12 + n
        }
        K::mm_or_mem | K::mm_reg | K::mm_rm => Register::MM4 + n,
        K::xmm_or_mem | K::xmm_reg | K::xmm_rm | K::xmm_vvvv | K::xmm_is4 | K::xmm_is5 => {
            Register::XMM8 + n
        }
        K::ymm_or_mem | K::ymm_reg | K::ymm_rm | K::ymm_vvvv | K::ymm_is4 | K::ymm_is5 => {
            Register::YMM8 + n
        }
        K::zmm_or_mem | K::zmm_reg | K::zmm_rm | K::zmm_vvvv => Register::ZMM8 + n,
        // A block of four of its own.
        K::xmmp3_vvvv => Register::XMM20,
        K::zmmp3_vvvv => Register::ZMM20,
        K::tmm_reg | K::tmm_rm | K::tmm_vvvv => Register::TMM0 + n,
        _ => return None,
    })
}
