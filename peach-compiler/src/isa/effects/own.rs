//! What the rows do that iced lacks.
//!
//! In: a row of [`own`](crate::isa::own) and whether its memory-or-register operand is memory. Out:
//! a [`Row`] like those of iced's table. Everything follows from the row's operands and its
//! [`Effect`]; a test compares each with an instruction of the same shape that iced has.

use crate::isa::effects::choice::ByImmediate;
use crate::isa::effects::entry::{self, Entry};
use crate::isa::effects::row::{Flow, Masking, Row, Unnamed};
use crate::isa::own::{self, Effect, Kind, Memory, Operand, Prefix, Rounds};
use crate::isa::{
    Bank, Class, Control, Flags, Hazard, Lanes, MemAccess, OwnRow, Reach, VectorMode, X87Effect,
};
use std::sync::OnceLock;

/// What the table of iced's mnemonics would have: nothing special, since a row tells all itself.
static PLAIN: Entry = entry::general();

/// What a row does, worked out at its first use.
pub(super) fn effects(row: OwnRow, has_memory: bool) -> &'static Row {
    static ROWS: OnceLock<Vec<OnceLock<Row>>> = OnceLock::new();
    // Three lengths, with and without memory.
    let rows = ROWS.get_or_init(|| (0..6 * own::ROWS.len()).map(|_| OnceLock::new()).collect());
    let line = own::ROWS.iter().position(|line| std::ptr::eq(line, row.row));
    let line = line.expect("a row is a line of the table");
    let index = 6 * line + 2 * row.length as usize + usize::from(has_memory);
    rows[index].get_or_init(|| build(row, has_memory))
}

fn build(own: OwnRow, has_memory: bool) -> Row {
    let line = own.row;
    let memory = line.operands.iter().position(|o| has_memory && o.memory != Memory::Never);
    let flags = match line.effect {
        Effect::CompareFlags => Flags::STATUS,
        _ => Flags::default(),
    };
    let is_scalar = line.effect == Effect::ComputeLowest;
    let first = &line.operands[0];
    Row {
        mnemonic: None,
        entry: &PLAIN,
        kinds: &[],
        operands: (0..line.operands.len())
            .map(|at| if memory == Some(at) { Flow::default() } else { flow(own, at) })
            .collect(),
        implicit: Vec::new(),
        flags_read: Flags::default(),
        flags_written: flags,
        flags_may_write: Flags::default(),
        shift_count_bits: None,
        memory: memory.map(|at| access(own, &line.operands[at])),
        broadcast_bytes: line.broadcasts.then_some(line.element),
        implicit_memory: Vec::new(),
        address_bytes: Lanes::low(8),
        index: Lanes::NONE,
        immediate: line
            .operands
            .iter()
            .rposition(|operand| matches!(operand.kind, Kind::Imm8 | Kind::Imm32)),
        by_imm: ByImmediate::Nothing,
        copied: if is_scalar { Class::Xmm.lanes() - Lanes::low(line.element) } else { Lanes::NONE },
        result: result(own, first),
        is_scalar,
        width: own.class(first).map_or(0, Class::bytes),
        is_legacy: line.prefix == Prefix::Legacy,
        masking: match own.class(first).map(Class::bank) {
            Some(Bank::Vector) => Masking::Elements,
            _ => Masking::Whole,
        },
        memory_element: memory.map_or(0, |at| memory_element(own, &line.operands[at])),
        mask_bytes: match line.masked {
            0 => 0,
            bytes => (own.length.bytes() / bytes).div_ceil(8),
        },
        clears_mask: false,
        may_clear_mask: false,
        unnamed: Unnamed::None,
        control: Control::Next,
        stack: 0,
        hazard: hazard(own),
        x87: X87Effect::None,
        vector_mode: if has_class(own, Bank::Vector) { VectorMode::Vex } else { VectorMode::None },
        reach: match line.effect {
            Effect::ReadSystem | Effect::WriteSystem => Reach::Memory,
            Effect::Compute
            | Effect::Accumulate
            | Effect::ComputeLowest
            | Effect::CompareFlags
            | Effect::Prefetch => Reach::Operands,
        },
        // Where there are exceptions, they can be suppressed.
        float_flags: line.rounds != Rounds::Never,
    }
}

/// What happens to the register in an operand.
fn flow(own: OwnRow, at: usize) -> Flow {
    let operand = &own.row.operands[at];
    let Some(class) = own.class(operand) else { return Flow::default() };
    let read = Flow { read: class.lanes() & Lanes::low(own.bytes(operand)), ..Flow::default() };
    let written = written(own, operand, class);
    match (own.row.effect, at) {
        (Effect::CompareFlags | Effect::Prefetch | Effect::WriteSystem, _) | (_, 1..) => read,
        (Effect::Compute | Effect::ComputeLowest | Effect::ReadSystem, 0) => written,
        (Effect::Accumulate, 0) => Flow { read: read.read, ..written },
    }
}

/// What becomes of the register that is written.
fn written(own: OwnRow, operand: &Operand, class: Class) -> Flow {
    let (write, zeroed) = match class.bank() {
        // What is neither computed nor copied becomes zero.
        Bank::Vector => {
            let low = match own.row.effect {
                Effect::ComputeLowest => class.lanes(),
                _ => result(own, operand),
            };
            (Lanes::ALL, Lanes::ALL - low)
        }
        // Intel SDM volume 1, 3.4.1.1: 32-bit results are zero-extended.
        Bank::Gp if class == Class::Gp32 => (Lanes::low(8), Lanes::range(4, 4)),
        _ => (class.lanes(), Lanes::NONE),
    };
    Flow { write, zeroed, ..Flow::default() }
}

/// The bytes of the destination that are computed.
fn result(own: OwnRow, first: &Operand) -> Lanes {
    match own.class(first).map(Class::bank) {
        Some(Bank::Vector) => Lanes::low(own.bytes(first)),
        _ => Lanes::NONE,
    }
}

/// The access through the memory operand, which is never the destination.
fn access(own: OwnRow, operand: &Operand) -> MemAccess {
    let is_address = own.row.effect == Effect::Prefetch;
    MemAccess {
        operand: None,
        pointer: None,
        read: !is_address,
        write: false,
        always_written: false,
        bytes: Some(own.bytes(operand)).filter(|&bytes| bytes != 0),
        elements: None,
        align: 1,
        address_only: is_address,
    }
}

/// How many bytes of the memory operand one bit of a mask stands for.
fn memory_element(own: OwnRow, operand: &Operand) -> u32 {
    let bytes = own.bytes(operand);
    match (own.row.masked, &operand.kind) {
        (0, _) => 0,
        (_, Kind::Scalar) => bytes,
        (masked, _) => bytes / (own.length.bytes() / masked),
    }
}

/// Tiles fault unless they are configured for what is done with them.
fn hazard(own: OwnRow) -> Option<Hazard> {
    match own.row.effect {
        Effect::ReadSystem | Effect::WriteSystem => Some(Hazard::System),
        Effect::Compute
        | Effect::Accumulate
        | Effect::ComputeLowest
        | Effect::CompareFlags
        | Effect::Prefetch => has_class(own, Bank::Tile).then_some(Hazard::MayFault),
    }
}

fn has_class(own: OwnRow, bank: Bank) -> bool {
    let is_in = |operand| own.class(operand).is_some_and(|class| class.bank() == bank);
    own.row.operands.iter().any(is_in)
}
