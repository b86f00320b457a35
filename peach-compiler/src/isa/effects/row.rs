//! What a row of iced's table does, whatever registers it is given: worked out at its first use, then
//! kept.
//!
//! In: a row, and whether its memory-or-register operand is memory. Out: a [`Row`]. The start is what
//! iced says of a sample instruction; `lanes` makes it precise by byte, `hazards` adds what iced does
//! not know, and the corrections here mend what it has wrong for our purpose.

use crate::isa::effects::shuffles::ByImmediate;
use crate::isa::effects::types::add;
use crate::isa::effects::vectors::{self, Vectors};
use crate::isa::effects::{properties, reach};
use crate::isa::forms::operand_forms::operand_form;
use crate::isa::{Access, Bank, Class, Control, Flags, Hazard, Lanes, MemAccess, PhysReg};
use crate::isa::{Reach, VectorMode, X87Effect, gp};
use iced_x86::{
    Code, EncodingKind, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpCodeInfo,
    OpCodeOperandKind as Kind, OpKind, Register, RflagsBits, UsedRegister,
};
use std::sync::OnceLock;

/// What a row does.
#[derive(Debug)]
pub(in crate::isa) struct Row {
    /// The kinds of its operands.
    pub kinds: &'static [Kind],
    /// What happens to the register in each operand. Memory operands have none.
    pub operands: Vec<Flow>,
    /// Registers that it names itself.
    pub implicit: Vec<Access<PhysReg>>,
    /// Flags.
    pub flags_read: Flags,
    /// Flags that always change.
    pub flags_written: Flags,
    /// Flags that may change.
    pub flags_may_write: Flags,
    /// Shifts, whose count of 0 keeps the flags: whether the count has six bits and not five.
    pub shift: Option<bool>,
    /// The access through the memory operand.
    pub memory: Option<MemAccess>,
    /// The size of that access with `{1toN}`.
    pub broadcast_bytes: Option<u32>,
    /// Accesses to memory that no operand names.
    pub implicit_memory: Vec<MemAccess>,
    /// How much of the address registers counts (`lea r32` reads their lower halves).
    pub address_bytes: Lanes,
    /// How much of a vector index counts.
    pub index: Lanes,
    /// Which operand is the (last) immediate.
    pub immediate: Option<usize>,
    /// How its value decides which bytes are read.
    pub by_imm: ByImmediate,
    /// Bytes of the destination that come unchanged from the second operand.
    pub copied: Lanes,
    /// Bytes of the destination that are computed: a mask governs these.
    pub result: Lanes,
    /// It computes one element and copies the others.
    pub is_scalar: bool,
    /// Bytes of the destination's class.
    pub width: u32,
    /// Whether bytes that are not computed are kept, as legacy SSE does.
    pub is_legacy: bool,
    /// What a mask does.
    pub masking: Masking,
    /// How many bytes of the mask are read.
    pub mask_bytes: u32,
    /// Gathers and scatters clear their mask.
    pub clears_mask: bool,
    /// Prefetches of gathers and scatters may.
    pub may_clear_mask: bool,
    /// Registers that go with the one written down.
    pub unnamed: Unnamed,
    /// Where control goes.
    pub control: Control,
    /// How the stack pointer moves.
    pub stack: i32,
    /// Whether it is harmless.
    pub hazard: Option<Hazard>,
    /// x87 and MMX.
    pub x87: X87Effect,
    /// Legacy SSE or VEX.
    pub vector_mode: VectorMode,
    /// What it touches beyond all of the above.
    pub reach: Reach,
    /// Whether it may set exception flags in MXCSR.
    pub float_flags: bool,
    /// Whether its destination counts as written even if it was left alone.
    pub settles: bool,
}

/// What happens to the register in an operand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::isa) struct Flow {
    /// As in [`Access`].
    pub read: Lanes,
    /// As in [`Access`].
    pub write: Lanes,
    /// As in [`Access`].
    pub may_write: Lanes,
    /// As in [`Access`].
    pub zeroed: Lanes,
}

/// What a mask does to a vector destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Masking {
    /// Elements that are masked out are kept or, with `{z}`, zeroed.
    Elements,
    /// The destination is written whole: the mask selects a source, or the destination is a mask or
    /// memory.
    Whole,
}

/// Registers beside the one that is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Unnamed {
    /// None.
    None,
    /// VP2INTERSECT writes a mask register and the one after it.
    MaskPair,
    /// 4FMAPS and 4VNNIW read a block of four vectors.
    Block,
}

