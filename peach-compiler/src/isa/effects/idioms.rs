//! Instructions whose result does not depend on a register that they name.
//!
//! In: a row, its immediate and which operands are the same register. Out: the operands that are
//! not read after all, and what is known of the result. Which operations these are, the table says.

use crate::isa::effects::entry::{Entry, Same};
use iced_x86::{Code, OpCodeOperandKind as Kind};

/// What an idiom means for reads and result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::isa) struct Idiom {
    /// Operands of the row that are not read.
    pub unread: Slots,
    /// What the written bytes of the destination become.
    pub result: Known,
}

/// What is known of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::isa) enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// Every byte is zero.
    Zero,
    /// The low eight bytes have this value.
    Bytes(u64),
}

/// A set of operands of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::isa) struct Slots(u8);

impl Slots {
    /// Whether operand `slot` is in it.
    pub fn contains(self, slot: usize) -> bool {
        self.0 >> slot & 1 == 1
    }

    fn of(slots: &[usize]) -> Slots {
        Slots(slots.iter().fold(0, |all, slot| all | 1 << slot))
    }
}

/// What is known of an instruction of the row `code`, whose operand `imm_slot` is an immediate of
/// value `imm`, where `same` says which operands are one register.
pub(in crate::isa) fn known(
    code: Code,
    entry: &Entry,
    imm_slot: Option<usize>,
    imm: Option<i128>,
    same: impl Fn(usize, usize) -> bool,
) -> Idiom {
    let sources = sources(code, imm_slot);
    let twice = sources.is_some_and(|(a, b)| same(a, b));
    let unread = sources.map_or(Slots::default(), |(a, b)| Slots::of(&[a, b]));
    match (entry.same, imm) {
        (Same::Zero, _) if twice => Idiom { unread, result: Known::Zero },
        (Same::Independent, _) if twice => Idiom { unread, result: Known::Nothing },
        (Same::Immediate, Some(value)) => {
            Idiom { result: Known::Bytes(value as u64), ..Idiom::default() }
        }
        (Same::ZeroByZero, Some(0)) if imm_slot > Some(0) => {
            Idiom { unread: Slots::of(&[0, 1]), result: Known::Zero }
        }
        (Same::OnesByOnes, Some(value)) if is_all_ones(code, value) => {
            Idiom { unread: Slots::of(&[0]), ..Idiom::default() }
        }
        (Same::ByTruthTable, Some(table)) => ternary(table as u8, same),
        (Same::ByPredicate, Some(predicate)) => match predicate & 0x1f {
            0x0b | 0x1b => Idiom { unread, result: Known::Zero },
            0x0f | 0x1f => Idiom { unread, result: Known::Nothing },
            _ => Idiom::default(),
        },
        (
            Same::Depends
            | Same::Zero
            | Same::Independent
            | Same::Immediate
            | Same::ZeroByZero
            | Same::OnesByOnes
            | Same::ByTruthTable
            | Same::ByPredicate,
            _,
        ) => Idiom::default(),
    }
}

/// The two operands of a row that are its sources.
fn sources(code: Code, imm_slot: Option<usize>) -> Option<(usize, usize)> {
    let count = imm_slot.unwrap_or(code.op_code().op_kinds().len());
    match count {
        2 => Some((0, 1)),
        3 => Some((1, 2)),
        _ => None,
    }
}

/// Whether `value` sets every bit of the destination.
fn is_all_ones(code: Code, value: i128) -> bool {
    let is_byte = |kind: &Kind| matches!(kind, Kind::r8_or_mem | Kind::al);
    let bits = match code.op_code().op_kinds().first() {
        Some(kind) if is_byte(kind) => 8,
        _ => code.op_code().operand_size(),
    };
    value == -1 || bits != 0 && value == (1 << bits) - 1
}

/// VPTERNLOG: bit `4a + 2b + c` of the table is the result for bits a, b, c of the operands.
fn ternary(table: u8, same: impl Fn(usize, usize) -> bool) -> Idiom {
    // Operands as bits of a row: 4, 2, 1. Equal registers have equal bits.
    let bit = |operand: usize| 1u8 << (2 - operand);
    let mut equal = [bit(0), bit(1), bit(2)];
    for (x, y) in [(0, 1), (0, 2), (1, 2)] {
        if same(x, y) {
            equal[x] |= bit(y);
            equal[y] |= bit(x);
        }
    }
    let is_possible = |row: u8| equal.iter().all(|group| row & group == 0 || row & group == *group);
    let result = |row: u8| table >> row & 1;
    let mut unread = Slots::default();
    for (operand, group) in equal.iter().enumerate() {
        let depends = |row: u8| is_possible(row) && result(row) != result(row ^ group);
        if !(0..8).any(depends) {
            unread.0 |= 1 << operand;
        }
    }
    let is_zero = (0..8).all(|row| !is_possible(row) || result(row) == 0);
    Idiom { unread, result: if is_zero { Known::Zero } else { Known::Nothing } }
}
