//! What instructions do beyond their operands: control flow, the stack, memory that no operand
//! names, alignment, system state.
//!
//! In: a row and its entry. Out: one property each. The entry holds for every row of a mnemonic;
//! what differs between rows (a jump may be direct or indirect, `mov` may load a segment) comes
//! from iced's row. Sources: Intel SDM volume 2 (exceptions of each instruction), AMD APM volume 3.

use crate::isa::effects::entry::{Alignment, Entry, Implicit, Memory};
use crate::isa::effects::vectors;
use crate::isa::{Bank, Class, Control, Hazard, Lanes, MemAccess, PhysReg, Reach};
use crate::isa::{VectorMode, X87Effect};
use iced_x86::{
    Code, EncodingKind, FlowControl, Instruction, MemorySize, Mnemonic, OpAccess, OpCodeInfo,
    OpCodeOperandKind as Kind, Register, UsedMemory,
};

/// Where control goes.
pub(super) fn control(code: Code, entry: &Entry) -> Control {
    if let Some(control) = entry.control {
        return control;
    }
    match code.flow_control() {
        // Traps come back: what a debugger or a handler returns to is the instruction after `int3`
        // (Intel SDM volume 3, "Interrupt 3").
        FlowControl::Next | FlowControl::Interrupt => Control::Next,
        FlowControl::UnconditionalBranch => Control::Jump,
        FlowControl::ConditionalBranch | FlowControl::XbeginXabortXend => Control::Branch,
        FlowControl::IndirectBranch => Control::IndirectJump,
        FlowControl::Call | FlowControl::IndirectCall => Control::Call,
        FlowControl::Return | FlowControl::Exception => Control::Stop,
    }
}

