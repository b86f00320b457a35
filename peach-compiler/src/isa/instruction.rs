//! One machine instruction, over virtual or physical registers.

use crate::ids::{DataId, LabelId, LocalId, RustConstId, RustSymId, VReg};
use crate::isa::{Class, Mnemonic, PhysReg, Register};

/// A register before allocation: virtual, or physical because the source names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reg {
    /// To be allocated.
    Virtual(VReg),
    /// Taken as written.
    Physical(PhysReg),
}

impl From<PhysReg> for Reg {
    fn from(reg: PhysReg) -> Self {
        Reg::Physical(reg)
    }
}

impl Register for Reg {
    fn physical(self) -> Option<PhysReg> {
        match self {
            Reg::Virtual(_) => None,
            Reg::Physical(reg) => Some(reg),
        }
    }
}

/// A register seen through a class: `n.gp32`, `eax`, `acc[0].xmm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View<R> {
    /// The storage.
    pub reg: R,
    /// How much of it.
    pub class: Class,
}

/// A source instruction, with all names resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction<R> {
    /// What it is called; aliases and pseudo-ops are resolved already.
    pub mnemonic: Mnemonic,
    /// `lock`, `rep`, …
    pub prefixes: Prefixes,
    /// In Intel order, destination first.
    pub operands: Vec<Operand<R>>,
    /// `{k1}`.
    pub mask: Option<View<R>>,
    /// `{z}`.
    pub zeroing: bool,
    /// `{rn-sae}`, `{sae}`.
    pub rounding: Option<Rounding>,
    /// `evex`, `vex` or `vex3` before the mnemonic.
    pub encoding: Option<ForcedEncoding>,
    /// Virtual registers that go with one among the operands and follow it in number: the second of
    /// a pair of masks, the others of a block of four vectors.
    pub block: Vec<R>,
}

impl<R> Instruction<R> {
    /// An instruction without prefixes and decorations.
    pub fn new(mnemonic: Mnemonic, operands: Vec<Operand<R>>) -> Self {
        Instruction {
            mnemonic,
            prefixes: Prefixes::default(),
            operands,
            mask: None,
            zeroing: false,
            rounding: None,
            encoding: None,
            block: Vec::new(),
        }
    }
}

/// The prefixes written before a mnemonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// `lock`.
    pub lock: bool,
    /// `rep`, `repe`, `repz`: F3.
    pub rep: bool,
    /// `repne`, `repnz`: F2.
    pub repne: bool,
    /// `xacquire`: F2 before a locked instruction.
    pub xacquire: bool,
    /// `xrelease`: F3 before a locked instruction.
    pub xrelease: bool,
    /// `bnd`: F2 before a branch.
    pub bnd: bool,
    /// `notrack`: 3E before an indirect branch.
    pub notrack: bool,
    /// The segment of memory that no operand names: `movsb byte [rdi], byte fs:[rsi]`.
    pub segment: Option<PhysReg>,
    /// An address of 32 bits that no operand names: `stosb byte [edi]`; 67.
    pub narrow_address: bool,
}

impl Prefixes {
    /// The words among them, in the order that every assembler takes them in.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let words = [
            (self.bnd, "bnd"),
            (self.notrack, "notrack"),
            (self.xacquire, "xacquire"),
            (self.xrelease, "xrelease"),
            (self.lock, "lock"),
            (self.rep, "rep"),
            (self.repne, "repne"),
        ];
        words.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word)
    }
}

/// One operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<R> {
    /// A register.
    Reg(View<R>),
    /// A place in memory.
    Mem(Mem<R>),
    /// A number.
    Imm(i128),
    /// A constant that rustc evaluates, in a field of full width.
    RustConst(RustConstId),
    /// The address of a Rust item: `mov r64, sym p`, `call sym p`.
    RustSym(RustSymId),
    /// A branch target.
    Label(Branch),
    /// A branch target relative to the end of the instruction, as a number (`peach encode` only).
    Relative(i64),
}

/// A label as an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Where to.
    pub label: LabelId,
    /// `short` or `near`, if the source forces one.
    pub size: Option<BranchSize>,
}

/// The two lengths of a direct branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchSize {
    /// An 8-bit displacement.
    Short,
    /// A 32-bit displacement.
    Near,
}

/// The count of a broadcast that was written without one, `dword bcst [p]`: as many lanes as the
/// other operands have. [`count_lanes`](super::count_lanes) puts the number in its place.
pub const LANES_OPEN: u8 = 0;

/// A memory operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Mem<R> {
    /// The size that precedes it in the source, in bytes.
    pub size: Option<u32>,
    /// `{1toN}`: N, or [`LANES_OPEN`].
    pub broadcast: Option<u8>,
    /// `fs:`, `gs:`, ….
    pub segment: Option<PhysReg>,
    /// What the address starts from.
    pub base: Base<R>,
    /// A register times 1, 2, 4 or 8. A vector register for gathers.
    pub index: Option<(View<R>, u8)>,
    /// The constant part.
    pub disp: i64,
    /// A constant part that rustc evaluates, added to `disp`, in 32 bits.
    pub disp_const: Option<RustConstId>,
    /// A Rust item whose address is added, by its distance from here: the base is [`Base::Rip`].
    pub symbol: Option<RustSymId>,
    /// `disp8` or `disp32` before the operand.
    pub disp_size: Option<DispSize>,
}

impl<R> Mem<R> {
    /// `[base + disp]`.
    pub fn new(base: Base<R>, disp: i64) -> Self {
        Mem {
            size: None,
            broadcast: None,
            segment: None,
            base,
            index: None,
            disp,
            disp_const: None,
            symbol: None,
            disp_size: None,
        }
    }
}

/// What an address starts from. `Data`, `Local` and `StackArg` become numbers when the frame and
/// the layout of the code are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base<R> {
    /// Nothing: the displacement alone, or index and displacement.
    None,
    /// A register.
    Reg(View<R>),
    /// `[rip + disp]`: the displacement as encoded.
    Rip,
    /// The function's read-only data; `disp` counts from its start. RIP-relative: takes no index.
    Data(DataId),
    /// A stack variable; `disp` counts from its start.
    Local(LocalId),
    /// The stack as the caller left it: byte `disp` above the return address's end.
    StackArg,
}

/// The two lengths of a displacement that the source can force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispSize {
    /// One byte.
    Disp8,
    /// Four bytes.
    Disp32,
}

/// Rounding control and exception suppression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// `{rn-sae}`: to nearest.
    Nearest,
    /// `{rd-sae}`: down.
    Down,
    /// `{ru-sae}`: up.
    Up,
    /// `{rz-sae}`: toward zero.
    Zero,
    /// `{sae}`: suppress exceptions only.
    Sae,
}

impl Rounding {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Rounding::Nearest => "{rn-sae}",
            Rounding::Down => "{rd-sae}",
            Rounding::Up => "{ru-sae}",
            Rounding::Zero => "{rz-sae}",
            Rounding::Sae => "{sae}",
        }
    }
}

/// An encoding that the source forces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForcedEncoding {
    /// Two- or three-byte VEX.
    Vex,
    /// Three-byte VEX.
    Vex3,
    /// EVEX.
    Evex,
}