/// The row of `code`.
pub(in crate::isa) fn row(code: Code, has_memory: bool) -> &'static Row {
    static ROWS: OnceLock<Vec<OnceLock<Row>>> = OnceLock::new();
    let rows =
        ROWS.get_or_init(|| (0..2 * Code::values().len()).map(|_| OnceLock::new()).collect());
    rows[code as usize * 2 + usize::from(has_memory)].get_or_init(|| build(code, has_memory))
}

fn build(code: Code, has_memory: bool) -> Row {
    let op_code = code.op_code();
    let kinds = op_code.op_kinds();
    let sample = Sample::of(code, has_memory);
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(&sample.instruction);
    let accesses: Vec<OpAccess> = (0..kinds.len()).map(|n| info.op_access(n as u32)).collect();
    let classes: Vec<Option<Class>> =
        kinds.iter().map(|&kind| operand_form(kind, op_code)?.class).collect();
    let memory = sample.memory.map(|n| mem_access(op_code, kinds[n], accesses[n]));
    let operands = (0..kinds.len())
        .map(|n| match classes[n] {
            Some(class) if sample.memory != Some(n) => flow(op_code, kinds[n], class, accesses[n]),
            _ => Flow::default(),
        })
        .collect();
    let mut implicit = implicit_registers(code, info.used_registers(), &sample.registers);
    for access in reach::changed_unnamed(code) {
        add(&mut implicit, access);
    }
    if unnamed(kinds) != Unnamed::None {
        // Those depend on the register that is written down.
        implicit.clear();
    }
    let is_legacy = matches!(op_code.encoding(), EncodingKind::Legacy | EncodingKind::D3NOW);
    let flags = flags_of(&sample.instruction);
    let mut row = Row {
        kinds,
        operands,
        implicit,
        flags_read: flags.0,
        flags_written: flags.1,
        flags_may_write: Flags::default(),
        shift: shift_count(code),
        memory,
        broadcast_bytes: Some(op_code.broadcast_memory_size().size() as u32),
        implicit_memory: properties::implicit_memory(code, info.used_memory()),
        address_bytes: properties::address_bytes(code),
        index: Lanes::NONE,
        immediate: kinds.iter().rposition(|&kind| is_immediate(kind)),
        by_imm: ByImmediate::Nothing,
        copied: Lanes::NONE,
        result: Lanes::NONE,
        is_scalar: false,
        width: classes.first().copied().flatten().map_or(0, Class::bytes),
        is_legacy,
        masking: Masking::Whole,
        mask_bytes: 0,
        clears_mask: false,
        may_clear_mask: false,
        unnamed: unnamed(kinds),
        control: properties::control(code),
        stack: properties::stack_delta(&sample.instruction),
        hazard: properties::hazard(code),
        x87: properties::x87(code),
        vector_mode: properties::vector_mode(code, &classes),
        reach: reach::reach(code),
        float_flags: reach::sets_float_flags(code),
        settles: matches!(code.mnemonic(), Mnemonic::Bsf | Mnemonic::Bsr),
    };
    correct_general(code, &classes, sample.memory, &mut row);
    correct_system(code, sample.memory, &mut row);
    let vectors =
        Vectors { op_code, classes: &classes, accesses: &accesses, memory: sample.memory };
    vectors::refine(&vectors, &mut row);
    row
}

/// The operand of `form` that stands for several registers in a row, and how many they are.
pub(in crate::isa) fn block(kinds: &[Kind]) -> Option<(usize, usize)> {
    match unnamed(kinds) {
        Unnamed::None => None,
        Unnamed::MaskPair => Some((0, 2)),
        Unnamed::Block => Some((1, 4)),
    }
}

fn unnamed(kinds: &[Kind]) -> Unnamed {
    match kinds {
        [Kind::kp1_reg, ..] => Unnamed::MaskPair,
        [_, Kind::xmmp3_vvvv | Kind::zmmp3_vvvv, ..] => Unnamed::Block,
        _ => Unnamed::None,
    }
}

/// What an operand of a class does, as far as its access and width say.
fn flow(op_code: &OpCodeInfo, kind: Kind, class: Class, access: OpAccess) -> Flow {
    // A register in place of memory gives as many of its low bytes as the memory would have.
    let size = op_code.memory_size().size() as u32;
    let from_memory = vectors::is_register_or_memory(kind) && size != 0;
    let read = if from_memory { class.lanes() & Lanes::low(size) } else { class.lanes() };
    let (write, zeroed) = match class {
        // Intel SDM volume 1, 3.4.1.1: 32-bit results are zero-extended.
        Class::Gp32 => (Lanes::low(8), Lanes::range(4, 4)),
        _ => (class.lanes(), Lanes::NONE),
    };
    let none = Lanes::NONE;
    let (read, write, may_write) = match access {
        OpAccess::None | OpAccess::NoMemAccess => (none, none, none),
        OpAccess::Read | OpAccess::CondRead => (read, none, none),
        OpAccess::Write => (none, write, none),
        OpAccess::CondWrite => (none, none, write),
        OpAccess::ReadWrite => (read, write, none),
        OpAccess::ReadCondWrite => (read, none, write),
    };
    Flow { read, write, may_write, zeroed: zeroed & write }
}