/// By how much the stack pointer moves.
pub(super) fn stack_delta(sample: &Instruction, entry: &Entry) -> i32 {
    let is_call = matches!(sample.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
    match entry.moves_stack {
        // The callee takes the return address away again.
        true if is_call => 0,
        true => sample.stack_pointer_increment(),
        false => 0,
    }
}

/// Accesses to memory that no operand names. iced counts the operand itself too; the sample's has
/// no base register.
pub(super) fn implicit_memory(entry: &Entry, used: &[UsedMemory]) -> Vec<MemAccess> {
    let hidden = used.iter().filter(|memory| memory.base() != Register::None).map(hidden_access);
    match entry.memory {
        Memory::LineZeroed => vec![hidden_store(64)],
        Memory::Block => {
            vec![MemAccess { always_written: true, align: 64, ..hidden_store(64) }]
        }
        Memory::HiddenBytes => {
            hidden.map(|access| MemAccess { always_written: false, ..access }).collect()
        }
        Memory::AsEncoded | Memory::Line | Memory::BitString | Memory::Partly => hidden.collect(),
    }
}

/// A store of so many bytes at an address that no operand names.
fn hidden_store(bytes: u32) -> MemAccess {
    MemAccess {
        operand: None,
        pointer: None,
        read: false,
        write: true,
        always_written: false,
        bytes: Some(bytes),
        elements: None,
        align: 1,
        address_only: false,
    }
}

/// What iced says of memory at an address that no operand names.
fn hidden_access(memory: &UsedMemory) -> MemAccess {
    use OpAccess as A;
    let access = memory.access();
    let size = memory.memory_size();
    MemAccess {
        pointer: pointer(memory),
        read: matches!(access, A::Read | A::CondRead | A::ReadWrite | A::ReadCondWrite),
        write: matches!(access, A::Write | A::CondWrite | A::ReadWrite | A::ReadCondWrite),
        always_written: matches!(access, A::Write | A::ReadWrite),
        bytes: (size != MemorySize::Unknown).then(|| size.size() as u32),
        ..hidden_store(0)
    }
}

/// The register that is the whole address.
fn pointer(memory: &UsedMemory) -> Option<PhysReg> {
    let base = memory.base();
    let is_whole = base.is_gpr64()
        && memory.index() == Register::None
        && memory.displacement() == 0
        && !matches!(memory.segment(), Register::FS | Register::GS);
    is_whole.then(|| PhysReg::gp(base.number() as u8))
}

/// How many bytes from its address on a memory operand touches.
pub(super) fn extent(op_code: &OpCodeInfo, entry: &Entry, kind: Kind) -> Option<u32> {
    let is_gather = vectors::is_memory(kind) && !matches!(kind, Kind::mem | Kind::mem_offs);
    let by_register = op_code.op_kinds().get(1).is_some_and(|kind| *kind != Kind::imm8);
    let is_bit_string = entry.memory == Memory::BitString && by_register;
    let size = op_code.memory_size();
    if is_bit_string || is_gather {
        None
    } else if entry.memory == Memory::Line {
        // These touch the cache line, or only its permissions.
        Some(1)
    } else if op_code.code() == Code::Movsxd_r16_rm16 {
        // Intel reads the two bytes that it extends to two, AMD reads four.
        Some(4)
    } else if is_state_image(size) || size.size() == 0 {
        None
    } else {
        Some(size.size() as u32)
    }
}

/// The image of the processor state, whose size depends on what is enabled.
fn is_state_image(size: MemorySize) -> bool {
    matches!(size, MemorySize::Xsave | MemorySize::Xsave64)
}

/// The alignment that a row requires of its memory operand.
pub(super) fn alignment(op_code: &OpCodeInfo, entry: &Entry) -> u32 {
    let size = op_code.memory_size().size() as u32;
    match entry.alignment {
        Alignment::Operand => size,
        Alignment::Bytes(bytes) => bytes,
        Alignment::Any => 1,
        Alignment::ByEncoding => {
            let is_sse = op_code.op_kinds().contains(&Kind::xmm_or_mem);
            let is_legacy = op_code.encoding() == EncodingKind::Legacy;
            if is_legacy && is_sse && size == 16 { 16 } else { 1 }
        }
    }
}

/// How much of the registers in an address counts: LEA drops what does not fit its destination.
pub(super) fn address_bytes(code: Code) -> Lanes {
    match code {
        Code::Lea_r16_m => Lanes::low(2),
        Code::Lea_r32_m => Lanes::low(4),
        _ => Lanes::low(8),
    }
}

/// Whether a row is harmless, apart from what its memory operand and its control flow need.
pub(super) fn hazard(code: Code, entry: &Entry) -> Option<Hazard> {
    let op_code = code.op_code();
    if loads_segment(op_code) {
        Some(Hazard::PreservedState)
    } else if op_code.is_privileged() {
        // `mov` to and from control registers.
        Some(Hazard::System)
    } else if entry.hazard.is_some() {
        entry.hazard
    } else if matches!(control(code, entry), Control::IndirectJump | Control::Call) {
        Some(Hazard::Indirect)
    } else {
        code.is_string_instruction().then_some(Hazard::ImplicitMemory)
    }
}

fn loads_segment(op_code: &OpCodeInfo) -> bool {
    match op_code.op_kinds() {
        [Kind::seg_reg, ..] => true,
        // `push` has them too.
        [Kind::fs | Kind::gs] => op_code.code().mnemonic() == Mnemonic::Pop,
        _ => false,
    }
}

/// How far a row reaches, whatever its prefixes and operands.
pub(super) fn reach(op_code: &OpCodeInfo, entry: &Entry) -> Reach {
    match entry.reach {
        // `mov` to and from control registers.
        Reach::Operands if op_code.is_privileged() => Reach::Memory,
        reach => reach,
    }
}

/// What a row does to the state that x87 and MMX share.
pub(super) fn x87(op_code: &OpCodeInfo, entry: &Entry) -> X87Effect {
    let is_mmx = |kind: &Kind| matches!(kind, Kind::mm_reg | Kind::mm_rm | Kind::mm_or_mem);
    match entry.x87 {
        X87Effect::None if op_code.op_kinds().iter().any(is_mmx) => X87Effect::Mmx,
        effect => effect,
    }
}

/// Which vector encoding a row has, if it touches vector registers.
pub(super) fn vector_mode(code: Code, entry: &Entry, classes: &[Option<Class>]) -> VectorMode {
    let zeroes = matches!(entry.implicit, Implicit::UpperHalvesZeroed | Implicit::VectorsZeroed);
    let has_vector_index = |&kind: &Kind| {
        vectors::is_memory(kind) && !matches!(kind, Kind::mem | Kind::mem_offs | Kind::sibmem)
    };
    let touches = classes.iter().flatten().any(|class| class.bank() == Bank::Vector)
        || code.op_code().op_kinds().iter().any(has_vector_index);
    match code.op_code().encoding() {
        _ if !touches && !zeroes => VectorMode::None,
        EncodingKind::Legacy | EncodingKind::D3NOW => VectorMode::Legacy,
        _ => VectorMode::Vex,
    }
}
