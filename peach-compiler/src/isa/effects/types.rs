//! What an instruction reads and writes: the terms in which everything outside speaks of it.

use crate::isa::Register;
use crate::isa::{Bank, Lanes, PhysReg};

/// Everything that an instruction does that other instructions can notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects<R> {
    /// One entry per register: explicit operands, address registers, masks and implicit ones.
    pub regs: Vec<Access<R>>,
    /// Bytes that go from one register to another as they are: the upper lanes of `vaddsd a, b, c`.
    /// They are among what is read, but only to be handed on.
    pub copied: Option<Copied<R>>,
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
    /// What it touches beyond all of the above.
    pub reach: Reach,
    /// Whether it may set exception flags in MXCSR.
    pub float_flags: bool,
    /// Whether a register that it may leave as it is counts as written after it, with any value
    /// where nothing has written it before: `bsf`, `bsr`.
    pub settles: bool,
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

/// Bytes that an instruction hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied<R> {
    /// Where they come from.
    pub from: R,
    /// Where they go, to the same places.
    pub to: R,
    /// Which bytes; none that the instruction also looks at.
    pub lanes: Lanes,
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
    /// The register that holds the address, where no operand names it: `rsi` of `lodsb`. `None` too
    /// where it takes more than one register (`xlatb`).
    pub pointer: Option<PhysReg>,
    /// Whether it may be read.
    pub read: bool,
    /// Whether it may be written.
    pub write: bool,
    /// Whether every byte is always written (a plain store; not a masked one).
    pub always_written: bool,
    /// How many bytes from the address on; `None` where that depends on data (`rep`, gathers,
    /// `bt [m], r`, `xsave`).
    pub bytes: Option<u32>,
    /// What it is made of, where not all of it need be touched.
    pub elements: Option<Elements>,
    /// The alignment that the instruction requires, or 1.
    pub align: u32,
    /// `lea`, `prefetch`, `nop [m]`: the address is computed, memory is not touched.
    pub address_only: bool,
}

/// The elements of an access that need not all be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements {
    /// How many bytes each has.
    pub bytes: u32,
    /// Which of them are touched.
    pub touched: Touched,
}

/// Which elements of an access are touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Those whose bit in the mask is set; of a smaller operand than the result, those that such an
    /// element needs.
    Masked,
    /// As many as the mask has bits that are set, from the first on: `vpcompressd [m]{k1}, v`.
    Packed,
    /// At most as many as `rcx` says, from the first on: `rep movsb`.
    Counted,
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
    /// Nowhere: `ud2`, `ret`, `iretq`.
    Stop,
}

impl Control {
    /// Whether control may continue to the next instruction.
    pub fn goes_on(self) -> bool {
        match self {
            Control::Next | Control::Branch | Control::Call => true,
            Control::Jump | Control::IndirectJump | Control::Stop => false,
        }
    }
}

/// What an instruction touches beyond the registers and the memory that its other effects name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Operands,
    /// It orders accesses to memory, or others than the program access it: fences, `lock`, `cpuid`,
    /// `clflush`, `in`, `int3`.
    Memory,
    /// It stores registers that it does not name, as they are: `xsave`. Memory is as above.
    Registers,
    /// Others run meanwhile, and may read and change registers too: `syscall`, `vmcall`, `enclu`.
    Machine,
}

/// Why an instruction is not harmless whatever its memory operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// It may fault: division, `bound`, aligned access through an unknown pointer is not meant
    /// here.
    MayFault,
    /// It is privileged or asks the system: `syscall`, `hlt`, `in`, `rdmsr`, `wrpkru`.
    System,
    /// It changes state that the convention preserves: MXCSR, the direction flag, segment bases,
    /// the x87 control word.
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

impl<R> Access<R> {
    /// Bytes `read` of `reg` matter, nothing is written.
    pub fn read(reg: R, read: Lanes) -> Self {
        Access { reg, read, write: Lanes::NONE, may_write: Lanes::NONE, zeroed: Lanes::NONE }
    }

    /// The same of another register.
    pub(in crate::isa) fn with<S>(&self, reg: S) -> Access<S> {
        Access {
            reg,
            read: self.read,
            write: self.write,
            may_write: self.may_write,
            zeroed: self.zeroed,
        }
    }
}

/// Adds an access to the list, merged with what is there of the same register. Registers whose
/// contents are not tracked (segments, the x87 stack) are left out.
pub(in crate::isa) fn add<R: Register>(regs: &mut Vec<Access<R>>, new: Access<R>) {
    let tracked = match new.reg.physical() {
        None => true,
        Some(reg) => {
            matches!(reg.bank, Bank::Gp | Bank::Vector | Bank::Mask | Bank::Mmx | Bank::Tile)
        }
    };
    let touched = new.read | new.write | new.may_write;
    if !tracked || touched.is_empty() {
        return;
    }
    let Some(old) = regs.iter_mut().find(|access| access.reg == new.reg) else {
        regs.push(new);
        return;
    };
    // A byte that two operands write is zero only if both make it so.
    let spoiled =
        ((old.write | old.may_write) - old.zeroed) | ((new.write | new.may_write) - new.zeroed);
    old.read |= new.read;
    old.write |= new.write;
    old.may_write = (old.may_write | new.may_write) - old.write;
    old.zeroed = (old.zeroed | new.zeroed) - spoiled;
}
