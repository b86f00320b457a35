//! What an instruction reads, writes and demands, by register lane, flag and memory operand.

use super::{Lanes, RegSet, Selection};
use crate::ir::{Instruction, Register};

/// Everything that an instruction does that other instructions can notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects<R> {
    /// One entry per register: explicit operands, address registers, masks and implicit ones.
    pub regs: Vec<Access<R>>,
    /// Flags whose value matters.
    pub flags_read: Flags,
    /// Flags that always get a new (or undefined) value.
    pub flags_written: Flags,
    /// Flags that may get a new value (`shl r, cl` with a count of 0 keeps them).
    pub flags_may_write: Flags,
    /// Memory that is touched.
    pub memory: Vec<MemAccess>,
    /// Where control goes next.
    pub control: Control,
    /// By how much the stack pointer moves: -8 for `push rax`.
    pub stack: i32,
    /// Why a plain `fn` may not contain it, apart from its memory operands.
    pub hazard: Option<Hazard>,
    /// What it does to the state that x87 and MMX share.
    pub x87: X87Effect,
    /// Whether it is legacy SSE, VEX/EVEX, or neither.
    pub vector_mode: VectorMode,
}

/// How an instruction uses one register.
///
/// A byte in neither `write` nor `may_write` is kept. Keeping is not reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access<R> {
    /// The register.
    pub reg: R,
    /// Bytes whose old value matters to the result (not counting bytes that are merely kept).
    pub read: Lanes,
    /// Bytes that always get a new value.
    pub write: Lanes,
    /// Bytes that get a new value or keep the old one, depending on data (`{k1}` merging, `cmov`).
    pub may_write: Lanes,
    /// Of the bytes that are written: those known to become zero.
    pub zeroed: Lanes,
}

/// The status flags and the direction flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// Carry.
    pub const CF: Flags = Flags(1);
    /// Parity.
    pub const PF: Flags = Flags(2);
    /// Auxiliary carry.
    pub const AF: Flags = Flags(4);
    /// Zero.
    pub const ZF: Flags = Flags(8);
    /// Sign.
    pub const SF: Flags = Flags(16);
    /// Overflow.
    pub const OF: Flags = Flags(32);
    /// Direction.
    pub const DF: Flags = Flags(64);
    /// The six status flags.
    pub const STATUS: Flags = Flags(63);

    /// Whether none is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// An access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemAccess {
    /// The memory operand, or `None` where the address is implicit (`movsb`, `push`, `maskmovdqu`).
    pub operand: Option<usize>,
    /// Whether it may be read.
    pub read: bool,
    /// Whether it may be written.
    pub write: bool,
    /// Whether every byte is always written (a plain store; not a masked one).
    pub always_written: bool,
    /// How many bytes from the address on; `None` where that depends on data (`rep`, gathers,
    /// `bt [m], r`, `xsave`).
    pub bytes: Option<u32>,
    /// The alignment that the instruction demands, or 1.
    pub align: u32,
    /// `lea`, `prefetch`, `nop [m]`: the address is computed, memory is not touched.
    pub address_only: bool,
}

/// Where control goes after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// To the next one.
    Next,
    /// To its label.
    Jump,
    /// To its label or the next one.
    Branch,
    /// To an address in a register or memory.
    IndirectJump,
    /// Into a function and back.
    Call,
    /// Nowhere: `ud2`, `hlt`, `int3`.
    Stop,
}

/// Why an instruction is not harmless whatever its memory operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// It may fault: division, `bound`, aligned access through an unknown pointer is not meant here.
    MayFault,
    /// It is privileged or asks the system: `syscall`, `hlt`, `in`, `rdmsr`, `wrpkru`.
    System,
    /// It changes state that the convention preserves: MXCSR, the direction flag, segment bases, the
    /// x87 control word.
    PreservedState,
    /// It leaves the kernel to an address that is not proven: indirect jumps and calls.
    Indirect,
    /// It writes memory at an address the compiler does not see: `maskmovdqu`, string instructions.
    ImplicitMemory,
}

/// What an instruction does to the register file that x87 and MMX share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum X87Effect {
    /// Nothing.
    None,
    /// Marks it as used by MMX.
    Mmx,
    /// Empties it: `emms`, `femms`.
    Empty,
    /// An x87 instruction.
    X87,
}

/// Which vector encoding an instruction has, for the SSE/AVX transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorMode {
    /// Touches no vector register by either.
    None,
    /// Legacy SSE.
    Legacy,
    /// VEX, EVEX or XOP.
    Vex,
}

/// What an instruction demands of the registers that it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraints<R> {
    /// Registers that must be one of a set.
    pub allowed: Vec<(R, RegSet)>,
    /// Pairs that must differ (gathers: destination, index, mask).
    pub distinct: Vec<(R, R)>,
    /// Registers that must be consecutive, the first a multiple of the length (4FMAPS).
    pub groups: Vec<Vec<R>>,
}

impl<R> Default for Constraints<R> {
    fn default() -> Self {
        Constraints { allowed: Vec::new(), distinct: Vec::new(), groups: Vec::new() }
    }
}

/// What `inst`, in the forms of `selection`, reads and writes.
pub fn effects<R: Register>(_inst: &Instruction<R>, _selection: &Selection) -> Effects<R> {
    todo!()
}

/// What `inst`, in the forms of `selection`, demands of its registers.
pub fn constraints<R: Register>(_inst: &Instruction<R>, _selection: &Selection) -> Constraints<R> {
    todo!()
}
