//! A function over physical registers: what the frame builder makes, the checker replays and the
//! encoder turns into bytes.

use super::tables::{Data, RustConst, RustSym};
use crate::abi::Convention;
use crate::ids::{InstId, LabelId, VReg};
use crate::isa::Instruction;
use crate::isa::PhysReg;
use proc_macro2::Span;
use std::ops::Range;

/// A function as it will be encoded, without sizes and offsets.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The kernel's name.
    pub name: String,
    /// The calling convention.
    pub convention: &'static Convention,
    /// Code, in order.
    pub items: Vec<Item>,
    /// For each [`Op::Undefined`](super::Op::Undefined), in order: the register whose content is
    /// the value from there on.
    pub undefined: Vec<(InstId, PhysReg)>,
    /// The labels that the bodies of local functions begin with, in the order of the code: the
    /// first one ends the kernel itself, and each ends the one before.
    pub local_fns: Vec<LabelId>,
    /// How many labels there are; every `LabelId` below is defined by one item.
    pub label_count: usize,
    /// Literals, tables and jump tables.
    pub data: Vec<Data>,
    /// `const { … }` expressions.
    pub rust_consts: Vec<RustConst>,
    /// `sym …` paths.
    pub rust_syms: Vec<RustSym>,
    /// The code may hold no absolute address: `mov r64, sym` becomes `lea`.
    pub in_text: bool,
    /// The stack frame.
    pub frame: Frame,
}

impl Lowered {
    /// The items of the kernel itself, then those of each local function.
    pub fn parts(&self) -> Vec<Range<usize>> {
        let mut next = self.local_fns.iter().peekable();
        let mut starts = vec![0];
        for (index, item) in self.items.iter().enumerate() {
            if let Code::Label(label) = item.code
                && next.next_if(|start| **start == label).is_some()
            {
                starts.push(index);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([self.items.len()]);
        starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
    }
}

/// One item of the code.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is.
    pub code: Code,
    /// Why it is there.
    pub origin: Origin,
    /// The source tokens that it stands for.
    pub span: Span,
}

/// What an item is.
#[derive(Clone, Debug)]
pub enum Code {
    /// A place that branches go to.
    Label(LabelId),
    /// An instruction. Its memory bases are registers, `rip` or data.
    Inst(Instruction<PhysReg>),
    /// Pads to a multiple of this many bytes.
    Align(u32),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Pads so that the items after it are in one bundle.
    Group(Group),
}

/// Items that lie in one bundle of the convention's sandbox, as between `.bundle_lock` and
/// `.bundle_unlock` of GNU as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many of the items after it, labels included. None of them pads.
    pub items: usize,
    /// Whether the last one ends where its bundle ends (`align_to_end`).
    pub at_end: bool,
    /// Whether a sandbox knows the instructions by their bytes: no longer encodings of them.
    pub exact: bool,
}

/// Why an item is in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is in the source, or carries out a statement of the source.
    Author(InstId),
    /// Saves registers, moves the stack pointer, moves arguments to their places.
    Prologue,
    /// Belongs to the `return` at this place: result moves, restores, `vzeroupper`, `ret`.
    Epilogue(InstId),
    /// Spills or reloads for this instruction.
    Spill(InstId),
}

/// The stack frame, for unwinders and listings.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Bytes that the prologue subtracts from the stack pointer, pushes not counted.
    pub size: u32,
    /// Callee-saved registers that the prologue saves, in the order of their saving, with the
    /// offset of each from the canonical frame address (the caller's `rsp` before the call).
    pub saved: Vec<(PhysReg, i32)>,
    /// The register that holds the frame's base, where the frame is realigned.
    pub base: Option<PhysReg>,
    /// The alignment that the frame was brought to, where the convention's is not enough.
    pub realigned: Option<u32>,
    /// Bytes of the red zone or the shadow space that are used.
    pub borrowed: u32,
    /// Stack variables and spilled values, in the order of their declaration.
    pub locals: Vec<PlacedLocal>,
    /// The register that their offsets are counted from; `None` is the canonical frame address.
    pub locals_base: Option<PhysReg>,
    /// Registers of the function as written that live in the frame.
    pub spilled: Vec<VReg>,
    /// Every change of the canonical frame address: before item `.0`, it is `.1`.
    pub cfa: Vec<(usize, Cfa)>,
    /// How many items the prologue has.
    pub prologue_items: usize,
    /// What the prologue does to the frame, in order: `.0` is the index of the item after the one
    /// that does it, as in Microsoft's unwind codes.
    pub steps: Vec<(usize, UnwindStep)>,
}

/// Memory of the kernel's own, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedLocal {
    /// Its name in the source, or what a spill slot holds.
    pub name: String,
    /// In bytes.
    pub size: u32,
    /// Of its lowest byte, from [`Frame::locals_base`].
    pub offset: i64,
}

/// One action of a prologue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnwindStep {
    /// Saves a register, by `push`.
    Push {
        /// Which.
        reg: PhysReg,
    },
    /// Saves a register in memory of the frame. [`Frame::saved`] says where.
    Save {
        /// Which.
        reg: PhysReg,
    },
    /// Subtracts from the stack pointer.
    Lower {
        /// How much.
        bytes: u32,
    },
    /// Copies the stack pointer to [`Frame::base`].
    SetBase,
}

/// How an unwinder finds the canonical frame address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cfa {
    /// The register it is counted from.
    pub reg: PhysReg,
    /// How far above that register it is.
    pub offset: i32,
}
