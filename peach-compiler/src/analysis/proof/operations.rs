//! The instructions whose results the proof knows, and the conditions that branches test.
//!
//! In: a mnemonic. Out: what it computes, for general-purpose and mask registers. Whatever is not
//! listed gives registers of which nothing is known, by the effects that `isa` says it has.

use crate::isa::Mnemonic;
use std::collections::HashMap;
use std::sync::OnceLock;

/// What an instruction computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// The source, as wide as the destination.
    Move,
    /// The source with zeros above.
    MoveZeroExtended,
    /// The source with its sign above.
    MoveSignExtended,
    /// The address of the source.
    Address,
    Add,
    Subtract,
    Compare,
    Test,
    Increment,
    Decrement,
    Negate,
    Not,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
    Multiply,
    /// Quotient and remainder of `rdx:rax`.
    Divide,
    /// The sign of `rax` in all bits of `rdx`.
    SpreadSign(u32),
    /// The source if a condition holds.
    MoveIf(Condition),
    /// 1 if a condition holds, else 0.
    SetIf(Condition),
    /// Continues elsewhere if a condition holds.
    Branch(Condition),
    Exchange,
    Push,
    Pop,
    /// The first source without the bits from the second on.
    KeepLowBits,
    /// How many zeros there are: only where all bits are 0, as many as the operand has.
    CountZeros,
    /// The number of a bit of a source that is not 0.
    FindBit,
    /// Clears the direction flag.
    ClearDirection,
    /// From a mask to a general-purpose register.
    MoveMask,
    /// A string instruction.
    String(StringOperation),
    /// A set bit in the destination.
    SetBit,
    /// A bit as the carry flag.
    TestBit,
    /// How many bits are set.
    CountSetBits,
}

/// What a string instruction does at `rsi` and `rdi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringOperation {
    /// It moves on from `rsi`.
    pub source: bool,
    /// It moves on from `rdi`.
    pub destination: bool,
    /// It may stop before `rcx` is 0.
    pub compares: bool,
    /// Bytes of each element.
    pub bytes: u32,
}

/// String instructions without the letter that says how wide they are; `movsd` and `cmpsd` are
/// vector instructions too.
const STRINGS: [(&str, bool, bool, bool); 5] = [
    ("movs", true, true, false),
    ("stos", false, true, false),
    ("lods", true, false, false),
    ("cmps", true, true, true),
    ("scas", false, true, true),
];

/// What a branch, a `cmov` or a `setcc` tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Below,
    NotBelow,
    Equal,
    NotEqual,
    BelowOrEqual,
    Above,
    Sign,
    NotSign,
    Less,
    NotLess,
    LessOrEqual,
    Greater,
    /// Overflow, parity: nothing is learned.
    Other,
    /// `jrcxz`: `rcx` is 0.
    CounterZero,
    /// `loop`: `rcx`, one less than before, is not 0.
    CounterLeft,
}

impl Condition {
    /// The opposite.
    pub fn negated(self) -> Option<Condition> {
        Some(match self {
            Condition::Below => Condition::NotBelow,
            Condition::NotBelow => Condition::Below,
            Condition::Equal => Condition::NotEqual,
            Condition::NotEqual => Condition::Equal,
            Condition::BelowOrEqual => Condition::Above,
            Condition::Above => Condition::BelowOrEqual,
            Condition::Sign => Condition::NotSign,
            Condition::NotSign => Condition::Sign,
            Condition::Less => Condition::NotLess,
            Condition::NotLess => Condition::Less,
            Condition::LessOrEqual => Condition::Greater,
            Condition::Greater => Condition::LessOrEqual,
            Condition::Other => Condition::Other,
            Condition::CounterZero | Condition::CounterLeft => return None,
        })
    }
}

