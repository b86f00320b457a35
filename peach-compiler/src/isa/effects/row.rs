//! What a row of a table does: the type of it.

use crate::isa::effects::choice::ByImmediate;
use crate::isa::effects::entry::Entry;
use crate::isa::{Access, Control, Flags, Hazard, Lanes, MemAccess, PhysReg};
use crate::isa::{Reach, VectorMode, X87Effect};
use iced_x86::{Mnemonic, OpCodeOperandKind as Kind};

/// What a row does.
#[derive(Debug)]
pub(in crate::isa) struct Row {
    /// Its mnemonic; none where iced lacks the row.
    pub mnemonic: Option<Mnemonic>,
    /// What the table of instructions has of its mnemonic.
    pub entry: &'static Entry,
    /// The kinds of its operands; none where iced lacks the row.
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
    /// For shifts: how many bits of the count are used. A count of 0 leaves the flags alone.
    pub shift_count_bits: Option<u32>,
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
    /// Bytes of the memory operand that one bit of the mask stands for, or 0.
    pub memory_element: u32,
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

/// Registers besides the one that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::isa) enum Unnamed {
    /// None.
    None,
    /// VP2INTERSECT writes a mask register and the one after it.
    MaskPair,
    /// 4FMAPS and 4VNNIW read a block of four vectors.
    Block,
}

/// The operand of `form` that stands for several consecutive registers, and how many they are.
pub(in crate::isa) fn block(kinds: &[Kind]) -> Option<(usize, usize)> {
    match unnamed(kinds) {
        Unnamed::None => None,
        Unnamed::MaskPair => Some((0, 2)),
        Unnamed::Block => Some((1, 4)),
    }
}

pub(in crate::isa) fn unnamed(kinds: &[Kind]) -> Unnamed {
    match kinds {
        [Kind::kp1_reg, ..] => Unnamed::MaskPair,
        [_, Kind::xmmp3_vvvv | Kind::zmmp3_vvvv, ..] => Unnamed::Block,
        _ => Unnamed::None,
    }
}
