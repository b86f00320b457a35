//! Why no form fits an instruction.

use crate::isa::{Class, Feature};

/// Why a form does not fit, from the farthest miss to the nearest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::isa) enum Misfit {
    /// A register or address kind that the form does not take.
    Operand { operand: usize },
    /// Memory of another size; the form's, in bytes.
    Size { operand: usize, accepted: u32 },
    /// `vex`, `evex` before a mnemonic whose forms for these operands are not so encoded.
    Encoding,
    /// `{1toN}`: the form's N, if it broadcasts at all.
    Broadcast { operand: usize, accepted: Option<u32> },
    /// A register that the form cannot encode: `xmm16` without EVEX.
    Register { operand: usize },
    /// Something about a mask.
    Mask(&'static str),
    /// Rounding or `{sae}`.
    Rounding(&'static str),
    /// `lock` and its like.
    Prefix(&'static str),
    /// Registers that must differ.
    Overlap { operand: usize, message: &'static str },
    /// `ah` with a REX prefix.
    HighByte { operand: usize },
    /// A number outside of what the field holds.
    OutOfRange { operand: usize, accepted: &'static str },
}

/// What is wrong with an address, whatever the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAddress {
    /// No segment register precedes the colon.
    Segment,
    /// A base of this class.
    Base(Class),
    /// An index of this class.
    Index(Class),
    /// Base and index of different widths.
    Widths {
        /// The base's class.
        base: Class,
        /// The index's class.
        index: Class,
    },
    /// An index times this.
    Scale(u8),
    /// An index in an address relative to `rip`.
    RelativeIndex,
    /// `rsp` as an index.
    StackPointerIndex,
    /// A displacement of more than 32 bits.
    Displacement {
        /// The displacement.
        value: i64,
        /// The highest that fits.
        highest: i64,
    },
}

/// Why no form fits. Each becomes one diagnostic; operands are counted from 0, as written.
#[derive(Clone, PartialEq)]
pub enum SelectError {
    /// No form takes these operands. `forms` are those of the mnemonic in the manual's notation;
    /// `operand` is the one to blame, where all forms agree on the others.
    NoForm {
        /// The forms there are.
        forms: Vec<String>,
        /// The offending operand.
        operand: Option<usize>,
    },
    /// Forms fit, but each needs an extension that is not enabled: the alternatives, each a set.
    MissingExtension(Vec<Vec<Feature>>),
    /// Forms of several memory sizes fit.
    AmbiguousSize {
        /// The memory operand.
        operand: usize,
        /// The sizes in bytes.
        sizes: Vec<u32>,
    },
    /// An immediate or displacement does not fit any form.
    OutOfRange {
        /// The operand.
        operand: usize,
        /// What would fit, in words: "-128 to 255".
        accepted: String,
    },
    /// An address that no instruction takes.
    BadAddress {
        /// The memory operand.
        operand: usize,
        /// What is wrong with it.
        problem: BadAddress,
    },
    /// A decoration or prefix that the form does not take.
    BadDecoration {
        /// What is wrong with it, with what would be accepted.
        message: String,
        /// The operand that it belongs to.
        operand: Option<usize>,
    },
    /// Registers that cannot be encoded together, or must be different.
    RegisterConflict {
        /// Why.
        message: String,
        /// The operand.
        operand: usize,
    },
    /// The instruction is not allowed in a kernel.
    Refused {
        /// Why, and what to write instead.
        message: String,
    },
}