fn is_immediate(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::imm4_m2z
            | Kind::imm8
            | Kind::imm8_const_1
            | Kind::imm8sex16
            | Kind::imm8sex32
            | Kind::imm8sex64
            | Kind::imm16
            | Kind::imm32
            | Kind::imm32sex64
            | Kind::imm64
    )
}

/// Registers of general-purpose instructions that iced has coarser, or otherwise than we need them.
fn correct_general(code: Code, classes: &[Option<Class>], memory: Option<usize>, row: &mut Row) {
    use Mnemonic as M;
    let mnemonic = code.mnemonic();
    let low = |row: &mut Row, n: usize, bytes| {
        row.operands[n].read = row.operands[n].read & Lanes::low(bytes);
    };
    match mnemonic {
        // The count or index is taken from the low byte (BEXTR: start and length).
        M::Shlx | M::Shrx | M::Sarx | M::Bzhi => low(row, 2, 1),
        M::Bextr if classes[2].is_some() => low(row, 2, 2),
        M::Bt | M::Bts | M::Btr | M::Btc if memory.is_none() => low(row, 1, 1),
        // The checksum has 32 bits even in a 64-bit register.
        M::Crc32 => low(row, 0, 4),
        // A source of 0 leaves the destination alone (AMD documents it, Intel does it).
        // RDSSP does nothing where there is no shadow stack.
        M::Bsf | M::Bsr | M::Rdsspd | M::Rdsspq => {
            let dest = &mut row.operands[0];
            *dest = Flow { may_write: dest.write | dest.may_write, ..Flow::default() };
        }
        M::Cmpxchg if memory.is_none() => {
            let dest = &mut row.operands[0];
            dest.may_write |= dest.write;
            (dest.write, dest.zeroed) = (Lanes::NONE, Lanes::NONE);
        }
        _ if properties::is_cmov(mnemonic) => {
            let dest = &mut row.operands[0];
            let all = dest.write | dest.may_write;
            // The upper half of a 64-bit register is cleared even if nothing is moved.
            let cleared =
                if classes[0] == Some(Class::Gp32) { Lanes::range(4, 4) } else { Lanes::NONE };
            *dest = Flow {
                write: cleared,
                may_write: all - cleared,
                zeroed: cleared,
                ..Flow::default()
            };
        }
        M::Movzx | M::Popcnt | M::Lzcnt | M::Tzcnt => {
            let used = if mnemonic == M::Movzx { code.op_code().memory_size().size() } else { 1 };
            let dest = &mut row.operands[0];
            dest.zeroed = dest.write - Lanes::low(used as u32);
        }
        _ => {}
    }
    let has_32_bits = classes.first() == Some(&Some(Class::Gp32))
        && matches!(mnemonic, M::Mul | M::Imul | M::Div | M::Idiv)
        || memory == Some(0)
            && matches!(mnemonic, M::Mul | M::Imul | M::Div | M::Idiv)
            && code.op_code().memory_size().size() == 4;
    if has_32_bits || properties::has_32_bit_results(mnemonic) {
        for access in row.implicit.iter_mut().filter(|a| a.reg.bank == Bank::Gp) {
            access.zeroed = access.write & Lanes::range(4, 4);
        }
    }
}

/// Instructions of the system that iced has otherwise than we need them.
fn correct_system(code: Code, memory: Option<usize>, row: &mut Row) {
    use Mnemonic as M;
    match code.mnemonic() {
        // The registers are stored as they are, which is not a use of a value: `Reach::Registers`.
        M::Fsave | M::Fnsave => row.implicit.clear(),
        // The leaf and what it takes first (Intel SDM volume 2, GETSEC).
        M::Getsec | M::Getsecq => {
            add(&mut row.implicit, Access::read(gp::RBX, Lanes::low(4)));
        }
        M::Tdcall => {
            add(&mut row.implicit, Access::read(gp::RAX, Lanes::low(8)));
        }
        // Nothing is read from the current VMCS where there is none (Intel SDM volume 3, VMREAD).
        M::Vmread if memory.is_none() => {
            let dest = &mut row.operands[0];
            *dest = Flow { may_write: dest.write, ..Flow::default() };
        }
        _ => {}
    }
    // Whether those who run meanwhile bring the flags back is their affair.
    if row.reach == Reach::Machine {
        row.flags_may_write = Flags(row.flags_written.0 | Flags::STATUS.0);
        row.flags_written = Flags::default();
    }
}