/// The conditions by the names that the manual gives them.
const CONDITIONS: [(&str, Condition); 16] = [
    ("o", Condition::Other),
    ("no", Condition::Other),
    ("b", Condition::Below),
    ("ae", Condition::NotBelow),
    ("e", Condition::Equal),
    ("ne", Condition::NotEqual),
    ("be", Condition::BelowOrEqual),
    ("a", Condition::Above),
    ("s", Condition::Sign),
    ("ns", Condition::NotSign),
    ("p", Condition::Other),
    ("np", Condition::Other),
    ("l", Condition::Less),
    ("ge", Condition::NotLess),
    ("le", Condition::LessOrEqual),
    ("g", Condition::Greater),
];

/// Everything else.
const OPERATIONS: [(&str, Operation); 48] = [
    ("mov", Operation::Move),
    ("movabs", Operation::Move),
    ("movzx", Operation::MoveZeroExtended),
    ("movsx", Operation::MoveSignExtended),
    ("movsxd", Operation::MoveSignExtended),
    ("lea", Operation::Address),
    ("add", Operation::Add),
    ("sub", Operation::Subtract),
    ("cmp", Operation::Compare),
    ("test", Operation::Test),
    ("inc", Operation::Increment),
    ("dec", Operation::Decrement),
    ("neg", Operation::Negate),
    ("not", Operation::Not),
    ("and", Operation::And),
    ("or", Operation::Or),
    ("xor", Operation::Xor),
    ("shl", Operation::ShiftLeft),
    ("sal", Operation::ShiftLeft),
    ("shlx", Operation::ShiftLeft),
    ("shr", Operation::ShiftRight),
    ("shrx", Operation::ShiftRight),
    ("sar", Operation::ShiftRightSigned),
    ("sarx", Operation::ShiftRightSigned),
    ("imul", Operation::Multiply),
    ("div", Operation::Divide),
    ("idiv", Operation::Divide),
    ("cwd", Operation::SpreadSign(16)),
    ("cdq", Operation::SpreadSign(32)),
    ("cqo", Operation::SpreadSign(64)),
    ("xchg", Operation::Exchange),
    ("push", Operation::Push),
    ("pop", Operation::Pop),
    ("bzhi", Operation::KeepLowBits),
    ("bt", Operation::TestBit),
    ("bts", Operation::SetBit),
    ("popcnt", Operation::CountSetBits),
    ("tzcnt", Operation::CountZeros),
    ("lzcnt", Operation::CountZeros),
    ("bsf", Operation::FindBit),
    ("bsr", Operation::FindBit),
    ("cld", Operation::ClearDirection),
    ("kmovb", Operation::MoveMask),
    ("kmovw", Operation::MoveMask),
    ("kmovd", Operation::MoveMask),
    ("kmovq", Operation::MoveMask),
    ("jrcxz", Operation::Branch(Condition::CounterZero)),
    ("loop", Operation::Branch(Condition::CounterLeft)),
];

/// What `mnemonic` computes, if it is known.
pub(super) fn operation(mnemonic: Mnemonic) -> Option<Operation> {
    static TABLE: OnceLock<HashMap<Mnemonic, Operation>> = OnceLock::new();
    TABLE.get_or_init(table).get(&mnemonic).copied()
}

fn table() -> HashMap<Mnemonic, Operation> {
    let mut table = HashMap::new();
    let mut add = |name: &str, operation| {
        if let Some(mnemonic) = Mnemonic::parse(name) {
            table.insert(mnemonic, operation);
        }
    };
    for (suffix, condition) in CONDITIONS {
        add(&format!("j{suffix}"), Operation::Branch(condition));
        add(&format!("cmov{suffix}"), Operation::MoveIf(condition));
        add(&format!("set{suffix}"), Operation::SetIf(condition));
    }
    for (name, source, destination, compares) in STRINGS {
        for (width, bytes) in [("b", 1), ("w", 2), ("d", 4), ("q", 8)] {
            let string = StringOperation { source, destination, compares, bytes };
            add(&format!("{name}{width}"), Operation::String(string));
        }
    }
    OPERATIONS.into_iter().for_each(|(name, operation)| add(name, operation));
    table
}
