//! What a row of a table does, whatever registers it is given: worked out at its first use, then
//! kept.
//!
//! In: a row, and whether its memory-or-register operand is memory. Out: a [`Row`]. The start is
//! what iced says of a sample instruction; the entry of its mnemonic makes that precise by byte,
//! adds what iced does not know, and corrects what it has otherwise than we need it.

use crate::isa::effects::choice::ByImmediate;
use crate::isa::effects::entry::{Entry, Memory};
use crate::isa::effects::row::{Flow, Masking, Row, Unnamed, unnamed};
use crate::isa::effects::sample::Sample;

use crate::isa::effects::vectors::{self, Vectors};
use crate::isa::effects::{general, implicit, own, properties, table};
use crate::isa::forms::form::Opcode;
use crate::isa::forms::operand_forms::operand_form;
use crate::isa::{Class, Flags, Lanes, MemAccess};
use iced_x86::{
    Code, EncodingKind, InstructionInfoFactory, OpAccess, OpCodeInfo, OpCodeOperandKind as Kind,
};
use std::sync::OnceLock;

/// What the row of a form does.
pub(in crate::isa) fn row(opcode: Opcode, has_memory: bool) -> &'static Row {
    match opcode {
        Opcode::Iced(code) => iced_row(code, has_memory),
        Opcode::Own(row) => own::effects(row, has_memory),
    }
}

fn iced_row(code: Code, has_memory: bool) -> &'static Row {
    static ROWS: OnceLock<Vec<OnceLock<Row>>> = OnceLock::new();
    let rows =
        ROWS.get_or_init(|| (0..2 * Code::values().len()).map(|_| OnceLock::new()).collect());
    rows[code as usize * 2 + usize::from(has_memory)].get_or_init(|| build(code, has_memory))
}

fn build(code: Code, has_memory: bool) -> Row {
    let op_code = code.op_code();
    let entry = table::entry(code.mnemonic());
    let kinds = op_code.op_kinds();
    let sample = Sample::of(code, has_memory);
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(&sample.instruction);
    let accesses: Vec<OpAccess> = (0..kinds.len()).map(|n| info.op_access(n as u32)).collect();
    let classes: Vec<Option<Class>> =
        kinds.iter().map(|&kind| operand_form(kind, op_code)?.class).collect();
    let memory = sample.memory.map(|n| mem_access(op_code, entry, kinds[n], accesses[n]));
    let operands = (0..kinds.len())
        .map(|n| match classes[n] {
            Some(class) if sample.memory != Some(n) => flow(op_code, kinds[n], class, accesses[n]),
            _ => Flow::default(),
        })
        .collect();
    let implicit = match unnamed(kinds) {
        Unnamed::None => implicit::registers(entry, info.used_registers(), &sample.registers),
        // Those depend on the register that is written down.
        Unnamed::MaskPair | Unnamed::Block => Vec::new(),
    };
    let is_legacy = matches!(op_code.encoding(), EncodingKind::Legacy | EncodingKind::D3NOW);
    let (flags_read, flags_written) = sample.flags();
    let mut row = Row {
        mnemonic: Some(code.mnemonic()),
        entry,
        kinds,
        operands,
        implicit,
        flags_read,
        flags_written,
        flags_may_write: Flags::default(),
        shift_count_bits: entry.is_shift.then(|| shift_count_bits(op_code)),
        memory,
        broadcast_bytes: Some(op_code.broadcast_memory_size().size() as u32),
        implicit_memory: properties::implicit_memory(entry, info.used_memory()),
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
        memory_element: 0,
        clears_mask: false,
        may_clear_mask: false,
        unnamed: unnamed(kinds),
        control: properties::control(code, entry),
        stack: properties::stack_delta(&sample.instruction, entry),
        hazard: properties::hazard(code, entry),
        x87: properties::x87(op_code, entry),
        vector_mode: properties::vector_mode(code, entry, &classes),
        reach: properties::reach(op_code, entry),
        // `cmpsd` is a string instruction too.
        float_flags: entry.sets_float_flags && !code.is_string_instruction(),
    };
    general::refine(op_code, &classes, sample.memory, &mut row);
    let vectors =
        Vectors { op_code, classes: &classes, accesses: &accesses, memory: sample.memory };
    vectors::refine(&vectors, &mut row);
    row
}

/// Six bits of the count matter for 64-bit operands, five for all others.
fn shift_count_bits(op_code: &OpCodeInfo) -> u32 {
    if op_code.operand_size() == 64 { 6 } else { 5 }
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

fn mem_access(op_code: &OpCodeInfo, entry: &Entry, kind: Kind, access: OpAccess) -> MemAccess {
    use OpAccess as A;
    MemAccess {
        operand: None,
        pointer: None,
        read: matches!(access, A::Read | A::CondRead | A::ReadWrite | A::ReadCondWrite),
        write: matches!(access, A::Write | A::CondWrite | A::ReadWrite | A::ReadCondWrite),
        always_written: matches!(access, A::Write | A::ReadWrite) && entry.memory != Memory::Partly,
        bytes: properties::extent(op_code, entry, kind),
        elements: None,
        align: properties::alignment(op_code, entry),
        // iced says nothing at all of `nop [m]`.
        address_only: matches!(access, A::NoMemAccess | A::None),
    }
}