/// Shifts and rotations, by their mnemonic; six bits of the count matter for 64-bit operands.
fn shift_count(code: Code) -> Option<bool> {
    use Mnemonic as M;
    let shifts = [M::Shl, M::Sal, M::Shr, M::Sar, M::Rol, M::Ror, M::Rcl, M::Rcr, M::Shld, M::Shrd];
    shifts.contains(&code.mnemonic()).then(|| code.op_code().operand_size() == 64)
}

fn flags_of(instruction: &Instruction) -> (Flags, Flags) {
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
    (convert(instruction.rflags_read()), convert(instruction.rflags_modified()))
}

fn mem_access(op_code: &OpCodeInfo, kind: Kind, access: OpAccess) -> MemAccess {
    use OpAccess as A;
    let code = op_code.code();
    MemAccess {
        operand: None,
        read: matches!(access, A::Read | A::CondRead | A::ReadWrite | A::ReadCondWrite),
        write: matches!(access, A::Write | A::CondWrite | A::ReadWrite | A::ReadCondWrite),
        always_written: matches!(access, A::Write | A::ReadWrite)
            && properties::stores_always(code),
        bytes: properties::extent(op_code, kind),
        align: properties::alignment(op_code),
        // iced says nothing at all of `nop [m]`.
        address_only: matches!(access, A::NoMemAccess | A::None),
    }
}

/// Registers that the row names itself.
fn implicit_registers(
    code: Code,
    used: &[UsedRegister],
    explicit: &[Register],
) -> Vec<Access<PhysReg>> {
    // iced: "reads xmm, writes zmm". The low halves are kept, the rest becomes zero.
    if code.mnemonic() == Mnemonic::Vzeroupper {
        let upper = Lanes::ALL - Class::Xmm.lanes();
        return (0..16).map(|n| written_zero(PhysReg::vector(n), upper)).collect();
    }
    if code.mnemonic() == Mnemonic::Vzeroall {
        return (0..16).map(|n| written_zero(PhysReg::vector(n), Lanes::ALL)).collect();
    }
    let mut list = Vec::new();
    for used in used {
        let Some((reg, lanes)) = physical(used.register()) else { continue };
        let is_explicit =
            explicit.iter().any(|r| physical(*r).is_some_and(|(other, _)| other == reg));
        if is_explicit || (reg == gp::RSP && properties::moves_stack(code)) {
            continue;
        }
        let mut access = Access::read(reg, Lanes::NONE);
        match used.access() {
            OpAccess::Read | OpAccess::CondRead => access.read = lanes,
            OpAccess::Write => access.write = lanes,
            OpAccess::CondWrite => access.may_write = lanes,
            OpAccess::ReadWrite => (access.read, access.write) = (lanes, lanes),
            OpAccess::ReadCondWrite => (access.read, access.may_write) = (lanes, lanes),
            OpAccess::None | OpAccess::NoMemAccess => {}
        }
        add(&mut list, access);
    }
    list
}

fn written_zero(reg: PhysReg, lanes: Lanes) -> Access<PhysReg> {
    Access { write: lanes, zeroed: lanes, ..Access::read(reg, Lanes::NONE) }
}

/// One of iced's registers as storage and lanes; `None` for those nobody tracks.
fn physical(register: Register) -> Option<(PhysReg, Lanes)> {
    let number = register.full_register().number() as u8;
    let high = matches!(register, Register::AH | Register::CH | Register::DH | Register::BH);
    let found = |bank, lanes| Some((PhysReg::new(bank, number), lanes));
    if register.is_gpr() {
        let lanes = if high { Class::Gp8h.lanes() } else { Lanes::low(register.size() as u32) };
        found(Bank::Gp, lanes)
    } else if register.is_vector_register() {
        found(Bank::Vector, Lanes::low(register.size() as u32))
    } else if register.is_k() {
        found(Bank::Mask, Class::K.lanes())
    } else if register.is_mm() {
        found(Bank::Mmx, Class::Mmx.lanes())
    } else if register.is_tmm() {
        found(Bank::Tile, Lanes::ALL)
    } else {
        None
    }
}

/// An instruction of the row, with registers that no row names implicitly.
struct Sample {
    instruction: Instruction,
    /// The operand that is memory.
    memory: Option<usize>,
    /// The registers in it.
    registers: Vec<Register>,
}

impl Sample {
    fn of(code: Code, has_memory: bool) -> Sample {
        let mut instruction = Instruction::new();
        instruction.set_code(code);
        let mut sample = Sample { instruction, memory: None, registers: Vec::new() };
        for (n, &kind) in code.op_code().op_kinds().iter().enumerate() {
            sample.set(n, kind, has_memory);
        }
        sample
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
